//! Series to a new block: from the head, or from other blocks.
//!
//! A block is published whole or not at all; what a crash leaves at each step stands between the
//! lines that make it.

use std::collections::BTreeMap;
use std::path::Path;

use model::{TimeRange, Timestamp};
use storage::{Columns, SeriesSet};

use super::chunks::ChunksWriter;
use super::meta::{
    BlockId, BlockMeta, BlockStats, Compaction, FORMAT, FileMeta, META_FILE, Parent,
};
use super::{DATA_FILE, INDEX_FILE};
use crate::error::BlockError;
use crate::fs::{Files, TMP_CREATE, with_suffix};
use crate::index::{ChunkSlot, IndexWriter, TooLarge};

/// Samples to a chunk, as in Prometheus.
pub(crate) const SAMPLES_PER_CHUNK: usize = 120;
/// Histograms to a chunk: they are large.
const HISTOGRAMS_PER_CHUNK: usize = 30;

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
    files.publish(&tmp, &path).map_err(io("publish", &path))?;
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
    let data_path = tmp.join(DATA_FILE);
    let write_data = io("write", &data_path);
    let file = files.create(&data_path).map_err(&write_data)?;
    let mut data = ChunksWriter::new(file).map_err(&write_data)?;
    let mut index = IndexWriter::default();
    let too_large = |e: TooLarge| BlockError::TooLarge {
        path: tmp.join(INDEX_FILE),
        what: e.what,
        limit: e.limit,
    };
    let mut columns = Columns::default();
    let mut slots = Vec::new();
    for series in series {
        let mut series = series?;
        columns.clear();
        series.read(new.span, &mut columns)?;
        if columns.is_empty() {
            continue;
        }
        slots.clear();
        write_chunks(&mut data, &columns, &mut slots).map_err(&write_data)?;
        index.add(series.labels(), &slots).map_err(too_large)?;
    }
    let (num_series, num_chunks, num_samples) = index.counts();
    if num_series == 0 {
        return Ok(None);
    }
    let (file, size, crc) = data.finish().map_err(&write_data)?;
    files.sync(&file).map_err(&write_data)?;
    let bytes = index.finish(new.span).map_err(too_large)?;
    let index_path = tmp.join(INDEX_FILE);
    files.write(&index_path, &bytes).map_err(io("write", &index_path))?;
    let sources = if new.sources.is_empty() { vec![new.id] } else { new.sources.clone() };
    let meta = BlockMeta {
        ulid: new.id,
        min_time: new.span.min(),
        max_time: new.span.max().saturating_add(1),
        stats: BlockStats { num_samples, num_series, num_chunks },
        compaction: Compaction { level: new.level, sources, parents: new.parents.clone() },
        version: 1,
        format: FORMAT.to_owned(),
        files: BTreeMap::from([
            (DATA_FILE.to_owned(), file_meta(size, crc)),
            (INDEX_FILE.to_owned(), file_meta(bytes.len() as u64, crc32fast::hash(&bytes))),
        ]),
    };
    let meta_path = tmp.join(META_FILE);
    files.write(&meta_path, &meta.to_json()).map_err(io("write", &meta_path))?;
    files.sync_dir(tmp).map_err(io("sync", tmp))?;
    Ok(Some(meta))
}

/// Writes the samples of one series as chunks, in order of time: a chunk holds samples of one kind
/// that nothing of the other kind stands between.
fn write_chunks(
    data: &mut ChunksWriter,
    columns: &Columns,
    slots: &mut Vec<ChunkSlot>,
) -> std::io::Result<()> {
    let mut floats = (&columns.timestamps[..], &columns.values[..]);
    let mut histograms = (&columns.histogram_timestamps[..], &columns.histograms[..]);
    while !floats.0.is_empty() || !histograms.0.is_empty() {
        let run = run_before(floats.0, histograms.0);
        let (times, values) = split_off(&mut floats, run);
        let chunks = times.chunks(SAMPLES_PER_CHUNK).zip(values.chunks(SAMPLES_PER_CHUNK));
        for (times, values) in chunks {
            slots.push(data.add(times, values)?);
        }
        let run = run_before(histograms.0, floats.0);
        let (times, all) = split_off(&mut histograms, run);
        let chunks = times.chunks(HISTOGRAMS_PER_CHUNK).zip(all.chunks(HISTOGRAMS_PER_CHUNK));
        for (times, all) in chunks {
            slots.push(data.add_histograms(times, all)?);
        }
    }
    Ok(())
}

/// How many of the first `times` come before the first of `others`.
fn run_before(times: &[Timestamp], others: &[Timestamp]) -> usize {
    others.first().map_or(times.len(), |first| times.partition_point(|t| t < first))
}

/// Takes the first `count` rows off a column and its times.
fn split_off<'a, T>(
    column: &mut (&'a [Timestamp], &'a [T]),
    count: usize,
) -> (&'a [Timestamp], &'a [T]) {
    let (times, times_left) = column.0.split_at(count);
    let (values, values_left) = column.1.split_at(count);
    *column = (times_left, values_left);
    (times, values)
}

fn file_meta(size: u64, crc: u32) -> FileMeta {
    FileMeta { size, crc32: format!("{crc:08x}") }
}

fn io(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> BlockError {
    let path = path.to_owned();
    move |source| BlockError::Io { action, path: path.clone(), source }
}
