//! Label lookups in a head and in a block of 100,000 series, and what the block's index takes.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use model::{Labels, MatchOp, Matcher, TimeRange};
use storage::{Appendable, Queryable, SelectHints, Stop};
use tsdb::{Db, Options};

const SERIES: usize = 100_000;
const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

/// A database with all series, each with a sample a minute for ten minutes.
fn filled(dir: &Path) -> Db {
    let options = Options { path: dir.to_owned(), retention_ms: 0, ..Options::default() };
    let db = Db::open(options, 0).expect("an empty directory opens");
    let labels = benches::cluster::labels(SERIES);
    let mut refs = vec![None; SERIES];
    for t in (0..10).map(|minute| minute * MINUTE) {
        let mut appender = db.appender();
        for (labels, known) in labels.iter().zip(&mut refs) {
            *known = Some(appender.append(*known, labels, t, t as f64).expect("in order"));
        }
        appender.commit().expect("the disk has room");
    }
    db
}

/// Moves everything from the head to a block.
fn cut(db: &Db) {
    let mut appender = db.appender();
    let later = Labels::from_pairs([("__name__", "later")]);
    appender.append(None, &later, 24 * HOUR, 0.0).expect("in order");
    appender.commit().expect("the disk has room");
    db.maintain(24 * HOUR);
    for block in db.status().blocks {
        let size = block.files.get("index").map_or(0, |file| file.size) as f64;
        eprintln!(
            "labels: the index of {} series takes {:.1} bytes each",
            block.stats.num_series,
            size / block.stats.num_series as f64
        );
    }
}

fn lookups(c: &mut Criterion, place: &str, db: &Db) {
    let range = TimeRange::new(0, HOUR).expect("ordered");
    let mut group = c.benchmark_group(format!("labels/{place}"));
    group.sample_size(20);
    let bucket = || Matcher::equal("__name__", "http_request_duration_seconds_bucket");
    let matcher = |op, name: &str, value: &str| Matcher::new(op, name, value).expect("a matcher");
    for (name, matchers) in [
        (
            "one series",
            vec![bucket(), Matcher::equal("le", "5"), Matcher::equal("instance", "10.43.0.7:8080")],
        ),
        ("a pod by a regex", vec![matcher(MatchOp::Regex, "pod", "cart-service-0-.*")]),
        ("a name and a namespace", vec![bucket(), Matcher::equal("namespace", "team-3")]),
        ("all but one job", vec![bucket(), matcher(MatchOp::NotEqual, "job", "kubelet")]),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let querier = db.querier(range).expect("a view");
                querier.select(&matchers, &SelectHints::default()).expect("a set").count()
            });
        });
    }
    group.bench_function("values of a label", |b| {
        b.iter(|| {
            let querier = db.querier(range).expect("a view");
            black_box(querier.label_values("pod", &[], &Stop::default()).expect("values"))
        });
    });
    group.bench_function("values of a label where a name matches", |b| {
        b.iter(|| {
            let querier = db.querier(range).expect("a view");
            black_box(querier.label_values("pod", &[bucket()], &Stop::default()).expect("values"))
        });
    });
    group.finish();
}

fn labels(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let db = filled(dir.path());
    lookups(c, "head", &db);
    cut(&db);
    lookups(c, "block", &db);
}

criterion_group!(benches, labels);
criterion_main!(benches);
