//! What each node of a plan cost, for whoever asks.
//!
//! At each moment the query's thread works for one node, and its time is that node's own: a node that
//! hands a series on stops its clock until the sink is done with it. So the own times of all nodes
//! add up to the time of the evaluation. Reading is spread over the cores; its time is that of the
//! query's thread, which waits for it. A query that does not ask has no profile, and nothing is
//! counted or timed for it.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::{Clock, TimeRange};
use storage::ChunkMeta;

use super::{Evaluator, Sink};
use crate::error::EngineError;
use crate::plan::Node;

/// What one node cost, without its operands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Time spent in the node itself.
    pub own: Duration,
    /// Series handed on, those without any value included.
    pub series: u64,
    /// Samples decoded.
    pub samples: u64,
    /// Chunks decoded; one that is read twice counts twice.
    pub chunks_decoded: u64,
    /// Chunks of the series that were not decoded.
    pub chunks_skipped: u64,
}

/// The costs of all nodes of a plan, while it is evaluated.
pub struct Profile<'p> {
    clock: &'p dyn Clock,
    costs: RefCell<Vec<Cost>>,
    /// The node that the query's thread works for, and since when.
    current: Cell<(Option<usize>, Duration)>,
}

impl<'p> Profile<'p> {
    /// A profile of a plan of so many nodes, none of which cost anything yet.
    pub fn new(clock: &'p dyn Clock, nodes: usize) -> Self {
        let costs = RefCell::new(vec![Cost::default(); nodes]);
        Self { clock, costs, current: Cell::new((None, clock.monotonic())) }
    }

    /// From now on time is that of `node`, or nobody's; returns whose it was.
    pub(super) fn switch(&self, node: Option<usize>) -> Option<usize> {
        let now = self.clock.monotonic();
        let (before, since) = self.current.replace((node, now));
        self.change(before, |cost| cost.own += now.saturating_sub(since));
        before
    }

    /// Counts series that the current node hands on.
    pub(super) fn count_series(&self, series: u64) {
        self.change(self.current.get().0, |cost| cost.series += series);
    }

    /// Counts what the current node has read.
    pub(super) fn count_reads(&self, reads: &Reads) {
        self.change(self.current.get().0, |cost| {
            cost.samples += reads.samples.load(Ordering::Relaxed);
            cost.chunks_decoded += reads.decoded.load(Ordering::Relaxed);
            cost.chunks_skipped += reads.skipped.load(Ordering::Relaxed);
        });
    }

    fn change(&self, node: Option<usize>, change: impl FnOnce(&mut Cost)) {
        if let Some(id) = node {
            change(&mut self.costs.borrow_mut()[id]);
        }
    }

    /// The costs, by the numbers of the nodes.
    pub fn into_costs(self) -> Vec<Cost> {
        self.costs.into_inner()
    }
}

impl Evaluator<'_> {
    /// Lets `feed` hand the series of `node` to `sink`, and notes what that costs.
    pub(super) fn measured(
        &self,
        node: &Node<'_>,
        sink: Sink<'_>,
        feed: impl FnOnce(Sink<'_>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let Some(profile) = self.profile else { return feed(sink) };
        let around = profile.switch(Some(node.id));
        let result = feed(&mut |series| {
            profile.count_series(1);
            profile.switch(around);
            let result = sink(series);
            profile.switch(Some(node.id));
            result
        });
        profile.switch(around);
        result
    }

    /// The same for what gives no series.
    pub(crate) fn timed<T>(&self, node: &Node<'_>, f: impl FnOnce() -> T) -> T {
        let around = self.profile.map(|profile| profile.switch(Some(node.id)));
        let result = f();
        if let (Some(profile), Some(around)) = (self.profile, around) {
            profile.switch(around);
        }
        result
    }

    /// Where to count what is read for the node at work, if anybody asks.
    pub(super) fn reads(&self) -> Option<Reads> {
        self.profile.map(|_| Reads::default())
    }

    /// Notes what was read for the node at work.
    pub(super) fn note_reads(&self, reads: Option<&Reads>) {
        if let (Some(profile), Some(reads)) = (self.profile, reads) {
            profile.count_reads(reads);
        }
    }

    /// Notes that the node at work hands on so many series at once.
    pub(super) fn note_handed_on(&self, series: usize) {
        if let Some(profile) = self.profile {
            profile.count_series(series as u64);
        }
    }
}

/// What was read of the store for one node; counted from any core.
#[derive(Debug, Default)]
pub(super) struct Reads {
    samples: AtomicU64,
    decoded: AtomicU64,
    skipped: AtomicU64,
}

impl Reads {
    /// Counts a series of which `ranges` were read, and so many samples with them.
    pub(super) fn count(&self, chunks: &[ChunkMeta], ranges: &[TimeRange], samples: usize) {
        let decoded = decoded(chunks, ranges);
        self.samples.fetch_add(samples as u64, Ordering::Relaxed);
        self.decoded.fetch_add(decoded, Ordering::Relaxed);
        self.skipped.fetch_add(chunks.len() as u64 - decoded, Ordering::Relaxed);
    }

    /// Counts what was read once more of a series that is counted already.
    pub(super) fn count_again(&self, chunks: &[ChunkMeta], range: TimeRange, samples: usize) {
        self.samples.fetch_add(samples as u64, Ordering::Relaxed);
        self.decoded.fetch_add(decoded(chunks, &[range]), Ordering::Relaxed);
    }
}

/// How many chunks have to be decoded to read these ranges.
fn decoded(chunks: &[ChunkMeta], ranges: &[TimeRange]) -> u64 {
    let overlap = |chunk: &&ChunkMeta| {
        // The first range that does not end before the chunk begins: ranges rise.
        let at = ranges.partition_point(|range| range.max() < chunk.min_t);
        ranges.get(at).is_some_and(|range| range.min() <= chunk.max_t)
    };
    chunks.iter().filter(overlap).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::clock::ManualClock;

    #[test]
    fn time_is_that_of_the_node_that_works() {
        let clock = ManualClock::at(0);
        let profile = Profile::new(&clock, 2);
        let second = |n| clock.advance(Duration::from_secs(n));
        second(1);
        let outer = profile.switch(Some(0));
        second(2);
        let middle = profile.switch(Some(1));
        second(4);
        profile.count_series(1);
        profile.switch(middle);
        second(8);
        profile.switch(Some(1));
        second(16);
        profile.switch(middle);
        profile.switch(outer);
        second(32);
        let costs = profile.into_costs();
        assert_eq!(costs[0], Cost { own: Duration::from_secs(10), ..Cost::default() });
        assert_eq!(costs[1], Cost { own: Duration::from_secs(20), series: 1, ..Cost::default() });
    }

    #[test]
    fn a_chunk_is_decoded_if_some_range_touches_it() {
        let chunk = |min_t, max_t| ChunkMeta { min_t, max_t, count: 1 };
        let chunks = [chunk(0, 9), chunk(10, 19), chunk(20, 29), chunk(30, 39)];
        let range = |from, to| TimeRange::new(from, to).expect("rising");
        for (ranges, expected) in [
            (vec![], 0),
            (vec![range(9, 9)], 1),
            (vec![range(9, 10)], 2),
            (vec![range(-5, 0), range(39, 50)], 2),
            (vec![range(40, 50)], 0),
        ] {
            assert_eq!(decoded(&chunks, &ranges), expected, "{ranges:?}");
        }
    }
}
