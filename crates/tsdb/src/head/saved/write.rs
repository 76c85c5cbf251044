//! Saving the head: nobody appends any more.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::Ordering;

use model::{Labels, TimeRange};

use super::{BEGIN, DELETIONS, END, EXEMPLARS, SERIES, header, list, path};
use crate::cursor::{put_size, put_varint, put_zigzag};
use crate::exemplars::Kept;
use crate::frame;
use crate::fs::{FileWriter, TMP_CREATE, with_suffix};
use crate::head::Head;
use crate::wal::put_labels;

/// A frame ends when it has so many bytes.
const FRAME_BYTES: usize = 1 << 20;
/// The row of a series that is not saved.
const NOT_SAVED: u32 = u32::MAX;

/// Frames on their way to a file.
struct Frames {
    out: BufWriter<FileWriter>,
    buffer: Vec<u8>,
    /// What the frame under way holds, and where it begins; labels are differences to these.
    open: Option<(u8, usize)>,
    before: Labels,
}

impl Head {
    /// Saves all there is, in place of what was saved before. The log holds no commit after
    /// those that the head has, and takes none meanwhile.
    pub(in crate::head) fn save(&self) -> io::Result<()> {
        let mut log = self.log();
        let segment = log.wal.end_segment();
        let path = path(&self.dir, segment);
        let tmp = with_suffix(&path, TMP_CREATE);
        let written = self.write_saved(&tmp, segment);
        if let Err(error) = written {
            let _ = self.files.remove_file(&tmp);
            return Err(error);
        }
        // Crash here: the next open sweeps `tmp` away, and replays the log.
        self.files.publish(&tmp, &path)?;
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

    fn write_saved(&self, tmp: &Path, segment: u32) -> io::Result<()> {
        let out = self.files.writer(self.files.create(tmp)?);
        let mut frames = Frames {
            out: BufWriter::with_capacity(1 << 17, out),
            buffer: Vec::new(),
            open: None,
            before: Labels::empty(),
        };
        frames.out.write_all(&header())?;
        let out = frames.entry(BEGIN)?;
        put_varint(out, u64::from(segment));
        put_zigzag(out, self.cut.load(Ordering::Acquire));
        let (rows, num_series) = self.put_series(&mut frames)?;
        let num_deletions = self.put_deletions(&mut frames, &rows)?;
        let num_exemplars = self.put_exemplars(&mut frames)?;
        let out = frames.entry(END)?;
        [num_series, num_deletions, num_exemplars].iter().for_each(|n| put_size(out, *n));
        frames.end()?;
        let file = frames.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        self.files.sync(&file.into_file())
    }

    /// The number of each row's series, and how many there are.
    fn put_series(&self, frames: &mut Frames) -> io::Result<(Vec<u32>, usize)> {
        let index = self.labels.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut numbers = Vec::new();
        let mut count = 0;
        for row in index.rows() {
            let chunks = self.series.with(row, |series| series.read(TimeRange::ALL, u64::MAX));
            let Some((_, chunks)) = chunks.flatten() else { continue };
            let labels = index.labels(row).expect("a row of the index");
            numbers.resize(row as usize, NOT_SAVED);
            numbers.push(u32::try_from(count).expect("fewer than rows"));
            count += 1;
            let before = frames.labels_before(SERIES, &labels)?;
            let out = &mut frames.buffer;
            put_labels(out, &labels, &before);
            put_size(out, chunks.len());
            for (meta, chunk) in &chunks {
                out.push(chunk.coding.byte());
                put_zigzag(out, meta.min_t);
                put_varint(out, meta.max_t.wrapping_sub(meta.min_t).cast_unsigned());
                put_varint(out, u64::from(meta.count));
                put_size(out, chunk.bytes.len());
                out.extend_from_slice(&chunk.bytes);
            }
        }
        Ok((numbers, count))
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
        let exemplars = self.exemplars.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
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

impl Frames {
    /// Where to put the next entry of this kind.
    fn entry(&mut self, kind: u8) -> io::Result<&mut Vec<u8>> {
        if self.open.is_some_and(|(open, _)| open != kind) || self.buffer.len() >= FRAME_BYTES {
            self.end()?;
        }
        if self.open.is_none() {
            self.open = Some((kind, frame::begin(&mut self.buffer)));
            self.buffer.push(kind);
            self.before = Labels::empty();
        }
        Ok(&mut self.buffer)
    }

    /// The labels of the entry before the next, which has these.
    fn labels_before(&mut self, kind: u8, labels: &Labels) -> io::Result<Labels> {
        self.entry(kind)?;
        Ok(std::mem::replace(&mut self.before, labels.clone()))
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
