//! Blocks of every format there ever was, as they were written then, are read now.
//!
//! `fixtures/FORMAT` holds one block with what [`written`] says, `fixtures/wal-VERSION` a segment of the
//! log with what [`logged`] says. A change of the format gets a new directory; the old ones stay.

use std::path::Path;

use model::histogram::Span;
use model::{Histogram, Labels, TimeRange};
use storage::{Appendable, Columns, Queryable, SelectHints};

use crate::samples::{HOUR, open, options};

type Floats = Vec<(i64, u64)>;
type Histograms = Vec<(i64, Histogram)>;

/// The series of the block, sorted: columns of every kind that are written.
fn written() -> Vec<(Labels, Floats, Histograms)> {
    let floats = |value: &dyn Fn(i64) -> f64| -> Floats {
        (0..200).map(|i| (i * 15_000 + i % 3, value(i).to_bits())).collect()
    };
    let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied());
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let odd = [stale, f64::NAN, -0.0, f64::INFINITY, 1.0];
    let histogram = |i: i64, custom_values: Vec<f64>| Histogram {
        schema: if custom_values.is_empty() { 2 } else { -53 },
        zero_threshold: 0.001,
        count: (3 * i) as f64,
        sum: i as f64 * 0.3,
        positive_spans: vec![Span { offset: -1, length: 2 }],
        positive: vec![i as f64, (2 * i) as f64],
        custom_values,
        ..Histogram::default()
    };
    let histograms = |custom: &[f64]| -> Histograms {
        (1..150).map(|i| (i * 15_000, histogram(i, custom.to_vec()))).collect()
    };
    let mut all = vec![
        (labels(&[("__name__", "constant")]), floats(&|_| 42.0), vec![]),
        (labels(&[("__name__", "counter"), ("job", "é")]), floats(&|i| (i * i) as f64), vec![]),
        (labels(&[("__name__", "decimals")]), floats(&|i| (i % 17) as f64 / 10.0), vec![]),
        (labels(&[("__name__", "noise")]), floats(&|i| (i as f64).sqrt()), vec![]),
        (
            labels(&[("__name__", "odd")]),
            floats(&|i| odd[usize::try_from(i % 5).expect("small")]),
            vec![],
        ),
        (labels(&[("__name__", "native")]), vec![], histograms(&[])),
        (labels(&[("__name__", "native_custom")]), vec![], histograms(&[0.5])),
        (labels(&[("__name__", "short")]), vec![(7_000_000, 1.5f64.to_bits())], vec![]),
    ];
    for (le, share) in [("0.1", 2), ("1", 3), ("+Inf", 4)] {
        let labels = labels(&[("__name__", "h_bucket"), ("le", le)]);
        all.push((labels, floats(&|i| (i * i * share / 4) as f64), vec![]));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn blocks_of_every_format_are_read() {
    for format in ["native-2"] {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/db/fixtures").join(format);
        let dir = tempfile::tempdir().expect("a directory");
        for entry in std::fs::read_dir(&fixture).expect("the fixture is there") {
            let block = entry.expect("an entry").path();
            let copy = dir.path().join(block.file_name().expect("a name"));
            std::fs::create_dir(&copy).expect("a directory");
            for file in ["meta.json", "index", "data"] {
                std::fs::copy(block.join(file), copy.join(file)).expect("it is copied");
            }
        }
        let db = open(&options(dir.path()));
        assert_eq!(db.status().blocks.len(), 1, "{format}");
        let querier = db.querier(TimeRange::ALL).expect("a view");
        let mut found = Vec::new();
        for series in querier.select(&[], &SelectHints::default()).expect("a set") {
            let (mut series, mut columns) = (series.expect("a series"), Columns::default());
            series.read(TimeRange::ALL, &mut columns).expect("samples");
            let bits = columns.values.iter().map(|v| v.to_bits());
            let floats: Floats = columns.timestamps.iter().copied().zip(bits).collect();
            let histograms: Histograms =
                columns.histogram_timestamps.into_iter().zip(columns.histograms).collect();
            found.push((series.labels().clone(), floats, histograms));
        }
        assert_eq!(found, written(), "{format}");
        assert!(db.status().lowest_time < Some(2 * HOUR));
    }
}

/// The commits of a segment: of each its time, and a value of each series.
fn logged() -> Vec<(i64, [f64; 5])> {
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    (0..70)
        .map(|i| {
            let n = i as f64;
            let odd = if i % 9 == 0 { stale } else { -0.0 };
            (i * 15_000, [n * 1000.0, (n * 25.0).round() / 100.0, n.sqrt(), odd, 7.5])
        })
        .collect()
}

fn series_of(value: usize) -> Labels {
    Labels::from_pairs([("__name__", "logged".to_owned()), ("value", value.to_string())])
}

/// Appends [`logged`].
fn log(db: &tsdb::Db) {
    for (t, values) in logged() {
        let mut appender = db.appender();
        for (at, v) in values.into_iter().enumerate() {
            appender.append(None, &series_of(at), t, v).expect("in order");
        }
        appender.commit().expect("the disk has room");
    }
}

/// What a database says that has just a segment with [`logged`].
fn check_log(db: &tsdb::Db, version: &str) {
    let querier = db.querier(TimeRange::ALL).expect("a view");
    let mut found = 0;
    for series in querier.select(&[], &SelectHints::default()).expect("a set") {
        let (mut series, mut columns) = (series.expect("a series"), Columns::default());
        series.read(TimeRange::ALL, &mut columns).expect("samples");
        assert_eq!(*series.labels(), series_of(found), "{version}");
        let bits = columns.values.iter().map(|v| v.to_bits());
        let samples: Floats = columns.timestamps.iter().copied().zip(bits).collect();
        let expected = logged().into_iter().map(|(t, values)| (t, values[found].to_bits()));
        assert_eq!(samples, expected.collect::<Floats>(), "{version}");
        found += 1;
    }
    assert_eq!(found, 5, "{version}");
    assert_eq!(db.counters().wal_corruptions.get(), 0, "{version}");
}

#[test]
fn segments_of_every_version_are_read_and_more_is_appended() {
    let written = tempfile::tempdir().expect("a directory");
    log(&open(&options(written.path())));
    let newest = written.path().join("wal/00000000");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/db/fixtures");
    for (version, segment) in [("2", fixtures.join("wal-2/00000000")), ("newest", newest)] {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("wal")).expect("a directory");
        std::fs::copy(&segment, dir.path().join("wal/00000000")).expect("it is copied");
        let db = open(&options(dir.path()));
        check_log(&db, version);
        let mut appender = db.appender();
        appender.append(None, &series_of(1), 2_000_000, 0.25).expect("in order");
        appender.commit().expect("the disk has room");
        drop(db);
        let db = open(&options(dir.path()));
        assert_eq!(db.status().head_range.map(TimeRange::max), Some(2_000_000), "{version}");
    }
}
