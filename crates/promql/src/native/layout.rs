//! Buckets as lists of index and count, and the ways they can lie.

use model::Histogram;
use model::bucket_bounds::exponential_bound;
use model::histogram::{Span, indexed};

/// Indexes, rising, with their counts.
pub(super) type Side = Vec<(i32, f64)>;

/// The buckets above zero, at a resolution that is not finer than the histogram's.
pub(super) fn positive(h: &Histogram, schema: i8) -> Side {
    reduced(indexed(&h.positive_spans, &h.positive), h.schema, schema)
}

/// The buckets below zero, likewise.
pub(super) fn negative(h: &Histogram, schema: i8) -> Side {
    reduced(indexed(&h.negative_spans, &h.negative), h.schema, schema)
}

fn reduced(buckets: impl Iterator<Item = (i32, f64)>, from: i8, to: i8) -> Side {
    let shift = u32::try_from(i32::from(from) - i32::from(to)).unwrap_or(0);
    let mut side: Side = Vec::new();
    for (index, count) in buckets {
        let index = ((index - 1) >> shift) + 1;
        match side.last_mut() {
            Some((last, sum)) if *last == index => *sum += count,
            _ => side.push((index, count)),
        }
    }
    side
}

/// Puts buckets in place of those of a histogram, without empty ones.
pub(super) fn set(h: &mut Histogram, positive: &Side, negative: &Side) {
    (h.positive_spans, h.positive) = spans(positive);
    (h.negative_spans, h.negative) = spans(negative);
}

fn spans(side: &Side) -> (Vec<Span>, Vec<f64>) {
    let (mut spans, mut counts): (Vec<Span>, Vec<f64>) = Default::default();
    let mut next = 0;
    for (index, count) in side.iter().filter(|(_, count)| *count != 0.0) {
        match spans.last_mut() {
            Some(last) if *index == next => last.length += 1,
            _ => spans.push(Span { offset: index - next, length: 1 }),
        }
        counts.push(*count);
        next = index + 1;
    }
    (spans, counts)
}

/// The histogram without empty buckets.
pub fn compact(h: &Histogram) -> Histogram {
    let mut result = h.clone();
    set(&mut result, &positive(h, h.schema), &negative(h, h.schema));
    result
}

/// Whether two histograms hold the same observations; what is known of resets does not count, and
/// neither do empty buckets.
pub fn equal(a: &Histogram, b: &Histogram) -> bool {
    let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || a == b;
    let sides = |a: &Side, b: &Side| {
        let filled = |side: &Side| -> Side {
            side.iter().copied().filter(|(_, count)| *count != 0.0).collect()
        };
        let (a, b) = (filled(a), filled(b));
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
    };
    a.schema == b.schema
        && same(a.zero_threshold, b.zero_threshold)
        && same(a.zero_count, b.zero_count)
        && same(a.count, b.count)
        && same(a.sum, b.sum)
        && sides(&positive(a, a.schema), &positive(b, b.schema))
        && sides(&negative(a, a.schema), &negative(b, b.schema))
        && a.custom_values == b.custom_values
}

/// Count and threshold of the zero bucket if it reached as far as `threshold`; the threshold is wider
/// if it would lie within a bucket that counts something.
pub(super) fn widened_zero(h: &Histogram, threshold: f64) -> (f64, f64) {
    let mut threshold = threshold;
    if threshold <= h.zero_threshold {
        return (h.zero_count, h.zero_threshold);
    }
    'again: loop {
        let mut count = h.zero_count;
        for (side, is_positive) in [(positive(h, h.schema), true), (negative(h, h.schema), false)] {
            for (index, of_bucket) in side {
                let lower = exponential_bound(h.schema, index - 1);
                let upper = exponential_bound(h.schema, index);
                if lower >= threshold {
                    break;
                }
                count += of_bucket;
                if upper > threshold {
                    if of_bucket != 0.0 {
                        threshold = upper;
                        if !is_positive {
                            continue 'again;
                        }
                    }
                    break;
                }
            }
        }
        return (count, threshold);
    }
}

/// The narrowest threshold at which no filled bucket of any of them lies across the zero bucket's end.
pub(super) fn common_threshold(all: &[&Histogram]) -> f64 {
    let mut threshold = all.iter().map(|h| h.zero_threshold).fold(0.0, f64::max);
    loop {
        let wider = all.iter().map(|h| widened_zero(h, threshold).1).fold(threshold, f64::max);
        if wider <= threshold {
            return threshold;
        }
        threshold = wider;
    }
}

/// The buckets of one side beyond the zero bucket, at a resolution that is not finer.
pub(super) fn beyond(
    h: &Histogram,
    side: fn(&Histogram, i8) -> Side,
    threshold: f64,
    schema: i8,
) -> Side {
    // At the histogram's own resolution no filled bucket lies across the threshold.
    let mut all = side(h, h.schema);
    outside_zero(&mut all, h.schema, threshold);
    reduced(all.into_iter(), h.schema, schema)
}

/// Drops the buckets that lie within the zero bucket.
pub(super) fn outside_zero(side: &mut Side, schema: i8, threshold: f64) {
    side.retain(|(index, _)| exponential_bound(schema, *index) > threshold);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram() -> Histogram {
        Histogram {
            zero_threshold: 0.5,
            zero_count: 1.0,
            positive_spans: vec![Span { offset: 0, length: 4 }],
            positive: vec![2.0, 0.0, 3.0, 4.0],
            ..Histogram::default()
        }
    }

    #[test]
    fn a_coarser_resolution_joins_buckets() {
        assert_eq!(positive(&histogram(), -1), [(0, 2.0), (1, 3.0), (2, 4.0)]);
        assert_eq!(positive(&histogram(), 0).len(), 4);
    }

    #[test]
    fn empty_buckets_go_and_leave_gaps() {
        let compacted = compact(&histogram());
        assert_eq!(compacted.positive, [2.0, 3.0, 4.0]);
        assert_eq!(
            compacted.positive_spans,
            [Span { offset: 0, length: 1 }, Span { offset: 1, length: 2 }]
        );
        assert!(equal(&compacted, &histogram()));
    }

    #[test]
    fn a_threshold_within_a_filled_bucket_moves_to_its_end() {
        assert_eq!(widened_zero(&histogram(), 0.75), (3.0, 1.0));
        assert_eq!(widened_zero(&histogram(), 1.5), (3.0, 1.5));
        assert_eq!(widened_zero(&histogram(), 3.0), (6.0, 4.0));
    }
}
