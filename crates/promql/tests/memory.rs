//! `max_samples` bounds the memory of the process, within a factor.
//!
//! A test of its own process, for it looks at what the system says of that.
#![cfg(target_os = "linux")]

use std::fs;
use std::sync::Arc;

use model::Labels;
use model::clock::ManualClock;
use promql::{Engine, EngineOptions, QueryOptions};
use storage::Appendable;
use testkit::MemStorage;

/// 32 MB.
const MAX_SAMPLES: usize = 2_000_000;
/// A query may take so many times what its samples take at 16 bytes each, KiB.
const LIMIT_KB: u64 = 3 * (MAX_SAMPLES as u64 * 16) / 1024;

/// The field of `/proc/self/status`, KiB.
fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with(field)).expect("a known field");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

#[test]
fn a_query_takes_no_more_memory_than_a_few_times_its_budget() {
    let store = MemStorage::new();
    let mut appender = store.appender();
    for i in 0..2000 {
        let labels = Labels::from_pairs([("__name__", "m"), ("i", &format!("{i:0200}"))]);
        for t in [0, 200_000] {
            appender.append(None, &labels, t, f64::from(i)).expect("in order");
        }
    }
    appender.commit().expect("memory takes every commit");
    let options = EngineOptions { max_samples: MAX_SAMPLES, ..EngineOptions::default() };
    let engine = Engine::new(options, Arc::new(ManualClock::at(0)));
    // Each would take far more than the limit: 11,000 steps of 2000 series are 176 MB.
    for query in [
        "m",
        "-m",
        "m + on (i) m",
        "m or m * 2",
        "sum by (i) (m)",
        "stddev by (i) (m)",
        "topk(2000, m)",
        "quantile(0.5, m)",
        "count_values(\"v\", m * time())",
        "sort(m)",
        "timestamp(m)",
        "label_replace(m, \"x\", \"$1\", \"i\", \"(.*)\")",
        "max_over_time(m[1m])",
        "max_over_time(m[2m:20ms])",
        "max_over_time((vector(time()) + time())[200d:1s])",
    ] {
        let expr = engine.parse(query).expect(query);
        // Begins the peak anew.
        fs::write("/proc/self/clear_refs", "5").expect("Linux lets a process do so");
        let before = status("VmRSS:");
        let told = engine.range(&store, &expr, 0, 220_000, 20, &QueryOptions::default());
        let error = told.err().map(|error| error.to_string());
        let taken = status("VmHWM:").saturating_sub(before);
        assert!(taken < LIMIT_KB, "{query} took {taken} KiB, not {LIMIT_KB}: {error:?}");
        let text = error.unwrap_or_else(|| panic!("{query} is too large"));
        assert!(text.contains("would load too many samples into memory"), "{query}: {text}");
    }
}
