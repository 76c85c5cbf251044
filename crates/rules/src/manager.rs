//! All groups: they follow the configuration, show how they stand, and stop.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Clock, Labels};
use promql::Engine;
use storage::{Appendable, Queryable};

use crate::definition::{Rule, RuleAction, RuleGroup};
use crate::notify::Notifier;
use crate::stats::RuleStats;
use crate::view::{AlertState, AlertView, GroupView, Health, RuleKind, RuleView};

/// A file of rules, parsed and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its groups, in order.
    pub groups: Vec<RuleGroup>,
}

/// How rules are evaluated, whatever the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleOptions {
    /// Where this server is seen from outside, without a slash at the end. Default empty.
    pub external_url: String,
    /// An alert that still fires is sent again after so long, ms. Default 1 min.
    pub resend_delay_ms: i64,
    /// After an outage of at most so long, ms, pending alerts go on where they were. Default 1 h.
    pub for_outage_tolerance_ms: i64,
    /// An alert that was pending before an outage stays so at least this long after it, ms, so
    /// that it does not fire on first sight. Default 10 min.
    pub for_grace_period_ms: i64,
    /// So many groups are evaluated at the same time; the others wait. Default 4.
    pub max_concurrent_evals: usize,
}

impl Default for RuleOptions {
    fn default() -> Self {
        Self {
            external_url: String::new(),
            resend_delay_ms: 60_000,
            for_outage_tolerance_ms: 3_600_000,
            for_grace_period_ms: 600_000,
            max_concurrent_evals: 4,
        }
    }
}

/// Evaluates groups of rules.
pub struct RuleManager {
    state: Mutex<Vec<GroupView>>,
}

impl RuleManager {
    /// A manager without any group.
    pub fn new(
        _appendable: Arc<dyn Appendable>,
        _queryable: Arc<dyn Queryable>,
        _engine: Arc<Engine>,
        _notifier: Arc<Notifier>,
        _clock: Arc<dyn Clock>,
        _options: RuleOptions,
    ) -> Self {
        Self { state: Mutex::default() }
    }

    /// Makes the groups what `files` say. Needs a tokio runtime around, and does not wait.
    pub fn apply(
        &self,
        files: Vec<RuleFile>,
        default_interval_ms: i64,
        _default_query_offset_ms: i64,
        _external_labels: Labels,
    ) {
        let views = files.into_iter().flat_map(|file| {
            let path = file.path.display().to_string();
            let view = move |group| group_view(&path, group, default_interval_ms);
            file.groups.into_iter().map(view)
        });
        *self.state() = views.collect();
    }

    /// Begins evaluating. Needs a tokio runtime around; a second call does nothing.
    pub fn start(&self) {}

    /// Ends evaluating; when it returns nothing more is appended.
    pub async fn shutdown(&self) {}

    /// How all groups stand, sorted by file and name.
    pub fn groups(&self) -> Vec<GroupView> {
        self.state().clone()
    }

    /// All alerts that are pending or firing, in order of their rules.
    pub fn active_alerts(&self) -> Vec<AlertView> {
        Vec::new()
    }

    /// What rules have counted so far.
    pub fn stats(&self) -> RuleStats {
        RuleStats::default()
    }

    fn state(&self) -> MutexGuard<'_, Vec<GroupView>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn group_view(file: &str, group: RuleGroup, default_interval_ms: i64) -> GroupView {
    GroupView {
        name: group.name,
        file: file.to_owned(),
        interval_ms: group.interval_ms.unwrap_or(default_interval_ms),
        limit: group.limit,
        rules: group.rules.into_iter().map(rule_view).collect(),
        evaluation_time_s: 0.0,
        last_evaluation_ms: None,
    }
}

fn rule_view(rule: Rule) -> RuleView {
    let kind = match rule.action {
        RuleAction::Record => RuleKind::Recording,
        RuleAction::Alert { for_ms, keep_firing_for_ms, annotations } => RuleKind::Alerting {
            for_ms,
            keep_firing_for_ms,
            annotations,
            state: AlertState::Inactive,
            alerts: Vec::new(),
        },
    };
    RuleView {
        name: rule.name,
        query: rule.expr.text().to_owned(),
        labels: rule.labels,
        health: Health::Unknown,
        last_error: None,
        evaluation_time_s: 0.0,
        last_evaluation_ms: None,
        kind,
    }
}
