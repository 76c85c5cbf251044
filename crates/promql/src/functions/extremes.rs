//! The largest and smallest values over time, and when they were.
//!
//! A queue holds the places that may still become the answer: each is beaten by none behind it, so
//! the first is the answer now. Any number beats NaN.

use std::collections::VecDeque;

use super::over_time::seconds;
use crate::eval::column::Column;
use crate::eval::window::Windows;

/// `max_over_time(v[d])`
pub(super) fn max(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    each_best(windows, |new, old| new > old, |step, at| out.set(step, windows.values()[at]));
}

/// `min_over_time(v[d])`
pub(super) fn min(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    each_best(windows, |new, old| new < old, |step, at| out.set(step, windows.values()[at]));
}

/// `ts_of_max_over_time(v[d])`: the last time, if there are several.
pub(super) fn ts_of_max(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    each_best(windows, |new, old| new >= old, |step, at| out.set(step, seconds(windows, at)));
}

/// `ts_of_min_over_time(v[d])`: the last time, if there are several.
pub(super) fn ts_of_min(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    each_best(windows, |new, old| new <= old, |step, at| out.set(step, seconds(windows, at)));
}

/// Gives for each window the place of the value no other `beats`; if all are NaN, the last place.
fn each_best(
    windows: &Windows<'_>,
    beats: impl Fn(f64, f64) -> bool,
    mut give: impl FnMut(usize, usize),
) {
    let values = windows.values();
    let mut candidates: VecDeque<usize> = VecDeque::new();
    let mut next = 0;
    for window in windows.iter() {
        next = next.max(window.from);
        for at in next..window.to {
            if values[at].is_nan() {
                continue;
            }
            while candidates.back().is_some_and(|last| beats(values[at], values[*last])) {
                candidates.pop_back();
            }
            candidates.push_back(at);
        }
        next = window.to;
        while candidates.front().is_some_and(|first| *first < window.from) {
            candidates.pop_front();
        }
        give(window.step, candidates.front().copied().unwrap_or(window.to - 1));
    }
}
