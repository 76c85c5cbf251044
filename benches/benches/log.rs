//! The log: bytes per sample, and how fast it is replayed into a head.
//!
//! `FERULA_SAMPLES` may name a file of real samples (`benches::samples`). Time is CPU time, the best of
//! some replays. Not by criterion, which measures time as it passes.

use benches::cpu_seconds;
use benches::samples::Samples;
use tsdb::{Db, Options};

const REPLAYS: usize = 7;

fn main() {
    let samples = Samples::of_environment();
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { path: dir.path().to_owned(), retention_ms: 0, ..Options::default() };
    // Neither closed nor maintained: all of it is in the log only.
    let db = Db::open(options.clone(), 0).expect("an empty directory opens");
    let before = cpu_seconds();
    samples.append_to(&db, 0);
    let appending = cpu_seconds() - before;
    drop(db);
    let segments = std::fs::read_dir(dir.path().join("wal")).expect("a log");
    let bytes: u64 = segments
        .map(|segment| segment.and_then(|segment| segment.metadata()).expect("a segment").len())
        .sum();
    let replays = (0..REPLAYS).map(|_| {
        let before = cpu_seconds();
        let db = Db::open(options.clone(), 0).expect("it opens");
        let seconds = cpu_seconds() - before;
        drop(db);
        seconds
    });
    let replaying = replays.fold(f64::INFINITY, f64::min);
    let count = samples.count() as f64;
    eprintln!(
        "log: {count} samples, {} series: {:.3} bytes/sample, {:.2} M appends/s, {:.2} M replayed/s",
        samples.labels.len(),
        bytes as f64 / count,
        count / appending / 1e6,
        count / replaying / 1e6,
    );
}
