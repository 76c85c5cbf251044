//! Random lives of a database beside the simplest storage there is: after every step both answer the
//! same.
//!
//! Each life has a seed, printed when it fails; `FERULA_SEED=n` lives that one again.

use crate::samples::{self, HOUR};
use std::collections::BTreeSet;

use model::{Labels, MatchOp, Matcher, TimeRange};
use storage::{Appendable, Appender, Columns, Queryable, SelectHints};
use testkit::MemStorage;
use tsdb::{Db, Options};

/// Random numbers enough for a test (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to but without `n`.
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[usize::try_from(self.below(choices.len() as u64)).expect("small")]
    }
}

/// A database, its oracle, and where in time they are.
struct Life {
    random: Random,
    options: Options,
    db: Option<Db>,
    oracle: MemStorage,
    now: i64,
    /// The newest sample of all.
    newest: i64,
    /// Whether anything was: labels of what is deleted may be listed for a while.
    has_deleted: bool,
}

/// Samples may come so late.
const WINDOW: i64 = 7 * HOUR;

const NAMES: [&str; 3] = ["up", "http_requests_total", "go_goroutines"];
const JOBS: [&str; 4] = ["", "api", "node", "nodes"];

impl Life {
    fn db(&self) -> &Db {
        self.db.as_ref().expect("open between steps")
    }

    fn some_labels(&mut self) -> Labels {
        let name = *self.random.one_of(&NAMES);
        let job = *self.random.one_of(&JOBS);
        let instance = ["", "a", "b"][usize::try_from(self.random.below(3)).expect("small")];
        Labels::from_pairs([("__name__", name), ("job", job), ("instance", instance)])
    }

    fn some_value(&mut self) -> f64 {
        let bits = self.random.next();
        match self.random.below(8) {
            0 => model::sample::STALE_NAN,
            1 => f64::from_bits(bits),
            2 => -0.0,
            3 => f64::INFINITY,
            _ => f64::from(u32::try_from(bits >> 44).expect("twenty bits")) / 8.0,
        }
    }

    /// One commit of a few series at the present moment, in both; or begun and dropped in the database.
    fn append(&mut self) {
        self.now += 1 + i64::try_from(self.random.below(900_000)).expect("small");
        let mut batch: Vec<(Labels, f64)> =
            (0..=self.random.below(6)).map(|_| (self.some_labels(), self.some_value())).collect();
        batch.sort_by(|a, b| a.0.cmp(&b.0));
        batch.dedup_by(|a, b| a.0 == b.0);
        let dropped = self.random.below(8) == 0;
        let stage = |appender: &mut dyn Appender| {
            for (labels, v) in &batch {
                appender.append(None, labels, self.now, *v).expect("newer than all before");
            }
        };
        let mut appender = self.db().appender();
        stage(appender.as_mut());
        if dropped {
            return;
        }
        assert_eq!(appender.commit().expect("the disk has room"), batch.len());
        self.newest = self.now;
        let mut appender = self.oracle.appender();
        stage(appender.as_mut());
        appender.commit().expect("memory has room");
    }

    /// One commit of samples at moments that were, in both; what the database has already stays.
    fn append_late(&mut self) {
        let late = 1 + i64::try_from(self.random.below(WINDOW.unsigned_abs())).expect("small");
        let t = self.newest - late;
        let has = samples_at(&self.oracle, t);
        let mut batch: Vec<(Labels, f64)> =
            (0..=self.random.below(4)).map(|_| (self.some_labels(), self.some_value())).collect();
        batch.sort_by(|a, b| a.0.cmp(&b.0));
        batch.dedup_by(|a, b| a.0 == b.0);
        batch.retain(|(labels, _)| !has.contains(&labels.to_string()));
        let mut appender = self.db().appender();
        for (labels, v) in &batch {
            appender.append(None, labels, t, *v).expect("within the window");
        }
        assert_eq!(appender.commit().expect("the disk has room"), batch.len());
        for (labels, v) in batch {
            self.oracle.insert_late(&labels, t, v);
        }
    }

    fn some_range(&mut self) -> TimeRange {
        let from = i64::try_from(self.random.below(self.now.unsigned_abs() + HOUR.unsigned_abs()));
        let from = from.expect("small") - HOUR / 2;
        let len = i64::try_from(self.random.below(12 * HOUR.unsigned_abs())).expect("small");
        match self.random.below(4) {
            0 => TimeRange::ALL,
            _ => TimeRange::new(from, from + len).expect("ordered"),
        }
    }

    fn delete(&mut self) {
        let (range, matchers) = (self.some_range(), self.some_matchers());
        self.db().delete(&matchers, range).expect("it deletes");
        self.oracle.delete(&matchers, range);
        self.has_deleted = true;
    }

    /// As if the clock had jumped.
    fn maintain_at_some_time(&mut self) {
        let jump = i64::try_from(self.random.below(2_000 * HOUR.unsigned_abs())).expect("small");
        self.db().maintain((self.now + jump - 1_000 * HOUR).max(0));
    }

    fn restart(&mut self) {
        if self.random.below(2) == 0 {
            self.db().close().expect("it closes");
        }
        self.db = None;
        self.db = Some(Db::open(self.options.clone(), self.now).expect("it opens"));
    }

    fn some_matchers(&mut self) -> Vec<Matcher> {
        let ops = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
        let values = ["", "up", "node", "node.*", "a|b", ".+", ".*", "api|", "[ab]", "go_.+"];
        (0..self.random.below(3))
            .map(|_| {
                let name = *self.random.one_of(&["__name__", "job", "instance", "none"]);
                let (op, value) = (*self.random.one_of(&ops), *self.random.one_of(&values));
                Matcher::new(op, name, value).expect("a valid expression")
            })
            .collect()
    }

    fn query(&mut self) {
        let (range, matchers) = (self.some_range(), self.some_matchers());
        let labels = range == TimeRange::ALL && !self.has_deleted;
        let answer = |of: &dyn Queryable| answer(of, range, &matchers, labels);
        let (found, expected) = (answer(self.db()), answer(&self.oracle));
        assert_eq!(found, expected, "{matchers:?} in {range:?} at {}", self.now);
    }
}

/// The series that have a sample at `t`.
fn samples_at(of: &dyn Queryable, t: i64) -> BTreeSet<String> {
    let range = TimeRange::new(t, t).expect("ordered");
    let querier = of.querier(range).expect("a view");
    let series = querier.select(&[], &SelectHints::default()).expect("a set");
    series.map(|series| series.expect("a series").labels().to_string()).collect()
}

/// Series with samples in the range; with `labels` label names and the values of `job` too.
fn answer(of: &dyn Queryable, range: TimeRange, matchers: &[Matcher], labels: bool) -> Vec<String> {
    let querier = of.querier(range).expect("a view");
    let mut lines = Vec::new();
    let mut columns = Columns::default();
    for series in querier.select(matchers, &SelectHints::default()).expect("a set") {
        let mut series = series.expect("a series");
        columns.clear();
        series.read(range, &mut columns).expect("samples");
        let bits: Vec<u64> = columns.values.iter().map(|v| v.to_bits()).collect();
        if !columns.is_empty() {
            lines.push(format!("{} {:?} {bits:x?}", series.labels(), columns.timestamps));
        }
    }
    if labels {
        lines.push(format!(
            "{:?}",
            querier.label_names(matchers, &storage::Stop::default()).expect("names")
        ));
        lines.push(format!(
            "{:?}",
            querier.label_values("job", matchers, &storage::Stop::default()).expect("values")
        ));
    }
    lines
}

/// A life; in every second one something is deleted now and then.
fn live(seed: u64) {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options {
        max_block_duration_ms: 8 * HOUR,
        out_of_order_window_ms: WINDOW,
        // The head is saved every now and then; of some lives, never.
        wal_segment_bytes: if seed.is_multiple_of(3) { 32 << 20 } else { 4000 },
        ..samples::options(dir.path())
    };
    let db = Some(samples::open(&options));
    let oracle = MemStorage::default();
    let mut life =
        Life { random: Random(seed), options, db, oracle, now: 0, newest: 0, has_deleted: false };
    for _ in 0..300 {
        match life.random.below(20) {
            0 => life.restart(),
            19 if seed.is_multiple_of(2) => life.delete(),
            18 if life.has_deleted && life.random.below(4) == 0 => {
                life.db().clean_tombstones(life.now).expect("it cleans");
            }
            17 if life.newest > 0 => life.append_late(),
            1 => life.maintain_at_some_time(),
            2..4 => life.db().maintain(life.now),
            4..9 => life.query(),
            _ => life.append(),
        }
    }
    let everything = |of: &dyn Queryable| answer(of, TimeRange::ALL, &[], false);
    assert_eq!(everything(life.db()), everything(&life.oracle));
}

#[test]
fn a_database_answers_as_the_oracle_whatever_its_life() {
    if let Ok(seed) = std::env::var("FERULA_SEED") {
        return live(seed.parse().expect("FERULA_SEED is a number"));
    }
    let mut random = Random(
        tsdb::BlockId::fresh(0)
            .to_string()
            .bytes()
            .map(u64::from)
            .fold(0, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte)),
    );
    for _ in 0..20 {
        let seed = random.next();
        let lived = std::panic::catch_unwind(|| live(seed));
        assert!(lived.is_ok(), "FERULA_SEED={seed} fails");
    }
}
