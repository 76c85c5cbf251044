//! Blocks: bytes per sample, how fast the head is cut into one, how fast all of it is read.
//!
//! `FERULA_SAMPLES` may name a file of real samples to take instead of the generated ones:
//! little-endian, the number of series (4 bytes); of each the number of labels (4), their names and
//! values with a length (4) each, the number of samples (4), all times (8 each), all values (8 each).

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use model::{Labels, TimeRange};
use storage::{Appendable, Columns, Queryable, SelectHints};
use tsdb::{Db, Options};

const HOUR: i64 = 3_600_000;

struct Samples {
    labels: Vec<Labels>,
    /// By time: series and value.
    commits: BTreeMap<i64, Vec<(usize, f64)>>,
}

impl Samples {
    fn count(&self) -> u64 {
        self.commits.values().map(|commit| commit.len() as u64).sum()
    }

    fn last(&self) -> i64 {
        self.commits.last_key_value().map_or(0, |(t, _)| *t)
    }
}

/// Reads `N` bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(len);
    *bytes = rest;
    taken
}

fn number(bytes: &mut &[u8]) -> usize {
    u32::from_le_bytes(take(bytes, 4).try_into().expect("four bytes")) as usize
}

fn text(bytes: &mut &[u8]) -> String {
    let len = number(bytes);
    String::from_utf8(take(bytes, len).to_vec()).expect("labels are UTF-8")
}

fn load(path: &Path) -> Samples {
    let file = std::fs::read(path).expect("FERULA_SAMPLES names a readable file");
    let mut bytes = &file[..];
    let mut samples = Samples { labels: Vec::new(), commits: BTreeMap::new() };
    for series in 0..number(&mut bytes) {
        let pairs: Vec<(String, String)> =
            (0..number(&mut bytes)).map(|_| (text(&mut bytes), text(&mut bytes))).collect();
        samples.labels.push(Labels::from_pairs(pairs));
        let count = number(&mut bytes);
        let mut eights = |count: usize| -> Vec<u64> {
            let eights = take(&mut bytes, count * 8).chunks_exact(8);
            eights.map(|b| u64::from_le_bytes(b.try_into().expect("eight bytes"))).collect()
        };
        let (times, values) = (eights(count), eights(count));
        for (t, bits) in times.into_iter().zip(values) {
            let commit = samples.commits.entry(t.cast_signed()).or_default();
            commit.push((series, f64::from_bits(bits)));
        }
    }
    samples
}

/// Two hours of 2000 series at 15 s: counters, gauges with digits, sums of durations, constants.
fn generated() -> Samples {
    let mut samples = Samples { labels: Vec::new(), commits: BTreeMap::new() };
    let mut state = 7u64;
    let mut random = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    let mut values = vec![0.0; 2000];
    for i in 0..values.len() {
        let name = format!("metric_{}", i % 40);
        let instance = format!("host-{}:9100", i / 40);
        samples.labels.push(Labels::from_pairs([("__name__", name), ("instance", instance)]));
    }
    for t in (0..480).map(|i| i * 15_000) {
        for (i, value) in values.iter_mut().enumerate() {
            *value = match i % 5 {
                0 => *value + (random() * 20.0).floor(),
                1 => (random() * 1000.0).round() / 10.0,
                2 => *value + random() * 0.01,
                3 => *value + f64::from(u8::from(random() > 0.98)),
                _ => 42.0,
            };
        }
        let commit = values.iter().copied().enumerate().collect();
        samples.commits.insert(t, commit);
    }
    samples
}

/// A database whose head is due to be cut; all of `samples` will be in the block.
fn uncut(dir: &Path, samples: &Samples) -> Db {
    let options = Options {
        path: dir.to_owned(),
        retention_ms: 0,
        min_block_duration_ms: 12 * HOUR,
        max_block_duration_ms: 12 * HOUR,
        ..Options::default()
    };
    let db = Db::open(options, 0).expect("an empty directory opens");
    let mut refs = vec![None; samples.labels.len()];
    for (t, commit) in &samples.commits {
        let mut appender = db.appender();
        for &(series, v) in commit {
            let known = appender.append(refs[series], &samples.labels[series], *t, v);
            refs[series] = Some(known.expect("in order"));
        }
        appender.commit().expect("the disk has room");
    }
    let mut appender = db.appender();
    let later = Labels::from_pairs([("__name__", "later")]);
    appender.append(None, &later, samples.last() + 24 * HOUR, 0.0).expect("in order");
    appender.commit().expect("the disk has room");
    db
}

fn read_all(db: &Db, range: TimeRange) -> usize {
    let querier = db.querier(range).expect("a view");
    let mut columns = Columns::default();
    let mut samples = 0;
    for series in querier.select(&[], &SelectHints::default()).expect("a set") {
        columns.clear();
        series.expect("a series").read(range, &mut columns).expect("samples");
        samples += black_box(&columns).len();
    }
    samples
}

fn block(c: &mut Criterion) {
    let samples = match std::env::var_os("FERULA_SAMPLES") {
        Some(path) => load(Path::new(&path)),
        None => generated(),
    };
    let dir = tempfile::tempdir().expect("a directory");
    let db = uncut(dir.path(), &samples);
    db.maintain(samples.last() + 24 * HOUR);
    let status = db.status();
    let stored: u64 = status.blocks.iter().map(|block| block.stats.num_samples).sum();
    assert_eq!(stored, samples.count(), "all samples are in blocks");
    for block in &status.blocks {
        let size = |name: &str| block.files.get(name).map_or(0, |file| file.size);
        let per_sample = |bytes: u64| bytes as f64 / block.stats.num_samples as f64;
        eprintln!(
            "block: {} samples, {} series: {:.3} bytes/sample (data {:.3}, index {:.3}), index {:.1} bytes/series",
            block.stats.num_samples,
            block.stats.num_series,
            per_sample(block.size_bytes()),
            per_sample(size("data")),
            per_sample(size("index")),
            size("index") as f64 / block.stats.num_series as f64,
        );
    }
    let mut group = c.benchmark_group("block");
    group.sample_size(10);
    group.throughput(Throughput::Elements(samples.count()));
    let range = TimeRange::new(i64::MIN, samples.last()).expect("ordered");
    group.bench_function("read all", |b| b.iter(|| read_all(&db, range)));
    group.bench_function("cut", |b| {
        let setup = || {
            let dir = tempfile::tempdir().expect("a directory");
            let db = uncut(dir.path(), &samples);
            (dir, db)
        };
        let cut = |(dir, db): (tempfile::TempDir, Db)| {
            db.maintain(samples.last() + 24 * HOUR);
            (dir, db)
        };
        b.iter_batched(setup, cut, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, block);
criterion_main!(benches);
