//! The log: bytes per sample, and how fast it is replayed into a head.
//!
//! `FERULA_SAMPLES` may name a file of real samples (`benches::samples`).

use benches::samples::Samples;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tsdb::{Db, Options};

fn replay(c: &mut Criterion) {
    let samples = Samples::of_environment();
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { path: dir.path().to_owned(), retention_ms: 0, ..Options::default() };
    // Neither closed nor maintained: all of it is in the log only.
    let db = Db::open(options.clone(), 0).expect("an empty directory opens");
    samples.append_to(&db, 0);
    drop(db);
    let segments = std::fs::read_dir(dir.path().join("wal")).expect("a log");
    let bytes: u64 = segments
        .map(|segment| segment.and_then(|segment| segment.metadata()).expect("a segment").len())
        .sum();
    eprintln!(
        "log: {} samples, {} series: {:.3} bytes/sample",
        samples.count(),
        samples.labels.len(),
        bytes as f64 / samples.count() as f64,
    );
    let mut group = c.benchmark_group("log");
    group.sample_size(10).throughput(Throughput::Elements(samples.count()));
    group.bench_function("replay", |b| {
        b.iter(|| Db::open(options.clone(), 0).expect("it opens"));
    });
    group.finish();
}

criterion_group!(benches, replay);
criterion_main!(benches);
