//! How many samples a query looked at: what `stats` says of it.
//!
//! A float counts one at each step that sees it, a native histogram as many as floats of its size
//! would. As in Prometheus, what is the same at every step counts
//! at every step though it is evaluated once, and of a subquery its points count where a window sees
//! them, not what was read to make them.

use model::Histogram;
use model::sample::is_stale;
use storage::Columns;

use super::Evaluator;
use super::held::histogram_samples;
use super::series::EvalSeries;
use super::window::{Windows, passed};

/// Samples looked at, by step too if that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// All of them.
    pub total: u64,
    /// Those of each step.
    pub per_step: Option<Vec<u64>>,
}

impl Looked {
    /// None yet, counted for each of `steps` if there are any.
    pub(super) fn none(steps: Option<usize>) -> Self {
        Self { total: 0, per_step: steps.map(|steps| vec![0; steps]) }
    }

    /// Counts what the steps of an instant selector see of a series.
    pub(super) fn series(&mut self, series: &EvalSeries) {
        self.total += series.column.count() as u64;
        if let Some(per_step) = &mut self.per_step {
            series.column.iter().for_each(|(step, _)| per_step[step] += 1);
        }
        for (step, histogram) in series.histograms.iter().flat_map(|all| all.iter()) {
            // One is counted already.
            self.at(step, histogram_samples(histogram).saturating_sub(1) as u64);
        }
    }

    /// Counts the floats of each window.
    pub(super) fn windows(&mut self, windows: &Windows<'_>) {
        self.total += windows.looked_at();
        if let Some(per_step) = &mut self.per_step {
            windows.iter().for_each(|window| per_step[window.step] += window.count() as u64);
        }
    }

    /// Counts the histograms of the windows that reach `range_ms` back from each of `ends`, one for
    /// each step. What a window costs does not depend on its length.
    pub(super) fn histograms(
        &mut self,
        columns: &Columns,
        ends: impl Iterator<Item = i64>,
        range_ms: i64,
    ) {
        if columns.histograms.is_empty() {
            return;
        }
        let sizes = columns.histograms.iter().map(stored_size);
        // What all before each come to, and what all come to.
        let mut before: Vec<u64> = vec![0];
        before.extend(sizes.scan(0, |sum, size| {
            *sum += size;
            Some(*sum)
        }));
        let upto = |t| before[passed(&columns.histogram_timestamps, t)];
        for (step, end_ms) in ends.enumerate() {
            self.at(step, upto(end_ms) - upto(end_ms.saturating_sub(range_ms)));
        }
    }

    /// Counts so many samples at one step.
    pub(super) fn at(&mut self, step: usize, samples: u64) {
        self.total += samples;
        if let Some(per_step) = &mut self.per_step {
            per_step[step] += samples;
        }
    }

    /// Counts what something else counted, too.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.total += other.total;
        if let (Some(per_step), Some(others)) = (&mut self.per_step, &other.per_step) {
            per_step.iter_mut().zip(others).for_each(|(all, more)| *all += more);
        }
    }
}

/// What a stored histogram counts for: a stale marker for nothing.
fn stored_size(histogram: &Histogram) -> u64 {
    if is_stale(histogram.sum) { 0 } else { histogram_samples(histogram) as u64 }
}

impl Evaluator<'_> {
    /// Counts what was looked at for the node at work.
    pub(super) fn count_looked(&self, looked: &Looked) {
        self.budget.count_read(looked.total);
        self.looked.borrow_mut().absorb(looked);
    }

    /// Nothing looked at yet, counted as the node at work counts, at so many steps.
    pub(super) fn nothing_looked_at(&self, steps: usize) -> Looked {
        Looked::none(self.looked.borrow().per_step.as_ref().map(|_| steps))
    }

    /// Evaluates something whose samples are not those of the node at work; returns how many it
    /// looked at.
    pub(super) fn apart<T>(&self, evaluate: impl FnOnce() -> T) -> (T, u64) {
        let own = self.looked.take();
        let result = evaluate();
        let theirs = self.looked.replace(own);
        (result, theirs.total)
    }

    /// Counts so many samples at each of these steps: what was evaluated once stands for all.
    pub(super) fn count_everywhere(&self, samples: u64, steps: usize) {
        let mut looked = self.looked.borrow_mut();
        looked.total += samples * steps as u64;
        if let Some(per_step) = &mut looked.per_step {
            per_step.iter_mut().for_each(|all| *all += samples);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::eval::column::Column;
    use crate::eval::histograms::Histograms;
    use model::Labels;
    use model::sample::STALE_NAN;

    fn seen(column: Column) -> EvalSeries {
        EvalSeries::new(Labels::empty(), column)
    }

    #[test]
    fn steps_are_counted_only_if_asked_for() {
        let mut column = Column::absent(3);
        column.set(1, 0.0);
        let series = seen(column);
        for (steps, per_step) in [(None, None), (Some(3), Some(vec![2, 1, 0]))] {
            let mut looked = Looked::none(steps);
            looked.series(&series);
            looked.at(0, 2);
            assert_eq!(looked, Looked { total: 3, per_step: per_step.clone() });
            let mut all = Looked::none(steps);
            all.absorb(&looked);
            assert_eq!(all, looked);
        }
    }

    #[test]
    fn a_histogram_counts_for_its_size_wherever_it_is_seen() {
        // 176 bytes and two counts: 12 samples of 16 bytes; without the counts 11.
        let (large, small) =
            (Histogram { positive: vec![1.0; 2], ..Histogram::default() }, Histogram::default());
        let mut series = seen(Column::absent(3));
        series.column.set(0, 7.0);
        series.column.set(2, 0.0);
        let mut histograms = Histograms::default();
        histograms.push(2, Arc::new(large.clone()));
        series.histograms = Some(Box::new(histograms));
        let mut looked = Looked::none(Some(3));
        looked.series(&series);
        assert_eq!(looked, Looked { total: 13, per_step: Some(vec![1, 0, 12]) });

        let stale = Histogram { sum: STALE_NAN, ..Histogram::default() };
        let columns = Columns {
            histogram_timestamps: vec![1, 2, 3, 4],
            histograms: vec![large, small.clone(), small, stale],
            ..Columns::default()
        };
        let mut looked = Looked::none(Some(3));
        looked.histograms(&columns, [0, 2, 4].into_iter(), 3);
        assert_eq!(looked, Looked { total: 45, per_step: Some(vec![0, 23, 22]) });
    }
}
