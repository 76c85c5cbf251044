//! Exemplars: kept with their commit, in a ring, and there again after a restart.

use crate::samples::{HOUR, append, labels, open, options, samples_of};
use model::{Labels, TimeRange};
use storage::{AppendError, Appendable, Exemplar};
use tsdb::{Db, Options};

fn exemplar(trace: &str, value: f64, timestamp: Option<i64>) -> Exemplar {
    Exemplar { labels: Labels::from_pairs([("trace_id", trace)]), value, timestamp }
}

/// Appends a sample with an exemplar, in one commit.
fn try_append(db: &Db, metric: &str, t: i64, with: &Exemplar) -> Result<(), AppendError> {
    let mut appender = db.appender();
    let series = appender.append(None, &labels(metric), t, 1.0).expect("it is in order");
    let taken = appender.append_exemplar(series, with);
    appender.commit().expect("it is written");
    taken
}

/// Metric, trace, value and time of all exemplars.
fn all(db: &Db) -> Vec<(String, String, f64, Option<i64>)> {
    let series = db.exemplars(&[vec![]], TimeRange::ALL).into_iter();
    series
        .flat_map(|found| {
            let metric = found.labels.metric_name().to_owned();
            found.exemplars.into_iter().map(move |e| {
                (metric.clone(), e.labels.get("trace_id").to_owned(), e.value, e.timestamp)
            })
        })
        .collect()
}

fn of(metric: &str, trace: &str, value: f64, t: i64) -> (String, String, f64, Option<i64>) {
    (metric.to_owned(), trace.to_owned(), value, Some(t))
}

#[test]
fn exemplars_come_back_after_a_crash_and_a_restart_up_to_the_limit() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { max_exemplars: 3, ..options(dir.path()) };
    let db = open(&options);
    for (metric, t, exemplar) in [
        ("a", 10, exemplar("x", 1.0, Some(9))),
        ("b", 10, exemplar("y", 2.0, None)),
        // Once more the same, and one too old.
        ("b", 20, exemplar("y", 2.0, None)),
        ("a", 20, exemplar("z", 3.0, Some(20))),
        ("a", 30, exemplar("w", 4.0, Some(30))),
    ] {
        try_append(&db, metric, t, &exemplar).expect("it is taken");
    }
    let too_old = try_append(&db, "a", 40, &exemplar("v", 1.0, Some(29)));
    assert_eq!(too_old, Err(AppendError::ExemplarOutOfOrder));
    let expected = [of("a", "z", 3.0, 20), of("a", "w", 4.0, 30), of("b", "y", 2.0, 10)];
    assert_eq!(all(&db), expected);
    let status = db.status().exemplars;
    assert_eq!((status.num_exemplars, status.num_series, status.oldest_t), (3, 2, 10));
    assert_eq!(db.counters().exemplars_appended.get(), 4);
    drop(db);
    let db = open(&options);
    assert_eq!(all(&db), expected, "after a crash");
    db.close().expect("it closes");
    drop(db);
    assert_eq!(all(&open(&options)), expected, "after a restart");
    let smaller = Options { max_exemplars: 1, ..options.clone() };
    assert_eq!(all(&open(&smaller)), [of("a", "w", 4.0, 30)]);
    let off = Options { max_exemplars: 0, ..options };
    assert_eq!(all(&open(&off)), []);
}

#[test]
fn a_commit_without_new_samples_brings_its_exemplars() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { max_exemplars: 10, ..options(dir.path()) };
    let db = open(&options);
    append(&db, &samples_of(&[("a", 10, 1.0)]));
    try_append(&db, "a", 10, &exemplar("x", 1.0, None)).expect("it is taken");
    assert_eq!(all(&db), [of("a", "x", 1.0, 10)]);
    drop(db);
    for _ in 0..3 {
        assert_eq!(all(&open(&options)), [of("a", "x", 1.0, 10)]);
    }
}

#[test]
fn an_appender_that_is_dropped_leaves_no_exemplar_and_series_may_go() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&Options { max_exemplars: 10, ..options(dir.path()) });
    append(&db, &samples_of(&[("a", 10, 1.0)]));
    let mut appender = db.appender();
    for metric in ["a", "new"] {
        let series = appender.append(None, &labels(metric), 20, 1.0).expect("in order");
        appender.append_exemplar(series, &exemplar("x", 1.0, None)).expect("it is staged");
    }
    drop(appender);
    assert_eq!(all(&db), []);
    append(&db, &samples_of(&[("b", 9 * HOUR, 1.0)]));
    db.maintain(9 * HOUR);
    assert_eq!(db.status().num_series, 1, "nothing keeps the others");
}

#[test]
fn the_limit_can_be_changed_while_the_database_is_open() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    let add = |t: i64| try_append(&db, "a", t, &exemplar("x", t as f64, None)).expect("taken");
    add(1);
    assert_eq!(all(&db), []);
    db.set_max_exemplars(2);
    (2..5).for_each(add);
    assert_eq!(all(&db), [of("a", "x", 3.0, 3), of("a", "x", 4.0, 4)]);
    db.set_max_exemplars(1);
    assert_eq!(all(&db), [of("a", "x", 4.0, 4)]);
    db.set_max_exemplars(0);
    assert_eq!(all(&db), []);
}

#[test]
fn labels_that_are_too_long_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&Options { max_exemplars: 10, ..options(dir.path()) });
    let refused = try_append(&db, "a", 1, &exemplar(&"x".repeat(121), 1.0, None));
    assert_eq!(refused, Err(AppendError::ExemplarTooLong));
    try_append(&db, "a", 2, &exemplar(&"x".repeat(120), 1.0, None)).expect("just so long");
}
