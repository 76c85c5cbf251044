//! What a histogram says about its observations: quantiles, fractions, deviation.

use model::Histogram;
use model::histogram::Bucket;

/// The value below which that part of the observations lies. `None` if observations of NaN make it
/// unknowable.
pub fn quantile(q: f64, h: &Histogram) -> Option<f64> {
    if q < 0.0 {
        return Some(f64::NEG_INFINITY);
    }
    if q > 1.0 {
        return Some(f64::INFINITY);
    }
    if h.count == 0.0 || q.is_nan() {
        return Some(f64::NAN);
    }
    // From below if it lies there, and if NaN was observed: those count, and stand in no bucket.
    let from_below = h.sum.is_nan() || q < 0.5;
    let mut buckets = h.buckets();
    if !from_below {
        buckets.reverse();
    }
    let rank = if from_below { q * h.count } else { (1.0 - q) * h.count };
    let mut count = 0.0;
    let mut found = None;
    for bucket in buckets.iter().filter(|bucket| bucket.count != 0.0) {
        count += bucket.count;
        found = Some(*bucket);
        if count >= rank {
            break;
        }
    }
    // Of observations that are in no bucket, nothing but zero can be told.
    let nowhere = Bucket { lower: 0.0, upper: 0.0, count: 0.0 };
    let bucket = narrowed(h, found.unwrap_or(nowhere));
    if h.has_custom_bounds() && bucket.lower == f64::NEG_INFINITY {
        return Some(bucket.upper);
    }
    if h.has_custom_bounds() && bucket.upper == f64::INFINITY {
        return Some(bucket.lower);
    }
    let count = count.min(h.count);
    if count < rank {
        return if h.sum.is_nan() { None } else { Some(bucket.upper) };
    }
    let inside = if from_below { rank - (count - bucket.count) } else { count - rank };
    Some(value_at(h, &bucket, inside / bucket.count))
}

/// The bucket with the end that observations cannot have taken away: a zero bucket beside buckets on
/// one side only reaches from zero, and so does a first custom bucket.
pub(super) fn narrowed(h: &Histogram, bucket: Bucket) -> Bucket {
    let mut bucket = bucket;
    if h.has_custom_bounds() {
        if bucket.lower == f64::NEG_INFINITY && bucket.upper > 0.0 {
            bucket.lower = 0.0;
        }
    } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
        if h.negative.is_empty() && !h.positive.is_empty() {
            bucket.lower = 0.0;
        } else if h.positive.is_empty() && !h.negative.is_empty() {
            bucket.upper = 0.0;
        }
    }
    bucket
}

/// The value behind that part of a bucket: evenly spread in custom buckets and the zero bucket, and
/// exponentially, as buckets are, elsewhere.
fn value_at(h: &Histogram, bucket: &Bucket, part: f64) -> f64 {
    let Bucket { lower, upper, .. } = *bucket;
    if h.has_custom_bounds() || (lower <= 0.0 && upper >= 0.0) {
        return lower + (upper - lower) * part;
    }
    let (low, high) = (lower.abs().log2(), upper.abs().log2());
    if lower > 0.0 {
        return (low + (high - low) * part).exp2();
    }
    -(high + (low - high) * (1.0 - part)).exp2()
}

/// Which part of a bucket lies below a value inside it; the mirror image of [`value_at`].
pub(super) fn part_below(h: &Histogram, bucket: &Bucket, value: f64) -> f64 {
    let Bucket { lower, upper, .. } = *bucket;
    if h.has_custom_bounds() || (lower <= 0.0 && upper >= 0.0) {
        if lower == f64::NEG_INFINITY {
            return 1.0;
        }
        return (value - lower) / (upper - lower);
    }
    let (low, high, at) = (lower.abs().log2(), upper.abs().log2(), value.abs().log2());
    if value > 0.0 { (at - low) / (high - low) } else { 1.0 - (at - high) / (low - high) }
}

/// The part of the observations between two values.
pub fn fraction(lower: f64, upper: f64, h: &Histogram) -> f64 {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let buckets: Vec<Bucket> = h.buckets().into_iter().map(|b| narrowed(h, b)).collect();
    // In a difference of histograms there may be more below than there is in all.
    let below = |value| below(h, &buckets, value).min(h.count);
    (below(upper) - below(lower)) / h.count
}

/// How many observations lie below a value.
fn below(h: &Histogram, buckets: &[Bucket], value: f64) -> f64 {
    let mut rank = 0.0;
    for bucket in buckets {
        if bucket.lower >= value {
            return rank;
        }
        if bucket.upper > value {
            return rank + bucket.count * part_below(h, bucket, value);
        }
        rank += bucket.count;
    }
    rank
}

/// The variance of the observations, taking each bucket's for its middle.
pub fn deviation(h: &Histogram) -> f64 {
    let mean = h.sum / h.count;
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for Bucket { lower, upper, count } in h.buckets() {
        if count == 0.0 {
            continue;
        }
        let middle = if h.has_custom_bounds() {
            f64::midpoint(upper, lower)
        } else if lower <= 0.0 && upper >= 0.0 {
            0.0
        } else {
            (upper * lower).sqrt().copysign(upper)
        };
        let more = count * (middle - mean) * (middle - mean);
        let next = sum + more;
        lost += if sum.abs() >= more.abs() { (sum - next) + more } else { (more - next) + sum };
        sum = next;
    }
    // Beyond what floats hold nothing was lost that could be told.
    if sum.is_finite() { (sum + lost) / h.count } else { sum / h.count }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::histogram::{CUSTOM_BUCKETS_SCHEMA, Span};

    fn histogram(schema: i8, bounds: &[f64], counts: &[f64]) -> Histogram {
        let length = u32::try_from(counts.len()).expect("few");
        Histogram {
            schema,
            count: counts.iter().sum(),
            positive_spans: vec![Span { offset: 1, length }],
            positive: counts.to_vec(),
            custom_values: bounds.to_vec(),
            ..Histogram::default()
        }
    }

    #[test]
    fn quantiles_lie_exponentially_within_a_bucket() {
        let h = histogram(0, &[], &[4.0, 4.0]);
        for (q, value) in [(0.0, 1.0), (0.25, 2.0_f64.sqrt()), (0.5, 2.0), (1.0, 4.0)] {
            let found = quantile(q, &h).expect("no NaN was observed");
            assert!((found - value).abs() < 1e-12, "{q}: {found}");
            let part = fraction(f64::NEG_INFINITY, value, &h);
            assert!((part - q).abs() < 1e-12, "{q}: {part}");
        }
    }

    #[test]
    fn custom_buckets_are_linear_and_end_at_their_last_bound() {
        let mut h = histogram(CUSTOM_BUCKETS_SCHEMA, &[1.0, 3.0], &[4.0, 4.0]);
        h.positive_spans[0].offset = 1;
        assert_eq!(quantile(0.25, &h), Some(2.0));
        assert_eq!(quantile(0.9, &h), Some(3.0));
    }

    #[test]
    fn observations_in_no_bucket_are_zero_within_and_unknown_at_the_ends() {
        let h = Histogram { count: 4.0, sum: 5.0, ..Histogram::default() };
        assert_eq!((quantile(0.37, &h), quantile(0.77, &h)), (Some(0.0), Some(0.0)));
        assert!(quantile(0.0, &h).is_some_and(f64::is_nan));
        assert!(quantile(1.0, &h).is_some_and(f64::is_nan));
    }

    #[test]
    fn nan_among_the_observations_may_make_it_unknowable() {
        let mut h = histogram(0, &[], &[4.0]);
        (h.count, h.sum) = (8.0, f64::NAN);
        assert_eq!(quantile(0.9, &h), None);
        assert!(quantile(0.1, &h).is_some());
    }
}
