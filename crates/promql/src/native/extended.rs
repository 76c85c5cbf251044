//! Windows with edges: `anchored` takes the sample before the window as one at its begin, `smoothed`
//! makes one up at each edge, between the samples around it.
//!
//! The rules are those of <https://github.com/prometheus/proposals/pull/52>. Floats and histograms
//! follow the same ones: [`Amount`] is what they have in common.

use model::histogram::CounterResetHint;
use model::{Histogram, Timestamp};

use super::over_time::{self, count_pairs, is_change, is_fall};
use super::window::{NativeWindow, Note, Outcome};
use super::{Mismatch, add, compact, is_reset, subtract};
use crate::ast::Extension;
use crate::eval::histograms::{divided, scaled};

/// Functions that know what to do with edges.
const ANCHORED: [&str; 5] = ["changes", "delta", "increase", "rate", "resets"];
const SMOOTHED: [&str; 3] = ["delta", "increase", "rate"];

impl Extension {
    /// Whether `function` takes a range that is extended so; the error if not.
    pub(crate) fn check(self, function: &str) -> Result<(), String> {
        let takes: &[&str] = match self {
            Self::Anchored => &ANCHORED,
            Self::Smoothed => &SMOOTHED,
        };
        if takes.contains(&function) {
            return Ok(());
        }
        let (name, takes) = (self.as_str(), takes.join(", "));
        Err(format!("{name} modifier can only be used with: {takes} - not with {function}"))
    }
}

/// What `function` makes of a window with edges. `around` holds the samples of the window and those
/// around it that may be looked at; `within` of them are in the window.
pub(crate) fn over_extended(
    function: &str,
    extension: Extension,
    around: &NativeWindow<'_>,
    within: &NativeWindow<'_>,
    note: &mut dyn FnMut(Note),
) -> Outcome {
    let is_counter = match function {
        "rate" | "increase" => true,
        "delta" => false,
        "changes" => return count_pairs_from(around, within, is_change),
        _ => return count_pairs_from(around, within, is_fall),
    };
    let edges = Edges {
        start: within.end_ms.saturating_sub(within.range_ms),
        end: within.end_ms,
        is_smoothed: extension == Extension::Smoothed,
        is_counter,
    };
    let seconds = if function == "rate" { within.range_ms as f64 / 1000.0 } else { 1.0 };
    let floats = edges.looked_at(around.float_times);
    let histograms = edges.looked_at(around.times);
    match (floats, histograms) {
        (None, None) => Outcome::Nothing,
        (Some(_), Some(_)) => {
            note(Note::Mixed);
            Outcome::Nothing
        }
        (Some(ends), None) => match edges.change(around.float_times, around.floats, ends) {
            Ok(change) => Outcome::Float(change / seconds),
            Err(Mismatch) => Outcome::Nothing,
        },
        (None, Some(ends)) => {
            over_time::note_hints(&around.histograms[ends.0..=ends.1], is_counter, note);
            match edges.change(around.times, around.histograms, ends) {
                Ok(mut change) => {
                    change.counter_reset_hint = CounterResetHint::Gauge;
                    Outcome::Histogram(Box::new(divided(&compact(&change), seconds)))
                }
                Err(Mismatch) => {
                    note(Note::MixedSchemas);
                    Outcome::Nothing
                }
            }
        }
    }
}

/// The value of a series at `t`, between the samples around it; the sample before if there is none
/// behind, nothing if there is none before.
pub(crate) fn smoothed_at(around: &NativeWindow<'_>, note: &mut dyn FnMut(Note)) -> Outcome {
    let t = around.end_ms;
    let floats = Between::of(around.float_times, t);
    let histograms = Between::of(around.times, t);
    let before_is_float = match (floats.before, histograms.before) {
        (None, None) => return Outcome::Nothing,
        (float, histogram) => {
            float.map(|at| around.float_times[at]) > histogram.map(|at| around.times[at])
        }
    };
    let behind = (floats.behind.map(|at| around.float_times[at]), histograms.behind);
    let behind_is_float = match behind {
        (None, None) => before_is_float,
        (None, Some(_)) => false,
        (Some(_), None) => true,
        (Some(float), Some(at)) => float < around.times[at],
    };
    let is_exact = before_is_float && floats.is_exact || !before_is_float && histograms.is_exact;
    if !is_exact && before_is_float != behind_is_float {
        note(Note::Mixed);
        return Outcome::Nothing;
    }
    if before_is_float {
        let value = floats.value(around.float_times, around.floats, t);
        return value.map_or(Outcome::Nothing, Outcome::Float);
    }
    match histograms.value(around.times, around.histograms, t) {
        Ok(h) => Outcome::Histogram(Box::new(h)),
        Err(Mismatch) => {
            note(Note::MixedSchemas);
            Outcome::Nothing
        }
    }
}

/// The samples around a moment.
struct Between {
    before: Option<usize>,
    behind: Option<usize>,
    /// Whether the one before is at the moment itself.
    is_exact: bool,
}

impl Between {
    fn of(times: &[Timestamp], t: Timestamp) -> Self {
        let at = times.partition_point(|time| *time <= t);
        let before = at.checked_sub(1);
        let behind = Some(at).filter(|at| *at < times.len());
        Self { before, behind, is_exact: before.is_some_and(|before| times[before] == t) }
    }

    fn value<T: Amount>(&self, times: &[Timestamp], values: &[T], t: i64) -> Result<T, Mismatch> {
        let before = self.before.ok_or(Mismatch)?;
        match self.behind.filter(|_| !self.is_exact) {
            None => Ok(values[before].clone()),
            Some(behind) => {
                let part = part(times[before], times[behind], t);
                values[before].towards(&values[behind], part)
            }
        }
    }
}

/// How far `t` lies on the way between two times.
fn part(from: Timestamp, to: Timestamp, t: Timestamp) -> f64 {
    (t - from) as f64 / (to - from) as f64
}

/// What a counter counts or a gauge shows.
trait Amount: Clone {
    fn plus(&self, other: &Self) -> Result<Self, Mismatch>;
    fn minus(&self, other: &Self) -> Result<Self, Mismatch>;
    fn times(&self, factor: f64) -> Self;
    /// Whether a counter was reset before this, seen from the sample before.
    fn is_reset(&self, before: &Self) -> bool;
    /// The same, seen from what need not be the sample before.
    fn falls_below(&self, other: &Self) -> bool;

    /// What lies that part of the way to another one.
    fn towards(&self, other: &Self, part: f64) -> Result<Self, Mismatch> {
        self.plus(&other.minus(self)?.times(part))
    }
}

impl Amount for f64 {
    fn plus(&self, other: &Self) -> Result<Self, Mismatch> {
        Ok(self + other)
    }

    fn minus(&self, other: &Self) -> Result<Self, Mismatch> {
        Ok(self - other)
    }

    fn times(&self, factor: f64) -> Self {
        self * factor
    }

    fn is_reset(&self, before: &Self) -> bool {
        self < before
    }

    fn falls_below(&self, other: &Self) -> bool {
        self < other
    }
}

impl Amount for Histogram {
    fn plus(&self, other: &Self) -> Result<Self, Mismatch> {
        Ok(Self { counter_reset_hint: CounterResetHint::Gauge, ..add(self, other)?.histogram })
    }

    fn minus(&self, other: &Self) -> Result<Self, Mismatch> {
        Ok(Self { counter_reset_hint: CounterResetHint::Gauge, ..subtract(self, other)?.histogram })
    }

    fn times(&self, factor: f64) -> Self {
        scaled(self, factor)
    }

    fn is_reset(&self, before: &Self) -> bool {
        is_reset(self, before)
    }

    fn falls_below(&self, other: &Self) -> bool {
        is_reset(&Self { counter_reset_hint: CounterResetHint::Unknown, ..self.clone() }, other)
    }
}

/// The edges of a window, and what is made of them.
#[derive(Clone, Copy, Debug)]
struct Edges {
    start: Timestamp,
    end: Timestamp,
    is_smoothed: bool,
    is_counter: bool,
}

impl Edges {
    /// The first and the last sample that count; `None` if they do not reach into the window.
    fn looked_at(&self, times: &[Timestamp]) -> Option<(usize, usize)> {
        let mut last = times.len().checked_sub(1)?;
        let first = times[..last].partition_point(|t| *t <= self.start).saturating_sub(1);
        if self.is_smoothed {
            last = times[..last].partition_point(|t| *t < self.end);
        }
        (times[last] > self.start && times[first] <= self.end).then_some((first, last))
    }

    /// From the value at the start to that at the end, made up for resets if it is a counter.
    fn change<T: Amount>(
        &self,
        times: &[Timestamp],
        values: &[T],
        (first, last): (usize, usize),
    ) -> Result<T, Mismatch> {
        let mut left = values[first].clone();
        let left_is_made = self.is_smoothed && times[first] < self.start && first < last;
        if left_is_made {
            let (before, behind) = (&values[first], &values[first + 1]);
            let part = part(times[first], times[first + 1], self.start);
            left = if self.is_counter && behind.is_reset(before) {
                behind.times(part)
            } else {
                before.towards(behind, part)?
            };
        }
        let mut right = values[last].clone();
        let right_is_made = self.is_smoothed && last > 0 && times[last] > self.end;
        if right_is_made {
            let (before, behind) = (&values[last - 1], &values[last]);
            let part = part(times[last - 1], times[last], self.end);
            right = if self.is_counter && behind.is_reset(before) {
                before.plus(&behind.times(part))?
            } else {
                before.towards(behind, part)?
            };
        }
        let mut change = right.minus(&left)?;
        if !self.is_counter {
            return Ok(change);
        }
        let (mut before, mut is_made) = (&left, left_is_made);
        for value in values.get(first + 1..last).unwrap_or_default() {
            if if is_made { value.falls_below(before) } else { value.is_reset(before) } {
                change = change.plus(before)?;
            }
            (before, is_made) = (value, false);
        }
        let is_anew = is_made || right_is_made || first == last;
        if if is_anew { right.falls_below(before) } else { right.is_reset(before) } {
            change = change.plus(before)?;
        }
        Ok(change)
    }
}

/// How many neighbours pass, the sample before the window and the first within it among them.
fn count_pairs_from(
    around: &NativeWindow<'_>,
    within: &NativeWindow<'_>,
    passes: fn(over_time::Either<'_>, over_time::Either<'_>) -> bool,
) -> Outcome {
    if within.floats.is_empty() && within.times.is_empty() {
        return Outcome::Nothing;
    }
    let start = within.end_ms.saturating_sub(within.range_ms);
    let older = |times: &[Timestamp]| times.partition_point(|t| *t <= start);
    let (floats, histograms) = (older(around.float_times), older(around.times));
    let anchors = (around.float_times[..floats].last(), around.times[..histograms].last());
    let (of_floats, of_histograms) = match anchors {
        (Some(float), histogram) if histogram.is_none_or(|histogram| histogram < float) => (1, 0),
        (_, Some(_)) => (0, 1),
        _ => (0, 0),
    };
    let (floats, histograms) = (floats - of_floats, histograms - of_histograms);
    count_pairs(
        &NativeWindow {
            float_times: &around.float_times[floats..],
            floats: &around.floats[floats..],
            times: &around.times[histograms..],
            histograms: &around.histograms[histograms..],
            ..*within
        },
        passes,
    )
}
