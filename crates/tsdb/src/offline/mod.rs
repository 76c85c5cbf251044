//! A data directory from outside: listed, read, checked and rewritten while no server runs on it.
//!
//! What only reads ([`stored`], [`Sandbox`], [`StoredBlock::verify`], [`damaged_log`]) changes nothing
//! in the directory and may do so beside a running server. What writes there ([`repair`], [`migrate`])
//! holds the directory's lock meanwhile. Retention has no part in any of it.

mod migrate;
mod repair;
mod sandbox;
mod verify;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{TimeRange, Timestamp};
use storage::{Querier, QueryError, Queryable, SeriesSet};

use crate::block::writer::{NewBlock, write};
use crate::block::{self, Block, BlockId, BlockMeta};
use crate::error::{BlockError, OpenError};
use crate::fs::{DirLock, Files, size_bytes};
use crate::options::Options;
use crate::querier::{BlockList, DbQuerier};

pub use migrate::migrate;
pub use repair::{RepairError, Repaired, repair};
pub use sandbox::Sandbox;
pub use verify::damaged_log;

/// A block of a directory.
#[derive(Clone, Debug)]
pub struct StoredBlock {
    block: Arc<Block>,
}

impl StoredBlock {
    /// What it says of itself.
    pub fn meta(&self) -> &BlockMeta {
        self.block.meta()
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        self.block.dir()
    }

    /// The bytes that it takes, all its files together.
    pub fn size_bytes(&self) -> u64 {
        size_bytes(self.dir())
    }
}

impl Queryable for StoredBlock {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, QueryError> {
        let list = Arc::new(BlockList::new(vec![Arc::clone(&self.block)], Timestamp::MAX));
        Ok(Box::new(DbQuerier::of_blocks(range, list)))
    }
}

/// A directory with the name of a block, and why it does not open.
pub type Unopened = (PathBuf, BlockError);

/// The blocks of a directory, in order of time, and those that do not open.
pub fn stored(dir: &Path) -> io::Result<(Vec<StoredBlock>, Vec<Unopened>)> {
    let opened = block::open_all(dir)?;
    let list = BlockList::new(opened.blocks, Timestamp::MAX);
    let blocks = list.blocks.into_iter().map(|block| StoredBlock { block });
    Ok((blocks.collect(), opened.failed))
}

/// Writes the samples of `series` that lie in `span` as a native block in `dir`, made if need be.
/// `None`, and no block, if there are none. `now_ms` goes into its name.
pub fn write_block<'a>(
    dir: &Path,
    span: TimeRange,
    series: Box<dyn SeriesSet<'a> + 'a>,
    now_ms: Timestamp,
) -> Result<Option<BlockMeta>, BlockError> {
    let io = |source| BlockError::Io { action: "create", path: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(io)?;
    let id = BlockId::fresh(now_ms);
    let new = NewBlock { id, span, parents: Vec::new(), sources: Vec::new(), level: 1 };
    write(&Files::default(), dir, &new, series)
}

/// Locks a directory against servers and other tools.
fn lock(dir: &Path) -> Result<DirLock, OpenError> {
    let lock = DirLock::acquire(dir).map_err(OpenError::io("lock", dir))?;
    lock.ok_or_else(|| OpenError::Locked { path: dir.to_owned() })
}

/// Options with which opening a directory removes nothing that is old.
fn keep_all(dir: &Path) -> Options {
    Options { path: dir.to_owned(), retention_ms: 0, retention_bytes: 0, ..Options::default() }
}

#[cfg(test)]
mod tests;
