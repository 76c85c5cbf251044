//! Sums and differences of histograms.

use model::Histogram;
use model::histogram::CounterResetHint;

use super::layout::{self, Side};

/// Two histograms of which one has custom bounds and the other has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch;

/// A sum or difference, and what is to be said about it.
#[derive(Clone, Debug)]
pub struct Combined {
    /// The histogram.
    pub histogram: Histogram,
    /// Whether one side was known to be reset and the other was known not to be.
    pub hints_conflict: bool,
    /// Whether custom bounds differed, and only those that both have were kept.
    pub bounds_reconciled: bool,
}

/// `a + b`
pub fn add(a: &Histogram, b: &Histogram) -> Result<Combined, Mismatch> {
    combine(a, b, 1.0)
}

/// `a - b`
pub fn subtract(a: &Histogram, b: &Histogram) -> Result<Combined, Mismatch> {
    combine(a, b, -1.0)
}

fn combine(a: &Histogram, b: &Histogram, sign: f64) -> Result<Combined, Mismatch> {
    if a.has_custom_bounds() != b.has_custom_bounds() {
        return Err(Mismatch);
    }
    let (counter_reset_hint, hints_conflict) = hint(a.counter_reset_hint, b.counter_reset_hint);
    let mut histogram = Histogram {
        counter_reset_hint,
        count: a.count + sign * b.count,
        sum: a.sum + sign * b.sum,
        ..Histogram::default()
    };
    let mut bounds_reconciled = false;
    if a.has_custom_bounds() {
        histogram.schema = a.schema;
        bounds_reconciled = a.custom_values != b.custom_values;
        let bounds = shared_bounds(a, b);
        let side = merged(&rebound(a, &bounds), &rebound(b, &bounds), sign);
        layout::set(&mut histogram, &side, &Vec::new());
        histogram.custom_values = bounds;
    } else {
        exponential(&mut histogram, a, b, sign);
    }
    Ok(Combined { histogram, hints_conflict, bounds_reconciled })
}

fn exponential(result: &mut Histogram, a: &Histogram, b: &Histogram, sign: f64) {
    let mut threshold = a.zero_threshold.max(b.zero_threshold);
    let (of_a, of_b) = loop {
        let (count_a, wide_a) = layout::widened_zero(a, threshold);
        let (count_b, wide_b) = layout::widened_zero(b, threshold);
        let wider = wide_a.max(wide_b);
        if wider <= threshold {
            break (count_a, count_b);
        }
        threshold = wider;
    };
    result.schema = a.schema.min(b.schema);
    result.zero_threshold = threshold;
    result.zero_count = of_a + sign * of_b;
    let outside = |h: &Histogram, side: fn(&Histogram, i8) -> Side| {
        // At the histogram's own resolution no filled bucket lies across the threshold.
        let mut all = side(h, h.schema);
        layout::outside_zero(&mut all, h.schema, threshold);
        let mut kept = h.clone();
        layout::set(&mut kept, &all, &all);
        side(&kept, result.schema)
    };
    let positive = merged(&outside(a, layout::positive), &outside(b, layout::positive), sign);
    let negative = merged(&outside(a, layout::negative), &outside(b, layout::negative), sign);
    layout::set(result, &positive, &negative);
}

/// The buckets of both, those of `b` with a sign.
fn merged(a: &Side, b: &Side, sign: f64) -> Side {
    let mut all = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some((l, _)), Some((r, _))) => (*l).min(*r),
            (Some((l, _)), None) => *l,
            (None, Some((r, _))) => *r,
            (None, None) => return all,
        };
        let left = a.next_if(|(index, _)| *index == next).map_or(0.0, |(_, count)| *count);
        let right = b.next_if(|(index, _)| *index == next).map_or(0.0, |(_, count)| *count);
        all.push((next, left + sign * right));
    }
}

/// The custom bounds that both have.
pub(super) fn shared_bounds(a: &Histogram, b: &Histogram) -> Vec<f64> {
    a.custom_values.iter().filter(|bound| b.custom_values.contains(bound)).copied().collect()
}

/// The buckets of a histogram with custom bounds, for fewer bounds, which are among its own.
pub(super) fn rebound(h: &Histogram, bounds: &[f64]) -> Side {
    let mut all: Side = Vec::new();
    for (index, count) in layout::positive(h, h.schema) {
        let (_, upper) = h.bounds(index);
        let at = bounds.partition_point(|bound| *bound < upper);
        let at = i32::try_from(at).unwrap_or(i32::MAX);
        match all.last_mut() {
            Some((last, sum)) if *last == at => *sum += count,
            _ => all.push((at, count)),
        }
    }
    all
}

/// What is known of resets of a sum, and whether the two contradict each other.
fn hint(a: CounterResetHint, b: CounterResetHint) -> (CounterResetHint, bool) {
    use CounterResetHint::{Gauge, Unknown};
    match (a, b) {
        (a, b) if a == b => (a, false),
        (Gauge, _) | (_, Gauge) => (Gauge, false),
        (Unknown, _) | (_, Unknown) => (Unknown, false),
        _ => (Unknown, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::histogram::{CUSTOM_BUCKETS_SCHEMA, Span};

    fn exponential(schema: i8, counts: &[f64]) -> Histogram {
        let length = u32::try_from(counts.len()).expect("few");
        Histogram {
            schema,
            count: counts.iter().sum(),
            positive_spans: vec![Span { offset: 0, length }],
            positive: counts.to_vec(),
            ..Histogram::default()
        }
    }

    fn custom(bounds: &[f64], counts: &[f64]) -> Histogram {
        let base = exponential(CUSTOM_BUCKETS_SCHEMA, counts);
        Histogram { custom_values: bounds.to_vec(), ..base }
    }

    #[test]
    fn the_coarser_resolution_wins() {
        let sum = add(&exponential(1, &[1.0, 2.0, 4.0]), &exponential(0, &[8.0, 16.0]));
        let sum = sum.expect("both are exponential").histogram;
        assert_eq!((sum.schema, sum.positive, sum.count), (0, vec![9.0, 22.0], 31.0));
    }

    #[test]
    fn a_difference_with_itself_has_no_buckets() {
        let one = exponential(2, &[1.0, 2.0]);
        let nothing = subtract(&one, &one).expect("they fit").histogram;
        assert_eq!((nothing.count, nothing.positive.len()), (0.0, 0));
    }

    #[test]
    fn the_wider_zero_bucket_takes_buckets_in() {
        let narrow = exponential(0, &[1.0, 2.0, 4.0]);
        let wide = Histogram { zero_threshold: 1.0, zero_count: 8.0, ..exponential(0, &[]) };
        let sum = add(&narrow, &wide).expect("both are exponential").histogram;
        assert_eq!((sum.zero_threshold, sum.zero_count), (1.0, 9.0));
        assert_eq!(sum.positive, [2.0, 4.0]);
    }

    #[test]
    fn custom_bounds_that_differ_keep_what_is_shared() {
        let sum = add(&custom(&[1.0, 2.0, 3.0], &[1.0; 4]), &custom(&[1.0, 3.0], &[1.0; 3]));
        let sum = sum.expect("both are custom");
        assert!(sum.bounds_reconciled);
        assert_eq!(
            (sum.histogram.custom_values, sum.histogram.positive),
            (vec![1.0, 3.0], vec![2.0, 3.0, 2.0])
        );
        assert!(add(&custom(&[1.0], &[]), &exponential(0, &[])).is_err());
    }
}
