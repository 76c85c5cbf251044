//! How long a query goes on after it was cancelled: whoever drops a connection frees the core within
//! 100 ms.
//!
//! Queries over 400,000 series, and over long windows, are cancelled at moments spread evenly over the
//! time they take when left alone. What is measured is from the cancelling until the engine returns,
//! with all that the query held given back. Beside criterion's mean the worst is printed.

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use model::clock::SystemClock;
use model::{Clock, Labels};
use promql::{CancelToken, Engine, EngineOptions, QueryOptions};
use storage::Appendable;
use tsdb::{Db, Options};

const SERIES: usize = 400_000;
const STEP_MS: i64 = 1_000;
const LONG_MS: i64 = 6 * 3_600_000;

/// What has to look at a whole vector, and what looks at long windows.
const QUERIES: [&str; 14] = [
    "wide",
    "abs(wide)",
    "sum by (group) (wide)",
    "count_values(\"v\", wide)",
    "topk(5, wide)",
    "quantile(0.9, wide)",
    "sort(wide)",
    "wide + wide",
    "wide + on (i) group_left wide",
    "wide and wide",
    "wide or abs(wide)",
    "label_replace(wide, \"j\", \"$1\", \"i\", \"(.*)\")",
    "quantile_over_time(0.5, long[5h])",
    "max_over_time(vector(time())[200d:1s])",
];

/// Many series of one sample, and one of many.
fn filled(dir: &std::path::Path) -> Db {
    let options = Options { path: dir.to_owned(), retention_ms: 0, ..Options::default() };
    let db = Db::open(options, 0).expect("an empty directory opens");
    let labels = Labels::from_pairs([("__name__", "long")]);
    for t in (0..=LONG_MS).step_by(1_000) {
        let mut appender = db.appender();
        let value = (t * 7_919 % 1_000_003) as f64;
        appender.append(None, &labels, t, value).expect("in order");
        appender.commit().expect("the disk has room");
    }
    let mut appender = db.appender();
    for i in 0..SERIES {
        let (group, value) = ((i / 10).to_string(), (i % 1000) as f64);
        let i = i.to_string();
        let pairs = [("__name__", "wide"), ("i", i.as_str()), ("group", group.as_str())];
        appender.append(None, &Labels::from_pairs(pairs), LONG_MS, value).expect("in order");
    }
    appender.commit().expect("the disk has room");
    db
}

/// Asks, and has the query cancelled after `left_alone`. Returns how long it took after that; if it
/// was done by then, nothing.
fn cancelled(
    (engine, db, clock): (&Engine, &Db, &dyn Clock),
    query: &str,
    left_alone: Duration,
) -> Duration {
    let cancel = CancelToken::default();
    let options = QueryOptions { cancel: cancel.clone(), ..QueryOptions::default() };
    let expr = promql::parse(query).expect("it parses");
    std::thread::scope(|scope| {
        let canceller = scope.spawn(move || {
            std::thread::park_timeout(left_alone);
            cancel.cancel();
            clock.monotonic()
        });
        // Two steps near the end, so that a vector is more than one value.
        let range = engine.range(db, &expr, LONG_MS, LONG_MS + STEP_MS, STEP_MS, &options);
        drop(range);
        let ended = clock.monotonic();
        canceller.thread().unpark();
        ended.saturating_sub(canceller.join().expect("it only waits"))
    })
}

#[expect(clippy::print_stdout, reason = "the worst is what the bench is for")]
fn cancel(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let db = filled(dir.path());
    let clock = SystemClock::new();
    let options = EngineOptions { max_samples: usize::MAX, ..EngineOptions::default() };
    let engine = Engine::new(options, Arc::new(SystemClock::new()));
    let at = (&engine, &db, &clock as &dyn Clock);
    let mut group = c.benchmark_group("until a cancelled query ends");
    group.sample_size(10);
    for query in QUERIES {
        let begun = clock.monotonic();
        cancelled(at, query, Duration::from_secs(600));
        let alone = clock.monotonic() - begun;
        // The golden section: wherever it stops, the moments are spread evenly.
        let mut moment = 0.0_f64;
        let mut worst = Duration::ZERO;
        group.bench_function(query, |b| {
            b.iter_custom(|rounds| {
                let mut sum = Duration::ZERO;
                for _ in 0..rounds {
                    moment = (moment + 0.618_034).fract();
                    let took = cancelled(at, query, alone.mul_f64(moment));
                    worst = worst.max(took);
                    sum += took;
                }
                sum
            });
        });
        println!("{query}: alone {alone:.0?}, worst {worst:.1?}");
    }
    group.finish();
}

criterion_group!(benches, cancel);
criterion_main!(benches);
