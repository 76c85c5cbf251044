//! Equal parts of a query are evaluated once, and nobody can tell by the answer.

use std::sync::Arc;

use model::Labels;
use model::clock::ManualClock;
use promql::{Answer, Engine, EngineOptions, Explained, ParserOptions, QueryOptions};
use testkit::MemStorage;

fn store() -> MemStorage {
    let store = MemStorage::new();
    for name in ["x", "y_total"] {
        for i in ["0", "1", "2"] {
            let labels = Labels::from_pairs([("__name__", name), ("i", i), ("le", i)]);
            store.insert(&labels, (0..240).map(|n| (n * 15_000, (n % 17) as f64)));
        }
    }
    store
}

fn ask(query: &str, is_range: bool, share: bool, max_samples: usize) -> Answer {
    let parser = ParserOptions { experimental_functions: true, ..ParserOptions::default() };
    let per_step_stats = true;
    let options =
        EngineOptions { share, parser, per_step_stats, max_samples, ..EngineOptions::default() };
    let engine = Engine::new(options, Arc::new(ManualClock::at(0)));
    let expr = engine.parse(query).expect(query);
    let options = QueryOptions { explain: true, per_step_stats, ..QueryOptions::default() };
    let answer = if is_range {
        engine.range(&store(), &expr, 600_000, 1_200_000, 60_000, &options)
    } else {
        engine.instant(&store(), &expr, 600_000, &options)
    };
    answer.unwrap_or_else(|error| panic!("{query}: {error}"))
}

/// How many samples all nodes decoded.
fn decoded(node: &Explained) -> u64 {
    node.cost.samples + node.operands.iter().map(decoded).sum::<u64>()
}

/// Queries, and whether some of their parts are equal vectors.
const QUERIES: &[(&str, bool)] = &[
    ("sum(rate(x[5m])) / count(rate(x[5m]))", true),
    ("sum(rate(x[5m])) / count(rate( (x[5m]) ))", false),
    ("sum(rate(x[5m])) / count(rate(x[300s]))", true),
    ("rate(x[5m]) / rate(x[5m] offset 1m)", false),
    ("(x - x offset 1m) / x", true),
    ("sum(x) / count(x)", false),
    ("sum(abs(x)) / count(abs(x)) + on () group_right () abs(x)", true),
    ("sum(rate(x[5m])) or sum(rate(x[5m])) or max(rate(x[5m]))", true),
    ("max(x @ 300) + on () group_right () (x and x) + on () group_left () max(x @ 300)", true),
    ("quantile(2, rate(x[5m])) + on () group_right () rate(x[5m])", true),
    ("quantile(2, rate(x[5m])) or quantile(2, rate(x[5m])) or rate(x[5m]) and rate(x[5m])", true),
    ("timestamp(x) + timestamp(x)", true),
    ("timestamp(x) + on (i) x + on (i) timestamp(+x)", false),
    ("max_over_time(sum(x)[5m:1m]) + max_over_time(sum(x)[5m:1m])", true),
    ("rate(x[5m]) unless on (i) (rate(x[5m]) > 1) or rate(x[5m])", true),
    ("histogram_quantile(1.5, x) + histogram_quantile(1.5, x)", true),
    ("topk(1, abs(x)) or bottomk(1, abs(x))", true),
    ("sort_desc(abs(x)) or abs(x)", true),
    ("absent(sum(nothing)) + absent(sum(nothing))", false),
    ("vector(1) + vector(1)", false),
    ("x * scalar(sum(x)) + on (i) x * scalar(sum(x))", true),
];

#[test]
fn an_answer_is_the_same_whether_parts_are_shared_or_not() {
    for (query, _) in QUERIES {
        for is_range in [false, true] {
            let shared = ask(query, is_range, true, 1_000_000);
            let alone = ask(query, is_range, false, 1_000_000);
            assert_eq!(shared.value, alone.value, "{query}");
            assert_eq!(shared.annotations, alone.annotations, "{query}");
            assert_eq!(shared.samples_per_step, alone.samples_per_step, "{query}");
            let read = |answer: &Answer| answer.stats.total_queryable_samples;
            assert_eq!(read(&shared), read(&alone), "{query}");
        }
    }
}

#[test]
fn what_is_shared_is_read_once() {
    for (query, shares) in QUERIES {
        let of = |share| {
            let answer = ask(query, true, share, 1_000_000);
            decoded(&answer.explained.expect("it was asked for"))
        };
        let (with, without) = (of(true), of(false));
        assert_eq!(with < without, *shares, "{query}: {with} samples, {without} without sharing");
    }
}

#[test]
fn what_there_is_no_room_for_is_read_again() {
    let query = "sum(rate(x[5m])) / count(rate(x[5m]))";
    let of = |max_samples| {
        let answer = ask(query, true, true, max_samples);
        (decoded(answer.explained.as_ref().expect("it was asked for")), answer.value)
    };
    let (plenty, scarce) = (of(1000), of(60));
    assert_eq!(plenty.1, scarce.1);
    assert_eq!(2 * plenty.0, scarce.0);
}

#[test]
fn whatever_passes_alone_passes_shared() {
    for (query, _) in QUERIES {
        for is_range in [false, true] {
            let alone = ask(query, is_range, false, 1_000_000);
            let enough = alone.stats.peak_samples;
            assert_eq!(ask(query, is_range, true, enough).value, alone.value, "{query}");
        }
    }
}
