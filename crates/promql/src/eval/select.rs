//! Selectors: series out of the store, and the value each step sees.
//!
//! A [`Reader`] reads the series. An instant selector takes at each step the newest sample that is not
//! older than the lookback (a sample exactly that old is gone), and nothing if that sample is the stale
//! marker.

use std::sync::Arc;

use model::histogram::CounterResetHint;
use model::sample::is_stale;
use model::{Histogram, Timestamp};
use storage::{Columns, QueryError, SelectHints, Series};

use super::buffers::Buffers;
use super::histograms::Histograms;
use super::looked::Looked;
use super::reader::{Make, RUN, Reader, reach};
use super::series::EvalSeries;
use super::steps::Steps;
use super::window::passed_about;
use super::{Evaluator, Sink};
use crate::error::EngineError;
use crate::plan::SelectNode;

/// How many runs per core are under way before their series are handed on.
const RUNS_PER_CORE: usize = 8;

/// What an instant selector gives for the sample it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    /// Its value.
    Value,
    /// Its time, in seconds.
    Time,
    /// The same, as the function `timestamp` has it: see [`sight`].
    Timestamp,
    /// Since when it counts, in seconds; 0 if it does not say.
    Start,
}

impl Take {
    /// What it gives for the sample at `t`.
    fn of(self, columns: &Columns, t: Timestamp, value: f64) -> f64 {
        match self {
            Self::Value => value,
            Self::Time | Self::Timestamp => seconds(t),
            Self::Start => columns.starts.get(t).map_or(0.0, seconds),
        }
    }
}

impl Evaluator<'_> {
    /// Hands on what an instant selector sees.
    pub(super) fn feed_select(
        &self,
        select: &SelectNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        self.feed_instant(select, steps, Take::Value, sink)
    }

    /// The same, or the times of what it sees.
    pub(super) fn feed_instant(
        &self,
        select: &SelectNode<'_>,
        steps: Steps,
        take: Take,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        if select.extension.is_some() {
            return self.feed_smoothed(select, steps, sink);
        }
        let make = |columns: &Columns, series: &mut EvalSeries, looked: &mut Looked| {
            see(columns, select, steps, take, series);
            looked.series(series);
            Ok(())
        };
        self.feed_read(select, steps, &make, sink)
    }

    /// A selection, or why there is none: the budget's reason, if it was that.
    pub(super) fn selected<T>(&self, set: Result<T, QueryError>) -> Result<T, EngineError> {
        if matches!(set, Err(QueryError::Interrupted)) {
            self.budget.check()?;
        }
        Ok(set?)
    }

    /// Reads each series of a selector, lets `make` fill a column from its samples, and hands it on
    /// with the labels of the series. `make` counts the samples its steps looked at; it runs on any
    /// core, `sink` on this one, in the store's order.
    pub(super) fn feed_read(
        &self,
        select: &SelectNode<'_>,
        steps: Steps,
        make: &Make<'_>,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let Some(querier) = self.querier else { return Ok(()) };
        if steps.count == 0 {
            return Ok(());
        }
        let (ahead_ms, back_ms) = select.reach_ms();
        let moments = select.shift.moments(steps).later(ahead_ms);
        let back_ms = back_ms.saturating_add(ahead_ms);
        let hints = SelectHints {
            step_ms: if steps.count > 1 { steps.step_ms } else { 0 },
            func: select.around.to_owned(),
            range_ms: if select.is_range { select.back_ms } else { 0 },
            // With the sample before the first one, if that is near.
            reach: reach(moments, back_ms.saturating_add(select.lookback_ms)),
            stop: self.budget.stop(),
            ..SelectHints::default()
        };
        let mut set = self.selected(querier.select(select.matchers, &hints))?;
        let reads = self.reads();
        let (budget, nothing) = (self.budget, self.nothing_looked_at(steps.count));
        let reader = Reader {
            select,
            steps,
            moments,
            back_ms,
            with_starts: self.use_start_timestamps,
            make,
            budget,
            reads: reads.as_ref(),
            nothing,
            buffers: Buffers::default(),
        };
        let cores = rayon::current_num_threads();
        let mut batch: Vec<Box<dyn Series + '_>> = Vec::new();
        loop {
            for series in set.by_ref().take(RUN * RUNS_PER_CORE * cores) {
                batch.push(series?);
            }
            if batch.is_empty() {
                self.note_reads(reads.as_ref());
                return Ok(());
            }
            for run in reader.read(&mut batch, cores) {
                let ((series, held), looked) = run?;
                self.count_looked(&looked);
                // Whoever keeps them charges them anew.
                drop(held);
                series.into_iter().try_for_each(&mut *sink)?;
            }
            batch.clear();
        }
    }
}

/// Fills `series` with what an instant selector sees of `columns` at each step.
fn see(
    columns: &Columns,
    select: &SelectNode<'_>,
    steps: Steps,
    take: Take,
    series: &mut EvalSeries,
) {
    if !columns.histograms.is_empty() {
        return see_both(columns, select, steps, take, series);
    }
    let column = &mut series.column;
    let (times, values) = (&columns.timestamps, &columns.values);
    // How many samples came at the step before; mostly as many do at the next.
    let (mut next, mut newer) = (0, 0);
    column.set_all(select.shift.times(steps).enumerate().filter_map(|(step, moment)| {
        let (after, upto) = sight(select, take, moment);
        newer = passed_about(&times[next..], upto, newer);
        next += newer;
        let newest = next.checked_sub(1)?;
        let (t, value) = (times[newest], values[newest]);
        (t > after && !is_stale(value)).then(|| (step, take.of(columns, t, value)))
    }));
}

/// The times a sample must be behind, and not behind, to be seen at a moment.
///
/// Where `timestamp` asks for a moment that is fixed by `@`, Prometheus forgets the `offset` when it
/// looks at what it read, not when it reads: only what both see is seen.
fn sight(select: &SelectNode<'_>, take: Take, moment: Timestamp) -> (Timestamp, Timestamp) {
    let after = |moment: Timestamp| moment.saturating_sub(select.back_ms);
    match select.shift.at.filter(|_| take == Take::Timestamp) {
        Some(at) => (after(moment).max(after(at)), moment.min(at)),
        None => (after(moment), moment),
    }
}

/// The same where there are histograms, too: the newest of both kinds counts.
fn see_both(
    columns: &Columns,
    select: &SelectNode<'_>,
    steps: Steps,
    take: Take,
    series: &mut EvalSeries,
) {
    let Columns { timestamps, values, histogram_timestamps, histograms, .. } = columns;
    let shared: Vec<Arc<Histogram>> = histograms.iter().map(|h| Arc::new(h.clone())).collect();
    let mut all = Histograms::default();
    let mut last_seen = Timestamp::MIN;
    for (step, moment) in select.shift.times(steps).enumerate() {
        let (after, upto) = sight(select, take, moment);
        let newest = |times: &[Timestamp]| times.partition_point(|t| *t <= upto).checked_sub(1);
        let float = newest(timestamps).map(|at| (timestamps[at], values[at]));
        let histogram = newest(histogram_timestamps).map(|at| (histogram_timestamps[at], at));
        let t = float.map(|(t, _)| t).max(histogram.map(|(t, _)| t));
        let Some(t) = t.filter(|t| *t > after) else { continue };
        let (value, seen) = match (float, histogram) {
            (_, Some((ht, at))) if ht == t => (shared[at].sum, Some(&shared[at])),
            (Some((_, value)), _) => (value, None),
            (None, _) => continue,
        };
        if is_stale(value) {
            continue;
        }
        series.column.set(step, take.of(columns, t, value));
        if let Some(histogram) = seen.filter(|_| take == Take::Value) {
            // Seen again, the same sample says nothing of another reset.
            if std::mem::replace(&mut last_seen, t) == t && step > 0 {
                let again = Histogram {
                    counter_reset_hint: again(histogram.counter_reset_hint),
                    ..Histogram::clone(histogram)
                };
                all.push(step, Arc::new(again));
            } else {
                all.push(step, Arc::clone(histogram));
            }
        }
    }
    series.histograms = (!all.is_empty()).then(|| Box::new(all));
}

/// What is known of resets of a histogram that was seen at the step before, too.
fn again(hint: CounterResetHint) -> CounterResetHint {
    if hint == CounterResetHint::Reset { CounterResetHint::Unknown } else { hint }
}

/// A timestamp as PromQL counts time.
pub(super) fn seconds(t: Timestamp) -> f64 {
    t as f64 / 1000.0
}
