//! The file `data` of a block: columns of values, then columns of times, each with its checksum
//! (`docs/format/block.md`).

use chunk::column;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use model::{TimeRange, Timestamp};
use storage::Columns;

use super::histograms;
use super::recent::RecentTimes;
use super::times::NewColumn;
use crate::columns::{inside, keep};
use crate::error::BlockError;
use crate::fs::FileWriter;
use crate::index::{CRC_BYTES, ChunkSlot, Column, Kind, Stored, TimeColumn, Values, header};

const MAGIC: [u8; 8] = *b"FRLCHUNK";
const VERSION: u8 = 2;
/// Where the first column begins.
pub(super) const FIRST_COLUMN: u64 = 16;
/// Columns are compared with so many before them.
const MAX_KNOWN: usize = 1 << 16;

/// Writes columns one behind the other.
pub(super) struct DataWriter {
    out: BufWriter<FileWriter>,
    crc: crc32fast::Hasher,
    size: u64,
    /// Two hashes of each column lately written, with keys nobody can guess: together they do not
    /// meet by accident.
    known: HashMap<(u64, u64), Stored>,
    keys: [RandomState; 2],
}

impl DataWriter {
    /// Begins a data file.
    pub(super) fn new(file: FileWriter) -> io::Result<Self> {
        let mut writer = Self {
            out: BufWriter::with_capacity(1 << 17, file),
            crc: crc32fast::Hasher::new(),
            size: 0,
            known: HashMap::new(),
            keys: [RandomState::new(), RandomState::new()],
        };
        writer.put(&header(MAGIC, VERSION))?;
        Ok(writer)
    }

    /// Where these bytes lie: they are written unless they lately were.
    pub(super) fn add(&mut self, column: &[u8]) -> io::Result<Stored> {
        let [a, b] = &self.keys;
        let fingerprint = (a.hash_one(column), b.hash_one(column));
        if let Some(stored) = self.known.get(&fingerprint) {
            return Ok(*stored);
        }
        let len = u32::try_from(column.len()).expect("few samples take few bytes");
        let stored = Stored { offset: self.size, len };
        self.put(column)?;
        self.put(&crc32fast::hash(column).to_le_bytes())?;
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(fingerprint, stored);
        Ok(stored)
    }

    /// Writes the columns of times that `file` has behind all others; returns where they lie.
    pub(super) fn add_times(
        &mut self,
        mut file: File,
        columns: &[NewColumn],
    ) -> io::Result<Vec<TimeColumn>> {
        let mut offset = self.size;
        file.seek(SeekFrom::Start(0))?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            self.put(&buffer[..read])?;
        }
        let placed = |column: &NewColumn| {
            let stored = Stored { offset, len: column.len };
            offset += u64::from(column.len) + CRC_BYTES;
            TimeColumn { meta: column.meta, stored }
        };
        Ok(columns.iter().map(placed).collect())
    }

    /// The file, all of it handed to the system but not synced; its size and checksum.
    pub(super) fn finish(self) -> io::Result<(File, u64, u32)> {
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((file.into_file(), self.size, self.crc.finalize()))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc.update(bytes);
        self.size += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// An opened data file.
#[derive(Debug)]
pub(super) struct DataReader {
    path: PathBuf,
    file: Bytes,
}

impl DataReader {
    /// Opens the bytes of a data file; `path` is for errors.
    pub(super) fn open(path: PathBuf, file: Bytes) -> Result<Self, BlockError> {
        let header = header(MAGIC, VERSION);
        if file.get(..header.len()) != Some(&header[..]) {
            let expected = format!("FRLCHUNK, version {VERSION}");
            return Err(BlockError::Damaged { path, section: "header", offset: 0, expected });
        }
        Ok(Self { path, file })
    }

    /// Appends the samples of a chunk that are inside `range` to the columns of its kind.
    /// Times that `recent` has are not decoded again.
    pub(super) fn read(
        &self,
        slot: &ChunkSlot,
        recent: &RecentTimes,
        range: TimeRange,
        columns: &mut Columns,
    ) -> Result<(), BlockError> {
        let (meta, count) = (slot.meta(), slot.meta().count as usize);
        let times = self.times(&slot.times, recent)?;
        let is_whole = range.contains(meta.min_t) && range.contains(meta.max_t);
        let part = if is_whole { 0..times.len() } else { inside(&times, range) };
        match slot.kind {
            Kind::Floats => {
                let start = columns.values.len();
                self.floats(&slot.values, count, &mut columns.values)?;
                keep(&mut columns.values, start, part.clone());
                columns.timestamps.lend(times, part);
            }
            Kind::Histograms => {
                let start = columns.histograms.len();
                self.histograms(&slot.values, count, &mut columns.histograms)?;
                keep(&mut columns.histograms, start, part.clone());
                columns.histogram_timestamps.extend_from_slice(&times[part]);
            }
        }
        Ok(())
    }

    fn times(
        &self,
        column: &TimeColumn,
        recent: &RecentTimes,
    ) -> Result<Arc<[Timestamp]>, BlockError> {
        let offset = column.stored.offset;
        if let Some(times) = recent.get(offset) {
            return Ok(times);
        }
        let count = column.meta.count as usize;
        let read = self.stored(column.stored).and_then(|mut bytes| {
            let mut times = Vec::new();
            column::decode_ints(&mut bytes, count, &mut times).ok()?;
            let ends = (times.first().copied(), times.last().copied());
            let expected = (Some(column.meta.min_t), Some(column.meta.max_t));
            (bytes.is_empty() && ends == expected).then(|| Arc::from(times))
        });
        let times: Arc<[Timestamp]> =
            read.ok_or_else(|| self.damaged("column of times", offset, count))?;
        Ok(recent.keep(offset, times))
    }

    fn floats(&self, values: &Values, count: usize, out: &mut Vec<f64>) -> Result<(), BlockError> {
        let from = out.len();
        match values {
            Values::Own(column) => self.float_column(column, count, out),
            Values::Relative { base, difference } => {
                self.float_column(&Column::Stored(*base), count, out)?;
                let base_end = out.len();
                self.float_column(difference, count, out).inspect_err(|_| out.truncate(from))?;
                let (bases, differences) = out.split_at_mut(base_end);
                for (value, difference) in bases[from..].iter_mut().zip(differences) {
                    *value += *difference;
                }
                out.truncate(base_end);
                Ok(())
            }
        }
    }

    /// Appends the values of a column, or leaves `out` as it was.
    fn float_column(
        &self,
        column: &Column,
        count: usize,
        out: &mut Vec<f64>,
    ) -> Result<(), BlockError> {
        let from = out.len();
        let (bytes, offset) = self.bytes(column);
        let read = bytes.and_then(|mut bytes| {
            column::decode_floats(&mut bytes, count, out).ok()?;
            bytes.is_empty().then_some(())
        });
        read.ok_or_else(|| {
            out.truncate(from);
            self.damaged("column of values", offset, count)
        })
    }

    fn histograms(
        &self,
        values: &Values,
        count: usize,
        out: &mut Vec<model::Histogram>,
    ) -> Result<(), BlockError> {
        let from = out.len();
        let Values::Own(column) = values else {
            return Err(self.damaged("column of histograms", 0, count));
        };
        let (bytes, offset) = self.bytes(column);
        let read = bytes.and_then(|bytes| histograms::take(bytes, count, out));
        read.ok_or_else(|| {
            out.truncate(from);
            self.damaged("column of histograms", offset, count)
        })
    }

    /// The bytes of a column, if they are whole, and where they lie in this file.
    fn bytes<'a>(&'a self, column: &'a Column) -> (Option<&'a [u8]>, u64) {
        match column {
            Column::Inline(short) => (Some(short.as_slice()), 0),
            Column::Stored(stored) => (self.stored(*stored), stored.offset),
        }
    }

    fn stored(&self, stored: Stored) -> Option<&[u8]> {
        let from = usize::try_from(stored.offset).ok()?;
        let len = usize::try_from(stored.len).ok()?;
        let (bytes, rest) = self.file.get(from..)?.split_at_checked(len)?;
        let crc = rest.first_chunk::<4>()?;
        (crc32fast::hash(bytes).to_le_bytes() == *crc).then_some(bytes)
    }

    fn damaged(&self, section: &'static str, offset: u64, count: usize) -> BlockError {
        let expected = format!("{count} samples");
        BlockError::Damaged { path: self.path.clone(), section, offset, expected }
    }
}
