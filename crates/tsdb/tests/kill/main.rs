//! A process is killed while it writes, again and again: what it acknowledged is there, whole and once.
//!
//! The test runs itself as a child that writes with several threads, cuts and compacts, and says on a
//! pipe what was acknowledged. After so many acknowledgements (a random number; none at all kills it
//! while it opens) it is killed, the database is opened here and looked at, and the next child goes
//! on. `FERULA_KILL_CYCLES` says how often (25), `FERULA_SEED` where the numbers begin.

mod child;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use storage::{Columns, Queryable, SelectHints};
use tsdb::Db;

use child::{SERIES, options, value};

/// Each so many cycles everything is looked at, otherwise what is new.
const LOOK_AT_ALL: u64 = 10;
/// So much time before the newest sample is looked at always: more than a cycle brings.
const LOOK_BACK_MS: i64 = 2_000_000;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("--child") => child::write(Path::new(&args[2]), &args[3]),
        // The name of another test.
        Some(filter) if !filter.starts_with('-') && !"kill".contains(filter) => {}
        _ => cycles(),
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
}

#[expect(clippy::print_stdout, reason = "a run by hand of many cycles should say that it was one")]
fn cycles() {
    let dir = tempfile::tempdir().expect("a directory");
    let (count, seed) = (number("FERULA_KILL_CYCLES", 25), number("FERULA_SEED", 1));
    let mut random = seed;
    let mut acknowledged = BTreeSet::new();
    for cycle in 0..count {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let sync = ["always", "every", "never"][usize::try_from(cycle % 3).expect("small")];
        // One in five dies while it opens.
        let acks = if random >> 60 < 3 { 0 } else { random >> 33 & 0xff };
        acknowledged.extend(kill_after(dir.path(), sync, acks));
        let what = format!("seed {seed}, cycle {cycle}, {sync}, killed after {acks}");
        let db = Db::open(options(dir.path(), sync), 0).expect("it opens");
        assert_eq!(db.counters().wal_corruptions.get(), 0, "{what}: a crash is no damage");
        let newest = acknowledged.last().map_or(0, |(t, _)| *t);
        let from = if cycle % LOOK_AT_ALL == 0 { 0 } else { newest - LOOK_BACK_MS };
        check(&db, &acknowledged, from, &what);
        if random & 1 << 20 == 0 {
            db.close().expect("it closes");
        }
    }
    assert!(acknowledged.len() > 10, "the children wrote next to nothing");
    println!("{count} kills, {} commits acknowledged, none of them lost", acknowledged.len());
}

/// Runs a child and kills it after so many acknowledgements; all of them, as time and writer.
fn kill_after(dir: &Path, sync: &str, acks: u64) -> Vec<(i64, usize)> {
    let exe = std::env::current_exe().expect("a test has a name");
    let mut child = Command::new(exe)
        .arg("--child")
        .arg(dir)
        .arg(sync)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let mut said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let begun = said.next().expect("the child begins").expect("a line");
    assert_eq!(begun, "open");
    let mut found = Vec::new();
    for _ in 0..acks {
        let line = said.next().unwrap_or_else(|| panic!("the child ended: {:?}", child.wait()));
        found.push(parse(&line.expect("a line")));
    }
    kill(&mut child);
    // What it has said before it died counts too; but not half a line.
    found.extend(said.map_while(Result::ok).filter(|line| line.ends_with('.')).map(|l| parse(&l)));
    found
}

fn kill(child: &mut Child) {
    child.kill().expect("it lives");
    child.wait().expect("it dies");
}

/// `TIME WRITER.`
fn parse(line: &str) -> (i64, usize) {
    let parts = line.trim_end_matches('.').split_once(' ').expect("two numbers");
    (parts.0.parse().expect("a time"), parts.1.parse().expect("a writer"))
}

/// Whether each acknowledged commit from `from` on is there, and all there is, is whole and right.
fn check(db: &Db, acknowledged: &BTreeSet<(i64, usize)>, from: i64, what: &str) {
    let range = model::TimeRange::new(from, i64::MAX).expect("a range");
    let querier = db.querier(range).expect("a view");
    let mut samples_of: BTreeMap<(i64, usize), usize> = BTreeMap::new();
    let mut columns = Columns::default();
    for series in querier.select(&[], &SelectHints::default()).expect("a set") {
        let mut series = series.expect("a series");
        let number =
            |name: &str| -> usize { series.labels().get(name).parse().expect("each has it") };
        let (writer, n) = (number("writer"), number("n"));
        columns.clear();
        series.read(range, &mut columns).expect("samples");
        assert!(columns.timestamps.is_sorted_by(|a, b| a < b), "{what}: a sample is there twice");
        for (t, v) in columns.timestamps.iter().zip(&columns.values) {
            assert_eq!(v.to_bits(), value(writer, n, *t).to_bits(), "{what}: {t} of {writer}, {n}");
            *samples_of.entry((*t, writer)).or_default() += 1;
        }
    }
    for (commit, samples) in &samples_of {
        assert_eq!(*samples, SERIES, "{what}: the commit {commit:?} is not whole");
    }
    for commit in acknowledged.range((from, 0)..) {
        assert!(samples_of.contains_key(commit), "{what}: the commit {commit:?} is lost");
    }
}
