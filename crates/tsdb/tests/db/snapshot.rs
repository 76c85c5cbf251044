//! Snapshots: a database beside the database, which answers as that one did.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::samples::{HOUR, Samples, all, append, extend, open, options, samples_of};
use model::{MatchOp, Matcher, TimeRange};
use tsdb::fs::Files;
use tsdb::{Db, Options};

fn fill(db: &Db, from: i64, to: i64) -> Samples {
    let mut truth = Samples::new();
    for t in (from * HOUR..to * HOUR).step_by(900_000) {
        let batch = samples_of(&[("a", t, t as f64 / 7.0), ("b", t, 1.0)]);
        append(db, &batch);
        extend(&mut truth, batch);
        db.maintain(t);
    }
    truth
}

fn part(samples: &Samples, range: TimeRange) -> Samples {
    let mut part = samples.clone();
    part.values_mut().for_each(|samples| samples.retain(|(t, _)| range.contains(*t)));
    part.retain(|_, samples| !samples.is_empty());
    part
}

#[test]
fn a_database_opened_on_a_snapshot_answers_as_this_one_did() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    let mut truth = fill(&db, 0, 9);
    let named_a = Matcher::new(MatchOp::Equal, "__name__", "a").expect("valid");
    let deleted = TimeRange::new(0, 5 * HOUR).expect("ordered");
    db.delete(&[named_a], deleted).expect("it deletes");
    truth.iter_mut().take(1).for_each(|(_, a)| a.retain(|(t, _)| !deleted.contains(*t)));
    assert_eq!(all(&db), truth);

    let whole = db.snapshot("whole", true, 9 * HOUR).expect("it copies");
    let without_head = db.snapshot("blocks", false, 9 * HOUR).expect("it copies");
    assert_eq!(whole, dir.path().join("snapshots/whole"));
    // What becomes of the database afterwards is nothing to the snapshots.
    db.clean_tombstones(9 * HOUR).expect("it cleans");
    db.delete(&[], TimeRange::ALL).expect("it deletes");
    db.clean_tombstones(9 * HOUR).expect("it cleans");
    fill(&db, 9, 30);
    let copy = open(&options(&whole));
    assert_eq!(all(&copy), truth);
    let mut lived = truth.clone();
    extend(&mut lived, fill(&copy, 9, 14));
    assert_eq!(all(&copy), lived);
    let copy = open(&options(&without_head));
    let end = copy.status().blocks.last().expect("blocks").max_time;
    assert_eq!(all(&copy), part(&truth, TimeRange::new(0, end - 1).expect("ordered")));
}

#[test]
fn blocks_are_shared_and_no_name_is_used_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    fill(&db, 0, 5);
    let block = db.status().blocks[0].ulid.to_string();
    let copy = db.snapshot("x", true, 0).expect("it copies").join(&block);
    for file in ["meta.json", "index", "data"] {
        let inode = |path: &Path| std::fs::metadata(path.join(file)).expect("a file").ino();
        assert_eq!(inode(&dir.path().join(&block)), inode(&copy), "{file}");
    }
    for name in ["x", "../x", "y/z", "", "."] {
        assert!(db.snapshot(name, true, 0).is_err(), "{name:?}");
    }
    db.close().expect("it closes");
    assert!(db.snapshot("y", true, 0).is_err(), "another may have the directory");
}

#[test]
fn an_empty_database_has_an_empty_snapshot() {
    let dir = tempfile::tempdir().expect("a directory");
    let db = open(&options(dir.path()));
    let copy = db.snapshot("x", true, 0).expect("it copies");
    assert_eq!(std::fs::read_dir(copy).expect("a directory").count(), 0);
}

#[test]
fn a_snapshot_cut_at_any_step_is_whole_or_not_there() {
    for steps in 0.. {
        let dir = tempfile::tempdir().expect("a directory");
        let truth = fill(&open(&options(dir.path())), 0, 5);
        let files = Files::cut_after(steps);
        let cut_options = Options { files: files.clone(), ..options(dir.path()) };
        let made = Db::open(cut_options, 0).is_ok_and(|db| db.snapshot("x", true, 0).is_ok());
        drop(open(&options(dir.path())));
        let copies = std::fs::read_dir(dir.path().join("snapshots")).into_iter().flatten();
        let names: Vec<_> = copies.map(|entry| entry.expect("an entry").file_name()).collect();
        assert!(names == ["x"] || (names.is_empty() && !made), "cut after {steps}: {names:?}");
        if !names.is_empty() {
            assert_eq!(all(&open(&options(&dir.path().join("snapshots/x")))), truth);
        }
        if made {
            assert!(steps > 10);
            return;
        }
    }
}
