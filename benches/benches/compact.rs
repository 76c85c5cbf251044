//! Compaction: how fast three blocks become one, in samples per second.
//!
//! `FERULA_SAMPLES` may name a file of real samples (`benches::samples`).

use std::path::Path;

use benches::samples::Samples;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tsdb::{Db, Options};

const HOUR: i64 = 3_600_000;
const BLOCKS: i64 = 3;

fn options(dir: &Path, widest_ms: i64) -> Options {
    Options {
        path: dir.to_owned(),
        retention_ms: 0,
        min_block_duration_ms: 2 * HOUR,
        max_block_duration_ms: widest_ms,
        ..Options::default()
    }
}

/// Copies the files of a data directory; it has no directories within those of blocks.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("it has a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("it copies");
        }
    }
}

fn compact(c: &mut Criterion) {
    let samples = Samples::of_environment();
    let cut = tempfile::tempdir().expect("a directory");
    let db = Db::open(options(cut.path(), 2 * HOUR), 0).expect("an empty directory opens");
    // Whole windows, one behind the other; one more, as the newest block is left alone; and one that
    // pushes them out of the head.
    let span = (samples.last() / (2 * HOUR) + 1) * 2 * HOUR;
    let first = samples.commits.first_key_value().map_or(0, |(t, _)| t / (2 * HOUR) * 2 * HOUR);
    let width = span - first;
    for n in 0..=BLOCKS + 1 {
        samples.append_to(&db, n * width - first);
        db.maintain((n + 1) * width);
    }
    let blocks = db.status().blocks;
    let merged = blocks.iter().filter(|block| block.max_time <= BLOCKS * width);
    let stored: u64 = merged.map(|block| block.stats.num_samples).sum();
    drop(db);
    let mut group = c.benchmark_group("compact");
    group.sample_size(10).throughput(Throughput::Elements(stored));
    group.bench_function("blocks of two hours into one", |b| {
        let setup = || {
            let dir = tempfile::tempdir().expect("a directory");
            copy(cut.path(), dir.path());
            let options = options(dir.path(), BLOCKS * width);
            let db = Db::open(options, (BLOCKS + 2) * width).expect("it opens");
            assert_eq!(db.status().blocks.len(), blocks.len());
            (dir, db)
        };
        let merge = |(dir, db): (tempfile::TempDir, Db)| {
            db.maintain((BLOCKS + 2) * width);
            assert!(db.status().blocks.len() < blocks.len(), "something was merged");
            (dir, db)
        };
        b.iter_batched(setup, merge, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, compact);
criterion_main!(benches);
