//! Samples out of order: taken within the window, seen beside the others, and there after whatever
//! happens to the database.

use crate::samples::{HOUR, all, append, labels, open, options, samples_of};
use model::TimeRange;
use storage::{AppendError, Appendable};
use tsdb::{Db, Kind, Options};

const MINUTE: i64 = 60_000;

fn late(dir: &std::path::Path) -> Options {
    Options { out_of_order_window_ms: 5 * HOUR, ..options(dir) }
}

/// Commits one sample; returns why it was refused, or how many samples the commit had.
fn commit(db: &Db, name: &str, t: i64, v: f64) -> Result<usize, AppendError> {
    let mut appender = db.appender();
    appender.append(None, &labels(name), t, v)?;
    Ok(appender.commit().expect("the disk has room"))
}

#[test]
fn samples_are_taken_and_refused_as_prometheus_does() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&Options { out_of_order_window_ms: 30 * MINUTE, ..options(dir.path()) });
    let base = 10 * HOUR;
    append(&db, &samples_of(&[("a", base - 2 * MINUTE, 1.0), ("a", base, 3.0)]));
    for (name, t, v, expected) in [
        ("a", base - MINUTE, 2.0, Ok(1)),
        // Once more, and with another value: both are passed over.
        ("a", base - MINUTE, 2.0, Ok(0)),
        ("a", base - MINUTE, 9.0, Ok(0)),
        // A sample in order is there: it stays, and the commit counts this one.
        ("a", base - 2 * MINUTE, 9.0, Ok(1)),
        ("a", base - 30 * MINUTE, 4.0, Ok(1)),
        ("a", base - 30 * MINUTE - 1, 4.0, Err(AppendError::TooOld)),
        ("a", base - 70 * MINUTE, 4.0, Err(AppendError::TooOld)),
        // A new series may begin half a block behind the newest sample.
        ("new", base - 40 * MINUTE, 4.0, Ok(1)),
        ("newer", base - 70 * MINUTE, 4.0, Err(AppendError::TooOld)),
    ] {
        assert_eq!(commit(&db, name, t, v), expected, "{name} at {t}");
    }
    let expected = samples_of(&[
        ("a", base - 30 * MINUTE, 4.0),
        ("a", base - 2 * MINUTE, 1.0),
        ("a", base - MINUTE, 2.0),
        ("a", base, 3.0),
        ("new", base - 40 * MINUTE, 4.0),
    ]);
    assert_eq!(all(&db), expected);
    let counters = db.counters();
    assert_eq!(counters.samples_late[Kind::Float].get(), 3);
    assert_eq!(counters.samples_too_old[Kind::Float].get(), 3);
    assert_eq!(counters.samples_out_of_order[Kind::Float].get(), 0);
    db.set_out_of_order_window(0);
    assert_eq!(commit(&db, "a", base - 1, 1.0), Err(AppendError::OutOfOrder));
    assert_eq!(commit(&db, "a", base - 70 * MINUTE, 1.0), Err(AppendError::OutOfBounds));
    assert_eq!(all(&db), expected);
}

#[test]
fn one_commit_may_have_any_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&late(dir.path()));
    let expected = samples_of(&[("u", 5, 5.0), ("u", 6, 6.0), ("u", 7, 7.0), ("u", 8, 8.0)]);
    let mut appender = db.appender();
    for t in [7, 5, 8, 6] {
        appender.append(None, &labels("u"), t, t as f64).expect("within the window");
    }
    assert_eq!(appender.commit().expect("the disk has room"), 4);
    assert_eq!(all(&db), expected);
    drop(db);
    assert_eq!(all(&open(&late(dir.path()))), expected);
}

#[test]
fn what_comes_late_is_there_after_cuts_compactions_and_crashes() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut db = open(&late(dir.path()));
    let mut expected: Vec<(&str, i64, f64)> = Vec::new();
    for step in 1..60 {
        let now = step * 20 * MINUTE;
        expected.push(("a", now, step as f64));
        expected.push(("b", now - HOUR - MINUTE, 0.5));
        expected.push(("b", now - 4 * HOUR - 7, step as f64));
        for (name, t, v) in &expected[expected.len() - 3..] {
            assert_eq!(commit(&db, name, *t, *v), Ok(1), "{name} at {t}");
        }
        db.maintain(now);
        if step % 7 == 0 {
            // Dropped, not closed: as after a crash.
            drop(db);
            db = open(&late(dir.path()));
        }
        let mut sorted = expected.clone();
        sorted.sort_by_key(|sample| (sample.0, sample.1));
        assert_eq!(all(&db), samples_of(&sorted), "step {step}");
    }
    let blocks = db.status().blocks;
    assert!(blocks.len() > 3);
    assert!(
        blocks.windows(2).all(|pair| pair[0].max_time <= pair[1].min_time),
        "those that overlap were merged"
    );
}

#[test]
fn what_is_deleted_stays_so_and_what_comes_later_does_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut db = open(&late(dir.path()));
    append(&db, &samples_of(&[("a", HOUR, 1.0), ("a", 2 * HOUR, 2.0)]));
    commit(&db, "a", HOUR + 5, 1.5).expect("within the window");
    let range = TimeRange::new(HOUR, HOUR + 10).expect("ordered");
    db.delete(&[], range).expect("it deletes");
    assert_eq!(all(&db), samples_of(&[("a", 2 * HOUR, 2.0)]));
    commit(&db, "a", HOUR + 6, 1.6).expect("within the window");
    let expected = samples_of(&[("a", HOUR + 6, 1.6), ("a", 2 * HOUR, 2.0)]);
    for _ in 0..2 {
        assert_eq!(all(&db), expected);
        drop(db);
        db = open(&late(dir.path()));
    }
}

#[test]
fn a_snapshot_has_what_came_late() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&late(dir.path()));
    append(&db, &samples_of(&[("a", HOUR, 1.0), ("a", 5 * HOUR, 2.0)]));
    db.maintain(5 * HOUR);
    commit(&db, "a", HOUR + 5, 1.5).expect("within the window");
    let copy = db.snapshot("s", true, 5 * HOUR).expect("it copies");
    assert_eq!(all(&open(&options(&copy))), all(&db));
}
