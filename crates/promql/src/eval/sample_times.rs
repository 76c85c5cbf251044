//! `timestamp` and `start_timestamp`: of what a selector sees not the value, but when it was and since
//! when it counts.

use super::call::argument;
use super::select::{Take, seconds};
use super::series::EvalSeries;
use super::steps::Steps;
use super::{Evaluator, Sink};
use crate::ast::Expr;
use crate::error::EngineError;
use crate::plan::{CallNode, Op};

/// What is said if nobody looks at start timestamps.
const START_TIMESTAMPS_OFF: &str = "start_timestamp() needs --enable-feature=use-start-timestamps";

impl Evaluator<'_> {
    /// Of a plain selector the times of its samples; of anything else the time of evaluation.
    pub(super) fn feed_timestamps(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        self.rejoined(sink, |sink| {
            let mut take = |mut series: EvalSeries| {
                self.rename(&mut series);
                sink(series)
            };
            if self.feed_times_of_samples(node, steps, Take::Timestamp, &mut take)? {
                return Ok(());
            }
            self.feed(argument(node, 0), steps, &mut |mut series| {
                series.column.filter_map_in_place(|step, _| Some(seconds(steps.time(step))));
                series.histograms = None;
                take(series)
            })
        })
    }

    /// Of a plain selector since when its samples count; of anything else, which has forgotten that,
    /// nothing.
    pub(super) fn feed_start_timestamps(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        if !self.use_start_timestamps {
            return Err(EngineError::Execution(START_TIMESTAMPS_OFF.to_owned()));
        }
        self.rejoined(sink, |sink| {
            let mut take = |mut series: EvalSeries| {
                self.rename(&mut series);
                sink(series)
            };
            // What is no plain selector gives nothing.
            self.feed_times_of_samples(node, steps, Take::Start, &mut take).map(|_| ())
        })
    }

    /// Hands on a time of each sample that the argument sees, if that is a plain selector; false if it
    /// is not.
    fn feed_times_of_samples(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        take: Take,
        sink: Sink<'_>,
    ) -> Result<bool, EngineError> {
        // A plus sign makes it a computed vector, though the plan knows nothing of it.
        let written = node.call.arguments.first().map(Expr::unwrap_parens);
        if !matches!(written, Some(Expr::Selector(s)) if s.extension.is_none()) {
            return Ok(false);
        }
        match &argument(node, 0).op {
            Op::Select(select) => self.measured(argument(node, 0), sink, |sink| {
                self.feed_instant(select, steps, take, sink)
            })?,
            Op::Once(inner) if matches!(inner.op, Op::Select(_)) => {
                let Op::Select(select) = &inner.op else { unreachable!("just looked at") };
                let mut repeat = |series: EvalSeries| sink(series.repeated(steps.count));
                let feed = |sink: Sink<'_>| self.feed_instant(select, steps.first(), take, sink);
                let (result, looked) = self.apart(|| self.measured(inner, &mut repeat, feed));
                self.count_everywhere(looked, steps.count);
                result?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
