//! Sums and means over time: compensated, and put together from parts where windows are long.

use crate::eval::column::Column;
use crate::eval::fold::add_compensated;
use crate::eval::window::{Monoid, Queue, Windows};

/// `sum_over_time(v[d])`
pub(super) fn sum(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    each_sum(windows, |step, _, sum| out.set(step, sum.value()));
}

/// `avg_over_time(v[d])`
pub(super) fn avg(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    each_sum(windows, |step, values, sum| {
        let mean =
            if sum.is_infinite() { moving_mean(values) } else { sum.divided(values.len() as f64) };
        out.set(step, mean);
    });
}

fn each_sum(windows: &Windows<'_>, mut give: impl FnMut(usize, &[f64], Sum)) {
    let mut queue = Queue::new();
    let values = windows.values();
    for window in windows.iter() {
        let sum = if windows.are_short() {
            windows.of(window).iter().fold(Sum::EMPTY, |sum, value| sum.plus(*value))
        } else {
            queue.slide(window.from, window.to, |at| Sum::of(values[at]))
        };
        give(window.step, windows.of(window), sum);
    }
}

/// The mean of values whose sum is infinite.
///
/// If a value is, so is the mean; else only the sum was too large, and the mean moves from value to
/// value without one.
fn moving_mean(values: &[f64]) -> f64 {
    let infinities = || values.iter().filter(|value| value.is_infinite());
    if infinities().next().is_some() {
        return infinities().sum();
    }
    let (mut mean, mut moves) = (Sum::EMPTY, false);
    for (count, value) in (1_u32..).map(f64::from).zip(values) {
        if !moves {
            let sum = mean.plus(*value);
            if !sum.is_infinite() {
                mean = sum;
                continue;
            }
            moves = true;
            mean = mean.times(1.0 / (count - 1.0));
        }
        mean = mean.times((count - 1.0) / count).plus(value / count);
    }
    mean.value()
}

/// A sum and what rounding has lost of it (Kahan, in Neumaier's form).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    /// The sum of one value.
    pub(super) fn of(value: f64) -> Self {
        Self { sum: value, lost: 0.0 }
    }

    /// With one value more; the same steps as Prometheus takes, for the same bits.
    #[must_use]
    pub(super) fn plus(self, value: f64) -> Self {
        let (sum, lost) = add_compensated(value, self.sum, self.lost);
        Self { sum, lost }
    }

    /// Whether it has left the numbers.
    pub(super) fn is_infinite(self) -> bool {
        self.sum.is_infinite()
    }

    /// The sum.
    pub(super) fn value(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }

    fn times(self, factor: f64) -> Self {
        Self { sum: self.sum * factor, lost: self.lost * factor }
    }

    /// The sum divided.
    pub(super) fn divided(self, by: f64) -> f64 {
        self.sum / by + self.lost / by
    }
}

impl Monoid for Sum {
    const EMPTY: Self = Self { sum: 0.0, lost: 0.0 };

    fn merge(self, newer: Self) -> Self {
        let (sum, lost) = add_compensated(newer.sum, self.sum, self.lost + newer.lost);
        Self { sum, lost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_terms_survive_large_ones_in_any_grouping() {
        let values = [1.0, 1e100, 1.0, -1e100];
        let whole = values.into_iter().fold(Sum::EMPTY, Sum::plus);
        assert_eq!(whole.value(), 2.0);
        for middle in 0..values.len() {
            let part = |part: &[f64]| part.iter().copied().fold(Sum::EMPTY, Sum::plus);
            let sum = part(&values[..middle]).merge(part(&values[middle..]));
            assert_eq!(sum.value(), 2.0, "cut at {middle}");
        }
    }

    #[test]
    fn a_mean_does_not_overflow_where_its_sum_would() {
        assert_eq!(moving_mean(&[f64::MAX, f64::MAX]), f64::MAX);
        assert_eq!(moving_mean(&[1.0, f64::INFINITY]), f64::INFINITY);
    }
}
