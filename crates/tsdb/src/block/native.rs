//! A native block's two files, opened: what lies in them by label, and by row.

use std::path::Path;

use model::{Labels, TimeRange};
use storage::{ChunkMeta, Columns, QueryError, Series, SeriesSet};

use super::data::DataReader;
use super::meta::{self, BlockMeta, BlockStats};
use super::recent::RecentTimes;
use super::{DATA_FILE, INDEX_FILE, Reader};
use crate::error::BlockError;
use crate::index::{BlockRow, ChunkSlot, Group, Index, IndexReader, Postings, Rows, TimeColumn};
use crate::mmap;

/// The files of a native block.
#[derive(Debug)]
pub(super) struct Native {
    index: IndexReader,
    data: DataReader,
}

impl Native {
    /// Opens the files in `dir`, in a time that does not depend on their size, and checks that they
    /// are those of `meta`.
    pub(super) fn open(dir: &Path, meta: &BlockMeta) -> Result<Self, BlockError> {
        let open = |name: &'static str| {
            let path = dir.join(name);
            let file = mmap::open(&path).map_err(|source| BlockError::Io {
                action: "open",
                path: path.clone(),
                source,
            })?;
            let (found, expected) = (file.len() as u64, meta.files.get(name).map(|f| f.size));
            if expected != Some(found) {
                let expected = format!("a size of {}, not {found}", expected.unwrap_or(0));
                return Err(BlockError::Damaged { path, section: "file", offset: 0, expected });
            }
            Ok((path, file))
        };
        let (path, file) = open(INDEX_FILE)?;
        let index = IndexReader::open(path, file)?;
        let (path, file) = open(DATA_FILE)?;
        let data = DataReader::open(path, file)?;
        let footer = index.footer();
        let stats = BlockStats {
            num_samples: footer.samples,
            num_series: footer.rows,
            num_chunks: footer.chunks,
        };
        if (footer.min_time, footer.max_time, stats) != (meta.min_time, meta.max_time, meta.stats) {
            return Err(BlockError::Damaged {
                path: dir.join(meta::META_FILE),
                section: meta::META_FILE,
                offset: 0,
                expected: "the times and counts that the index has".to_owned(),
            });
        }
        Ok(Self { index, data })
    }
}

impl Index for Native {
    fn label_names(&self) -> Result<Vec<String>, QueryError> {
        self.index.label_names()
    }

    fn label_values(&self, name: &str) -> Result<Vec<String>, QueryError> {
        self.index.label_values(name)
    }

    fn all(&self) -> Result<Postings, QueryError> {
        self.index.all()
    }

    fn postings(&self, name: &str, value: &str) -> Result<Postings, QueryError> {
        self.index.postings(name, value)
    }

    fn postings_where(
        &self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Postings, QueryError> {
        self.index.postings_where(name, prefix, keep)
    }

    fn rows_with(&self, name: &str) -> Result<Postings, QueryError> {
        self.index.rows_with(name)
    }

    fn labels(&self, row: u32) -> Result<Labels, QueryError> {
        self.index.labels(row)
    }
}

impl Reader for Native {
    fn stored<'a>(
        &'a self,
        rows: Postings,
        range: TimeRange,
    ) -> Result<Box<dyn SeriesSet<'a> + 'a>, QueryError> {
        let rows = self.index.rows(rows);
        let recent = RecentTimes::default();
        Ok(Box::new(BlockSet { block: self, rows, range, recent, failed: false }))
    }
}

/// Some series of a block, in the order of their labels.
struct BlockSet<'a> {
    block: &'a Native,
    rows: Rows<'a>,
    range: TimeRange,
    recent: RecentTimes,
    failed: bool,
}

impl<'a> Iterator for BlockSet<'a> {
    type Item = Result<Box<dyn Series + 'a>, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let range = self.range;
        let overlaps = |meta: &ChunkMeta| meta.min_t <= range.max() && range.min() <= meta.max_t;
        match self.rows.next_with(overlaps) {
            Ok(None) => None,
            Ok(Some(row)) => {
                let (block, recent) = (self.block, self.recent.clone());
                Some(Ok(Box::new(BlockSeries { block, row, range, recent })))
            }
            Err(e) => {
                self.failed = true;
                Some(Err(e.into()))
            }
        }
    }
}

/// One series of a block.
struct BlockSeries<'a> {
    block: &'a Native,
    row: BlockRow<'a>,
    /// What the view shows.
    range: TimeRange,
    recent: RecentTimes,
}

impl Series for BlockSeries<'_> {
    fn labels(&self) -> &Labels {
        &self.row.labels
    }

    fn chunks(&self) -> &[ChunkMeta] {
        self.row.chunks.metas
    }

    fn read(&mut self, range: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
        let Some(range) = self.range.intersect(range) else { return Ok(()) };
        let Group { metas, columns: times } = self.row.chunks;
        let first = metas.partition_point(|meta| meta.max_t < range.min());
        let chunks = metas.iter().zip(times).zip(&self.row.values);
        for ((&meta, &(stored, kind)), &values) in chunks.skip(first) {
            if meta.min_t > range.max() {
                break;
            }
            let slot = ChunkSlot { times: TimeColumn { meta, stored }, kind, values };
            self.block.data.read(&slot, &self.recent, range, columns)?;
        }
        Ok(())
    }
}
