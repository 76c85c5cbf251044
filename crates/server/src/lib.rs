//! Wiring for embedding.
