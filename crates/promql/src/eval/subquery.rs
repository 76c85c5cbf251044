//! Subqueries: an expression evaluated at steps of its own, then read like samples.
//!
//! The inner steps are absolute multiples of the subquery's step, so all outer steps share them: the
//! operand is evaluated once, for all of them, and each outer step sees a window of it.

use model::Histogram;
use storage::Columns;

use super::column::Column;
use super::reader::Make;
use super::series::EvalSeries;
use super::steps::Steps;
use super::{Evaluator, Sink};
use crate::error::EngineError;
use crate::native::hints::forget;
use crate::plan::SubqueryNode;

impl Evaluator<'_> {
    /// Evaluates the operand, lets `make` fill a column from the points of each series, and hands it
    /// on with the labels of the series. `make` is as in [`Evaluator::feed_read`].
    pub(super) fn feed_subquery(
        &self,
        subquery: &SubqueryNode<'_>,
        steps: Steps,
        make: &Make<'_>,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        // What counts are its points, in the windows that see them.
        let (inner, _) = self.apart(|| self.collect(&subquery.operand, subquery.inner));
        let (inner, _held) = inner?;
        let mut looked = self.nothing_looked_at(steps.count);
        let mut columns = Columns::default();
        for series in &inner {
            self.budget.check()?;
            columns.clear();
            for (step, value) in series.column.iter() {
                self.budget.check_at(step)?;
                let t = subquery.inner.time(step);
                if let Some(histogram) = series.histogram(step) {
                    let mut histogram = Histogram::clone(histogram);
                    // What is known is about the sample before it in the store.
                    forget(&mut histogram);
                    columns.histogram_timestamps.push(t);
                    columns.histograms.push(histogram);
                } else {
                    columns.timestamps.push(t);
                    columns.values.push(value);
                }
            }
            let mut scratch = self.budget.held();
            scratch.columns(&columns)?;
            let column = Column::absent(steps.count);
            let mut outer = EvalSeries::new(series.labels.clone(), column);
            outer.drop_name = series.drop_name;
            make(&columns, &mut outer, &mut looked)?;
            drop(scratch);
            sink(outer)?;
        }
        self.count_looked(&looked);
        Ok(())
    }
}
