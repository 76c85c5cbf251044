//! Criterion benches of the hot paths, one file per path under `benches/`.
