//! The process dies at every step of everything that touches names of files: nothing that was
//! committed is lost or doubled.

use std::path::Path;

use crate::samples::{HOUR, Samples, all, append, extend, open, options, samples_of, try_append};
use tsdb::fs::Files;
use tsdb::{Db, Options};

fn small_options(dir: &Path) -> Options {
    Options {
        min_block_duration_ms: 2 * HOUR,
        max_block_duration_ms: 4 * HOUR,
        // The head is saved every now and then.
        wal_segment_bytes: 700,
        ..options(dir)
    }
}

/// The samples of an hour.
fn hour(n: i64) -> Samples {
    let t = n * HOUR;
    samples_of(&[("a", t, t as f64 / 7.0), ("b", t + 1, 1.0)])
}

/// Appends hour after hour, with all the cutting and compacting that makes due.
fn live(db: &Db, from: i64, to: i64) -> Samples {
    let mut committed = Samples::new();
    for n in from..to {
        append(db, &hour(n));
        extend(&mut committed, hour(n));
        db.maintain(n * HOUR);
    }
    committed
}

/// The same until the plan cuts; also gives the hour whose commit failed, if one did.
fn live_until_cut(db: &Db, files: &Files, from: i64, to: i64) -> (Samples, Option<i64>) {
    let mut committed = Samples::new();
    for n in from..to {
        if !try_append(db, &hour(n)) {
            return (committed, Some(n));
        }
        extend(&mut committed, hour(n));
        db.maintain(n * HOUR);
        if files.is_cut() {
            break;
        }
    }
    (committed, None)
}

/// Lives with files that are cut after so many steps, opens again, and looks. False if the plan was
/// longer than the life.
fn check(steps: u64) -> bool {
    let dir = tempfile::tempdir().expect("a directory");
    let mut expected = live(&open(&small_options(dir.path())), 0, 3);
    let files = Files::cut_after(steps);
    let options = Options { files: files.clone(), ..small_options(dir.path()) };
    let mut next = 3;
    if let Ok(db) = Db::open(options, 3 * HOUR) {
        let (committed, failed) = live_until_cut(&db, &files, 3, 16);
        extend(&mut expected, committed);
        next = failed.unwrap_or(16);
    }
    let cut = files.is_cut();
    let db = open(&small_options(dir.path()));
    let found = all(&db);
    if found != expected {
        // A commit that failed may have reached the disk all the same: whole, or not at all.
        extend(&mut expected, hour(next));
    }
    assert_eq!(found, expected, "cut after {steps} steps");
    extend(&mut expected, live(&db, 17, 21));
    assert_eq!(all(&db), expected, "cut after {steps} steps, then lived on");
    let names = std::fs::read_dir(dir.path()).expect("a directory");
    let left = names
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains(".tmp"));
    assert_eq!(left.count(), 0, "cut after {steps} steps");
    cut
}

#[test]
fn a_database_cut_at_every_step_of_its_life_loses_nothing() {
    let steps = (0..).take_while(|steps| check(*steps)).count();
    assert!(steps > 100, "only {steps} steps: the plan does not reach the files");
}

#[test]
fn a_crash_between_compaction_and_removal_leaves_each_sample_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut expected = Samples::new();
    let kept = dir.path().join("kept");
    {
        let db = open(&small_options(dir.path()));
        extend(&mut expected, live(&db, 0, 5));
        let block = db.status().blocks[0].ulid.to_string();
        std::fs::create_dir(&kept).expect("a directory");
        for file in std::fs::read_dir(dir.path().join(&block)).expect("a block") {
            let file = file.expect("an entry");
            std::fs::copy(file.path(), kept.join(file.file_name())).expect("a copy");
        }
        extend(&mut expected, live(&db, 5, 12));
        let metas = db.status().blocks;
        assert!(metas[0].compaction.parents.iter().any(|parent| parent.ulid.to_string() == block));
        drop(db);
        // As if the parent had never been removed.
        copy_back(&kept, &dir.path().join(&block));
    }
    std::fs::remove_dir_all(&kept).expect("removable");
    let db = open(&small_options(dir.path()));
    let level_one = db.status().blocks.iter().filter(|meta| meta.min_time == 0).count();
    assert_eq!(level_one, 1, "the parent is gone again");
    assert_eq!(all(&db), expected);
}

fn copy_back(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a directory");
    for file in std::fs::read_dir(from).expect("a directory") {
        let file = file.expect("an entry");
        std::fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
    }
}
