//! Prometheus's own blocks, read in place, and written.
//!
//! A block here is a directory that Prometheus (2.0 or newer) wrote: `meta.json`, `index`, `chunks/`,
//! `tombstones`. It answers what a native block answers, and is never changed but for its tombstones,
//! when samples in it are deleted. [`export`] writes such blocks.
//!
#![doc = include_str!("../../../../docs/format/prometheus.md")]

mod chunks;
mod export;
mod histogram;
mod index;
mod index_writer;
pub(crate) mod log;
mod meta;
mod section;
mod symbols;
mod tombstones;
mod varbit;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;

use model::{Labels, TimeRange};
use storage::{ChunkMeta, Columns, QueryError, Series, SeriesSet};

use crate::block::{self, BlockMeta, FileMeta};
use crate::columns::{Marks, keep_inside};
use crate::error::BlockError;
use crate::index::{Index, Postings};
use crate::mmap;
use crate::tombstones::Tombstones;
use chunks::ChunksReader;
pub use export::export;
use index::{ChunkPlace, IndexReader};
pub(crate) use tombstones::publish as publish_tombstones;

/// The name of the index file.
const INDEX_FILE: &str = "index";
/// The directory of the chunks.
const CHUNKS_DIR: &str = "chunks";

/// A version of the index file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// Whether a directory that has the name of a block is one that Prometheus wrote.
pub(crate) fn is_block(dir: &Path) -> bool {
    dir.join(CHUNKS_DIR).is_dir()
}

/// Opens the block in `dir`, passing once over its symbols and its table of postings: what
/// `meta.json` says and how large the files are, the files, what is deleted.
pub(crate) fn open(dir: &Path) -> Result<(BlockMeta, Reader, Tombstones), BlockError> {
    let mut meta = meta::read(dir)?;
    let path = dir.join(INDEX_FILE);
    let io = |source| BlockError::Io { action: "open", path: path.clone(), source };
    let file = mmap::open(&path).map_err(io)?;
    let of_size = |size| FileMeta { size, crc32: String::new() };
    meta.files.insert(INDEX_FILE.to_owned(), of_size(file.len() as u64));
    let index = IndexReader::open(path, file)?;
    let chunks = ChunksReader::open(&dir.join(CHUNKS_DIR))?;
    for (path, size) in chunks.sizes() {
        let name = path.strip_prefix(dir).unwrap_or(path).display().to_string();
        meta.files.insert(name, of_size(size));
    }
    let tombstones = tombstones::read(dir)?;
    Ok((meta, Reader { index, chunks }, tombstones))
}

/// The files of a block.
#[derive(Debug)]
pub(crate) struct Reader {
    index: IndexReader,
    chunks: ChunksReader,
}

impl Index for Reader {
    fn label_names(&self) -> Result<Vec<String>, QueryError> {
        Ok(self.index.label_names())
    }

    fn label_values(&self, name: &str) -> Result<Vec<String>, QueryError> {
        Ok(self.index.label_values(name)?)
    }

    fn all(&self) -> Result<Postings, QueryError> {
        Ok(self.index.all()?)
    }

    fn postings(&self, name: &str, value: &str) -> Result<Postings, QueryError> {
        Ok(self.index.postings(name, value)?)
    }

    fn postings_where(
        &self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Postings, QueryError> {
        Ok(self.index.postings_where(name, prefix, keep)?)
    }

    fn labels(&self, row: u32) -> Result<Labels, QueryError> {
        Ok(self.index.labels(row)?)
    }
}

impl block::Reader for Reader {
    fn stored<'a>(
        &'a self,
        rows: Postings,
        range: TimeRange,
    ) -> Result<Box<dyn SeriesSet<'a> + 'a>, QueryError> {
        let rows = rows.into_iter();
        Ok(Box::new(BlockSet { block: self, rows, range, last: None, failed: false }))
    }
}

/// Some series of a block, in the order of their labels.
struct BlockSet<'a> {
    block: &'a Reader,
    rows: roaring::bitmap::IntoIter,
    range: TimeRange,
    /// The labels of the series given last.
    last: Option<Labels>,
    failed: bool,
}

impl<'a> BlockSet<'a> {
    fn next_series(&mut self) -> Result<Option<BlockSeries<'a>>, BlockError> {
        let (block, range) = (self.block, self.range);
        for row in self.rows.by_ref() {
            let wanted =
                |chunk: &ChunkPlace| chunk.min_t <= range.max() && range.min() <= chunk.max_t;
            let Some((labels, places)) = block.index.series(row, wanted)? else { continue };
            if self.last.as_ref().is_some_and(|last| *last >= labels) {
                return Err(block.index.damaged_series(row));
            }
            self.last = Some(labels.clone());
            let metas = places.iter().map(|place| block.chunks.meta(place)).collect();
            return Ok(Some(BlockSeries { block, labels, places, metas, range }));
        }
        Ok(None)
    }
}

impl<'a> Iterator for BlockSet<'a> {
    type Item = Result<Box<dyn Series + 'a>, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_series();
        self.failed = next.is_err();
        match next {
            Ok(series) => series.map(|series| Ok(Box::new(series) as Box<dyn Series>)),
            Err(e) => Some(Err(e.into())),
        }
    }
}

/// One series of a block.
struct BlockSeries<'a> {
    block: &'a Reader,
    labels: Labels,
    places: Vec<ChunkPlace>,
    metas: Vec<ChunkMeta>,
    /// What the view shows.
    range: TimeRange,
}

impl Series for BlockSeries<'_> {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn chunks(&self) -> &[ChunkMeta] {
        &self.metas
    }

    fn read(&mut self, range: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
        let Some(range) = self.range.intersect(range) else { return Ok(()) };
        let first = self.places.partition_point(|place| place.max_t < range.min());
        for place in self.places.iter().skip(first) {
            if place.min_t > range.max() {
                break;
            }
            let from = Marks::of(columns);
            self.block.chunks.read(place, columns)?;
            keep_inside(columns, from, range);
        }
        Ok(())
    }
}
