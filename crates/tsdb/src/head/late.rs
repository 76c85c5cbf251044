//! Samples that came out of order: per series, sorted by time, until a cut takes them into blocks.
//!
//! A series has none of this until a sample comes late. Always true: within a series no time occurs
//! twice here; the same time may be among the samples in order, and then that one counts. A view sees
//! what the commits up to its moment have brought. Deleting takes samples out: tombstones are for
//! those in order.

use std::sync::{Arc, PoisonError, RwLockReadGuard, RwLockWriteGuard};

use model::{Labels, TimeRange, Timestamp};
use rustc_hash::FxHashMap;
use storage::{ChunkMeta, Columns, QueryError, Series, SeriesSet, Stop};

use super::Head;
use super::series::Value;
use super::view::View;
use super::visibility::CommitNumber;
use crate::cursor::Cursor;
use crate::histogram;
use crate::index::Postings;

/// A reader is told of so many samples as one chunk.
const SAMPLES_PER_CHUNK: usize = 120;

/// The samples that came out of order, by the rows of their series.
#[derive(Debug, Default)]
pub(super) struct LateSamples(FxHashMap<u32, Vec<LateSample>>);

/// A sample that came out of order.
#[derive(Clone, Debug)]
pub(super) struct LateSample {
    pub(super) t: Timestamp,
    commit: CommitNumber,
    value: LateValue,
}

#[derive(Clone, Debug)]
enum LateValue {
    Float(f64),
    /// As bytes.
    Histogram(Arc<Vec<u8>>),
}

impl LateSample {
    pub(super) fn value(&self) -> Value<'_> {
        match &self.value {
            LateValue::Float(v) => Value::Float(*v),
            LateValue::Histogram(bytes) => Value::Histogram(bytes),
        }
    }
}

impl LateSamples {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a sample; false if there is one of that time.
    pub(super) fn insert(
        &mut self,
        row: u32,
        t: Timestamp,
        value: Value<'_>,
        commit: CommitNumber,
    ) -> bool {
        let samples = self.0.entry(row).or_default();
        let at = samples.partition_point(|sample| sample.t < t);
        if samples.get(at).is_some_and(|sample| sample.t == t) {
            return false;
        }
        let value = match value {
            Value::Float(v) => LateValue::Float(v),
            Value::Histogram(bytes) => LateValue::Histogram(Arc::new(bytes.to_vec())),
        };
        samples.insert(at, LateSample { t, commit, value });
        true
    }

    pub(super) fn rows(&self) -> Postings {
        self.0.keys().copied().collect()
    }

    /// The time of the newest one of a series.
    pub(super) fn newest(&self, row: u32) -> Option<Timestamp> {
        self.0.get(&row)?.last().map(|sample| sample.t)
    }

    /// Those of a series in `range` that a view of the commits up to `seen` may show.
    pub(super) fn read(&self, row: u32, range: TimeRange, seen: CommitNumber) -> Vec<LateSample> {
        let samples = self.0.get(&row).map_or(&[][..], Vec::as_slice);
        let from = samples.partition_point(|sample| sample.t < range.min());
        let to = samples.partition_point(|sample| sample.t <= range.max());
        samples[from..to].iter().filter(|sample| sample.commit <= seen).cloned().collect()
    }

    /// Takes out those of a series in `range`.
    pub(super) fn delete(&mut self, row: u32, range: TimeRange) {
        if let Some(samples) = self.0.get_mut(&row) {
            samples.retain(|sample| !range.contains(sample.t));
            if samples.is_empty() {
                self.0.remove(&row);
            }
        }
    }

    /// Takes out those before `t` of commits up to `seen`; of all commits that came before the one
    /// being read, if the log is replayed.
    pub(super) fn drop_before(&mut self, t: Timestamp, seen: CommitNumber) {
        self.0.retain(|_, samples| {
            samples.retain(|sample| sample.t >= t || sample.commit > seen);
            !samples.is_empty()
        });
    }

    /// Those before `t`, with their rows.
    pub(super) fn before(&self, t: Timestamp) -> impl Iterator<Item = (u32, &LateSample)> {
        let of_row = move |(&row, samples): (&u32, &'_ Vec<LateSample>)| {
            (row, samples.partition_point(|sample| sample.t < t))
        };
        self.0.iter().flat_map(move |entry| {
            let (row, len) = of_row(entry);
            entry.1[..len].iter().map(move |sample| (row, sample))
        })
    }

    /// Times of the oldest and the newest one in `range` that a view of the commits up to `seen` may
    /// show.
    fn range(&self, range: TimeRange, seen: CommitNumber) -> Option<TimeRange> {
        let is_shown = |s: &&LateSample| s.commit <= seen && range.contains(s.t);
        let times = || self.0.values().flatten().filter(is_shown).map(|sample| sample.t);
        TimeRange::new(times().min()?, times().max()?)
    }
}

impl Head {
    pub(super) fn late(&self) -> RwLockReadGuard<'_, LateSamples> {
        self.late.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn late_mut(&self) -> RwLockWriteGuard<'_, LateSamples> {
        self.late.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View<'_> {
    /// Times of the oldest and the newest sample out of order; `None` without any.
    pub(crate) fn late_range(&self) -> Option<TimeRange> {
        self.head.late().range(self.range, self.seen)
    }

    /// The same, of those from `t` on.
    pub(crate) fn late_range_from(&self, t: Timestamp) -> Option<TimeRange> {
        let range = TimeRange::new(t, self.range.max())?;
        self.head.late().range(range, self.seen)
    }

    /// The samples out of order of these rows, inside `range`; `None` without any in the head.
    pub(super) fn late_series(
        &self,
        rows: &Postings,
        range: TimeRange,
        stop: &Stop,
    ) -> Result<Option<Box<dyn SeriesSet<'_> + '_>>, QueryError> {
        let late = self.head.late();
        let rows = if late.is_empty() { return Ok(None) } else { late.rows() & rows };
        drop(late);
        let range = self.range.intersect(range).filter(|_| !rows.is_empty());
        let Some(range) = range else { return Ok(None) };
        let series = self.labelled(rows, stop)?.into_iter();
        Ok(Some(Box::new(series.filter_map(move |(labels, row)| {
            let samples = self.head.late().read(row, range, self.seen);
            let series = LateSeries::new(labels, samples)?;
            Some(Ok(Box::new(series) as Box<dyn Series>))
        }))))
    }
}

/// The samples out of order of one series, as they were when it was asked for.
struct LateSeries {
    labels: Labels,
    samples: Vec<LateSample>,
    chunks: Vec<ChunkMeta>,
}

impl LateSeries {
    fn new(labels: Labels, samples: Vec<LateSample>) -> Option<Self> {
        let meta = |run: &[LateSample]| {
            let count = u32::try_from(run.len()).expect("runs are short");
            Some(ChunkMeta { min_t: run.first()?.t, max_t: run.last()?.t, count })
        };
        let chunks: Vec<ChunkMeta> = samples.chunks(SAMPLES_PER_CHUNK).filter_map(meta).collect();
        (!chunks.is_empty()).then_some(Self { labels, samples, chunks })
    }
}

impl Series for LateSeries {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn chunks(&self) -> &[ChunkMeta] {
        &self.chunks
    }

    fn read(&mut self, range: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
        for sample in self.samples.iter().filter(|sample| range.contains(sample.t)) {
            match sample.value() {
                Value::Float(v) => {
                    columns.timestamps.push(sample.t);
                    columns.values.push(v);
                }
                Value::Histogram(bytes) => {
                    let histogram = histogram::take(&mut Cursor::new(bytes));
                    columns.histogram_timestamps.push(sample.t);
                    columns.histograms.push(histogram.expect("checked when it came"));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_sorted_seen_by_their_commits_and_dropped_by_a_cut() {
        let mut late = LateSamples::default();
        let times = |late: &LateSamples, range, seen| -> Vec<i64> {
            late.read(7, range, seen).iter().map(|sample| sample.t).collect()
        };
        for (t, commit, is_new) in [(5, 1, true), (3, 1, true), (5, 2, false), (4, 2, true)] {
            assert_eq!(late.insert(7, t, Value::Float(1.0), commit), is_new, "{t} {commit}");
        }
        assert_eq!(times(&late, TimeRange::ALL, 2), [3, 4, 5]);
        assert_eq!(times(&late, TimeRange::ALL, 1), [3, 5]);
        assert_eq!(times(&late, TimeRange::new(4, 4).unwrap(), 2), [4]);
        assert_eq!(late.range(TimeRange::ALL, 1), TimeRange::new(3, 5));
        // A cut before 5 that saw the first commit.
        late.drop_before(5, 1);
        assert_eq!(times(&late, TimeRange::ALL, 2), [4, 5]);
        assert_eq!(
            late.before(5).map(|(row, sample)| (row, sample.t)).collect::<Vec<_>>(),
            [(7, 4)]
        );
        late.delete(7, TimeRange::new(0, 9).unwrap());
        assert!(late.is_empty());
    }
}
