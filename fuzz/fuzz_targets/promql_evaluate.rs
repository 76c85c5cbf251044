//! Queries over a small store: an answer within its limits, or an error. The first byte chooses an instant
//! query or a range and its step, the rest is the query, experimental parts included.

#![no_main]

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use model::clock::SystemClock;
use model::sample::STALE_NAN;
use model::{Histogram, Labels};
use promql::{Engine, EngineOptions, ParserOptions, QueryOptions, Value};
use storage::Appendable;
use testkit::MemStorage;

const MINUTE_MS: i64 = 60_000;
const MINUTES: i64 = 60;
/// Few, so that a query that wants more ends soon.
const MAX_SAMPLES: usize = 100_000;

/// Counters with resets, gauges with gaps and numbers that are none, classic and native histograms.
static STORE: LazyLock<MemStorage> = LazyLock::new(|| {
    let store = MemStorage::new();
    let mut appender = store.appender();
    for minute in 0..MINUTES {
        let t = minute * MINUTE_MS;
        let float = minute as f64;
        let special = match minute % 10 {
            3 => f64::NAN,
            5 => f64::INFINITY,
            6 => STALE_NAN,
            7 => -0.0,
            _ => float / 7.0,
        };
        let mut put = |name: &str, label: (&str, &str), v: f64| {
            let labels = Labels::from_pairs([("__name__", name), label]);
            appender.append(None, &labels, t, v).expect("in order");
        };
        for i in ["0", "1"] {
            put("c_total", ("i", i), float % 23.0);
            put("g", ("i", i), special);
        }
        for le in ["0.1", "1", "+Inf"] {
            put("b_bucket", ("le", le), float * le.parse().unwrap_or(2.0));
        }
        let labels = Labels::from_pairs([("__name__", "h"), ("i", "0")]);
        let histogram = Histogram { count: float, sum: float, ..Histogram::default() };
        appender.append_histogram(None, &labels, t, &histogram).expect("in order");
    }
    appender.commit().expect("memory takes every commit");
    store
});

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let options = EngineOptions {
        max_samples: MAX_SAMPLES,
        parser: ParserOptions::ALL,
        use_start_timestamps: true,
        ..EngineOptions::default()
    };
    Engine::new(options, Arc::new(SystemClock::new()))
});

fuzz_target!(|data: &[u8]| {
    let Some((mode, text)) = data.split_first() else { return };
    let Ok(query) = str::from_utf8(text) else { return };
    let Ok(expr) = ENGINE.parse(query) else { return };
    let (end, options) = (MINUTES * MINUTE_MS, QueryOptions::default());
    let answer = match i64::from(*mode) {
        0..128 => ENGINE.instant(&*STORE, &expr, end / 2, &options),
        step => ENGINE.range(&*STORE, &expr, 0, end, (step - 127) * 5_000, &options),
    };
    let Ok(answer) = answer else { return };
    assert!(answer.stats.peak_samples <= MAX_SAMPLES, "{query} held more than it may");
    let mut seen = HashSet::new();
    match &answer.value {
        Value::Vector(samples) => {
            assert!(samples.iter().all(|s| seen.insert(&s.labels)), "{query}: labels come twice");
        }
        Value::Matrix(series) => {
            assert!(series.iter().all(|s| seen.insert(&s.labels)), "{query}: labels come twice");
            let rising = series.iter().all(|s| s.floats.is_sorted_by(|a, b| a.0 < b.0));
            assert!(rising, "{query}: times do not rise");
        }
        Value::Scalar { .. } | Value::String { .. } => {}
    }
});
