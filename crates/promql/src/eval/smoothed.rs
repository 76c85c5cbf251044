//! Instant selectors that are smoothed: between the samples around each step.

use storage::Columns;

use super::call::{Notes, fill};
use super::looked::Looked;
use super::series::EvalSeries;
use super::steps::Steps;
use super::{Evaluator, Sink};
use crate::error::EngineError;
use crate::native::{NativeWindow, smoothed_at};
use crate::plan::SelectNode;

impl Evaluator<'_> {
    /// Hands on what a smoothed selector sees.
    pub(super) fn feed_smoothed(
        &self,
        select: &SelectNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let notes = Notes::default();
        let (ahead_ms, back_ms) = select.reach_ms();
        let make = |columns: &Columns, series: &mut EvalSeries, looked: &mut Looked| {
            let moments = &mut select.shift.times(steps);
            fill(columns, series, (&notes, self.budget), moments, &mut |columns, moment, note| {
                let end_ms = moment.saturating_add(ahead_ms);
                let around = NativeWindow::of(columns, end_ms, back_ms.saturating_add(ahead_ms));
                smoothed_at(&NativeWindow { end_ms: moment, ..around }, note)
            })?;
            looked.series(series);
            Ok(())
        };
        self.feed_read(select, steps, &make, sink)?;
        self.tell(notes, select.span);
        Ok(())
    }
}
