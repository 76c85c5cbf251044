//! How fast values change: `rate`, `increase`, `delta`, and of the last two samples `irate`, `idelta`.
//!
//! The first three need two samples, the first and the last of a window; what lies between matters
//! to a counter only where it falls. Falls are rare, so they are a sparse list, and a window is
//! made up for by those inside it.

use super::extrapolate::{Sampled, seconds};
use super::sum::Sum;
use crate::eval::column::Column;
use crate::eval::window::{Monoid, Queue, Window, Windows};

/// As many falls are added up one by one, in Prometheus's order; more of them slide.
const FEW: usize = 32;

/// `rate(c[d])`
pub(super) fn rate(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    counter(windows, true, out);
}

/// `increase(c[d])`
pub(super) fn increase(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    counter(windows, false, out);
}

/// `delta(g[d])`
pub(super) fn delta(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    for window in windows.iter().filter(|window| window.count() > 1) {
        let values = windows.of(window);
        let change = values[values.len() - 1] - values[0];
        out.set(window.step, change * factor(windows, window, None));
    }
}

/// `irate(c[d])`
pub(super) fn irate(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    for window in windows.iter().filter(|window| window.count() > 1) {
        let [before, last] = last_two(windows, window);
        // Behind a reset the counter began at zero.
        let change = if last < before { last } else { last - before };
        let times = &windows.times()[window.to - 2..window.to];
        out.set(window.step, change / seconds(times[1] - times[0]));
    }
}

/// `idelta(g[d])`
pub(super) fn idelta(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    for window in windows.iter().filter(|window| window.count() > 1) {
        let [before, last] = last_two(windows, window);
        out.set(window.step, last - before);
    }
}

fn last_two(windows: &Windows<'_>, window: Window) -> [f64; 2] {
    let values = windows.values();
    [values[window.to - 2], values[window.to - 1]]
}

fn counter(windows: &Windows<'_>, per_second: bool, out: &mut Column) {
    let values = windows.values();
    let fell = |at: &usize| values[*at] < values[at - 1];
    let places = match windows.breaks() {
        Some(breaks) => breaks.iter().copied().filter(fell).collect(),
        None => falls(values),
    };
    let mut falls = Falls { places: &places, from: 0, to: 0, queue: Queue::new() };
    for window in windows.iter().filter(|window| window.count() > 1) {
        let inside = windows.of(window);
        let (first, last) = (inside[0], inside[inside.len() - 1]);
        let increase = falls.made_up(window, last - first, values);
        let mut factor = factor(windows, window, Some((first, increase)));
        if per_second {
            factor /= seconds(windows.range_ms());
        }
        out.set(window.step, increase * factor);
    }
}

/// The places at which a counter fell.
///
/// Eight pairs at a time without a branch for each: mostly none has fallen.
fn falls(values: &[f64]) -> Vec<usize> {
    let Some(now) = values.get(1..) else { return Vec::new() };
    let before = &values[..now.len()];
    let ((before_eights, before_rest), (now_eights, now_rest)) =
        (before.as_chunks::<8>(), now.as_chunks::<8>());
    let mut places = Vec::new();
    let mut note = |from: usize, before: &[f64], now: &[f64]| {
        let fell = before.iter().zip(now).zip(from + 1..).filter(|((b, n), _)| n < b);
        places.extend(fell.map(|(_, at)| at));
    };
    for (at, (before, now)) in before_eights.iter().zip(now_eights).enumerate() {
        let mut fell = 0;
        for (b, n) in before.iter().zip(now) {
            fell |= u64::from(n < b);
        }
        if fell != 0 {
            note(at * 8, before, now);
        }
    }
    note(before_eights.len() * 8, before_rest, now_rest);
    places
}

/// The places at which a counter fell, and which of them the window has reached.
struct Falls<'f> {
    places: &'f [usize],
    from: usize,
    to: usize,
    queue: Queue<Sum>,
}

impl Falls<'_> {
    /// `change`, and what the counter had reached at each fall inside the window.
    fn made_up(&mut self, window: Window, change: f64, values: &[f64]) -> f64 {
        // A fall at the window's first sample happened before it.
        self.from += self.places[self.from..].iter().take_while(|at| **at <= window.from).count();
        self.to += self.places[self.to..].iter().take_while(|at| **at < window.to).count();
        let lost = |fall: usize| values[self.places[fall] - 1];
        if self.to <= self.from {
            return change;
        }
        if self.to - self.from <= FEW {
            return (self.from..self.to).fold(change, |sum, fall| sum + lost(fall));
        }
        let all = self.queue.slide(self.from, self.to, |fall| Sum::of(lost(fall)));
        Sum::of(change).merge(all).value()
    }
}

/// By what the change between first and last sample is multiplied to stand for the whole range: see
/// [`Sampled::factor`].
fn factor(windows: &Windows<'_>, window: Window, counter: Option<(f64, f64)>) -> f64 {
    let (first, last) = (windows.times()[window.from], windows.times()[window.to - 1]);
    let sampled = Sampled::between(first, last, window.count());
    sampled.within(windows.end_ms(window), windows.range_ms()).factor(counter)
}
