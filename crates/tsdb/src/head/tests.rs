//! Tests of the head as a whole: what commits bring, what views show, what a restart finds.

use super::*;
use crate::index::{Index, Source, select};
use crate::{Kind, WalSync};
use model::sample::STALE_NAN;
use model::{Labels, Matcher};
use std::collections::BTreeMap;
use std::path::Path;
use storage::{AppendError, Columns, CommitError, Conflict, SeriesRef};

const MINUTE: i64 = 60_000;

/// Series with their samples; values as bits, so that NaNs compare.
type Samples = BTreeMap<String, Vec<(i64, u64)>>;

fn options(dir: &Path) -> Options {
    Options { path: dir.to_owned(), ..Options::default() }
}

fn open(options: &Options) -> Head {
    Head::open(options, Arc::default(), Timestamp::MIN).expect("it opens")
}

/// A head in a directory of its own.
fn fresh() -> (tempfile::TempDir, Head) {
    let dir = tempfile::tempdir().unwrap();
    let head = open(&options(dir.path()));
    (dir, head)
}

fn labels(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "test")])
}

/// Commits samples; all must be taken.
fn commit(head: &Head, samples: &[(&str, i64, f64)]) {
    let mut appender = head.appender();
    for (name, t, v) in samples {
        appender.append(None, &labels(name), *t, *v).expect("the sample is in order");
    }
    assert_eq!(appender.commit().expect("the log is written"), samples.len());
}

/// What appending one sample says; nothing is committed.
fn check(head: &Head, name: &str, t: i64, v: f64) -> Result<(), AppendError> {
    head.appender().append(None, &labels(name), t, v).map(|_| ())
}

fn seen_by(view: &View<'_>) -> Samples {
    let mut all = Samples::new();
    let mut columns = Columns::default();
    let rows = view.all().unwrap();
    for series in view.series(rows, TimeRange::ALL, &storage::Stop::default()).unwrap() {
        let mut series = series.unwrap();
        columns.clear();
        series.read(TimeRange::ALL, &mut columns).unwrap();
        let bits = columns.values.iter().map(|v| v.to_bits());
        let samples: Vec<_> = columns.timestamps.iter().copied().zip(bits).collect();
        all.insert(series.labels().metric_name().to_owned(), samples);
    }
    all
}

fn all(head: &Head) -> Samples {
    seen_by(&head.view(TimeRange::ALL))
}

fn samples_of(samples: &[(&str, i64, f64)]) -> Samples {
    let mut all = Samples::new();
    for (name, t, v) in samples {
        all.entry((*name).to_owned()).or_default().push((*t, v.to_bits()));
    }
    all
}

#[test]
fn what_is_committed_is_there_and_after_a_crash_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = Samples::new();
    for round in 0..5 {
        let head = open(&options(dir.path()));
        assert_eq!(all(&head), expected, "round {round}");
        for i in 0..100_i64 {
            let t = (round * 100 + i) * 15_000;
            let v = [i as f64, -0.0, f64::INFINITY, STALE_NAN, i as f64 / 7.0];
            let v = v[usize::try_from(i % 5).unwrap()];
            let batch = [("a", t, v), ("b", t, 1.0), ("c", t + i % 3, t as f64)];
            commit(&head, &batch);
            for (name, samples) in samples_of(&batch) {
                expected.entry(name).or_default().extend(samples);
            }
        }
        assert_eq!(all(&head), expected, "round {round}, before the crash");
        // Dropped without being closed.
    }
}

#[test]
fn a_dropped_appender_leaves_no_trace() {
    let (dir, head) = fresh();
    commit(&head, &[("a", 1, 1.0)]);
    let mut appender = head.appender();
    appender.append(None, &labels("a"), 2, 1.0).unwrap();
    appender.append(None, &labels("b"), 2, 1.0).unwrap();
    drop(appender);
    assert_eq!(all(&head), samples_of(&[("a", 1, 1.0)]));
    let view = head.view(TimeRange::ALL);
    assert_eq!(view.label_values("__name__").unwrap(), ["a"]);
    assert_eq!((head.status().num_series, head.counters.series_created.get()), (1, 1));
    drop(view);
    drop(head);
    assert_eq!(all(&open(&options(dir.path()))), samples_of(&[("a", 1, 1.0)]));
}

#[test]
fn series_that_came_later_cost_the_log_no_more_than_others() {
    let size_of_log = |order: [&str; 4]| {
        let (dir, head) = fresh();
        commit(&head, &[("a", 0, 0.0), ("d", 0, 0.0)]);
        commit(&head, &[("b", 0, 0.0), ("c", 0, 0.0)]);
        for t in 1..50 {
            commit(&head, &order.map(|name| (name, t, t as f64)));
        }
        let before = all(&head);
        drop(head);
        assert_eq!(all(&open(&options(dir.path()))), before);
        std::fs::metadata(dir.path().join("wal/00000000")).unwrap().len()
    };
    assert_eq!(size_of_log(["a", "b", "c", "d"]), size_of_log(["a", "d", "b", "c"]));
}

#[test]
fn staged_samples_are_not_seen_before_the_commit() {
    let (_dir, head) = fresh();
    let mut appender = head.appender();
    appender.append(None, &labels("a"), 1, 1.0).unwrap();
    assert_eq!(all(&head), Samples::new());
    assert_eq!(head.range(), None);
    appender.commit().unwrap();
    assert_eq!(all(&head), samples_of(&[("a", 1, 1.0)]));
    assert_eq!(head.range(), TimeRange::new(1, 1));
}

#[test]
fn samples_are_refused_as_prometheus_refuses_them() {
    let (_dir, head) = fresh();
    commit(&head, &[("a", 90 * MINUTE, 1.0), ("nan", 90 * MINUTE, STALE_NAN)]);
    let conflict = |existing, new| {
        AppendError::DuplicateFloat(Conflict::new(90 * MINUTE, Some(existing), new))
    };
    for (name, t, v, expected) in [
        ("a", 90 * MINUTE + 1, 2.0, Ok(())),
        ("a", 90 * MINUTE, 1.0, Ok(())),
        ("a", 90 * MINUTE, 2.0, Err(conflict(1.0, 2.0))),
        ("a", 90 * MINUTE - 1, 1.0, Err(AppendError::OutOfOrder)),
        ("nan", 90 * MINUTE, STALE_NAN, Ok(())),
        ("nan", 90 * MINUTE, f64::NAN, Err(conflict(STALE_NAN, f64::NAN))),
        // Half of two hours behind the newest sample.
        ("new", 30 * MINUTE, 1.0, Ok(())),
        ("new", 30 * MINUTE - 1, 1.0, Err(AppendError::OutOfBounds)),
        ("a", 30 * MINUTE - 1, 1.0, Err(AppendError::OutOfBounds)),
    ] {
        assert_eq!(check(&head, name, t, v), expected, "{name} at {t}");
    }
    let counters = &head.counters;
    let refused = [
        counters.samples_duplicate.get(),
        counters.samples_out_of_order[Kind::Float].get(),
        counters.samples_out_of_bounds[Kind::Float].get(),
        counters.samples_appended[Kind::Float].get(),
    ];
    assert_eq!(refused, [2, 1, 2, 2]);
}

#[test]
fn within_one_commit_what_is_not_newer_is_left_out() {
    let (_dir, head) = fresh();
    let mut appender = head.appender();
    let mut append = |name, t, v| appender.append(None, &labels(name), t, v).map(|_| ());
    assert_eq!(append("a", 1, 1.0), Ok(()));
    assert_eq!(append("a", 2, 1.0), Ok(()));
    assert_eq!(append("a", 2, 2.0), Ok(()));
    assert_eq!(append("a", 1, 2.0), Ok(()));
    assert_eq!(append("b", 1, 1.0), Ok(()));
    assert_eq!(appender.commit().unwrap(), 3);
    assert_eq!(all(&head), samples_of(&[("a", 1, 1.0), ("a", 2, 1.0), ("b", 1, 1.0)]));
    assert_eq!(head.counters.samples_out_of_order[Kind::Float].get(), 1);
    let mut appender = head.appender();
    for t in [3, 4, 4] {
        appender.append(None, &labels("a"), t, 1.0).unwrap();
        appender.append(None, &labels("b"), t, 1.0).unwrap();
    }
    // The third of each is not newer than the second, which only the commit notices.
    assert_eq!(appender.commit().unwrap(), 4);
}

#[test]
fn an_empty_head_takes_any_time() {
    for t in [0, 1, -5, 1_700_000_000_000, i64::MIN, i64::MAX] {
        let (dir, head) = fresh();
        commit(&head, &[("a", t, 1.0)]);
        assert_eq!(all(&head), samples_of(&[("a", t, 1.0)]));
        drop(head);
        assert_eq!(all(&open(&options(dir.path()))), samples_of(&[("a", t, 1.0)]));
    }
}

#[test]
fn series_may_be_loaded_one_after_the_other_where_blocks_are_wide() {
    let dir = tempfile::tempdir().unwrap();
    let wide = Options { min_block_duration_ms: 365 * 24 * 60 * MINUTE, ..options(dir.path()) };
    let head = open(&wide);
    for name in ["a", "b", "c"] {
        for t in 0..100 {
            commit(&head, &[(name, t * MINUTE, 1.0)]);
        }
    }
    assert!(all(&head).values().all(|samples| samples.len() == 100));
}

#[test]
fn labels_that_name_nothing_are_refused() {
    let (_dir, head) = fresh();
    let mut appender = head.appender();
    let long = Labels::from_pairs([("a", "x".repeat(17 << 20))]);
    for labels in [Labels::empty(), long] {
        let refused = appender.append(None, &labels, 1, 1.0);
        assert!(matches!(refused, Err(AppendError::InvalidLabels(_))), "{refused:?}");
    }
    let unknown = SeriesRef(std::num::NonZeroU64::new(77).unwrap());
    let refused = appender.append(Some(unknown), &Labels::empty(), 1, 1.0);
    assert!(matches!(refused, Err(AppendError::InvalidLabels(_))), "{refused:?}");
}

#[test]
fn a_reference_skips_the_labels_from_its_first_append_on() {
    let (_dir, head) = fresh();
    let nothing = Labels::empty();
    let mut appender = head.appender();
    let series = appender.append(None, &labels("a"), 1, 1.0).unwrap();
    assert_eq!(appender.append(Some(series), &nothing, 2, 1.0), Ok(series));
    appender.commit().unwrap();
    let mut appender = head.appender();
    assert_eq!(appender.append(Some(series), &nothing, 3, 1.0), Ok(series));
    assert_eq!(appender.append(None, &labels("a"), 4, 1.0), Ok(series));
    appender.commit().unwrap();
    assert_eq!(all(&head)["a"].len(), 4);
}

#[test]
fn a_reference_of_a_series_that_is_gone_names_no_other() {
    let (_dir, head) = fresh();
    let mut appender = head.appender();
    let gone = appender.append(None, &labels("gone"), 1, 1.0).unwrap();
    appender.commit().unwrap();
    head.truncate(100, None);
    // The row of the first is the second's now.
    let mut appender = head.appender();
    let other = appender.append(None, &labels("other"), 200, 2.0).unwrap();
    assert_eq!(stripes::place_of(other).0, stripes::place_of(gone).0);
    for _ in ["staged", "committed"] {
        let refused = appender.append(Some(gone), &Labels::empty(), 201, 3.0);
        assert!(matches!(refused, Err(AppendError::InvalidLabels(_))), "{refused:?}");
        appender.commit().unwrap();
        appender = head.appender();
    }
    let again = appender.append(Some(gone), &labels("gone"), 202, 4.0).unwrap();
    assert!(again != gone && again != other);
    appender.commit().unwrap();
    assert_eq!(all(&head), samples_of(&[("other", 200, 2.0), ("gone", 202, 4.0)]));
}

#[test]
fn two_commits_that_make_the_same_series_make_one() {
    let (dir, head) = fresh();
    let (mut first, mut second) = (head.appender(), head.appender());
    first.append(None, &labels("a"), 1, 1.0).unwrap();
    let reference = second.append(None, &labels("a"), 2, 2.0).unwrap();
    second.append(None, &labels("b"), 2, 2.0).unwrap();
    first.commit().unwrap();
    assert_eq!(second.commit().unwrap(), 2);
    let expected = samples_of(&[("a", 1, 1.0), ("a", 2, 2.0), ("b", 2, 2.0)]);
    assert_eq!(all(&head), expected);
    // The second one's reference has gone stale; labels find the series.
    let mut appender = head.appender();
    let found = appender.append(Some(reference), &labels("a"), 3, 3.0).unwrap();
    assert_ne!(found, reference);
    drop(appender);
    drop(head);
    assert_eq!(all(&open(&options(dir.path()))), expected);
}

#[test]
fn a_view_sees_whole_commits_up_to_its_making() {
    let (_dir, head) = fresh();
    let mut views = Vec::new();
    let mut expected = Samples::new();
    for i in 0..300 {
        let name = format!("series{}", i / 50);
        let batch = [("all", i, i as f64), ("odd", i / 2 * 2 + 1, 0.0), (name.as_str(), i, 1.0)];
        let batch = &batch[..if i % 2 == 0 { 3 } else { 1 }];
        commit(&head, batch);
        for (name, samples) in samples_of(batch) {
            expected.entry(name).or_default().extend(samples);
        }
        if i % 30 == 0 {
            views.push((head.view(TimeRange::ALL), expected.clone()));
        }
        if i % 70 == 69 {
            views.remove(0);
        }
        for (view, expected) in &views {
            assert_eq!(&seen_by(view), expected, "after {i}");
            let names: Vec<&String> = expected.keys().collect();
            assert_eq!(view.label_values("__name__").unwrap().iter().collect::<Vec<_>>(), names);
        }
    }
    drop(views);
    assert_eq!(all(&head), expected);
}

#[test]
fn queries_beside_appends_never_see_half_a_commit() {
    let (_dir, head) = fresh();
    let names: Vec<String> = (0..200).map(|i| format!("m{i}")).collect();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for t in 0..400 {
                let batch: Vec<_> = names.iter().map(|n| (n.as_str(), t, t as f64)).collect();
                commit(&head, &batch);
            }
            done.store(true, Ordering::Release);
        });
        let mut last = 0;
        while !done.load(Ordering::Acquire) {
            let view = head.view(TimeRange::ALL);
            let (first, second) = (seen_by(&view), seen_by(&view));
            assert_eq!(first, second, "one view, one answer");
            let mut lengths = first.values().map(Vec::len);
            let length = lengths.next().unwrap_or(0);
            assert!(lengths.all(|l| l == length) && length >= last, "{length} after {last}");
            assert!(first.is_empty() || first.len() == names.len());
            last = length;
        }
    });
}

#[test]
fn rows_are_found_by_matchers() {
    let (_dir, head) = fresh();
    commit(&head, &[("up", 1, 1.0), ("down", 1, 1.0)]);
    let view = head.view(TimeRange::ALL);
    let found = select::rows(&view, &[Matcher::equal("__name__", "up")]).unwrap();
    let found: Vec<String> =
        found.iter().map(|row| view.labels(row).unwrap().to_string()).collect();
    assert_eq!(found, [labels("up").to_string()]);
    assert_eq!(view.label_names().unwrap(), ["__name__", "job"]);
    assert_eq!(view.rows_with("job").unwrap().len(), 2);
    assert_eq!(view.labels(99).unwrap(), Labels::empty());
}

#[test]
fn truncating_drops_series_with_nothing_left() {
    let (dir, head) = fresh();
    for t in 0..200 {
        commit(&head, &[("long", t, 1.0)]);
    }
    commit(&head, &[("short", 50, 1.0)]);
    head.truncate(150, None);
    assert_eq!(head.range(), TimeRange::new(150, 199));
    let view = head.view(TimeRange::ALL);
    assert_eq!(view.label_values("__name__").unwrap(), ["long"]);
    let samples = seen_by(&view);
    assert_eq!(samples["long"].last(), Some(&(199, 1f64.to_bits())));
    drop(view);
    assert_eq!(check(&head, "short", 149, 1.0), Err(AppendError::OutOfBounds));
    // Its row is another series' now.
    commit(&head, &[("new", 200, 5.0), ("short", 201, 6.0)]);
    assert_eq!(all(&head)["short"], [(201, 6f64.to_bits())]);
    assert_eq!(all(&head)["new"], [(200, 5f64.to_bits())]);
    let counters = &head.counters;
    assert_eq!((counters.series_created.get(), counters.series_removed.get()), (4, 1));
    assert_eq!(head.status().num_chunks, 3);
    drop(head);
    let again = Head::open(&options(dir.path()), Arc::default(), 150).unwrap();
    let found = all(&again);
    assert_eq!(found["short"], [(201, 6f64.to_bits())]);
    assert_eq!(found["long"].len(), 50);
}

#[test]
fn truncating_everything_leaves_an_empty_head() {
    let (dir, head) = fresh();
    commit(&head, &[("a", 1, 1.0), ("b", 2, 1.0)]);
    head.truncate(100, None);
    assert_eq!((head.range(), head.status().num_series, head.size_bytes()), (None, 0, 0));
    assert_eq!(all(&head), Samples::new());
    commit(&head, &[("a", 100, 1.0)]);
    drop(head);
    assert_eq!(all(&open(&options(dir.path()))), samples_of(&[("a", 100, 1.0)]));
}

#[test]
fn a_series_with_a_sample_on_its_way_stays() {
    let (dir, head) = fresh();
    commit(&head, &[("a", 1, 1.0)]);
    let mut appender = head.appender();
    let series = appender.append(None, &labels("a"), 200, 2.0).unwrap();
    head.truncate(100, None);
    assert_eq!(appender.commit().unwrap(), 1);
    assert_eq!(all(&head)["a"].last(), Some(&(200, 2f64.to_bits())));
    let mut appender = head.appender();
    assert_eq!(appender.append(Some(series), &Labels::empty(), 201, 1.0), Ok(series));
    drop(appender);
    head.truncate(300, None);
    assert_eq!(head.status().num_series, 0);
    drop(head);
    let again = Head::open(&options(dir.path()), Arc::default(), 100).unwrap();
    assert_eq!(all(&again), Samples::new());
}

#[test]
fn sealing_refuses_what_is_older_even_if_it_is_staged() {
    let (_dir, head) = fresh();
    let mut appender = head.appender();
    appender.append(None, &labels("a"), 5, 1.0).unwrap();
    appender.append(None, &labels("a"), 15, 1.0).unwrap();
    head.seal_before(10);
    assert_eq!(appender.commit().unwrap(), 1);
    assert_eq!(all(&head), samples_of(&[("a", 15, 1.0)]));
    assert_eq!(check(&head, "b", 9, 1.0), Err(AppendError::OutOfBounds));
    assert_eq!(check(&head, "b", 10, 1.0), Ok(()));
}

#[test]
fn a_commit_that_cannot_be_logged_is_not_visible() {
    for steps in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::cut_after(steps);
        // Three to make a segment, one to write.
        let wal_sync = WalSync::Always;
        let head = open(&Options { files, wal_sync, ..options(dir.path()) });
        let mut appender = head.appender();
        appender.append(None, &labels("a"), 1, 1.0).unwrap();
        assert!(matches!(appender.commit(), Err(CommitError::Io { .. })), "{steps} steps");
        assert_eq!(all(&head), Samples::new(), "{steps} steps");
        assert_eq!(head.status().num_series, 0);
        assert_eq!(head.counters.wal_writes_failed.get(), 1);
        drop(head);
        let head = open(&options(dir.path()));
        assert_eq!(all(&head), Samples::new(), "{steps} steps, opened again");
        commit(&head, &[("a", 1, 1.0)]);
        drop(head);
        assert_eq!(all(&open(&options(dir.path()))), samples_of(&[("a", 1, 1.0)]));
    }
}

#[test]
fn a_commit_that_cannot_be_synced_is_not_acknowledged_and_the_last() {
    let dir = tempfile::tempdir().unwrap();
    // Three to make a segment, one to write.
    let files = Files::cut_after(4);
    let wal_sync = WalSync::Always;
    let head = open(&Options { files, wal_sync, ..options(dir.path()) });
    for (t, written) in [(1, true), (2, false), (3, false)] {
        let mut appender = head.appender();
        appender.append(None, &labels("a"), t, 1.0).unwrap();
        let error = appender.commit().expect_err("nothing reaches the disk");
        assert_eq!(matches!(error, CommitError::Unsynced { .. }), written, "{error}");
    }
    assert_eq!(all(&head), samples_of(&[("a", 1, 1.0)]));
    assert_eq!(head.counters.wal_syncs_failed.get(), 1, "a failed sync is not tried again");
    drop(head);
    assert_eq!(all(&open(&options(dir.path()))), samples_of(&[("a", 1, 1.0)]));
}

#[test]
fn commits_at_the_same_time_share_a_sync() {
    let dir = tempfile::tempdir().unwrap();
    let head = &open(&Options { wal_sync: WalSync::Always, ..options(dir.path()) });
    head.synced.hold();
    std::thread::scope(|scope| {
        for n in 0..8 {
            scope.spawn(move || commit(head, &[(&format!("s{n}"), 1, 1.0)]));
        }
        while head.log().wal.commits() < 8 {
            std::thread::yield_now();
        }
        assert_eq!(head.counters.wal_syncs.get(), 0);
        head.synced.let_go();
    });
    assert_eq!(head.counters.wal_syncs.get(), 1);
}

#[test]
fn a_closed_head_takes_nothing_and_still_answers() {
    let (_dir, head) = fresh();
    commit(&head, &[("a", 1, 1.0)]);
    let mut appender = head.appender();
    appender.append(None, &labels("a"), 2, 1.0).unwrap();
    head.close().unwrap();
    assert!(matches!(appender.commit(), Err(CommitError::Closed)));
    assert_eq!(all(&head), samples_of(&[("a", 1, 1.0)]));
}

#[test]
fn the_log_is_synced_before_the_interval_has_passed() {
    // The next call may come a second later, or as soon as the interval says.
    for (interval_ms, expected) in [(3_000, [1, 1, 2, 2, 3, 4]), (1_000, [1, 2, 3, 4, 5, 6])] {
        let dir = tempfile::tempdir().unwrap();
        let wal_sync = WalSync::Every(interval_ms);
        let head = open(&Options { wal_sync, ..options(dir.path()) });
        let mut syncs = Vec::new();
        for now_ms in [10_000, 11_000, 12_001, 14_000, 14_100, 3_000] {
            commit(&head, &[("a", syncs.len() as i64, 1.0)]);
            head.tick(now_ms);
            syncs.push(head.counters.wal_syncs.get());
        }
        // The last: somebody has set the clock back.
        assert_eq!(syncs, expected);
    }
}

#[test]
fn commits_from_many_threads_all_arrive() {
    let (dir, head) = fresh();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let head = &head;
            scope.spawn(move || {
                for t in 0..100 {
                    let own = format!("own{thread}");
                    let made = format!("made{}", t / 10);
                    let mut appender = head.appender();
                    appender.append(None, &labels(&own), t, 1.0).unwrap();
                    // All threads make these; whoever comes later may be refused.
                    let _ = appender.append(None, &labels(&made), t, thread as f64);
                    appender.commit().unwrap();
                }
            });
        }
    });
    let found = all(&head);
    assert!((0..4).all(|thread| found[&format!("own{thread}")].len() == 100));
    let rises = |samples: &Vec<(i64, u64)>| samples.is_sorted_by(|a, b| a.0 < b.0);
    assert!(found.len() == 14 && found.values().all(rises));
    drop(head);
    assert_eq!(all(&open(&options(dir.path()))), found);
}
