//! Where targets are.
//!
//! A discovery yields [`TargetGroup`]s: targets that were found together, with the labels they
//! share. What a target is for, scraping or notifying, is not known here. So far groups come from
//! the configuration file alone; other discoveries will send theirs, under a `source` of their own,
//! each replacing what that source said before.

mod target_group;

pub use target_group::{ADDRESS, TargetGroup};
