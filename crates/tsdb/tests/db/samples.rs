//! What the tests of the database share: samples in, samples out.

use std::collections::BTreeMap;
use std::path::Path;

use model::{Labels, TimeRange};
use storage::{Appendable, Columns, Queryable, SelectHints};
use tsdb::{Db, Options};

/// An hour in ms.
pub(crate) const HOUR: i64 = 3_600_000;

/// Series with their samples; values as bits, so that NaNs compare.
pub(crate) type Samples = BTreeMap<String, Vec<(i64, u64)>>;

/// The labels of a metric without others.
pub(crate) fn labels(metric: &str) -> Labels {
    Labels::from_pairs([("__name__", metric)])
}

/// Samples from metrics, times and values.
pub(crate) fn samples_of(samples: &[(&str, i64, f64)]) -> Samples {
    let mut all = Samples::new();
    for (metric, t, v) in samples {
        all.entry(labels(metric).to_string()).or_default().push((*t, v.to_bits()));
    }
    all
}

/// The float columns of a series.
pub(crate) fn of_columns(labels: &Labels, columns: &Columns) -> Samples {
    let bits = columns.values.iter().map(|v| v.to_bits());
    let samples: Vec<_> = columns.timestamps.iter().copied().zip(bits).collect();
    if samples.is_empty() { Samples::new() } else { Samples::from([(labels.to_string(), samples)]) }
}

/// Adds newer samples to older ones.
pub(crate) fn extend(samples: &mut Samples, newer: Samples) {
    for (series, mut newer) in newer {
        samples.entry(series).or_default().append(&mut newer);
    }
}

/// Options for a small database in `dir`.
pub(crate) fn options(dir: &Path) -> Options {
    Options { path: dir.to_owned(), retention_ms: 0, ..Options::default() }
}

/// Opens a database that must open.
pub(crate) fn open(options: &Options) -> Db {
    Db::open(options.clone(), 0).expect("it opens")
}

/// Appends samples of plain metrics in one commit; all must be taken, and the commit be written.
pub(crate) fn append(db: &Db, samples: &Samples) {
    assert!(try_append(db, samples), "the commit is written");
}

/// The same; false if the commit fails.
pub(crate) fn try_append(db: &Db, samples: &Samples) -> bool {
    let mut appender = db.appender();
    for (series, samples) in samples {
        let metric = series.trim_start_matches("{__name__=\"").trim_end_matches("\"}");
        for (t, bits) in samples {
            let taken = appender.append(None, &labels(metric), *t, f64::from_bits(*bits));
            taken.expect("the sample is in order");
        }
    }
    appender.commit().is_ok()
}

/// Everything a queryable has.
pub(crate) fn all(db: &dyn Queryable) -> Samples {
    let mut all = Samples::new();
    let querier = db.querier(TimeRange::ALL).expect("a view");
    let mut columns = Columns::default();
    for series in querier.select(&[], &SelectHints::default()).expect("a set") {
        let mut series = series.expect("a series");
        columns.clear();
        series.read(TimeRange::ALL, &mut columns).expect("samples");
        let read = of_columns(series.labels(), &columns);
        assert!(!all.keys().any(|key| read.contains_key(key)), "each series once");
        extend(&mut all, read);
    }
    all
}

/// A directory of blocks that the export of a database made, and what they hold.
pub(crate) fn exported(dir: &Path) -> Samples {
    let source = tempfile::tempdir().expect("a directory");
    let db = open(&options(source.path()));
    let mut samples = Samples::new();
    for t in (0..9 * HOUR).step_by(600_000) {
        let new = samples_of(&[("a", t, t as f64 / 7.0), ("b", t + 1, 3.0)]);
        append(&db, &new);
        extend(&mut samples, new);
        db.maintain(t);
    }
    let mut told = 0;
    let metas = db.export(dir, TimeRange::ALL, 2 * HOUR, 0, &mut |_| told += 1);
    let metas = metas.expect("it is written");
    assert_eq!((metas.len(), told), (5, 5));
    assert!(metas.iter().all(|meta| !meta.is_native()));
    samples
}
