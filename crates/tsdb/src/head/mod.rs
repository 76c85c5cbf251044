//! The head: the newest samples, in memory, in front of the blocks.
//!
//! Samples come in through [`HeadAppender`] and go when [`Head::truncate`] drops what a block now
//! holds. Always true: a sample is in the log before it is here; within a series, time strictly
//! increases, but for those samples that came out of order and are kept apart; a [`SeriesRef`](storage::SeriesRef) is never used twice; a view shows a commit whole
//! or not at all. The head opens no files (the log does) and never asks the time.
//!
//! In reading order: [`series`] holds the samples of one series ([`open_chunk`] the newest,
//! [`sealed`] those of its closed chunks), [`stripes`] all of them by row,
//! [`labels`] finds rows by labels; [`visibility`] says which commits a view sees; [`appender`]
//! stages and commits, [`exemplars`] with them, [`log`] says when that is on the disk, [`replay`]
//! does the same from the log, a [`batch`] at a time, [`late`] has what came out of order, [`view`] reads, [`deletion`] hides what is deleted, [`gc`] drops.
//!
//! Locks, in the order they are taken: `log` (one commit or truncation at a time), `visibility`,
//! `labels`, `rows`, one stripe, `late`, `tombstones`, `exemplars`. No other order occurs.

mod appender;
mod batch;
mod coding;
mod deletion;
mod exemplars;
mod gc;
mod labels;
mod late;
mod log;
mod open_chunk;
mod replay;
mod row_set;
mod saved;
mod sealed;
mod series;
mod stripes;
mod view;
mod visibility;

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use model::{TimeRange, Timestamp};
use storage::Appender;

use crate::db::QUARANTINE;
use crate::error::OpenError;
use crate::exemplars::Exemplars;
use crate::fs::Files;
use crate::options::Options;
use crate::stats::Counters;
use crate::tombstones::Tombstones;
use crate::wal::{Covered, Replayed, Wal};
use appender::HeadAppender;
use labels::LabelIndex;
use late::LateSamples;
use log::{Log, Synced};
use replay::{Parts, Replay};
use saved::Saved;
use stripes::{RowNumbers, Stripes};
pub(crate) use view::View;
use visibility::Visibility;

/// The newest samples.
#[derive(Debug)]
pub(crate) struct Head {
    counters: Arc<Counters>,
    /// That of the database.
    dir: PathBuf,
    files: Files,
    /// A sample may be so much older than the newest.
    window_ms: i64,
    log: Mutex<Log>,
    synced: Synced,
    visibility: Mutex<Visibility>,
    labels: RwLock<LabelIndex>,
    rows: Mutex<RowNumbers>,
    series: Stripes,
    /// What is deleted, though its chunks have it.
    tombstones: RwLock<Arc<Tombstones>>,
    /// What came out of order.
    late: RwLock<LateSamples>,
    /// A sample may come so late behind the newest, ms; 0 for none out of order.
    late_window_ms: AtomicI64,
    exemplars: Mutex<Exemplars>,
    /// Times of the oldest and the newest sample; the newest before the oldest if there is none.
    min_t: AtomicI64,
    max_t: AtomicI64,
    /// No sample before this is taken.
    sealed: AtomicI64,
    /// What lies before this is in blocks or deleted; not later than `sealed`.
    cut: AtomicI64,
    /// Bytes of what was saved when the database was closed.
    saved_bytes: AtomicU64,
    /// When the log was synced last, ms.
    synced_at: AtomicI64,
}

/// What the head is like at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HeadStatus {
    pub(crate) num_series: u64,
    pub(crate) num_chunks: u64,
    pub(crate) range: Option<TimeRange>,
}

impl Head {
    /// Replays the log of the database; samples before `from` are in blocks, and left out.
    pub(crate) fn open(
        options: &Options,
        counters: Arc<Counters>,
        from: Timestamp,
    ) -> Result<Self, OpenError> {
        let exemplars = || Exemplars::new(options.max_exemplars);
        let saved = restore(options, &counters, from, &exemplars)?;
        let covered = saved.as_ref().map(|saved| Covered {
            before: saved.segment,
            max_t: saved.parts.max_t.max(saved.parts.cut),
        });
        let saved_bytes = saved.as_ref().map_or(0, |saved| saved.size_bytes);
        let parts = saved.map_or_else(|| Parts::new(from, exemplars()), |saved| saved.parts);
        let mut replay = Replay::new(from, parts, &counters);
        let commit = &mut |commit: &Replayed<'_>| replay.commit(commit);
        let wal = Wal::open(options, Arc::clone(&counters), covered, commit)?;
        let replayed = replay.finish();
        Ok(Self {
            dir: options.path.clone(),
            files: options.files.clone(),
            window_ms: options.min_block_duration_ms / 2,
            log: Mutex::new(Log { wal, is_closed: false }),
            synced: Synced::default(),
            visibility: Mutex::default(),
            labels: RwLock::new(replayed.labels),
            rows: Mutex::new(replayed.rows),
            series: replayed.series,
            tombstones: RwLock::new(Arc::new(replayed.tombstones)),
            late: RwLock::new(replayed.late),
            late_window_ms: AtomicI64::new(options.out_of_order_window_ms.max(0)),
            exemplars: Mutex::new(replayed.exemplars),
            min_t: AtomicI64::new(replayed.min_t),
            max_t: AtomicI64::new(replayed.max_t),
            sealed: AtomicI64::new(replayed.cut),
            cut: AtomicI64::new(replayed.cut),
            saved_bytes: AtomicU64::new(saved_bytes),
            synced_at: AtomicI64::new(Timestamp::MIN),
            counters,
        })
    }

    /// Begins a commit.
    pub(crate) fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(HeadAppender::new(self))
    }

    /// What all commits so far have put into `range`, and no later commit.
    pub(crate) fn view(&self, range: TimeRange) -> View<'_> {
        View::new(self, range, Some(range))
    }

    /// The same, but of samples that came in order only those from `from` on; `None` if there is
    /// nothing to show.
    pub(crate) fn view_from(&self, range: TimeRange, from: Timestamp) -> Option<View<'_>> {
        let in_order = TimeRange::new(range.min().max(from), range.max());
        let has_late = !self.late().is_empty();
        (has_late || in_order.is_some()).then(|| View::new(self, range, in_order))
    }

    /// From now on samples may come so late behind the newest; 0 for none out of order.
    pub(crate) fn set_late_window(&self, window_ms: i64) {
        self.late_window_ms.store(window_ms.max(0), Ordering::Relaxed);
    }

    /// Times of the oldest and the newest sample; `None` without samples.
    pub(crate) fn range(&self) -> Option<TimeRange> {
        TimeRange::new(self.min_t.load(Ordering::Acquire), self.max_t.load(Ordering::Acquire))
    }

    /// From now on no sample before `t` is taken. Returns when commits that had begun have ended.
    pub(crate) fn seal_before(&self, t: Timestamp) {
        let _no_commit = self.log();
        self.sealed.fetch_max(t, Ordering::AcqRel);
    }

    /// No sample before this is taken; those that there are, are in blocks or deleted.
    pub(crate) fn sealed(&self) -> Timestamp {
        self.sealed.load(Ordering::Acquire)
    }

    /// The oldest time a sample may have: half a block behind the newest, and not sealed.
    fn min_valid_t(&self) -> Timestamp {
        let sealed = self.sealed.load(Ordering::Acquire);
        match self.range() {
            Some(range) => sealed.max(range.max().saturating_sub(self.window_ms)),
            None => sealed,
        }
    }

    /// The oldest time a sample may have that comes out of order; `None` if none may.
    fn min_late_t(&self) -> Option<Timestamp> {
        let window_ms = self.late_window_ms.load(Ordering::Relaxed);
        let newest = self.max_t.load(Ordering::Acquire);
        (window_ms > 0).then(|| newest.saturating_sub(window_ms))
    }

    pub(crate) fn status(&self) -> HeadStatus {
        let gone = self.counters.chunks_removed.get();
        HeadStatus {
            num_series: self.labels.read().unwrap_or_else(PoisonError::into_inner).len() as u64,
            num_chunks: self.counters.chunks_created.get().saturating_sub(gone),
            range: self.range(),
        }
    }
}

/// What was saved when the database was closed; `None` if nothing was. What does not come back whole
/// is moved aside: the log has it, too.
fn restore(
    options: &Options,
    counters: &Counters,
    from: Timestamp,
    exemplars: &dyn Fn() -> Exemplars,
) -> Result<Option<Saved>, OpenError> {
    let dir = &options.path;
    for path in saved::list(dir).map_err(OpenError::io("list", dir))? {
        match Saved::read(&path, from, exemplars()) {
            Ok(saved) => {
                counters.series_created.add(saved.num_series);
                counters.chunks_created.add(saved.num_chunks);
                return Ok(Some(saved));
            }
            Err(error) => {
                tracing::warn!(
                    snapshot = %path.display(), %error,
                    "the head was not saved whole; the log is replayed instead"
                );
                counters.snapshots_refused.inc();
                let aside = options.files.move_into(&path, &dir.join(QUARANTINE));
                aside.map_err(OpenError::io("move aside", &path))?;
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
