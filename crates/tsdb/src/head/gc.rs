//! Dropping what a block holds, and series with nothing left.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use model::Timestamp;

use super::Head;
use super::visibility::CommitNumber;
use crate::index::Postings;

impl Head {
    /// Drops chunks all of whose samples are before `t`, series that have no others, and segments of
    /// the log. No sample before `t` is taken any more.
    ///
    /// Only when the samples before `t` are in a block; of those that came out of order, the ones of
    /// commits up to `seen`, the others stay; all of them if there is no `seen`. Commits wait meanwhile; views do not.
    pub(crate) fn truncate(&self, t: Timestamp, seen: Option<CommitNumber>) {
        let log = self.log();
        if let Some(seen) = seen {
            self.late_mut().drop_before(t, seen);
        }
        let late = self.late().rows();
        self.sealed.fetch_max(t, Ordering::AcqRel);
        self.cut.fetch_max(t, Ordering::AcqRel);
        let (mut oldest, mut newest, mut chunks) = (Timestamp::MAX, Timestamp::MIN, 0);
        let gone = self.series.retain(|row, series| {
            let left = series.truncate(t);
            chunks += left.chunks_dropped;
            match (left.min_t, series.newest()) {
                (Some(min_t), Some((max_t, _))) => {
                    oldest = oldest.min(min_t);
                    newest = newest.max(max_t);
                    true
                }
                // A commit under way has found it here, and has no labels to make it again.
                _ if series.is_staged() || late.contains(row) => true,
                _ => {
                    chunks += series.num_chunks();
                    false
                }
            }
        });
        self.forget_tombstones(&gone, t);
        self.forget(&gone);
        self.min_t.store(oldest, Ordering::Release);
        self.max_t.store(newest, Ordering::Release);
        self.counters.chunks_removed.add(chunks as u64);
        self.counters.series_removed.add(gone.len() as u64);
        self.counters.head_truncations.inc();
        self.cut_log(log, t);
    }

    /// Forgets the labels of rows that have no series any more, and lets them be used again.
    fn forget(&self, gone: &[u32]) {
        if gone.is_empty() {
            return;
        }
        // Whoever holds the log is the only one to change the index: it can be read on meanwhile.
        let index = self.labels.read().unwrap_or_else(PoisonError::into_inner);
        let gone_rows: Postings = gone.iter().copied().collect();
        let left = index.of_rows(&(index.rows() - &gone_rows));
        drop(index);
        *self.labels.write().unwrap_or_else(PoisonError::into_inner) = left;
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.give_back(gone.iter().copied());
    }
}
