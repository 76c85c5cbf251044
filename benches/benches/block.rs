//! Blocks: bytes per sample, how fast the head is cut into one, how fast all of it is read.
//!
//! `FERULA_SAMPLES` may name a file of real samples (`benches::samples`).

use std::hint::black_box;
use std::path::Path;

use benches::samples::Samples;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use model::{Labels, TimeRange};
use storage::{Appendable, Columns, Queryable, SelectHints};
use tsdb::{Db, Options};

const HOUR: i64 = 3_600_000;

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
    samples.append_to(&db, 0);
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
    let samples = Samples::of_environment();
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
