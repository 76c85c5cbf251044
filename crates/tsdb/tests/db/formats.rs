//! Blocks of every format there ever was, as they were written then, are read now.
//!
//! `fixtures/FORMAT` holds one block with what [`written`] says. A change of the format gets a new
//! directory; the old ones stay.

use std::path::Path;

use model::histogram::Span;
use model::{Histogram, Labels, TimeRange};
use storage::{Columns, Queryable, SelectHints};

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
