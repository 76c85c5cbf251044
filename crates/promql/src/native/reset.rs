//! Whether a counter was reset between two histograms.

use model::Histogram;
use model::histogram::CounterResetHint;

use super::add::{rebound, shared_bounds};
use super::layout::{self, Side};

/// Whether the counter behind `h` was reset since `before`: something it counted is less than it was,
/// or it has changed its form as only a new one can.
pub fn is_reset(h: &Histogram, before: &Histogram) -> bool {
    match h.counter_reset_hint {
        CounterResetHint::Reset => return true,
        CounterResetHint::NotReset => return false,
        CounterResetHint::Unknown | CounterResetHint::Gauge => {}
    }
    if h.count < before.count || h.has_custom_bounds() != before.has_custom_bounds() {
        return true;
    }
    if h.has_custom_bounds() {
        let bounds = shared_bounds(h, before);
        return any_falls(&rebound(h, &bounds), &rebound(before, &bounds));
    }
    if h.schema > before.schema || h.zero_threshold < before.zero_threshold {
        return true;
    }
    let (zero_before, threshold) = layout::widened_zero(before, h.zero_threshold);
    if threshold != h.zero_threshold || h.zero_count < zero_before {
        return true;
    }
    falls(h, before, layout::positive) || falls(h, before, layout::negative)
}

/// Whether some bucket that `before` has counts less in `h`.
fn falls(h: &Histogram, before: &Histogram, side: fn(&Histogram, i8) -> Side) -> bool {
    let mut old = side(before, h.schema);
    layout::outside_zero(&mut old, h.schema, h.zero_threshold);
    any_falls(&side(h, h.schema), &old)
}

fn any_falls(new: &Side, old: &Side) -> bool {
    old.iter().any(|(index, count)| {
        let at = new.binary_search_by_key(index, |(index, _)| *index);
        let now = at.map_or(0.0, |at| new[at].1);
        now < *count
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::histogram::Span;

    fn histogram(counts: &[f64]) -> Histogram {
        let length = u32::try_from(counts.len()).expect("few");
        Histogram {
            count: counts.iter().sum(),
            positive_spans: vec![Span { offset: 0, length }],
            positive: counts.to_vec(),
            ..Histogram::default()
        }
    }

    #[test]
    fn a_bucket_that_falls_is_a_reset_even_if_the_count_rises() {
        assert!(!is_reset(&histogram(&[1.0, 2.0]), &histogram(&[1.0, 1.0])));
        assert!(is_reset(&histogram(&[0.0, 9.0]), &histogram(&[1.0, 1.0])));
        assert!(is_reset(&histogram(&[1.0]), &histogram(&[1.0, 1.0])));
    }

    #[test]
    fn a_hint_is_believed() {
        let told = |hint| Histogram { counter_reset_hint: hint, ..histogram(&[1.0]) };
        assert!(is_reset(&told(CounterResetHint::Reset), &histogram(&[0.0])));
        assert!(!is_reset(&told(CounterResetHint::NotReset), &histogram(&[9.0])));
    }
}
