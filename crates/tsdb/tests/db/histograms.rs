//! Native histograms live through everything that floats live through.

use model::histogram::{CounterResetHint, Span};
use model::{Histogram, TimeRange};
use storage::{AppendError, Appendable, Columns, Queryable, SelectHints};
use tsdb::Db;

use crate::samples::{HOUR, labels, open, options};

fn histogram(n: i64) -> Histogram {
    Histogram {
        counter_reset_hint: CounterResetHint::NotReset,
        schema: 3,
        zero_threshold: 0.001,
        zero_count: 1.0,
        count: n as f64,
        sum: n as f64 * 1.5,
        positive_spans: vec![Span { offset: 0, length: 2 }],
        positive: vec![n as f64, 1.0],
        ..Histogram::default()
    }
}

fn append(db: &Db, t: i64, histogram: &Histogram) -> Result<(), AppendError> {
    let mut appender = db.appender();
    appender.append_histogram(None, &labels("h"), t, histogram)?;
    // A series may change its mind.
    if t % (3 * HOUR) == 0 {
        appender.append(None, &labels("h"), t + 1, 7.0).expect("it is newer");
    }
    appender.append(None, &labels("f"), t, t as f64).expect("it is newer");
    appender.commit().expect("it is written");
    Ok(())
}

fn all(db: &Db, metric: &str) -> Columns {
    let mut columns = Columns::default();
    let querier = db.querier(TimeRange::ALL).expect("a view");
    let matcher = model::Matcher::equal("__name__", metric);
    for series in querier.select(&[matcher], &SelectHints::default()).expect("a set") {
        series.expect("a series").read(TimeRange::ALL, &mut columns).expect("samples");
    }
    columns
}

#[test]
fn they_are_there_after_a_crash_a_cut_a_merge_and_an_open() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = tsdb::Options { max_block_duration_ms: 12 * HOUR, ..options(dir.path()) };
    let times: Vec<i64> = (0..40).map(|n| n * HOUR / 2).collect();
    let expected: Vec<Histogram> = times.iter().map(|t| histogram(*t)).collect();
    for (round, part) in times.chunks(10).enumerate() {
        let db = open(&options);
        for t in part {
            append(&db, *t, &histogram(*t)).expect("it is newer");
        }
        if round > 0 {
            db.maintain(*part.last().expect("not empty"));
        }
        // Dropped, not closed: as after a crash.
    }
    let db = open(&options);
    assert!(!db.status().blocks.is_empty(), "some of them are in blocks");
    let columns = all(&db, "h");
    assert_eq!((columns.histogram_timestamps, columns.histograms), (times.clone(), expected));
    assert_eq!(columns.values, vec![7.0; 7]);
    assert_eq!(all(&db, "f").timestamps[..], times);
}

#[test]
fn the_same_once_more_is_no_error_and_another_one_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    append(&db, HOUR, &histogram(1)).expect("the first");
    let mut appender = db.appender();
    let mut again = |t, h: &Histogram| appender.append_histogram(None, &labels("h"), t, h).err();
    assert_eq!(again(HOUR, &histogram(1)), None);
    assert_eq!(again(HOUR, &histogram(2)), Some(AppendError::DuplicateTimestamp));
    assert_eq!(again(HOUR - 1, &histogram(1)), Some(AppendError::OutOfOrder));
    let float = appender.append(None, &labels("h"), HOUR, 1.0).expect_err("a histogram is there");
    assert_eq!(
        float.to_string(),
        "duplicate sample for timestamp 3600000; overrides not allowed: existing is a histogram, \
         new value 1"
    );
}
