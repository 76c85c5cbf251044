//! The head: bytes of memory per series, empty and with two hours at 15 s, and what an append costs.
//!
//! `FERULA_SERIES` says how many series (100,000 otherwise). Memory is what the process has resident
//! above what it had before the database was opened, the log's part included; time is CPU time, that
//! of the log included and that of making values left out. Not by criterion: a run is one long life.

use model::Labels;
use procfs::process::Process;
use storage::{Appendable, SeriesRef};
use tsdb::{Db, Options};

/// Series of one scrape, which is one commit.
const PER_SCRAPE: usize = 500;
const SCRAPES: usize = 480;
const INTERVAL_MS: i64 = 15_000;

/// The newest values of all series; a tenth of them are noise in all digits.
struct Values {
    newest: Vec<f64>,
    state: u64,
}

impl Values {
    fn new(series: usize) -> Self {
        Self { newest: (0..series).map(|i| (i % 1000) as f64).collect(), state: 7 }
    }

    /// From 0 up to but without 1.
    fn unit(&mut self) -> f64 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 40) as f64 / (1u64 << 24) as f64
    }

    /// The next value of a series: counters, rare events, gauges with one digit, sums, constants.
    fn next(&mut self, series: usize) -> f64 {
        let (before, unit) = (self.newest[series], self.unit());
        let value = match series % 10 {
            0 | 1 => before + (unit * 20.0).floor(),
            2 => before + (unit * 1e6).floor(),
            3 | 4 => before + f64::from(u8::from(unit > 0.98)),
            5 => (unit * 1000.0).round() / 10.0,
            6 => before + unit * 0.01,
            _ => before,
        };
        self.newest[series] = value;
        value
    }
}

/// CPU seconds and resident bytes of this process so far.
fn usage() -> (f64, f64) {
    let process = Process::myself().expect("accounts of this process");
    let stat = process.stat().expect("accounts of this process");
    let pages = process.statm().expect("accounts of this process").resident;
    let cpu = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
    (cpu, (pages * procfs::page_size()) as f64)
}

/// Every target is scraped once.
fn scrape(
    db: &Db,
    labels: &[Labels],
    refs: &mut [Option<SeriesRef>],
    values: &mut Values,
    at: usize,
) {
    for (target, labels) in labels.chunks(PER_SCRAPE).enumerate() {
        let t = at as i64 * INTERVAL_MS + target as i64 * 37 % INTERVAL_MS;
        let mut appender = db.appender();
        for (labels, series) in labels.iter().zip(target * PER_SCRAPE..) {
            let v = values.next(series);
            refs[series] = Some(appender.append(refs[series], labels, t, v).expect("in order"));
        }
        appender.commit().expect("the disk has room");
    }
    // The log keeps what is not on the disk yet, and syncs it now.
    db.maintain(at as i64 * INTERVAL_MS);
}

fn main() {
    let series = std::env::var("FERULA_SERIES").map_or(100_000, |n| n.parse().expect("a number"));
    let labels = benches::cluster::labels(series);
    let mut refs = vec![None; series];
    let mut values = Values::new(series);
    let (before, _) = usage();
    for _ in 0..20 {
        (0..series).for_each(|i| _ = std::hint::black_box(values.next(i)));
    }
    let making = (usage().0 - before) / (20 * series) as f64;
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { path: dir.path().to_owned(), retention_ms: 0, ..Options::default() };
    let (_, base) = usage();
    let db = Db::open(options, 0).expect("an empty directory opens");
    let report = |scrapes: usize, since: (f64, usize)| {
        let (cpu, resident) = usage();
        let appends = ((scrapes - since.1) * series) as f64;
        let seconds = (cpu - since.0 - appends * making).max(1e-9);
        eprintln!(
            "head: {series} series, {scrapes:3} samples each: {:4.0} bytes/series, {:5.2} M appends/s",
            (resident - base) / series as f64,
            appends / seconds / 1e6,
        );
        (cpu, scrapes)
    };
    let mut since = (usage().0, 0);
    for at in 0..SCRAPES {
        scrape(&db, &labels, &mut refs, &mut values, at);
        if matches!(at + 1, 1 | 2 | 100 | 240 | SCRAPES) {
            since = report(at + 1, since);
        }
    }
    drop(db);
}
