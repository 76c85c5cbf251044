//! Range functions over histograms.

use model::histogram::CounterResetHint;
use model::{Histogram, Timestamp};

use super::window::{NativeWindow, Note, Outcome};
use super::{Combined, add, compact, equal, is_reset, subtract, total};
use crate::eval::histograms::{divided, scaled};
use crate::functions::extrapolate::{Sampled, seconds};

/// `rate`, `increase` and `delta`: the change from the first to the last histogram, made up for
/// resets if it is a counter, and stretched to the whole range.
pub(super) fn extrapolated(
    window: &NativeWindow<'_>,
    is_counter: bool,
    per_second: bool,
    note: &mut dyn FnMut(Note),
) -> Outcome {
    if !window.floats.is_empty() {
        note(Note::Mixed);
        return Outcome::Nothing;
    }
    let (times, all) = (window.times, window.histograms);
    let sampled = match is_counter {
        true => window.sampled(times),
        false => (all.len() > 1).then(|| {
            let sampled = Sampled::between(times[0], times[times.len() - 1], times.len());
            sampled.within(window.end_ms, window.range_ms)
        }),
    };
    let (Some(first), Some(sampled)) = (all.first(), sampled) else { return Outcome::Nothing };
    let change = match all.len() {
        1 => Some(Histogram { counter_reset_hint: CounterResetHint::Gauge, ..first.clone() }),
        _ => change(window, is_counter, note),
    };
    let Some(change) = change else { return Outcome::Nothing };
    let counter = is_counter.then_some((first.count, change.count));
    let mut factor = sampled.factor(counter);
    if per_second {
        factor /= seconds(window.range_ms);
    }
    Outcome::Histogram(Box::new(scaled(&change, factor)))
}

/// Says so if these are gauges where counters were expected, or the other way round.
pub(super) fn note_hints(histograms: &[Histogram], is_counter: bool, note: &mut dyn FnMut(Note)) {
    let gauge = |h: &Histogram| h.counter_reset_hint == CounterResetHint::Gauge;
    if is_counter && histograms.iter().any(gauge) {
        note(Note::NotACounter);
    }
    if !is_counter && !histograms.iter().all(gauge) {
        note(Note::NotAGauge);
    }
}

/// The change over histograms, of which there are two at least.
fn change(
    window: &NativeWindow<'_>,
    is_counter: bool,
    note: &mut dyn FnMut(Note),
) -> Option<Histogram> {
    let (times, histograms) = (window.times, window.histograms);
    let last = histograms.last()?;
    let mut before = histograms.first()?.clone();
    note_hints(histograms, is_counter, note);
    let begins_there = is_counter && window.zero_at(times).is_some();
    if is_counter {
        window.note_overlaps(times, note);
    }
    let is_anew = |at: usize, before: &Histogram| {
        is_reset(&histograms[at], before) || window.began_before(times, at)
    };
    // What came before a reset right behind the first one does not matter, whatever its buckets.
    if is_counter && !begins_there && is_anew(1, &before) {
        let second = &histograms[1];
        before = Histogram {
            schema: second.schema,
            zero_threshold: second.zero_threshold,
            custom_values: second.custom_values.clone(),
            ..Histogram::default()
        };
    }
    let is_custom = before.has_custom_bounds();
    if histograms[1..].iter().any(|h| h.has_custom_bounds() != is_custom) {
        note(Note::MixedSchemas);
        return None;
    }
    let coarsest = histograms[1..].iter().map(|h| h.schema).min()?.min(before.schema);
    let mut change = step(subtract(last, &before), "subtraction", note)?;
    if is_counter {
        for (at, h) in histograms.iter().enumerate().skip(1) {
            if is_anew(at, &before) {
                change = step(add(&change, &before), "addition", note)?;
            }
            before = h.clone();
        }
        if begins_there {
            change = step(add(&change, &histograms[0]), "addition", note)?;
        }
    }
    if !is_custom && coarsest < change.schema {
        let empty = Histogram { schema: coarsest, ..Histogram::default() };
        change = step(add(&change, &empty), "addition", note)?;
    }
    change.counter_reset_hint = CounterResetHint::Gauge;
    Some(compact(&change))
}

/// A step of a calculation in which hints of resets do not matter.
fn step(
    made: Result<Combined, super::Mismatch>,
    operation: &'static str,
    note: &mut dyn FnMut(Note),
) -> Option<Histogram> {
    match made {
        Ok(made) => {
            if made.bounds_reconciled {
                note(Note::Reconciled(operation));
            }
            Some(made.histogram)
        }
        Err(_) => {
            note(Note::MixedSchemas);
            None
        }
    }
}

/// `irate` and `idelta`: the change between the last two samples.
pub(super) fn of_last_two(
    window: &NativeWindow<'_>,
    is_rate: bool,
    note: &mut dyn FnMut(Note),
) -> Outcome {
    let last_two = last_two_kinds(window);
    let (before, last) = match last_two {
        Some((false, false)) => return Outcome::OfFloats,
        Some((true, true)) => {
            let at = window.histograms.len() - 2;
            (&window.histograms[at], &window.histograms[at + 1])
        }
        Some(_) => {
            note(Note::Mixed);
            return Outcome::Nothing;
        }
        None => return Outcome::Nothing,
    };
    let gauge = |h: &Histogram| h.counter_reset_hint == CounterResetHint::Gauge;
    match (is_rate, gauge(before), gauge(last)) {
        (true, false, false) | (false, true, true) => {}
        (true, ..) => note(Note::NotACounter),
        (false, ..) => note(Note::NotAGauge),
    }
    let mut change = last.clone();
    let began = || window.began_before(window.times, window.times.len() - 1);
    if !is_rate || !(is_reset(last, before) || began()) {
        let Some(made) = step(subtract(last, before), "subtraction", note) else {
            return Outcome::Nothing;
        };
        change = made;
    }
    change.counter_reset_hint = CounterResetHint::Gauge;
    let mut change = compact(&change);
    if is_rate {
        let times = window.times;
        change = divided(&change, seconds(times[times.len() - 1] - times[times.len() - 2]));
    }
    Outcome::Histogram(Box::new(change))
}

/// Whether the last sample but one and the last one are histograms.
fn last_two_kinds(window: &NativeWindow<'_>) -> Option<(bool, bool)> {
    let kinds = |kind: bool| move |t: &i64| (*t, kind);
    let mut all: Vec<(i64, bool)> =
        window.float_times.iter().rev().take(2).map(kinds(false)).collect();
    all.extend(window.times.iter().rev().take(2).map(kinds(true)));
    all.sort_unstable();
    let [.., before, last] = all.as_slice() else { return None };
    Some((before.1, last.1))
}

/// `sum_over_time` and `avg_over_time`.
pub(super) fn sum(window: &NativeWindow<'_>, mean: bool, note: &mut dyn FnMut(Note)) -> Outcome {
    if !window.floats.is_empty() {
        note(Note::Mixed);
        return Outcome::Nothing;
    }
    let all: Vec<&Histogram> = window.histograms.iter().collect();
    let made = total(&all, mean);
    if made.as_ref().is_ok_and(|made| made.hints_conflict) {
        note(Note::ConflictingHints);
    }
    match step(made, "aggregation", note) {
        Some(sum) => Outcome::Histogram(Box::new(compact(&sum))),
        None => Outcome::Nothing,
    }
}

/// The newest sample, or the oldest.
pub(super) fn end(window: &NativeWindow<'_>, newest: bool) -> Outcome {
    let (float, histogram) = ends(window, newest);
    match (float, histogram) {
        (Some(float), Some(histogram)) if (float > histogram) == newest => Outcome::OfFloats,
        (Some(_), None) => Outcome::OfFloats,
        (_, Some(_)) => {
            let at = if newest { window.histograms.len() - 1 } else { 0 };
            Outcome::Histogram(Box::new(window.histograms[at].clone()))
        }
        (None, None) => Outcome::Nothing,
    }
}

/// Its time, in seconds.
pub(super) fn time_of_end(window: &NativeWindow<'_>, newest: bool) -> Outcome {
    let (float, histogram) = ends(window, newest);
    let both = [float, histogram].into_iter().flatten();
    let t = if newest { both.max() } else { both.min() };
    t.map_or(Outcome::Nothing, |t| Outcome::Float(seconds(t)))
}

fn ends(window: &NativeWindow<'_>, newest: bool) -> (Option<i64>, Option<i64>) {
    let end = |times: &[i64]| if newest { times.last().copied() } else { times.first().copied() };
    (end(window.float_times), end(window.times))
}

/// One sample of a series with both kinds.
#[derive(Clone, Copy)]
pub(super) enum Either<'a> {
    Float(f64),
    Histogram(&'a Histogram),
}

/// How many neighbours pass.
pub(super) fn count_pairs(
    window: &NativeWindow<'_>,
    passes: fn(Either<'_>, Either<'_>) -> bool,
) -> Outcome {
    let all = in_order(window);
    let count = all.windows(2).filter(|pair| passes(pair[0].1, pair[1].1)).count();
    Outcome::Float(count as f64)
}

/// The samples of both kinds in order of time.
pub(super) fn in_order<'a>(window: &NativeWindow<'a>) -> Vec<(Timestamp, Either<'a>)> {
    let floats = window.float_times.iter().zip(window.floats.iter().map(|v| Either::Float(*v)));
    let histograms = window.times.iter().zip(window.histograms.iter().map(Either::Histogram));
    let mut all: Vec<_> = floats.chain(histograms).map(|(t, e)| (*t, e)).collect();
    all.sort_by_key(|(t, _)| *t);
    all
}

pub(super) fn is_change(before: Either<'_>, now: Either<'_>) -> bool {
    match (before, now) {
        (Either::Float(b), Either::Float(n)) => b != n && !(b.is_nan() && n.is_nan()),
        (Either::Histogram(b), Either::Histogram(n)) => !equal(b, n),
        _ => true,
    }
}

pub(super) fn is_fall(before: Either<'_>, now: Either<'_>) -> bool {
    match (before, now) {
        (Either::Float(b), Either::Float(n)) => n < b,
        (Either::Histogram(b), Either::Histogram(n)) => is_reset(n, b),
        _ => true,
    }
}
