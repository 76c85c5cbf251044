//! What tests use, and nothing else does.
//!
//! [`MemStorage`] is the smallest correct storage: the oracle for the database, and a store for
//! whoever reads.

pub mod mem_storage;

pub use mem_storage::MemStorage;
