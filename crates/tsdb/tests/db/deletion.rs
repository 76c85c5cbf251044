//! Deleting: what is deleted is gone from every answer, at once, after a restart and after a crash;
//! what is not stays; and cleaning takes it off the disk.

use std::path::{Path, PathBuf};

use crate::samples::{HOUR, Samples, all, append, extend, labels, open, options, samples_of};
use model::{MatchOp, Matcher, TimeRange};
use storage::{Queryable, SelectHints};
use tsdb::fs::Files;
use tsdb::{Db, Options};

/// Three series with a sample each every quarter of an hour for so many hours; what is due is done.
fn fill(db: &Db, from: i64, to: i64) -> Samples {
    let mut truth = Samples::new();
    for t in (from * HOUR..to * HOUR).step_by(900_000) {
        let batch = samples_of(&[("a", t, t as f64 / 7.0), ("b", t, 1.0), ("c", t + 5, -0.0)]);
        append(db, &batch);
        extend(&mut truth, batch);
        db.maintain(t);
    }
    truth
}

fn small_options(dir: &Path) -> Options {
    Options { max_block_duration_ms: 2 * HOUR, ..options(dir) }
}

fn named(name: &str) -> Vec<Matcher> {
    vec![Matcher::new(MatchOp::Equal, "__name__", name).expect("valid")]
}

fn hours(from: i64, to: i64) -> TimeRange {
    TimeRange::new(from * HOUR, to * HOUR).expect("ordered")
}

/// What is left without one series' samples in a range.
fn without(truth: &Samples, name: &str, range: TimeRange) -> Samples {
    let mut left = truth.clone();
    if let Some(samples) = left.get_mut(&labels(name).to_string()) {
        samples.retain(|(t, _)| !range.contains(*t));
    }
    left.retain(|_, samples| !samples.is_empty());
    left
}

/// The names of the series that a selection gives, with samples or not.
fn selected(db: &Db, range: TimeRange) -> Vec<String> {
    let querier = db.querier(range).expect("a view");
    let set = querier.select(&[], &SelectHints::default()).expect("a set");
    set.map(|series| series.expect("a series").labels().metric_name().to_owned()).collect()
}

fn tombstone_files(dir: &Path) -> Vec<PathBuf> {
    let blocks = std::fs::read_dir(dir).expect("a directory");
    let files = blocks.map(|entry| entry.expect("an entry").path().join("tombstones"));
    files.filter(|file| file.exists()).collect()
}

#[test]
fn what_is_deleted_is_gone_at_once_and_after_every_restart() {
    for range in [hours(0, 99), hours(3, 5), hours(9, 10), hours(1, 9), TimeRange::ALL] {
        let dir = tempfile::tempdir().expect("a directory");
        let db = open(&small_options(dir.path()));
        let truth = fill(&db, 0, 10);
        assert!(db.status().blocks.len() >= 3 && db.status().head_range.is_some());
        db.delete(&named("a"), range).expect("it deletes");
        let mut left = without(&truth, "a", range);
        assert_eq!(all(&db), left, "{range:?}");
        // Killed, then closed.
        drop(db);
        let db = open(&small_options(dir.path()));
        assert_eq!(all(&db), left, "{range:?} after a crash");
        db.close().expect("it closes");
        drop(db);
        let db = open(&small_options(dir.path()));
        assert_eq!(all(&db), left, "{range:?} after a restart");
        // What comes later is another matter, also when the head was cut.
        extend(&mut left, fill(&db, 10, 16));
        assert_eq!(all(&db), left, "{range:?} and lived on");
        drop(db);
        assert_eq!(all(&open(&small_options(dir.path()))), left, "{range:?} and lived on, crashed");
    }
}

#[test]
fn a_sample_that_comes_after_the_deletion_stays_though_others_are_newer() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    append(&db, &samples_of(&[("a", 100, 1.0), ("b", 200, 1.0)]));
    db.delete(&[], TimeRange::ALL).expect("it deletes");
    assert_eq!(all(&db), Samples::new());
    let later = samples_of(&[("a", 150, 2.0)]);
    append(&db, &later);
    assert_eq!(all(&db), later);
    drop(db);
    assert_eq!(all(&open(&options(dir.path()))), later);
}

#[test]
fn series_of_which_nothing_is_left_are_not_selected_and_labels_go_when_cleaned() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&small_options(dir.path()));
    let truth = fill(&db, 0, 10);
    db.delete(&named("a"), TimeRange::ALL).expect("it deletes");
    db.delete(&named("b"), hours(0, 6)).expect("it deletes");
    assert_eq!(selected(&db, TimeRange::ALL), ["b", "c"]);
    assert_eq!(selected(&db, hours(1, 5)), ["c"]);
    let names = |db: &Db, range| {
        let querier = db.querier(range).expect("a view");
        querier.label_values("__name__", &[], &storage::Stop::default()).expect("values")
    };
    assert_eq!(names(&db, hours(0, 1)), ["a", "b", "c"]);
    assert_eq!(tombstone_files(dir.path()).len(), db.status().blocks.len());
    let before = db.status().blocks_bytes;

    db.clean_tombstones(10 * HOUR).expect("it cleans");
    assert_eq!(names(&db, hours(0, 1)), ["c"]);
    assert_eq!(tombstone_files(dir.path()), [] as [PathBuf; 0]);
    assert!(db.status().blocks_bytes < before);
    let left = without(&without(&truth, "a", TimeRange::ALL), "b", hours(0, 6));
    assert_eq!(all(&db), left);
    let levels = |db: &Db| db.status().blocks.iter().map(|b| b.compaction.level).max();
    assert_eq!(levels(&db), Some(1), "a block that was cleaned is no larger than it was");
    drop(db);
    assert_eq!(all(&open(&small_options(dir.path()))), left);
}

#[test]
fn a_block_of_which_all_is_deleted_goes_when_cleaned() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&small_options(dir.path()));
    fill(&db, 0, 10);
    db.delete(&[], TimeRange::ALL).expect("it deletes");
    db.clean_tombstones(10 * HOUR).expect("it cleans");
    assert_eq!(db.status().blocks, []);
    assert_eq!(all(&db), Samples::new());
    db.clean_tombstones(10 * HOUR).expect("nothing is left to clean");
}

#[test]
fn compaction_leaves_out_what_is_deleted() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { max_block_duration_ms: 6 * HOUR, ..options(dir.path()) };
    let db = open(&options);
    let mut left = fill(&db, 0, 6);
    db.delete(&named("a"), hours(1, 3)).expect("it deletes");
    left = without(&left, "a", hours(1, 3));
    extend(&mut left, fill(&db, 6, 12));
    assert_eq!(all(&db), left);
    let first = &db.status().blocks[0];
    assert_eq!((first.compaction.level, first.max_time), (2, 6 * HOUR));
    // 6 hours of three series, less 9 samples of one.
    assert_eq!(first.stats.num_samples, 3 * 24 - 9);
    assert_eq!(tombstone_files(dir.path()), [] as [PathBuf; 0]);
}

#[test]
fn deleting_twice_changes_no_file_and_a_closed_database_deletes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&small_options(dir.path()));
    let truth = fill(&db, 0, 10);
    db.delete(&named("a"), hours(0, 3)).expect("it deletes");
    let files = tombstone_files(dir.path());
    let bytes = || -> Vec<_> { files.iter().map(|f| std::fs::read(f).expect("a file")).collect() };
    let before = bytes();
    db.delete(&named("a"), hours(0, 3)).expect("it deletes");
    assert_eq!(bytes(), before);
    db.close().expect("it closes");
    let told = [db.delete(&named("b"), hours(0, 3)), db.clean_tombstones(0)];
    for told in told {
        assert_eq!(told.expect_err("closed").to_string(), "the storage is shutting down");
    }
    assert_eq!(all(&db), without(&truth, "a", hours(0, 3)));
}

/// Deletes and cleans with files that are cut after so many steps, opens again, and looks. False if
/// the plan was longer than that.
fn check_cut(steps: u64) -> bool {
    let dir = tempfile::tempdir().expect("a directory");
    let truth = fill(&open(&small_options(dir.path())), 0, 10);
    let left = without(&truth, "a", hours(3, 10));
    let files = Files::cut_after(steps);
    let cut_options = Options { files: files.clone(), ..small_options(dir.path()) };
    let mut done = false;
    if let Ok(db) = Db::open(cut_options, 0) {
        done = db.delete(&named("a"), hours(3, 10)).is_ok();
        let _ = done && db.clean_tombstones(0).is_ok();
    }
    let db = open(&small_options(dir.path()));
    let found = all(&db);
    if done {
        assert_eq!(found, left, "cut after {steps} steps");
    } else {
        for (series, samples) in &truth {
            let (found, left) = (found.get(series), left.get(series).expect("some are left"));
            let found = found.unwrap_or_else(|| panic!("cut after {steps} steps: {series} gone"));
            assert!(found.iter().all(|sample| samples.contains(sample)));
            assert!(left.iter().all(|sample| found.contains(sample)), "cut after {steps} steps");
        }
        db.delete(&named("a"), hours(3, 10)).expect("it deletes");
        assert_eq!(all(&db), left, "cut after {steps} steps, then asked again");
    }
    let names = std::fs::read_dir(dir.path()).expect("a directory");
    let tmp = |name: &str| name.contains(".tmp");
    let names = names.map(|entry| entry.expect("an entry").file_name().into_string());
    assert_eq!(names.filter(|name| name.as_deref().is_ok_and(tmp)).count(), 0);
    files.is_cut()
}

#[test]
fn a_deletion_cut_at_every_step_is_whole_or_can_be_asked_for_again() {
    let steps = (0..).take_while(|steps| check_cut(*steps)).count();
    assert!(steps > 40, "only {steps} steps");
}

#[test]
fn damaged_tombstones_show_nothing_that_was_deleted() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&small_options(dir.path()));
    let truth = fill(&db, 0, 10);
    db.delete(&named("a"), TimeRange::ALL).expect("it deletes");
    db.close().expect("it closes");
    drop(db);
    let left = without(&truth, "a", TimeRange::ALL);
    let file = tombstone_files(dir.path()).remove(0);
    let whole = std::fs::read(&file).expect("a file");
    for bit in (0..whole.len() * 8).step_by(3) {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&file, &bytes).expect("writable");
        let opened = Db::open(small_options(dir.path()), 0).expect("it opens");
        let found = all(&opened);
        assert!(!found.contains_key(&labels("a").to_string()), "bit {bit}");
        for (series, samples) in &found {
            assert!(samples.iter().all(|sample| left[series].contains(sample)), "bit {bit}");
        }
        assert!(found.values().map(Vec::len).sum::<usize>() > 30, "bit {bit}: the rest answers");
        drop(opened);
        if !file.exists() {
            let block = file.parent().expect("a block");
            let aside = dir.path().join("quarantine").join(block.file_name().expect("a name"));
            assert!(aside.join("tombstones").exists(), "moved aside whole");
            Files::default().move_into(&aside, dir.path()).expect("movable");
        }
    }
}

#[test]
fn a_block_of_which_much_is_deleted_is_written_anew_by_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { max_block_duration_ms: 4 * HOUR, ..options(dir.path()) };
    let db = open(&options);
    let truth = fill(&db, 0, 12);
    assert_eq!(db.status().blocks[0].max_time, 4 * HOUR);
    db.delete(&named("a"), hours(1, 2)).expect("it deletes");
    assert_eq!(tombstone_files(dir.path()).len(), 1);
    db.maintain(12 * HOUR);
    assert_eq!(tombstone_files(dir.path()), [] as [PathBuf; 0]);
    let first = &db.status().blocks[0];
    assert_eq!((first.compaction.level, first.stats.num_samples), (2, 3 * 16 - 5));
    assert_eq!(all(&db), without(&truth, "a", hours(1, 2)));
}

#[test]
fn series_that_each_lose_another_range_are_read_one_by_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    let names: Vec<String> = (0..40).map(|n| format!("m{n}")).collect();
    let first: Vec<_> = names.iter().map(|name| (name.as_str(), 0, 1.0)).collect();
    append(&db, &samples_of(&first));
    for (name, t) in names.iter().zip(100..) {
        append(&db, &samples_of(&[(name, t, 2.0)]));
    }
    db.delete(&[], TimeRange::new(50, 1000).expect("ordered")).expect("it deletes");
    assert_eq!(all(&db), samples_of(&first));
    assert_eq!(selected(&db, TimeRange::new(50, 1000).expect("ordered")), [""; 0]);
}
