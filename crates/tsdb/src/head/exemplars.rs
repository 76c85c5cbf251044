//! Exemplars on their way into the ring: staged with the samples of a commit, logged with them.

use std::sync::{MutexGuard, PoisonError};

use model::{Labels, Matcher, TimeRange, Timestamp};
use storage::{AppendError, Exemplar, SeriesRef};

use super::Head;
use super::appender::{HeadAppender, NEW};
use super::series::MemSeries;
use super::stripes::place_of;
use crate::exemplars::{ExemplarStatus, Exemplars, Kept, SeriesExemplars, Unkept};
use crate::wal::Record;

/// An exemplar of a commit under way.
#[derive(Debug)]
pub(super) struct StagedExemplar {
    /// A row, or [`NEW`] and a place among the new series.
    series: u32,
    /// The labels of the series.
    labels: Labels,
    kept: Kept,
}

impl HeadAppender<'_> {
    /// Stages an exemplar of a series whose last sample had the time `t`.
    pub(super) fn stage_exemplar(
        &mut self,
        reference: SeriesRef,
        exemplar: &Exemplar,
        t: Timestamp,
    ) -> Result<(), AppendError> {
        let head = self.head;
        if head.exemplars().status().max == 0 {
            return Ok(());
        }
        let kept = Kept::new(exemplar, t)?;
        let Some((series, labels)) = self.series_of(reference) else { return Ok(()) };
        let checked = head.exemplars().check(&labels, &kept);
        match checked {
            Ok(()) => {}
            Err(Unkept::Off | Unkept::Same) => return Ok(()),
            Err(Unkept::OutOfOrder) => return Err(AppendError::ExemplarOutOfOrder),
        }
        // It must not go before the commit, nor its row become another series'.
        let (_, generation) = place_of(reference);
        let stage = |series: &MemSeries| {
            let is_it = series.generation() == generation;
            if is_it {
                series.stage();
            }
            is_it
        };
        let is_there = series & NEW != 0 || head.series.with(series, stage) == Some(true);
        if is_there {
            self.exemplars.push(StagedExemplar { series, labels, kept });
        }
        Ok(())
    }

    /// The series of a reference, and its labels; `None` if it is gone.
    fn series_of(&self, reference: SeriesRef) -> Option<(u32, Labels)> {
        let (row, generation) = place_of(reference);
        if let Some(&at) = self.new_by_row.get(&row) {
            let new = &self.new[at as usize];
            return (new.generation == generation).then(|| (NEW | at, new.labels.clone()));
        }
        let index = self.head.labels.read().unwrap_or_else(PoisonError::into_inner);
        let is_it = self.head.series.with(row, |series| series.generation() == generation)?;
        Some((row, index.labels(row).filter(|_| is_it)?))
    }

    pub(super) fn log_exemplars(&self, record: &mut Record<'_>) {
        for staged in &self.exemplars {
            let row = self.row_of(staged.series);
            record.exemplar(row, &staged.kept, || staged.labels.clone());
        }
    }

    /// Puts what was staged into the ring; the log has it.
    pub(super) fn apply_exemplars(&mut self) {
        for staged in self.exemplars.drain(..) {
            if staged.series & NEW == 0 {
                self.head.series.with(staged.series, MemSeries::unstage);
            }
            match self.head.exemplars().add(&staged.labels, staged.kept) {
                Ok(()) => self.head.counters.exemplars_appended.inc(),
                Err(Unkept::OutOfOrder) => self.head.counters.exemplars_out_of_order.inc(),
                Err(Unkept::Off | Unkept::Same) => {}
            }
        }
    }

    /// Takes back what was staged.
    pub(super) fn drop_exemplars(&mut self) {
        for staged in self.exemplars.drain(..).filter(|staged| staged.series & NEW == 0) {
            self.head.series.with(staged.series, MemSeries::unstage);
        }
    }

    /// The time a commit of exemplars alone begins with.
    pub(super) fn first_exemplar_t(&self) -> Option<Timestamp> {
        self.exemplars.first().map(|staged| staged.kept.t)
    }
}

impl Head {
    /// The ring. Whoever holds it takes no other lock.
    fn exemplars(&self) -> MutexGuard<'_, Exemplars> {
        self.exemplars.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The exemplars of series that pass one of the selectors.
    pub(crate) fn select_exemplars(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Vec<SeriesExemplars> {
        self.exemplars().select(selectors, range)
    }

    pub(crate) fn exemplar_status(&self) -> ExemplarStatus {
        self.exemplars().status()
    }

    pub(crate) fn resize_exemplars(&self, max: usize) {
        self.exemplars().resize(max);
    }
}
