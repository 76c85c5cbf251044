//! Evaluating rules on time: recording, alerting, notifying.
//!
//! A [`RuleFile`] gives [`RuleGroup`]s. [`RuleManager`] owns the groups; a group evaluates its
//! rules in order, at its own interval, and owns their alerts. What a recording rule finds is
//! appended; what an alerting rule finds becomes alerts, which go to `ALERTS` and, once they fire,
//! through [`Notifier`] to Alertmanager. The API sees views, never the rules themselves.
//!
//! Nothing here knows the database behind the waist. YAML is known to [`mod@file`] only.

mod alerting;
mod append;
pub mod definition;
mod error;
mod expansion;
pub mod file;
mod group;
mod group_loop;
pub mod manager;
pub mod notify;
mod recording;
mod restore;
mod schedule;
mod shared;
pub mod stats;
pub mod view;

pub use definition::{Rule, RuleAction, RuleExpr, RuleGroup};
pub use error::EvalError;
pub use file::{RuleFault, RuleFile, RuleFileError, RulePlace};
pub use manager::{RuleManager, RuleOptions};
pub use notify::{
    Alert, AlertmanagerConfig, AlertmanagersView, Notifier, NotifierConfig, NotifierOptions,
};
pub use stats::{AlertmanagerStats, Durations, GroupStats, NotifierStats, RuleStats};
pub use view::{AlertState, AlertView, GroupView, Health, RuleKind, RuleView};
