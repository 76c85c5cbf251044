//! How long it takes until all data answers: opening blocks, replaying the log, a saved head.
//!
//! With `FERULA_SERIES`, instead: so many series as of a cluster, 60 samples each, left as a killed
//! process leaves them, and closed.

use criterion::{Criterion, criterion_group, criterion_main};
use model::clock::{Clock, SystemClock};
use model::{Labels, TimeRange};
use storage::{Appendable, Columns, Queryable, SelectHints};
use tsdb::{Db, Options};

const HOUR: i64 = 3_600_000;

/// A database in `dir` with so many series, a sample each a minute, from the epoch on; closed, so that
/// the head is saved, or just left.
fn filled(dir: &std::path::Path, series: usize, minutes: i64, is_closed: bool) -> Options {
    let options = Options { path: dir.to_owned(), retention_ms: 0, ..Options::default() };
    let db = Db::open(options.clone(), 0).expect("an empty directory opens");
    let labels: Vec<Labels> = (0..series)
        .map(|i| {
            let name = format!("metric_{}", i % 50);
            let instance = format!("host-{}:9100", i / 50);
            Labels::from_pairs([("__name__", name), ("instance", instance)])
        })
        .collect();
    let mut refs = vec![None; series];
    for t in (0..minutes).map(|minute| minute * 60_000) {
        let mut appender = db.appender();
        for (i, (labels, known)) in labels.iter().zip(&mut refs).enumerate() {
            let v = f64::from(u32::try_from(i).expect("small")) + (t as f64 / 60_000.0);
            *known = Some(appender.append(*known, labels, t, v).expect("in order"));
        }
        appender.commit().expect("the disk has room");
        if t % HOUR == 0 {
            db.maintain(t);
        }
    }
    if is_closed {
        db.close().expect("the log syncs");
    }
    options
}

/// Time as it passes and CPU time until a database answers.
fn report(name: &str, series: usize, options: &Options) -> Db {
    let clock = SystemClock::new();
    let (begun_ms, cpu) = (clock.now_ms(), benches::cpu_seconds());
    let db = Db::open(options.clone(), 0).expect("it opens");
    let (passed_ms, cpu) = (clock.now_ms() - begun_ms, benches::cpu_seconds() - cpu);
    eprintln!("open: {series} series, {name}: {passed_ms} ms, CPU {cpu:.2} s");
    assert_eq!(db.status().num_series, series as u64);
    db
}

fn restart(series: usize) {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { path: dir.path().to_owned(), retention_ms: 0, ..Options::default() };
    let db = Db::open(options.clone(), 0).expect("an empty directory opens");
    let labels = benches::cluster::labels(series);
    let mut refs = vec![None; series];
    for t in (0..60).map(|at| at * 15_000) {
        for (labels, refs) in labels.chunks(500).zip(refs.chunks_mut(500)) {
            let mut appender = db.appender();
            for (i, (labels, known)) in labels.iter().zip(refs).enumerate() {
                let v = (t / 15_000 * (i as i64 % 7)) as f64;
                *known = Some(appender.append(*known, labels, t, v).expect("in order"));
            }
            appender.commit().expect("the disk has room");
        }
        db.maintain(t);
    }
    drop(db);
    for _ in 0..3 {
        drop(report("left", series, &options));
    }
    report("left", series, &options).close().expect("the log syncs");
    for _ in 0..3 {
        drop(report("closed", series, &options));
    }
}

fn open(c: &mut Criterion) {
    if let Some(series) = std::env::var("FERULA_SERIES").ok().and_then(|n| n.parse().ok()) {
        restart(series);
        return;
    }

    let mut group = c.benchmark_group("open");
    group.sample_size(10);
    for (name, series, minutes, is_closed) in [
        ("log of 10k series x 60", 10_000, 60, false),
        ("saved head of 10k series x 60", 10_000, 60, true),
        ("12 blocks", 500, 1_500, true),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let options = filled(dir.path(), series, minutes, is_closed);
        group.bench_function(name, |b| {
            b.iter(|| Db::open(options.clone(), 0).expect("it opens"));
        });
    }
    group.finish();
}

fn select(c: &mut Criterion) {
    if std::env::var_os("FERULA_SERIES").is_some() {
        return;
    }
    let mut group = c.benchmark_group("select");
    group.sample_size(20);
    let dir = tempfile::tempdir().expect("a directory");
    let options = filled(dir.path(), 5_000, 24 * 60 + 180, true);
    let db = Db::open(options, 0).expect("it opens");
    for (name, metric, range) in [
        ("100 series, an hour of a block", "metric_7", (6 * HOUR, 7 * HOUR)),
        ("100 series, a day", "metric_7", (0, 24 * HOUR)),
    ] {
        let range = TimeRange::new(range.0, range.1).expect("ordered");
        let matchers = [model::Matcher::equal("__name__", metric)];
        let mut columns = Columns::default();
        group.bench_function(name, |b| {
            b.iter(|| {
                let querier = db.querier(range).expect("a view");
                let mut samples = 0;
                for series in querier.select(&matchers, &SelectHints::default()).expect("a set") {
                    columns.clear();
                    series.expect("a series").read(range, &mut columns).expect("samples");
                    samples += columns.len();
                }
                samples
            });
        });
    }
    group.finish();
}

criterion_group!(benches, open, select);
criterion_main!(benches);
