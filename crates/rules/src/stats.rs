//! What rules and notifying count about themselves, as snapshots; `api` knows what they are called.

use model::Timestamp;
use model::stat::Summary;

/// How often something was done, and how long that took in all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Durations {
    /// How often.
    pub count: u64,
    /// Seconds, all together.
    pub sum_s: f64,
}

impl From<&Summary> for Durations {
    fn from(summary: &Summary) -> Self {
        Self { count: summary.count(), sum_s: summary.sum() }
    }
}

/// What rules count about themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleStats {
    /// Evaluations of single rules.
    pub rule_evaluations: Durations,
    /// Evaluations of whole groups.
    pub group_evaluations: Durations,
    /// Each group's own numbers.
    pub groups: Vec<GroupStats>,
}

/// What one group counts about itself. Counts outlive a reload that keeps the group's name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupStats {
    /// File and name, as Prometheus labels its numbers: `rules.yml;group`.
    pub key: String,
    /// Time between evaluations, ms.
    pub interval_ms: i64,
    /// How many rules it has.
    pub rules: usize,
    /// Evaluations that were due, the missed ones included.
    pub iterations: u64,
    /// Evaluations that were due and did not happen, because the one before took too long.
    pub iterations_missed: u64,
    /// Evaluations of its rules.
    pub evaluations: u64,
    /// Evaluations of its rules that failed.
    pub evaluation_failures: u64,
    /// How long the last evaluation took, seconds.
    pub last_duration_s: f64,
    /// When the last evaluation began; `None` before the first.
    pub last_evaluation_ms: Option<Timestamp>,
    /// How many samples the last evaluation appended.
    pub last_samples: u64,
}

/// What notifying counts about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NotifierStats {
    /// Alerts that wait.
    pub queue_length: usize,
    /// Alerts that may wait.
    pub queue_capacity: usize,
    /// Alerts given up: the queue was full, or no Alertmanager of a set took them.
    pub dropped: u64,
    /// Alertmanagers that are told.
    pub discovered: usize,
    /// Each of them.
    pub alertmanagers: Vec<AlertmanagerStats>,
}

/// What is counted of one Alertmanager.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertmanagerStats {
    /// Where it is told.
    pub url: String,
    /// Alerts sent to it, whether it took them or not.
    pub sent: u64,
    /// Alerts it did not take.
    pub errors: u64,
    /// How long telling it took.
    pub latency: Durations,
}
