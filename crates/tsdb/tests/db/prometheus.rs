//! Prometheus's blocks beside native ones: served, left alone, aged out; and written.

use std::path::Path;

use model::{Matcher, TimeRange};
use storage::Queryable;
use tsdb::Db;

use crate::samples::{HOUR, all, append, exported, open, options, samples_of};

/// The names and sizes of all files below a directory.
fn files(dir: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("it is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), path.metadata().expect("a file").len()));
        }
    }
    found.sort();
    found
}

fn blocks(db: &Db) -> Vec<bool> {
    db.status().blocks.iter().map(tsdb::BlockMeta::is_native).collect()
}

#[test]
fn they_are_served_beside_native_blocks_and_stay_as_they_are() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut samples = exported(dir.path());
    let before = files(dir.path());
    let db = open(&options(dir.path()));
    assert_eq!(all(&db), samples);
    let querier = db.querier(TimeRange::ALL).expect("a view");
    assert_eq!(
        querier.label_values("__name__", &[], &storage::Stop::default()).expect("values"),
        ["a", "b"]
    );
    drop(querier);
    for t in (9 * HOUR..16 * HOUR).step_by(600_000) {
        let new = samples_of(&[("a", t, 1.0)]);
        append(&db, &new);
        crate::samples::extend(&mut samples, new);
        db.maintain(t);
    }
    assert_eq!(all(&db), samples);
    assert_eq!(blocks(&db)[..6], [false, false, false, false, false, true]);
    let after = files(dir.path());
    assert!(before.iter().all(|file| after.contains(file)), "{before:?}\n{after:?}");
    drop(db);
    assert_eq!(all(&open(&options(dir.path()))), samples);
}

#[test]
fn they_go_when_they_are_too_old() {
    let dir = tempfile::tempdir().expect("a directory");
    exported(dir.path());
    let options = tsdb::Options { retention_ms: 4 * HOUR, ..options(dir.path()) };
    let db = Db::open(options, 9 * HOUR).expect("it opens");
    assert_eq!(db.status().lowest_time, Some(4 * HOUR));
    assert_eq!(blocks(&db).len(), 3);
}

#[test]
fn deleting_changes_their_tombstones_and_cleaning_makes_them_native() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut samples = exported(dir.path());
    let db = open(&options(dir.path()));
    let range = TimeRange::new(HOUR, 3 * HOUR).expect("ordered");
    db.delete(&[Matcher::equal("__name__", "a")], range).expect("it is written");
    for (series, samples) in &mut samples {
        samples.retain(|(t, _)| !series.contains("\"a\"") || !range.contains(*t));
    }
    assert_eq!(all(&db), samples);
    drop(db);
    let db = open(&options(dir.path()));
    assert_eq!(all(&db), samples);
    assert_eq!(blocks(&db), [false; 5]);
    db.clean_tombstones(0).expect("it is written");
    assert_eq!(blocks(&db), [true, true, false, false, false]);
    assert_eq!(all(&db), samples);
}

#[test]
fn a_damaged_one_stays_where_it_is_and_the_rest_answers() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut samples = exported(dir.path());
    let db = open(&options(dir.path()));
    let first = dir.path().join(db.status().blocks[0].ulid.to_string());
    drop(db);
    std::fs::write(first.join("index"), b"no index").expect("it is written");
    let db = open(&options(dir.path()));
    for samples in samples.values_mut() {
        samples.retain(|(t, _)| *t >= 2 * HOUR);
    }
    assert_eq!(all(&db), samples);
    assert!(first.join("chunks").is_dir());
}
