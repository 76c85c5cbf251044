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

/// Names of series by segment and number.
#[derive(Default)]
struct Names(BTreeMap<(u32, u32), String>);

impl Names {
    /// A commit with names; samples of series whose labels are lost are left out.
    fn of(&mut self, replayed: &Replayed<'_>) -> Samples {
        let first_new = replayed.num_series - replayed.new_series.len();
        for (labels, number) in replayed.new_series.iter().zip(first_new..) {
            let key = (replayed.segment, u32::try_from(number).unwrap());
            self.0.insert(key, labels.metric_name().to_owned());
        }
        let named = |s: &record::Logged| {
            let name = self.0.get(&(replayed.segment, s.series))?;
            Some((name.clone(), s.t, bits(s)))
        };
        replayed.samples.iter().filter_map(named).collect()
    }
}

/// Opens a log; returns it with the commits it has.
fn open(options: &Options) -> (Wal, Vec<Samples>) {
    let (mut commits, mut names) = (Vec::new(), Names::default());
    let wal =
        Wal::open(options, Arc::default(), None, &mut |commit| commits.push(names.of(commit)));
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

/// Where the records of a segment end.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut rest = &bytes[16..];
    let mut ends = Vec::new();
    while let Some((_, after)) = crate::frame::split(rest) {
        ends.push(bytes.len() - after.len());
        rest = after;
    }
    ends
}

/// Which commits of a segment are left, and whether there is damage to count.
type Left = (Vec<usize>, bool);

/// A log with one file changed, opened twice: it has what `left` says of that file, whose records end
/// where it is told.
fn check_damaged(
    number: usize,
    damage: &dyn Fn(&mut Vec<u8>),
    left: &dyn Fn(&[usize]) -> Left,
    what: &str,
) {
    let dir = tempfile::tempdir().unwrap();
    let whole = two_segments(dir.path());
    let path = dir.path().join(WAL_DIR).join(format!("{number:08}"));
    let mut bytes = std::fs::read(&path).unwrap();
    let (left, is_counted) = left(&ends(&bytes));
    damage(&mut bytes);
    std::fs::write(&path, &bytes).unwrap();
    let counters = Arc::new(Counters::default());
    let mut found: [Vec<Samples>; 2] = [vec![], vec![]];
    let mut names = Names::default();
    let opened = Wal::open(&options(dir.path()), Arc::clone(&counters), None, &mut |replayed| {
        found[replayed.segment as usize].push(names.of(replayed));
    });
    drop(opened.unwrap_or_else(|error| panic!("{what}: {error}")));
    found[number].retain(|samples| !samples.is_empty());
    assert_eq!(found[1 - number], whole[1 - number], "{what}: the other segment is whole");
    let left: Vec<Samples> = left.iter().map(|at| whole[number][*at].clone()).collect();
    assert_eq!(found[number], left, "{what}");
    assert_eq!(counters.wal_corruptions.get(), u64::from(is_counted), "{what}");
    assert_eq!(dir.path().join(QUARANTINE).exists(), is_counted, "{what}");
    let again: Vec<Samples> = open(&options(dir.path())).1;
    let again: Vec<Samples> = again.into_iter().filter(|samples| !samples.is_empty()).collect();
    assert_eq!(again, found.concat(), "{what}: the second open finds the same");
}

#[test]
fn a_segment_cut_at_any_length_keeps_what_came_before() {
    for number in 0..2 {
        let dir = tempfile::tempdir().unwrap();
        two_segments(dir.path());
        let len = segments(dir.path())[&format!("{number:08}")];
        for cut in 0..usize::try_from(len).unwrap() {
            let left =
                |ends: &[usize]| ((0..ends.partition_point(|end| *end <= cut)).collect(), false);
            let what = format!("{number} cut at {cut}");
            check_damaged(number, &|bytes| bytes.truncate(cut), &left, &what);
        }
    }
}

#[test]
fn a_segment_with_any_byte_changed_keeps_all_other_commits() {
    for number in 0..2 {
        let dir = tempfile::tempdir().unwrap();
        two_segments(dir.path());
        let len = segments(dir.path())[&format!("{number:08}")];
        for (at, bit) in (0..usize::try_from(len).unwrap()).flat_map(|at| [(at, at % 8), (at, 7)]) {
            let left = |ends: &[usize]| {
                let hit = ends.partition_point(|end| *end <= at);
                // The length may say that the last goes on beyond the end, as if it was torn.
                let len = ends[2] - ends[1] - 8;
                let said = at.checked_sub(ends[1]).filter(|at| *at < 4);
                let said = said.map_or(len, |byte| len ^ 1 << (8 * byte + bit));
                let is_torn = said > len && said <= 1 << 28;
                match at {
                    0..16 => (vec![0, 1, 2], true),
                    // The first defines the series, so that without it nothing has a name.
                    _ if hit == 0 => (vec![], true),
                    _ => ((0..3).filter(|n| *n != hit).collect(), !is_torn),
                }
            };
            let flip = |bytes: &mut Vec<u8>| bytes[at] ^= 1 << bit;
            check_damaged(number, &flip, &left, &format!("{number}, byte {at}, bit {bit}"));
        }
    }
}

#[test]
fn damage_costs_its_commit_and_those_that_go_on_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut whole: Vec<Samples> = Vec::new();
    let mut starts = Vec::new();
    let (mut wal, _) = open(&options(dir.path()));
    for t in 0..200 {
        // Two targets in turn, each with two counters.
        let rows = if t % 2 == 0 { [1, 2] } else { [3, 4] };
        starts.push(wal.size_bytes().max(16));
        let mut record = wal.begin(t).unwrap();
        for row in rows {
            record.sample(row, t, f64::from(row) + t as f64 / 3.0, || labels_of(row));
        }
        record.commit().unwrap();
        let value = |row: u32| (f64::from(row) + t as f64 / 3.0).to_bits();
        whole.push(rows.iter().map(|&row| (format!("m{row}"), t, value(row))).collect());
    }
    drop(wal);
    let path = dir.path().join("wal/00000000");
    let intact = std::fs::read(&path).unwrap();
    let at = |n: usize| usize::try_from(starts[n]).unwrap();
    // A sector of zeros, half a record, one inserted byte: records behind it have moved.
    let lost = |from: usize, to: usize| -> Vec<Samples> {
        let is_lost = |n: usize| {
            let is_hit = (from..to).contains(&n);
            // Of each target, those up to the next that begins anew, if one of its was hit.
            let goes_on = |first: usize| n >= first && n < 128 && n % 2 == first % 2;
            is_hit || (from..to.min(from + 2)).any(goes_on)
        };
        (0..200).filter(|n| !is_lost(*n)).map(|n| whole[n].clone()).collect()
    };
    type Damage = fn(&mut [u8]);
    let cases: [(usize, usize, Damage); 3] = [
        (20, 30, |bytes| bytes.fill(0)),
        (21, 22, |bytes| bytes[7] ^= 1),
        (50, 55, |bytes| bytes.reverse()),
    ];
    for (from, to, damage) in cases {
        let mut bytes = intact.clone();
        damage(&mut bytes[at(from)..at(to)]);
        std::fs::write(&path, &bytes).unwrap();
        let counters = Arc::new(Counters::default());
        let (mut found, mut names) = (Vec::new(), Names::default());
        let mut replay = |commit: &Replayed<'_>| found.push(names.of(commit));
        Wal::open(&options(dir.path()), Arc::clone(&counters), None, &mut replay).unwrap();
        found.retain(|samples| !samples.is_empty());
        assert_eq!(found, lost(from, to), "{from} to {to}");
        assert_eq!(counters.wal_corruptions.get(), 1);
        let copy = dir.path().join(QUARANTINE).join(format!("wal-00000000-at-{}", at(from)));
        assert_eq!(std::fs::read(copy).unwrap(), bytes[at(from)..at(to)]);
    }
}

#[test]
fn bytes_of_a_segment_are_as_documented() {
    let dir = tempfile::tempdir().unwrap();
    let (mut wal, _) = open(&options(dir.path()));
    let mut record = wal.begin(1).unwrap();
    record.sample(7, 1, 2.0, || labels_of(7));
    record.commit().unwrap();
    let mut expected = b"FRLWALOG\x03\0\0\0".to_vec();
    expected.extend(crc32fast::hash(&expected).to_le_bytes());
    let mut frame = vec![26, 0, 0, 0, b'F' ^ 16, b'W', b'A', b'L', 0, 0, 0, 0, 1, 0, 2];
    frame.extend([0xd4, 1, 0x22]);
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
    wal.begin_cut(20, false, |_| {}).unwrap();
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
    let mut wal = Wal::open(&every, Arc::clone(&counters), None, &mut |_| {}).unwrap();
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

#[test]
fn a_replay_tells_how_far_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path());
    let tell = |min, max, current| ReplayStatus { min, max, current };
    let (mut wal, _) = open(&options);
    for t in 0..5 {
        commit(&mut wal, t, &[1]).unwrap();
        wal.retire();
    }
    wal.begin_cut(2, false, |_| {}).unwrap();
    wal.end_cut(2);
    drop(wal);
    assert_eq!(options.replay.status(), ReplayStatus::default());
    let mut told = Vec::new();
    let mut replay = |_: &Replayed<'_>| told.push(options.replay.status());
    Wal::open(&options, Arc::default(), None, &mut replay).unwrap();
    assert_eq!(told, [tell(2, 5, 2), tell(2, 5, 3), tell(2, 5, 4), tell(2, 5, 5)]);
    assert_eq!(options.replay.status(), tell(2, 5, 5));
}
