//! What tests use, and nothing else does.
//!
//! [`MemStorage`] is the smallest correct storage: the oracle for the database, and a store for
//! whoever reads. [`script`] runs what Prometheus's own acceptance tests are written in, with
//! series in their [`notation`]; [`EngineBackend`] is the engine as scripts see it, and [`literal`]
//! its slow twin. [`damage`] is what files must survive, [`fakes`] are the others on the wire,
//! [`http`] asks them.

pub mod damage;
mod engine_backend;
pub mod fakes;
pub mod http;
pub mod literal;
pub mod mem_storage;
pub mod notation;
pub mod script;

pub use engine_backend::EngineBackend;
pub use mem_storage::MemStorage;
