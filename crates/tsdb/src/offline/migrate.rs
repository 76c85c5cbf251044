//! Prometheus's blocks rewritten as native ones.

use std::path::Path;

use model::Timestamp;

use super::repair::RepairError;
use super::{StoredBlock, lock, stored};
use crate::block::{Block, BlockId, BlockMeta};
use crate::compact::merge::merge;
use crate::error::{ChangeError, OpenError};
use crate::fs::Files;

/// Writes a native block for each block in `dir` that Prometheus wrote, reads it once to be sure, and
/// removes the old one. `progress` is told the old one before, and both behind it.
///
/// What a crash leaves is served as before, and finished by the next run.
pub fn migrate(
    dir: &Path,
    now_ms: Timestamp,
    progress: &mut dyn FnMut(&BlockMeta, Option<&BlockMeta>),
) -> Result<Vec<BlockMeta>, RepairError> {
    let _lock = lock(dir)?;
    let files = Files::default();
    files.sweep(dir).map_err(OpenError::io("sweep", dir))?;
    let (blocks, _) = stored(dir).map_err(OpenError::io("list", dir))?;
    let written: Vec<BlockId> = blocks
        .iter()
        .filter(|block| block.meta().is_native())
        .flat_map(|block| block.meta().compaction.parents.iter().map(|parent| parent.ulid))
        .collect();
    let mut made = Vec::new();
    for StoredBlock { block } in blocks.iter().filter(|block| !block.meta().is_native()) {
        progress(block.meta(), None);
        if !written.contains(&block.meta().ulid) {
            let new = merge(&files, dir, std::slice::from_ref(block), now_ms);
            if let Some(new) = new.map_err(ChangeError::Block)? {
                check(dir, &new)?;
                progress(block.meta(), Some(&new));
                made.push(new);
            }
        }
        // Crash here: the new block names the old one as its parent, which is not served any more.
        files.remove(block.dir()).map_err(OpenError::io("remove", block.dir()))?;
    }
    Ok(made)
}

/// Reads all of a block that was just written.
fn check(dir: &Path, made: &BlockMeta) -> Result<(), RepairError> {
    let block = Block::open(&dir.join(made.ulid.to_string())).map_err(ChangeError::Block)?;
    let block = StoredBlock { block: block.into() };
    match block.verify(&mut |_| ()).into_iter().next() {
        Some(error) => Err(ChangeError::Block(error).into()),
        None => Ok(()),
    }
}
