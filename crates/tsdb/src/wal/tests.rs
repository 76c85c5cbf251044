//! Tests of the log as a whole: what is written comes back, whatever happens to the files.

use super::*;
use model::Labels;
use std::collections::BTreeMap;

type Samples = Vec<(String, i64, u64)>;

fn labels_of(row: u32) -> Labels {
    Labels::from_pairs([("__name__", format!("m{row}"))])
}

fn options(dir: &Path) -> Options {
    Options { path: dir.to_owned(), wal_sync: WalSync::Always, ..Options::default() }
}

fn bits(sample: &record::Logged) -> u64 {
    match sample.value {
        LoggedValue::Float(bits) => bits,
        LoggedValue::Histogram(_) => panic!("only floats are logged here"),
    }
}

/// Opens a log; returns it with the commits it has.
fn open(options: &Options) -> (Wal, Vec<Samples>) {
    let mut commits = Vec::new();
    let wal = Wal::open(options, Arc::default(), &mut |replayed| {
        let name = |series: u32| replayed.labels[series as usize].metric_name().to_owned();
        commits.push(replayed.samples.iter().map(|s| (name(s.series), s.t, bits(s))).collect());
    });
    (wal.expect("it opens"), commits)
}

/// Commits one sample each of some rows.
fn commit(wal: &mut Wal, t: i64, rows: &[u32]) -> Result<Samples, CommitError> {
    let mut record = wal.begin(t)?;
    for &row in rows {
        record.sample(row, t, f64::from(row) / 3.0, || labels_of(row));
    }
    record.commit()?;
    let bits = |row: u32| (f64::from(row) / 3.0).to_bits();
    Ok(rows.iter().map(|&row| (format!("m{row}"), t, bits(row))).collect())
}

fn segments(dir: &Path) -> BTreeMap<String, u64> {
    let entries = std::fs::read_dir(dir.join(WAL_DIR)).unwrap().map(Result::unwrap);
    entries.map(|e| (e.file_name().into_string().unwrap(), e.metadata().unwrap().len())).collect()
}

#[test]
fn commits_come_back_in_order_after_any_number_of_opens() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for round in 0..4 {
        let (mut wal, found) = open(&options(dir.path()));
        assert_eq!(found, expected);
        for t in 0..3 {
            expected.push(commit(&mut wal, round * 10 + t, &[1, 2, 3]).unwrap());
        }
        assert_eq!(wal.size_bytes(), segments(dir.path()).values().sum::<u64>());
    }
    assert_eq!(segments(dir.path()).len(), 4);
}

#[test]
fn a_segment_ends_when_its_samples_fill_it() {
    let dir = tempfile::tempdir().unwrap();
    let small = Options { wal_segment_bytes: 100, ..options(dir.path()) };
    let (mut wal, _) = open(&small);
    let mut expected = Vec::new();
    for t in 0..100 {
        expected.push(commit(&mut wal, t, &[1, 2]).unwrap());
    }
    let sizes = segments(dir.path());
    assert!(sizes.len() > 5 && sizes.values().all(|size| *size < 200), "{sizes:?}");
    drop(wal);
    assert_eq!(open(&small).1, expected);
}

#[test]
fn series_that_need_much_text_do_not_end_a_segment_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let small = Options { wal_segment_bytes: 130, ..options(dir.path()) };
    let (mut wal, _) = open(&small);
    let rows: Vec<u32> = (0..10).collect();
    commit(&mut wal, 0, &rows).unwrap();
    let sizes = segments(dir.path());
    assert!(sizes.values().all(|size| *size > 130), "{sizes:?}");
    for t in 1..3 {
        commit(&mut wal, t, &rows[..1]).unwrap();
    }
    assert_eq!(segments(dir.path()).len(), 1);
}

/// A log of two whole segments and the commits in each.
fn two_segments(dir: &Path) -> [Vec<Samples>; 2] {
    [0, 10].map(|from| {
        let (mut wal, _) = open(&options(dir));
        (from..from + 3).map(|t| commit(&mut wal, t, &[1, 2]).unwrap()).collect()
    })
}

/// The same log with one file changed, opened twice.
fn check_damaged(number: usize, damage: &dyn Fn(&mut Vec<u8>), what: &str) {
    let dir = tempfile::tempdir().unwrap();
    let whole = two_segments(dir.path());
    let path = dir.path().join(WAL_DIR).join(format!("{number:08}"));
    let mut bytes = std::fs::read(&path).unwrap();
    damage(&mut bytes);
    std::fs::write(&path, &bytes).unwrap();
    let counters = Arc::new(Counters::default());
    let mut found: [Vec<Samples>; 2] = [vec![], vec![]];
    let opened = Wal::open(&options(dir.path()), Arc::clone(&counters), &mut |replayed| {
        let name = |series: u32| replayed.labels[series as usize].metric_name().to_owned();
        let samples = replayed.samples.iter().map(|s| (name(s.series), s.t, bits(s))).collect();
        found[replayed.segment as usize].push(samples);
    });
    if let Err(error) = opened {
        assert!(matches!(error, OpenError::UnknownFormat { .. }), "{what}: {error}");
        return;
    }
    assert_eq!(found[1 - number], whole[1 - number], "{what}: the other segment is whole");
    let left = found[number].len();
    assert_eq!(found[number], whole[number][..left], "{what}: the commits before the damage");
    let is_whole_prefix = damage_free(&bytes);
    assert_eq!(counters.wal_corruptions.get(), u64::from(!is_whole_prefix), "{what}");
    drop(opened);
    let again = open(&options(dir.path())).1;
    assert_eq!(again, found.concat(), "{what}: the second open finds the same");
}

/// Whether the bytes end where a record ends.
fn damage_free(bytes: &[u8]) -> bool {
    if bytes.len() < 16 {
        return header(bytes);
    }
    let mut rest = &bytes[16..];
    while let Some((_, after)) = crate::frame::split(rest) {
        rest = after;
    }
    rest.is_empty() && header(&bytes[..16])
}

fn header(bytes: &[u8]) -> bool {
    crate::index::header(MAGIC, VERSION).starts_with(bytes)
}

#[test]
fn a_segment_cut_at_any_length_keeps_what_came_before() {
    for number in 0..2 {
        let dir = tempfile::tempdir().unwrap();
        two_segments(dir.path());
        let len = segments(dir.path())[&format!("{number:08}")];
        for cut in 0..usize::try_from(len).unwrap() {
            check_damaged(number, &|bytes| bytes.truncate(cut), &format!("{number} cut at {cut}"));
        }
    }
}

#[test]
fn a_segment_with_any_bit_flipped_keeps_what_came_before() {
    for number in 0..2 {
        let dir = tempfile::tempdir().unwrap();
        two_segments(dir.path());
        let len = segments(dir.path())[&format!("{number:08}")];
        for bit in 0..usize::try_from(len).unwrap() * 8 {
            let flip = |bytes: &mut Vec<u8>| bytes[bit / 8] ^= 1 << (bit % 8);
            check_damaged(number, &flip, &format!("{number}, bit {bit}"));
        }
    }
}

#[test]
fn bytes_of_a_segment_are_as_documented() {
    let dir = tempfile::tempdir().unwrap();
    let (mut wal, _) = open(&options(dir.path()));
    let mut record = wal.begin(1).unwrap();
    record.sample(7, 1, 2.0, || labels_of(7));
    record.commit().unwrap();
    let mut expected = b"FRLWALOG\x01\0\0\0\0\0\0\0".to_vec();
    let mut frame = vec![17, 0, 0, 0, 1, 2, 0xd4, 1, 0x22];
    frame.extend(b"__name__");
    frame.extend([2, b'm', b'7', 0x62]);
    expected.extend(&frame);
    expected.extend(crc32fast::hash(&frame).to_le_bytes());
    assert_eq!(std::fs::read(dir.path().join("wal/00000000")).unwrap(), expected);
}

#[test]
fn a_failed_write_leaves_its_segment_and_hides_nothing() {
    for steps in 0..8 {
        let dir = tempfile::tempdir().unwrap();
        let mut expected = Vec::new();
        {
            let files = Files::cut_after(steps);
            let (mut wal, _) = open(&Options { files, ..options(dir.path()) });
            expected.extend((0..6).filter_map(|t| commit(&mut wal, t, &[1, 2]).ok()));
            // The disk is well again.
            wal.files = Files::default();
            expected.push(commit(&mut wal, 7, &[1]).unwrap());
            expected.push(commit(&mut wal, 8, &[2, 1]).unwrap());
        }
        assert_eq!(open(&options(dir.path())).1, expected, "cut after {steps} steps");
    }
}

#[test]
fn cutting_removes_segments_whose_samples_are_all_older() {
    let dir = tempfile::tempdir().unwrap();
    let (mut wal, _) = open(&options(dir.path()));
    let mut expected = Vec::new();
    for t in [10, 20, 30] {
        let samples = commit(&mut wal, t, &[1]).unwrap();
        if t > 10 {
            expected.push(samples);
        }
        wal.retire();
    }
    assert_eq!(segments(dir.path()).len(), 3);
    wal.begin_cut(20).unwrap();
    wal.end_cut(20);
    // Those with what is not older, and one that notes the cut.
    assert_eq!(segments(dir.path()).len(), 3);
    expected.push(vec![]);
    expected.push(commit(&mut wal, 40, &[1]).unwrap());
    drop(wal);
    assert_eq!(open(&options(dir.path())).1, expected);
}

/// Syncs with the files of the log, as the head does.
fn sync(wal: &mut Wal) -> Result<(), CommitError> {
    wal.rewrite()?;
    let batch = wal.begin_sync();
    let synced = batch.sync(&wal.files);
    wal.end_sync(&batch, synced)
}

#[test]
fn what_is_not_synced_is_synced_once() {
    let dir = tempfile::tempdir().unwrap();
    let counters = Arc::new(Counters::default());
    let every = Options { wal_sync: WalSync::Every(1000), ..options(dir.path()) };
    let mut wal = Wal::open(&every, Arc::clone(&counters), &mut |_| {}).unwrap();
    let mut check = |commits: usize, expected: u64| {
        for t in 0..commits {
            commit(&mut wal, t as i64, &[1]).unwrap();
            wal.retire();
        }
        sync(&mut wal).unwrap();
        assert_eq!(counters.wal_syncs.get(), expected);
    };
    check(0, 0);
    check(2, 2);
    check(0, 2);
    check(1, 3);
}

#[test]
fn what_a_failed_sync_may_have_lost_is_written_anew() {
    for steps in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        let (mut wal, _) = open(&options(dir.path()));
        let mut expected: Vec<Samples> = Vec::new();
        for t in 0..3 {
            expected.push(commit(&mut wal, t, &[1, 2]).unwrap());
        }
        sync(&mut wal).unwrap();
        wal.files = Files::cut_after(steps);
        for t in 3..9 {
            expected.extend(commit(&mut wal, t, &[1, 2]));
            if t % 2 == 0 {
                wal.retire();
            }
            let _ = sync(&mut wal);
        }
        wal.files = Files::default();
        for lost in &wal.given_up {
            // The system has dropped what it could not write.
            let path = segment_path(&wal.dir, lost.number);
            let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(lost.synced).unwrap();
        }
        expected.push(commit(&mut wal, 10, &[2, 3]).unwrap());
        sync(&mut wal).unwrap();
        assert!(!wal.is_stuck());
        expected.push(commit(&mut wal, 11, &[3]).unwrap());
        drop(wal);
        assert_eq!(open(&options(dir.path())).1, expected, "cut after {steps} steps");
    }
}

#[test]
fn other_files_in_the_directory_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(WAL_DIR)).unwrap();
    for name in ["README", "0000001", "checkpoint.00000001", "99999999999999"] {
        std::fs::write(dir.path().join(WAL_DIR).join(name), b"x").unwrap();
    }
    let (mut wal, found) = open(&options(dir.path()));
    assert!(found.is_empty());
    commit(&mut wal, 0, &[1]).unwrap();
    assert_eq!(segments(dir.path()).len(), 5);
}
