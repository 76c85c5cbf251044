//! Subqueries: an expression evaluated at steps of its own, then read like samples.
//!
//! The inner steps are absolute multiples of the subquery's step, so all outer steps share them: the
//! operand is evaluated once, for all of them, and each outer step sees a window of it.

use storage::Columns;

use super::column::Column;
use super::steps::Steps;
use super::{Evaluator, Sink};
use crate::error::EngineError;
use crate::plan::SubqueryNode;

impl Evaluator<'_> {
    /// Evaluates the operand, lets `make` fill a column from the points of each series, and hands it
    /// on with the labels of the series. `make` is as in [`Evaluator::feed_read`].
    pub(super) fn feed_subquery(
        &self,
        subquery: &SubqueryNode<'_>,
        steps: Steps,
        make: &(dyn Fn(&Columns, &mut Column) -> Result<u64, EngineError> + Sync),
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let inner = self.collect(&subquery.operand, subquery.inner)?;
        let mut columns = Columns::default();
        for series in &inner {
            self.budget.check()?;
            columns.clear();
            for (step, value) in series.column.iter() {
                columns.timestamps.push(subquery.inner.time(step));
                columns.values.push(value);
            }
            let mut column = Column::absent(steps.count);
            self.budget.count_read(make(&columns, &mut column)?);
            let mut outer = series.clone();
            outer.column = column;
            sink(outer)?;
        }
        self.release(&inner);
        Ok(())
    }
}
