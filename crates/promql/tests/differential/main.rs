//! The engine against its slow twin, which evaluates one time after another by the letter.
//!
//! Random queries over random series are asked of both: the same series at the same times, the same
//! values but for rounding, and no answer from one where the other has none. A failing case is shown
//! as a script that a real Prometheus can be asked with. `PROPTEST_CASES` sets how many are tried.

mod data;
mod queries;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use data::Data;
use model::clock::ManualClock;
use model::{Histogram, Labels, Timestamp};
use promql::ast::{AggregateOp, Expr};
use promql::{Engine, EngineOptions, ParserOptions, QueryOptions, SampleValue, Value, parse_with};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::Config;
use testkit::MemStorage;
use testkit::literal::{Literal, LiteralError, Meaning, Times};
use testkit::script::walk;

/// How many cases are tried if nothing else is said.
const CASES: u32 = 800;
/// By what part of themselves, or of 1, values may differ.
const TOLERANCE: f64 = 1e-9;

/// Queries whose answers have an order.
const SORTED: &[&str] = &[
    "sort(g)",
    "sort_desc(g)",
    "sort(x or s)",
    "topk(2, g)",
    "bottomk(3, g)",
    "bottomk(9, c_total or s)",
    "sort_desc(rate(c_total[5m]))",
];

/// What the literal evaluator does not know: `limit_ratio` chooses by a hash of its own, several
/// quantiles are several times one, and `info` and start timestamps are held by scripts.
const UNASKED: [&str; 4] = ["limit_ratio", "histogram_quantiles", "info", "start_timestamp"];

/// An answer: the value of each series at each time.
type Answer = BTreeMap<(Timestamp, Labels), SampleValue>;

#[derive(Clone)]
struct Case {
    data: Data,
    query: String,
    times: Times,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Times { start, end, step_ms } = self.times;
        write!(f, "{:?}", self.data)?;
        if step_ms == 0 {
            return writeln!(f, "eval instant at {start}ms {}", self.query);
        }
        writeln!(f, "eval range from {start}ms to {end}ms step {step_ms}ms {}", self.query)
    }
}

fn case() -> impl Strategy<Value = Case> {
    let eighth = 125;
    let step = prop_oneof![4 => 1..960i64, 2 => Just(120), 1 => 960..8_000i64];
    let times = (-400..6_000i64, step, 0..12i64, 0..2i64);
    (data::data(), queries::query(), times).prop_map(
        move |(data, query, (start, step, count, rest))| {
            let (start, step_ms) = (start * eighth, step * eighth);
            let end = start + count * step_ms + rest * step_ms / 2;
            let times = Times { start, end, step_ms: if end == start { 0 } else { step_ms } };
            Case { data, query, times }
        },
    )
}

fn of_engine(store: &MemStorage, expr: &Expr, times: Times) -> Result<Answer, String> {
    let options = EngineOptions::default();
    let engine = Engine::new(options, Arc::new(ManualClock::at(0)));
    let Times { start, end, step_ms } = times;
    let options = QueryOptions::default();
    let answer = if step_ms == 0 {
        engine.instant(store, expr, start, &options)
    } else {
        engine.range(store, expr, start, end, step_ms, &options)
    };
    let mut all = Answer::new();
    match answer.map_err(|error| error.to_string())?.value {
        Value::Scalar { t, v } => {
            all.insert((t, Labels::empty()), SampleValue::Float(v));
        }
        Value::Vector(samples) => {
            all.extend(samples.into_iter().map(|s| ((s.t, s.labels), s.value)));
        }
        Value::Matrix(series) => {
            for one in series {
                let key = |t: Timestamp| (t, one.labels.clone());
                all.extend(one.floats.iter().map(|(t, v)| (key(*t), SampleValue::Float(*v))));
                let histograms = one.histograms.iter();
                let boxed = |h: &Histogram| SampleValue::Histogram(Box::new(h.clone()));
                all.extend(histograms.map(|(t, h)| (key(*t), boxed(h))));
            }
        }
        Value::String { .. } => panic!("no query for a text is asked"),
    }
    Ok(all)
}

fn of_twin(store: &MemStorage, expr: &Expr, times: Times) -> Result<Answer, String> {
    let literal = Literal::new(store, times).expect("memory can be read");
    let meanings = literal.range(expr).map_err(|error| match error {
        LiteralError::Refused(why) => why,
        error => panic!("the queries here are those it knows: {error}"),
    })?;
    let mut all = Answer::new();
    for (t, meaning) in meanings {
        match meaning {
            Meaning::Scalar(v) => {
                all.insert((t, Labels::empty()), SampleValue::Float(v));
            }
            Meaning::Vector(vector) => {
                all.extend(vector.into_iter().map(|(labels, value)| ((t, labels), value)));
            }
            other => panic!("no query for {other:?} is asked"),
        }
    }
    Ok(all)
}

fn is_near(a: f64, b: f64) -> bool {
    let scale = 1.0_f64.max(a.abs()).max(b.abs());
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * scale
}

/// Whether two samples are the same but for rounding, of which empty buckets are one.
fn is_alike(a: &SampleValue, b: &SampleValue) -> bool {
    match (a, b) {
        (SampleValue::Float(a), SampleValue::Float(b)) => is_near(*a, *b),
        (SampleValue::Histogram(a), SampleValue::Histogram(b)) => {
            let filled = |h: &Histogram| {
                let all = h.buckets().into_iter().filter(|b| b.count.abs() > TOLERANCE);
                all.map(|b| (b.lower, b.upper, b.count)).collect::<Vec<_>>()
            };
            let (left, right) = (filled(a), filled(b));
            is_near(a.count, b.count)
                && is_near(a.sum, b.sum)
                && left.len() == right.len()
                && left
                    .iter()
                    .zip(&right)
                    .all(|(a, b)| is_near(a.0, b.0) && is_near(a.1, b.1) && is_near(a.2, b.2))
        }
        _ => false,
    }
}

/// The first thing in which two answers differ.
fn difference(engine: &Answer, twin: &Answer) -> Option<String> {
    let mut keys: Vec<_> = engine.keys().chain(twin.keys()).collect();
    keys.sort();
    keys.into_iter().find_map(|key| {
        let (found, expected) = (engine.get(key), twin.get(key));
        let same = match (found, expected) {
            (Some(a), Some(b)) => is_alike(a, b),
            _ => false,
        };
        let (t, labels) = key;
        (!same).then(|| format!("{labels} at {t} ms: {found:?}, literally {expected:?}"))
    })
}

/// Asks both, and tells how their answers differ.
/// Whether all that an expression selects is nailed to a time, if there is any.
fn is_nailed(expr: &Expr) -> bool {
    let mut nailed = true;
    walk(expr, &mut |expr| match expr {
        Expr::Selector(selector) => nailed &= selector.shift.at.is_some(),
        Expr::Range(range) => nailed &= range.selector.shift.at.is_some(),
        _ => {}
    });
    // What is within a nailed subquery need not be nailed itself.
    nailed || expr.to_string().contains('@')
}

/// Whether an aggregation may be evaluated once though its parameter changes, as Prometheus has it:
/// that is not what it literally means.
fn is_nailed_but_for_its_parameter(expr: &Expr) -> bool {
    let mut found = false;
    walk(expr, &mut |expr| {
        if let Expr::Aggregate(aggregate) = expr {
            let is_plain = |parameter: &Expr| {
                matches!(parameter.unwrap_parens(), Expr::Number { .. } | Expr::String { .. })
            };
            let is_changing = aggregate.parameter.as_ref().is_some_and(|p| !is_plain(p));
            found |= is_changing && is_nailed(&aggregate.operand);
        }
    });
    found
}

fn compare(case: &Case) -> Result<(), String> {
    let store = case.data.store();
    let parser = ParserOptions::ALL;
    let expr = parse_with(&case.query, parser).map_err(|e| format!("{}: {e}", case.query))?;
    if is_nailed_but_for_its_parameter(&expr) {
        return Ok(());
    }
    let engine = of_engine(&store, &expr, case.times);
    let twin = of_twin(&store, &expr, case.times);
    let difference = match (&engine, &twin) {
        (Ok(engine), Ok(twin)) => difference(engine, twin),
        (Err(_), Err(_)) => None,
        (Ok(_), Err(twin)) => Some(format!("an answer, literally the error {twin:?}")),
        (Err(engine), Ok(_)) => Some(format!("the error {engine:?}, literally an answer")),
    };
    difference.map_or(Ok(()), Err)
}

/// Asks for one time and compares values alone, in the order in which they come.
fn compare_order(data: &Data, query: &str, t: Timestamp) -> Result<(), TestCaseError> {
    let store = data.store();
    let expr = promql::parse(query).expect(query);
    let engine = Engine::new(EngineOptions::default(), Arc::new(ManualClock::at(0)));
    let answer = engine.instant(&store, &expr, t, &QueryOptions::default()).expect(query);
    let Value::Vector(found) = answer.value else { panic!("{query} is a vector") };
    let times = Times { start: t, end: t, step_ms: 0 };
    let mut meanings = Literal::new(&store, times).and_then(|l| l.range(&expr)).expect(query);
    let Some((_, Meaning::Vector(expected))) = meanings.pop() else {
        panic!("{query} is a vector")
    };
    let found: Vec<SampleValue> = found.into_iter().map(|element| element.value).collect();
    let expected: Vec<SampleValue> = expected.into_iter().map(|(_, value)| value).collect();
    let same = found.iter().zip(&expected).all(|(a, b)| is_alike(a, b));
    prop_assert!(same && found.len() == expected.len(), "{found:?}, literally {expected:?}");
    Ok(())
}

fn config() -> Config {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    if asked { Config::default() } else { Config::with_cases(CASES) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_engine_answers_what_a_query_literally_means(case in case()) {
        if let Err(difference) = compare(&case) {
            return Err(TestCaseError::fail(difference));
        }
    }

    #[test]
    fn what_is_sorted_comes_in_order(
        data in data::data(), query in select(SORTED), t in -50..800i64,
    ) {
        compare_order(&data, query, t * 1000)?;
    }
}

#[test]
fn every_function_and_aggregation_is_asked() {
    let queries = include_str!("queries.rs");
    let words: HashSet<&str> =
        queries.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let functions = promql::functions::all().iter().map(|function| function.name);
    let aggregations = AggregateOp::ALL.iter().map(|op| op.as_str());
    let unasked: Vec<&str> = functions
        .chain(aggregations)
        .filter(|name| !words.contains(name) && !UNASKED.contains(name))
        .collect();
    assert!(unasked.is_empty(), "{unasked:?}");
}
