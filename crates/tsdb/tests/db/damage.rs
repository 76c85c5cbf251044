//! Any byte of any file changed, any file cut at any length: the database opens or says why not,
//! nothing panics, no sample is wrong, and what is not damaged answers.

use std::path::{Path, PathBuf};

use crate::samples::{HOUR, Samples, append, extend, of_columns, open, options, samples_of};
use model::TimeRange;
use storage::{Columns, Queryable, SelectHints};
use tsdb::Db;

/// Two blocks and a head of a few samples.
fn small(dir: &Path) -> Samples {
    let mut options = options(dir);
    options.max_block_duration_ms = options.min_block_duration_ms;
    let db = open(&options);
    let mut truth = Samples::new();
    for t in [0, HOUR / 2, HOUR, 3 * HOUR, 4 * HOUR, 5 * HOUR, 6 * HOUR] {
        let batch = samples_of(&[("a", t, t as f64 / 7.0), ("b", t + 1, 1.0), ("c", t + 2, 0.1)]);
        append(&db, &batch);
        extend(&mut truth, batch);
        db.maintain(t);
    }
    assert_eq!(db.status().blocks.len(), 2);
    // Dropped without being closed: a saved head would hide damage of the log.
    truth
}

fn files_of(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.append(&mut files_of(&path));
        } else if path.file_name().is_some_and(|name| name != "lock") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    for file in files_of(from) {
        let target = to.join(file.strip_prefix(from).expect("below"));
        std::fs::create_dir_all(target.parent().expect("a parent")).expect("a directory");
        std::fs::copy(&file, &target).expect("a copy");
    }
}

/// What can be read; a series that cannot be read ends there. Nothing may be wrong.
fn readable(db: &Db, truth: &Samples, what: &str) -> usize {
    let querier = db.querier(TimeRange::ALL).expect("a view");
    let Ok(set) = querier.select(&[], &SelectHints::default()) else { return 0 };
    let mut count = 0;
    for series in set {
        let Ok(mut series) = series else { break };
        let mut columns = Columns::default();
        // Samples read before an error are as true as others.
        let _ = series.read(TimeRange::ALL, &mut columns);
        for (series, samples) in of_columns(series.labels(), &columns) {
            let known = truth.get(&series).unwrap_or_else(|| panic!("{what}: {series} is made up"));
            for sample in &samples {
                assert!(known.contains(sample), "{what}: {series} has {sample:?}");
            }
            count += samples.len();
        }
    }
    count
}

/// Damages one file in a copy of the database and looks at what is left.
fn check(whole: &Path, truth: &Samples, file: &Path, damage: &dyn Fn(&mut Vec<u8>), what: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    copy(whole, dir.path());
    let relative = file.strip_prefix(whole).expect("below");
    let mut bytes = std::fs::read(file).expect("a file");
    damage(&mut bytes);
    std::fs::write(dir.path().join(relative), &bytes).expect("writable");
    let what = format!("{} {what}", relative.display());
    let Ok(db) = Db::open(options(dir.path()), 0) else { return };
    let read = readable(&db, truth, &what);
    // The damaged file is one of a block, with six or nine samples, or of the log; the other block
    // answers whatever happens, if not in one selection with the damaged one.
    if db.counters().blocks_quarantined.get() > 0 {
        assert!(read >= 6, "{what}: only {read} samples left");
    }
}

#[test]
fn every_byte_changed() {
    let dir = tempfile::tempdir().expect("a directory");
    let truth = small(dir.path());
    for file in files_of(dir.path()) {
        let len = std::fs::metadata(&file).expect("a file").len();
        for at in 0..usize::try_from(len).expect("small") {
            let bit = at % 8;
            check(dir.path(), &truth, &file, &|bytes| bytes[at] ^= 1 << bit, &format!("byte {at}"));
        }
    }
}

#[test]
fn every_length_cut() {
    let dir = tempfile::tempdir().expect("a directory");
    let truth = small(dir.path());
    for file in files_of(dir.path()) {
        let len = std::fs::metadata(&file).expect("a file").len();
        for at in 0..usize::try_from(len).expect("small") {
            check(dir.path(), &truth, &file, &|bytes| bytes.truncate(at), &format!("cut at {at}"));
        }
    }
}

#[test]
fn a_block_that_does_not_open_is_moved_aside_and_the_rest_answers() {
    let dir = tempfile::tempdir().expect("a directory");
    let truth = small(dir.path());
    let files = files_of(dir.path());
    let index = files.iter().find(|file| file.ends_with("index")).expect("a block");
    let block = index.parent().expect("its directory").file_name().expect("its name");
    std::fs::write(index, b"no index").expect("writable");
    let db = open(&options(dir.path()));
    assert!(dir.path().join("quarantine").join(block).is_dir());
    assert_eq!(db.counters().blocks_quarantined.get(), 1);
    let all: usize = truth.values().map(Vec::len).sum();
    let left = readable(&db, &truth, "without the first block");
    assert_eq!(left, all - 9);
    drop(db);
    assert_eq!(readable(&open(&options(dir.path())), &truth, "once more"), left);
}

#[test]
fn a_block_of_a_newer_format_is_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    small(dir.path());
    let files = files_of(dir.path());
    let meta = files.iter().find(|file| file.ends_with("meta.json")).expect("a block");
    let text = std::fs::read_to_string(meta).expect("a file");
    std::fs::write(meta, text.replace("native/2", "native/3")).expect("writable");
    let db = open(&options(dir.path()));
    assert_eq!(db.status().blocks.len(), 1);
    assert!(meta.exists());
    assert!((db.counters().blocks_refused.get() - 1.0).abs() < f64::EPSILON);
}
