//! What the log does to commits: what it has is there, what it refuses is not.

use super::*;

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
