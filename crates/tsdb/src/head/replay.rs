//! The log into the head: commits in their order, into series that nobody else sees yet.
//!
//! A sample that is not newer than its series is passed over, and so is one that a block has: reading
//! a log that was not cut yet, or the same record twice, changes nothing.

use model::{Labels, Timestamp};
use rustc_hash::FxHashMap;

use super::batch::Batch;
use super::labels::LabelIndex;
use super::late::LateSamples;
use super::series::{MemSeries, Value};
use super::stripes::{RowNumbers, Stripes};
use crate::exemplars::Exemplars;
use crate::stats::Counters;
use crate::tombstones::Tombstones;
use crate::wal::{LoggedValue, Replayed};

/// The row of a series that has none yet.
const NO_ROW: u32 = u32::MAX;

/// A head in the making.
#[derive(Debug)]
pub(super) struct Replay<'a> {
    from: Timestamp,
    counters: &'a Counters,
    head: Parts,
    /// Samples that are not in the head yet.
    batch: Batch,
    segment: u32,
    /// The row after that of the series found last: a segment mostly defines them in their order.
    next_row: u32,
    /// Rows by the numbers that series have in this segment.
    rows: Vec<u32>,
    /// Labels of those that have no row yet, as nothing of them was replayed.
    unplaced: FxHashMap<u32, Labels>,
}

/// What a replay leaves.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) labels: LabelIndex,
    pub(super) rows: RowNumbers,
    pub(super) series: Stripes,
    pub(super) tombstones: Tombstones,
    pub(super) late: LateSamples,
    pub(super) exemplars: Exemplars,
    /// What lies before this is in blocks or deleted.
    pub(super) cut: Timestamp,
    pub(super) min_t: Timestamp,
    pub(super) max_t: Timestamp,
}

impl<'a> Replay<'a> {
    /// A replay of the samples that are not before `from`, onto what is there.
    pub(super) fn new(from: Timestamp, head: Parts, counters: &'a Counters) -> Self {
        Self {
            from,
            counters,
            head,
            batch: Batch::default(),
            segment: 0,
            next_row: 0,
            rows: Vec::new(),
            unplaced: FxHashMap::default(),
        }
    }

    /// One commit of the log.
    pub(super) fn commit(&mut self, commit: &Replayed<'_>) {
        if self.segment != commit.segment {
            self.segment = commit.segment;
            self.rows.clear();
            self.unplaced.clear();
        }
        self.define(commit);
        if let Some(cut) = commit.notes.cut {
            // What comes late in this record itself is not in a block yet.
            self.head.late.drop_before(cut, 0);
        }
        let from = self.from;
        for sample in commit.samples.iter().filter(|s| s.t >= from || s.is_late) {
            let Some(row) = self.row_of(sample.series) else { continue };
            let (t, histogram) = (sample.t, |at: u32| &commit.histograms[at as usize][..]);
            match (sample.value, sample.is_late) {
                (LoggedValue::Float(bits), false) => {
                    self.batch.push(row, t, f64::from_bits(bits));
                }
                (LoggedValue::Histogram(at), false) => {
                    self.batch.push_histogram(row, t, histogram(at));
                }
                (LoggedValue::Float(bits), true) => {
                    self.head.late.insert(row, t, Value::Float(f64::from_bits(bits)), 0);
                }
                (LoggedValue::Histogram(at), true) => {
                    self.head.late.insert(row, t, Value::Histogram(histogram(at)), 0);
                }
            }
        }
        if self.batch.is_full() {
            self.flush();
        }
        self.delete(commit);
        for logged in &commit.notes.exemplars {
            // One that is out of order was so when it was logged.
            if let Some(series) = self.labels_of(logged.series) {
                let _ = self.head.exemplars.add(&series, logged.kept.clone());
            }
        }
        self.head.cut = commit.notes.cut.map_or(self.head.cut, |cut| cut.max(self.head.cut));
    }

    /// Takes the series that a commit defines. Where the head has them already, they mostly come in the
    /// order of their rows.
    fn define(&mut self, commit: &Replayed<'_>) {
        self.rows.resize(commit.num_series, NO_ROW);
        let first_new = commit.num_series - commit.new_series.len();
        for (labels, at) in commit.new_series.iter().zip(first_new..) {
            if self.head.labels.has_labels(self.next_row, labels) {
                self.rows[at] = self.next_row;
                self.next_row += 1;
            } else {
                self.unplaced.insert(u32::try_from(at).expect("as in the log"), labels.clone());
            }
        }
    }

    /// Brings the samples to their series.
    fn flush(&mut self) {
        let done = self.batch.flush(&self.head.series);
        if done.samples > 0 {
            self.head.min_t = done.min_t.min(self.head.min_t);
            self.head.max_t = done.max_t.max(self.head.max_t);
            self.counters.chunks_created.add(done.chunks as u64);
        }
    }

    /// The row of a series by its number in the segment; `None` if its labels are lost, or there is no
    /// room.
    fn row_of(&mut self, series: u32) -> Option<u32> {
        let slot = &mut self.rows[series as usize];
        if *slot == NO_ROW {
            let labels = self.unplaced.get(&series)?;
            *slot = self.head.row_of(labels, self.counters)?;
            self.next_row = *slot + 1;
            self.unplaced.remove(&series);
        }
        Some(*slot)
    }

    /// The labels of a series by its number in the segment; `None` if they are lost.
    fn labels_of(&self, series: u32) -> Option<Labels> {
        match self.rows[series as usize] {
            NO_ROW => self.unplaced.get(&series).cloned(),
            row => self.head.labels.labels(row),
        }
    }

    /// What a commit deletes; a series of which nothing was replayed needs no tombstone.
    fn delete(&mut self, commit: &Replayed<'_>) {
        for deleted in &commit.notes.deleted {
            let row = match self.rows[deleted.series as usize] {
                NO_ROW => self.unplaced.get(&deleted.series).and_then(|l| self.head.labels.find(l)),
                row => Some(row),
            };
            let Some(row) = row else { continue };
            self.head.late.delete(row, deleted.range);
            if deleted.range.max() >= self.from {
                self.head.tombstones.add_row(deleted.range, row);
            }
        }
    }

    pub(super) fn finish(mut self) -> Parts {
        self.flush();
        self.head
    }
}

impl Parts {
    /// Nothing, but for a ring; samples before `cut` are in blocks.
    pub(super) fn new(cut: Timestamp, exemplars: Exemplars) -> Self {
        Self {
            labels: LabelIndex::default(),
            rows: RowNumbers::default(),
            series: Stripes::default(),
            tombstones: Tombstones::default(),
            late: LateSamples::default(),
            exemplars,
            cut,
            min_t: Timestamp::MAX,
            max_t: Timestamp::MIN,
        }
    }

    /// The row of a series, made if need be; `None` if there is no room, which there was when the
    /// log was written.
    fn row_of(&mut self, labels: &Labels, counters: &Counters) -> Option<u32> {
        if let Some(row) = self.labels.find(labels) {
            return Some(row);
        }
        let (row, generation) = self.rows.take().filter(|_| !self.labels.is_full())?;
        self.labels.insert(row, labels);
        self.series.place(row, MemSeries::new(generation));
        counters.series_created.inc();
        Some(row)
    }
}
