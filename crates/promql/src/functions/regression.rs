//! Linear regression over time: `deriv` and `predict_linear`.
//!
//! Short windows are summed as Prometheus sums them. For long ones that would lose digits, besides
//! costing time: there, means and products of distances from them are put together from parts.

use crate::eval::column::Column;
use crate::eval::fold::add_compensated;
use crate::eval::window::{Monoid, Queue, Window, Windows};

/// Products of greater values with times may be more than floats hold; then Prometheus has no line.
const LARGEST: f64 = 1e290;

/// `deriv(v[d])`
pub(super) fn deriv(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    let origin = |window: Window| windows.times()[window.from];
    each_line(windows, origin, |step, line| out.set(step, line.slope));
}

/// `predict_linear(v[d], seconds)`: seen from the time of evaluation.
pub(super) fn predict_linear(windows: &Windows<'_>, scalars: &[Vec<f64>], out: &mut Column) {
    let [ahead] = scalars else { unreachable!("the checker demands the scalar") };
    each_line(
        windows,
        |window| windows.now_ms(window),
        |step, line| out.set(step, line.slope * ahead[step] + line.intercept),
    );
}

/// A straight line: its slope per second, and its value at some origin.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    slope: f64,
    intercept: f64,
}

/// Gives the line through each window of at least two samples, seen from its `origin`.
fn each_line(
    windows: &Windows<'_>,
    origin: impl Fn(Window) -> i64,
    mut give: impl FnMut(usize, Line),
) {
    let (times, values) = (windows.times(), windows.values());
    let as_sums = windows.are_short() || values.iter().any(|value| value.abs() > LARGEST);
    let mut queue = Queue::new();
    for window in windows.iter().filter(|window| window.count() > 1) {
        let Window { step, from, to } = window;
        let line = if as_sums {
            through(&times[from..to], &values[from..to], origin(window))
        } else {
            let from_first = |t: i64| (t - times[0]) as f64 / 1000.0;
            let cloud = queue.slide(from, to, |at| Cloud::of(from_first(times[at]), values[at]));
            cloud.line(from_first(origin(window)))
        };
        give(step, line);
    }
}

/// The line through equal values.
fn level(value: f64) -> Line {
    if value.is_infinite() {
        return Line { slope: f64::NAN, intercept: f64::NAN };
    }
    Line { slope: 0.0, intercept: value }
}

/// The line through some points, by sums of what they are away from the origin.
fn through(times: &[i64], values: &[f64], origin: i64) -> Line {
    if values.iter().skip(1).all(|value| *value == values[0]) {
        return level(values[0]);
    }
    let add = |sum: &mut (f64, f64), value: f64| *sum = add_compensated(value, sum.0, sum.1);
    let [mut x, mut y, mut xy, mut xx] = [(0.0, 0.0); 4];
    for (t, value) in times.iter().zip(values) {
        let distance = (t - origin) as f64 / 1000.0;
        add(&mut x, distance);
        add(&mut y, *value);
        add(&mut xy, distance * value);
        add(&mut xx, distance * distance);
    }
    let [x, y, xy, xx] = [x, y, xy, xx].map(|(sum, lost)| sum + lost);
    let count = values.len() as f64;
    let slope = (xy - x * y / count) / (xx - x * x / count);
    Line { slope, intercept: y / count - slope * x / count }
}

/// Some points: how many, where their middle is, and how they lie around it.
#[derive(Clone, Copy, Debug)]
struct Cloud {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    /// The first value.
    first: f64,
    /// Whether all values equal the first.
    level: bool,
}

impl Cloud {
    fn of(x: f64, y: f64) -> Self {
        Self { count: 1.0, x, y, xx: 0.0, xy: 0.0, first: y, level: true }
    }

    fn line(self, origin: f64) -> Line {
        if self.level {
            return level(self.first);
        }
        let slope = self.xy / self.xx;
        Line { slope, intercept: self.y + slope * (origin - self.x) }
    }
}

impl Monoid for Cloud {
    const EMPTY: Self =
        Self { count: 0.0, x: 0.0, y: 0.0, xx: 0.0, xy: 0.0, first: 0.0, level: true };

    fn merge(self, newer: Self) -> Self {
        if self.count == 0.0 {
            return newer;
        }
        if newer.count == 0.0 {
            return self;
        }
        let count = self.count + newer.count;
        let part = newer.count / count;
        let (x, y) = (newer.x - self.x, newer.y - self.y);
        let between = x * self.count * part;
        Self {
            count,
            x: self.x + x * part,
            y: self.y + y * part,
            xx: self.xx + newer.xx + between * x,
            xy: self.xy + newer.xy + between * y,
            first: self.first,
            level: self.level && newer.level && self.first == newer.first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_find_the_line_that_is_there() {
        let times: Vec<i64> = (0..100).map(|i| i * 15_000).collect();
        let values: Vec<f64> = times.iter().map(|t| 1e9 + *t as f64 / 4_000.0).collect();
        let cloud = times.iter().zip(&values).fold(Cloud::EMPTY, |cloud, (t, value)| {
            cloud.merge(Cloud::of(*t as f64 / 1000.0, *value))
        });
        for line in [through(&times, &values, 0), cloud.line(0.0)] {
            assert!((line.slope - 0.25).abs() < 1e-9, "{line:?}");
            assert!((line.intercept - 1e9).abs() < 1e-6, "{line:?}");
        }
    }

    #[test]
    fn equal_values_have_no_slope_and_infinite_ones_no_line() {
        assert_eq!(through(&[0, 1, 2], &[0.1, 0.1, 0.1], 7), Line { slope: 0.0, intercept: 0.1 });
        assert!(through(&[0, 1], &[f64::INFINITY; 2], 0).slope.is_nan());
    }
}
