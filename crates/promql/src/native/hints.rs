//! What is known of resets of the histograms of a stored series.
//!
//! A store keeps histograms as they came. What its neighbours say of a histogram follows from them, as
//! Prometheus's chunks have it: one that goes on where the one before ended is known not to be reset,
//! one that begins anew is not known to be either.

use model::histogram::CounterResetHint::{Gauge, NotReset, Reset, Unknown};
use model::sample::is_stale;
use model::{Histogram, Timestamp};
use storage::Columns;

use super::is_reset;

/// Gives each histogram its hint; `before` is the sample before the first one, if it is a histogram.
///
/// With `compared`, a histogram is also known to be reset: so Prometheus has it where only counts and
/// sums of histograms are asked for.
pub(crate) fn settle(
    columns: &mut Columns,
    before: Option<&(Timestamp, Histogram)>,
    compared: bool,
) {
    let Columns { timestamps, histogram_timestamps, histograms, .. } = columns;
    for at in 0..histograms.len() {
        let t = histogram_timestamps[at];
        let (done, rest) = histograms.split_at_mut(at);
        let (Some(h), Some(before_t)) = (
            rest.first_mut(),
            at.checked_sub(1)
                .map_or(before.map(|(t, _)| *t), |at| histogram_timestamps.get(at).copied()),
        ) else {
            forget(&mut rest[0]);
            continue;
        };
        if h.counter_reset_hint == Gauge || is_stale(h.sum) {
            continue;
        }
        let Some(before) = done.last().or(before.map(|(_, h)| h)) else { continue };
        let is_told = h.counter_reset_hint == Reset;
        h.counter_reset_hint = Unknown;
        let float = timestamps.partition_point(|float| *float <= before_t);
        let is_next = timestamps.get(float).is_none_or(|float| *float > t);
        let is_reset = is_told || is_reset(h, before);
        let goes_on = is_next
            && before.counter_reset_hint != Gauge
            && !is_stale(before.sum)
            && has_form_of(h, before)
            && !is_reset;
        h.counter_reset_hint = match (goes_on, compared) {
            (true, _) => NotReset,
            (false, true) if is_stale(before.sum) => Unknown,
            (false, true) if is_reset => Reset,
            (false, true) => NotReset,
            (false, false) => Unknown,
        };
    }
}

/// Nothing is known of resets of a histogram that has nothing before it, if it is no gauge.
pub(crate) fn forget(h: &mut Histogram) {
    if h.counter_reset_hint != Gauge {
        h.counter_reset_hint = Unknown;
    }
}

/// Whether both have the same resolution and bounds.
fn has_form_of(h: &Histogram, other: &Histogram) -> bool {
    h.schema == other.schema
        && h.zero_threshold.to_bits() == other.zero_threshold.to_bits()
        && h.custom_values == other.custom_values
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::histogram::{CounterResetHint, Span};
    use model::sample::STALE_NAN;

    fn counted(count: f64) -> Histogram {
        Histogram {
            count,
            positive_spans: vec![Span { offset: 0, length: 1 }],
            positive: vec![count],
            ..Histogram::default()
        }
    }

    fn settled(histograms: &[Histogram], floats: &[i64], compared: bool) -> Vec<CounterResetHint> {
        let times = 0..i64::try_from(histograms.len()).expect("few");
        let mut columns = Columns {
            timestamps: floats.to_vec().into(),
            values: vec![0.0; floats.len()],
            histogram_timestamps: times.map(|t| 10 * t).collect(),
            histograms: histograms.to_vec(),
            ..Columns::default()
        };
        settle(&mut columns, None, compared);
        columns.histograms.iter().map(|h| h.counter_reset_hint).collect()
    }

    #[test]
    fn what_goes_on_is_not_reset_and_what_falls_is_unknown() {
        let all = [counted(1.0), counted(1.0), counted(3.0), counted(2.0), counted(4.0)];
        assert_eq!(settled(&all, &[], false), [Unknown, NotReset, NotReset, Unknown, NotReset]);
        assert_eq!(settled(&all, &[], true), [Unknown, NotReset, NotReset, Reset, NotReset]);
        assert_eq!(settled(&all, &[15], false), [Unknown, NotReset, Unknown, Unknown, NotReset]);
    }

    #[test]
    fn gauges_stay_gauges_and_nothing_goes_on_from_them_or_from_stale_ones() {
        let gauge = Histogram { counter_reset_hint: Gauge, ..counted(1.0) };
        let stale = Histogram { sum: STALE_NAN, ..Histogram::default() };
        let all = [gauge, counted(2.0), stale, counted(3.0)];
        assert_eq!(settled(&all, &[], false), [Gauge, Unknown, Unknown, Unknown]);
    }

    #[test]
    fn what_came_with_a_histogram_is_not_believed_but_for_a_reset() {
        let told = |hint, count| Histogram { counter_reset_hint: hint, ..counted(count) };
        let all = [told(NotReset, 5.0), told(NotReset, 1.0), told(Reset, 2.0)];
        assert_eq!(settled(&all, &[], false), [Unknown, Unknown, Unknown]);
    }
}
