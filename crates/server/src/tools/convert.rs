//! `export` and `migrate`: blocks for Prometheus, and from it.

use std::path::{Path, PathBuf};

use model::Clock;
use tsdb::BlockMeta;
use tsdb::fs::size_bytes;
use tsdb::offline;

use super::list::table;
use super::{Bench, ToolError};

/// The width of Prometheus's own blocks, ms.
const WIDTH_MS: i64 = 2 * 3_600_000;

/// Writes blocks that Prometheus reads.
pub(super) fn export(bench: &mut Bench<'_>) -> Result<(), ToolError> {
    let range = bench.range()?;
    let target = PathBuf::from(bench.text("output directory"));
    let sandbox = bench.sandbox()?;
    let now_ms = bench.clock.now_ms();
    let mut done = 0;
    let made = sandbox.export(&target, range, WIDTH_MS, now_ms, &mut |meta| {
        done += meta.stats.num_samples;
        bench.progress.show(|| format!("{done} samples, up to block {}", meta.ulid));
    })?;
    print(bench, &target, &made)
}

/// Rewrites blocks that Prometheus wrote.
pub(super) fn migrate(bench: &mut Bench<'_>) -> Result<(), ToolError> {
    let (dir, now_ms) = (bench.dir()?.to_owned(), bench.clock.now_ms());
    let io = |source| ToolError::Io { action: "list", path: dir.clone(), source };
    let (blocks, _) = offline::stored(&dir).map_err(io)?;
    let total = blocks.iter().filter(|block| !block.meta().is_native()).count();
    drop(blocks);
    let mut done = 0;
    let progress = &mut bench.progress;
    let made = offline::migrate(&dir, now_ms, &mut |old, new| {
        done += usize::from(new.is_some());
        progress.show(|| format!("{done} of {total} blocks; {}", old.ulid));
    })?;
    print(bench, &dir, &made)
}

fn print(bench: &mut Bench<'_>, dir: &Path, made: &[BlockMeta]) -> Result<(), ToolError> {
    bench.progress.clear();
    let size = |meta: &BlockMeta| size_bytes(&dir.join(meta.ulid.to_string()));
    let rows: Vec<_> = made.iter().map(|meta| (meta, size(meta))).collect();
    let is_human = bench.is_set("human-readable");
    table(bench.out, &rows, is_human)?;
    bench.out.flush()?;
    Ok(())
}
