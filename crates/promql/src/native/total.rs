//! Sums and means of many histograms, each number compensated for what its additions lose.

use std::collections::BTreeMap;

use model::Histogram;
use model::histogram::CounterResetHint;

use super::add::{Combined, Mismatch, rebound, shared_bounds};
use super::layout::{self, Side};

/// A compensated sum (Kahan, in Neumaier's form); and, for means that would overflow, the same of
/// parts.
#[derive(Clone, Copy, Default)]
struct Total {
    sum: f64,
    lost: f64,
}

impl Total {
    fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - next) + value
        } else {
            (value - next) + self.sum
        };
        self.sum = next;
    }

    fn value(self) -> f64 {
        if self.sum.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

/// The sum of some histograms, or their mean. There is one at least.
pub fn total(all: &[&Histogram], mean: bool) -> Result<Combined, Mismatch> {
    let Some((first, others)) = all.split_first() else { return Err(Mismatch) };
    if others.iter().any(|h| h.has_custom_bounds() != first.has_custom_bounds()) {
        return Err(Mismatch);
    }
    let any = |hint| all.iter().any(|h| h.counter_reset_hint == hint);
    let hints_conflict = any(CounterResetHint::Reset) && any(CounterResetHint::NotReset);
    let all_alike = others.iter().all(|h| h.counter_reset_hint == first.counter_reset_hint);
    let mut histogram = Histogram {
        counter_reset_hint: match (any(CounterResetHint::Gauge), all_alike) {
            (true, _) => CounterResetHint::Gauge,
            (false, true) => first.counter_reset_hint,
            (false, false) => CounterResetHint::Unknown,
        },
        schema: all.iter().map(|h| h.schema).min().unwrap_or(first.schema),
        ..Histogram::default()
    };
    let over = |numbers: &mut dyn Iterator<Item = f64>| calculate(numbers, all.len(), mean);
    histogram.count = over(&mut all.iter().map(|h| h.count));
    histogram.sum = over(&mut all.iter().map(|h| h.sum));
    let bounds_reconciled = others.iter().any(|h| h.custom_values != first.custom_values);
    if first.has_custom_bounds() {
        let mut shared = (*first).clone();
        for h in others {
            shared.custom_values = shared_bounds(&shared, h);
        }
        let bounds = shared.custom_values;
        let side = joined(all.iter().map(|h| rebound(h, &bounds)), all.len(), mean);
        layout::set(&mut histogram, &side, &Vec::new());
        histogram.custom_values = bounds;
    } else {
        let threshold = layout::common_threshold(all);
        let (schema, count) = (histogram.schema, all.len());
        let zero = &mut all.iter().map(|h| layout::widened_zero(h, threshold).0);
        histogram.zero_threshold = threshold;
        histogram.zero_count = calculate(zero, count, mean);
        let side = |side: fn(&Histogram, i8) -> Side| {
            let sides = all.iter().map(|h| layout::beyond(h, side, threshold, schema));
            joined(sides, count, mean)
        };
        let (positive, negative) = (side(layout::positive), side(layout::negative));
        layout::set(&mut histogram, &positive, &negative);
    }
    Ok(Combined { histogram, hints_conflict, bounds_reconciled })
}

/// The sum of numbers, or their mean, which is also there where the sum is too large for a float.
fn calculate(numbers: &mut dyn Iterator<Item = f64>, count: usize, mean: bool) -> f64 {
    let numbers: Vec<f64> = numbers.collect();
    let mut sum = Total::default();
    numbers.iter().for_each(|value| sum.add(*value));
    if !mean {
        return sum.value();
    }
    let count = count as f64;
    if sum.value().is_finite() || !numbers.iter().all(|value| value.is_finite()) {
        return sum.value() / count;
    }
    let mut parts = Total::default();
    numbers.iter().for_each(|value| parts.add(value / count));
    parts.value()
}

/// The buckets of many sides, index by index.
fn joined(sides: impl Iterator<Item = Side>, count: usize, mean: bool) -> Side {
    let mut all: BTreeMap<i32, Vec<f64>> = BTreeMap::new();
    for (index, value) in sides.flatten() {
        all.entry(index).or_default().push(value);
    }
    all.into_iter()
        .map(|(index, values)| (index, calculate(&mut values.into_iter(), count, mean)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(count: f64, sum: f64) -> Histogram {
        Histogram { count, sum, ..Histogram::default() }
    }

    #[test]
    fn what_large_numbers_hide_is_not_lost() {
        let all = [histogram(1.0, 1e100), histogram(2.0, 1.0), histogram(3.0, -1e100)];
        let all: Vec<&Histogram> = all.iter().collect();
        let sum = total(&all, false).expect("they fit").histogram;
        assert_eq!((sum.count, sum.sum), (6.0, 1.0));
    }

    #[test]
    fn a_mean_is_there_where_the_sum_overflows() {
        let all = [histogram(1e308, 1.0), histogram(1e308, 2.0)];
        let all: Vec<&Histogram> = all.iter().collect();
        let mean = total(&all, true).expect("they fit").histogram;
        assert_eq!((mean.count, mean.sum), (1e308, 1.5));
        assert!(total(&all, false).expect("they fit").histogram.count.is_infinite());
    }
}
