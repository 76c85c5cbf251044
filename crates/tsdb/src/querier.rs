//! A querier over a consistent view of the head and the blocks.

use std::sync::Arc;

use model::{Matcher, TimeRange, Timestamp};
use storage::{Querier, QueryError, SelectHints, SeriesSet, Stop};

use crate::block::{Block, BlockId};
use crate::index::{Source, select};

/// The blocks of a moment, and which samples are in the head only.
///
/// Whoever holds a list sees every sample of its moment: the head drops what a newer list has in
/// blocks only when nobody holds an older list any more.
#[derive(Debug)]
pub(crate) struct BlockList {
    /// In order of time.
    pub(crate) blocks: Vec<Arc<Block>>,
    /// Every sample of the head before this moment is in a block too.
    pub(crate) head_from: Timestamp,
}

impl BlockList {
    /// A list of these blocks; the head has what comes after them.
    pub(crate) fn new(mut blocks: Vec<Arc<Block>>, head_from: Timestamp) -> Self {
        blocks.sort_by_key(|block| {
            let meta = block.meta();
            (meta.min_time, meta.max_time, meta.ulid)
        });
        Self { blocks, head_from }
    }

    /// Of how many series of a block something is deleted.
    pub(crate) fn deleted_from(&self, block: BlockId) -> u64 {
        let block = self.blocks.iter().find(|b| b.meta().ulid == block);
        block.map_or(0, |block| block.tombstones().rows().len())
    }
}

/// A view of a time range over head and blocks.
pub(crate) struct DbQuerier<'a> {
    range: TimeRange,
    /// Held so that the head keeps what this view may read.
    list: Arc<BlockList>,
    /// `None` if the range ends before the head begins, and nothing in it came out of order.
    head: Option<Box<dyn Source + 'a>>,
}

impl<'a> DbQuerier<'a> {
    /// A view of `range`; `head` shows what of it lies in the head only, and what came out of order.
    pub(crate) fn new(
        range: TimeRange,
        list: Arc<BlockList>,
        head: Option<Box<dyn Source + 'a>>,
    ) -> Self {
        Self { range, list, head }
    }

    /// A view of `range` over blocks alone.
    pub(crate) fn of_blocks(range: TimeRange, list: Arc<BlockList>) -> Self {
        Self { range, list, head: None }
    }

    /// The sources the range touches, oldest first, each with the part of the range it serves.
    fn sources(&self) -> impl Iterator<Item = (&dyn Source, TimeRange)> {
        let blocks = self.list.blocks.iter().filter_map(|block| {
            let range = block.span().intersect(self.range)?;
            Some((block.as_ref() as &dyn Source, range))
        });
        let head = self.head.as_deref().map(|head| (head as &dyn Source, self.range));
        blocks.chain(head)
    }

    /// The union of what `list` gives for each source, sorted.
    fn union(
        &self,
        list: impl Fn(&dyn Source) -> Result<Vec<String>, QueryError>,
    ) -> Result<Vec<String>, QueryError> {
        let mut all: Vec<String> = Vec::new();
        for (source, _) in self.sources() {
            all.append(&mut list(source)?);
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }
}

impl Querier for DbQuerier<'_> {
    fn select<'a>(
        &'a self,
        matchers: &[Matcher],
        hints: &SelectHints,
    ) -> Result<Box<dyn SeriesSet<'a> + 'a>, QueryError> {
        let mut sets = Vec::new();
        let reach = hints.reach.unwrap_or(TimeRange::ALL);
        for (source, range) in self.sources() {
            let Some(range) = range.intersect(reach) else { continue };
            let rows = select::rows_until(source, matchers, &hints.stop)?;
            if !rows.is_empty() {
                sets.push(source.series(rows, range, &hints.stop)?);
            }
        }
        Ok(storage::merge(sets))
    }

    fn label_names(&self, matchers: &[Matcher], stop: &Stop) -> Result<Vec<String>, QueryError> {
        self.union(|source| select::label_names(source, matchers, stop))
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        stop: &Stop,
    ) -> Result<Vec<String>, QueryError> {
        self.union(|source| select::label_values(source, name, matchers, stop))
    }

    fn range(&self) -> TimeRange {
        self.range
    }
}
