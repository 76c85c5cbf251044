//! Evaluation: a plan's nodes turn series into columns of step values, all steps at once.

pub mod column;
pub mod series;
pub mod steps;
