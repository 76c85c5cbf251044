//! What PromQL does with native histograms.

use std::sync::Arc;

use model::clock::ManualClock;
use model::histogram::CounterResetHint;
use model::{Histogram, Labels};
use promql::{Engine, EngineOptions, ParserOptions, QueryOptions, SampleValue, Value, parse_with};
use storage::Appendable;
use testkit::MemStorage;

fn histogram(count: f64) -> Histogram {
    Histogram { count, sum: count * 2.0, ..Histogram::default() }
}

/// `h` has histograms of 1 and 2 at 0 and 1 min, `g` of 1 and 1; `f` is 5 at both.
fn store() -> MemStorage {
    let store = MemStorage::default();
    for (t, h, g) in [(0, 1.0, 1.0), (60_000, 2.0, 1.0)] {
        let mut appender = store.appender();
        for (name, count) in [("h", h), ("g", g)] {
            let labels = Labels::from_pairs([("__name__", name)]);
            appender.append_histogram(None, &labels, t, &histogram(count)).expect("it is newer");
        }
        let labels = Labels::from_pairs([("__name__", "f")]);
        appender.append(None, &labels, t, 5.0).expect("it is newer");
        appender.commit().expect("memory takes everything");
    }
    store
}

/// The samples of each series at 0 and 1 min, infos behind them.
fn answer(query: &str) -> String {
    let engine = Engine::new(EngineOptions::default(), Arc::new(ManualClock::at(0)));
    let expr = promql::parse(query).expect(query);
    let options = QueryOptions::default();
    let answer = match engine.range(&store(), &expr, 0, 60_000, 60_000, &options) {
        Ok(answer) => answer,
        Err(error) => return error.to_string(),
    };
    let Value::Matrix(series) = answer.value else { panic!("a range query gives a matrix") };
    let mut lines: Vec<String> = Vec::new();
    for one in series {
        let floats = one.floats.iter().map(|(t, v)| (*t, v.to_string()));
        let histograms =
            one.histograms.iter().map(|(t, h)| (*t, format!("<{} {}>", h.count, h.sum)));
        let mut all: Vec<(i64, String)> = floats.chain(histograms).collect();
        all.sort();
        let all: Vec<String> =
            all.into_iter().map(|(t, v)| format!("{v}@{}", t / 60_000)).collect();
        lines.push(format!("{} {}", one.labels, all.join(" ")));
    }
    lines.extend(answer.annotations.warnings(query));
    lines.extend(answer.annotations.infos(query));
    lines.join("\n")
}

#[test]
fn histograms_pass_through_and_are_compared() {
    for (query, expected) in [
        ("h", r#"{__name__="h"} <1 2>@0 <2 4>@1"#),
        ("h * 2", "{} <2 4>@0 <4 8>@1"),
        ("h / 2", "{} <0.5 1>@0 <1 2>@1"),
        ("-h", "{} <-1 -2>@0 <-2 -4>@1"),
        ("h == on() g", "{} <1 2>@0"),
        ("h != bool on() g", "{} 0@0 1@1"),
        ("h and on() f", r#"{__name__="h"} <1 2>@0 <2 4>@1"#),
        ("h unless on() f", ""),
        ("count({__name__=~\"h|f\"})", "{} 2@0 2@1"),
        ("histogram_count(h)", "{} 1@0 2@1"),
        ("histogram_sum(h)", "{} 2@0 4@1"),
        ("histogram_avg(h)", "{} 2@0 2@1"),
        ("abs(h)", ""),
        ("absent(h)", ""),
        ("timestamp(h)", "{} 0@0 60@1"),
        (
            "sort({__name__=~\"h|f\"})",
            "{__name__=\"f\"} 5@0 5@1\nPromQL warning: sort is ineffective for range queries since \
             results are always ordered by labels (1:1)",
        ),
        ("label_replace(h, \"a\", \"b\", \"\", \"\")", r#"{__name__="h", a="b"} <1 2>@0 <2 4>@1"#),
        (
            "h > 1",
            "PromQL info: incompatible sample types encountered for binary operator \">\": \
             histogram > float (1:1)",
        ),
        (
            "h + on() f",
            "PromQL info: incompatible sample types encountered for binary operator \"+\": \
             histogram + float (1:1)",
        ),
        // Two would match the same one, if only they fitted.
        (
            "(f or label_replace(f, \"a\", \"b\", \"\", \"\")) + on() h",
            "PromQL info: incompatible sample types encountered for binary operator \"+\": \
             float + histogram (1:1)",
        ),
        (
            "max({__name__=~\"h|f\"})",
            "{} 5@0 5@1\nPromQL info: ignored histogram in max aggregation (1:5)",
        ),
    ] {
        assert_eq!(answer(query), expected, "{query}");
    }
}

#[test]
fn sorting_by_labels_needs_no_order_of_histograms() {
    let engine = Engine::new(EngineOptions::default(), Arc::new(ManualClock::at(0)));
    let parser = ParserOptions::ALL;
    for (query, expected) in
        [("sort_by_label(h, \"i\")", 1), ("sort_by_label_desc(h, \"i\")", 1), ("sort(h)", 0)]
    {
        let expr = parse_with(query, parser).expect(query);
        let answer = engine.instant(&store(), &expr, 0, &QueryOptions::default()).expect(query);
        let Value::Vector(elements) = answer.value else { panic!("an instant query of a vector") };
        assert_eq!(elements.len(), expected, "{query}");
    }
}

#[test]
fn histograms_are_added_up_and_looked_into() {
    for (query, expected) in [
        ("h + on() g", "{} <2 4>@0 <3 6>@1"),
        ("h - on() g", "{} <0 0>@0 <1 2>@1"),
        ("sum({__name__=~\"h|g\"})", "{} <2 4>@0 <3 6>@1"),
        ("avg({__name__=~\"h|g\"})", "{} <1 2>@0 <1.5 3>@1"),
        (
            "sum({__name__=~\"h|f\"})",
            "PromQL warning: encountered a mix of histograms and floats for aggregation (1:5)",
        ),
        ("increase(h[2m])", "{} <2 4>@1"),
        ("sum_over_time(h[2m])", "{} <1 2>@0 <3 6>@1"),
        ("avg_over_time(h[2m])", "{} <1 2>@0 <1.5 3>@1"),
        ("count_over_time(h[2m])", "{} 1@0 2@1"),
        ("last_over_time(h[2m])", r#"{__name__="h"} <1 2>@0 <2 4>@1"#),
        ("changes(h[2m])", "{} 0@0 1@1"),
        ("resets(h[2m])", "{} 0@0 0@1"),
        ("max_over_time(h[2m])", ""),
        (
            "histogram_quantile(2, h) > 0",
            "{} inf@0 inf@1\nPromQL warning: quantile value should be between 0 and 1, got 2 (1:20)",
        ),
    ] {
        assert_eq!(answer(query), expected, "{query}");
    }
}

#[test]
fn an_instant_query_gives_histograms_too() {
    let engine = Engine::new(EngineOptions::default(), Arc::new(ManualClock::at(0)));
    let expr = promql::parse("h").expect("it parses");
    let answer = engine.instant(&store(), &expr, 60_000, &QueryOptions::default());
    let Ok(Value::Vector(samples)) = answer.map(|answer| answer.value) else {
        panic!("an instant query gives a vector")
    };
    // The one before it counts less.
    let counter_reset_hint = CounterResetHint::NotReset;
    let expected = Histogram { counter_reset_hint, ..histogram(2.0) };
    assert_eq!(samples[0].value, SampleValue::Histogram(Box::new(expected)));
}
