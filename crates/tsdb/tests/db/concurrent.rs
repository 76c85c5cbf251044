//! Commits, queries, cuts and compaction at the same time: a query sees each commit whole or not at
//! all, wherever its samples are by then.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::samples::{HOUR, Samples, all, labels, open, options};
use storage::{Appendable, SeriesRef};
use tsdb::{Db, Options};

/// Between two commits: a window holds as many as a chunk of the head, so that each cut drops some.
const STEP: i64 = HOUR / 60;
/// Series that have a sample in every commit.
const STEADY: usize = 8;

/// The series that only has the samples of this hour; it goes, and others get its place.
fn passing(t: i64) -> String {
    format!("passing{}", t / HOUR)
}

/// Says so when it is dropped, by a panic too: nobody waits for a thread that has failed.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A sample of each steady series and of the passing one.
fn commit(db: &Db, refs: &mut [Option<SeriesRef>], t: i64) {
    let mut appender = db.appender();
    for (i, known) in refs.iter_mut().enumerate() {
        let series = labels(&format!("steady{i}"));
        *known = Some(appender.append(*known, &series, t, t as f64).expect("in order"));
    }
    appender.append(None, &labels(&passing(t)), t, t as f64).expect("in order");
    assert_eq!(appender.commit().expect("the disk has room"), refs.len() + 1);
}

/// How many commits `found` shows; each of them must be there whole.
fn whole_commits(found: &Samples) -> i64 {
    let is_passing = |name: &str| name.contains("passing");
    let mut passed: Vec<(i64, u64)> =
        found.iter().filter(|(name, _)| is_passing(name)).flat_map(|(_, s)| s.clone()).collect();
    passed.sort_unstable();
    let steady: Vec<_> = found.iter().filter(|(name, _)| !is_passing(name)).collect();
    assert!(found.is_empty() || steady.len() == STEADY, "{} steady series", steady.len());
    for (name, samples) in steady {
        assert_eq!(*samples, passed, "{name}");
    }
    for (i, (t, bits)) in passed.iter().enumerate() {
        let expected = i as i64 * STEP;
        assert_eq!((*t, f64::from_bits(*bits)), (expected, expected as f64), "commit {i}");
    }
    passed.len() as i64
}

#[test]
fn queries_beside_commits_cuts_and_compaction_see_whole_commits() {
    const COMMITS: i64 = 2400;
    let dir = tempfile::tempdir().expect("a directory");
    let wide = Options { max_block_duration_ms: 4 * HOUR, ..options(dir.path()) };
    let db = open(&wide);
    let (now, done) = (AtomicI64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _done = Done(&done);
            let mut refs = [None; STEADY];
            for i in 0..COMMITS {
                commit(&db, &mut refs, i * STEP);
                now.store(i * STEP, Ordering::Release);
            }
        });
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                db.maintain(now.load(Ordering::Acquire));
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::Acquire) {
                    let at_least = now.load(Ordering::Acquire) / STEP;
                    let seen = whole_commits(&all(&db));
                    assert!(seen >= last && seen >= at_least, "{seen} after {last}");
                    last = seen;
                }
            });
        }
    });
    db.maintain(COMMITS * STEP);
    assert_eq!(whole_commits(&all(&db)), COMMITS);
    let counters = db.counters();
    assert!(counters.compactions.get() > 15 && counters.series_removed.get() > 10);
    drop(db);
    assert_eq!(whole_commits(&all(&open(&wide))), COMMITS);
}
