//! Blocks of Prometheus written and read back, whole and damaged.

use std::path::{Path, PathBuf};

use model::histogram::{CounterResetHint, Span};
use model::{Histogram, Labels, TimeRange, Timestamp};
use proptest::prelude::*;
use storage::{ChunkMeta, Columns, QueryError, Series, Stop};

use super::*;
use crate::block::tests::{Samples, read_all, set_of};
use crate::block::{Block, BlockId};
use crate::fs::Files;
use crate::index::Source;

const SPAN: (Timestamp, Timestamp) = (-1000, 7_200_000);

fn write_set(dir: &Path, series: Box<dyn SeriesSet<'static>>) -> PathBuf {
    let id = BlockId::fresh(1);
    let span = TimeRange::new(SPAN.0, SPAN.1).unwrap();
    writer::write(&Files::default(), dir, id, span, series).unwrap().expect("there are samples");
    dir.join(id.to_string())
}

fn any_samples() -> impl Strategy<Value = Samples> {
    let value = prop_oneof![any::<u64>(), (0u32..1000).prop_map(|v| f64::from(v).to_bits())];
    let samples = prop::collection::btree_map(-500i64..7_000_000, value, 1..300);
    let labels = prop::collection::vec(("[abc]", "[xyz]{1,2}"), 1..3);
    prop::collection::btree_map(labels.prop_map(Labels::from_pairs), samples, 1..40)
        .prop_map(|all| all.into_iter().map(|(l, s)| (l, s.into_iter().collect())).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_block_gives_back_what_was_written(samples in any_samples()) {
        let dir = tempfile::tempdir().unwrap();
        let block = Block::open(&write_set(dir.path(), set_of(&samples))).unwrap();
        prop_assert_eq!(&read_all(&block, TimeRange::ALL).unwrap(), &samples);
        let counts: usize = samples.values().map(Vec::len).sum();
        prop_assert_eq!(block.meta().stats.num_samples, counts as u64);
        for value in block.label_values("a").unwrap() {
            let found = block.postings("a", &value).unwrap();
            let labels: Vec<Labels> = found.iter().map(|row| block.labels(row).unwrap()).collect();
            let expected: Vec<Labels> =
                samples.keys().filter(|labels| labels.get("a") == value).cloned().collect();
            prop_assert_eq!(labels, expected);
        }
        prop_assert_eq!(block.all().unwrap().len(), samples.len() as u64);
    }
}

/// One series of histograms.
struct Histograms(Labels, Vec<(Timestamp, Histogram)>);

impl Series for Histograms {
    fn labels(&self) -> &Labels {
        &self.0
    }
    fn chunks(&self) -> &[ChunkMeta] {
        &[]
    }
    fn read(&mut self, _: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
        for (t, histogram) in &self.1 {
            columns.histogram_timestamps.push(*t);
            columns.histograms.push(histogram.clone());
        }
        Ok(())
    }
}

fn histogram(n: u32, step: f64) -> Histogram {
    let buckets = vec![f64::from(n) * step, 2.0 * step, f64::from(n * n) * step];
    Histogram {
        counter_reset_hint: CounterResetHint::NotReset,
        schema: 1,
        zero_threshold: 0.001,
        zero_count: step,
        count: buckets.iter().sum::<f64>() + step,
        sum: f64::from(n) * 0.7,
        positive_spans: vec![Span { offset: -2, length: 1 }, Span { offset: 3, length: 2 }],
        positive: buckets,
        ..Histogram::default()
    }
}

#[test]
fn histograms_of_all_kinds_come_back() {
    let custom = |n: u32| Histogram {
        schema: -53,
        positive_spans: vec![Span { offset: 0, length: 2 }],
        positive: vec![f64::from(n), 2.0],
        count: f64::from(n) + 2.0,
        custom_values: vec![0.005, 1.0 / 3.0],
        ..histogram(n, 1.0)
    };
    let negative = |n: u32| Histogram {
        negative_spans: vec![Span { offset: 1, length: 1 }],
        negative: vec![f64::from(n)],
        ..histogram(n, 0.5)
    };
    let gauge = |n: u32| Histogram {
        counter_reset_hint: CounterResetHint::Gauge,
        ..histogram(300 - n, 1.0)
    };
    let kinds: [&dyn Fn(u32) -> Histogram; 5] =
        [&|n| histogram(n, 1.0), &|n| histogram(n, 0.25), &custom, &negative, &gauge];
    for (number, kind) in kinds.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let all: Vec<(Timestamp, Histogram)> =
            (0..300).map(|n| (i64::from(n) * 15_000, kind(n))).collect();
        let labels = Labels::from_pairs([("__name__", "h")]);
        let series = Box::new(Histograms(labels, all.clone())) as Box<dyn Series>;
        let block = Block::open(&write_set(dir.path(), Box::new(vec![Ok(series)].into_iter())));
        let block = block.unwrap();
        let mut columns = Columns::default();
        for series in block.series(block.all().unwrap(), TimeRange::ALL, &Stop::default()).unwrap()
        {
            series.unwrap().read(TimeRange::ALL, &mut columns).unwrap();
        }
        let times: Vec<Timestamp> = all.iter().map(|(t, _)| *t).collect();
        assert_eq!(columns.histogram_timestamps, times, "kind {number}");
        for (read, (t, written)) in columns.histograms.iter().zip(&all) {
            // At the beginning of a chunk nothing is known of what was before.
            let counter_reset_hint = read.counter_reset_hint;
            let expected = Histogram { counter_reset_hint, ..written.clone() };
            assert_eq!(*read, expected, "kind {number} at {t}");
            let is_gauge = |hint| hint == CounterResetHint::Gauge;
            assert_eq!(is_gauge(counter_reset_hint), is_gauge(written.counter_reset_hint));
        }
    }
}

fn few_samples() -> Samples {
    let series = |a: &str, n: i64| {
        let samples = (0..n).map(|i| (i * 15_000, (i as f64 / 4.0).to_bits())).collect();
        (Labels::from_pairs([("__name__", "m"), ("a", a)]), samples)
    };
    Samples::from([series("x", 3), series("y", 20)])
}

/// What is read of a block; an error is as good as nothing.
fn read_or_nothing(dir: &Path) -> Option<Samples> {
    let block = Block::open(dir).ok()?;
    // Every way into the index: none may panic.
    for name in block.label_names().ok()? {
        for value in block.label_values(&name).unwrap_or_default() {
            let _ = block.postings(&name, &value);
        }
    }
    read_all(&block, TimeRange::ALL).ok()
}

#[test]
fn damage_anywhere_gives_an_error_or_the_truth() {
    let dir = tempfile::tempdir().unwrap();
    let samples = few_samples();
    let block = write_set(dir.path(), set_of(&samples));
    assert_eq!(read_or_nothing(&block).as_ref(), Some(&samples));
    for file in ["index", "chunks/000001", "tombstones"] {
        let path = block.join(file);
        let bytes = std::fs::read(&path).unwrap();
        let damaged = testkit::damage::cut_at_every_length(&bytes)
            .chain(testkit::damage::flip_every_bit(&bytes));
        for damaged in damaged {
            // A new name: what is mapped must not change.
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, &damaged).unwrap();
            if let Some(mut read) = read_or_nothing(&block) {
                // Where the index says that there is nothing, there is nothing.
                read.retain(|_, samples| !samples.is_empty());
                let is_part = read.iter().all(|(labels, found)| samples.get(labels) == Some(found));
                assert!(is_part, "{file}: {read:?}");
            }
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn errors_say_which_file_and_where() {
    let dir = tempfile::tempdir().unwrap();
    let block = write_set(dir.path(), set_of(&few_samples()));
    let path = block.join("chunks/000001");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[12] ^= 1;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let error = read_all(&Block::open(&block).unwrap(), TimeRange::ALL).expect_err("damaged");
    let text = error.to_string();
    assert!(text.contains("chunks/000001") && text.contains("byte 8"), "{text}");
    std::fs::write(block.join("index"), b"no index").unwrap();
    let text = Block::open(&block).expect_err("damaged").to_string();
    assert!(text.contains("index: header at byte 0"), "{text}");
}
