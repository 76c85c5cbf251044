//! An evaluated series: labels and one column, and the rules of names and equal label sets.
//!
//! A vector, for all steps at once, is a list of these. Two series of a vector may have equal labels
//! only as long as no step has a value of both; [`join_equal`] makes one of them.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use model::labels::METRIC_NAME;
use model::{Histogram, Labels};
use rustc_hash::FxHashMap;

use super::budget::Budget;
use super::column::Column;
use super::histograms::Histograms;
use super::steps::Steps;
use crate::error::EngineError;
use crate::value::MatrixSeries;

/// The label that says what kind of metric a series is of; goes with the name.
const TYPE_LABEL: &str = "__type__";
/// The label that says the unit of a metric; goes with the name.
const UNIT_LABEL: &str = "__unit__";

/// One series of a vector, over all steps.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalSeries {
    /// Which series.
    pub labels: Labels,
    /// Its value at each step.
    pub column: Column,
    /// Whether the name is to go once the query is done (delayed name removal).
    pub drop_name: bool,
    /// Its native histograms; in a box, for few series have any.
    pub histograms: Option<Box<Histograms>>,
}

impl EvalSeries {
    /// A series whose name stays.
    pub fn new(labels: Labels, column: Column) -> Self {
        Self { labels, column, drop_name: false, histograms: None }
    }

    /// This series of one step, repeated for `steps` steps.
    #[must_use]
    pub fn repeated(&self, steps: usize) -> Self {
        let histogram = self.histogram(0);
        let histograms = histogram.map(|histogram| {
            let mut all = Histograms::default();
            (0..steps).for_each(|step| all.push(step, Arc::clone(histogram)));
            Box::new(all)
        });
        let labels = self.labels.clone();
        let column = self.column.repeated(steps);
        Self { labels, column, drop_name: self.drop_name, histograms }
    }

    /// Its samples with their times.
    pub fn into_matrix(self, steps: Steps) -> MatrixSeries {
        let histograms = self.histograms.as_ref().map_or(0, |all| all.len());
        let mut matrix = MatrixSeries {
            floats: Vec::with_capacity(self.column.count().saturating_sub(histograms)),
            ..MatrixSeries::default()
        };
        for (step, value) in self.column.iter() {
            match self.histogram(step) {
                Some(h) => matrix.histograms.push((steps.time(step), Histogram::clone(h))),
                None => matrix.floats.push((steps.time(step), value)),
            }
        }
        matrix.labels = self.labels;
        matrix
    }

    /// The histogram at a step, if the value there is one.
    pub fn histogram(&self, step: usize) -> Option<&Arc<Histogram>> {
        let histograms = self.histograms.as_ref()?;
        histograms.get(step).filter(|_| self.column.is_present(step))
    }

    /// Makes other histograms of them.
    pub fn map_histograms(&mut self, f: impl Fn(usize, &Histogram) -> Histogram) {
        if let Some(histograms) = &mut self.histograms {
            histograms.map(f);
        }
    }

    /// Leaves the histograms out; returns whether there were any.
    pub fn drop_histograms(&mut self) -> bool {
        let Some(histograms) = self.histograms.take() else { return false };
        let mut any = false;
        for (step, _) in histograms.iter() {
            any |= self.column.is_present(step);
            self.column.unset(step);
        }
        any
    }
}

/// Two series had equal labels and values at the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DuplicateLabelset;

/// Whether `name` is one of the labels that say what a series measures rather than of what: the
/// name, and with it type and unit.
pub fn names_the_metric(name: &str) -> bool {
    matches!(name, METRIC_NAME | TYPE_LABEL | UNIT_LABEL)
}

/// The labels without the name, and without type and unit, which mean nothing without it.
pub fn drop_name(labels: &Labels) -> Labels {
    if labels.iter().any(|(name, _)| names_the_metric(name)) {
        labels.filtered(|name| !names_the_metric(name))
    } else {
        labels.clone()
    }
}

/// Makes one series of all that have equal labels; the first one's place counts. Series without a
/// value go.
pub fn join_equal(
    series: Vec<EvalSeries>,
    budget: &Budget,
) -> Result<Vec<EvalSeries>, EngineError> {
    let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
    let mut joined: Vec<EvalSeries> = Vec::with_capacity(series.len());
    for (at, one) in series.into_iter().enumerate() {
        budget.check_at(at)?;
        if one.column.is_empty() {
            continue;
        }
        match places.entry(one.labels.clone()) {
            Entry::Vacant(place) => {
                place.insert(joined.len());
                joined.push(one);
            }
            Entry::Occupied(place) => {
                let first = &mut joined[*place.get()];
                if first.column.overlaps(&one.column) {
                    return Err(DuplicateLabelset.into());
                }
                join_histograms(first, &one);
                first.column.fill_from(&one.column);
                first.drop_name |= one.drop_name;
            }
        }
    }
    Ok(joined)
}

/// Before the values of `second` are added to `first`, adds its histograms.
fn join_histograms(first: &mut EvalSeries, second: &EvalSeries) {
    if first.histograms.is_none() && second.histograms.is_none() {
        return;
    }
    let mut all = first.histograms.take().unwrap_or_default();
    all.keep_present(&first.column);
    let mut added = second.histograms.clone().unwrap_or_default();
    added.keep_present(&second.column);
    all.merge(*added);
    first.histograms = Some(all);
}

/// Refuses series of equal labels even if their values lie at different steps.
pub fn all_distinct(series: &[EvalSeries]) -> Result<(), DuplicateLabelset> {
    let mut seen = rustc_hash::FxHashSet::default();
    let distinct = series.iter().filter(|s| !s.column.is_empty()).all(|s| seen.insert(&s.labels));
    if distinct { Ok(()) } else { Err(DuplicateLabelset) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, points: &[(usize, f64)]) -> EvalSeries {
        let mut column = Column::absent(4);
        for (step, value) in points {
            column.set(*step, *value);
        }
        EvalSeries::new(Labels::from_pairs([("a", name)]), column)
    }

    #[test]
    fn equal_labels_join_unless_they_meet_at_a_step() {
        let budget = Budget::unlimited();
        let apart = vec![series("x", &[(0, 1.0)]), series("x", &[(2, 3.0)])];
        let joined = join_equal(apart, &budget).expect("they do not meet");
        assert_eq!(joined, [series("x", &[(0, 1.0), (2, 3.0)])]);
        let met = vec![series("x", &[(0, 1.0)]), series("x", &[(0, 3.0)])];
        assert!(matches!(join_equal(met, &budget), Err(EngineError::Execution(_))));
    }

    #[test]
    fn a_series_without_values_clashes_with_nothing() {
        assert_eq!(all_distinct(&[series("x", &[(0, 1.0)]), series("x", &[])]), Ok(()));
        let two = [series("x", &[(0, 1.0)]), series("x", &[(1, 1.0)])];
        assert_eq!(all_distinct(&two), Err(DuplicateLabelset));
    }

    #[test]
    fn type_and_unit_go_with_the_name() {
        let labels = Labels::from_pairs([("__name__", "m"), ("__type__", "gauge"), ("a", "1")]);
        assert_eq!(drop_name(&labels), Labels::from_pairs([("a", "1")]));
    }
}
