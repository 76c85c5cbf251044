//! Appending records to the newest segment, rolling to the next, and syncing.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use model::{Labels, TimeRange, Timestamp};
use storage::CommitError;

use super::record::Encoder;
use super::{MAGIC, Segment, VERSION, Wal, segment_path};
use crate::exemplars::Kept;
use crate::frame;
use crate::index::header;
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
    /// Whether something was written since the last sync.
    is_dirty: bool,
}

/// A file to sync.
#[derive(Clone, Debug)]
pub(crate) struct Unsynced {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<File>,
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
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.create_segment().inspect_err(|_| self.counters.wal_writes_failed.inc())?,
        };
        self.buffer.clear();
        let start = frame::begin(&mut self.buffer);
        current.encoder.begin(&mut self.buffer, t);
        Ok(Record { wal: self, current, start })
    }

    /// The files with bytes that are not yet on the disk; the caller syncs them, without holding the
    /// log, and tells of a failure with [`Wal::retire`].
    pub(crate) fn take_unsynced(&mut self) -> Vec<Unsynced> {
        let mut unsynced = std::mem::take(&mut self.unsynced);
        if let Some(current) = self.current.as_mut().filter(|current| current.is_dirty) {
            current.is_dirty = false;
            unsynced.push(current.unsynced());
        }
        unsynced
    }

    /// Notes that samples before `t` are in blocks or deleted, and waits until that is on the disk.
    pub(super) fn note_cut(&mut self, t: Timestamp) -> Result<(), CommitError> {
        let mut record = self.begin(t)?;
        record.cut(t);
        record.commit()?;
        for unsynced in self.take_unsynced() {
            let Unsynced { path, file } = unsynced;
            self.files.sync(&file).map_err(|source| CommitError::Io { path, source })?;
        }
        Ok(())
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
        if current.is_dirty && self.sync != WalSync::Never {
            self.unsynced.push(current.unsynced());
        }
        self.old.push(current.segment);
    }

    fn create_segment(&mut self) -> Result<Current, CommitError> {
        let number = self.next_number;
        self.next_number = number.checked_add(1).expect("segments are fewer than 2^32");
        let path = segment_path(&self.dir, number);
        let created = self.files.create(&path).and_then(|mut file| {
            file.write_all(&header(MAGIC, VERSION))?;
            // The name must be there as long as the bytes are.
            self.files.sync_dir(&self.dir)?;
            Ok(file)
        });
        // Crash here: a segment without records, removed at the next open.
        let file = created.map_err(|source| CommitError::Io { path: path.clone(), source })?;
        self.counters.wal_segments.inc();
        let size = header(MAGIC, VERSION).len() as u64;
        Ok(Current {
            segment: Segment { number, size, max_t: None },
            path,
            file: Arc::new(file),
            encoder: Encoder::default(),
            is_dirty: true,
        })
    }
}

impl Current {
    fn unsynced(&self) -> Unsynced {
        Unsynced { path: self.path.clone(), file: Arc::clone(&self.file) }
    }
}

impl Record<'_> {
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
    fn cut(&mut self, t: Timestamp) {
        self.current.encoder.cut(&mut self.wal.buffer, t);
        self.note(t);
    }

    fn note(&mut self, t: Timestamp) {
        let max_t = &mut self.current.segment.max_t;
        *max_t = Some(max_t.map_or(t, |max_t| max_t.max(t)));
    }

    /// Hands the record to the operating system, and to the disk if every commit is to be there.
    ///
    /// After an error nothing of it is in the log, as far as the file can still be cut; and the
    /// segment is left behind, so that half a record hides no later one.
    pub(crate) fn commit(self) -> Result<(), CommitError> {
        let Self { wal, mut current, start } = self;
        let written = match frame::end(&mut wal.buffer, start) {
            Some(()) => current.write(wal),
            None => Err(std::io::Error::new(
                std::io::ErrorKind::FileTooLarge,
                format!("a commit takes more than {} bytes", frame::MAX_DATA_BYTES),
            )),
        };
        if let Err(source) = written {
            wal.counters.wal_writes_failed.inc();
            let path = current.path.clone();
            // Crash here, or an error: half a record stays, and ends the reading of this segment.
            let _ = current.file.set_len(current.segment.size);
            wal.retire_segment(current);
            return Err(CommitError::Io { path, source });
        }
        let len = wal.buffer.len() as u64;
        current.segment.size += len;
        wal.counters.wal_bytes_written.add(len);
        let definitions = current.encoder.definition_bytes();
        let is_full = current.segment.size.saturating_sub(definitions) >= wal.segment_bytes
            || current.segment.size >= wal.segment_bytes.saturating_mul(MOST_DEFINITIONS);
        if is_full {
            wal.retire_segment(current);
        } else {
            wal.current = Some(current);
        }
        Ok(())
    }
}

impl Current {
    fn write(&mut self, wal: &Wal) -> std::io::Result<()> {
        self.is_dirty = true;
        (&*self.file).write_all(&wal.buffer)?;
        // Crash here: what was written so far may be torn; the next open cuts it off.
        if wal.sync == WalSync::Always {
            wal.files.sync(&self.file)?;
            wal.counters.wal_syncs.inc();
            self.is_dirty = false;
        }
        Ok(())
    }
}
