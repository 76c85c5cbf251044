//! Making a directory whole again: what can be read stays, the rest is set aside.

use std::path::{Path, PathBuf};

use model::{Labels, TimeRange, Timestamp};
use storage::{ChunkMeta, Columns, QueryError, Series, SeriesSet, Stop};

use super::{StoredBlock, keep_all, lock, stored};
use crate::block::writer::{NewBlock, write};
use crate::block::{BlockId, BlockMeta};
use crate::db::{Db, QUARANTINE};
use crate::error::{BlockError, ChangeError, OpenError};
use crate::fs::Files;
use crate::index::{Index, Source};

/// A damaged block that was written anew.
#[derive(Clone, Debug)]
pub struct Repaired {
    /// What it was.
    pub old: BlockMeta,
    /// Where it is now.
    pub moved_to: PathBuf,
    /// What could be read of it, as a block; `None` if that was nothing.
    pub new: Option<BlockMeta>,
}

/// Writes damaged native blocks in `dir` anew, without what cannot be read, and moves them aside; then
/// opens the database once, which does the same with its log. Blocks that Prometheus wrote stay as
/// they are. `progress` is told which block is looked at.
pub fn repair(
    dir: &Path,
    now_ms: Timestamp,
    progress: &mut dyn FnMut(&BlockMeta),
) -> Result<Vec<Repaired>, RepairError> {
    let lock = lock(dir)?;
    let files = Files::default();
    files.sweep(dir).map_err(OpenError::io("sweep", dir))?;
    let (blocks, _) = stored(dir).map_err(OpenError::io("list", dir))?;
    let mut repaired = Vec::new();
    for block in blocks.iter().filter(|block| block.meta().is_native()) {
        progress(block.meta());
        if block.verify(&mut |_| ()).is_empty() {
            continue;
        }
        let new = rewrite(&files, dir, block, now_ms).map_err(ChangeError::Block)?;
        // Crash here: both are served, samples that both have once; the next repair goes on.
        let moved_to = files.move_into(block.dir(), &dir.join(QUARANTINE));
        let moved_to = moved_to.map_err(OpenError::io("move aside", block.dir()))?;
        repaired.push(Repaired { old: block.meta().clone(), moved_to, new });
    }
    drop(lock);
    Db::open(keep_all(dir), now_ms)?.close().map_err(ChangeError::Log)?;
    Ok(repaired)
}

/// Why a directory could not be repaired, or rewritten.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// It cannot be opened, or its files not be moved.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A block cannot be written.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// Writes what can be read of a block as a new one.
fn rewrite(
    files: &Files,
    dir: &Path,
    old: &StoredBlock,
    now_ms: Timestamp,
) -> Result<Option<BlockMeta>, BlockError> {
    let meta = old.meta();
    let new = NewBlock {
        id: BlockId::fresh(now_ms),
        span: old.block.span(),
        // Not a parent: the old one is moved aside, not removed.
        parents: Vec::new(),
        sources: meta.compaction.sources.clone(),
        level: meta.compaction.level,
    };
    let all =
        old.block.all().and_then(|rows| old.block.series(rows, TimeRange::ALL, &Stop::default()));
    let Ok(series) = all else { return Ok(None) };
    write(files, dir, &new, readable(series))
}

/// The series up to the first that the index does not give, each without the chunks that cannot be
/// read.
fn readable<'a>(series: Box<dyn SeriesSet<'a> + 'a>) -> Box<dyn SeriesSet<'a> + 'a> {
    let series = series.map_while(Result::ok);
    Box::new(series.map(|series| Ok(Box::new(Readable { series }) as Box<dyn Series>)))
}

/// A series without the chunks that cannot be read.
struct Readable<'a> {
    series: Box<dyn Series + 'a>,
}

impl Series for Readable<'_> {
    fn labels(&self) -> &Labels {
        self.series.labels()
    }

    fn chunks(&self) -> &[ChunkMeta] {
        self.series.chunks()
    }

    fn read(&mut self, range: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
        let chunks = self.series.chunks().to_vec();
        let mut part = Columns::default();
        for chunk in chunks {
            let Some(wanted) = TimeRange::new(chunk.min_t, chunk.max_t) else { continue };
            let Some(wanted) = wanted.intersect(range) else { continue };
            part.clear();
            if self.series.read(wanted, &mut part).is_ok() {
                columns.timestamps.extend_from_slice(&part.timestamps);
                columns.values.append(&mut part.values);
                columns.histogram_timestamps.append(&mut part.histogram_timestamps);
                columns.histograms.append(&mut part.histograms);
            }
        }
        Ok(())
    }
}
