//! Series to a block as Prometheus writes it, for Prometheus and all that reads its blocks.
//!
//! Published whole or not at all, like a native block.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use model::{Histogram, TimeRange, Timestamp};
use storage::{Columns, QueryError, SeriesSet};

use super::chunks::{Encoding, MAGIC, VERSION};
use super::histogram::{Counts, HistogramAppender};
use super::index::ChunkPlace;
use super::index_writer::IndexWriter;
use super::section::crc32c;
use super::{CHUNKS_DIR, INDEX_FILE, meta, tombstones};
use crate::block::{BlockId, BlockMeta, BlockStats, Compaction};
use crate::cursor::put_size;
use crate::error::BlockError;
use crate::fs::{Files, TMP_CREATE, with_suffix};
use crate::tombstones::Tombstones;
use crate::tombstones::file::TOMBSTONES_FILE;

/// Samples to a chunk, as in Prometheus.
const SAMPLES_PER_CHUNK: u16 = 120;
/// A segment of chunks may have so many bytes.
const SEGMENT_BYTES: u64 = 512 << 20;

/// Writes the samples of `series` that lie in `span` as a block in `dir`, and publishes it. `None`,
/// and no block, if there are none.
pub(super) fn write<'a>(
    files: &Files,
    dir: &Path,
    id: BlockId,
    span: TimeRange,
    series: Box<dyn SeriesSet<'a> + 'a>,
) -> Result<Option<BlockMeta>, BlockError> {
    let path = dir.join(id.to_string());
    let tmp = with_suffix(&path, TMP_CREATE);
    let written = write_into(files, &tmp, id, span, series);
    if !matches!(written, Ok(Some(_))) {
        // What stays behind all the same has a temporary name.
        let _ = std::fs::remove_dir_all(&tmp);
        return written;
    }
    files.publish(&tmp, &path).map_err(io("publish", &path))?;
    written
}

fn write_into<'a>(
    files: &Files,
    tmp: &Path,
    id: BlockId,
    span: TimeRange,
    series: Box<dyn SeriesSet<'a> + 'a>,
) -> Result<Option<BlockMeta>, BlockError> {
    let chunks_dir = tmp.join(CHUNKS_DIR);
    files.create_dir(tmp).map_err(io("create", tmp))?;
    files.create_dir(&chunks_dir).map_err(io("create", &chunks_dir))?;
    let mut chunks = ChunksWriter::new(files, &chunks_dir);
    let mut index = IndexWriter::default();
    let mut columns = Columns::default();
    let mut places = Vec::new();
    let mut num_samples = 0;
    for series in series {
        let mut series = series?;
        columns.clear();
        series.read(span, &mut columns)?;
        if columns.is_empty() {
            continue;
        }
        places.clear();
        num_samples += chunks.add_series(&columns, &mut places)?;
        index.add(series.labels(), &places);
    }
    chunks.finish()?;
    let (num_series, num_chunks) = index.counts();
    if num_series == 0 {
        return Ok(None);
    }
    let index_path = tmp.join(INDEX_FILE);
    let bytes = index.finish().map_err(|_| BlockError::TooLarge {
        path: index_path.clone(),
        what: "the index",
        limit: 1 << 32,
    })?;
    let meta = BlockMeta {
        ulid: id,
        min_time: span.min(),
        max_time: span.max().saturating_add(1),
        stats: BlockStats { num_samples, num_series, num_chunks },
        compaction: Compaction {
            level: 1,
            sources: vec![id],
            parents: Vec::new(),
            hints: Vec::new(),
        },
        version: 1,
        format: String::new(),
        files: std::collections::BTreeMap::default(),
    };
    let write = |name: &str, bytes: &[u8]| {
        let path = tmp.join(name);
        files.write(&path, bytes).map_err(io("write", &path))
    };
    write(INDEX_FILE, &bytes)?;
    write(TOMBSTONES_FILE, &tombstones::encode(&Tombstones::default()))?;
    write(meta::META_FILE, &meta::to_json(&meta))?;
    files.sync_dir(&chunks_dir).map_err(io("sync", &chunks_dir))?;
    files.sync_dir(tmp).map_err(io("sync", tmp))?;
    Ok(Some(meta))
}

/// Writes chunks one behind the other, into as many segments as they need.
struct ChunksWriter<'a> {
    files: &'a Files,
    dir: &'a Path,
    /// How many segments were begun.
    segments: u32,
    current: Option<(PathBuf, BufWriter<File>)>,
    size: u64,
    scratch: Vec<u8>,
}

impl<'a> ChunksWriter<'a> {
    fn new(files: &'a Files, dir: &'a Path) -> Self {
        Self { files, dir, segments: 0, current: None, size: 0, scratch: Vec::new() }
    }

    /// Writes the samples of one series, in order of time: a chunk holds samples of one kind that
    /// nothing of the other kind stands between. Returns how many there were.
    fn add_series(
        &mut self,
        columns: &Columns,
        places: &mut Vec<ChunkPlace>,
    ) -> Result<u64, BlockError> {
        let mut samples = 0;
        let mut floats = (&columns.timestamps[..], &columns.values[..]);
        let mut histograms = (&columns.histogram_timestamps[..], &columns.histograms[..]);
        while !floats.0.is_empty() || !histograms.0.is_empty() {
            let (times, values) = take_before(&mut floats, histograms.0);
            samples += times.len() as u64;
            let size = usize::from(SAMPLES_PER_CHUNK);
            for (times, values) in times.chunks(size).zip(values.chunks(size)) {
                let mut bytes = std::mem::take(&mut self.scratch);
                bytes.clear();
                chunk::encode(times, values, &mut bytes);
                places.push(self.add(Encoding::Xor, times, &bytes)?);
                self.scratch = bytes;
            }
            if !histograms.0.is_empty() && floats.0.first() == histograms.0.first() {
                // A moment holds one sample in Prometheus; the histogram says more.
                take_first(&mut floats);
            }
            let (times, all) = take_before(&mut histograms, floats.0);
            samples += times.len() as u64;
            self.add_histograms(times, all, places)?;
        }
        Ok(samples)
    }

    fn add_histograms(
        &mut self,
        mut times: &[Timestamp],
        mut histograms: &[Histogram],
        places: &mut Vec<ChunkPlace>,
    ) -> Result<(), BlockError> {
        while let ([t, later @ ..], [histogram, others @ ..]) = (times, histograms) {
            let Some(mut chunk) = HistogramAppender::begin(*t, histogram) else {
                let problem = format!("the histogram at {t} has other buckets than its spans say");
                return Err(BlockError::Read(QueryError::Source(problem)));
            };
            for (t, histogram) in later.iter().zip(others) {
                if chunk.count() == SAMPLES_PER_CHUNK || !chunk.append(*t, histogram) {
                    break;
                }
            }
            let (encoding, count) = match chunk.counts() {
                Counts::Integer => (Encoding::Histogram, usize::from(chunk.count())),
                Counts::Float => (Encoding::FloatHistogram, usize::from(chunk.count())),
            };
            places.push(self.add(encoding, &times[..count], &chunk.into_bytes())?);
            (times, histograms) = (&times[count..], &histograms[count..]);
        }
        Ok(())
    }

    fn add(
        &mut self,
        encoding: Encoding,
        times: &[Timestamp],
        payload: &[u8],
    ) -> Result<ChunkPlace, BlockError> {
        let mut bytes = Vec::with_capacity(payload.len() + 10);
        put_size(&mut bytes, payload.len());
        let checked_from = bytes.len();
        bytes.push(encoding as u8);
        bytes.extend_from_slice(payload);
        let crc = crc32c(&bytes[checked_from..]);
        bytes.extend_from_slice(&crc.to_be_bytes());
        if self.current.is_none() || self.size + bytes.len() as u64 > SEGMENT_BYTES {
            self.next_segment()?;
        }
        let reference = u64::from(self.segments - 1) << 32 | self.size;
        self.put(&bytes)?;
        Ok(ChunkPlace { min_t: times[0], max_t: times[times.len() - 1], reference })
    }

    fn next_segment(&mut self) -> Result<(), BlockError> {
        self.finish()?;
        self.segments += 1;
        let path = self.dir.join(format!("{:06}", self.segments));
        let file = self.files.create(&path).map_err(io("create", &path))?;
        self.current = Some((path, BufWriter::with_capacity(1 << 17, file)));
        self.size = 0;
        let [a, b, c, d] = MAGIC;
        self.put(&[a, b, c, d, VERSION, 0, 0, 0])
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), BlockError> {
        let (path, out) = self.current.as_mut().expect("a segment was begun");
        out.write_all(bytes).map_err(io("write", path))?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Ends the current segment: all of it is on the disk.
    fn finish(&mut self) -> Result<(), BlockError> {
        let Some((path, out)) = self.current.take() else { return Ok(()) };
        let file = out.into_inner().map_err(io::IntoInnerError::into_error);
        let file = file.map_err(io("write", &path))?;
        self.files.sync(&file).map_err(io("sync", &path))
    }
}

/// A column with its times.
type Column<'a, T> = (&'a [Timestamp], &'a [T]);

/// Takes those rows off a column that come before the first of `others`.
fn take_before<'a, T>(column: &mut Column<'a, T>, others: &[Timestamp]) -> Column<'a, T> {
    let count = match others.first() {
        Some(first) => column.0.partition_point(|t| t < first),
        None => column.0.len(),
    };
    let (times, times_left) = column.0.split_at(count);
    let (values, values_left) = column.1.split_at(count);
    *column = (times_left, values_left);
    (times, values)
}

fn take_first<T>(column: &mut Column<'_, T>) {
    *column = (&column.0[1..], &column.1[1..]);
}

fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> BlockError {
    let path = path.to_owned();
    move |source| BlockError::Io { action, path: path.clone(), source }
}
