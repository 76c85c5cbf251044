//! Saving the head, at the end or while it is appended to.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use chunk::ChunkAppender;
use model::{Labels, TimeRange};
use storage::ChunkMeta;

use super::{BEGIN, DELETIONS, END, EXEMPLARS, LATE, SERIES, VERSION, header, list, path};
use crate::cursor::{put_size, put_varint, put_zigzag};
use crate::exemplars::Kept;
use crate::frame;
use crate::fs::{FileWriter, TMP_CREATE, with_suffix};
use crate::head::coding::Coding;
use crate::head::labels::Numbering;
use crate::head::late::LateSample;
use crate::head::series::{Kind, Value};
use crate::head::visibility::CommitNumber;
use crate::head::{Head, View};
use crate::histogram::HistogramChunk;
use crate::wal::{Covered, put_labels};

/// A frame ends when it has so many bytes.
const FRAME_BYTES: usize = 1 << 20;
/// The row of a series that is not saved.
const NOT_SAVED: u32 = u32::MAX;

/// A chunk of samples out of order has so many at most.
const LATE_SAMPLES: usize = 1000;

/// A chunk as it stands in the file.
struct SavedChunk {
    kind: u8,
    meta: ChunkMeta,
    bytes: Vec<u8>,
}

/// Frames on their way to a file.
struct Frames {
    out: BufWriter<FileWriter>,
    buffer: Vec<u8>,
    /// What the frame under way holds, and where it begins.
    open: Option<(u8, usize)>,
}

impl Head {
    /// Saves all there is, in place of what was saved before. The log holds no commit after
    /// those that the head has, and takes none meanwhile.
    pub(in crate::head) fn save(&self) -> io::Result<()> {
        let mut log = self.log();
        let segment = log.wal.end_segment();
        self.save_upto(segment, CommitNumber::MAX)
    }

    /// Whether the log has grown so much since the head was saved that replaying it would take long.
    pub(crate) fn is_save_due(&self) -> bool {
        let log = self.log();
        let enough = log.wal.segment_bytes() / 2;
        let saved = self.saved_bytes.load(Ordering::Relaxed);
        !log.is_closed && log.wal.uncovered_bytes() >= enough.max(saved / 2)
    }

    /// Saves what is there now. Commits go on meanwhile; nothing may be dropped from the head.
    ///
    /// What is saved stands in for the segments of the log up to now. They stay until the head is cut.
    pub(crate) fn save_meanwhile(&self) -> io::Result<()> {
        let (covered, view) = self.begin_save();
        self.save_upto(covered.before, view.seen())?;
        self.log().wal.cover(covered);
        Ok(())
    }

    /// What a file is to cover, and a view of just that.
    pub(in crate::head) fn begin_save(&self) -> (Covered, View<'_>) {
        let mut log = self.log();
        let before = log.wal.end_segment();
        let max_t = self.max_t.load(Ordering::Acquire).max(self.cut.load(Ordering::Acquire));
        // No commit is under way: the view sees what the segments before have, and no more.
        (Covered { before, max_t }, self.view(TimeRange::ALL))
    }

    /// Saves what the commits up to `seen` have brought; the log has them in segments before this one.
    pub(in crate::head) fn save_upto(&self, segment: u32, seen: CommitNumber) -> io::Result<()> {
        let path = path(&self.dir, segment);
        let tmp = with_suffix(&path, TMP_CREATE);
        let written = self.write_saved(&tmp, segment, seen);
        let size = match written {
            Ok(size) => size,
            Err(error) => {
                let _ = self.files.remove_file(&tmp);
                return Err(error);
            }
        };
        // Crash here: the next open sweeps `tmp` away, and replays the log.
        self.files.publish(&tmp, &path)?;
        self.saved_bytes.store(size, Ordering::Relaxed);
        let mut old = list(&self.dir)?.into_iter().filter(|other| *other != path);
        old.try_for_each(|old| self.files.remove(&old))
    }

    /// Removes what was saved: all of it is in blocks.
    pub(in crate::head) fn forget_saved(&self) {
        self.saved_bytes.store(0, Ordering::Relaxed);
        let removed = list(&self.dir)
            .and_then(|saved| saved.iter().try_for_each(|path| self.files.remove(path)));
        if let Err(error) = removed {
            tracing::warn!(%error, "a saved head that is not needed cannot be removed");
        }
    }

    /// Writes the file, and returns its size.
    fn write_saved(&self, tmp: &Path, segment: u32, seen: CommitNumber) -> io::Result<u64> {
        let out = self.files.writer(self.files.create(tmp)?);
        let mut frames =
            Frames { out: BufWriter::with_capacity(1 << 17, out), buffer: Vec::new(), open: None };
        frames.out.write_all(&header(VERSION))?;
        let out = frames.entry(BEGIN)?;
        put_varint(out, u64::from(segment));
        put_zigzag(out, self.cut.load(Ordering::Acquire));
        put_varint(out, self.status().num_series);
        let (rows, num_series) = self.put_series(&mut frames, seen)?;
        let num_deletions = self.put_deletions(&mut frames, &rows)?;
        let num_exemplars = self.put_exemplars(&mut frames)?;
        let out = frames.entry(END)?;
        [num_series, num_deletions, num_exemplars].iter().for_each(|n| put_size(out, *n));
        frames.end()?;
        let file = frames.out.into_inner().map_err(io::IntoInnerError::into_error)?.into_file();
        self.files.sync(&file)?;
        Ok(file.metadata()?.len())
    }

    /// The number of each row's series, and how many there are.
    ///
    /// The index is asked for one series at a time, so that commits with new ones need not wait.
    fn put_series(&self, frames: &mut Frames, seen: CommitNumber) -> io::Result<(Vec<u32>, usize)> {
        let index = || self.labels.read().unwrap_or_else(PoisonError::into_inner);
        let (mut numbers, mut count) = (Vec::new(), 0);
        let mut numbering = Numbering::default();
        let rows = index().rows().clone();
        for row in rows {
            let chunks = self.chunks_upto(row, seen);
            if chunks.is_empty() {
                continue;
            }
            let out = frames.entry(SERIES)?;
            if index().put_numbered(row, &mut numbering, out).is_none() {
                continue;
            }
            numbers.resize(row as usize, NOT_SAVED);
            numbers.push(u32::try_from(count).expect("fewer than rows"));
            count += 1;
            put_size(out, chunks.len());
            for SavedChunk { kind, meta, bytes } in &chunks {
                out.push(*kind);
                put_zigzag(out, meta.min_t);
                put_varint(out, meta.max_t.wrapping_sub(meta.min_t).cast_unsigned());
                put_varint(out, u64::from(meta.count));
                put_size(out, bytes.len());
                out.extend_from_slice(bytes);
            }
        }
        Ok((numbers, count))
    }

    /// The chunks of a series, those in order first.
    fn chunks_upto(&self, row: u32, seen: CommitNumber) -> Vec<SavedChunk> {
        let read = self.series.with(row, |series| series.read(TimeRange::ALL, seen));
        let (range, in_order) = read.flatten().unwrap_or((TimeRange::ALL, Vec::new()));
        let in_order = in_order.into_iter().filter_map(|(meta, chunk)| {
            let (meta, chunk) = chunk.up_to(meta, range.max())?;
            Some(SavedChunk { kind: chunk.coding.byte(), meta, bytes: chunk.bytes })
        });
        let mut chunks: Vec<SavedChunk> = in_order.collect();
        let late = self.late().read(row, TimeRange::ALL, seen);
        for samples in late.chunk_by(|a, b| a.value().kind() == b.value().kind()) {
            chunks.extend(samples.chunks(LATE_SAMPLES).filter_map(late_chunk));
        }
        chunks
    }

    fn put_deletions(&self, frames: &mut Frames, numbers: &[u32]) -> io::Result<usize> {
        let tombstones = self.tombstones();
        for (range, rows) in tombstones.iter() {
            let number = |row: u32| numbers.get(row as usize).copied();
            let deleted: Vec<u32> =
                rows.iter().filter_map(number).filter(|number| *number != NOT_SAVED).collect();
            let out = frames.entry(DELETIONS)?;
            put_zigzag(out, range.min());
            put_zigzag(out, range.max());
            put_size(out, deleted.len());
            let mut next = 0;
            for number in deleted {
                put_varint(out, u64::from(number - next));
                next = number + 1;
            }
        }
        Ok(tombstones.iter().len())
    }

    fn put_exemplars(&self, frames: &mut Frames) -> io::Result<usize> {
        let exemplars = self.exemplars.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count = 0;
        for (series, Kept { labels, value, t, has_t }) in exemplars.iter() {
            let out = frames.entry(EXEMPLARS)?;
            put_labels(out, series, &Labels::empty());
            put_zigzag(out, *t);
            out.extend_from_slice(&value.to_bits().to_le_bytes());
            out.push(u8::from(*has_t));
            put_labels(out, labels, &Labels::empty());
            count += 1;
        }
        Ok(count)
    }
}

/// Samples that came out of order, all of one kind, as a chunk; `None` of none.
fn late_chunk(samples: &[LateSample]) -> Option<SavedChunk> {
    let (first, last) = (samples.first()?, samples.last()?);
    let count = u32::try_from(samples.len()).expect("few samples");
    let meta = ChunkMeta { min_t: first.t, max_t: last.t, count };
    let (mut floats, mut histograms) = (ChunkAppender::default(), HistogramChunk::default());
    for sample in samples {
        match sample.value() {
            Value::Float(v) => _ = floats.append(sample.t, v),
            Value::Histogram(bytes) => histograms.append(sample.t, bytes),
        }
    }
    let (coding, bytes) = match first.value().kind() {
        Kind::Float => (Coding::Bits, floats.to_bytes()),
        Kind::Histogram => (Coding::Histograms, histograms.bytes().to_vec()),
    };
    Some(SavedChunk { kind: coding.byte() | LATE, meta, bytes })
}

impl Frames {
    /// Where to put the next entry of this kind.
    fn entry(&mut self, kind: u8) -> io::Result<&mut Vec<u8>> {
        if self.open.is_some_and(|(open, _)| open != kind) || self.buffer.len() >= FRAME_BYTES {
            self.end()?;
        }
        if self.open.is_none() {
            self.open = Some((kind, frame::begin(&mut self.buffer)));
            self.buffer.push(kind);
        }
        Ok(&mut self.buffer)
    }

    fn end(&mut self) -> io::Result<()> {
        let Some((_, start)) = self.open.take() else { return Ok(()) };
        let ended = frame::end(&mut self.buffer, start);
        ended.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
