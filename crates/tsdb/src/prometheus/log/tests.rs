//! Logs of Prometheus come in: whole, once, whatever crashes.

use std::path::Path;

use model::TimeRange;
use storage::{Columns, Queryable, SelectHints};

use super::pages::tests::segment;
use super::*;
use crate::options::Options;

const HOUR: i64 = 3_600_000;
/// Records packed by snappy, as Prometheus does unless told otherwise.
const SNAPPY: u8 = 8;

fn put_varint(out: &mut Vec<u8>, value: i64) {
    crate::cursor::put_zigzag(out, value);
}

fn series(all: &[(u64, &str)]) -> Vec<u8> {
    let mut out = vec![1];
    for (number, metric) in all {
        out.extend(number.to_be_bytes());
        out.extend([1, 8]);
        out.extend(b"__name__");
        out.push(u8::try_from(metric.len()).unwrap());
        out.extend(metric.as_bytes());
    }
    out
}

fn floats(all: &[(u64, i64, f64)]) -> Vec<u8> {
    let (base, base_t, _) = all[0];
    let mut out = vec![2];
    out.extend(base.to_be_bytes());
    out.extend(base_t.to_be_bytes());
    for (number, t, v) in all {
        put_varint(&mut out, number.wrapping_sub(base).cast_signed());
        put_varint(&mut out, t - base_t);
        out.extend(v.to_bits().to_be_bytes());
    }
    out
}

fn deletion(number: u64, range: (i64, i64)) -> Vec<u8> {
    let mut out = vec![3];
    out.extend(number.to_be_bytes());
    put_varint(&mut out, range.0);
    put_varint(&mut out, range.1);
    out
}

/// A directory that Prometheus has left, whose head begins at 10 h.
fn left_behind(dir: &Path) {
    let write = |name: &str, records: &[Vec<u8>]| {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, segment(records, SNAPPY)).unwrap();
    };
    std::fs::create_dir(dir.join("chunks_head")).unwrap();
    // Two checkpoints: the older one is of no use any more.
    write("wal/checkpoint.00000001/00000000", &[series(&[(9, "nobody")])]);
    write(
        "wal/checkpoint.00000003/00000000",
        &[series(&[(1, "a"), (2, "b")]), floats(&[(1, 10 * HOUR, 1.0), (2, 10 * HOUR, 2.0)])],
    );
    write("wal/00000003", &[floats(&[(9, 10 * HOUR, 9.0)])]);
    write(
        "wal/00000004",
        &[
            floats(&[(1, 10 * HOUR + 30, 1.5), (2, 10 * HOUR + 30, 2.5)]),
            deletion(2, (10 * HOUR, 10 * HOUR)),
            series(&[(7, "c"), (8, "a")]),
            vec![99],
            floats(&[(7, 10 * HOUR + 40, 3.0), (8, 10 * HOUR + 60, 1.75), (77, 5, 1.0)]),
        ],
    );
    // Out of order: within the head, and older than anything.
    write("wbl/00000000", &[floats(&[(1, 10 * HOUR + 10, 1.1), (7, 10 * HOUR + 5, 3.3)])]);
}

fn expected() -> Vec<(String, Vec<(i64, f64)>)> {
    let of = |metric: &str, samples: &[(i64, f64)]| {
        let samples = samples.iter().map(|(t, v)| (10 * HOUR + t, *v)).collect();
        (format!("{{__name__=\"{metric}\"}}"), samples)
    };
    vec![
        of("a", &[(0, 1.0), (10, 1.1), (30, 1.5), (60, 1.75)]),
        of("b", &[(30, 2.5)]),
        of("c", &[(5, 3.3), (40, 3.0)]),
    ]
}

fn all(db: &Db) -> Vec<(String, Vec<(i64, f64)>)> {
    let querier = db.querier(TimeRange::ALL).unwrap();
    let set = querier.select(&[], &SelectHints::default()).unwrap();
    let one = |series: Result<Box<dyn Series + '_>, QueryError>| {
        let (mut series, mut columns) = (series.unwrap(), Columns::default());
        series.read(TimeRange::ALL, &mut columns).unwrap();
        let samples = columns.timestamps.into_iter().zip(columns.values).collect();
        (series.labels().to_string(), samples)
    };
    set.map(one).collect()
}

fn options(dir: &Path) -> Options {
    Options { path: dir.to_owned(), retention_ms: 0, ..Options::default() }
}

#[test]
fn a_log_comes_in_once_and_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    left_behind(dir.path());
    let before = std::fs::read(dir.path().join("wal/00000004")).unwrap();
    for round in 0..2 {
        let db = Db::open(options(dir.path()), 0).unwrap();
        assert_eq!(all(&db), expected(), "opened {round} times before");
        let mut appender = db.appender();
        let labels = Labels::from_pairs([("__name__", "a")]);
        assert!(appender.append(None, &labels, 10 * HOUR + 60, 1.75).is_ok());
    }
    let kept = dir.path().join(IMPORTED);
    assert_eq!(std::fs::read(kept.join("wal/00000004")).unwrap(), before);
    assert!(kept.join("wbl").is_dir() && kept.join("chunks_head").is_dir());
    assert!(!dir.path().join("chunks_head").exists());
}

#[test]
fn a_crash_at_any_step_loses_nothing() {
    for steps in 0.. {
        let dir = tempfile::tempdir().unwrap();
        left_behind(dir.path());
        let files = Files::cut_after(steps);
        let cut = Db::open(Options { files: files.clone(), ..options(dir.path()) }, 0);
        drop(cut);
        let db = Db::open(options(dir.path()), 0).unwrap();
        assert_eq!(all(&db), expected(), "after {steps} steps");
        if !files.is_cut() {
            return;
        }
    }
}

#[test]
fn samples_older_than_the_head_become_blocks() {
    let dir = tempfile::tempdir().unwrap();
    // A block of Prometheus up to 10 h, of another series.
    {
        let source = tempfile::tempdir().unwrap();
        let db = Db::open(options(source.path()), 0).unwrap();
        let mut appender = db.appender();
        let labels = Labels::from_pairs([("__name__", "z")]);
        appender.append(None, &labels, 8 * HOUR, 0.5).unwrap();
        appender.append(None, &labels, 10 * HOUR - 1, 0.5).unwrap();
        appender.commit().unwrap();
        db.export(dir.path(), TimeRange::ALL, 2 * HOUR, 0, &mut |_| ()).unwrap();
        std::fs::remove_dir(dir.path().join("wal")).unwrap();
    }
    left_behind(dir.path());
    let late = [floats(&[(1, 5 * HOUR, 0.1), (1, 8 * HOUR + 1, 0.2), (7, 10 * HOUR + 5, 3.3)])];
    std::fs::write(dir.path().join("wbl/00000000"), segment(&late, 0)).unwrap();
    let mut expected = expected();
    expected[0].1.retain(|(t, _)| *t != 10 * HOUR + 10);
    expected[0].1.splice(..0, [(5 * HOUR, 0.1), (8 * HOUR + 1, 0.2)]);
    let z = "{__name__=\"z\"}".to_owned();
    expected.push((z, vec![(8 * HOUR, 0.5), (10 * HOUR - 1, 0.5)]));
    for _ in 0..2 {
        let db = Db::open(options(dir.path()), 0).unwrap();
        assert_eq!(all(&db), expected);
    }
}

#[test]
fn what_lies_before_damage_comes_in() {
    let dir = tempfile::tempdir().unwrap();
    left_behind(dir.path());
    let path = dir.path().join("wal/00000004");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let db = Db::open(options(dir.path()), 0).unwrap();
    let mut expected = expected();
    // The last record is gone, and of `c` only what the other log has.
    expected[0].1.pop();
    expected[2].1.pop();
    assert_eq!(all(&db), expected);
}
