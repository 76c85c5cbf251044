//! Functions over time that need the values of a window in order: quantiles and the median distance
//! from the median.
//!
//! Short windows are sorted. For long ones all values of the series are sorted once, and a
//! [`Ranks`] tells which of them are in the window.

use crate::eval::aggregate;
use crate::eval::column::Column;
use crate::eval::window::Windows;

/// `quantile_over_time(q, v[d])`
pub(super) fn quantile(windows: &Windows<'_>, scalars: &[Vec<f64>], out: &mut Column) {
    let [quantiles] = scalars else { unreachable!("the checker demands the scalar") };
    if windows.are_short() {
        let mut scratch = Vec::new();
        for window in windows.iter() {
            scratch.clear();
            scratch.extend_from_slice(windows.of(window));
            out.set(window.step, aggregate::quantile(quantiles[window.step], &mut scratch));
        }
        return;
    }
    each_sorted(windows, |step, sorted| out.set(step, sorted.quantile(quantiles[step])));
}

/// `mad_over_time(v[d])`
pub(super) fn mad(windows: &Windows<'_>, _: &[Vec<f64>], out: &mut Column) {
    let mut scratch = Vec::new();
    let mut distance = |values: &[f64]| {
        if values.iter().any(|value| value.is_nan()) {
            return f64::NAN;
        }
        scratch.clear();
        scratch.extend_from_slice(values);
        let median = aggregate::quantile(0.5, &mut scratch);
        scratch.iter_mut().for_each(|value| *value = (*value - median).abs());
        aggregate::quantile(0.5, &mut scratch)
    };
    // Distances from a median that is no number have no order of their own.
    if windows.are_short() || windows.values().iter().any(|value| !value.is_finite()) {
        windows.iter().for_each(|window| out.set(window.step, distance(windows.of(window))));
        return;
    }
    each_sorted(windows, |step, sorted| out.set(step, sorted.median_distance()));
}

/// Gives the values of each window in order.
fn each_sorted(windows: &Windows<'_>, mut give: impl FnMut(usize, &Sorted<'_>)) {
    let values = windows.values();
    let mut places: Vec<usize> = (0..values.len()).collect();
    let goes_on =
        windows.sort(&mut places, &|a, b| match (values[*a].is_nan(), values[*b].is_nan()) {
            (false, false) => values[*a].total_cmp(&values[*b]),
            (a, b) => b.cmp(&a),
        });
    if !goes_on {
        return;
    }
    let mut rank_of = vec![0; values.len()];
    places.iter().enumerate().for_each(|(rank, place)| rank_of[*place] = rank);
    let all: Vec<f64> = places.iter().map(|place| values[*place]).collect();
    let mut sorted = Sorted { all: &all, ranks: Ranks::new(values.len()) };
    let (mut from, mut to) = (0, 0);
    for window in windows.iter() {
        (to..window.to).for_each(|at| sorted.ranks.insert(rank_of[at]));
        (from..window.from).for_each(|at| sorted.ranks.remove(rank_of[at]));
        (from, to) = (window.from, window.to);
        give(window.step, &sorted);
    }
}

/// The values of a window, in order.
struct Sorted<'s> {
    /// The values of the whole series, in order.
    all: &'s [f64],
    /// Which of them are in the window.
    ranks: Ranks,
}

impl Sorted<'_> {
    /// Value number `at` of the window.
    fn value(&self, at: usize) -> f64 {
        self.all[self.ranks.select(at)]
    }

    /// Equals [`aggregate::quantile`].
    fn quantile(&self, q: f64) -> f64 {
        if q.is_nan() {
            return f64::NAN;
        }
        if q < 0.0 {
            return f64::NEG_INFINITY;
        }
        if q > 1.0 {
            return f64::INFINITY;
        }
        let last = self.ranks.len() - 1;
        let (lower, weight) = split(q * last as f64);
        let upper = (lower + 1).min(last);
        self.value(lower) * (1.0 - weight) + self.value(upper) * weight
    }

    /// The median of the distances from the median.
    fn median_distance(&self) -> f64 {
        let median = self.quantile(0.5);
        let last = self.ranks.len() - 1;
        let (lower, weight) = split(0.5 * last as f64);
        let upper = (lower + 1).min(last);
        self.distance(lower, median) * (1.0 - weight) + self.distance(upper, median) * weight
    }

    /// The distance from `median` that is number `at` in order of distance.
    ///
    /// Below the median distances rise leftwards, above it rightwards. Of the `at + 1` nearest
    /// values, some number lies below: the smallest such that the next one below is no nearer than
    /// the last one above.
    fn distance(&self, at: usize, median: f64) -> f64 {
        let below = self.ranks.count_before(self.all.partition_point(|value| *value < median));
        let above = self.ranks.len() - below;
        let left = |number: usize| median - self.value(below - 1 - number);
        let right = |number: usize| self.value(below + number) - median;
        let wanted = at + 1;
        let (mut least, mut most) = (wanted.saturating_sub(above), wanted.min(below));
        while least < most {
            let taken = least.midpoint(most);
            if left(taken) < right(wanted - taken - 1) {
                least = taken + 1;
            } else {
                most = taken;
            }
        }
        let nearest_left = (least > 0).then(|| left(least - 1));
        let nearest_right = (least < wanted).then(|| right(wanted - least - 1));
        nearest_left.into_iter().chain(nearest_right).fold(0.0, f64::max)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a rank lies between 0 and a length")]
fn split(rank: f64) -> (usize, f64) {
    (rank.floor() as usize, rank - rank.floor())
}

/// Which ranks are taken: a Fenwick tree of counts. Every operation is logarithmic.
struct Ranks {
    /// From 1 on: node `n` counts the ranks in the run that ends before it and is as long as the
    /// lowest bit of `n`.
    counts: Vec<u32>,
    len: usize,
}

impl Ranks {
    fn new(ranks: usize) -> Self {
        Self { counts: vec![0; ranks + 1], len: 0 }
    }

    /// How many are taken.
    fn len(&self) -> usize {
        self.len
    }

    fn insert(&mut self, rank: usize) {
        self.len += 1;
        let mut node = rank + 1;
        while let Some(count) = self.counts.get_mut(node) {
            *count += 1;
            node += lowest_bit(node);
        }
    }

    fn remove(&mut self, rank: usize) {
        self.len -= 1;
        let mut node = rank + 1;
        while let Some(count) = self.counts.get_mut(node) {
            *count -= 1;
            node += lowest_bit(node);
        }
    }

    /// How many of the taken ranks come before `rank`.
    fn count_before(&self, rank: usize) -> usize {
        let (mut node, mut count) = (rank, 0);
        while node > 0 {
            count += self.counts[node] as usize;
            node -= lowest_bit(node);
        }
        count
    }

    /// Number `at` of the taken ranks.
    fn select(&self, at: usize) -> usize {
        let (mut node, mut rest) = (0, at);
        let mut length = self.counts.len().next_power_of_two();
        while length > 0 {
            if let Some(count) = self.counts.get(node + length)
                && *count as usize <= rest
            {
                rest -= *count as usize;
                node += length;
            }
            length /= 2;
        }
        node
    }
}

fn lowest_bit(number: usize) -> usize {
    number & number.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn ranks_are_a_sorted_set(taken in prop::collection::vec(0usize..40, 1..60)) {
            let (mut ranks, mut set) = (Ranks::new(40), BTreeSet::new());
            for rank in taken {
                if set.remove(&rank) {
                    ranks.remove(rank);
                } else {
                    set.insert(rank);
                    ranks.insert(rank);
                }
                prop_assert_eq!(ranks.len(), set.len());
                for (at, rank) in set.iter().enumerate() {
                    prop_assert_eq!(ranks.select(at), *rank);
                }
                for rank in 0..=40 {
                    prop_assert_eq!(ranks.count_before(rank), set.range(..rank).count());
                }
            }
        }
    }
}
