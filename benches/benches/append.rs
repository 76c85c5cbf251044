//! How fast commits get into the head, log included: by reference, as scrapes do, and by labels.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use model::Labels;
use storage::{Appendable, SeriesRef};
use tsdb::{Db, Options};

const SERIES: usize = 10_000;

fn labels() -> Vec<Labels> {
    let one = |i: usize| {
        Labels::from_pairs([
            ("__name__", format!("metric_{}", i % 100)),
            ("instance", format!("host-{}:9100", i / 100)),
            ("job", "node".to_owned()),
        ])
    };
    (0..SERIES).map(one).collect()
}

/// One commit of a sample for each series; returns their references.
fn commit(
    db: &Db,
    labels: &[Labels],
    refs: &[Option<SeriesRef>],
    t: i64,
) -> Vec<Option<SeriesRef>> {
    let mut appender = db.appender();
    let appended = labels.iter().zip(refs).enumerate().map(|(i, (labels, known))| {
        let v = (t / 15_000) as f64 * (i % 7) as f64;
        appender.append(*known, labels, t, v).ok()
    });
    let refs = appended.collect();
    appender.commit().expect("the disk has room");
    refs
}

fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("append");
    group.throughput(Throughput::Elements(SERIES as u64)).sample_size(20);
    let labels = labels();
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { path: dir.path().to_owned(), retention_ms: 0, ..Options::default() };
    let db = Db::open(options, 0).expect("an empty directory opens");
    let mut t = 0;
    let refs = commit(&db, &labels, &vec![None; SERIES], t);
    group.bench_function("10k series by reference", |b| {
        b.iter(|| {
            t += 15_000;
            commit(&db, &labels, &refs, t)
        });
    });
    group.bench_function("10k series by labels", |b| {
        b.iter(|| {
            t += 15_000;
            commit(&db, &labels, &vec![None; SERIES], t)
        });
    });
    group.bench_function("10k new series", |b| {
        let fresh = || {
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().to_owned();
            let options = Options { path, retention_ms: 0, ..Options::default() };
            (Db::open(options, 0).expect("an empty directory opens"), dir)
        };
        let run = |(db, dir)| {
            commit(&db, &labels, &vec![None; SERIES], 0);
            (db, dir)
        };
        b.iter_batched(fresh, run, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, append);
criterion_main!(benches);
