//! Sums and means of the histograms of a group, step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Histogram;

use super::column::Column;
use super::held::{Held, histogram_samples};
use super::histograms::Histograms;
use super::series::EvalSeries;
use crate::error::EngineError;
use crate::native::{self, Note};

/// The histograms of one group.
#[derive(Default)]
pub(super) struct HistogramSums(BTreeMap<usize, Vec<Arc<Histogram>>>);

impl HistogramSums {
    /// Takes the histograms of a series in.
    pub(super) fn add(&mut self, series: &EvalSeries, held: &mut Held) -> Result<(), EngineError> {
        let Some(histograms) = &series.histograms else { return Ok(()) };
        for (step, histogram) in histograms.iter() {
            if series.column.is_present(step) {
                held.samples(histogram_samples(histogram))?;
                self.0.entry(step).or_default().push(Arc::clone(histogram));
            }
        }
        Ok(())
    }

    /// Puts their sums or means beside what the floats of the group have come to; at steps with both
    /// there is no result. Returns whether there were such steps.
    pub(super) fn finish(
        self,
        mean: bool,
        column: &mut Column,
        note: &mut dyn FnMut(Note),
    ) -> (Option<Box<Histograms>>, bool) {
        let (mut all, mut mixed) = (Histograms::default(), false);
        for (step, histograms) in self.0 {
            if column.is_present(step) {
                column.unset(step);
                mixed = true;
                continue;
            }
            let parts: Vec<&Histogram> = histograms.iter().map(AsRef::as_ref).collect();
            let Ok(made) = native::total(&parts, mean) else {
                note(Note::MixedSchemas);
                continue;
            };
            if made.hints_conflict {
                note(Note::ConflictingHints);
            }
            if made.bounds_reconciled {
                note(Note::Reconciled("aggregation"));
            }
            column.set(step, 0.0);
            all.push(step, Arc::new(native::compact(&made.histogram)));
        }
        ((!all.is_empty()).then(|| Box::new(all)), mixed)
    }
}
