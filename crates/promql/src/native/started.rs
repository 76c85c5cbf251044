//! Windows of samples that say since when they count.
//!
//! A counter that has begun since the sample before was reset, however high it is already; and if the
//! first sample of a window began within it, the counter was zero there, and nothing need be guessed.
//! The rules are those of <https://github.com/prometheus/proposals/pull/77>.

use model::Timestamp;

use super::over_time::{self, Either, is_fall};
use super::window::{NativeWindow, Note, Outcome};
use crate::functions::extrapolate::{Sampled, seconds};

/// Functions that look at start timestamps.
const LOOK_AT_STARTS: [&str; 4] = ["increase", "irate", "rate", "resets"];

/// Whether `function` looks at start timestamps.
pub(crate) fn looks_at_starts(function: &str) -> bool {
    LOOK_AT_STARTS.contains(&function)
}

/// What `function` makes of a window of a series of which some samples say since when they count.
pub(crate) fn over_started(
    function: &str,
    window: &NativeWindow<'_>,
    note: &mut dyn FnMut(Note),
) -> Outcome {
    let per_second = function == "rate";
    match function {
        "resets" => resets(window),
        "irate" => match over_time::of_last_two(window, true, note) {
            Outcome::OfFloats => irate(window),
            outcome => outcome,
        },
        _ if window.histograms.is_empty() => extrapolated(window, per_second, note),
        _ => over_time::extrapolated(window, true, per_second, note),
    }
}

impl NativeWindow<'_> {
    /// Whether the counter behind the sample at `times[at]` has begun since the one before it.
    pub(super) fn began_before(&self, times: &[Timestamp], at: usize) -> bool {
        let (before, t) = (times[at - 1], times[at]);
        self.starts.get(t).is_some_and(|start| {
            // Begun at that very moment: the sample there may be the first of what has begun.
            let is_other = || self.starts.get(before) != Some(start);
            start < t && (start > before || (start == before && is_other()))
        })
    }

    /// The moment within the range at which the counter behind the first sample was zero, if that is
    /// known.
    pub(super) fn zero_at(&self, times: &[Timestamp]) -> Option<Timestamp> {
        let first = *times.first()?;
        let edge = self.end_ms.saturating_sub(self.range_ms);
        self.starts.get(first).filter(|start| *start > edge && *start < first)
    }

    /// What is known of the samples at `times` for extrapolation; `None` if they are too few.
    pub(super) fn sampled(&self, times: &[Timestamp]) -> Option<Sampled> {
        let (first, last) = (*times.first()?, *times.last()?);
        let zero = self.zero_at(times);
        let mut sampled = match (zero, times.len()) {
            // Nothing is known of the distance of samples: the range ends with the only one.
            (Some(_), 1) => Sampled { spacing: 0.0, ..Sampled::between(first, last, 2) },
            (None, 1) => return None,
            (_, count) => Sampled::between(first, last, count),
        };
        if let Some(zero) = zero {
            (sampled.from, sampled.begins_there) = (zero, true);
        }
        Some(sampled.within(self.end_ms, self.range_ms))
    }

    /// Says so if a sample counts since before the one ahead of it, and not since when that does.
    pub(super) fn note_overlaps(&self, times: &[Timestamp], note: &mut dyn FnMut(Note)) {
        let overlaps = |pair: &[Timestamp]| {
            let start = self.starts.get(pair[1]);
            start.is_some_and(|start| start < pair[0] && self.starts.get(pair[0]) != Some(start))
        };
        if times.windows(2).any(overlaps) {
            note(Note::StartsOverlap);
        }
    }
}

/// `rate` and `increase` of floats.
fn extrapolated(
    window: &NativeWindow<'_>,
    per_second: bool,
    note: &mut dyn FnMut(Note),
) -> Outcome {
    let (times, values) = (window.float_times, window.floats);
    let Some(sampled) = window.sampled(times) else { return Outcome::Nothing };
    window.note_overlaps(times, note);
    let (first, last) = (values[0], values[values.len() - 1]);
    let mut increase = last - first;
    for at in 1..values.len() {
        if values[at] < values[at - 1] || window.began_before(times, at) {
            increase += values[at - 1];
        }
    }
    if sampled.begins_there {
        increase += first;
    }
    let mut factor = sampled.factor(Some((first, increase)));
    if per_second {
        factor /= seconds(window.range_ms);
    }
    Outcome::Float(increase * factor)
}

/// `irate` of floats.
fn irate(window: &NativeWindow<'_>) -> Outcome {
    let (times, values) = (window.float_times, window.floats);
    let Some(at) = values.len().checked_sub(1).filter(|at| *at > 0) else {
        return Outcome::Nothing;
    };
    let (before, last) = (values[at - 1], values[at]);
    let is_reset = last < before || window.began_before(times, at);
    let change = if is_reset { last } else { last - before };
    Outcome::Float(change / seconds(times[at] - times[at - 1]))
}

/// `resets` of floats and histograms.
fn resets(window: &NativeWindow<'_>) -> Outcome {
    let all = over_time::in_order(window);
    if all.is_empty() {
        return Outcome::Nothing;
    }
    let times: Vec<Timestamp> = all.iter().map(|(t, _)| *t).collect();
    let is_reset = |at: &usize| {
        let (before, now): (Either<'_>, Either<'_>) = (all[at - 1].1, all[*at].1);
        is_fall(before, now) || window.began_before(&times, *at)
    };
    Outcome::Float((1..all.len()).filter(is_reset).count() as f64)
}
