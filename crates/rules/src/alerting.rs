//! Alerting: what becomes of a rule's alerts when its expression was evaluated once more.
//!
//! [`Alerts::step`] is a pure function of the alerts there are, what the expression found, and the
//! time. An alert is pending once it is found, fires when it was found for as long as the rule
//! demands, and is resolved when it is not found any more (and `keep_firing_for` is over). A
//! resolved alert is remembered for a while, so that Alertmanager surely hears of it. Always true:
//! no alert that was resolved fires on; a pending alert that is not found leaves no trace.

use std::collections::BTreeMap;

use model::labels::METRIC_NAME;
use model::{Labels, Timestamp};
use promql::SampleValue;

use crate::error::EvalError;
use crate::recording::Output;
use crate::view::{AlertState, AlertView};

/// The label that holds an alert's name.
pub(crate) const ALERT_NAME: &str = "alertname";
/// The metric that shows alerts.
const ALERTS: &str = "ALERTS";
/// The label of [`ALERTS`] that holds the state.
const ALERT_STATE: &str = "alertstate";
/// The metric that shows since when alerts are active, for the next start of the server.
pub(crate) const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";
/// So long a resolved alert is remembered: Alertmanager may be away for a while.
const RESOLVED_RETENTION_MS: i64 = 15 * 60_000;

/// How long alerts of a rule stay in a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HoldTimes {
    /// Pending before firing.
    pub(crate) for_ms: i64,
    /// Firing after the expression ceased to hold.
    pub(crate) keep_firing_for_ms: i64,
}

/// One element of what an alerting rule's expression found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) value: f64,
}

/// One alert that is active or was not long ago.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ActiveAlert {
    pub(crate) annotations: Labels,
    pub(crate) value: f64,
    pub(crate) state: AlertState,
    /// Since when it is found.
    pub(crate) active_at: Timestamp,
    /// When it began to fire.
    pub(crate) fired_at: Option<Timestamp>,
    /// When it ceased to be active.
    pub(crate) resolved_at: Option<Timestamp>,
    /// When it was sent last.
    pub(crate) last_sent_at: Option<Timestamp>,
    /// Since when only `keep_firing_for` keeps it firing.
    pub(crate) keep_firing_since: Option<Timestamp>,
}

impl ActiveAlert {
    fn new(t: Timestamp, found: Found) -> Self {
        Self {
            annotations: found.annotations,
            value: found.value,
            state: AlertState::Pending,
            active_at: t,
            fired_at: None,
            resolved_at: None,
            last_sent_at: None,
            keep_firing_since: None,
        }
    }

    /// Takes in that the expression does not find it any more; false if it can be forgotten.
    fn missed(&mut self, t: Timestamp, keep_firing_for_ms: i64) -> bool {
        match self.state {
            AlertState::Pending => return false,
            AlertState::Inactive => {
                return self.resolved_at.is_none_or(|at| t - at <= RESOLVED_RETENTION_MS);
            }
            AlertState::Firing => {}
        }
        if keep_firing_for_ms > 0 {
            let since = *self.keep_firing_since.get_or_insert(t);
            if t - since < keep_firing_for_ms {
                return true;
            }
        }
        self.state = AlertState::Inactive;
        self.resolved_at = Some(t);
        true
    }

    /// Whether Alertmanager is to be told (again).
    fn needs_sending(&self, t: Timestamp, resend_delay_ms: i64) -> bool {
        if self.state == AlertState::Pending {
            return false;
        }
        let Some(last) = self.last_sent_at else {
            return true;
        };
        self.resolved_at.is_some_and(|at| at > last) || last + resend_delay_ms < t
    }
}

/// The alerts of one rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Alerts(BTreeMap<Labels, ActiveAlert>);

impl Alerts {
    /// Takes in what the expression found at `t`. On an error nothing changes, but that too many
    /// alerts are all forgotten. A `limit` of 0 is none.
    pub(crate) fn step(
        &mut self,
        t: Timestamp,
        times: HoldTimes,
        found: Vec<Found>,
        limit: u64,
    ) -> Result<(), EvalError> {
        let mut fresh = BTreeMap::new();
        for found in found {
            if fresh.insert(found.labels.clone(), found).is_some() {
                return Err(EvalError::SameAlert);
            }
        }
        self.0.retain(|labels, alert| {
            fresh.contains_key(labels) || alert.missed(t, times.keep_firing_for_ms)
        });
        for (labels, found) in fresh {
            let known = self.0.get_mut(&labels).filter(|a| a.state != AlertState::Inactive);
            match known {
                Some(alert) => {
                    alert.value = found.value;
                    alert.annotations = found.annotations;
                    alert.keep_firing_since = None;
                }
                None => {
                    self.0.insert(labels, ActiveAlert::new(t, found));
                }
            }
        }
        for alert in self.0.values_mut() {
            if alert.state == AlertState::Pending && t - alert.active_at >= times.for_ms {
                alert.state = AlertState::Firing;
                alert.fired_at = Some(t);
            }
        }
        let active = self.active().count();
        if limit > 0 && active as u64 > limit {
            self.0.clear();
            return Err(EvalError::TooManyAlerts { limit, found: active });
        }
        Ok(())
    }

    /// Those that are pending or firing, sorted by labels.
    pub(crate) fn active(&self) -> impl Iterator<Item = (&Labels, &ActiveAlert)> {
        self.0.iter().filter(|(_, alert)| alert.state != AlertState::Inactive)
    }

    /// The same, to be changed.
    pub(crate) fn active_mut(&mut self) -> impl Iterator<Item = (&Labels, &mut ActiveAlert)> {
        self.0.iter_mut().filter(|(_, alert)| alert.state != AlertState::Inactive)
    }

    /// Those that Alertmanager is to be told of at `t`; they count as sent then.
    pub(crate) fn take_unsent(
        &mut self,
        t: Timestamp,
        resend_delay_ms: i64,
    ) -> impl Iterator<Item = (&Labels, &ActiveAlert)> {
        self.0.iter_mut().filter(move |(_, a)| a.needs_sending(t, resend_delay_ms)).map(
            move |(labels, alert)| {
                alert.last_sent_at = Some(t);
                (labels, &*alert)
            },
        )
    }

    /// The series that show the active ones.
    pub(crate) fn series(&self) -> Vec<Output> {
        let mut outputs = Vec::new();
        for (labels, alert) in self.active() {
            let mut builder = labels.to_builder();
            builder.set(METRIC_NAME, ALERTS).set(ALERT_STATE, alert.state.as_str());
            let value = SampleValue::Float(1.0);
            outputs.push(Output { labels: builder.build(), value });
            let mut builder = labels.to_builder();
            builder.set(METRIC_NAME, ALERTS_FOR_STATE);
            let value = SampleValue::Float(seconds(alert.active_at));
            outputs.push(Output { labels: builder.build(), value });
        }
        outputs
    }

    /// What the API shows: those that are pending or firing.
    pub(crate) fn views(&self) -> Vec<AlertView> {
        let view = |(labels, alert): (&Labels, &ActiveAlert)| AlertView {
            labels: labels.clone(),
            annotations: alert.annotations.clone(),
            state: alert.state,
            active_at_ms: alert.active_at,
            keep_firing_since_ms: alert.keep_firing_since,
            value: alert.value,
        };
        self.active().map(view).collect()
    }
}

/// Whole seconds since 1970.
#[expect(clippy::cast_precision_loss, reason = "seconds of our era need 34 bits")]
fn seconds(t: Timestamp) -> f64 {
    t.div_euclid(1000) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evaluates once a minute. `found` has a character per minute: `1` to `9` is what the
    /// expression found then, `.` is nothing. `expected` has the state then: `-` for no alert, `p`
    /// pending, `f` firing, `r` resolved; upper case if Alertmanager is told.
    fn check(times: HoldTimes, resend_delay_ms: i64, found: &str, expected: &str) {
        let mut alerts = Alerts::default();
        let labels = Labels::from_pairs([(ALERT_NAME, "A")]);
        let mut seen = String::new();
        for (minute, character) in (0..).zip(found.chars()) {
            let t = minute * 60_000;
            let found = character.to_digit(10).map(|value| Found {
                labels: labels.clone(),
                annotations: Labels::empty(),
                value: f64::from(value),
            });
            alerts.step(t, times, found.into_iter().collect(), 0).expect("one alert");
            let sent = alerts.take_unsent(t, resend_delay_ms).count() > 0;
            let state = match alerts.0.get(&labels).map(|alert| alert.state) {
                None => '-',
                Some(AlertState::Pending) => 'p',
                Some(AlertState::Firing) => 'f',
                Some(AlertState::Inactive) => 'r',
            };
            seen.push(if sent { state.to_ascii_uppercase() } else { state });
        }
        assert_eq!(seen, expected, "{times:?}, found {found}");
    }

    fn minutes(hold: i64, keep: i64) -> HoldTimes {
        HoldTimes { for_ms: hold * 60_000, keep_firing_for_ms: keep * 60_000 }
    }

    #[test]
    fn an_alert_fires_when_it_was_found_for_as_long_as_the_rule_demands() {
        check(minutes(0, 0), 60_000, "..1..", "--FRr");
        check(minutes(2, 0), 60_000, ".11.", "-pp-");
        check(minutes(2, 0), 60_000, ".1111..", "-ppFfRr");
        check(minutes(2, 0), 60_000, "11.1111", "pp-ppFf");
    }

    #[test]
    fn what_fires_and_what_is_resolved_is_sent_again_after_the_delay() {
        check(minutes(0, 0), 60_000, "111111...", "FfFfFfRrR");
        check(minutes(0, 0), 180_000, "1111111111", "FfffFfffFf");
        check(minutes(0, 0), 0, "111", "FFF");
    }

    #[test]
    fn an_alert_keeps_firing_as_long_as_the_rule_says() {
        check(minutes(0, 2), 600_000, "1...", "FffR");
        check(minutes(0, 2), 600_000, "1.1...", "FffffR");
        check(minutes(1, 2), 600_000, "1.1111", "p-pFff");
    }

    #[test]
    fn a_resolved_alert_is_remembered_for_fifteen_minutes_and_may_come_back() {
        check(minutes(0, 0), 3_600_000, "1..................", "FRrrrrrrrrrrrrrrr--");
        check(minutes(1, 0), 3_600_000, "11..11..", "pFRrpFRr");
    }

    fn found(name: &str) -> Found {
        let labels = Labels::from_pairs([(ALERT_NAME, "A"), ("x", name)]);
        Found { labels, annotations: Labels::empty(), value: 1.5 }
    }

    #[test]
    fn equal_alerts_change_nothing_and_too_many_are_all_forgotten() {
        let mut alerts = Alerts::default();
        let times = minutes(1, 0);
        alerts.step(0, times, vec![found("a"), found("b")], 2).expect("two alerts");
        let before = alerts.clone();
        let error = alerts.step(1, times, vec![found("c"), found("c")], 0).expect_err("equal");
        assert_eq!((error.to_string(), &alerts), (EvalError::SameAlert.to_string(), &before));
        let error = alerts.step(1, times, vec![found("a"), found("b")], 1).expect_err("two");
        assert_eq!(error.to_string(), "exceeded limit of 1 with 2 alerts");
        assert_eq!(alerts, Alerts::default());
    }

    #[test]
    fn active_alerts_are_shown_as_series() {
        let mut alerts = Alerts::default();
        alerts.step(61_999, minutes(1, 0), vec![found("a")], 0).expect("one alert");
        let shown = |alerts: &Alerts| -> Vec<String> {
            let one = |o: Output| format!("{} {:?}", o.labels, o.value);
            alerts.series().into_iter().map(one).collect()
        };
        assert_eq!(
            shown(&alerts),
            [
                r#"{__name__="ALERTS", alertname="A", alertstate="pending", x="a"} Float(1.0)"#,
                r#"{__name__="ALERTS_FOR_STATE", alertname="A", x="a"} Float(61.0)"#,
            ]
        );
        alerts.step(121_999, minutes(1, 0), vec![found("a")], 0).expect("one alert");
        alerts.step(121_999 + 1, minutes(1, 0), vec![], 0).expect("none");
        assert_eq!((shown(&alerts).len(), alerts.views().len()), (0, 0));
    }
}
