//! The smallest correct storage: what a real one must answer, and what tests of readers read.
//!
//! A sorted map from labels to columns. Always true: a view is a snapshot, a commit is seen whole or
//! not at all, a dropped appender leaves nothing but numbers for series that nobody sees. It holds
//! everything in memory and takes nothing out of order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use model::matcher::matches_all;
use model::{Histogram, Labels, Matcher, TimeRange, Timestamp};
use storage::{
    AppendError, Appendable, Appender, ChunkMeta, Columns, CommitError, Conflict, Exemplar,
    Querier, QueryError, Queryable, SelectHints, Series, SeriesRef, SeriesSet, Stop,
};

/// How many samples make a chunk here: few, so that readers meet many chunks.
const CHUNK_SAMPLES: usize = 16;

type SeriesMap = BTreeMap<Labels, Columns>;

/// A storage in memory.
#[derive(Debug, Default)]
pub struct MemStorage {
    series: RwLock<Arc<SeriesMap>>,
    refs: Mutex<Refs>,
}

#[derive(Debug, Default)]
struct Refs {
    labels: Vec<Labels>,
    numbers: HashMap<Labels, SeriesRef>,
}

/// What one sample holds.
#[derive(Clone, Debug, PartialEq)]
enum Stored {
    Float(u64),
    Histogram(Box<Histogram>),
}

impl MemStorage {
    /// An empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the samples of one series, for tests that need no more; panics if one is refused.
    pub fn insert(&self, labels: &Labels, samples: impl IntoIterator<Item = (Timestamp, f64)>) {
        let mut appender = self.appender();
        for (t, v) in samples {
            appender.append(None, labels, t, v).expect("a test inserts in order of time");
        }
        appender.commit().expect("memory takes every commit");
    }

    /// Adds a sample out of order, whatever its time; one that has its time already stays.
    pub fn insert_late(&self, labels: &Labels, t: Timestamp, v: f64) {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let columns = Arc::make_mut(&mut series).entry(labels.clone()).or_default();
        if let Err(at) = columns.timestamps.binary_search(&t) {
            columns.timestamps.to_mut().insert(at, t);
            columns.values.insert(at, v);
        }
    }

    /// Notes since when samples of a series count: the time of each and its start. Samples that are not
    /// there yet may follow.
    pub fn insert_starts(&self, labels: &Labels, starts: &[(Timestamp, Timestamp)]) {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let columns = Arc::make_mut(&mut series).entry(labels.clone()).or_default();
        columns.starts.extend(starts.iter().copied());
    }

    /// Forgets everything. Views that are open keep what they see.
    pub fn clear(&self) {
        *self.series.write().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }

    /// Deletes the samples there are in `range`, of the series that pass all matchers. Views that are
    /// open keep what they see.
    pub fn delete(&self, matchers: &[Matcher], range: TimeRange) {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut series).retain(|labels, columns| {
            if matches_all(matchers, labels) {
                let Columns { timestamps, values, histogram_timestamps, histograms, starts } =
                    columns;
                delete_rows(timestamps.to_mut(), values, range);
                delete_rows(histogram_timestamps, histograms, range);
                starts.retain(|t| !range.contains(t));
            }
            !columns.is_empty()
        });
    }

    fn snapshot(&self) -> Arc<SeriesMap> {
        Arc::clone(&self.series.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The number of a series, and its labels.
    fn refs(
        &self,
        known: Option<SeriesRef>,
        labels: &Labels,
    ) -> Result<(SeriesRef, Labels), AppendError> {
        let mut refs = self.refs.lock().unwrap_or_else(PoisonError::into_inner);
        let place = |known: SeriesRef| usize::try_from(known.0.get() - 1).ok();
        let found = known.and_then(|known| Some((known, refs.labels.get(place(known)?)?.clone())));
        if let Some(found) = found {
            return Ok(found);
        }
        if labels.is_empty() {
            return Err(AppendError::InvalidLabels("empty labelset".to_owned()));
        }
        if let Some(number) = refs.numbers.get(labels) {
            return Ok((*number, labels.clone()));
        }
        refs.labels.push(labels.clone());
        let number = NonZeroU64::new(refs.labels.len() as u64).expect("one was just pushed");
        refs.numbers.insert(labels.clone(), SeriesRef(number));
        Ok((SeriesRef(number), labels.clone()))
    }
}

fn delete_rows<T>(times: &mut Vec<Timestamp>, values: &mut Vec<T>, range: TimeRange) {
    let from = times.partition_point(|t| *t < range.min());
    let to = times.partition_point(|t| *t <= range.max());
    times.drain(from..to);
    values.drain(from..to);
}

impl Appendable for MemStorage {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(MemAppender { store: self, staged: Vec::new() })
    }
}

struct MemAppender<'s> {
    store: &'s MemStorage,
    staged: Vec<(Labels, Timestamp, Stored)>,
}

impl MemAppender<'_> {
    fn stage(
        &mut self,
        known: Option<SeriesRef>,
        labels: &Labels,
        t: Timestamp,
        stored: Stored,
    ) -> Result<SeriesRef, AppendError> {
        let (number, labels) = self.store.refs(known, labels)?;
        match self.store.snapshot().get(&labels).and_then(newest) {
            Some((newest, _)) if t < newest => return Err(AppendError::OutOfOrder),
            Some((newest, there)) if t == newest && there != stored => {
                return Err(conflict(t, &there, &stored));
            }
            Some((newest, _)) if t == newest => return Ok(number),
            _ => {}
        }
        self.staged.push((labels, t, stored));
        Ok(number)
    }
}

fn conflict(t: Timestamp, there: &Stored, new: &Stored) -> AppendError {
    let float = |stored: &Stored| match stored {
        Stored::Float(bits) => Some(f64::from_bits(*bits)),
        Stored::Histogram(_) => None,
    };
    match float(new) {
        Some(new) => AppendError::DuplicateFloat(Conflict::new(t, float(there), new)),
        None => AppendError::DuplicateTimestamp,
    }
}

fn newest(columns: &Columns) -> Option<(Timestamp, Stored)> {
    let float = columns.timestamps.last().zip(columns.values.last());
    let histogram = columns.histogram_timestamps.last().zip(columns.histograms.last());
    let float = float.map(|(t, v)| (*t, Stored::Float(v.to_bits())));
    let histogram = histogram.map(|(t, h)| (*t, Stored::Histogram(Box::new(h.clone()))));
    float.into_iter().chain(histogram).max_by_key(|(t, _)| *t)
}

impl Appender for MemAppender<'_> {
    fn append(
        &mut self,
        known: Option<SeriesRef>,
        labels: &Labels,
        t: Timestamp,
        v: f64,
    ) -> Result<SeriesRef, AppendError> {
        self.stage(known, labels, t, Stored::Float(v.to_bits()))
    }

    fn append_histogram(
        &mut self,
        known: Option<SeriesRef>,
        labels: &Labels,
        t: Timestamp,
        histogram: &Histogram,
    ) -> Result<SeriesRef, AppendError> {
        self.stage(known, labels, t, Stored::Histogram(Box::new(histogram.clone())))
    }

    fn append_exemplar(&mut self, _: SeriesRef, _: &Exemplar) -> Result<(), AppendError> {
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<usize, CommitError> {
        let mut series = self.store.series.write().unwrap_or_else(PoisonError::into_inner);
        let series = Arc::make_mut(&mut series);
        let mut count = 0;
        for (labels, t, stored) in self.staged {
            let columns = series.entry(labels).or_default();
            // One of this unit, or of another appender that was faster; its sample stands.
            if newest(columns).is_some_and(|(newest, _)| t <= newest) {
                continue;
            }
            count += 1;
            match stored {
                Stored::Float(bits) => {
                    columns.timestamps.push(t);
                    columns.values.push(f64::from_bits(bits));
                }
                Stored::Histogram(histogram) => {
                    columns.histogram_timestamps.push(t);
                    columns.histograms.push(*histogram);
                }
            }
        }
        Ok(count)
    }
}

impl Queryable for MemStorage {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, QueryError> {
        Ok(Box::new(MemQuerier { series: self.snapshot(), range }))
    }
}

struct MemQuerier {
    series: Arc<SeriesMap>,
    range: TimeRange,
}

impl MemQuerier {
    /// The series that pass and have samples in the view.
    fn selected(&self, matchers: &[Matcher]) -> impl Iterator<Item = (&Labels, &Columns)> {
        let passing = self.series.iter().filter(move |(l, _)| matches_all(matchers, l));
        passing.filter(|(_, columns)| {
            !inside(&columns.timestamps, self.range).is_empty()
                || !inside(&columns.histogram_timestamps, self.range).is_empty()
        })
    }
}

impl Querier for MemQuerier {
    fn select<'a>(
        &'a self,
        matchers: &[Matcher],
        _: &SelectHints,
    ) -> Result<Box<dyn SeriesSet<'a> + 'a>, QueryError> {
        let series: Vec<_> = self
            .selected(matchers)
            .map(|(labels, columns)| {
                let chunks = chunks(columns, self.range);
                Ok(Box::new(MemSeries { labels, columns, view: self.range, chunks })
                    as Box<dyn Series + 'a>)
            })
            .collect();
        Ok(Box::new(series.into_iter()))
    }

    fn label_names(&self, matchers: &[Matcher], _: &Stop) -> Result<Vec<String>, QueryError> {
        let names: BTreeSet<&str> =
            self.selected(matchers).flat_map(|(labels, _)| labels.iter()).map(|(n, _)| n).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        _: &Stop,
    ) -> Result<Vec<String>, QueryError> {
        let values: BTreeSet<&str> =
            self.selected(matchers).map(|(labels, _)| labels.get(name)).collect();
        Ok(values.into_iter().filter(|v| !v.is_empty()).map(str::to_owned).collect())
    }

    fn range(&self) -> TimeRange {
        self.range
    }
}

struct MemSeries<'a> {
    labels: &'a Labels,
    columns: &'a Columns,
    view: TimeRange,
    chunks: Vec<ChunkMeta>,
}

impl Series for MemSeries<'_> {
    fn labels(&self) -> &Labels {
        self.labels
    }

    fn chunks(&self) -> &[ChunkMeta] {
        &self.chunks
    }

    fn read(&mut self, range: TimeRange, out: &mut Columns) -> Result<(), QueryError> {
        let Some(range) = range.intersect(self.view) else { return Ok(()) };
        let floats = inside(&self.columns.timestamps, range);
        out.timestamps.extend_from_slice(&self.columns.timestamps[floats.clone()]);
        out.values.extend_from_slice(&self.columns.values[floats]);
        let histograms = inside(&self.columns.histogram_timestamps, range);
        let times = &self.columns.histogram_timestamps[histograms.clone()];
        out.histogram_timestamps.extend_from_slice(times);
        out.histograms.extend_from_slice(&self.columns.histograms[histograms]);
        let starts = self.columns.starts.iter();
        out.starts.extend(starts.filter(|(t, _)| range.contains(*t)));
        Ok(())
    }
}

/// Which of `times` lie inside `range`.
fn inside(times: &[Timestamp], range: TimeRange) -> std::ops::Range<usize> {
    times.partition_point(|t| *t < range.min())..times.partition_point(|t| *t <= range.max())
}

fn chunks(columns: &Columns, view: TimeRange) -> Vec<ChunkMeta> {
    let runs = |times: &[Timestamp]| -> Vec<ChunkMeta> {
        let times = &times[inside(times, view)];
        let meta = |run: &[Timestamp]| ChunkMeta {
            min_t: run[0],
            max_t: run[run.len() - 1],
            count: u32::try_from(run.len()).expect("runs are short"),
        };
        times.chunks(CHUNK_SAMPLES).map(meta).collect()
    };
    let mut chunks = runs(&columns.timestamps);
    chunks.extend(runs(&columns.histogram_timestamps));
    chunks.sort_by_key(|chunk| chunk.min_t);
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(name: &str) -> Labels {
        Labels::from_pairs([("__name__", name)])
    }

    fn read(store: &MemStorage, min: i64, max: i64) -> Vec<(String, Vec<i64>)> {
        let querier = store.querier(TimeRange::new(min, max).expect("rising")).expect("memory");
        let set = querier.select(&[], &SelectHints::default()).expect("memory");
        set.map(|series| {
            let mut series = series.expect("memory");
            let mut columns = Columns::default();
            series.read(TimeRange::ALL, &mut columns).expect("memory");
            (series.labels().metric_name().to_owned(), columns.timestamps.to_vec())
        })
        .collect()
    }

    #[test]
    fn nothing_is_seen_before_the_commit_and_nothing_of_a_dropped_appender() {
        let store = MemStorage::new();
        let mut appender = store.appender();
        appender.append(None, &labels("a"), 1, 1.0).expect("in order");
        assert_eq!(read(&store, 0, 9), []);
        drop(appender);
        assert_eq!(read(&store, 0, 9), []);
        store.insert(&labels("a"), [(1, 1.0)]);
        assert_eq!(read(&store, 0, 9), [("a".to_owned(), vec![1])]);
    }

    #[test]
    fn a_view_is_sorted_cut_to_its_range_and_does_not_change() {
        let store = MemStorage::new();
        store.insert(&labels("b"), [(1, 1.0), (2, 2.0), (3, 3.0)]);
        store.insert(&labels("a"), [(3, 1.0)]);
        assert_eq!(read(&store, 2, 3), [("a".to_owned(), vec![3]), ("b".to_owned(), vec![2, 3])]);
        let querier = store.querier(TimeRange::ALL).expect("memory");
        store.clear();
        assert_eq!(
            querier.label_values("__name__", &[], &Stop::default()).expect("memory"),
            ["a", "b"]
        );
        assert_eq!(read(&store, 0, 9), []);
    }

    #[test]
    fn samples_out_of_order_are_refused_and_repeated_ones_are_not() {
        let store = MemStorage::new();
        store.insert(&labels("a"), [(5, 1.0)]);
        let mut appender = store.appender();
        let known = appender.append(None, &labels("a"), 5, 1.0);
        assert!(known.is_ok());
        let known = known.ok();
        let empty = Labels::empty();
        assert_eq!(appender.append(known, &empty, 4, 1.0), Err(AppendError::OutOfOrder));
        let conflict = AppendError::DuplicateFloat(Conflict::new(5, Some(1.0), 2.0));
        assert_eq!(appender.append(known, &empty, 5, 2.0), Err(conflict));
        // Left out at the commit: they are held against what was committed before.
        for t in [7, 7, 6] {
            assert!(appender.append(known, &empty, t, 2.0).is_ok());
        }
        assert!(matches!(
            appender.append(None, &empty, 7, 3.0),
            Err(AppendError::InvalidLabels(_))
        ));
        assert_eq!(appender.commit().ok(), Some(1));
        assert_eq!(read(&store, 0, 9), [("a".to_owned(), vec![5, 7])]);
    }
}
