//! `max_samples`: whatever a query holds is charged, whatever its shape.

use std::sync::Arc;

use model::clock::ManualClock;
use model::{Histogram, Labels};
use promql::{Answer, Engine, EngineError, EngineOptions, QueryOptions};
use storage::Appendable;
use testkit::MemStorage;

/// A long series, some short ones, many with long labels, and native histograms.
fn store() -> MemStorage {
    let store = MemStorage::new();
    let mut appender = store.appender();
    let labels = |name: &str, i: usize| {
        let padding = "x".repeat(if name == "names" { 200 } else { 0 });
        Labels::from_pairs([
            ("__name__", name),
            ("i", &format!("{i}{padding}")),
            ("le", &i.to_string()),
        ])
    };
    let mut float = |labels: &Labels, t, v| {
        appender.append(None, labels, t, v).expect("in order");
    };
    let long = labels("long", 0);
    (0..300_000).for_each(|n| float(&long, n, n as f64));
    for i in 0..300 {
        (0..3).for_each(|n| float(&labels("m", i), n * 150_000, i as f64));
    }
    (0..20_000).for_each(|i| float(&labels("names", i), 299_000, i as f64));
    for i in 0..20 {
        let h = labels("h", i);
        for n in 1..20 {
            let positive = vec![f64::from(n); 400];
            let spans = vec![model::histogram::Span { offset: 0, length: 400 }];
            let histogram = Histogram {
                count: 400.0 * f64::from(n),
                positive,
                positive_spans: spans,
                ..Histogram::default()
            };
            let t = i64::from(n) * 15_000;
            appender.append_histogram(None, &h, t, &histogram).expect("in order");
        }
    }
    appender.commit().expect("memory takes every commit");
    store
}

fn ask(
    store: &MemStorage,
    query: &str,
    is_range: bool,
    max_samples: usize,
) -> Result<Answer, EngineError> {
    let options = EngineOptions { max_samples, ..EngineOptions::default() };
    let engine = Engine::new(options, Arc::new(ManualClock::at(0)));
    let expr = engine.parse(query).expect(query);
    let options = QueryOptions::default();
    if is_range {
        engine.range(store, &expr, 0, 300_000, 1000, &options)
    } else {
        engine.instant(store, &expr, 299_999, &options)
    }
}

/// Range queries of 301 steps: what they hold, and the query.
const RANGE: &[(&str, &str)] = &[
    ("the answer", "m"),
    ("columns that a function changed", "-m"),
    ("windows", "max_over_time(m[5m])"),
    ("groups", "sum by (i) (m)"),
    ("columns of a group", "quantile(0.5, m)"),
    ("series to choose from", "topk(1, m)"),
    ("values that are counted", "count_values(\"v\", m)"),
    ("both sides", "m + on (i) m"),
    ("the left side and the right one", "m or m"),
    ("series with other labels", "label_replace(m, \"x\", \"y\", \"i\", \".*\")"),
    ("series in order", "sort(m)"),
    ("times", "timestamp(m)"),
    ("classic histograms", "histogram_quantile(0.5, m)"),
    ("points of a subquery", "max_over_time(m[5m:1s])"),
    ("scalars of a subquery", "max_over_time(vector(time())[1h:1s])"),
    ("histograms of a group", "sum(h)"),
    ("rates of histograms", "rate(h[1m])"),
    ("what is the same at every step", "sum by (i) (m @ 0) * 2"),
];

/// Instant queries.
const INSTANT: &[(&str, &str)] = &[
    ("a long series as columns", "max_over_time(long[1h])"),
    ("a long series as it is", "long[1h]"),
    ("histograms as they are", "h[1h]"),
    ("points as they are", "m[5m:1s]"),
    ("labels of an answer", "names"),
    ("labels of groups", "sum by (i) (names)"),
    ("labels of series to choose from", "topk(1, names)"),
    ("labels of values that are counted", "count_values(\"v\", names)"),
    ("signatures of a set", "names and names"),
    ("signatures of a join", "names + on (i) names"),
    ("labels that are replaced", "label_replace(names, \"x\", \"$1\", \"i\", \"(.*)\")"),
    ("labels that must differ", "sum(last_over_time(names[5m]))"),
];

#[test]
fn whatever_a_query_holds_is_charged() {
    let store = store();
    for (queries, is_range) in [(RANGE, true), (INSTANT, false)] {
        for (what, query) in queries {
            let few = ask(&store, query, is_range, 1500);
            let refused = matches!(few, Err(EngineError::TooManySamples));
            assert!(refused, "{what}: {query} passed or failed otherwise: {:?}", few.err());
            let many = ask(&store, query, is_range, 20_000_000);
            let answer = many.unwrap_or_else(|error| panic!("{what}: {query}: {error}"));
            assert!(answer.stats.peak_samples > 1500, "{what}: {query}");
        }
    }
}

#[test]
fn small_limits_mean_samples_as_in_prometheus() {
    let store = store();
    for (query, max_samples, passes) in [
        ("m", 300, true),
        ("m", 299, false),
        ("sum(m)", 300, true),
        ("m[3m]", 300, true),
        ("m[3m]", 299, false),
        ("1 + 1", 1, true),
    ] {
        let told = ask(&store, query, false, max_samples);
        assert_eq!(told.is_ok(), passes, "{query} with {max_samples}: {:?}", told.err());
    }
}

#[test]
fn what_was_charged_is_given_back() {
    let store = store();
    let engine = Engine::new(EngineOptions::default(), Arc::new(ManualClock::at(0)));
    for (_, query) in INSTANT {
        let options = QueryOptions::default();
        let expr = engine.parse(query).expect(query);
        let answer = engine.instant(&store, &expr, 299_999, &options).expect(query);
        assert!(options.usage.peak() > 0, "{query}");
        drop(answer);
        assert_eq!(options.usage.held(), 0, "{query}");
    }
}
