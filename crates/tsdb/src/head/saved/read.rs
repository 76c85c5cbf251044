//! Bringing back a head that was saved: all of it, or nothing.

#![deny(clippy::indexing_slicing)]

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use model::{TimeRange, Timestamp};
use storage::{ChunkMeta, Columns};

use super::{BEGIN, DELETIONS, END, EXEMPLARS, LATE, SERIES, VERSION, WITH_LABELS, header};
use crate::cursor::Cursor;
use crate::exemplars::{Exemplars, Kept};
use crate::frame;
use crate::head::coding::Coding;
use crate::head::replay::Parts;
use crate::head::series::{MemSeries, StoredChunk};
use crate::index::Postings;
use crate::wal::{LabelsReader, take_labels};

/// A series takes no fewer bytes: a label in three, a chunk in five and what it has.
const LEAST_BYTES: u64 = 8;

/// A head that was saved.
#[derive(Debug)]
pub(in crate::head) struct Saved {
    /// The first segment of the log that it does not cover.
    pub(in crate::head) segment: u32,
    pub(in crate::head) parts: Parts,
    pub(in crate::head) size_bytes: u64,
    pub(in crate::head) num_series: u64,
    pub(in crate::head) num_chunks: u64,
}

/// Why a saved head does not come back.
#[derive(Debug, thiserror::Error)]
pub(in crate::head) enum SavedError {
    /// The file system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Bytes that are not what was written.
    #[error("damaged at byte {at}: expected {expected}")]
    Damaged { at: u64, expected: &'static str },
}

/// A head that is being read.
struct Reading {
    version: u8,
    from: Timestamp,
    saved: Saved,
    /// Rows by number; `None` if nothing of the series is needed.
    rows: Vec<Option<u32>>,
    /// Rows of those: their labels are in the index until the end.
    unneeded: Vec<u32>,
    deletions: u64,
    exemplars: u64,
    labels: LabelsReader,
    columns: Columns,
}

impl Saved {
    /// Reads a file; samples before `from` are in blocks, and left out where that is easy.
    pub(in crate::head) fn read(
        path: &Path,
        from: Timestamp,
        exemplars: Exemplars,
    ) -> Result<Self, SavedError> {
        let file = File::open(path)?;
        let mut left = file.metadata()?.len();
        let mut file = BufReader::with_capacity(1 << 17, file);
        let damaged = |at, expected| SavedError::Damaged { at, expected };
        let mut found = [0; 16];
        if left < 16 {
            return Err(damaged(0, "a header"));
        }
        file.read_exact(&mut found)?;
        let version = [VERSION, WITH_LABELS].into_iter().find(|it| found == header(*it));
        let version =
            version.ok_or_else(|| damaged(0, "the header of a snapshot, version 1 or 2"))?;
        let (mut at, mut last, mut frame) = (16, 0, Vec::new());
        left -= 16;
        let mut reading = Reading::new(version, from, exemplars);
        reading.saved.size_bytes = at + left;
        while last != END {
            let len = next_frame(&mut file, left, &mut frame)?;
            let data = frame::split(&frame).map(|(data, _)| data);
            let (kind, entries) =
                data.and_then(<[u8]>::split_first).ok_or_else(|| damaged(at, "a whole frame"))?;
            if *kind < last || (last == 0) != (*kind == BEGIN) {
                return Err(damaged(at, "frames in their order"));
            }
            let read = reading.read(*kind, Cursor::new(entries));
            read.ok_or_else(|| damaged(at, "what the frame says it holds"))?;
            (at, left, last) = (at + len, left - len, *kind);
        }
        if left > 0 {
            return Err(damaged(at, "the end of the file"));
        }
        Ok(reading.finish())
    }
}

/// Reads the next frame, of which nothing is believed yet; empty if there is none. Its size.
fn next_frame(file: &mut impl Read, left: u64, frame: &mut Vec<u8>) -> io::Result<u64> {
    frame.clear();
    if left < frame::OVERHEAD_BYTES {
        return Ok(0);
    }
    let mut len = [0; 4];
    file.read_exact(&mut len)?;
    let whole = u64::from(u32::from_le_bytes(len)) + frame::OVERHEAD_BYTES;
    if whole > left || whole > frame::MAX_DATA_BYTES + frame::OVERHEAD_BYTES {
        return Ok(0);
    }
    frame.extend_from_slice(&len);
    file.by_ref().take(whole - 4).read_to_end(frame)?;
    Ok(whole)
}

impl Reading {
    fn new(version: u8, from: Timestamp, exemplars: Exemplars) -> Self {
        let parts = Parts::new(from, exemplars);
        Self {
            version,
            from,
            saved: Saved { segment: 0, parts, size_bytes: 0, num_series: 0, num_chunks: 0 },
            rows: Vec::new(),
            unneeded: Vec::new(),
            deletions: 0,
            exemplars: 0,
            labels: LabelsReader::default(),
            columns: Columns::default(),
        }
    }

    /// Reads a frame; `None` if it is none.
    fn read(&mut self, kind: u8, mut cursor: Cursor<'_>) -> Option<()> {
        match kind {
            BEGIN => {
                self.saved.segment = cursor.number()?;
                self.saved.parts.cut = self.saved.parts.cut.max(cursor.zigzag()?);
                if self.version != WITH_LABELS {
                    self.reserve(cursor.varint()?);
                }
            }
            END => {
                for count in [self.rows.len() as u64, self.deletions, self.exemplars] {
                    (cursor.varint()? == count).then_some(())?;
                }
            }
            SERIES => {
                self.labels.restart();
                while !cursor.is_at_end() {
                    self.series(&mut cursor)?;
                }
            }
            DELETIONS => {
                while !cursor.is_at_end() {
                    self.deletion(&mut cursor)?;
                }
            }
            EXEMPLARS => {
                while !cursor.is_at_end() {
                    self.exemplar(&mut cursor)?;
                }
            }
            _ => return None,
        }
        cursor.is_at_end().then_some(())
    }

    /// Makes room for so many series, if the file can have them.
    fn reserve(&mut self, series: u64) {
        let most = self.saved.size_bytes / LEAST_BYTES;
        let series = usize::try_from(series.min(most)).unwrap_or(0);
        self.saved.parts.labels.reserve(series);
        self.saved.parts.series.reserve(series);
        self.rows.reserve_exact(series);
    }

    fn series(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let parts = &mut self.saved.parts;
        let (row, generation) = parts.rows.take().filter(|_| !parts.labels.is_full())?;
        if self.version == WITH_LABELS {
            let labels = self.labels.take(cursor)?;
            (!labels.is_empty() && parts.labels.find(&labels).is_none()).then_some(())?;
            parts.labels.insert(row, &labels);
        } else {
            parts.labels.load(row, cursor)?;
        }
        let (mut chunks, mut late) = (Vec::new(), Vec::new());
        for _ in 0..cursor.size()? {
            let (is_late, chunk) = chunk(cursor)?;
            if is_late { late.push(chunk) } else { chunks.push(chunk) }
        }
        if chunks.is_empty() && late.is_empty() {
            return None;
        }
        let mut series = MemSeries::restore(&chunks, &mut self.columns)?;
        let oldest = series.truncate(self.from).min_t;
        if oldest.is_none() && late.is_empty() {
            self.unneeded.push(row);
            self.rows.push(None);
            return Some(());
        }
        series.set_generation(generation);
        if let (Some(oldest), Some((newest, _))) = (oldest, series.newest()) {
            parts.min_t = parts.min_t.min(oldest);
            parts.max_t = parts.max_t.max(newest);
        }
        for chunk in &late {
            chunk.each(&mut self.columns, &mut |t, value| parts.late.insert(row, t, value, 0))?;
        }
        self.saved.num_series += 1;
        self.saved.num_chunks += series.num_chunks() as u64;
        parts.series.place(row, series);
        self.rows.push(Some(row));
        Some(())
    }

    /// What was read, without the labels of series that are not needed.
    fn finish(self) -> Saved {
        let Self { mut saved, unneeded, .. } = self;
        saved.parts.labels.loaded();
        if !unneeded.is_empty() {
            let parts = &mut saved.parts;
            let gone: Postings = unneeded.iter().copied().collect();
            parts.labels = parts.labels.of_rows(&(parts.labels.rows() - &gone));
            parts.rows.give_back(unneeded);
        }
        saved
    }

    fn deletion(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let range = TimeRange::new(cursor.zigzag()?, cursor.zigzag()?)?;
        let mut next = 0usize;
        for _ in 0..cursor.size()? {
            let number = next.checked_add(cursor.size()?)?;
            if let Some(row) = *self.rows.get(number)?
                && range.max() >= self.from
            {
                self.saved.parts.tombstones.add_row(range, row);
            }
            next = number + 1;
        }
        self.deletions += 1;
        Some(())
    }

    fn exemplar(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let series = take_labels(cursor)?;
        let (t, value) = (cursor.zigzag()?, f64::from_bits(cursor.u64()?));
        let has_t = match *cursor.take(1)? {
            [0] => false,
            [1] => true,
            _ => return None,
        };
        let labels = take_labels(cursor)?;
        // The ring may be smaller than it was, or off.
        let _ = self.saved.parts.exemplars.add(&series, Kept { labels, value, t, has_t });
        self.exemplars += 1;
        Some(())
    }
}

/// Whether its samples came out of order, and a chunk.
fn chunk<'a>(cursor: &mut Cursor<'a>) -> Option<(bool, StoredChunk<'a>)> {
    let kind = *cursor.take(1)?.first()?;
    let coding = Coding::of(kind & !LATE)?;
    let min_t = cursor.zigzag()?;
    let max_t = min_t.checked_add_unsigned(cursor.varint()?)?;
    let meta = ChunkMeta { min_t, max_t, count: cursor.number()? };
    Some((kind & LATE != 0, StoredChunk { meta, coding, bytes: cursor.take_sized()? }))
}
