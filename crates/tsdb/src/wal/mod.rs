//! The write-ahead log: every commit since the last cut, on disk before it is in the head.
//!
//! Commits go to the newest segment as one record each ([`record`]); [`writer`] appends and rolls,
//! [`reader`] reads a segment up to the first damage. Always true: a record is whole or not there;
//! each segment can be read without the others; what a commit has acknowledged is with the operating
//! system, and on the disk as [`WalSync`] says. The log knows rows and labels, but no head, and
//! never asks the time.
//!
#![doc = include_str!("../../../../docs/format/wal.md")]

mod damaged;
mod decimal;
mod decoder;
mod encoder;
mod header;
mod integer;
mod labels;
mod notes;
mod opening;
mod pending;
mod progress;
mod reader;
pub(crate) mod record;
mod source;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Timestamp;
use storage::CommitError;

use crate::db::QUARANTINE;
use crate::error::OpenError;
use crate::fs::{Files, size_bytes};
use crate::options::{Options, WalSync};
use crate::stats::Counters;
pub(crate) use damaged::damaged;
pub(crate) use labels::{LabelsReader, put_labels, take_labels};
use pending::Pending;
pub use progress::{ReplayProgress, ReplayStatus};
pub(crate) use reader::Replayed;
pub(crate) use record::{LoggedValue, MAX_SAMPLES};
use writer::Current;
pub(crate) use writer::Record;

/// The directory of the log below that of the database.
const WAL_DIR: &str = "wal";

/// A segment that nothing is appended to any more.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    number: u32,
    size: u64,
    /// How many of its bytes define series; of one that was replayed, none are known to.
    definition_bytes: u64,
    /// The newest sample; `None` if there is none.
    max_t: Option<Timestamp>,
}

impl Segment {
    fn sample_bytes(&self) -> u64 {
        self.size.saturating_sub(self.definition_bytes)
    }

    /// Whether it has samples that are not older than `t`.
    fn is_needed(&self, t: Timestamp) -> bool {
        self.max_t.is_some_and(|max_t| max_t >= t)
    }
}

/// What of the log need not be replayed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Covered {
    /// The first segment that is to be replayed.
    pub(crate) before: u32,
    /// No segment before it has a newer sample.
    pub(crate) max_t: Timestamp,
}

/// An open log. One thread at a time uses it.
#[derive(Debug)]
pub(crate) struct Wal {
    dir: PathBuf,
    /// Where damaged bytes go.
    quarantine: PathBuf,
    files: Files,
    counters: Arc<Counters>,
    sync: WalSync,
    segment_bytes: u64,
    /// In order of their numbers.
    old: Vec<Segment>,
    current: Option<Current>,
    /// What was not replayed, as long as the segments are needed.
    covered: Option<Covered>,
    next_number: u32,
    /// The cut under way is about segments before this one.
    cut_upto: u32,
    /// Segments with bytes that are not yet known to be on the disk, and perhaps the newest one.
    pending: Vec<Pending>,
    /// Segments that could not be synced, to be written anew.
    given_up: Vec<Pending>,
    /// How many records were written.
    commits: u64,
    /// The record being written.
    buffer: Vec<u8>,
}

impl Wal {
    /// Opens the log of a database and replays what is not covered, oldest commit first.
    ///
    /// Damage does not keep it from opening: it is set aside, counted and logged, and reading goes on
    /// with the next whole record. The last segment is cut off behind its last one.
    pub(crate) fn open(
        options: &Options,
        counters: Arc<Counters>,
        covered: Option<Covered>,
        replay: &mut dyn FnMut(&Replayed<'_>),
    ) -> Result<Self, OpenError> {
        let dir = options.path.join(WAL_DIR);
        let files = options.files.clone();
        std::fs::create_dir_all(&dir).map_err(OpenError::io("create", &dir))?;
        files.sweep(&dir).map_err(OpenError::io("sweep", &dir))?;
        let mut numbers = numbers(&dir).map_err(OpenError::io("list", &dir))?;
        let next_number = numbers.last().map_or(0, |last| last.saturating_add(1));
        let first = covered.map_or(0, |covered| covered.before);
        let covered_numbers: Vec<u32> = numbers.extract_if(.., |number| *number < first).collect();
        let mut wal = Self {
            dir,
            quarantine: options.path.join(QUARANTINE),
            files,
            counters,
            sync: options.wal_sync,
            segment_bytes: options.wal_segment_bytes,
            old: Vec::new(),
            current: None,
            covered,
            // A segment that comes later must not look as if it was covered.
            next_number: next_number.max(first),
            cut_upto: 0,
            pending: Vec::new(),
            given_up: Vec::new(),
            commits: 0,
            buffer: Vec::new(),
        };
        for (number, covered) in covered_numbers.into_iter().zip(std::iter::repeat(covered)) {
            let size = size_bytes(&segment_path(&wal.dir, number));
            let max_t = covered.map(|covered| covered.max_t);
            wal.old.push(Segment { number, size, definition_bytes: 0, max_t });
        }
        options.replay.begin(&numbers);
        for &number in &numbers {
            options.replay.at(number);
            wal.read_segment(number, Some(&number) == numbers.last(), replay)?;
            tracing::info!(segment = number, last = numbers.last(), "segment of the log replayed");
        }
        Ok(wal)
    }

    /// The bytes that all segments take.
    pub(crate) fn size_bytes(&self) -> u64 {
        let current = self.current.as_ref().map_or(0, |current| current.segment.size);
        self.old.iter().map(|segment| segment.size).sum::<u64>() + current
    }

    /// Ends the newest segment; the number that the next will have.
    pub(crate) fn end_segment(&mut self) -> u32 {
        self.retire();
        self.next_number
    }

    /// Segments before `covered` need not be replayed any more; they stay until they are cut.
    pub(crate) fn cover(&mut self, covered: Covered) {
        self.covered = Some(covered);
    }

    /// The bytes of samples that an open would replay.
    ///
    /// Not of definitions: each segment begins with those of all series, and would make a head of many
    /// series look as if it were to be saved again as soon as it was.
    pub(crate) fn uncovered_bytes(&self) -> u64 {
        let before = self.covered.map_or(0, |covered| covered.before);
        let old = self.old.iter().filter(|segment| segment.number >= before);
        old.map(Segment::sample_bytes).sum::<u64>()
            + self.current.as_ref().map_or(0, Current::sample_bytes)
    }

    /// A segment ends when it has so many bytes.
    pub(crate) fn segment_bytes(&self) -> u64 {
        self.segment_bytes
    }

    /// Begins to forget samples older than `t`; commits to come go to a new segment.
    ///
    /// Only when the samples before `t` are durable elsewhere. What is deleted is in no block: if
    /// segments with older samples stay, only a note keeps them from bringing it back once the
    /// deletion's own segment is gone. It must be on the disk before [`Wal::end_cut`].
    ///
    /// With `has_late`, `put_late` adds samples before `t` that came out of order and are in no block
    /// yet: the note is about all others.
    pub(crate) fn begin_cut(
        &mut self,
        t: Timestamp,
        has_late: bool,
        put_late: impl FnOnce(&mut Record<'_>),
    ) -> Result<(), CommitError> {
        self.retire();
        self.cut_upto = self.next_number;
        self.counters.wal_truncations.inc();
        if !has_late && !self.old.iter().any(|segment| segment.is_needed(t)) {
            return Ok(());
        }
        let mut record = self.begin(t)?;
        record.cut(t);
        if has_late {
            record.late();
            put_late(&mut record);
        }
        record.commit()
    }

    /// Removes segments whose samples are all older than `t`. A segment that cannot be removed stays
    /// until the next cut, which costs time at an open and nothing else. Whether those that were covered
    /// at the open have all gone with it.
    pub(crate) fn end_cut(&mut self, t: Timestamp) -> bool {
        let upto = self.cut_upto;
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.old)
            .into_iter()
            .partition(|segment| segment.number >= upto || segment.is_needed(t));
        self.old = kept;
        for segment in gone {
            let path = segment_path(&self.dir, segment.number);
            self.pending.retain(|pending| pending.number != segment.number);
            self.given_up.retain(|pending| pending.number != segment.number);
            if let Err(error) = self.files.remove(&path) {
                self.counters.wal_truncations_failed.inc();
                tracing::warn!(segment = %path.display(), %error, "a segment cannot be removed");
                self.old.push(segment);
            }
            // Crash here: samples older than `t` are in a block; the next open skips them.
        }
        self.covered.take_if(|covered| covered.max_t < t).is_some()
    }
}

fn segment_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}"))
}

/// The numbers of the segments in a directory, rising. Other names are not ours.
fn numbers(dir: &Path) -> std::io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().filter(|name| name.len() >= 8 && is_decimal(name));
        numbers.extend(number.and_then(|name| name.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn is_decimal(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
