//! `</` and `>/`: only the observations below a value, or above it.
//!
//! Of a bucket that the value cuts, the part is kept that its observations are taken to have there. The
//! sum is then unknown, and estimated from the middles of what is left of the buckets.

use model::Histogram;
use model::histogram::Bucket;

use super::distribution::{narrowed, part_below};
use super::layout::{self, Side};

/// The observations up to `at`, or, unless `below`, from there on.
pub fn trimmed(h: &Histogram, at: f64, below: bool) -> Histogram {
    let mut cut = Cut { h, at, below, count: 0.0, sum: 0.0, is_whole: true };
    let zero = Bucket { lower: -h.zero_threshold, upper: h.zero_threshold, count: h.zero_count };
    let zero_count = if h.zero_count > 0.0 { cut.keep(zero) } else { h.zero_count };
    let positive = cut.side(layout::positive(h, h.schema), false);
    let negative = cut.side(layout::negative(h, h.schema), true);
    if cut.is_whole {
        return h.clone();
    }
    let mut result = Histogram { zero_count, count: cut.count, sum: cut.sum, ..h.clone() };
    layout::set(&mut result, &positive, &negative);
    result
}

struct Cut<'h> {
    h: &'h Histogram,
    at: f64,
    below: bool,
    count: f64,
    sum: f64,
    is_whole: bool,
}

impl Cut<'_> {
    fn side(&mut self, side: Side, is_negative: bool) -> Side {
        let one = |(index, count)| {
            let (lower, upper) = self.h.bounds(index);
            let (lower, upper) = if is_negative { (-upper, -lower) } else { (lower, upper) };
            (index, self.keep(Bucket { lower, upper, count }))
        };
        side.into_iter().map(one).collect()
    }

    /// How much of a bucket is kept.
    fn keep(&mut self, bucket: Bucket) -> f64 {
        let lowest = bucket.lower;
        let bucket = narrowed(self.h, bucket);
        let kept = bucket.count * self.part(&bucket, lowest);
        self.is_whole &= kept == bucket.count;
        self.count += kept;
        if kept != 0.0 {
            self.sum += kept * self.middle(&bucket);
        }
        kept
    }

    /// Which part of a bucket is kept; it began at `lowest` before it was narrowed.
    fn part(&self, bucket: &Bucket, lowest: f64) -> f64 {
        let Bucket { lower, upper, .. } = *bucket;
        // Nobody knows where in it its observations lie.
        let is_open = lowest == f64::NEG_INFINITY && self.at > lowest && self.at < upper;
        if is_open && (upper == f64::INFINITY || (!self.below && self.at < lower)) {
            return 0.0;
        }
        let part_below_it = if upper <= self.at {
            1.0
        } else if lower >= self.at || upper == f64::INFINITY {
            0.0
        } else {
            part_below(self.h, bucket, self.at)
        };
        if self.below { part_below_it } else { 1.0 - part_below_it }
    }

    /// The middle of what is kept of a bucket.
    fn middle(&self, bucket: &Bucket) -> f64 {
        let Bucket { mut lower, mut upper, .. } = *bucket;
        if self.below {
            upper = upper.min(self.at);
        } else {
            lower = lower.max(self.at);
        }
        if lower == f64::NEG_INFINITY {
            upper
        } else if upper == f64::INFINITY {
            lower
        } else if self.h.has_custom_bounds() || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
            f64::midpoint(lower, upper)
        } else {
            (lower * upper).sqrt().copysign(upper)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::histogram::Span;

    fn histogram() -> Histogram {
        Histogram {
            count: 13.0,
            sum: 99.0,
            zero_threshold: 0.5,
            zero_count: 1.0,
            positive_spans: vec![Span { offset: 1, length: 2 }],
            positive: vec![4.0, 8.0],
            ..Histogram::default()
        }
    }

    #[test]
    fn whole_buckets_stay_or_go() {
        let below = trimmed(&histogram(), 2.0, true);
        assert_eq!((below.count, below.positive), (5.0, vec![4.0]));
        let above = trimmed(&histogram(), 2.0, false);
        assert_eq!((above.count, above.zero_count, above.positive), (8.0, 0.0, vec![8.0]));
        assert!((above.sum - 8.0 * 8.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_cut_keeps_its_sum() {
        assert_eq!(trimmed(&histogram(), 100.0, true), histogram());
        assert_eq!(trimmed(&histogram(), -1.0, false), histogram());
    }

    #[test]
    fn a_cut_bucket_is_shared() {
        let below = trimmed(&histogram(), 2.0_f64.sqrt(), true);
        assert!((below.positive[0] - 2.0).abs() < 1e-12);
    }
}
