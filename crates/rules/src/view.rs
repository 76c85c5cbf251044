//! What can be seen of rules from outside: snapshots for the API.
//!
//! A view is taken after each evaluation of a rule; looking at it never waits for a running one.

use model::{Labels, Timestamp};

/// How the last evaluation of a rule went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Not evaluated yet.
    #[default]
    Unknown,
    /// Well.
    Good,
    /// With an error.
    Bad,
}

impl Health {
    /// As the API shows it: `unknown`, `ok`, `err`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Good => "ok",
            Self::Bad => "err",
        }
    }
}

/// How far an alert has come; of a rule, the furthest of its alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    /// Not active, or resolved.
    #[default]
    Inactive,
    /// Active, but not yet for as long as the rule demands.
    Pending,
    /// Active long enough: Alertmanager is told.
    Firing,
}

impl AlertState {
    /// As the API and `ALERTS` show it: `inactive`, `pending`, `firing`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// One group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupView {
    /// Its name, unique within its file.
    pub name: String,
    /// The file it stands in.
    pub file: String,
    /// Time between evaluations, ms.
    pub interval_ms: i64,
    /// A rule may have so many series or alerts; 0 for any number.
    pub limit: u64,
    /// Its rules, in order.
    pub rules: Vec<RuleView>,
    /// How long the last evaluation took, seconds.
    pub evaluation_time_s: f64,
    /// When the last evaluation began; `None` before the first.
    pub last_evaluation_ms: Option<Timestamp>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleView {
    /// The series it records, or the alert.
    pub name: String,
    /// Its expression, as PromQL prints it.
    pub query: String,
    /// Its labels, those of its group included; templates as they were written.
    pub labels: Labels,
    /// How the last evaluation went.
    pub health: Health,
    /// Why it failed, if it did.
    pub last_error: Option<String>,
    /// How long the last evaluation took, seconds.
    pub evaluation_time_s: f64,
    /// When the last evaluation began; `None` before the first.
    pub last_evaluation_ms: Option<Timestamp>,
    /// What kind of rule it is.
    pub kind: RuleKind,
}

/// What only one kind of rule has.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleKind {
    /// It records a series.
    Recording,
    /// It raises alerts.
    Alerting {
        /// So long an alert is pending before it fires, ms.
        for_ms: i64,
        /// So long an alert fires on after its expression ceased to hold, ms.
        keep_firing_for_ms: i64,
        /// Its annotations; templates as they were written.
        annotations: Labels,
        /// The furthest state of its alerts.
        state: AlertState,
        /// Its alerts that are pending or firing, sorted by labels.
        alerts: Vec<AlertView>,
    },
}

/// One alert that is pending or firing.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertView {
    /// Its labels, `alertname` among them.
    pub labels: Labels,
    /// Its annotations, expanded.
    pub annotations: Labels,
    /// Pending or firing.
    pub state: AlertState,
    /// Since when its expression holds.
    pub active_at_ms: Timestamp,
    /// Since when it fires only because of `keep_firing_for`.
    pub keep_firing_since_ms: Option<Timestamp>,
    /// The value of its expression when last it held.
    pub value: f64,
}
