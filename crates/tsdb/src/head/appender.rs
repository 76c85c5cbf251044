//! A commit on its way into the head: check, stage, log, apply.
//!
//! Staging leaves nothing in the head but a count that keeps a series from going. [`HeadAppender`]
//! dropped before its commit takes the count back, and nobody ever sees its samples or its series.

use std::sync::PoisonError;

use model::{Histogram, Labels, Timestamp};
use rustc_hash::FxHashMap;
use storage::{AppendError, Appender, CommitError, Conflict, Exemplar, SeriesRef};

use super::Head;
use super::exemplars::StagedExemplar;
use super::labels::check_labels;
use super::log::put;
use super::series::{Appended, Kind, Mark, MemSeries, Value};
use super::stripes::{MAX_ROWS, place_of, reference, stripe_of};
use crate::histogram;
use crate::stats::{ByKind, Counters};
use crate::wal::{MAX_SAMPLES, Record, Wal};

/// Marks a staged sample of a series that is new; the rest is its place among the new ones. Rows are
/// fewer.
pub(super) const NEW: u32 = MAX_ROWS;

/// One unit of work.
pub(super) struct HeadAppender<'a> {
    pub(super) head: &'a Head,
    /// Samples before this do not come in order.
    min_valid_t: Timestamp,
    /// Nor may others come before this: the newest of all, less the window.
    min_late_t: Option<Timestamp>,
    samples: Vec<Staged>,
    /// The histograms among the samples, as bytes.
    histograms: Vec<Vec<u8>>,
    pub(super) exemplars: Vec<StagedExemplar>,
    /// The time of the sample offered last.
    last_t: Timestamp,
    pub(super) new: Vec<NewSeries>,
    new_by_labels: FxHashMap<Labels, u32>,
    pub(super) new_by_row: FxHashMap<u32, u32>,
}

#[derive(Clone, Copy, Debug)]
struct Staged {
    /// A row, or [`NEW`] and a place in `new`.
    series: u32,
    t: Timestamp,
    value: StagedValue,
    /// It comes out of order; known at the commit.
    is_late: bool,
}

#[derive(Clone, Copy, Debug)]
enum StagedValue {
    Float(f64),
    /// A histogram: its place among those staged.
    Histogram(u32),
}

/// A sample on its way to a series.
#[derive(Clone, Copy, Debug)]
struct Incoming {
    t: Timestamp,
    value: StagedValue,
    mark: Mark,
}

/// A series that was not there when it was staged.
#[derive(Debug)]
pub(super) struct NewSeries {
    row: u32,
    pub(super) generation: u32,
    pub(super) labels: Labels,
    /// Another commit has made it meanwhile, in `row`.
    is_there: bool,
}

/// What a commit came to.
#[derive(Debug, Default)]
struct Tally {
    appended: ByKind<u64>,
    late: ByKind<u64>,
    older: ByKind<u64>,
    too_old: ByKind<u64>,
    chunks: u64,
    min_t: Option<Timestamp>,
    max_t: Option<Timestamp>,
}

impl<'a> HeadAppender<'a> {
    pub(super) fn new(head: &'a Head) -> Self {
        Self {
            head,
            min_valid_t: head.min_valid_t(),
            min_late_t: head.min_late_t(),
            samples: Vec::new(),
            histograms: Vec::new(),
            exemplars: Vec::new(),
            last_t: 0,
            new: Vec::new(),
            new_by_labels: FxHashMap::default(),
            new_by_row: FxHashMap::default(),
        }
    }

    /// Stages a sample of the series in `row`, of this generation if one is given. `None` if there is
    /// no such series.
    fn stage_in_row(
        &mut self,
        row: u32,
        generation: Option<u32>,
        sample: Incoming,
    ) -> Option<Result<SeriesRef, AppendError>> {
        let this = &*self;
        let (generation, due) = self.head.series.with(row, |series| {
            if generation.is_some_and(|generation| generation != series.generation()) {
                return None;
            }
            let due = this.is_due(series.newest(), sample);
            if matches!(due, Ok(true)) {
                series.stage();
            }
            Some((series.generation(), due))
        })??;
        if matches!(due, Ok(true)) {
            self.push(row, sample);
        }
        Some(due.map(|_| reference(row, generation)))
    }

    fn stage_new(&mut self, at: u32, sample: Incoming) -> SeriesRef {
        let series = &self.new[at as usize];
        let reference = reference(series.row, series.generation);
        self.push(NEW | at, sample);
        reference
    }

    fn push(&mut self, series: u32, sample: Incoming) {
        let Incoming { t, value, .. } = sample;
        self.samples.push(Staged { series, t, value, is_late: false });
    }

    fn append_by_labels(
        &mut self,
        labels: &Labels,
        sample: Incoming,
    ) -> Result<SeriesRef, AppendError> {
        check_labels(labels)?;
        let index = self.head.labels.read().unwrap_or_else(PoisonError::into_inner);
        let (row, is_full) = (index.find(labels), index.is_full());
        drop(index);
        if let Some(staged) = row.and_then(|row| self.stage_in_row(row, None, sample)) {
            return staged;
        }
        if let Some(&at) = self.new_by_labels.get(labels) {
            return Ok(self.stage_new(at, sample));
        }
        self.is_due(None, sample)?;
        let mut rows = self.head.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = if is_full || self.new.len() >= MAX_SAMPLES { None } else { rows.take() };
        drop(rows);
        let Some((row, generation)) = taken else {
            return Err(AppendError::InvalidLabels("no room for another series".to_owned()));
        };
        let at = u32::try_from(self.new.len()).expect("at most MAX_SAMPLES");
        self.new_by_labels.insert(labels.clone(), at);
        self.new_by_row.insert(row, at);
        self.new.push(NewSeries { row, generation, labels: labels.clone(), is_there: false });
        self.push(NEW | at, sample);
        Ok(reference(row, generation))
    }

    /// Stages a sample of whatever kind.
    fn stage(
        &mut self,
        known: Option<SeriesRef>,
        labels: &Labels,
        sample: Incoming,
    ) -> Result<SeriesRef, AppendError> {
        self.last_t = sample.t;
        let staged = known.map(place_of).and_then(|(row, generation)| {
            if let Some(staged) = self.stage_in_row(row, Some(generation), sample) {
                return Some(staged);
            }
            let at = *self.new_by_row.get(&row)?;
            (self.new[at as usize].generation == generation).then(|| Ok(self.stage_new(at, sample)))
        });
        let staged = staged.unwrap_or_else(|| self.append_by_labels(labels, sample));
        let kind = sample.mark.kind();
        match &staged {
            Err(AppendError::OutOfOrder) => self.head.counters.samples_out_of_order[kind].inc(),
            Err(AppendError::OutOfBounds) => self.head.counters.samples_out_of_bounds[kind].inc(),
            Err(AppendError::TooOld) => self.head.counters.samples_too_old[kind].inc(),
            Err(AppendError::DuplicateTimestamp | AppendError::DuplicateFloat(_)) => {
                self.head.counters.samples_duplicate.inc();
            }
            _ => {}
        }
        staged
    }

    fn value(&self, value: StagedValue) -> Value<'_> {
        match value {
            StagedValue::Float(v) => Value::Float(v),
            StagedValue::Histogram(at) => Value::Histogram(&self.histograms[at as usize]),
        }
    }

    /// Finds those of the new series that another commit has made meanwhile.
    fn settle(&mut self) {
        let index = self.head.labels.read().unwrap_or_else(PoisonError::into_inner);
        let mut spare = Vec::new();
        for series in &mut self.new {
            if let Some(row) = index.find(&series.labels) {
                spare.push(std::mem::replace(&mut series.row, row));
                series.is_there = true;
            }
        }
        drop(index);
        self.head.rows.lock().unwrap_or_else(PoisonError::into_inner).give_back(spare);
    }

    /// Finds the samples that come out of order, if there may be any: against what was committed, and
    /// those before in this commit.
    fn find_late(&mut self) {
        let Some(min_late_t) = self.min_late_t else { return };
        let min_valid_t = self.min_valid_t.max(self.head.sealed());
        let mut newest: FxHashMap<u32, Option<Timestamp>> = FxHashMap::default();
        for at in 0..self.samples.len() {
            let Staged { series, t, .. } = self.samples[at];
            let row = self.row_of(series);
            let newest = newest.entry(row).or_insert_with(|| {
                let newest = self.head.series.with(row, |series| series.newest()).flatten();
                newest.map(|(t, _)| t)
            });
            if t >= min_valid_t && newest.is_none_or(|newest| t > newest) {
                *newest = Some(t);
            } else {
                let is_newest = t >= min_valid_t && *newest == Some(t);
                self.samples[at].is_late = !is_newest && t >= min_late_t;
            }
        }
    }

    /// Whether a sample is to be taken; false if it is just the newest once more, which federation and
    /// retries bring.
    fn is_due(
        &self,
        newest: Option<(Timestamp, Mark)>,
        sample: Incoming,
    ) -> Result<bool, AppendError> {
        if sample.t >= self.min_valid_t {
            match newest {
                Some((newest, mark)) if sample.t == newest => {
                    return if mark == sample.mark {
                        Ok(false)
                    } else {
                        Err(conflict(mark, sample))
                    };
                }
                Some((newest, _)) if sample.t < newest => {}
                _ => return Ok(true),
            }
        }
        match self.min_late_t {
            Some(min_late_t) if sample.t >= min_late_t => Ok(true),
            Some(_) => Err(AppendError::TooOld),
            None if sample.t < self.min_valid_t => Err(AppendError::OutOfBounds),
            None => Err(AppendError::OutOfOrder),
        }
    }

    pub(super) fn row_of(&self, series: u32) -> u32 {
        match series & NEW {
            0 => series,
            _ => self.new[(series & !NEW) as usize].row,
        }
    }

    fn log(&mut self, wal: &mut Wal) -> Result<(), CommitError> {
        let first_t = self.samples.first().map(|sample| sample.t).or(self.first_exemplar_t());
        let mut record = wal.begin(first_t.unwrap_or(0))?;
        self.sort_for(&record);
        let put = |record: &mut Record<'_>, sample: &Staged| {
            let row = self.row_of(sample.series);
            put(record, row, sample.t, self.value(sample.value), || match sample.series & NEW {
                0 => self.head.labels_of(row),
                _ => self.new[(sample.series & !NEW) as usize].labels.clone(),
            });
        };
        for sample in self.samples.iter().filter(|sample| !sample.is_late) {
            put(&mut record, sample);
        }
        if self.samples.iter().any(|sample| sample.is_late) {
            record.late();
            for sample in self.samples.iter().filter(|sample| sample.is_late) {
                put(&mut record, sample);
            }
        }
        self.log_exemplars(&mut record);
        record.commit()
    }

    /// Puts the samples in the order in which the log knows their series, those it does not know last:
    /// a series that came later than its neighbours costs two jumps in each commit otherwise. Those of
    /// one series stay in their order.
    fn sort_for(&mut self, record: &Record<'_>) {
        let mut samples = std::mem::take(&mut self.samples);
        let number = |sample: &Staged| record.number_of(self.row_of(sample.series));
        if !samples.is_sorted_by_key(number) {
            samples.sort_by_key(number);
        }
        self.samples = samples;
    }

    /// Makes all of it visible at once. The log has it.
    fn apply(&mut self) -> usize {
        let head = self.head;
        let mut visibility = head.visibility.lock().unwrap_or_else(PoisonError::into_inner);
        let (commit, viewers) = visibility.begin_commit();
        let made: Vec<&NewSeries> = self.new.iter().filter(|series| !series.is_there).collect();
        if !made.is_empty() {
            let mut index = head.labels.write().unwrap_or_else(PoisonError::into_inner);
            for series in &made {
                index.insert(series.row, &series.labels);
                head.series.insert(series.row, MemSeries::new(series.generation));
            }
            let rows: Vec<u32> = made.iter().map(|series| series.row).collect();
            index.note_new(commit, &rows, &viewers);
            head.counters.series_created.add(made.len() as u64);
        }
        let sealed = head.sealed.load(std::sync::atomic::Ordering::Acquire);
        let mut tally = Tally::default();
        let mut held = None;
        for sample in &self.samples {
            let (stripe, at) = stripe_of(self.row_of(sample.series));
            let (_, series) = match &mut held {
                Some((held, series)) if *held == stripe => (stripe, series),
                _ => {
                    // One stripe at a time.
                    held = None;
                    let (held, series) = held.insert((stripe, head.series.write(stripe)));
                    (*held, series)
                }
            };
            let series = series.get_mut(at).and_then(Option::as_mut);
            let series = series.expect("a staged series stays");
            if sample.series & NEW == 0 {
                series.unstage_alone();
            }
            let value = self.value(sample.value);
            let kind = value.mark().kind();
            if sample.is_late {
                let row = self.row_of(sample.series);
                let is_new = head.late_mut().insert(row, sample.t, value, commit);
                tally.late[kind] += u64::from(is_new);
                tally.appended[kind] += u64::from(is_new);
                continue;
            }
            if sample.t < sealed {
                tally.too_old[kind] += 1;
                continue;
            }
            tally.count(sample.t, kind, series.append(sample.t, value, commit, &viewers));
        }
        drop(held);
        head.account(&tally, self.min_late_t.is_some());
        visibility.end_commit();
        drop(visibility);
        self.apply_exemplars();
        // Nothing is left to take back.
        self.samples.clear();
        self.new.clear();
        usize::try_from(tally.appended.total()).expect("at most MAX_SAMPLES")
    }
}

impl Tally {
    fn count(&mut self, t: Timestamp, kind: Kind, appended: Appended) {
        match appended {
            Appended::SameTime => return,
            Appended::Older => {
                self.older[kind] += 1;
                return;
            }
            Appended::ToChunk => {}
            Appended::ToNewChunk => self.chunks += 1,
        }
        self.appended[kind] += 1;
        self.min_t = Some(self.min_t.map_or(t, |min_t| min_t.min(t)));
        self.max_t = Some(self.max_t.map_or(t, |max_t| max_t.max(t)));
    }
}

impl Head {
    fn account(&self, tally: &Tally, has_window: bool) {
        use std::sync::atomic::Ordering;
        if let (Some(min_t), Some(max_t)) = (tally.min_t, tally.max_t) {
            self.min_t.fetch_min(min_t, Ordering::AcqRel);
            self.max_t.fetch_max(max_t, Ordering::AcqRel);
        }
        for kind in [Kind::Float, Kind::Histogram] {
            self.counters.samples_appended[kind].add(tally.appended[kind]);
            let Counters { samples_out_of_order, samples_out_of_bounds, samples_too_old, .. } =
                &*self.counters;
            if has_window {
                samples_too_old[kind].add(tally.older[kind] + tally.too_old[kind]);
            } else {
                samples_out_of_order[kind].add(tally.older[kind]);
                samples_out_of_bounds[kind].add(tally.too_old[kind]);
            }
            self.counters.samples_late[kind].add(tally.late[kind]);
        }
        self.counters.chunks_created.add(tally.chunks);
    }
}

impl Appender for HeadAppender<'_> {
    fn append(
        &mut self,
        known: Option<SeriesRef>,
        labels: &Labels,
        t: Timestamp,
        v: f64,
    ) -> Result<SeriesRef, AppendError> {
        let mark = Value::Float(v).mark();
        self.stage(known, labels, Incoming { t, value: StagedValue::Float(v), mark })
    }

    fn append_histogram(
        &mut self,
        known: Option<SeriesRef>,
        labels: &Labels,
        t: Timestamp,
        histogram: &Histogram,
    ) -> Result<SeriesRef, AppendError> {
        if !histogram::fits(histogram) {
            return Err(AppendError::InvalidHistogram("it has too many buckets".to_owned()));
        }
        let mut bytes = Vec::new();
        histogram::put(&mut bytes, histogram);
        let mark = Value::Histogram(&bytes).mark();
        let at = u32::try_from(self.histograms.len()).expect("at most MAX_SAMPLES");
        self.histograms.push(bytes);
        self.stage(known, labels, Incoming { t, value: StagedValue::Histogram(at), mark })
    }

    fn append_exemplar(
        &mut self,
        series: SeriesRef,
        exemplar: &Exemplar,
    ) -> Result<(), AppendError> {
        self.stage_exemplar(series, exemplar, self.last_t)
    }

    fn commit(mut self: Box<Self>) -> Result<usize, CommitError> {
        let mut log = self.head.log();
        if log.is_closed {
            return Err(CommitError::Closed);
        }
        if self.samples.is_empty() && self.exemplars.is_empty() {
            return Ok(0);
        }
        self.settle();
        self.find_late();
        self.log(&mut log.wal)?;
        // Crash here: the commit was not acknowledged, and is there all the same. As good.
        let appended = self.apply();
        let commits = log.wal.must_sync().then(|| log.wal.commits());
        drop(log);
        if let Some(commits) = commits {
            self.head.wait_synced(commits).map_err(CommitError::unsynced)?;
        }
        Ok(appended)
    }
}

impl Drop for HeadAppender<'_> {
    fn drop(&mut self) {
        self.drop_exemplars();
        for sample in self.samples.iter().filter(|sample| sample.series & NEW == 0) {
            self.head.series.with(sample.series, MemSeries::unstage);
        }
        if !self.new.is_empty() {
            let rows = self.new.iter().filter(|series| !series.is_there).map(|series| series.row);
            let rows: Vec<u32> = rows.collect();
            self.head.rows.lock().unwrap_or_else(PoisonError::into_inner).give_back(rows);
        }
    }
}

fn conflict(existing: Mark, sample: Incoming) -> AppendError {
    match sample.value {
        StagedValue::Float(v) => {
            AppendError::DuplicateFloat(Conflict::new(sample.t, existing.float(), v))
        }
        StagedValue::Histogram(_) => AppendError::DuplicateTimestamp,
    }
}
