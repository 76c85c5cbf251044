//! Room on the disk: blocks beyond the retention go, and the oldest ones make room for what is about
//! to be written.
//!
//! The limit on bytes holds for all the database writes: blocks with every file of theirs, the log,
//! and what is under way. It does not count what it could not remove: snapshots, which share most of
//! their files, and blocks moved aside or of a foreign format.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use model::Timestamp;

use crate::block::{Block, BlockId, BlockMeta};
use crate::db::{Db, QUARANTINE};
use crate::error::BlockError;
use crate::fs::size_bytes;
use crate::querier::BlockList;
use crate::retention::{self, Retention, Taken};
use crate::snapshot::SNAPSHOTS_DIR;

/// A compaction whose blocks take more than this part of the limit is not done: it would need as much
/// room again, and the oldest blocks would have to go for it.
const LARGEST_PART: u64 = 10;

impl Db {
    /// How much is kept.
    pub fn retention(&self) -> Retention {
        *self.retention.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much is kept from the next look at it on, within a minute.
    pub fn set_retention(&self, retention: Retention) {
        *self.retention.lock().unwrap_or_else(PoisonError::into_inner) = retention;
    }

    /// Removes blocks that are beyond the retention's age or bytes.
    pub(crate) fn remove_old_blocks(&self, now_ms: Timestamp) {
        let list = self.block_list();
        let metas: Vec<BlockMeta> = list.blocks.iter().map(|block| block.meta().clone()).collect();
        let old = retention::too_old(&metas, now_ms, self.retention().ms);
        self.counters.blocks_gone_by_time.add(old.len() as u64);
        self.drop_blocks(&old.into_iter().collect());
        self.make_room(0);
    }

    /// Removes the oldest blocks until so many bytes more fit; whether any had to go.
    pub(crate) fn make_room(&self, bytes: u64) -> bool {
        let limit = self.limit_bytes();
        if limit == 0 {
            return false;
        }
        let list = self.block_list();
        let taken: Vec<Taken> = list.blocks.iter().map(|block| taken(block)).collect();
        let others = self.other_bytes().saturating_add(bytes);
        let gone: HashSet<BlockId> =
            retention::too_many(&taken, others, limit).into_iter().collect();
        self.counters.blocks_gone_by_size.add(gone.len() as u64);
        self.drop_blocks(&gone);
        !gone.is_empty()
    }

    /// Whether blocks may be made into one that needs as much room again.
    pub(crate) fn may_compact(&self, blocks: &[Arc<Block>]) -> bool {
        let limit = self.limit_bytes();
        limit == 0 || bytes_of(blocks) <= limit / LARGEST_PART
    }

    fn drop_blocks(&self, gone: &HashSet<BlockId>) {
        if gone.is_empty() {
            return;
        }
        let list = self.block_list();
        let (gone, kept): (Vec<_>, Vec<_>) =
            list.blocks.iter().cloned().partition(|block| gone.contains(&block.meta().ulid));
        self.replace_list(BlockList::new(kept, list.head_from));
        for block in gone {
            if let Err(error) = self.remove_block(&block) {
                tracing::error!(%error, "an old block stays behind");
            }
        }
    }

    pub(crate) fn remove_block(&self, block: &Block) -> Result<(), BlockError> {
        let io = |source| BlockError::Io { action: "remove", path: block.dir().to_owned(), source };
        self.files.remove(block.dir()).map_err(io)
    }

    /// How many bytes all may take; 0 for any.
    fn limit_bytes(&self) -> u64 {
        let retention = self.retention();
        if retention.percentage <= 0.0 {
            return retention.bytes;
        }
        match rustix::fs::statvfs(&self.options.path) {
            Ok(disk) => retention.limit_on(disk.f_blocks.saturating_mul(disk.f_frsize)),
            Err(error) => {
                tracing::warn!(%error, "the size of the disk is not known, nor a percentage of it");
                retention.bytes
            }
        }
    }

    /// The bytes of what is neither a block nor beyond our reach.
    fn other_bytes(&self) -> u64 {
        let Ok(entries) = std::fs::read_dir(&self.options.path) else { return 0 };
        let is_other = |name: &str| {
            ![SNAPSHOTS_DIR, QUARANTINE].contains(&name) && BlockId::parse(name).is_none()
        };
        let others =
            entries.flatten().filter(|entry| entry.file_name().to_str().is_none_or(is_other));
        others.map(|entry| size_bytes(&entry.path())).sum()
    }
}

/// The bytes of all files of these blocks.
pub(crate) fn bytes_of(blocks: &[Arc<Block>]) -> u64 {
    blocks.iter().map(|block| size_bytes(block.dir())).sum()
}

fn taken(block: &Block) -> Taken {
    let meta = block.meta();
    Taken { ulid: meta.ulid, max_time: meta.max_time, bytes: size_bytes(block.dir()) }
}
