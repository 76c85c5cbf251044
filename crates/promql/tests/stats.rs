//! `stats`: how many samples a query looked at, whole and by step, as Prometheus 3.5 counts them.

use std::sync::Arc;

use model::Labels;
use model::clock::ManualClock;
use promql::{Answer, Engine, EngineOptions, QueryOptions};
use testkit::MemStorage;

/// Three series of a sample every 15 s for an hour.
fn store() -> MemStorage {
    let store = MemStorage::new();
    for i in ["0", "1", "2"] {
        let labels = Labels::from_pairs([("__name__", "x"), ("i", i)]);
        store.insert(&labels, (0..240).map(|n| (n * 15_000, n as f64)));
    }
    store
}

/// A query, and how many samples Prometheus 3.5.3 looks at for it at each step.
const QUERIES: &[(&str, u64)] = &[
    ("x", 3),
    ("rate(x[2m])", 24),
    ("sum(rate(x[2m]))", 24),
    ("x + on (i) x", 6),
    ("x @ 300", 3),
    ("rate(x[2m] @ 300)", 24),
    // They match nothing; what was read for them counts all the same.
    ("sum(x @ 300) + x", 6),
    ("max_over_time(x[5m:1m])", 15),
    ("max_over_time(rate(x[2m])[5m:1m])", 15),
    ("max_over_time(x[5m:1m] @ 300)", 15),
    ("max_over_time((x + x)[5m:1m])", 15),
    ("max_over_time(max_over_time(x[2m:1m])[5m:1m])", 15),
    ("timestamp(x)", 3),
    ("timestamp(x @ 300)", 3),
    ("time()", 0),
    ("vector(1)", 0),
    ("scalar(x{i=\"0\"})", 1),
    ("scalar(x{i=\"0\"} @ 300)", 1),
    ("absent(x)", 3),
    ("absent_over_time(x[2m])", 24),
    ("x offset 5m", 3),
    ("topk(1, x)", 3),
    ("nothing", 0),
    ("label_replace(x, \"a\", \"b\", \"\", \"\")", 3),
];

/// Instant queries of ranges.
const RANGES: &[(&str, u64)] = &[("x[2m]", 24), ("x[5m:1m]", 15)];

fn engine(per_step_stats: bool) -> Engine {
    let options = EngineOptions { per_step_stats, ..EngineOptions::default() };
    Engine::new(options, Arc::new(ManualClock::at(0)))
}

fn range(engine: &Engine, query: &str, per_step_stats: bool) -> Answer {
    let options = QueryOptions { per_step_stats, ..QueryOptions::default() };
    let expr = engine.parse(query).expect(query);
    engine.range(&store(), &expr, 600_000, 720_000, 60_000, &options).expect(query)
}

#[test]
fn samples_are_counted_as_prometheus_counts_them() {
    let engine = engine(true);
    for (query, each) in QUERIES {
        let answer = range(&engine, query, true);
        let expected: Vec<(i64, u64)> = [600_000, 660_000, 720_000].map(|t| (t, *each)).into();
        assert_eq!(answer.samples_per_step, Some(expected), "{query}");
        assert_eq!(answer.stats.total_queryable_samples, 3 * each, "{query}");
    }
    for (query, samples) in QUERIES.iter().take(2).chain(RANGES) {
        let options = QueryOptions { per_step_stats: true, ..QueryOptions::default() };
        let expr = engine.parse(query).expect(query);
        let answer = engine.instant(&store(), &expr, 600_000, &options).expect(query);
        assert_eq!(answer.samples_per_step, Some(vec![(600_000, *samples)]), "{query}");
        assert_eq!(answer.stats.total_queryable_samples, *samples, "{query}");
    }
}

#[test]
fn steps_are_counted_if_the_engine_does_and_the_query_asks() {
    for (does, asks) in [(true, false), (false, true), (false, false)] {
        assert_eq!(range(&engine(does), "x", asks).samples_per_step, None);
    }
}
