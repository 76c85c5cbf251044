//! Appending records to the newest segment, and rolling to the next.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use model::{Labels, TimeRange, Timestamp};
use storage::CommitError;

use super::pending::{Pending, ToSync};
use super::record::Encoder;
use super::{Segment, Wal, header, segment_path};
use crate::exemplars::Kept;
use crate::frame;
use crate::options::WalSync;

/// A segment goes on, full of new series, until it has so many times the size a segment should have.
const MOST_DEFINITIONS: u64 = 8;

/// The segment that records go to.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) segment: Segment,
    path: PathBuf,
    file: Arc<File>,
    encoder: Encoder,
}

/// One commit on its way to the log. Dropped before [`Record::commit`], it leaves its segment behind:
/// commits to come go to a new one.
pub(crate) struct Record<'a> {
    wal: &'a mut Wal,
    current: Current,
    start: usize,
}

impl Wal {
    /// Begins the record of a commit whose first sample is at `t`.
    pub(crate) fn begin(&mut self, t: Timestamp) -> Result<Record<'_>, CommitError> {
        let mut current = self.newest().inspect_err(|_| self.counters.wal_writes_failed.inc())?;
        self.buffer.clear();
        let start = frame::begin(&mut self.buffer);
        current.encoder.begin(&mut self.buffer, current.segment.size, t);
        Ok(Record { wal: self, current, start })
    }

    /// The segment to write to. What the disk has refused before comes first.
    fn newest(&mut self) -> Result<Current, CommitError> {
        self.rewrite()?;
        self.current.take().map_or_else(|| self.create_segment(), Ok)
    }

    /// When commits are to be on the disk.
    pub(crate) fn sync_policy(&self) -> WalSync {
        self.sync
    }

    /// Ends the newest segment: commits to come go to a new one.
    pub(crate) fn retire(&mut self) {
        if let Some(current) = self.current.take() {
            self.retire_segment(current);
        }
    }

    fn retire_segment(&mut self, current: Current) {
        let Current { mut segment, encoder, .. } = current;
        segment.definition_bytes = encoder.definition_bytes();
        self.old.push(segment);
    }

    fn create_segment(&mut self) -> Result<Current, CommitError> {
        let number = self.next_number;
        let path = segment_path(&self.dir, number);
        self.buffer.clear();
        self.buffer.extend_from_slice(&header::of_segment());
        let created = self.files.create(&path).and_then(|file| {
            self.files.append(&file, &self.buffer)?;
            // The name must be there as long as the bytes are.
            self.files.sync_dir(&self.dir)?;
            Ok(Arc::new(file))
        });
        // Crash here: a segment without records, removed at the next open.
        let file = created.map_err(|source| {
            // Made anew at the next attempt, if it stays.
            let _ = self.files.remove_file(&path);
            CommitError::Io { path: path.clone(), cause: source }
        })?;
        self.next_number = number.checked_add(1).expect("segments are fewer than 2^32");
        self.counters.wal_segments.inc();
        if self.sync != WalSync::Never {
            self.pending.push(Pending::new(number, &path, &file));
            self.note_appended();
        }
        let size = self.buffer.len() as u64;
        let segment = Segment { number, size, definition_bytes: 0, max_t: None };
        Ok(Current { segment, path, file, encoder: Encoder::default() })
    }
}

impl Current {
    /// How many of its bytes are not definitions of series.
    pub(super) fn sample_bytes(&self) -> u64 {
        self.segment.size.saturating_sub(self.encoder.definition_bytes())
    }

    /// The file as it is now.
    pub(super) fn to_sync(&self) -> ToSync {
        let Segment { number, size, .. } = self.segment;
        ToSync { number, path: self.path.clone(), file: Arc::clone(&self.file), size }
    }
}

impl Record<'_> {
    /// The number that this segment has for the series in `row`; greater than any if it has none.
    #[inline]
    pub(crate) fn number_of(&self, row: u32) -> u32 {
        self.current.encoder.number_of(row)
    }

    /// Adds a sample of the series in `row`; `labels` is asked if this segment does not know it yet.
    #[inline]
    pub(crate) fn sample(
        &mut self,
        row: u32,
        t: Timestamp,
        v: f64,
        labels: impl FnOnce() -> Labels,
    ) {
        self.current.encoder.sample(&mut self.wal.buffer, row, t, v, labels);
        self.note(t);
    }

    /// Adds a histogram, as bytes; the same otherwise.
    pub(crate) fn histogram(
        &mut self,
        row: u32,
        t: Timestamp,
        histogram: &[u8],
        labels: impl FnOnce() -> Labels,
    ) {
        self.current.encoder.histogram(&mut self.wal.buffer, row, t, histogram, labels);
        self.note(t);
    }

    /// What is added from here on came out of order.
    pub(crate) fn late(&mut self) {
        self.current.encoder.late(&mut self.wal.buffer);
    }

    /// Adds an exemplar of the series in `row`.
    pub(crate) fn exemplar(&mut self, row: u32, exemplar: &Kept, labels: impl FnOnce() -> Labels) {
        self.current.encoder.exemplar(&mut self.wal.buffer, row, exemplar, labels);
        // The segment may go with its samples; one of exemplars alone, with those of before.
        self.note(Timestamp::MIN);
    }

    /// Deletes a range of the series in `row`. The segment stays as long as another one may have
    /// samples of that range.
    pub(crate) fn delete(&mut self, row: u32, range: TimeRange, labels: impl FnOnce() -> Labels) {
        self.current.encoder.delete(&mut self.wal.buffer, row, range, labels);
        self.note(range.max());
    }

    /// Notes that samples before `t`, of records before, are in blocks or deleted.
    pub(super) fn cut(&mut self, t: Timestamp) {
        self.current.encoder.cut(&mut self.wal.buffer, t);
        self.note(t);
    }

    fn note(&mut self, t: Timestamp) {
        let max_t = &mut self.current.segment.max_t;
        *max_t = Some(max_t.map_or(t, |max_t| max_t.max(t)));
    }

    /// Hands the record to the operating system.
    ///
    /// After an error nothing of it is in the log, as far as the file can still be cut; and the
    /// segment is left behind, so that half a record hides no later one.
    pub(crate) fn commit(self) -> Result<(), CommitError> {
        let Self { wal, mut current, start } = self;
        current.encoder.end(&mut wal.buffer);
        let written = match frame::end(&mut wal.buffer, start) {
            // Crash here: what was written may be torn; the next open cuts it off.
            Some(()) => wal.files.append(&current.file, &wal.buffer),
            None => Err(std::io::Error::new(
                std::io::ErrorKind::FileTooLarge,
                format!("a commit takes more than {} bytes", frame::MAX_DATA_BYTES),
            )),
        };
        if let Err(source) = written {
            wal.counters.wal_writes_failed.inc();
            let path = current.path.clone();
            // Crash here, or an error: half a record stays, and ends the reading of this segment.
            let _ = wal.files.set_len(&current.file, current.segment.size);
            wal.retire_segment(current);
            return Err(CommitError::Io { path, cause: source });
        }
        let len = wal.buffer.len() as u64;
        current.segment.size += len;
        wal.counters.wal_bytes_written.add(len);
        wal.commits += 1;
        wal.note_appended();
        let is_full = current.sample_bytes() >= wal.segment_bytes
            || current.segment.size >= wal.segment_bytes.saturating_mul(MOST_DEFINITIONS);
        if is_full {
            wal.retire_segment(current);
        } else {
            wal.current = Some(current);
        }
        Ok(())
    }
}
