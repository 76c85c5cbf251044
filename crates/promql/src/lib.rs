//! The language: text to tree to plan to values.
