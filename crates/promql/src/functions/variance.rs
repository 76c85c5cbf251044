//! Variance and standard deviation over time, of the whole population.
//!
//! Within short windows Welford's steps, compensated as in Prometheus; long windows are put
//! together from parts.

use crate::eval::column::Column;
use crate::eval::fold::add_compensated;
use crate::eval::window::{Monoid, Queue, Windows};

/// `stddev_over_time(v[d])`
pub(super) fn stddev(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    each_variance(windows, |step, variance| out.set(step, variance.sqrt()));
}

/// `stdvar_over_time(v[d])`
pub(super) fn stdvar(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    each_variance(windows, |step, variance| out.set(step, variance));
}

fn each_variance(windows: &Windows<'_>, mut give: impl FnMut(usize, f64)) {
    let mut queue = Queue::new();
    let values = windows.values();
    for window in windows.iter() {
        let spread = if windows.are_short() {
            windows.of(window).iter().fold(Spread::EMPTY, |spread, value| spread.plus(*value))
        } else {
            queue.slide(window.from, window.to, |at| Spread::of(values[at]))
        };
        give(window.step, spread.variance());
    }
}

/// How many values there are, their mean, and the sum of squared distances from it. What rounding
/// has lost stands beside each.
#[derive(Clone, Copy, Debug)]
struct Spread {
    count: f64,
    mean: (f64, f64),
    squares: (f64, f64),
}

impl Spread {
    fn of(value: f64) -> Self {
        Self::EMPTY.plus(value)
    }

    fn plus(self, value: f64) -> Self {
        let count = self.count + 1.0;
        let distance = value - (self.mean.0 + self.mean.1);
        let mean = add_compensated(distance / count, self.mean.0, self.mean.1);
        let square = distance * (value - (mean.0 + mean.1));
        Self { count, mean, squares: add_compensated(square, self.squares.0, self.squares.1) }
    }

    fn variance(self) -> f64 {
        (self.squares.0 + self.squares.1) / self.count
    }
}

impl Monoid for Spread {
    const EMPTY: Self = Self { count: 0.0, mean: (0.0, 0.0), squares: (0.0, 0.0) };

    fn merge(self, newer: Self) -> Self {
        if self.count == 0.0 {
            return newer;
        }
        if newer.count == 0.0 {
            return self;
        }
        let count = self.count + newer.count;
        let distance = (newer.mean.0 - self.mean.0) + (newer.mean.1 - self.mean.1);
        let part = newer.count / count;
        let mean = add_compensated(distance * part, self.mean.0, self.mean.1);
        let squares =
            add_compensated(newer.squares.0, self.squares.0, self.squares.1 + newer.squares.1);
        let between = distance * distance * self.count * part;
        Self { count, mean, squares: add_compensated(between, squares.0, squares.1) }
    }
}
