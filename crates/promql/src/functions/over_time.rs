//! Functions over time that need no more than places in a window: its ends and what lies between.

use crate::eval::column::Column;
use crate::eval::window::{Window, Windows};

/// `count_over_time(v[d])`
pub(super) fn count(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    windows.iter().for_each(|window| out.set(window.step, window.count() as f64));
}

/// `present_over_time(v[d])`
pub(super) fn present(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    windows.iter().for_each(|window| out.set(window.step, 1.0));
}

/// `first_over_time(v[d])`
pub(super) fn first(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    windows.iter().for_each(|window| out.set(window.step, windows.values()[window.from]));
}

/// `last_over_time(v[d])`
pub(super) fn last(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    windows.iter().for_each(|window| out.set(window.step, windows.values()[window.to - 1]));
}

/// `ts_of_first_over_time(v[d])`
pub(super) fn ts_of_first(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    windows.iter().for_each(|window| out.set(window.step, seconds(windows, window.from)));
}

/// `ts_of_last_over_time(v[d])`
pub(super) fn ts_of_last(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    windows.iter().for_each(|window| out.set(window.step, seconds(windows, window.to - 1)));
}

/// The time of sample number `at`.
pub(super) fn seconds(windows: &Windows<'_>, at: usize) -> f64 {
    windows.times()[at] as f64 / 1000.0
}

/// `changes(v[d])`: one NaN behind another is no change.
pub(super) fn changes(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    count_pairs(windows, out, |before, value| {
        before != value && !(before.is_nan() && value.is_nan())
    });
}

/// `resets(v[d])`
pub(super) fn resets(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    count_pairs(windows, out, |before, value| value < before);
}

/// How many neighbours within each window pass: those up to its newest sample, less those up to its
/// oldest. These are whole numbers, so the difference is exact.
fn count_pairs(windows: &Windows<'_>, out: &mut Column, passes: impl Fn(f64, f64) -> bool) {
    let values = windows.values();
    let up_to = |counted: &mut (usize, usize), place: usize| {
        let (at, count) = counted;
        while *at < place {
            *count += usize::from(passes(values[*at], values[*at + 1]));
            *at += 1;
        }
        *count
    };
    let (mut oldest, mut newest) = ((0, 0), (0, 0));
    for Window { step, from, to } in windows.iter() {
        let count = up_to(&mut newest, to - 1) - up_to(&mut oldest, from);
        out.set(step, count as f64);
    }
}
