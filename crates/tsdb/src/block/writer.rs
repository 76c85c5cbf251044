//! Series to a new block: from the head, or from other blocks.
//!
//! A block is published whole or not at all; what a crash leaves at each step stands between the
//! lines that make it.

use std::path::Path;

use model::TimeRange;
use storage::{Columns, SeriesSet};

use super::meta::{BlockId, BlockMeta, Compaction, FORMAT, META_FILE, Parent};
use super::series::SeriesWriter;
use crate::error::BlockError;
use crate::fs::{Files, TMP_CREATE, with_suffix};

/// What is known of a block before it is written.
#[derive(Clone, Debug)]
pub(crate) struct NewBlock {
    /// Its name.
    pub(crate) id: BlockId,
    /// Its first and its last moment.
    pub(crate) span: TimeRange,
    /// What it replaces; none if it is cut from the head.
    pub(crate) parents: Vec<Parent>,
    /// The blocks cut from the head that are in it; empty if it is one itself.
    pub(crate) sources: Vec<BlockId>,
    /// 1 if it is cut from the head.
    pub(crate) level: u32,
}

/// Writes the samples of `series` that lie in the block's span as a block in `dir`, and publishes
/// it. `None`, and no block, if there are none.
pub(crate) fn write<'a>(
    files: &Files,
    dir: &Path,
    new: &NewBlock,
    series: Box<dyn SeriesSet<'a> + 'a>,
) -> Result<Option<BlockMeta>, BlockError> {
    let path = dir.join(new.id.to_string());
    let tmp = with_suffix(&path, TMP_CREATE);
    let written = write_into(files, &tmp, new, series);
    let publish = matches!(written, Ok(Some(_)));
    if !publish {
        // What stays behind all the same is swept at the next open.
        let _ = std::fs::remove_dir_all(&tmp);
        return written;
    }
    // Crash here: the next open sweeps `tmp` away; the samples are still where they came from.
    files.publish(&tmp, &path).map_err(|source| {
        // It may have its name already, and is not wanted twice.
        let _ = std::fs::remove_dir_all(&tmp);
        let _ = files.remove(&path);
        io("publish", &path)(source)
    })?;
    // Durable. Only now may the samples be dropped where they came from.
    written
}

fn write_into<'a>(
    files: &Files,
    tmp: &Path,
    new: &NewBlock,
    series: Box<dyn SeriesSet<'a> + 'a>,
) -> Result<Option<BlockMeta>, BlockError> {
    files.create_dir(tmp).map_err(io("create", tmp))?;
    let mut writer = SeriesWriter::new(files, tmp, new)?;
    let mut columns = Columns::default();
    for series in series {
        let mut series = series?;
        columns.clear();
        series.read(new.span, &mut columns)?;
        if !columns.is_empty() {
            writer.add(series.labels(), &columns)?;
        }
    }
    let Some((stats, written)) = writer.finish()? else { return Ok(None) };
    let sources = if new.sources.is_empty() { vec![new.id] } else { new.sources.clone() };
    let meta = BlockMeta {
        ulid: new.id,
        min_time: new.span.min(),
        max_time: new.span.max().saturating_add(1),
        stats,
        compaction: Compaction {
            level: new.level,
            sources,
            parents: new.parents.clone(),
            hints: Vec::new(),
        },
        version: 1,
        format: FORMAT.to_owned(),
        files: written,
    };
    let meta_path = tmp.join(META_FILE);
    files.write(&meta_path, &meta.to_json()).map_err(io("write", &meta_path))?;
    files.sync_dir(tmp).map_err(io("sync", tmp))?;
    Ok(Some(meta))
}

pub(super) fn io(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> BlockError {
    let path = path.to_owned();
    move |source| BlockError::Io { action, path: path.clone(), source }
}
