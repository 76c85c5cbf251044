//! The smallest store that keeps the contract of the waist, and can be looked into.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{Histogram, Labels, Timestamp};
use storage::{AppendError, Appendable, Appender, CommitError, Exemplar, SeriesRef};

#[derive(Default)]
pub(crate) struct Store(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    series: BTreeMap<Labels, Vec<(Timestamp, f64)>>,
    refs: BTreeMap<SeriesRef, Labels>,
    next_ref: u64,
    commits: usize,
    exemplars: Vec<(Labels, Exemplar)>,
    is_full: bool,
}

impl Store {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All samples of a series, `stale` for the marker.
    pub(crate) fn values(&self, series: &str) -> Vec<String> {
        let text = |v: &f64| match model::sample::is_stale(*v) {
            true => "stale".to_owned(),
            false => v.to_string(),
        };
        self.samples(series).iter().map(|(_, v)| text(v)).collect()
    }

    pub(crate) fn samples(&self, series: &str) -> Vec<(Timestamp, f64)> {
        let inner = self.inner();
        let found = inner.series.iter().find(|(labels, _)| labels.to_string() == series);
        found.map(|(_, samples)| samples.clone()).unwrap_or_default()
    }

    pub(crate) fn last(&self, series: &str) -> String {
        self.values(series).pop().unwrap_or_default()
    }

    /// The series there are, without those that report.
    pub(crate) fn series(&self) -> Vec<String> {
        let inner = self.inner();
        let own = |l: &&Labels| l.metric_name() != "up" && !l.metric_name().starts_with("scrape_");
        inner.series.keys().filter(own).map(Labels::to_string).collect()
    }

    pub(crate) fn commits(&self) -> usize {
        self.inner().commits
    }

    pub(crate) fn exemplars(&self) -> Vec<(Labels, Exemplar)> {
        self.inner().exemplars.clone()
    }

    /// Commits fail from now on, or no longer.
    pub(crate) fn set_full(&self, is_full: bool) {
        self.inner().is_full = is_full;
    }

    /// Drops all references, as a database does with series that have no samples any more.
    pub(crate) fn forget_refs(&self) {
        self.inner().refs.clear();
    }
}

impl Appendable for Store {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(Staged { store: self, samples: Vec::new(), exemplars: Vec::new() })
    }
}

struct Staged<'s> {
    store: &'s Store,
    samples: Vec<(Labels, Timestamp, f64)>,
    exemplars: Vec<(Labels, Exemplar)>,
}

impl Appender for Staged<'_> {
    fn append(
        &mut self,
        known: Option<SeriesRef>,
        labels: &Labels,
        t: Timestamp,
        v: f64,
    ) -> Result<SeriesRef, AppendError> {
        let mut inner = self.store.inner();
        let known = known.filter(|known| inner.refs.contains_key(known));
        let labels = known.map_or_else(|| labels.clone(), |known| inner.refs[&known].clone());
        if labels.is_empty() {
            return Err(AppendError::InvalidLabels("empty".to_owned()));
        }
        let newest = inner.series.get(&labels).and_then(|samples| samples.last()).copied();
        match newest {
            Some((newest, _)) if t < newest => return Err(AppendError::OutOfOrder),
            Some((newest, old)) if t == newest && v.to_bits() != old.to_bits() => {
                return Err(AppendError::DuplicateTimestamp);
            }
            _ => {}
        }
        self.samples.push((labels.clone(), t, v));
        if let Some(known) = known {
            return Ok(known);
        }
        let found = inner.refs.iter().find(|(_, l)| **l == labels).map(|(known, _)| *known);
        Ok(found.unwrap_or_else(|| {
            inner.next_ref += 1;
            let new = SeriesRef(NonZeroU64::new(inner.next_ref).expect("counted up from 0"));
            inner.refs.insert(new, labels);
            new
        }))
    }

    fn append_histogram(
        &mut self,
        _: Option<SeriesRef>,
        _: &Labels,
        _: Timestamp,
        _: &Histogram,
    ) -> Result<SeriesRef, AppendError> {
        Err(AppendError::HistogramsUnsupported)
    }

    fn append_exemplar(
        &mut self,
        series: SeriesRef,
        exemplar: &Exemplar,
    ) -> Result<(), AppendError> {
        let labels = self.store.inner().refs.get(&series).cloned().unwrap_or_default();
        self.exemplars.push((labels, exemplar.clone()));
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<usize, CommitError> {
        let mut inner = self.store.inner();
        if inner.is_full {
            let source = std::io::ErrorKind::StorageFull.into();
            return Err(CommitError::Io { path: "wal/00000000".into(), cause: source });
        }
        let count = self.samples.len();
        for (labels, t, v) in self.samples {
            let samples = inner.series.entry(labels).or_default();
            if samples.last().is_none_or(|(newest, _)| *newest < t) {
                samples.push((t, v));
            }
        }
        inner.exemplars.extend(self.exemplars);
        inner.commits += 1;
        Ok(count)
    }
}
