//! Evaluating rules on time: recording, alerting, notifying.
//!
//! A rule file gives [`RuleGroup`]s. [`RuleManager`] owns the groups; a group evaluates its rules
//! in order, at its own interval, and owns their alerts. What a recording rule finds is appended;
//! what an alerting rule finds becomes alerts, which go to `ALERTS` and, once they fire, through
//! [`Notifier`] to Alertmanager. The API sees views, never the rules themselves.
//!
//! Nothing here knows the database behind the waist. YAML is known to the rule file only.

pub mod definition;
pub mod manager;
pub mod notify;
pub mod stats;
pub mod view;

pub use definition::{Rule, RuleAction, RuleExpr, RuleGroup};
pub use manager::{RuleFile, RuleManager, RuleOptions};
pub use notify::{
    Alert, AlertmanagerConfig, AlertmanagersView, Notifier, NotifierConfig, NotifierOptions,
};
pub use stats::{AlertmanagerStats, Durations, GroupStats, NotifierStats, RuleStats};
pub use view::{AlertState, AlertView, GroupView, Health, RuleKind, RuleView};
