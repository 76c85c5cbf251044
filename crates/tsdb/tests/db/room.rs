//! The limit on bytes: never more on the disk, whatever is being written; and nothing that need not go.

use std::path::Path;

use crate::samples::{HOUR, Samples, all, open, options, samples_of, try_append};
use tsdb::fs::{Files, size_bytes};
use tsdb::{Db, Options, Retention};

/// Twenty series of noise, a sample each every quarter of an hour; false when the files are cut.
fn fill(db: &Db, files: &Files, from: i64, to: i64) -> bool {
    for t in (from * HOUR..to * HOUR).step_by(900_000) {
        let noise = |n: i64| ((t / 1000 + n * 7919) as f64).sin();
        let names: Vec<String> = (0..20).map(|n| format!("m{n}")).collect();
        let batch: Vec<_> = names.iter().zip(0..).map(|(m, n)| (m.as_str(), t, noise(n))).collect();
        if !try_append(db, &samples_of(&batch)) {
            return false;
        }
        db.maintain(t);
        if files.is_cut() {
            return false;
        }
    }
    true
}

fn small_options(dir: &Path, limit: u64) -> Options {
    Options {
        min_block_duration_ms: HOUR,
        max_block_duration_ms: 2 * HOUR,
        retention_bytes: limit,
        wal_segment_bytes: 2000,
        ..options(dir)
    }
}

#[test]
fn there_is_never_more_on_the_disk_than_may_be() {
    let limit = 36_000;
    // Not each of the steps, as each takes a life; but each of a maintenance now and then.
    for steps in (0..).step_by(97) {
        let dir = tempfile::tempdir().expect("a directory");
        let files = Files::cut_after(steps);
        let cut_options = Options { files: files.clone(), ..small_options(dir.path(), limit) };
        let Ok(db) = Db::open(cut_options, 0) else { continue };
        let is_done = fill(&db, &files, 0, 48);
        let taken = size_bytes(dir.path());
        assert!(taken <= limit, "{taken} bytes after {steps} steps");
        if is_done {
            let (gone, made) = (db.counters().blocks_gone_by_size.get(), db.counters());
            assert!(gone > 2 && made.compactions.get() > 12, "{gone} blocks had to go");
            assert!(taken > limit / 2, "only {taken} bytes are used");
            assert!(db.status().blocks.iter().any(|meta| meta.compaction.level > 1));
            return;
        }
    }
}

#[test]
fn snapshots_and_blocks_moved_aside_cost_no_block() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&small_options(dir.path(), 0));
    fill(&db, &Files::default(), 0, 12);
    let copy = db.snapshot("x", true, 0).expect("it copies");
    std::fs::create_dir(dir.path().join("quarantine")).expect("a directory");
    std::fs::write(dir.path().join("quarantine/x"), vec![0; 100_000]).expect("written");
    let samples = |db: &Db| -> Samples { all(db) };
    let before = samples(&db);
    let taken = size_bytes(dir.path()) - size_bytes(&dir.path().join("quarantine"));
    let limit = taken - size_bytes(&copy);
    db.set_retention(Retention { bytes: limit + 100, ..Retention::default() });
    db.maintain(13 * HOUR);
    assert_eq!(samples(&db), before);
    db.set_retention(Retention { bytes: limit - 100, ..Retention::default() });
    db.maintain(14 * HOUR);
    assert_eq!(db.counters().blocks_gone_by_size.get(), 1);
    // What is left behind by a removal that failed counts, too.
    std::fs::write(dir.path().join("x.tmp-for-deletion"), vec![0; 100_000]).expect("written");
    db.maintain(15 * HOUR);
    assert_eq!(db.status().blocks, []);
}

#[test]
fn a_percentage_goes_before_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&small_options(dir.path(), 0));
    fill(&db, &Files::default(), 0, 12);
    let blocks = db.status().blocks.len();
    db.set_retention(Retention { ms: 0, bytes: 1, percentage: 90.0 });
    db.maintain(13 * HOUR);
    assert_eq!(db.status().blocks.len(), blocks, "the disk is large");
    db.set_retention(Retention { ms: 0, bytes: 0, percentage: 1e-12 });
    db.maintain(14 * HOUR);
    assert_eq!(db.status().blocks, []);
}
