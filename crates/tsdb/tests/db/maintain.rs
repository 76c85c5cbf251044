//! What moves in the background: windows cut from the head, small blocks merged, old ones removed;
//! and every sample answers all the while, once.

use crate::samples::{
    HOUR, Samples, all, append, extend, labels, of_columns, open, options, samples_of,
};
use model::TimeRange;
use storage::{Columns, Queryable, SelectHints};
use tsdb::{Db, Options};

/// Two series, a sample each every 15 minutes, from `from` up to but without `to` (hours).
fn fill(db: &Db, from: i64, to: i64) -> Samples {
    let mut expected = Samples::new();
    for t in (from * HOUR..to * HOUR).step_by(900_000) {
        let batch = samples_of(&[("a", t, t as f64), ("b", t, -0.0)]);
        append(db, &batch);
        extend(&mut expected, batch);
    }
    expected
}

/// From and to of every block, in hours.
fn blocks(db: &Db) -> Vec<(i64, i64)> {
    let metas = db.status().blocks;
    metas.iter().map(|meta| (meta.min_time / HOUR, meta.max_time / HOUR)).collect()
}

#[test]
fn a_window_is_cut_when_the_head_spans_one_and_a_half() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    let mut expected = fill(&db, 1, 4);
    db.maintain(4 * HOUR);
    assert_eq!(blocks(&db), []);
    extend(&mut expected, fill(&db, 4, 5));
    db.maintain(5 * HOUR);
    assert_eq!(blocks(&db), [(0, 2)]);
    assert_eq!(all(&db), expected);
    let head = db.status().head_range.expect("samples are left");
    assert_eq!(head.min(), 2 * HOUR);
    assert_eq!(db.counters().compactions.get(), 1);
}

#[test]
fn far_apart_samples_are_cut_window_by_window() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    let mut expected = fill(&db, -9, -8);
    extend(&mut expected, fill(&db, 400_000, 400_001));
    db.maintain(400_001 * HOUR);
    assert_eq!(blocks(&db), [(-10, -8)]);
    assert_eq!(all(&db), expected);
}

#[test]
fn a_full_day_becomes_one_block() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    let mut expected = Samples::new();
    for day in 0..2 {
        for hour in (0..24).step_by(2) {
            let from = day * 24 + hour;
            extend(&mut expected, fill(&db, from, from + 2));
            db.maintain((from + 2) * HOUR);
            assert_eq!(all(&db), expected, "hour {from}");
        }
    }
    let metas = db.status().blocks;
    assert_eq!(blocks(&db)[..2], [(0, 24), (24, 26)]);
    assert_eq!((metas[0].compaction.level, metas[0].compaction.sources.len()), (2, 12));
    assert_eq!(metas[0].compaction.parents.len(), 12);
    // One sample each every 15 minutes.
    assert_eq!(metas[0].stats.num_samples, 2 * 96);
}

#[test]
fn blocks_beyond_the_retention_go() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut options = options(dir.path());
    options.retention_ms = 6 * HOUR;
    let db = open(&options);
    for hour in (0..12).step_by(2) {
        fill(&db, hour, hour + 2);
        db.maintain((hour + 2) * HOUR);
    }
    // The newest block ends at 10:00; a block must reach beyond 4:00.
    assert_eq!(blocks(&db), [(4, 6), (6, 8), (8, 10)]);
    assert_eq!(db.counters().blocks_gone_by_time.get(), 2);
}

#[test]
fn what_is_in_the_head_ages_no_block() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut options = options(dir.path());
    options.retention_ms = 6 * HOUR;
    let db = open(&options);
    let mut expected = fill(&db, 0, 1);
    extend(&mut expected, fill(&db, 400_000, 400_001));
    db.maintain(400_001 * HOUR);
    assert_eq!(blocks(&db), [(0, 2)]);
    assert_eq!(all(&db), expected);
    // A block beside it, and it goes.
    fill(&db, 400_001, 400_004);
    db.maintain(400_004 * HOUR);
    assert_eq!(blocks(&db), [(400_000, 400_002)]);
}

#[test]
fn a_clock_that_jumps_ahead_removes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    let expected = fill(&db, 0, 6);
    db.maintain(6 * HOUR);
    db.maintain(1_000_000 * HOUR);
    assert_eq!(all(&db), expected);
}

#[test]
fn the_oldest_blocks_go_when_all_takes_too_much() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut options = options(dir.path());
    options.retention_bytes = 1;
    let db = open(&options);
    fill(&db, 0, 6);
    db.maintain(6 * HOUR);
    assert_eq!(blocks(&db), []);
    assert_eq!(db.counters().blocks_gone_by_size.get(), 2);
}

#[test]
fn a_query_reads_on_while_its_samples_move() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut options = options(dir.path());
    options.retention_ms = 24 * HOUR;
    let db = open(&options);
    let expected = fill(&db, 0, 5);
    let querier = db.querier(TimeRange::ALL).expect("a view");
    let series: Vec<_> = querier.select(&[], &SelectHints::default()).expect("a set").collect();
    db.maintain(5 * HOUR);
    assert_eq!(blocks(&db), [(0, 2)]);
    assert_eq!(db.status().head_range.map(TimeRange::min), Some(0), "the head still has all");
    let mut read = Samples::new();
    for series in series {
        let mut series = series.expect("a series");
        let mut columns = Columns::default();
        series.read(TimeRange::ALL, &mut columns).expect("samples");
        extend(&mut read, of_columns(series.labels(), &columns));
    }
    assert_eq!(read, expected);
    drop(querier);
    db.maintain(5 * HOUR + 1000);
    assert_eq!(db.status().head_range.map(TimeRange::min), Some(2 * HOUR));
    assert_eq!(all(&db), expected);
}

#[test]
fn labels_are_those_of_head_and_blocks() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    append(&db, &samples_of(&[("old", 0, 1.0)]));
    append(&db, &samples_of(&[("new", 5 * HOUR, 1.0)]));
    db.maintain(5 * HOUR);
    let values = |from: i64, to: i64| {
        let range = TimeRange::new(from, to).expect("ordered");
        let querier = db.querier(range).expect("a view");
        querier.label_values("__name__", &[], &storage::Stop::default()).expect("values")
    };
    assert_eq!(values(0, 5 * HOUR), ["new", "old"]);
    assert_eq!(values(0, HOUR), ["old"]);
    assert_eq!(values(3 * HOUR, 9 * HOUR), ["new"]);
    let querier = db.querier(TimeRange::ALL).expect("a view");
    assert_eq!(querier.label_names(&[], &storage::Stop::default()).expect("names"), ["__name__"]);
    assert!(labels("old") > labels("new"));
}

#[test]
fn a_directory_is_opened_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    let error = Db::open(options(dir.path()), 0).expect_err("it is held");
    let expected = format!("{} is in use by another process", dir.path().display());
    assert_eq!(error.to_string(), expected);
    db.close().expect("nothing fails");
    open(&options(dir.path()));
}

#[test]
fn samples_from_the_epoch_on_stay_though_the_clock_says_2026() {
    let dir = tempfile::tempdir().expect("a directory");
    let now = 1_795_000_000_000;
    let options = Options { path: dir.path().to_owned(), ..Options::default() };
    let db = Db::open(options.clone(), now).expect("it opens");
    let mut expected = Samples::new();
    for from in 0..12 {
        extend(&mut expected, fill(&db, from - 6, from - 5));
        db.maintain(now + from * 60_001);
    }
    // The day before the epoch has passed, and became one block.
    assert_eq!(blocks(&db), [(-6, 0), (0, 2), (2, 4)]);
    assert_eq!(all(&db), expected);
    db.close().expect("nothing fails");
    let db = Db::open(options, now).expect("it opens");
    assert_eq!(all(&db), expected);
}

#[test]
fn the_ends_of_time_are_times_like_others() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    let mut expected = Samples::new();
    for (i, t) in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX].into_iter().enumerate() {
        let batch = samples_of(&[("a", t, i as f64)]);
        append(&db, &batch);
        extend(&mut expected, batch);
    }
    assert_eq!(all(&db), expected);
    db.maintain(0);
    assert_eq!(all(&db), expected);
    drop(db);
    let db = open(&options(dir.path()));
    db.maintain(0);
    assert_eq!(all(&db), expected);
}

#[test]
fn a_start_after_a_crash_replays_only_what_the_saved_head_lacks() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { wal_segment_bytes: 4000, ..options(dir.path()) };
    let mut committed = Samples::new();
    {
        let db = open(&options);
        for t in 0..600i64 {
            let samples = samples_of(&[("a", t, (t as f64).sqrt()), ("b", t, t as f64)]);
            append(&db, &samples);
            extend(&mut committed, samples);
            db.maintain(t);
        }
        // Neither closed nor cut.
    }
    let segments = std::fs::read_dir(dir.path().join("wal")).expect("a log").count();
    let options = Options { replay: Default::default(), ..options };
    let db = open(&options);
    let read = options.replay.status();
    assert_eq!(all(&db), committed);
    let replayed = read.max + 1 - read.min;
    assert!(segments > 5 && replayed <= 2, "{replayed} of {segments} segments were replayed");
}
