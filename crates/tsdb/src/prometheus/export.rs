//! Export: what a database holds, as blocks that Prometheus reads.

use std::path::Path;

use model::{TimeRange, Timestamp};
use storage::{Queryable, SelectHints};

use super::writer;
use crate::block::{BlockId, BlockMeta};
use crate::db::Db;
use crate::error::BlockError;
use crate::fs::Files;

/// Writes the samples of `source` that lie in `range` as Prometheus blocks in the directory `dir`,
/// made if need be: one for each `width_ms` of time that has samples. `progress` is told each block
/// as it is published. `now_ms` goes into their names.
///
/// Blocks begin at multiples of the width, as Prometheus's own. An error leaves the blocks published
/// before it.
pub fn export(
    source: &dyn Queryable,
    dir: &Path,
    range: TimeRange,
    width_ms: i64,
    now_ms: Timestamp,
    progress: &mut dyn FnMut(&BlockMeta),
) -> Result<Vec<BlockMeta>, BlockError> {
    let width = width_ms.max(1);
    let files = Files::default();
    // promtool opens no directory without a log, though an empty one will do.
    let wal = dir.join("wal");
    std::fs::create_dir_all(&wal).map_err(|source| BlockError::Io {
        action: "create",
        path: wal,
        source,
    })?;
    let mut metas = Vec::new();
    let mut from = range.min();
    loop {
        let end = from.div_euclid(width).saturating_mul(width).saturating_add(width - 1);
        let window = TimeRange::new(from, end.clamp(from, range.max())).expect("clamped");
        let querier = source.querier(window)?;
        let series = querier.select(&[], &SelectHints::default())?;
        let made = writer::write(&files, dir, BlockId::fresh(now_ms), window, series)?;
        if let Some(meta) = made {
            progress(&meta);
            metas.push(meta);
        }
        if window.max() == range.max() {
            return Ok(metas);
        }
        from = window.max() + 1;
    }
}

impl Db {
    /// [`export`]s what of `range` the database has.
    pub fn export(
        &self,
        dir: &Path,
        range: TimeRange,
        width_ms: i64,
        now_ms: Timestamp,
        progress: &mut dyn FnMut(&BlockMeta),
    ) -> Result<Vec<BlockMeta>, BlockError> {
        let status = self.status();
        let newest_block = status.blocks.iter().map(|meta| meta.max_time.saturating_sub(1)).max();
        let newest = newest_block.into_iter().chain(status.head_range.map(TimeRange::max)).max();
        let held = status.lowest_time.zip(newest).and_then(|(min, max)| TimeRange::new(min, max));
        match held.and_then(|held| held.intersect(range)) {
            Some(range) => export(self, dir, range, width_ms, now_ms, progress),
            None => Ok(Vec::new()),
        }
    }
}
