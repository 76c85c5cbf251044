//! One group: its rules evaluated in order, and what they need to remember for the next time.
//!
//! [`Group::evaluate`] is one evaluation at one time. It is plain code that may take long; only the
//! loop around it ([`crate::group_loop`]) waits. Always true: rules are evaluated in order, each
//! sees what the ones before it appended; one evaluation of a group runs at a time; looking at a
//! group does not wait for one that runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::labels::METRIC_NAME;
use model::stat::Counter;
use model::{Labels, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use promql::{SampleValue, VectorSample};

use crate::alerting::{ALERT_NAME, Alerts, Found, HoldTimes};
use crate::append::{Appended, RuleSeries, append, end_all};
use crate::definition::{Rule, RuleAction, RuleGroup};
use crate::error::EvalError;
use crate::expansion::Expansion;
use crate::notify::Alert;
use crate::recording::recorded;
use crate::restore::restore;
use crate::shared::Shared;
use crate::stats::GroupStats;
use crate::view::{AlertState, AlertView, GroupView, Health, RuleKind, RuleView};

/// After so many evaluations the state of alerts is restored: the first one may come before fresh
/// samples and before recording rules that alerts build on.
const EVALUATIONS_BEFORE_RESTORE: u8 = 2;
/// An alert that is not sent again for so many rounds counts as resolved.
const ROUNDS_UNTIL_RESOLVED: i64 = 4;
/// What a URL's parameter may not hold as it is.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A group as it is to be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupPlan {
    pub(crate) file: String,
    pub(crate) interval_ms: i64,
    pub(crate) query_offset_ms: i64,
    pub(crate) definition: RuleGroup,
}

/// A group and all it remembers.
pub(crate) struct Group {
    pub(crate) plan: GroupPlan,
    pub(crate) counts: Arc<GroupCounts>,
    pub(crate) shared: Arc<Shared>,
    /// Locked while it is evaluated.
    work: Mutex<Work>,
    /// Locked for moments only.
    standing: Mutex<Standing>,
}

/// What outlives a reload.
#[derive(Debug, Default)]
pub(crate) struct GroupCounts {
    pub(crate) iterations: Counter,
    pub(crate) iterations_missed: Counter,
    evaluations: Counter,
    evaluation_failures: Counter,
}

/// What the next evaluation needs.
#[derive(Default)]
struct Work {
    rules: Vec<RuleWork>,
    /// Series of rules that are gone, still to be marked stale.
    ended: Vec<Labels>,
    /// How many evaluations are left until the state of alerts is restored; until then alerts are
    /// not written to series.
    until_restore: u8,
}

#[derive(Default)]
struct RuleWork {
    series: RuleSeries,
    alerts: Alerts,
}

/// What can be seen of a group.
#[derive(Clone, Default)]
struct Standing {
    rules: Vec<RuleStanding>,
    took: Duration,
    last: Option<Timestamp>,
    samples: u64,
}

#[derive(Clone, Default)]
struct RuleStanding {
    health: Health,
    error: Option<String>,
    took: Duration,
    last: Option<Timestamp>,
    alerts: Vec<AlertView>,
}

impl Group {
    /// A group that was never evaluated; with `restores` it takes up alerts from before a restart.
    pub(crate) fn new(
        shared: Arc<Shared>,
        plan: GroupPlan,
        counts: Arc<GroupCounts>,
        restores: bool,
    ) -> Self {
        let count = plan.definition.rules.len();
        let work = Work {
            rules: std::iter::repeat_with(RuleWork::default).take(count).collect(),
            ended: Vec::new(),
            until_restore: if restores { EVALUATIONS_BEFORE_RESTORE } else { 0 },
        };
        let rules = vec![RuleStanding::default(); count];
        let standing = Mutex::new(Standing { rules, ..Standing::default() });
        Self { plan, counts, shared, work: Mutex::new(work), standing }
    }

    /// Takes over what an earlier version of this group remembers: alerts and series of rules that
    /// have the same name and labels. Series of its other rules end with the next evaluation.
    pub(crate) fn adopt(&self, old: &Self) {
        let mut from = std::mem::take(&mut *old.work());
        let mut standing = old.standing().clone();
        let mut work = self.work();
        let key = |rule: &Rule| (rule.name.clone(), rule.labels.clone(), rule.is_recording());
        let mut left: Vec<_> =
            old.plan.definition.rules.iter().map(|rule| Some(key(rule))).collect();
        for (i, rule) in self.plan.definition.rules.iter().enumerate() {
            let wanted = Some(key(rule));
            let Some(known) = left.iter().position(|candidate| *candidate == wanted) else {
                continue;
            };
            left[known] = None;
            work.rules[i] = std::mem::take(&mut from.rules[known]);
            self.standing().rules[i] = std::mem::take(&mut standing.rules[known]);
        }
        let gone = from.rules.iter_mut().flat_map(|rule| std::mem::take(&mut rule.series));
        work.ended = from.ended;
        work.ended.extend(gone.map(|(labels, _)| labels));
        work.until_restore = from.until_restore;
        let mut own = self.standing();
        (own.took, own.last, own.samples) = (standing.took, standing.last, standing.samples);
    }

    /// Evaluates all rules at `t`.
    pub(crate) fn evaluate(&self, t: Timestamp) {
        let started = self.shared.clock.now_ms();
        let begun = self.shared.clock.monotonic();
        let mut work = self.work();
        let mut samples = 0;
        for (i, rule) in self.plan.definition.rules.iter().enumerate() {
            if self.shared.cancel.is_canceled() {
                return;
            }
            let restored = work.until_restore == 0;
            samples += self.evaluate_rule(i, rule, t, &mut work.rules[i], restored);
        }
        self.end(&std::mem::take(&mut work.ended), t);
        if work.until_restore > 0 {
            work.until_restore -= 1;
            if work.until_restore == 0 {
                self.restore(&mut work, t);
            }
        }
        let took = self.shared.clock.monotonic().saturating_sub(begun);
        self.shared.group_durations.observe_duration(took);
        let mut standing = self.standing();
        (standing.took, standing.last, standing.samples) = (took, Some(started), samples);
    }

    /// Marks all series of the group stale at `t`.
    pub(crate) fn end_all(&self, t: Timestamp) {
        let mut work = self.work();
        let mut ended = std::mem::take(&mut work.ended);
        for rule in &mut work.rules {
            ended.extend(std::mem::take(&mut rule.series).into_keys());
        }
        self.end(&ended, t);
    }

    /// Evaluates one rule and shows how it went; returns how many samples it gave.
    fn evaluate_rule(
        &self,
        i: usize,
        rule: &Rule,
        t: Timestamp,
        work: &mut RuleWork,
        restored: bool,
    ) -> u64 {
        let started = self.shared.clock.now_ms();
        let begun = self.shared.clock.monotonic();
        self.counts.evaluations.inc();
        let result = self.try_rule(rule, t, work, restored);
        let took = self.shared.clock.monotonic().saturating_sub(begun);
        self.shared.rule_durations.observe_duration(took);
        let (samples, error) = match result {
            Ok(Appended { samples, refused, error }) => {
                if let Some(error) = &error {
                    self.log_refused(rule, refused, error);
                }
                (samples, error.map(|error| error.to_string()))
            }
            Err(error) => {
                self.counts.evaluation_failures.inc();
                let (file, group) = (&self.plan.file, &self.plan.definition.name);
                let (name, text) = (&rule.name, error.to_string());
                tracing::warn!(
                    file,
                    group,
                    name,
                    index = i,
                    error = text,
                    "Evaluating rule failed"
                );
                (0, Some(text))
            }
        };
        let health = if error.is_some() { Health::Bad } else { Health::Good };
        let (last, alerts) = (Some(started), work.alerts.views());
        self.standing().rules[i] = RuleStanding { health, error, took, last, alerts };
        samples
    }

    fn try_rule(
        &self,
        rule: &Rule,
        t: Timestamp,
        work: &mut RuleWork,
        restored: bool,
    ) -> Result<Appended, EvalError> {
        let at = t - self.plan.query_offset_ms;
        let vector = self.shared.query(rule.expr.expr(), rule.expr.shared_text(), at)?;
        let limit = self.plan.definition.limit;
        let outputs = match &rule.action {
            RuleAction::Record => recorded(rule, vector, limit)?,
            RuleAction::Alert { for_ms, keep_firing_for_ms, annotations } => {
                let times = HoldTimes { for_ms: *for_ms, keep_firing_for_ms: *keep_firing_for_ms };
                let external = self.shared.external_labels();
                let found = vector
                    .into_iter()
                    .map(|sample| self.found(rule, annotations, sample, t, &external))
                    .collect();
                work.alerts.step(t, times, found, limit)?;
                self.notify(rule, t, &mut work.alerts);
                if restored { work.alerts.series() } else { Vec::new() }
            }
        };
        Ok(append(self.shared.appendable.as_ref(), &mut work.series, outputs, at)?)
    }

    /// The alert that one element of the expression's vector is.
    fn found(
        &self,
        rule: &Rule,
        annotations: &Labels,
        sample: VectorSample,
        t: Timestamp,
        external: &Labels,
    ) -> Found {
        let value = match sample.value {
            SampleValue::Float(v) => v,
            SampleValue::Histogram(_) => 0.0,
        };
        let mut labels = sample.labels.to_builder();
        labels.remove(METRIC_NAME);
        let expansion = Expansion {
            shared: &self.shared,
            alert: &rule.name,
            labels: sample.labels,
            external,
            value,
            t,
        };
        for (name, text) in &rule.labels {
            labels.set(name, expansion.expand(text));
        }
        labels.set(ALERT_NAME, rule.name.as_str());
        let annotations = Labels::from_pairs(
            annotations.iter().map(|(name, text)| (name, expansion.expand(text))),
        );
        Found { labels: labels.build(), annotations, value }
    }

    /// Tells Alertmanager what it does not know yet.
    fn notify(&self, rule: &Rule, t: Timestamp, alerts: &mut Alerts) {
        let options = &self.shared.options;
        let round_ms = options.resend_delay_ms.max(self.plan.interval_ms);
        let query = utf8_percent_encode(rule.expr.text(), QUERY).to_string().replace("%20", "+");
        let generator_url = format!("{}/graph?g0.expr={query}&g0.tab=1", options.external_url);
        let unsent = alerts.take_unsent(t, options.resend_delay_ms);
        let unsent = unsent.map(|(labels, alert)| Alert {
            labels: labels.clone(),
            annotations: alert.annotations.clone(),
            starts_at_ms: alert.fired_at.unwrap_or(alert.active_at),
            ends_at_ms: alert.resolved_at.unwrap_or(t + ROUNDS_UNTIL_RESOLVED * round_ms),
            generator_url: generator_url.clone(),
        });
        self.shared.notifier.send(unsent.collect());
    }

    fn restore(&self, work: &mut Work, t: Timestamp) {
        let (store, options) = (self.shared.queryable.as_ref(), &self.shared.options);
        for (i, rule) in self.plan.definition.rules.iter().enumerate() {
            let RuleAction::Alert { for_ms, .. } = rule.action else {
                continue;
            };
            let alerts = &mut work.rules[i].alerts;
            if let Err(error) = restore(store, options, &rule.name, for_ms, t, alerts) {
                let (name, error) = (&rule.name, error.to_string());
                tracing::error!(name, error, "Failed to restore 'for' state");
            }
            self.standing().rules[i].alerts = alerts.views();
        }
    }

    fn end(&self, series: &[Labels], t: Timestamp) {
        let at = t - self.plan.query_offset_ms;
        if let Err(error) = end_all(self.shared.appendable.as_ref(), series.iter(), at) {
            let (group, error) = (&self.plan.definition.name, error.to_string());
            tracing::warn!(group, error, "Stale samples of rules that are gone were not written");
        }
    }

    fn log_refused(&self, rule: &Rule, num_dropped: u64, error: &storage::AppendError) {
        let (file, group) = (&self.plan.file, &self.plan.definition.name);
        let (name, error) = (&rule.name, error.to_string());
        tracing::warn!(file, group, name, num_dropped, error, "Results of a rule were refused");
    }

    /// How it stands.
    pub(crate) fn view(&self) -> GroupView {
        let standing = self.standing();
        let definition = &self.plan.definition;
        let rules = definition.rules.iter().zip(&standing.rules);
        GroupView {
            name: definition.name.clone(),
            file: self.plan.file.clone(),
            interval_ms: self.plan.interval_ms,
            limit: definition.limit,
            rules: rules.map(|(rule, standing)| rule_view(rule, standing)).collect(),
            evaluation_time_s: standing.took.as_secs_f64(),
            last_evaluation_ms: standing.last,
        }
    }

    /// Its alerts that are pending or firing.
    pub(crate) fn active_alerts(&self) -> Vec<AlertView> {
        self.standing().rules.iter().flat_map(|rule| rule.alerts.iter().cloned()).collect()
    }

    /// What it has counted.
    pub(crate) fn stats(&self) -> GroupStats {
        let standing = self.standing();
        let definition = &self.plan.definition;
        GroupStats {
            key: format!("{};{}", self.plan.file, definition.name),
            interval_ms: self.plan.interval_ms,
            rules: definition.rules.len(),
            iterations: self.counts.iterations.get(),
            iterations_missed: self.counts.iterations_missed.get(),
            evaluations: self.counts.evaluations.get(),
            evaluation_failures: self.counts.evaluation_failures.get(),
            last_duration_s: standing.took.as_secs_f64(),
            last_evaluation_ms: standing.last,
            last_samples: standing.samples,
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rule_view(rule: &Rule, standing: &RuleStanding) -> RuleView {
    let kind = match &rule.action {
        RuleAction::Record => RuleKind::Recording,
        RuleAction::Alert { for_ms, keep_firing_for_ms, annotations } => RuleKind::Alerting {
            for_ms: *for_ms,
            keep_firing_for_ms: *keep_firing_for_ms,
            annotations: annotations.clone(),
            state: standing.alerts.iter().map(|a| a.state).max().unwrap_or(AlertState::Inactive),
            alerts: standing.alerts.clone(),
        },
    };
    RuleView {
        name: rule.name.clone(),
        query: rule.expr.text().to_owned(),
        labels: rule.labels.clone(),
        health: standing.health,
        last_error: standing.error.clone(),
        evaluation_time_s: standing.took.as_secs_f64(),
        last_evaluation_ms: standing.last,
        kind,
    }
}
