//! Several blocks read as one and written as one.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use model::{TimeRange, Timestamp};

use crate::block::writer::{NewBlock, write};
use crate::block::{Block, BlockId, BlockMeta};
use crate::error::BlockError;
use crate::fs::Files;
use crate::index::{Index, Source};

/// Writes one block in `dir` with all samples of `blocks` but those deleted. Of samples with equal times
/// that of the oldest block stays: one that came out of order changes none that was there. `None`, and no block, if there are no samples.
pub(crate) fn merge(
    files: &Files,
    dir: &Path,
    blocks: &[Arc<Block>],
    now_ms: Timestamp,
) -> Result<Option<BlockMeta>, BlockError> {
    let Some(span) = blocks.iter().map(|block| block.span()).reduce(TimeRange::union) else {
        return Ok(None);
    };
    let metas = || blocks.iter().map(|block| block.meta());
    let sources: BTreeSet<BlockId> =
        metas().flat_map(|meta| meta.compaction.sources.iter().copied()).collect();
    let highest = metas().map(|meta| meta.compaction.level).max().unwrap_or(1);
    let new = NewBlock {
        id: BlockId::fresh(now_ms),
        span,
        parents: metas().map(BlockMeta::as_parent).collect(),
        sources: sources.into_iter().collect(),
        level: highest.saturating_add(u32::from(blocks.len() > 1)),
    };
    let mut oldest_first: Vec<&Arc<Block>> = blocks.iter().collect();
    if oldest_first.windows(2).any(|pair| pair[0].span().overlaps(pair[1].span())) {
        oldest_first.sort_by_key(|block| block.meta().ulid);
    }
    let mut sets = Vec::new();
    for block in oldest_first {
        sets.push(block.series(block.all()?, span, &storage::Stop::default())?);
    }
    write(files, dir, &new, storage::merge(sets))
}
