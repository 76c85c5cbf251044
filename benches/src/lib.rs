//! Criterion benches of the hot paths, one file per path under `benches/`, and what they share.

pub mod cluster;
pub mod samples;
