//! The native histograms of a series, beside its column.
//!
//! A series has a value at a step if its column has one there. Where [`Histograms`] has an entry for
//! that step, too, the value is this histogram, and the number in the column means nothing. So
//! whatever only asks whether there is a value need not know of histograms at all.

use std::sync::Arc;

use model::Histogram;
use model::histogram::CounterResetHint;

use super::column::Column;
use crate::ast::BinaryOp;

/// Steps with their histograms, rising.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histograms(Vec<(usize, Arc<Histogram>)>);

impl Histograms {
    /// Adds the histogram of a later step.
    pub fn push(&mut self, step: usize, histogram: Arc<Histogram>) {
        debug_assert!(self.0.last().is_none_or(|(last, _)| *last < step));
        self.0.push((step, histogram));
    }

    /// The histogram at a step.
    pub fn get(&self, step: usize) -> Option<&Arc<Histogram>> {
        let at = self.0.binary_search_by_key(&step, |(step, _)| *step).ok()?;
        self.0.get(at).map(|(_, histogram)| histogram)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Arc<Histogram>)> {
        self.0.iter().map(|(step, histogram)| (*step, histogram))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets those whose steps the column has no value for.
    pub fn keep_present(&mut self, column: &Column) {
        self.0.retain(|(step, _)| column.is_present(*step));
    }

    /// Takes over those of `other`, at other steps.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort_by_key(|(step, _)| *step);
    }

    /// Each histogram made another one.
    pub fn map(&mut self, f: impl Fn(usize, &Histogram) -> Histogram) {
        for (step, histogram) in &mut self.0 {
            *histogram = Arc::new(f(*step, histogram));
        }
    }
}

/// A histogram with all its counts and its sum multiplied. With a negative factor it is no counter
/// any more.
pub fn scaled(histogram: &Histogram, factor: f64) -> Histogram {
    calculated(histogram, factor, |value| value * factor)
}

/// The same, divided.
pub fn divided(histogram: &Histogram, divisor: f64) -> Histogram {
    let mut result = calculated(histogram, divisor, |value| value / divisor);
    if divisor == 0.0 {
        // As in Prometheus: infinite or undefined counts stand in no bucket.
        result.positive.clear();
        result.negative.clear();
        result.positive_spans.clear();
        result.negative_spans.clear();
    }
    result
}

fn calculated(histogram: &Histogram, operand: f64, f: impl Fn(f64) -> f64) -> Histogram {
    let mut result = histogram.clone();
    for value in [&mut result.zero_count, &mut result.count, &mut result.sum] {
        *value = f(*value);
    }
    result.positive.iter_mut().chain(&mut result.negative).for_each(|value| *value = f(*value));
    if operand < 0.0 {
        result.counter_reset_hint = CounterResetHint::Gauge;
    }
    result
}

/// What is said of operands that an operator does not take.
pub(super) fn incompatible(op: BinaryOp, left: &str, right: &str) -> String {
    let op = op.as_str();
    format!(
        "incompatible sample types encountered for binary operator \"{op}\": {left} {op} {right}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(count: f64) -> Histogram {
        Histogram { count, sum: 2.0, positive: vec![count], ..Histogram::default() }
    }

    #[test]
    fn a_histogram_counts_where_the_column_has_a_value() {
        let mut all = Histograms::default();
        all.push(1, Arc::new(histogram(1.0)));
        all.push(3, Arc::new(histogram(3.0)));
        let mut column = Column::absent(4);
        column.set(3, 0.0);
        all.keep_present(&column);
        assert_eq!((all.get(1).is_some(), all.get(3).is_some(), all.len()), (false, true, 1));
    }

    #[test]
    fn scaling_reaches_every_count() {
        let half = scaled(&histogram(4.0), -0.5);
        assert_eq!((half.count, half.sum, half.positive[0]), (-2.0, -1.0, -2.0));
        assert_eq!(half.counter_reset_hint, CounterResetHint::Gauge);
        assert!(divided(&histogram(4.0), 0.0).positive.is_empty());
        assert_eq!(divided(&histogram(4.0), 2.0), scaled(&histogram(4.0), 0.5));
    }
}
