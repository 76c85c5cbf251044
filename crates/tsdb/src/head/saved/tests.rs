//! Tests of a saved head: what was there comes back; what is damaged, the log brings back.

use std::path::PathBuf;
use std::sync::Arc;

use model::{Histogram, Labels, Matcher, TimeRange, Timestamp};
use proptest::prelude::*;
use storage::{Appender, Columns, Exemplar};

use super::*;
use crate::exemplars::SeriesExemplars;
use crate::head::Head;
use crate::index::{Index, Source};
use crate::options::Options;
use crate::stats::Counters;

/// A series with its floats and histograms.
type Found = (Labels, Columns);

fn options(dir: &Path) -> Options {
    Options {
        path: dir.to_owned(),
        max_exemplars: 5,
        out_of_order_window_ms: 1_000_000,
        ..Options::default()
    }
}

fn open_with(options: &Options, from: Timestamp) -> Head {
    Head::open(options, Arc::new(Counters::default()), from).expect("it opens")
}

fn open(dir: &Path) -> Head {
    open_with(&options(dir), Timestamp::MIN)
}

fn labels(n: u32) -> Labels {
    let instance = format!("host-{}", n / 3);
    Labels::from_pairs([("__name__", format!("m{}", n % 3)), ("instance", instance)])
}

fn append(head: &Head, t: Timestamp, samples: &[(u32, f64)]) {
    let mut appender = head.appender();
    for (n, v) in samples {
        put(&mut *appender, *n, t, *v);
    }
    appender.commit().expect("the log is written");
}

/// A histogram of every fifth series, and an exemplar now and then.
fn put(appender: &mut dyn Appender, n: u32, t: Timestamp, v: f64) {
    if n % 5 == 4 {
        let histogram = Histogram { count: v, sum: v / 3.0, ..Histogram::default() };
        appender.append_histogram(None, &labels(n), t, &histogram).expect("it is in order");
        return;
    }
    let series = appender.append(None, &labels(n), t, v).expect("it is in order");
    if t % 3 == 0 {
        let labels = Labels::from_pairs([("trace", t.to_string())]);
        let exemplar = Exemplar { labels, value: v, timestamp: (t % 2 == 0).then_some(t) };
        appender.append_exemplar(series, &exemplar).expect("it is in order");
    }
}

fn all(head: &Head) -> (Vec<Found>, Vec<SeriesExemplars>) {
    let view = head.view(TimeRange::ALL);
    let mut found = Vec::new();
    let rows = view.all().expect("rows");
    for series in view.series(rows, TimeRange::ALL, &storage::Stop::default()).expect("series") {
        let mut series = series.expect("a series");
        let mut columns = Columns::default();
        series.read(TimeRange::ALL, &mut columns).expect("samples");
        found.push((series.labels().clone(), columns));
    }
    let exemplars = head.exemplars.lock().expect("nobody panics").select(&[vec![]], TimeRange::ALL);
    (found, exemplars)
}

/// Whether two heads have the same, bit by bit.
fn same(a: &Head, b: &Head) -> bool {
    let (a, b) = (all(a), all(b));
    // Debug tells NaNs of one kind alike, and all else apart.
    format!("{a:?}") == format!("{b:?}")
}

fn saved_files(dir: &Path) -> Vec<PathBuf> {
    list(dir).expect("a directory")
}

/// A head with something of everything, closed.
fn closed(dir: &Path) -> Head {
    let head = open(dir);
    for t in 0..6 {
        let sample = |n: u32| (n, f64::from(n) + t as f64 / 7.0);
        append(&head, t, &[sample(0), sample(1), sample(4), sample(7)]);
    }
    let matcher = Matcher::equal("instance", "host-2");
    head.delete(&[matcher], TimeRange::new(2, 3).unwrap()).expect("the log is written");
    head.close().expect("it closes");
    head
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_head_comes_back(commits in prop::collection::vec(
        prop::collection::btree_map(0u32..20, any::<u64>().prop_map(f64::from_bits), 0..20), 0..40)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let head = open(dir.path());
        // Each 13th commit many times, so that chunks close.
        for (t, samples) in (0..).zip(&commits) {
            let samples: Vec<(u32, f64)> = samples.iter().map(|(n, v)| (*n, *v)).collect();
            for repeat in 0..if t % 13 == 0 { 150 } else { 1 } {
                append(&head, t * 1000 + repeat, &samples);
            }
        }
        head.close().unwrap();
        let options = options(dir.path());
        let again = open_with(&options, Timestamp::MIN);
        prop_assert!(same(&head, &again));
        prop_assert_eq!(head.status(), again.status());
        prop_assert_eq!(options.replay.status(), Default::default(), "no segment was read");
        // And again, after more, without being closed.
        append(&again, 100_000, &[(1, 1.5), (21, 2.5)]);
        prop_assert!(same(&again, &open(dir.path())));
    }
}

#[test]
fn what_came_out_of_order_is_saved_too() {
    let dir = tempfile::tempdir().unwrap();
    let head = open(dir.path());
    append(&head, 5_000, &[(0, 1.0), (4, 2.0)]);
    for t in [4_000, 1_000, 2_000, 3_000] {
        append(&head, t, &[(0, t as f64), (4, t as f64)]);
    }
    head.close().unwrap();
    let options = options(dir.path());
    let again = open_with(&options, Timestamp::MIN);
    assert_eq!(options.replay.status(), Default::default(), "no segment was read");
    let (found, _) = all(&again);
    let times: Vec<usize> = found.iter().map(|(_, columns)| columns.len()).collect();
    assert_eq!(times, [5, 5]);
    assert!(same(&head, &again));
}

#[test]
fn a_head_saved_while_it_grows_has_what_the_log_had_until_then() {
    let dir = tempfile::tempdir().unwrap();
    let head = open(dir.path());
    let fill = |series: &[u32], times: std::ops::Range<i64>| {
        for t in times {
            let samples: Vec<(u32, f64)> =
                series.iter().map(|n| (*n, t as f64 + f64::from(*n))).collect();
            append(&head, t * 10, &samples);
            if t % 50 == 7 {
                append(&head, t * 10 - 5, &samples[..2]);
            }
        }
    };
    fill(&[0, 1, 4, 9], 0..300);
    let (then, _) = all(&head);
    let (covered, view) = head.begin_save();
    // Chunks that were open then are closed now, there are new series, and more out of order.
    fill(&[0, 4, 1, 30, 34], 300..700);
    head.save_upto(covered.before, view.seen()).expect("it is written");
    drop(view);
    let alone = tempfile::tempdir().unwrap();
    for path in saved_files(dir.path()) {
        std::fs::copy(&path, alone.path().join(path.file_name().unwrap())).unwrap();
    }
    let (found, _) = all(&open(alone.path()));
    assert_eq!(format!("{found:?}"), format!("{then:?}"), "no part of a later commit");
    for number in 0..covered.before {
        std::fs::remove_file(dir.path().join(format!("wal/{number:08}"))).unwrap();
    }
    // Not closed: what came later is in the log only.
    let again = open(dir.path());
    assert!(same(&head, &again));
    assert_eq!(head.range(), again.range());
}

#[test]
fn what_comes_after_is_in_the_log_and_is_saved_next() {
    let dir = tempfile::tempdir().unwrap();
    closed(dir.path());
    assert_eq!(saved_files(dir.path()), [dir.path().join("snapshot-00000001")]);
    {
        let head = open(dir.path());
        append(&head, 10, &[(0, 1.0), (30, 2.0)]);
        // Dropped without being closed.
    }
    let head = open(dir.path());
    append(&head, 11, &[(30, 3.0)]);
    head.close().unwrap();
    assert_eq!(saved_files(dir.path()), [dir.path().join("snapshot-00000003")]);
    let again = open(dir.path());
    assert!(same(&head, &again));
    assert_eq!(again.status().num_series, 5);
    // The log begins anew, but not with a number that was covered.
    drop(again);
    std::fs::remove_dir_all(dir.path().join("wal")).unwrap();
    append(&open(dir.path()), 12, &[(30, 4.0)]);
    let again = open(dir.path());
    assert_eq!(again.range().unwrap().max(), 12);
}

#[test]
fn what_blocks_have_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let head = closed(dir.path());
    let later = open_with(&options(dir.path()), 5);
    assert_eq!(later.range(), TimeRange::new(5, 5));
    assert_eq!(later.status().num_series, head.status().num_series);
    drop(later);
    let none = open_with(&options(dir.path()), 6);
    assert_eq!((none.range(), none.status().num_series), (None, 0));
}

#[test]
fn covered_segments_go_with_the_cut() {
    let dir = tempfile::tempdir().unwrap();
    closed(dir.path());
    let head = open(dir.path());
    append(&head, 20, &[(0, 1.0)]);
    let segments = || std::fs::read_dir(dir.path().join("wal")).unwrap().count();
    head.truncate(5, None);
    assert_eq!(segments(), 3, "the covered one, one more, and a note of the cut");
    head.truncate(10, None);
    assert_eq!(segments(), 2);
    drop(head);
    assert_eq!(open(dir.path()).range(), TimeRange::new(20, 20));
}

/// Opens a copy whose saved head is changed: the log brings back what it had.
fn check_damaged(whole: &Head, dir: &Path, damage: &dyn Fn(&mut Vec<u8>), what: &str) {
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join("wal")).unwrap();
    std::fs::copy(dir.join("wal/00000000"), copy.path().join("wal/00000000")).unwrap();
    let mut bytes = std::fs::read(dir.join("snapshot-00000001")).unwrap();
    damage(&mut bytes);
    std::fs::write(copy.path().join("snapshot-00000001"), &bytes).unwrap();
    let head = open(copy.path());
    assert_eq!(head.counters.snapshots_refused.get(), 1, "{what}");
    assert!(copy.path().join("quarantine/snapshot-00000001").exists(), "{what}");
    assert!(same(whole, &head), "{what}");
    append(&head, 10, &[(0, 1.0)]);
    assert!(same(&head, &open(copy.path())), "{what}");
}

#[test]
fn a_saved_head_cut_at_any_length_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let head = closed(dir.path());
    let len = std::fs::metadata(dir.path().join("snapshot-00000001")).unwrap().len();
    for cut in 0..usize::try_from(len).unwrap() {
        check_damaged(&head, dir.path(), &|bytes| bytes.truncate(cut), &format!("cut at {cut}"));
    }
    check_damaged(&head, dir.path(), &|bytes| bytes.push(0), "one byte more");
}

#[test]
fn a_saved_head_with_any_bit_flipped_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let head = closed(dir.path());
    let len = std::fs::metadata(dir.path().join("snapshot-00000001")).unwrap().len();
    for at in 0..usize::try_from(len).unwrap() {
        let flip = |bytes: &mut Vec<u8>| bytes[at] ^= 1 << (at % 8);
        check_damaged(&head, dir.path(), &flip, &format!("byte {at}"));
    }
}

/// Two series of which one goes on from the other, a deletion and an exemplar; closed.
fn small(dir: &Path) -> Head {
    let head = open(dir);
    let mut appender = head.appender();
    let pairs = [("a", "x"), ("b", "y")];
    let series = appender.append(None, &Labels::from_pairs([pairs[0]]), 5, 1.0).unwrap();
    appender.append(None, &Labels::from_pairs(pairs), 5, 1.0).unwrap();
    let labels = Labels::from_pairs([("t", "7")]);
    let exemplar = Exemplar { labels, value: 1.5, timestamp: Some(4) };
    appender.append_exemplar(series, &exemplar).unwrap();
    appender.commit().unwrap();
    let matcher = Matcher::equal("b", "y");
    head.delete(&[matcher], TimeRange::new(1, 9).unwrap()).unwrap();
    head.close().unwrap();
    head
}

/// The bytes of that, spelled out: the version, what its first frame ends with, and the labels of its
/// series.
fn bytes_of_small(version: u8, begin: &[u8], labels: [&[u8]; 2]) -> Vec<u8> {
    let mut chunk = Vec::new();
    chunk::encode(&[5], &[1.0], &mut chunk);
    let stored = |labels: &[u8]| {
        let len = u8::try_from(chunk.len()).unwrap();
        [labels, &[1, 0, 10, 0, 1, len], &chunk[..]].concat()
    };
    let mut bytes = [&b"FRLSNAPS"[..], &[version, 0, 0, 0]].concat();
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    let mut put = |kind: u8, data: &[u8]| {
        let len = u32::try_from(data.len() + 1).unwrap();
        let frame = [&len.to_le_bytes()[..], &[kind], data].concat();
        bytes.extend(&frame);
        bytes.extend(crc32fast::hash(&frame).to_le_bytes());
    };
    let lowest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    put(1, &[&[1][..], &lowest, begin].concat());
    put(2, &labels.map(stored).concat());
    // The deletion ends at the newest sample.
    put(3, &[2, 10, 1, 1]);
    let value = 1.5f64.to_bits().to_le_bytes();
    let exemplar = [&[1, 1 << 2 | 2, b'a', 1, b'x', 8][..], &value, &[1]].concat();
    put(4, &[&exemplar[..], &[1, 1 << 2 | 2, b't', 1, b'7']].concat());
    put(5, &[2, 1, 1]);
    bytes
}

#[test]
fn bytes_are_as_documented() {
    let dir = tempfile::tempdir().unwrap();
    let head = small(dir.path());
    // The first label of the second series has numbers that are known.
    let labels = [&[1, 0, 1, b'a', 0, 1, b'x'][..], &[2, 0, 0, 1, 1, b'b', 0, 1, b'y']];
    let expected = bytes_of_small(2, &[2], labels);
    assert_eq!(std::fs::read(dir.path().join("snapshot-00000001")).unwrap(), expected);
    assert!(same(&head, &open(dir.path())));
}

#[test]
fn a_head_saved_in_version_1_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let head = small(dir.path());
    // The first label of the second series is as before.
    let labels = [&[1, 1 << 2 | 2, b'a', 1, b'x'][..], &[2, 1 << 2, 1 << 2 | 2, b'b', 1, b'y']];
    std::fs::write(dir.path().join("snapshot-00000001"), bytes_of_small(1, &[], labels)).unwrap();
    std::fs::remove_dir_all(dir.path().join("wal")).unwrap();
    let again = open(dir.path());
    assert_eq!(again.counters.snapshots_refused.get(), 0);
    assert!(same(&head, &again));
}
