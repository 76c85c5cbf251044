//! Deleting from the head: the log has it, then no view shows it.
//!
//! A deletion ends at each series' newest sample: what comes later is not deleted. Samples stay in
//! their chunks until these go; blocks are cut without them.

use std::sync::{Arc, PoisonError};

use model::{Matcher, TimeRange, Timestamp};
use storage::CommitError;

use super::Head;
use crate::error::ChangeError;
use crate::index::{Index, Postings, select};
use crate::tombstones::Tombstones;

/// So many series are deleted from by one record of the log.
const SERIES_PER_RECORD: usize = 1 << 20;

impl Head {
    /// Deletes the samples there are in `range`, of series that pass all matchers, and syncs the log.
    /// Commits wait meanwhile.
    pub(crate) fn delete(&self, matchers: &[Matcher], range: TimeRange) -> Result<(), ChangeError> {
        let mut log = self.log();
        if log.is_closed {
            return Err(CommitError::Closed.into());
        }
        let view = self.view(TimeRange::ALL);
        let mut deleted: Vec<(u32, TimeRange)> = Vec::new();
        for row in select::rows(&view, matchers)? {
            let newest = self.series.with(row, |series| series.newest()).flatten();
            let newest = newest.map(|(newest, _)| newest).max(self.late().newest(row));
            let max = newest.map(|newest| newest.min(range.max()));
            let range = max.and_then(|max| TimeRange::new(range.min(), max));
            deleted.extend(range.map(|range| (row, range)));
        }
        if deleted.is_empty() {
            return Ok(());
        }
        for deleted in deleted.chunks(SERIES_PER_RECORD) {
            let mut record = log.wal.begin(deleted[0].1.max())?;
            for &(row, range) in deleted {
                record.delete(row, range, || view.labels(row).unwrap_or_default());
            }
            record.commit()?;
        }
        // Crash here: the deletion was not acknowledged, and may be there all the same. As good.
        self.change_tombstones(|tombstones| {
            deleted.iter().for_each(|&(row, range)| tombstones.add_row(range, row));
        });
        let mut late = self.late_mut();
        deleted.iter().for_each(|&(row, range)| late.delete(row, range));
        drop(late);
        drop((view, log));
        self.sync()?;
        Ok(())
    }

    /// An error if the log takes no commits any more: the directory may be another's.
    pub(crate) fn check_open(&self) -> Result<(), CommitError> {
        if self.log().is_closed { Err(CommitError::Closed) } else { Ok(()) }
    }

    /// What is deleted, though its chunks have it.
    pub(crate) fn tombstones(&self) -> Arc<Tombstones> {
        Arc::clone(&self.tombstones.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets the tombstones of rows that have no series any more, and of what lies before `t`.
    pub(super) fn forget_tombstones(&self, gone: &[u32], t: Timestamp) {
        if self.tombstones().is_empty() {
            return;
        }
        let gone: Postings = gone.iter().copied().collect();
        self.change_tombstones(|tombstones| {
            tombstones.forget_before(t);
            tombstones.forget(&gone);
        });
    }

    /// Only whoever holds the log changes them.
    fn change_tombstones(&self, change: impl FnOnce(&mut Tombstones)) {
        let mut new = Tombstones::clone(&self.tombstones());
        change(&mut new);
        *self.tombstones.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }
}
