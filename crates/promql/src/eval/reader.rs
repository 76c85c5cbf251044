//! Reading a selector's series: runs of them over all cores, each decoded into reused buffers.
//!
//! A series is decoded once, whole chunks at a time; chunks that no step can see are not read. What is
//! made of the samples is up to the caller's [`Make`].

use model::{Histogram, TimeRange, Timestamp};
use rayon::prelude::*;
use storage::{ChunkMeta, Columns, Series};

use super::Collected;
use super::budget::Budget;
use super::buffers::Buffers;
use super::column::Column;
use super::held::Held;
use super::looked::Looked;
use super::profile::Reads;
use super::series::EvalSeries;
use super::steps::Steps;
use crate::error::EngineError;
use crate::native::hints;
use crate::plan::SelectNode;

/// How many series are read in a row before the deadline is looked at.
pub(super) const RUN: usize = 8;

/// Series with more samples than these, on average, are long: cores are to end at about the same time.
const LONG: u64 = 1 << 13;

/// About so many samples are decoded before the budget is looked at.
const PIECE: u64 = 1 << 18;

/// Fills a series from its samples, and counts what its steps looked at.
pub(super) type Make<'m> =
    dyn Fn(&Columns, &mut EvalSeries, &mut Looked) -> Result<(), EngineError> + Sync + 'm;

/// Reads runs of series, over all cores.
pub(super) struct Reader<'r> {
    pub(super) select: &'r SelectNode<'r>,
    pub(super) steps: Steps,
    /// The moments that samples are read for, and how far back from each.
    pub(super) moments: Steps,
    pub(super) back_ms: i64,
    /// Whether it matters since when samples count.
    pub(super) with_starts: bool,
    pub(super) make: &'r Make<'r>,
    pub(super) budget: &'r Budget,
    pub(super) reads: Option<&'r Reads>,
    /// Nothing looked at, as a run begins.
    pub(super) nothing: Looked,
    pub(super) buffers: Buffers,
}

impl Reader<'_> {
    /// What is made of each series of a batch, by runs, in the order of the batch.
    pub(super) fn read(
        &self,
        batch: &mut [Box<dyn Series + '_>],
        cores: usize,
    ) -> Vec<Result<(Collected, Looked), EngineError>> {
        if cores == 1 || batch.len() == 1 {
            return batch.chunks_mut(RUN).map(|run| self.read_run(run)).collect();
        }
        // Long series are runs of their own, and few may be long ones.
        let chunks = batch.iter().flat_map(|series| series.chunks());
        let samples: u64 = chunks.map(|chunk| u64::from(chunk.count)).sum();
        let are_long = samples > LONG * batch.len() as u64;
        let run = if are_long || batch.len() < RUN * cores { 1 } else { RUN };
        batch.par_chunks_mut(run).map(|run| self.read_run(run)).collect()
    }

    fn read_run(
        &self,
        run: &mut [Box<dyn Series + '_>],
    ) -> Result<(Collected, Looked), EngineError> {
        self.budget.check()?;
        let mut columns = self.buffers.take();
        let mut looked = self.nothing.clone();
        let (mut made, mut held) = (Vec::with_capacity(run.len()), self.budget.held());
        for series in run {
            let one = self.read_series(series.as_mut(), &mut columns, &mut looked)?;
            held.series(&one)?;
            made.push(one);
        }
        self.buffers.give(columns);
        Ok(((made, held), looked))
    }

    fn read_series(
        &self,
        series: &mut dyn Series,
        columns: &mut Columns,
        looked: &mut Looked,
    ) -> Result<EvalSeries, EngineError> {
        columns.clear();
        let ranges = read_ranges(series.chunks(), self.moments, self.back_ms);
        let mut scratch = self.budget.held();
        read_in_pieces(series, &ranges, columns, self.budget, &mut scratch)?;
        if let Some(reads) = self.reads {
            reads.count(series.chunks(), &ranges, columns.len());
        }
        if !self.with_starts {
            columns.starts.clear();
        }
        if let Some(first) = columns.histogram_timestamps.first() {
            let before = histogram_before(series, *first, self.reads)?;
            hints::settle(columns, before.as_ref(), self.select.counts_only);
        }
        let column = Column::absent(self.steps.count);
        let mut made = EvalSeries::new(series.labels().clone(), column);
        (self.make)(columns, &mut made, looked)?;
        Ok(made)
    }
}

/// Reads the ranges, charges what was read to `scratch`, and looks at the budget now and then: a
/// series may be a long one.
pub(super) fn read_in_pieces(
    series: &mut dyn Series,
    ranges: &[TimeRange],
    columns: &mut Columns,
    budget: &Budget,
    scratch: &mut Held,
) -> Result<(), EngineError> {
    for range in ranges {
        for piece in pieces(series.chunks(), *range, PIECE) {
            budget.check()?;
            series.read(piece, columns)?;
            *scratch = budget.held();
            scratch.columns(columns)?;
        }
    }
    Ok(())
}

/// A range cut where chunks begin, so that each part has about `samples` samples at most.
fn pieces(chunks: &[ChunkMeta], range: TimeRange, samples: u64) -> Vec<TimeRange> {
    let (mut pieces, mut from, mut count) = (Vec::new(), range.min(), 0);
    for chunk in chunks.iter().filter(|chunk| chunk.max_t >= range.min()) {
        if count > 0 && count + u64::from(chunk.count) > samples && chunk.min_t > from {
            let Some(piece) = TimeRange::new(from, chunk.min_t - 1) else { continue };
            if chunk.min_t > range.max() {
                break;
            }
            pieces.push(piece);
            (from, count) = (chunk.min_t, 0);
        }
        count += u64::from(chunk.count);
    }
    pieces.extend(TimeRange::new(from, range.max()));
    pieces
}

/// The newest sample before `t`, if it is a histogram.
fn histogram_before(
    series: &mut dyn Series,
    t: Timestamp,
    reads: Option<&Reads>,
) -> Result<Option<(Timestamp, Histogram)>, EngineError> {
    let older = series.chunks().iter().rev().find(|chunk| chunk.min_t < t).copied();
    let Some(chunk) = older else { return Ok(None) };
    let Some(range) = TimeRange::new(chunk.min_t, t - 1) else { return Ok(None) };
    let mut columns = Columns::default();
    series.read(range, &mut columns)?;
    if let Some(reads) = reads {
        reads.count_again(series.chunks(), range, columns.len());
    }
    let Some((at, h)) = columns.histogram_timestamps.last().zip(columns.histograms.pop()) else {
        return Ok(None);
    };
    let is_newest = columns.timestamps.last().is_none_or(|float| float < at);
    Ok(is_newest.then_some((*at, h)))
}

/// The ranges to read of a series so that at each of `moments` everything in the `back_ms` before
/// it is there: rising, apart from each other, and without chunks that no moment sees.
///
/// Reading the whole range at once gives the same answer; this reads less where moments lie farther
/// apart than they see.
pub fn read_ranges(chunks: &[ChunkMeta], moments: Steps, back_ms: i64) -> Vec<TimeRange> {
    let Some(whole) = reach(moments, back_ms) else { return Vec::new() };
    if chunks.is_empty() || moments.count < 2 || moments.step_ms <= back_ms {
        return vec![whole];
    }
    let mut ranges: Vec<TimeRange> = Vec::new();
    let mut joined = false;
    for chunk in chunks {
        if !is_seen(chunk, moments, back_ms) {
            joined = false;
            continue;
        }
        let Some(range) = TimeRange::new(chunk.min_t, chunk.max_t.max(chunk.min_t))
            .and_then(|range| range.intersect(whole))
        else {
            continue;
        };
        match ranges.last_mut() {
            Some(last) if joined || range.min() <= last.max() => *last = last.union(range),
            _ => ranges.push(range),
        }
        joined = true;
    }
    ranges
}

/// From the earliest to the latest sample that some moment sees.
pub(super) fn reach(moments: Steps, back_ms: i64) -> Option<TimeRange> {
    TimeRange::new(moments.start.saturating_sub(back_ms).saturating_add(1), moments.end())
}

/// Whether some moment lies at or behind the chunk's first sample, and less than `back_ms` behind
/// its last.
fn is_seen(chunk: &ChunkMeta, moments: Steps, back_ms: i64) -> bool {
    let ahead = chunk.min_t.saturating_sub(moments.start).max(0);
    let step = ahead / moments.step_ms + i64::from(ahead % moments.step_ms != 0);
    let moment = moments.start.saturating_add(step.saturating_mul(moments.step_ms));
    moment <= moments.end() && moment < chunk.max_t.saturating_add(back_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunk(min_t: i64, max_t: i64) -> ChunkMeta {
        ChunkMeta { min_t, max_t, count: 1 }
    }

    #[test]
    fn chunks_between_what_two_steps_see_are_not_read() {
        let chunks = [chunk(0, 99), chunk(100, 199), chunk(200, 299), chunk(300, 399)];
        let ranges = read_ranges(&chunks, Steps::between(50, 350, 300), 40);
        assert_eq!(
            ranges,
            [TimeRange::new(11, 99), TimeRange::new(300, 350)].map(|r| r.expect("rising"))
        );
        let near = read_ranges(&chunks, Steps::between(50, 350, 30), 40);
        assert_eq!(near, [TimeRange::new(11, 350).expect("rising")]);
    }

    #[test]
    fn a_long_range_is_read_in_pieces_that_touch() {
        let chunks: Vec<ChunkMeta> =
            (0..5).map(|n| ChunkMeta { min_t: n * 100, max_t: n * 100 + 99, count: 10 }).collect();
        let range = |from, to| TimeRange::new(from, to).expect("rising");
        for (whole, samples, expected) in [
            (range(-50, 450), 1000, vec![range(-50, 450)]),
            (range(-50, 450), 20, vec![range(-50, 199), range(200, 399), range(400, 450)]),
            (range(150, 350), 20, vec![range(150, 299), range(300, 350)]),
            (range(150, 250), 20, vec![range(150, 250)]),
            (range(150, 250), 1, vec![range(150, 199), range(200, 250)]),
            (range(600, 700), 1, vec![range(600, 700)]),
        ] {
            assert_eq!(pieces(&chunks, whole, samples), expected, "{whole:?} by {samples}");
        }
        let overlapping = [
            ChunkMeta { min_t: 0, max_t: 500, count: 10 },
            ChunkMeta { min_t: 0, max_t: 300, count: 10 },
            ChunkMeta { min_t: 200, max_t: 400, count: 10 },
        ];
        assert_eq!(pieces(&overlapping, range(0, 500), 10), [range(0, 199), range(200, 500)]);
    }

    proptest! {
        #[test]
        fn what_is_skipped_is_seen_by_no_step(
            lengths in prop::collection::vec((1i64..50, 0i64..60), 1..12),
            start in -50i64..100, step in 1i64..200, count in 1usize..8, back in 1i64..80,
        ) {
            let mut t = 0;
            let chunks: Vec<ChunkMeta> = lengths.iter().map(|(gap, length)| {
                let one = chunk(t + gap, t + gap + length);
                t = one.max_t;
                one
            }).collect();
            let moments = Steps { start, step_ms: step, count };
            let ranges = read_ranges(&chunks, moments, back);
            prop_assert!(ranges.windows(2).all(|pair| pair[0].max() < pair[1].min()));
            for sample in chunks.iter().flat_map(|c| c.min_t..=c.max_t) {
                let seen = moments.times().any(|m| m - back < sample && sample <= m);
                let read = ranges.iter().any(|range| range.contains(sample));
                prop_assert!(read || !seen, "sample at {} is not in {:?}", sample, ranges);
            }
        }
    }
}
