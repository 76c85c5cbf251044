//! The right to commit, and when a commit is on the disk.
//!
//! One thread at a time commits; one at a time syncs, without keeping others from committing. A
//! commit that must be on the disk waits for a sync that began after it was written: whoever comes
//! while one is under way shares the next ([`Head::wait_synced`]).

use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use model::{Labels, Timestamp};
use storage::CommitError;

use super::Head;
use super::late::LateSample;
use super::series::Value;
use crate::options::WalSync;
use crate::wal::{Record, Wal};

/// [`Db::maintain`](crate::Db::maintain) is called this often, or more often.
const TICK_MS: i64 = 1_000;

/// The right to commit, and what goes with it.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) wal: Wal,
    pub(super) is_closed: bool,
}

/// How far the log is on the disk.
#[derive(Debug, Default)]
pub(super) struct Synced {
    state: Mutex<SyncState>,
    ended: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct SyncState {
    is_under_way: bool,
    /// So many commits are on the disk.
    commits: u64,
}

impl Head {
    /// Waits for the commit or truncation under way, and keeps others from beginning.
    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Syncs the log if that is due at `now_ms`.
    pub(crate) fn tick(&self, now_ms: Timestamp) {
        let (policy, is_stuck) = {
            let log = self.log();
            (log.wal.sync_policy(), log.wal.is_stuck())
        };
        let is_due = match policy {
            WalSync::Every(interval_ms) => {
                let last = self.synced_at.load(Ordering::Relaxed);
                // Also when the clock was set back. The next call would be too late.
                let early = interval_ms.saturating_sub(TICK_MS.min(interval_ms));
                now_ms < last || now_ms.saturating_sub(last) > early
            }
            WalSync::Always | WalSync::Never => false,
        };
        if !is_due && !is_stuck {
            return;
        }
        self.synced_at.store(now_ms, Ordering::Relaxed);
        if let Err(error) = self.sync() {
            tracing::error!(%error, "the last commits are not on the disk, no more are taken");
        }
    }

    /// Waits until the commits there are now are on the disk.
    pub(crate) fn sync(&self) -> Result<(), CommitError> {
        let commits = self.log().wal.commits();
        self.wait_synced(commits)
    }

    /// Waits until the first so many commits are on the disk.
    pub(super) fn wait_synced(&self, commits: u64) -> Result<(), CommitError> {
        let mut state = self.synced.lock();
        while state.is_under_way {
            state = self.synced.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.commits >= commits {
            return Ok(());
        }
        state.is_under_way = true;
        drop(state);
        let done = self.sync_batch();
        let mut state = self.synced.lock();
        state.is_under_way = false;
        if let Ok(synced) = done {
            state.commits = state.commits.max(synced);
        }
        drop(state);
        // Each of those who wait looks again; after a failure one of them tries anew.
        self.synced.ended.notify_all();
        done.map(|_| ())
    }

    /// Syncs what has been written so far; returns how many commits that is.
    fn sync_batch(&self) -> Result<u64, CommitError> {
        let mut log = self.log();
        log.wal.rewrite()?;
        let batch = log.wal.begin_sync();
        drop(log);
        let synced = batch.sync(&self.files);
        let mut log = self.log();
        log.wal.end_sync(&batch, synced)?;
        Ok(batch.commits())
    }

    /// Cuts the log: samples before `t` are in blocks. Ends the holding of it.
    pub(super) fn cut_log(&self, mut log: MutexGuard<'_, Log>, t: Timestamp) {
        let late = self.late();
        let of_row = |(row, sample): (u32, &'_ LateSample)| (row, sample.clone());
        let left: Vec<(u32, LateSample)> = late.before(t).map(of_row).collect();
        drop(late);
        let noted = log.wal.begin_cut(t, !left.is_empty(), |record| {
            for (row, sample) in &left {
                put(record, *row, sample.t, sample.value(), || self.labels_of(*row));
            }
        });
        drop(log);
        match noted.and_then(|()| self.sync()) {
            // Crash here: samples older than `t` are in a block; the next open skips them.
            Ok(()) => {
                if self.log().wal.end_cut(t) {
                    self.forget_saved();
                }
            }
            Err(error) => {
                self.counters.wal_truncations_failed.inc();
                tracing::warn!(%error, "the log cannot be cut");
            }
        }
    }

    /// The labels of a series that stays.
    pub(super) fn labels_of(&self, row: u32) -> Labels {
        let index = self.labels.read().unwrap_or_else(PoisonError::into_inner);
        index.labels(row).expect("a staged series stays, and one with samples")
    }

    /// Syncs the log and saves the head; commits fail from now on.
    pub(crate) fn close(&self) -> Result<(), CommitError> {
        let was_closed = std::mem::replace(&mut self.log().is_closed, true);
        self.sync()?;
        if !was_closed && let Err(error) = self.save() {
            tracing::warn!(%error, "the head cannot be saved; the next start replays the log");
        }
        Ok(())
    }

    /// The bytes of the log, and of what was saved.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.log().wal.size_bytes() + self.saved_bytes.load(Ordering::Relaxed)
    }
}

/// Adds a sample to a record.
#[inline]
pub(super) fn put(
    record: &mut Record<'_>,
    row: u32,
    t: Timestamp,
    value: Value<'_>,
    labels: impl FnOnce() -> Labels,
) {
    match value {
        Value::Float(v) => record.sample(row, t, v, labels),
        Value::Histogram(bytes) => record.histogram(row, t, bytes, labels),
    }
}

impl Synced {
    #[cfg(test)]
    pub(super) fn hold(&self) {
        self.lock().is_under_way = true;
    }

    #[cfg(test)]
    pub(super) fn let_go(&self) {
        self.lock().is_under_way = false;
        self.ended.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, SyncState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
