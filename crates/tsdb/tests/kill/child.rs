//! The child: it writes with several threads, keeps the database in order, and says what it has.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use model::Labels;
use storage::Appendable;
use tsdb::{Db, Options, WalSync};

/// A commit has so many samples.
pub(crate) const SERIES: usize = 7;
const WRITERS: usize = 3;
/// Time moves so much from one commit to the next.
const STEP_MS: i64 = 1_000;
/// A new series comes each so many ms.
const CHURN_MS: i64 = 37_000;

/// Blocks are cut after a hundred commits or so, and compacted.
pub(crate) fn options(dir: &Path, sync: &str) -> Options {
    let wal_sync = match sync {
        "always" => WalSync::Always,
        "never" => WalSync::Never,
        _ => WalSync::Every(1_000),
    };
    Options {
        path: dir.to_owned(),
        retention_ms: 0,
        min_block_duration_ms: 60 * STEP_MS,
        max_block_duration_ms: 3_600 * STEP_MS,
        wal_segment_bytes: 4_096,
        wal_sync,
        ..Options::default()
    }
}

/// What series `n` of a writer has at a time: counters, gauges, constants.
pub(crate) fn value(writer: usize, n: usize, t: i64) -> f64 {
    let base = (writer * 1_000) as f64;
    match n {
        0 => 1.0,
        1 => base + (t / STEP_MS) as f64,
        2 => base + t as f64 / 7.0,
        3 => base * (t % 13) as f64,
        4 => f64::from_bits(t.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2),
        _ => (t % 97) as f64 / 100.0,
    }
}

fn labels(writer: usize, n: usize, t: i64) -> Labels {
    let epoch = (n == SERIES - 1).then(|| ("epoch", (t / CHURN_MS).to_string()));
    let pairs =
        [("__name__", "m".to_owned()), ("n", n.to_string()), ("writer", writer.to_string())];
    Labels::from_pairs(pairs.into_iter().chain(epoch))
}

/// Writes until it is killed.
pub(crate) fn write(dir: &Path, sync: &str) {
    say("open\n");
    let db = Db::open(options(dir, sync), 0).expect("it opens");
    let status = db.status();
    let blocks = status.blocks.iter().map(|block| block.max_time);
    let newest = blocks.chain(status.head_range.map(|range| range.max())).max().unwrap_or(0);
    let next = AtomicI64::new((newest / STEP_MS + 1) * STEP_MS);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (db, next) = (&db, &next);
            scope.spawn(move || {
                while !std::thread::panicking() {
                    commit(db, writer, next)
                }
            });
        }
        loop {
            db.maintain(next.load(Ordering::Relaxed));
            std::thread::yield_now();
        }
    });
}

fn commit(db: &Db, writer: usize, next: &AtomicI64) {
    let t = next.fetch_add(STEP_MS, Ordering::Relaxed);
    let mut appender = db.appender();
    for n in 0..SERIES {
        let appended = appender.append(None, &labels(writer, n, t), t, value(writer, n, t));
        if appended.is_err() {
            // The others have run ahead, and a block was cut meanwhile.
            return;
        }
    }
    let appended = appender.commit().unwrap_or_else(|error| {
        say(&format!("{error}\n"));
        std::process::exit(1);
    });
    if appended == SERIES {
        say(&format!("{t} {writer}.\n"));
    }
}

/// One write, so that a line is whole or not there.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).expect("somebody listens");
}
