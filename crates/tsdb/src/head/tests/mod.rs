//! Tests of the head as a whole: what commits bring, what views show, what a restart finds.

mod appending;
mod dropping;
mod logging;
mod reading;

use super::*;
use crate::index::{Index, Source, select};
use crate::{Kind, WalSync};
use model::sample::STALE_NAN;
use model::{Labels, Matcher};
use std::collections::BTreeMap;
use std::path::Path;
use storage::{AppendError, Columns, CommitError, Conflict, SeriesRef};

const MINUTE: i64 = 60_000;

/// Series with their samples; values as bits, so that NaNs compare.
type Samples = BTreeMap<String, Vec<(i64, u64)>>;

fn options(dir: &Path) -> Options {
    Options { path: dir.to_owned(), ..Options::default() }
}

fn open(options: &Options) -> Head {
    Head::open(options, Arc::default(), Timestamp::MIN).expect("it opens")
}

/// A head in a directory of its own.
fn fresh() -> (tempfile::TempDir, Head) {
    let dir = tempfile::tempdir().unwrap();
    let head = open(&options(dir.path()));
    (dir, head)
}

fn labels(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "test")])
}

/// Commits samples; all must be taken.
fn commit(head: &Head, samples: &[(&str, i64, f64)]) {
    let mut appender = head.appender();
    for (name, t, v) in samples {
        appender.append(None, &labels(name), *t, *v).expect("the sample is in order");
    }
    assert_eq!(appender.commit().expect("the log is written"), samples.len());
}

/// What appending one sample says; nothing is committed.
fn check(head: &Head, name: &str, t: i64, v: f64) -> Result<(), AppendError> {
    head.appender().append(None, &labels(name), t, v).map(|_| ())
}

fn seen_by(view: &View<'_>) -> Samples {
    let mut all = Samples::new();
    let mut columns = Columns::default();
    let rows = view.all().unwrap();
    for series in view.series(rows, TimeRange::ALL, &storage::Stop::default()).unwrap() {
        let mut series = series.unwrap();
        columns.clear();
        series.read(TimeRange::ALL, &mut columns).unwrap();
        let bits = columns.values.iter().map(|v| v.to_bits());
        let samples: Vec<_> = columns.timestamps.iter().copied().zip(bits).collect();
        all.insert(series.labels().metric_name().to_owned(), samples);
    }
    all
}

fn all(head: &Head) -> Samples {
    seen_by(&head.view(TimeRange::ALL))
}

fn samples_of(samples: &[(&str, i64, f64)]) -> Samples {
    let mut all = Samples::new();
    for (name, t, v) in samples {
        all.entry((*name).to_owned()).or_default().push((*t, v.to_bits()));
    }
    all
}
