//! Classic histograms: series whose `le` labels name the upper bounds of cumulative buckets.
//!
//! Series that differ in `le` alone are one histogram, a [`Family`]. What is asked of a histogram
//! is answered step by step from the buckets that are there at that step.

use std::collections::hash_map::Entry;

use model::Labels;
use model::labels::{BUCKET_LABEL, Quoted};
use rustc_hash::FxHashMap;

use crate::eval::column::Column;
use crate::eval::series::EvalSeries;

/// Counts that differ by no more than this part of themselves are equal: their sums were rounded.
const TOLERANCE: f64 = 1e-12;

/// The buckets of one histogram.
#[derive(Clone, Debug)]
pub struct Family {
    /// Its labels, without `le`.
    pub labels: Labels,
    /// Whether its name is to go at the end.
    pub drop_name: bool,
    /// Upper bounds, rising, each with its counts.
    buckets: Vec<(f64, Column)>,
}

/// A bucket at one step.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    /// Its upper bound.
    bound: f64,
    /// How many observations lie at or below the bound.
    count: f64,
}

/// The histograms there are in a vector, in the order they came up.
///
/// A series without a usable `le` is none; `warn` is told.
pub fn families(
    series: impl IntoIterator<Item = EvalSeries>,
    mut warn: impl FnMut(String),
) -> Vec<Family> {
    let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
    let mut families: Vec<Family> = Vec::new();
    for one in series {
        let le = one.labels.get(BUCKET_LABEL);
        let Some(bound) = model::float::parse(le) else {
            let name = Quoted(one.labels.metric_name());
            let le = Quoted(le);
            warn(format!(
                "bucket label \"{BUCKET_LABEL}\" is missing or has a malformed value of {le} \
                 for metric name {name}"
            ));
            continue;
        };
        let labels = one.labels.filtered(|name| name != BUCKET_LABEL);
        let family = match places.entry(labels) {
            Entry::Occupied(place) => &mut families[*place.get()],
            Entry::Vacant(place) => {
                let labels = place.key().clone();
                place.insert(families.len());
                families.push(Family { labels, drop_name: false, buckets: Vec::new() });
                families.last_mut().expect("just pushed")
            }
        };
        family.drop_name |= one.drop_name;
        family.buckets.push((bound, one.column));
    }
    for family in &mut families {
        family.buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    }
    families
}

/// For which quantiles of a family buckets had to be corrected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Corrected {
    /// For that at the first step that has buckets.
    pub first: bool,
    /// For one behind it.
    pub later: bool,
}

impl Family {
    /// The quantiles, one for each step, and whether buckets had to be corrected for the first of
    /// them, and for any later one: counts that fall from bucket to bucket cannot be cumulative.
    pub fn quantiles(&self, quantiles: &[f64]) -> (Column, Corrected) {
        let mut corrected = Corrected::default();
        let mut is_first = true;
        let column = self.each_step(quantiles.len(), |step, buckets| {
            let (value, forced) = quantile(quantiles[step], buckets);
            let which = if std::mem::take(&mut is_first) {
                &mut corrected.first
            } else {
                &mut corrected.later
            };
            *which |= forced;
            value
        });
        (column, corrected)
    }

    /// The part of the observations between the bounds of each step.
    pub fn fractions(&self, lower: &[f64], upper: &[f64]) -> Column {
        self.each_step(lower.len(), |step, buckets| fraction(lower[step], upper[step], buckets))
    }

    fn each_step(
        &self,
        steps: usize,
        mut value: impl FnMut(usize, &mut Vec<Bucket>) -> f64,
    ) -> Column {
        let mut column = Column::absent(steps);
        let mut buckets = Vec::new();
        for step in 0..steps {
            buckets.clear();
            for (bound, counts) in &self.buckets {
                if let Some(count) = counts.get(step) {
                    push(&mut buckets, Bucket { bound: *bound, count });
                }
            }
            if !buckets.is_empty() {
                column.set(step, value(step, &mut buckets));
            }
        }
        column
    }
}

/// Adds a bucket; if it has the bound of the last one (`1` and `1.0`), to that one.
fn push(buckets: &mut Vec<Bucket>, bucket: Bucket) {
    match buckets.last_mut() {
        Some(last) if last.bound == bucket.bound => last.count += bucket.count,
        _ => buckets.push(bucket),
    }
}

/// The value at or below which that part of the observations lies, taking them as evenly spread
/// within a bucket, and whether buckets had to be corrected.
///
/// `buckets` are sorted by bounds that differ.
fn quantile(q: f64, buckets: &mut [Bucket]) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if q > 1.0 {
        return (f64::INFINITY, false);
    }
    if buckets.last().is_none_or(|last| last.bound != f64::INFINITY) {
        return (f64::NAN, false);
    }
    let corrected = make_cumulative(buckets);
    let last = buckets.len() - 1;
    if last == 0 || buckets[last].count == 0.0 {
        return (f64::NAN, corrected);
    }
    let rank = q * buckets[last].count;
    let at = buckets[..last].partition_point(|bucket| bucket.count < rank);
    let end = buckets[at].bound;
    let value = match at.checked_sub(1) {
        // In the last bucket, which has no end: where it begins.
        _ if at == last => buckets[last - 1].bound,
        None if end <= 0.0 => end,
        None => end * (rank / buckets[at].count),
        Some(below) => {
            let Bucket { bound: start, count: before } = buckets[below];
            start + (end - start) * ((rank - before) / (buckets[at].count - before))
        }
    };
    (value, corrected)
}

/// Takes away falls from bucket to bucket. Returns whether any was more than rounding.
fn make_cumulative(buckets: &mut [Bucket]) -> bool {
    let mut corrected = false;
    let mut before = buckets[0].count;
    for bucket in &mut buckets[1..] {
        if nearly_equal(before, bucket.count) {
            bucket.count = before;
        } else if bucket.count < before {
            bucket.count = before;
            corrected = true;
        }
        before = bucket.count;
    }
    corrected
}

fn nearly_equal(a: f64, b: f64) -> bool {
    if a == b {
        return true;
    }
    let (sum, distance) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return distance < TOLERANCE * f64::MIN_POSITIVE;
    }
    distance / sum.min(f64::MAX) < TOLERANCE
}

/// The part of the observations above `lower` and not above `upper`.
///
/// `buckets` are sorted by bounds that differ.
fn fraction(lower: f64, upper: f64, buckets: &[Bucket]) -> f64 {
    let Some(last) = buckets.last().filter(|last| last.bound == f64::INFINITY) else {
        return f64::NAN;
    };
    if last.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let below = |value: f64| rank(value, buckets).unwrap_or(last.count).min(last.count);
    (below(upper) - below(lower)) / last.count
}

/// How many observations lie at or below `value`; `None` if it is no less than every bound.
fn rank(value: f64, buckets: &[Bucket]) -> Option<f64> {
    let starts_at_zero = buckets.first().is_some_and(|bucket| bucket.bound > 0.0);
    let start = if starts_at_zero { 0.0 } else { f64::NEG_INFINITY };
    let mut before = Bucket { bound: start, count: 0.0 };
    for bucket in buckets {
        if before.bound >= value {
            return Some(before.count);
        }
        if bucket.bound > value {
            if before.bound == f64::NEG_INFINITY {
                // Nobody knows where in a bucket without beginning its observations lie.
                return Some(bucket.count);
            }
            let part = (value - before.bound) / (bucket.bound - before.bound);
            return Some(before.count + (bucket.count - before.count) * part);
        }
        before = *bucket;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        let mut buckets = Vec::new();
        pairs.iter().for_each(|(bound, count)| {
            push(&mut buckets, Bucket { bound: *bound, count: *count });
        });
        buckets
    }

    #[test]
    fn quantiles_are_interpolated_within_a_bucket() {
        let plain: &[(f64, f64)] = &[(1.0, 10.0), (2.0, 30.0), (INF, 40.0)];
        for (q, pairs, expected) in [
            (0.5, plain, (1.5, false)),
            (0.125, plain, (0.5, false)),
            (0.9, plain, (2.0, false)),
            (-0.1, plain, (-INF, false)),
            (1.1, plain, (INF, false)),
            (0.5, &[(-1.0, 10.0), (INF, 10.0)], (-1.0, false)),
            (0.5, &[(1.0, 5.0), (1.0, 5.0), (INF, 10.0)], (0.5, false)),
            (0.5, &[(1.0, 10.0), (2.0, 6.0), (INF, 10.0)], (0.5, true)),
            (0.5, &[(1.0, 10.0), (2.0, 10.0 - 1e-13), (INF, 10.0)], (0.5, false)),
        ] {
            assert_eq!(quantile(q, &mut buckets(pairs)), expected, "{q} of {pairs:?}");
        }
    }

    #[test]
    fn without_an_infinite_bucket_another_one_and_observations_there_is_no_quantile() {
        let sets: [&[(f64, f64)]; 3] = [&[(1.0, 1.0)], &[(INF, 1.0)], &[(1.0, 0.0), (INF, 0.0)]];
        for pairs in sets {
            assert!(quantile(0.5, &mut buckets(pairs)).0.is_nan(), "{pairs:?}");
        }
        assert!(quantile(f64::NAN, &mut buckets(&[(1.0, 1.0), (INF, 1.0)])).0.is_nan());
    }

    #[test]
    fn fractions_are_differences_of_ranks() {
        let pairs = buckets(&[(1.0, 10.0), (2.0, 30.0), (INF, 40.0)]);
        for (lower, upper, expected) in [
            (0.0, 1.0, 0.25),
            (0.5, 1.5, 0.375),
            (1.0, 2.0, 0.5),
            (-INF, INF, 1.0),
            (2.0, INF, 0.25),
            (2.0, 1.0, 0.0),
            (-10.0, -5.0, 0.0),
            (-10.0, 1.0, 0.25),
        ] {
            assert_eq!(fraction(lower, upper, &pairs), expected, "{lower} to {upper}");
        }
        let negative = buckets(&[(-3.0, 10.0), (-2.0, 12.0), (INF, 100.0)]);
        assert_eq!(fraction(-4.0, -2.0, &negative), 0.02, "of the first bucket nothing counts");
        assert!(fraction(f64::NAN, 1.0, &pairs).is_nan());
        assert!(fraction(0.0, 1.0, &pairs[..2]).is_nan());
    }

    #[test]
    fn series_without_a_bound_are_no_buckets() {
        let one = |pairs: &[(&str, &str)]| {
            let labels = Labels::from_pairs(pairs.iter().copied());
            EvalSeries::new(labels, Column::full(vec![1.0]))
        };
        let series = vec![
            one(&[("__name__", "b"), ("le", "+Inf")]),
            one(&[("__name__", "b"), ("le", "one")]),
            one(&[("__name__", "b"), ("le", "0.5")]),
            one(&[("__name__", "b"), ("le", "0.5"), ("x", "y")]),
        ];
        let mut warnings = Vec::new();
        let families = families(series, |text| warnings.push(text));
        let found: Vec<_> =
            families.iter().map(|f| (f.labels.to_string(), f.buckets.len())).collect();
        assert_eq!(
            found,
            [(r#"{__name__="b"}"#.to_owned(), 2), (r#"{__name__="b", x="y"}"#.to_owned(), 1)]
        );
        assert_eq!(
            warnings,
            [
                r#"bucket label "le" is missing or has a malformed value of "one" for metric name "b""#
            ]
        );
    }
}
