//! What functions and aggregations cost: by family, by number of series, and by length of the window.
//!
//! A day at 15 s asked every minute, of 1, 100 and 10,000 series; and 60 counters over 31 days, asked
//! over 30 days every half hour, with windows of 5 minutes, a day and 30 days: the cost must not grow
//! with the window.

use std::path::Path;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use model::Labels;
use model::clock::SystemClock;
use promql::{Engine, EngineOptions, QueryOptions};
use storage::Appendable;
use tsdb::{Db, Options};

const SCRAPE_MS: i64 = 15_000;
const DAY_MS: i64 = 86_400_000;
/// So many series have the same value of the label `group`.
const GROUP: usize = 10;

/// Functions of windows, one or two of each way to slide.
const OF_WINDOWS: [(&str, &str); 10] = [
    ("rate", "rate(c[W])"),
    ("irate", "irate(c[W])"),
    ("count_over_time", "count_over_time(c[W])"),
    ("sum_over_time", "sum_over_time(c[W])"),
    ("avg_over_time", "avg_over_time(c[W])"),
    ("max_over_time", "max_over_time(c[W])"),
    ("stddev_over_time", "stddev_over_time(c[W])"),
    ("quantile_over_time", "quantile_over_time(0.9, c[W])"),
    ("deriv", "deriv(c[W])"),
    ("changes", "changes(c[W])"),
];

/// What works on values that are there already.
const OF_VECTORS: [(&str, &str); 5] = [
    ("selector", "c"),
    ("abs", "abs(c)"),
    ("plus a number", "c + 1"),
    ("plus a vector", "c + on (i, group) c"),
    ("and", "c and on (i, group) c"),
];

/// What makes few series of many.
const AGGREGATIONS: [(&str, &str); 6] = [
    ("sum", "sum(c)"),
    ("sum by", "sum by (group) (c)"),
    ("stddev by", "stddev by (group) (c)"),
    ("quantile by", "quantile by (group) (0.9, c)"),
    ("topk", "topk(5, c)"),
    ("count_values", "count_values(\"v\", c % 10)"),
];

/// Counters with some falls, `days` long, up to day 31, cut into blocks and compacted.
fn filled(dir: &Path, series: usize, days: i64) -> Db {
    let options = Options { path: dir.to_owned(), retention_ms: 0, ..Options::default() };
    let db = Db::open(options, 0).expect("an empty directory opens");
    let labels: Vec<Labels> = (0..series)
        .map(|i| {
            let (i, group) = (i.to_string(), (i / GROUP).to_string());
            Labels::from_pairs([("__name__", "c"), ("i", i.as_str()), ("group", group.as_str())])
        })
        .collect();
    let mut refs = vec![None; series];
    let mut values = vec![0.0; series];
    let mut state = 1u64;
    let end = 31 * DAY_MS;
    let mut t = end - days * DAY_MS;
    while t <= end {
        let mut appender = db.appender();
        for ((labels, known), value) in labels.iter().zip(&mut refs).zip(&mut values) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let drawn = state >> 33;
            *value = if drawn.is_multiple_of(40_000) { 0.0 } else { *value + (drawn % 20) as f64 };
            *known = Some(appender.append(*known, labels, t, *value).expect("in order"));
        }
        appender.commit().expect("the disk has room");
        t += SCRAPE_MS;
        if t % (DAY_MS / 12) == 0 {
            db.maintain(t);
        }
    }
    db.maintain(end + DAY_MS);
    db
}

/// A query over the last `days`, at steps of `step_ms`.
fn ask(engine: &Engine, db: &Db, query: &str, days: i64, step_ms: i64) -> usize {
    let expr = promql::parse(query).expect("it parses");
    let (start, end) = ((31 - days) * DAY_MS, 31 * DAY_MS);
    let answer = engine.range(db, &expr, start, end, step_ms, &QueryOptions::default());
    match answer.expect("it answers").value {
        promql::Value::Matrix(series) => series.len(),
        value => panic!("{query} gives {value:?}"),
    }
}

fn engine() -> Engine {
    let options = EngineOptions { max_samples: usize::MAX, ..EngineOptions::default() };
    Engine::new(options, Arc::new(SystemClock::new()))
}

fn by_series(c: &mut Criterion) {
    let engine = engine();
    for series in [1, 100, 10_000] {
        let dir = tempfile::tempdir().expect("a directory");
        let db = filled(dir.path(), series, 1);
        let mut group = c.benchmark_group(format!("{series} series, 24 h"));
        group.sample_size(10);
        let of_windows = OF_WINDOWS.map(|(name, query)| (name, query.replace('W', "5m")));
        let of_vectors = OF_VECTORS.map(|(name, query)| (name, query.to_owned()));
        // An answer of all series at all steps would measure the answer.
        let counted = of_windows.into_iter().chain(of_vectors);
        let counted = counted.map(|(name, query)| (name, format!("count({query})")));
        let aggregations = AGGREGATIONS.map(|(name, query)| (name, query.to_owned()));
        for (name, query) in counted.chain(aggregations) {
            group.bench_function(name, |b| b.iter(|| ask(&engine, &db, &query, 1, 60_000)));
        }
        group.finish();
    }
}

fn by_window(c: &mut Criterion) {
    let engine = engine();
    let dir = tempfile::tempdir().expect("a directory");
    let db = filled(dir.path(), 60, 31);
    let mut group = c.benchmark_group("60 series, 30 d, by window");
    group.sample_size(10);
    for (name, query) in OF_WINDOWS {
        for window in ["5m", "1d", "30d"] {
            let query = format!("sum by (group) ({})", query.replace('W', window));
            group.bench_function(BenchmarkId::new(name, window), |b| {
                b.iter(|| ask(&engine, &db, &query, 30, 1_800_000));
            });
        }
    }
    let query = promql::parse("sum by (group) (increase(c[30d]))").expect("it parses");
    group.bench_function("increase, at once", |b| {
        b.iter(|| engine.instant(&db, &query, 31 * DAY_MS, &QueryOptions::default()));
    });
    group.finish();
}

criterion_group!(benches, by_series, by_window);
criterion_main!(benches);
