//! The exposition formats in both directions.
