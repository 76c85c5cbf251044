//! Where targets are.
