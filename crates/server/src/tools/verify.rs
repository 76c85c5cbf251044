//! `verify` and `repair`: what is damaged, and the directory without it.

use model::Clock;
use tsdb::offline;

use super::{Bench, ToolError};

/// Reads everything and tells what is damaged.
pub(super) fn verify(bench: &mut Bench<'_>) -> Result<(), ToolError> {
    let dir = bench.dir()?;
    let io = |source| ToolError::Io { action: "list", path: dir.to_owned(), source };
    let (blocks, failed) = offline::stored(dir).map_err(io)?;
    let (mut count, total) = (failed.len(), blocks.len());
    for (_, error) in &failed {
        writeln!(bench.out, "{error}")?;
    }
    for (at, block) in (1..).zip(&blocks) {
        let meta = block.meta();
        let wrong = block.verify(&mut |done| {
            let all = meta.stats.num_series;
            let text = || format!("block {at} of {total}: {done} of {all} series");
            bench.progress.show(text);
        });
        bench.progress.clear();
        for error in &wrong {
            writeln!(bench.out, "{error}")?;
        }
        count += wrong.len();
        if wrong.is_empty() {
            writeln!(bench.out, "{}: {} samples, whole", meta.ulid, meta.stats.num_samples)?;
        }
    }
    bench.progress.show(|| "log".to_owned());
    let damaged = offline::damaged_log(dir)?;
    bench.progress.clear();
    for error in &damaged {
        writeln!(bench.out, "{error}")?;
    }
    count += damaged.len();
    match count {
        0 => Ok(()),
        1 => Err(ToolError::Found("1 part is damaged".to_owned())),
        count => Err(ToolError::Found(format!("{count} parts are damaged"))),
    }
}

/// Writes damaged blocks anew and sets aside what is damaged.
pub(super) fn repair(bench: &mut Bench<'_>) -> Result<(), ToolError> {
    let (dir, now_ms) = (bench.dir()?, bench.clock.now_ms());
    let progress = &mut bench.progress;
    let repaired = offline::repair(dir, now_ms, &mut |meta| {
        progress.show(|| format!("block {}: {} samples", meta.ulid, meta.stats.num_samples));
    })?;
    bench.progress.clear();
    for block in &repaired {
        let (old, moved) = (block.old.ulid, block.moved_to.display());
        let samples = block.old.stats.num_samples;
        match &block.new {
            Some(new) => {
                let kept = new.stats.num_samples;
                writeln!(bench.out, "{old}: {kept} of {samples} samples now in {}", new.ulid)?;
            }
            None => writeln!(bench.out, "{old}: none of {samples} samples can be read")?,
        }
        writeln!(bench.out, "{old}: moved to {moved}")?;
    }
    if repaired.is_empty() {
        writeln!(bench.out, "no block had to be written anew")?;
    }
    Ok(())
}
