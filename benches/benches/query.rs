//! How long typical dashboard queries take over six hours of 1000 series scraped every 15 s.

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use model::Labels;
use model::clock::SystemClock;
use promql::{Engine, EngineOptions, QueryOptions};
use storage::Appendable;
use tsdb::{Db, Options};

const SERIES: usize = 1_000;
const SCRAPE_MS: i64 = 15_000;
const HOURS: i64 = 6;

/// 1000 counters of 10 jobs with 100 instances, and histograms of 10 buckets of 10 of them.
fn filled(dir: &std::path::Path) -> Db {
    let options = Options { path: dir.to_owned(), retention_ms: 0, ..Options::default() };
    let db = Db::open(options, 0).expect("an empty directory opens");
    let counter = |i: usize| {
        let (job, instance) = (format!("job-{}", i % 10), format!("host-{}:80", i / 10));
        Labels::from_pairs([
            ("__name__", "requests_total".to_owned()),
            ("job", job),
            ("instance", instance),
        ])
    };
    let bucket = |i: usize| {
        let (le, instance) = (format!("{}", 1 << (i % 10)), format!("host-{}:80", i / 10));
        let le = if i % 10 == 9 { "+Inf".to_owned() } else { le };
        Labels::from_pairs([
            ("__name__", "latency_bucket".to_owned()),
            ("instance", instance),
            ("le", le),
        ])
    };
    let series: Vec<Labels> = (0..SERIES).map(counter).chain((0..100).map(bucket)).collect();
    let mut refs = vec![None; series.len()];
    for step in 0..HOURS * 3_600_000 / SCRAPE_MS {
        let mut appender = db.appender();
        for (i, (labels, known)) in series.iter().zip(&mut refs).enumerate() {
            let v = step as f64 * (1 + i % 13) as f64;
            let appended = appender.append(*known, labels, step * SCRAPE_MS, v);
            *known = Some(appended.expect("in order"));
        }
        appender.commit().expect("the disk has room");
    }
    db
}

fn query(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let db = filled(dir.path());
    let engine = Engine::new(EngineOptions::default(), Arc::new(SystemClock::new()));
    let end = HOURS * 3_600_000 - SCRAPE_MS;
    let mut group = c.benchmark_group("query");
    group.sample_size(10);
    for query in [
        "requests_total{instance=\"host-7:80\"}",
        "sum by (job) (rate(requests_total[5m]))",
        "histogram_quantile(0.95, sum by (le) (rate(latency_bucket[5m])))",
        "max_over_time(requests_total{job=\"job-1\"}[1h])",
        "topk(5, rate(requests_total[5m]))",
        "sum(rate(requests_total[5m])) / sum(rate(requests_total[1h] offset 1h))",
        "sum(rate(requests_total[5m])) / count(rate(requests_total[5m]))",
        "(requests_total - requests_total offset 5m) / requests_total",
    ] {
        let expr = promql::parse(query).expect("it parses");
        let options = QueryOptions::default();
        group.bench_function(query, |b| {
            b.iter(|| engine.range(&db, &expr, 0, end, 60_000, &options).expect("it answers"));
        });
    }
    group.finish();
}

criterion_group!(benches, query);
criterion_main!(benches);
