//! Blocks and logs that tools read, damage found in them, and what becomes of it.

use super::*;
use crate::block::tests::{Samples, hours, new_block, read_all, set_of, written};
use crate::db::Db;
use model::Labels;
use storage::Appendable;

/// Two series of floats that take chunks of their own, within two hours.
fn samples() -> Samples {
    let series = |name: &str, n: i64| {
        let samples = (0..n).map(|i| (i * 15_000, (i as f64 * 0.37).sin().to_bits())).collect();
        (Labels::from_pairs([("__name__", name)]), samples)
    };
    Samples::from([series("a", 100), series("b", 300)])
}

fn in_span(dir: &Path) -> PathBuf {
    written(dir, &new_block(0, hours(2) - 1), &samples())
}

#[test]
fn a_whole_block_is_found_whole_and_any_flipped_byte_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = in_span(dir.path());
    let verify = || {
        let (blocks, failed) = stored(dir.path()).unwrap();
        failed.len() + blocks.iter().map(|b| b.verify(&mut |_| ()).len()).sum::<usize>()
    };
    assert_eq!(verify(), 0);
    for name in ["index", "data"] {
        let file = path.join(name);
        let whole = std::fs::read(&file).unwrap();
        for at in (0..whole.len()).step_by(7) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            std::fs::write(&file, &damaged).unwrap();
            assert_ne!(verify(), 0, "{name} at {at}");
        }
        std::fs::write(&file, &whole).unwrap();
    }
}

#[test]
fn a_repair_keeps_what_can_be_read_and_the_old_block_aside() {
    let truth = samples();
    for at in [30, 400] {
        let dir = tempfile::tempdir().unwrap();
        let file = in_span(dir.path()).join("data");
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[at] ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        let repaired = repair(dir.path(), 0, &mut |_| ()).unwrap();
        assert_eq!(repaired.len(), 1);
        assert!(repaired[0].moved_to.starts_with(dir.path().join(crate::db::QUARANTINE)));
        let (blocks, failed) = stored(dir.path()).unwrap();
        assert_eq!((blocks.len(), failed.len()), (1, 0));
        assert!(blocks[0].verify(&mut |_| ()).is_empty());
        let kept = read_all(&*blocks[0].block, TimeRange::ALL).unwrap();
        assert!(!kept.is_empty());
        for (labels, samples) in kept {
            assert!(samples.iter().all(|sample| truth[&labels].contains(sample)), "{labels}");
        }
        assert!(repair(dir.path(), 0, &mut |_| ()).unwrap().is_empty());
    }
}

#[test]
fn a_sandbox_shows_blocks_and_log_and_goes_without_a_trace() {
    let dir = tempfile::tempdir().unwrap();
    in_span(dir.path());
    let db = Db::open(keep_all(dir.path()), 0).unwrap();
    let mut appender = db.appender();
    let labels = Labels::from_pairs([("__name__", "c")]);
    appender.append(None, &labels, hours(3), 1.0).unwrap();
    appender.commit().unwrap();
    let names = || {
        let entries = std::fs::read_dir(dir.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let sandbox = Sandbox::open(dir.path(), dir.path(), 0).unwrap();
    let status = sandbox.status();
    assert_eq!((status.num_series, status.blocks.len()), (1, 1));
    drop(sandbox);
    assert_eq!(names(), before);
}

#[test]
fn a_damaged_log_is_told_by_offset() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(keep_all(dir.path()), 0).unwrap();
    for t in 0..5 {
        let mut appender = db.appender();
        appender.append(None, &Labels::from_pairs([("a", "b")]), t, 1.0).unwrap();
        appender.commit().unwrap();
    }
    db.close().unwrap();
    drop(db);
    assert!(damaged_log(dir.path()).unwrap().is_empty());
    let file = dir.path().join("wal/00000000");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let damaged = damaged_log(dir.path()).unwrap();
    assert!(
        matches!(&damaged[..], [BlockError::Damaged { path, offset: 16, .. }] if *path == file),
        "{damaged:?}"
    );
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}

#[test]
fn blocks_of_prometheus_are_migrated_once_and_answer_the_same() {
    let (native, foreign) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    in_span(native.path());
    let db = Db::open(keep_all(native.path()), 0).unwrap();
    let all = TimeRange::ALL;
    assert_eq!(db.export(foreign.path(), all, hours(2), 0, &mut |_| ()).unwrap().len(), 1);
    let read = || {
        let (blocks, _) = stored(foreign.path()).unwrap();
        assert_eq!(blocks.len(), 1);
        (blocks[0].meta().is_native(), read_all(&*blocks[0].block, all).unwrap())
    };
    assert_eq!(read(), (false, samples()));
    let migrated = |expected: usize| {
        let made = migrate(foreign.path(), 0, &mut |_, _| ()).unwrap();
        assert_eq!(made.len(), expected);
        assert_eq!(read(), (true, samples()));
    };
    migrated(1);
    migrated(0);
}

#[test]
fn series_are_written_as_a_block() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("deep/data");
    let span = TimeRange::new(0, hours(2)).unwrap();
    let made = write_block(&target, span, set_of(&samples()), 0).unwrap();
    assert_eq!(made.unwrap().stats.num_samples, 400);
    assert!(write_block(&target, span, set_of(&Samples::new()), 0).unwrap().is_none());
    assert_eq!(stored(&target).unwrap().0.len(), 1);
}
