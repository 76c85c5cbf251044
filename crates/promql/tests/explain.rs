//! `explain`: what each node of a plan hands on and reads.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use model::Labels;
use model::clock::{ManualClock, SystemClock};
use promql::{Answer, Engine, EngineOptions, Explained, QueryOptions};
use testkit::MemStorage;

/// Two series of a sample every 15 s for an hour, in chunks of 16 samples: 4 minutes.
fn store() -> MemStorage {
    let store = MemStorage::new();
    for i in ["0", "1"] {
        let labels = Labels::from_pairs([("__name__", "x"), ("i", i)]);
        store.insert(&labels, (0..240).map(|n| (n * 15_000, n as f64)));
    }
    store
}

fn ask(engine: &Engine, query: &str, step_ms: i64, explain: bool) -> Answer {
    let expr = engine.parse(query).expect(query);
    let lookback_delta_ms = Some(60_000);
    let options = QueryOptions { explain, lookback_delta_ms, ..QueryOptions::default() };
    engine.range(&store(), &expr, 0, 3_600_000, step_ms, &options).expect(query)
}

/// A line per node: what it is, its text, series, samples, chunks decoded and skipped.
fn told(node: &Explained, query: &str, depth: usize, out: &mut String) {
    let (cost, text) = (&node.cost, node.text(query));
    let (decoded, skipped) = (cost.chunks_decoded, cost.chunks_skipped);
    writeln!(
        out,
        "{:depth$}{} {} `{text}` {} {} {decoded}+{skipped}",
        "", node.kind, node.name, cost.series, cost.samples
    )
    .expect("a String takes everything");
    for operand in &node.operands {
        told(operand, query, depth + 1, out);
    }
}

fn check(query: &str, step_ms: i64, expected: &[&str]) {
    let engine = Engine::new(EngineOptions::default(), Arc::new(ManualClock::at(0)));
    let explained = ask(&engine, query, step_ms, true).explained.expect("it was asked for");
    let mut lines = String::new();
    told(&explained, query, 0, &mut lines);
    assert_eq!(lines.lines().collect::<Vec<_>>(), expected, "{query}");
}

#[test]
fn each_node_says_what_it_hands_on_and_what_it_read() {
    check(
        "sum(rate(x[5m])) > 1 + 1",
        60_000,
        &[
            "binary > `sum(rate(x[5m])) > 1 + 1` 1 0 0+0",
            " aggregation sum `sum(rate(x[5m]))` 1 0 0+0",
            "  call rate `rate(x[5m])` 2 0 0+0",
            "   range selector  `x[5m]` 2 480 30+0",
            " number  `1 + 1` 0 0 0+0",
        ],
    );
    check(
        "topk(1, x @ 60) or -(x{i=\"1\"})",
        60_000,
        &[
            "binary or `topk(1, x @ 60) or -(x{i=\"1\"})` 2 0 0+0",
            " once  `topk(1, x @ 60)` 1 0 0+0",
            "  aggregation topk `topk(1, x @ 60)` 1 0 0+0",
            "   number  `1` 0 0 0+0",
            "   selector  `x @ 60` 2 8 2+28",
            " negation  `-(x{i=\"1\"})` 1 0 0+0",
            "  selector  `x{i=\"1\"}` 1 240 15+0",
        ],
    );
}

#[test]
fn chunks_that_no_step_sees_are_counted_as_skipped() {
    // Every 20 minutes, seen one minute back, where a chunk ends and the next one begins.
    check("x{i=\"0\"}", 1_200_000, &["selector  `x{i=\"0\"}` 1 96 6+9"]);
    check(
        "max_over_time(timestamp(x)[2m:1m])",
        1_200_000,
        &[
            "call max_over_time `max_over_time(timestamp(x)[2m:1m])` 2 0 0+0",
            " subquery  `timestamp(x)[2m:1m]` 2 0 0+0",
            "  call timestamp `timestamp(x)` 2 0 0+0",
            "   selector  `x` 2 480 30+0",
        ],
    );
}

#[test]
fn the_times_of_all_nodes_are_the_time_of_the_evaluation() {
    let engine = Engine::new(EngineOptions::default(), Arc::new(SystemClock::new()));
    let answer = ask(&engine, "sum by (i) (rate(x[5m])) / on (i) sum by (i) (x)", 60_000, true);
    let explained = answer.explained.expect("it was asked for");
    assert!(explained.total <= answer.stats.evaluation);
    assert!(explained.total > Duration::ZERO);
    let below: Duration = explained.operands.iter().map(|operand| operand.total).sum();
    assert_eq!(explained.total, explained.cost.own + below);
}

#[test]
fn who_does_not_ask_gets_the_same_answer_without_it() {
    let engine = Engine::new(EngineOptions::default(), Arc::new(ManualClock::at(0)));
    let query = "sum(rate(x[5m])) / count(x)";
    let (with, without) = (ask(&engine, query, 60_000, true), ask(&engine, query, 60_000, false));
    assert_eq!((with.value, with.stats), (without.value, without.stats));
    assert_eq!(without.explained, None);
}
