//! Restoring: pending since when, read back from `ALERTS_FOR_STATE` after a restart.
//!
//! Time in which the server was away counts neither for nor against an alert: what it still had to
//! wait before, it still has to wait, but for at least the grace period, so that an alert cannot
//! fire before fresh samples had a chance to speak against it.

use std::collections::HashMap;

use model::labels::METRIC_NAME;
use model::sample::is_stale;
use model::{Labels, MatchOp, Matcher, Sample, TimeRange, Timestamp};
use storage::{Columns, QueryError, Queryable, SelectHints};

use crate::alerting::{ALERT_NAME, ALERTS_FOR_STATE, Alerts};
use crate::manager::RuleOptions;

/// Makes the alerts of the rule `name` active since when they were before the server was away.
pub(crate) fn restore(
    store: &dyn Queryable,
    options: &RuleOptions,
    name: &str,
    for_ms: i64,
    now: Timestamp,
    alerts: &mut Alerts,
) -> Result<(), QueryError> {
    // A rule that waits less than the grace period simply waits again.
    if for_ms < options.for_grace_period_ms || alerts.active().next().is_none() {
        return Ok(());
    }
    let last = last_states(store, name, now, options.for_outage_tolerance_ms)?;
    for (labels, alert) in alerts.active_mut() {
        if let Some(sample) = last.get(labels)
            && let Some(active_at) = active_since(*sample, for_ms, now, options.for_grace_period_ms)
        {
            alert.active_at = active_at;
        }
    }
    Ok(())
}

/// Since when an alert counts as active whose last `ALERTS_FOR_STATE` was `last`; `None` if it was
/// not active then.
fn active_since(last: Sample, for_ms: i64, now: Timestamp, grace_ms: i64) -> Option<Timestamp> {
    if is_stale(last.v) {
        return None;
    }
    let active_at = milliseconds(last.v)?;
    let remaining_ms = for_ms.saturating_sub(last.t.saturating_sub(active_at));
    Some(if remaining_ms <= 0 {
        active_at
    } else if remaining_ms < grace_ms {
        now + grace_ms - for_ms
    } else {
        active_at.saturating_add(now - last.t)
    })
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be within our calendar")]
fn milliseconds(seconds: f64) -> Option<Timestamp> {
    (seconds.abs() < 1e12).then(|| seconds as i64 * 1000)
}

/// The last sample of each alert of a rule, by the alert's labels.
fn last_states(
    store: &dyn Queryable,
    name: &str,
    now: Timestamp,
    tolerance_ms: i64,
) -> Result<HashMap<Labels, Sample>, QueryError> {
    let mut last = HashMap::new();
    let Some(range) = TimeRange::new(now.saturating_sub(tolerance_ms), now) else {
        return Ok(last);
    };
    let querier = store.querier(range)?;
    let equal = |label: &str, value: &str| {
        Matcher::new(MatchOp::Equal, label, value).expect("equality has no expression to refuse")
    };
    let matchers = [equal(METRIC_NAME, ALERTS_FOR_STATE), equal(ALERT_NAME, name)];
    let mut columns = Columns::default();
    for series in querier.select(&matchers, &SelectHints::default())? {
        let mut series = series?;
        columns.clear();
        series.read(range, &mut columns)?;
        if let (Some(t), Some(v)) = (columns.timestamps.last(), columns.values.last()) {
            last.insert(series.labels().without_name(), Sample { t: *t, v: *v });
        }
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::{Found, HoldTimes};
    use model::sample::STALE_NAN;
    use testkit::MemStorage;

    const MINUTE: i64 = 60_000;

    /// An alert with `for: 30m` was active since minute `active`, and last heard of at minute
    /// `heard`. The server is back at minute 100.
    fn check(active: i64, heard: i64, expected: i64) {
        let seconds = f64::from(i32::try_from(active * 60).expect("small"));
        restored(heard, seconds, expected);
    }

    fn restored(heard: i64, value: f64, expected: i64) {
        let store = MemStorage::new();
        let labels = Labels::from_pairs([(ALERT_NAME, "A"), ("x", "1")]);
        let mut series = labels.to_builder();
        series.set(METRIC_NAME, ALERTS_FOR_STATE);
        store.insert(&series.build(), [(heard * MINUTE, value)]);
        let mut alerts = Alerts::default();
        let found = Found { labels, annotations: Labels::empty(), value: 1.0 };
        let for_ms = 30 * MINUTE;
        let times = HoldTimes { for_ms, keep_firing_for_ms: 0 };
        alerts.step(99 * MINUTE, times, vec![found], 0).expect("one alert");
        let options = RuleOptions::default();
        restore(&store, &options, "A", for_ms, 100 * MINUTE, &mut alerts).expect("memory");
        let since: Vec<i64> = alerts.active().map(|(_, a)| a.active_at / MINUTE).collect();
        assert_eq!(since, [expected], "last heard of at {heard}, value {value}");
    }

    #[test]
    fn an_alert_waits_for_what_it_still_had_to_wait() {
        // It had fired already.
        check(50, 85, 50);
        // 20 minutes remained: the 10 of the outage are added.
        check(80, 90, 90);
        // 5 minutes remained: now the grace period of 10.
        check(60, 85, 80);
    }

    #[test]
    fn what_is_too_old_or_was_not_active_is_not_restored() {
        check(20, 39, 99);
        restored(90, STALE_NAN, 99);
        restored(90, f64::INFINITY, 99);
    }
}
