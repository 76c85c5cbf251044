//! The disk refuses: full, broken, read-only, not ours. What was acknowledged stays and answers, what
//! was not is told, nothing goes; and when the disk is well again, the next commit is taken.

use std::path::Path;

use crate::samples::{HOUR, Samples, all, append, extend, open, options, samples_of};
use model::Labels;
use storage::{Appendable, CommitError};
use tsdb::fs::Files;
use tsdb::{Db, OpenError, Options, WalSync};

/// No space, an error of the device, a read-only file system, no permission.
const ERRORS: [i32; 4] = [28, 5, 30, 13];

fn small_options(dir: &Path) -> Options {
    Options {
        min_block_duration_ms: 2 * HOUR,
        max_block_duration_ms: 4 * HOUR,
        // The head is saved every now and then.
        wal_segment_bytes: 700,
        ..options(dir)
    }
}

/// The samples of an hour.
fn hour(n: i64) -> Samples {
    let t = n * HOUR;
    samples_of(&[("a", t, t as f64 / 7.0), ("b", t + 1, 1.0)])
}

fn commit(db: &Db, samples: &Samples) -> Result<usize, CommitError> {
    let mut appender = db.appender();
    for (series, samples) in samples {
        let metric = series.trim_start_matches("{__name__=\"").trim_end_matches("\"}");
        let labels = Labels::from_pairs([("__name__", metric)]);
        for (t, bits) in samples {
            appender.append(None, &labels, *t, f64::from_bits(*bits)).expect("it is in order");
        }
    }
    appender.commit()
}

/// What was acknowledged, and all that was tried.
#[derive(Clone, Default)]
struct Known {
    acknowledged: Samples,
    tried: Samples,
}

impl Known {
    /// Appends an hour; false if that was refused, with an error that names file and cause.
    fn append(&mut self, db: &Db, n: i64, errno: i32) -> bool {
        extend(&mut self.tried, hour(n));
        match commit(db, &hour(n)) {
            Ok(_) => {
                extend(&mut self.acknowledged, hour(n));
                true
            }
            Err(
                CommitError::Io { path, cause: source }
                | CommitError::Unsynced { path, cause: source },
            ) => {
                assert_eq!(source.raw_os_error(), Some(errno), "{}", path.display());
                assert!(path.parent().is_some_and(|dir| dir.ends_with("wal")));
                false
            }
            Err(error @ CommitError::Closed) => panic!("{error}"),
        }
    }

    /// Looks at what there is.
    fn check(&self, db: &Db, what: &str) {
        let found = all(db);
        for (series, samples) in &self.acknowledged {
            let found = found.get(series).map_or(&[][..], Vec::as_slice);
            assert!(
                samples.iter().all(|sample| found.contains(sample)),
                "{what}: {series} lost some"
            );
        }
        for (series, found) in &found {
            assert!(found.is_sorted_by(|a, b| a.0 < b.0), "{what}: {series} has some twice");
            assert!(found.iter().all(|sample| self.tried[series].contains(sample)), "{what}");
        }
    }
}

/// Lives with files that fail at some steps, and on when they do not. False if the plan came to
/// nothing.
fn check(first: u64, count: u64, errno: i32) -> bool {
    let what = format!("{count} steps from {first} on fail with {errno}");
    let dir = tempfile::tempdir().expect("a directory");
    let mut known = Known::default();
    {
        let db = open(&small_options(dir.path()));
        assert!((0..3).all(|n| known.append(&db, n, errno)));
    }
    let files = Files::fail(first..first + count, errno);
    let wal_sync = if first.is_multiple_of(2) { WalSync::Always } else { WalSync::Every(1000) };
    let options = Options { files: files.clone(), wal_sync, ..small_options(dir.path()) };
    match Db::open(options, 3 * HOUR) {
        Ok(db) => {
            for n in 3..14 {
                let was_well = files.is_well();
                let is_taken = known.append(&db, n, errno);
                assert!(is_taken || !was_well, "{what}: taken as soon as the disk is well");
                assert!(
                    is_taken || db.counters().wal_writes_failed.get() > 0,
                    "{what}: it is counted"
                );
                db.maintain(n * HOUR);
                known.check(&db, &what);
            }
            if files.is_well() {
                db.close().expect("it closes");
            }
        }
        Err(OpenError::Io { source, .. }) => assert_eq!(source.raw_os_error(), Some(errno)),
        Err(error) => panic!("{what}: {error}"),
    }
    let db = open(&small_options(dir.path()));
    known.check(&db, &what);
    for n in 21..25 {
        assert!(known.append(&db, n, errno), "{what}");
        db.maintain(n * HOUR);
    }
    known.check(&db, &what);
    files.is_cut()
}

#[test]
fn a_disk_that_fails_once_at_any_step_loses_nothing() {
    let steps = (0..).zip(ERRORS.into_iter().cycle());
    let steps = steps.take_while(|(step, errno)| check(*step, 1, *errno)).count();
    assert!(steps > 100, "only {steps} steps: the plan does not reach the files");
}

#[test]
fn a_disk_that_fails_for_a_while_loses_nothing() {
    let steps = (0..).zip(ERRORS.into_iter().cycle());
    let steps = steps.take_while(|(step, errno)| check(3 * step, 11, *errno)).count();
    assert!(steps > 30, "only {steps} steps: the plan does not reach the files");
}

#[test]
fn a_full_disk_ends_commits_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a directory");
    append(&open(&small_options(dir.path())), &hour(0));
    let files = Files::fail(0..u64::MAX, ERRORS[0]);
    let db = Db::open(Options { files, ..small_options(dir.path()) }, 0).expect("it opens");
    for n in 1..4 {
        let error = commit(&db, &hour(n)).expect_err("the disk is full");
        let text = error.to_string();
        assert!(text.starts_with("cannot write ") && text.contains("wal"), "{text}");
        db.maintain(n * HOUR);
        assert_eq!(all(&db), hour(0));
    }
    assert_eq!(db.counters().wal_writes_failed.get(), 3);
}
