//! The work in the background: samples move from the head into blocks, small blocks become large
//! ones, old ones go.
//!
//! Appends and queries go on meanwhile. A query holds the list of blocks it began with; the head
//! drops samples only when nobody holds a list that lacks their block, and a block's files are
//! removed while those who map them still read.

use std::collections::HashSet;
use std::sync::{Arc, TryLockError, Weak};

use model::{TimeRange, Timestamp};

use crate::block::writer::{NewBlock, write};
use crate::block::{Block, BlockId, BlockMeta};
use crate::compact::{merge, plan};
use crate::db::Db;
use crate::error::BlockError;
use crate::head::View;
use crate::index::{Index, Source};
use crate::querier::BlockList;
use crate::room::bytes_of;

/// After a failure heavy work rests for so long, as a full disk does not get better by the second;
/// and retention is looked at so often.
const REST_MS: i64 = 60_000;

/// What heavy work must remember between its turns.
#[derive(Debug, Default)]
pub(crate) struct Maintenance {
    /// The head may drop everything before this, and of what came out of order that of commits up to
    /// this one, as soon as no query looks there for it.
    drop_before: Option<(Timestamp, Option<u64>)>,
    /// The list for which there was nothing to compact.
    settled: Weak<BlockList>,
    /// When to look again for blocks beyond the retention.
    retain_at: Option<Timestamp>,
    /// Blocks that could not be read when they were to be merged, or whose merging needs too much
    /// room; kept and served as they are.
    left_alone: HashSet<BlockId>,
    /// After a failure: when to try again.
    rest_until: Option<Timestamp>,
}

impl Maintenance {
    /// Forgets that there was nothing to compact.
    pub(crate) fn look_again(&mut self) {
        self.settled = Weak::new();
    }
}

/// Blocks cut from the head.
struct Cut {
    blocks: Vec<Arc<Block>>,
    /// The last commit they have samples of.
    seen: u64,
}

impl Db {
    /// Does what is due at `now_ms`; to be called once a second, or as often as
    /// [`WalSync::Every`](crate::WalSync::Every) says if that is more often.
    ///
    /// Most calls do no more than sync the log. One that finds heavy work does it and returns when
    /// it is done; calls from other threads meanwhile sync the log and return at once. Failures are
    /// logged and counted; heavy work then rests for a minute.
    pub fn maintain(&self, now_ms: Timestamp) {
        self.head.tick(now_ms);
        let mut maintenance = match self.maintenance.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let state = &mut *maintenance;
        if state.rest_until.is_some_and(|until| is_before(now_ms, until)) {
            return;
        }
        state.rest_until = None;
        let done = self
            .cut_head(state, now_ms)
            .and_then(|()| self.compact(state, now_ms))
            .and_then(|()| self.save_head());
        if let Err(error) = done {
            self.counters.compactions_failed.inc();
            state.rest_until = Some(now_ms.saturating_add(REST_MS));
            tracing::error!(%error, "cutting or compacting blocks failed; will try again");
        }
        if !state.retain_at.is_some_and(|at| is_before(now_ms, at)) {
            state.retain_at = Some(now_ms.saturating_add(REST_MS));
            self.remove_old_blocks(now_ms);
        }
    }

    /// Saves the head if replaying the log would take long.
    fn save_head(&self) -> Result<(), BlockError> {
        if !self.head.is_save_due() {
            return Ok(());
        }
        self.make_room(self.head.size_bytes());
        let failed = |source| BlockError::Io {
            action: "save the head in",
            path: self.options.path.clone(),
            source,
        };
        self.head.save_meanwhile().map_err(failed)
    }

    /// Cuts windows from the head into blocks while it spans more than one and a half of them.
    fn cut_head(&self, state: &mut Maintenance, now_ms: Timestamp) -> Result<(), BlockError> {
        let width = self.options.min_block_duration_ms;
        loop {
            if !self.drop_cut(state)? {
                return Ok(());
            }
            let Some(head) = self.head.range() else { return Ok(()) };
            if head.max().saturating_sub(head.min()) <= width.saturating_add(width / 2) {
                return Ok(());
            }
            // The block takes no more than the log, which goes only when the block is there.
            self.make_room(self.head.size_bytes());
            let list = self.block_list();
            let start = plan::start_of(head.min(), width);
            let end = start.saturating_add(width);
            let Some(span) = TimeRange::new(start.max(list.head_from), end - 1) else {
                state.drop_before = Some((end, None));
                continue;
            };
            self.head.seal_before(end);
            let made = self.write_cut(span, now_ms)?;
            let mut blocks = list.blocks.clone();
            blocks.extend(made.blocks);
            self.replace_list(BlockList::new(blocks, end));
            // Crash here: the log still holds the samples; the next open takes those of the block
            // from the block. What came out of order it has twice, which a query sees once.
            state.drop_before = Some((end, Some(made.seen)));
        }
    }

    /// Writes what the head has in `span` as a block, and what came out of order before it as one block
    /// for each window, beside those there are.
    fn write_cut(&self, span: TimeRange, now_ms: Timestamp) -> Result<Cut, BlockError> {
        let width = self.options.min_block_duration_ms;
        let upto = TimeRange::new(Timestamp::MIN, span.max()).expect("nothing is before it");
        let view = self.head.view_from(upto, span.min()).expect("it has samples");
        let mut cut = Cut { blocks: Vec::new(), seen: view.seen() };
        let mut late = view.late_range();
        while let Some(range) = late.filter(|late| late.min() < span.min()) {
            let end = plan::start_of(range.min(), width).saturating_add(width).min(span.min());
            let window = TimeRange::new(range.min(), end - 1).expect("it ends behind that");
            self.write_one(&view, window, now_ms, &mut cut)?;
            late = view.late_range_from(end);
        }
        self.write_one(&view, span, now_ms, &mut cut)?;
        Ok(cut)
    }

    /// Writes what a view has in `span`. After a failure the cut is taken back, to be made anew.
    fn write_one(
        &self,
        view: &View<'_>,
        span: TimeRange,
        now_ms: Timestamp,
        cut: &mut Cut,
    ) -> Result<(), BlockError> {
        let new = NewBlock {
            id: BlockId::fresh(now_ms),
            span,
            parents: Vec::new(),
            sources: Vec::new(),
            level: 1,
        };
        let series = view.all().and_then(|rows| view.series(rows, span, &storage::Stop::default()));
        let made = series
            .map_err(BlockError::from)
            .and_then(|series| write(&self.files, &self.options.path, &new, series))
            .and_then(|made| self.open_made(made));
        match made {
            Ok(made) => cut.blocks.extend(made),
            Err(error) => {
                for block in cut.blocks.drain(..) {
                    // Crash here, or an error: what it has, the log has too.
                    let _ = self.remove_block(&block);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Drops from the head what blocks hold; false if some query may still need it.
    fn drop_cut(&self, state: &mut Maintenance) -> Result<bool, BlockError> {
        let Some((before, seen)) = state.drop_before else { return Ok(true) };
        if self.is_read_before(before) {
            return Ok(false);
        }
        self.head.truncate(before, seen);
        state.drop_before = None;
        Ok(true)
    }

    /// Makes larger blocks of smaller ones until nothing is due.
    fn compact(&self, state: &mut Maintenance, now_ms: Timestamp) -> Result<(), BlockError> {
        let widths =
            plan::widths(self.options.min_block_duration_ms, self.options.widest_block_ms());
        loop {
            let list = self.block_list();
            if state.settled.ptr_eq(&Arc::downgrade(&list)) {
                return Ok(());
            }
            let metas: Vec<BlockMeta> = list
                .blocks
                .iter()
                .map(|block| block.meta())
                .filter(|meta| meta.is_native() && !state.left_alone.contains(&meta.ulid))
                .cloned()
                .collect();
            let mut chosen = plan::next(&metas, &widths);
            if chosen.is_empty() {
                chosen = plan::next_to_clean(&metas, &widths, |meta| list.deleted_from(meta.ulid));
            }
            if chosen.is_empty() {
                state.settled = Arc::downgrade(&list);
                return Ok(());
            }
            let (old, kept): (Vec<_>, Vec<_>) =
                list.blocks.iter().cloned().partition(|b| chosen.contains(&b.meta().ulid));
            if !self.may_compact(&old) {
                state.left_alone.extend(chosen);
                continue;
            }
            if self.make_room(bytes_of(&old)) {
                // Some of those chosen may be gone.
                continue;
            }
            let made = match merge::merge(&self.files, &self.options.path, &old, now_ms) {
                Err(error @ (BlockError::Read(_) | BlockError::Damaged { .. })) => {
                    self.counters.compactions_failed.inc();
                    let blocks: Vec<String> = chosen.iter().map(BlockId::to_string).collect();
                    tracing::error!(?blocks, %error, "blocks not compacted, served as they are");
                    state.left_alone.extend(chosen);
                    continue;
                }
                made => made?,
            };
            self.replace_blocks(&old, kept, made)?;
        }
    }

    /// Puts a block made of `old` in their place, beside `kept`.
    pub(crate) fn replace_blocks(
        &self,
        old: &[Arc<Block>],
        kept: Vec<Arc<Block>>,
        made: Option<BlockMeta>,
    ) -> Result<(), BlockError> {
        let mut blocks = kept;
        blocks.extend(self.open_made(made)?);
        self.replace_list(BlockList::new(blocks, self.block_list().head_from));
        for block in old {
            // Crash here: the new block names its parents; the next open removes them.
            self.remove_block(block)?;
        }
        Ok(())
    }

    /// Opens a block just written, and counts it.
    fn open_made(&self, made: Option<BlockMeta>) -> Result<Option<Arc<Block>>, BlockError> {
        self.counters.compactions.inc();
        let Some(meta) = made else { return Ok(None) };
        self.counters.compaction_chunks.add(meta.stats.num_chunks);
        self.counters.compaction_samples.add(meta.stats.num_samples);
        let block = Block::open(&self.options.path.join(meta.ulid.to_string()))?;
        Ok(Some(Arc::new(block)))
    }
}

/// Whether `at` is still to come. Not if it is further away than we ever wait: the clock was set.
fn is_before(now_ms: Timestamp, at: Timestamp) -> bool {
    now_ms < at && at.saturating_sub(now_ms) <= REST_MS
}
