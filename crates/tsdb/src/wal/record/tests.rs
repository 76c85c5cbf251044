//! Tests of records: commits as bytes and back.
#![expect(clippy::indexing_slicing, reason = "tests may panic")]

use super::*;
use crate::exemplars::Kept;
use crate::histogram;
use crate::wal::notes::Deleted;
use model::{Labels, TimeRange};

fn bits(sample: &Logged) -> u64 {
    match sample.value {
        LoggedValue::Float(bits) => bits,
        LoggedValue::Histogram(_) => panic!("only floats are logged here"),
    }
}
use proptest::prelude::*;

/// Labels of a row of the tests.
fn labels_of(row: u32) -> Labels {
    let instance = format!("host-{}:9100", row / 4);
    let pairs = [("__name__", format!("m{}", row % 4)), ("instance", instance)];
    let extra = row.is_multiple_of(3).then(|| ("job", "x".repeat(row as usize % 9 + 1)));
    Labels::from_pairs(pairs.into_iter().chain(extra))
}

type Commit = Vec<(u32, i64, u64)>;

fn encoded(commits: &[Commit]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::default();
    commits.iter().map(|commit| record(&mut encoder, commit)).collect()
}

fn record(encoder: &mut Encoder, commit: &Commit) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.begin(&mut out, 20, commit.first().map_or(0, |sample| sample.1));
    for (row, t, bits) in commit {
        encoder.sample(&mut out, *row, *t, f64::from_bits(*bits), || labels_of(*row));
    }
    encoder.end(&mut out);
    out
}

/// The commits in these records, up to the first that is none.
fn decoded(records: &[Vec<u8>]) -> Vec<Vec<(Labels, i64, u64)>> {
    let mut decoder = Decoder::default();
    let (mut commits, mut all_labels) = (Vec::new(), Vec::new());
    for record in records {
        if decoder.read(record).is_none() {
            break;
        }
        all_labels.extend(decoder.new_series().iter().cloned());
        let labels = |s: &Logged| all_labels[s.series as usize].clone();
        commits.push(decoder.samples().iter().map(|s| (labels(s), s.t, bits(s))).collect());
    }
    commits
}

fn labelled(commits: &[Commit]) -> Vec<Vec<(Labels, i64, u64)>> {
    let labelled = |commit: &Commit| {
        commit.iter().map(|(row, t, bits)| (labels_of(*row), *t, *bits)).collect()
    };
    commits.iter().map(labelled).collect()
}

fn hostile_bits() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (-100i64..100).prop_map(|n| (n as f64).to_bits()),
        2 => any::<i64>().prop_map(|n| (n as f64).to_bits()),
        4 => (-5000i64..5000, 0usize..3).prop_map(|(n, at)| (n as f64 / [10.0, 100.0, 1e9][at]).to_bits()),
        2 => any::<u64>(),
        1 => prop::sample::select(vec![
            0, (-0.0f64).to_bits(), f64::INFINITY.to_bits(), f64::NAN.to_bits(),
            model::sample::STALE_NAN_BITS, 9_007_199_254_740_992.0f64.to_bits(),
            (-9_007_199_254_740_991.0f64).to_bits(), 5e-324f64.to_bits(), 0.1f64.to_bits(),
        ]),
    ]
}

fn times() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0i64..50, 1 => any::<i64>()]
}

proptest! {
    #[test]
    fn commits_come_back(commits in prop::collection::vec(
        prop::collection::vec((0u32..20, times(), hostile_bits()), 0..60), 0..8)
    ) {
        prop_assert_eq!(decoded(&encoded(&commits)), labelled(&commits));
    }

    #[test]
    fn any_bytes_are_read_without_panic(records in prop::collection::vec(
        prop::collection::vec(any::<u8>(), 0..80), 0..4)
    ) {
        let mut records = records;
        let mut with_series = encoded(&[vec![(0, 5, 7), (1, 5, 8)]]);
        let begin = [b"RWAL____\x02\x02".to_vec(), b"RWAL____\x01\x02".to_vec()];
        records.iter_mut().zip(begin.iter().cycle()).for_each(|(record, begin)| {
            record.splice(0..0, begin.iter().copied());
        });
        with_series.append(&mut records);
        decoded(&with_series);
    }
}

/// The first bytes of a record at byte 20, as documented: before it there were so many series, and its floats go
/// on from these bits.
fn begin(kind: u8, series: u8, before: &[u64]) -> Vec<u8> {
    let mut check = 0u64;
    for bits in before {
        check = (check.rotate_left(23) ^ bits).wrapping_mul(11_400_714_819_323_198_485);
    }
    let check = if kind == 2 { 0 } else { check };
    let check = u32::try_from((check ^ check >> 32) & 0xffff_ffff).unwrap();
    [b"RWAL", &check.to_le_bytes()[..], &[kind, series]].concat()
}

#[test]
fn tokens_are_as_documented() {
    let f = |v: f64| v.to_bits();
    assert_eq!(labels_of(1).len(), 2);
    let mut encoder = Encoder::default();
    // Two new series at the time 1000: 3 and 1.5.
    let first = record(&mut encoder, &vec![(1, 1000, f(3.0)), (2, 1000, f(1.5))]);
    let mut expected = begin(1, 0, &[0, 0]);
    expected.extend([0xd0, 0x0f, 0xd4, 2, 0x22]);
    expected.extend(b"__name__");
    expected.extend([2, b'm', b'1', 0x22]);
    expected.extend(b"instance");
    expected.extend([11]);
    expected.extend(b"host-0:9100");
    expected.extend([0x40 | 35]);
    expected.extend([0xd4, 2, 0x05, 1, b'2', 0x04, 0xdc, 30]);
    assert_eq!(first, expected);
    // 15 s later: one more, and the same.
    let second = record(&mut encoder, &vec![(1, 16_000, f(4.0)), (2, 16_000, f(1.5))]);
    let mut expected = begin(1, 2, &[f(3.0), f(1.5)]);
    expected.extend([0x80, 0xfa, 0x01, 0x40 | 33, 0x00]);
    assert_eq!(second, expected);
    // Along the second series: 100 s and 110 s, then 10 s more.
    let third = record(
        &mut encoder,
        &vec![(2, 100_000, f(1.5)), (2, 110_000, f(1.5)), (2, 120_000, f(-0.0))],
    );
    let mut expected = begin(1, 2, &[f(1.5), f(1.5), f(1.5)]);
    expected.extend([0xc0, 0x9a, 0x0c, 0xd0, 0x02, 0x00, 0xd3, 0xa0, 0x9c, 0x01, 0x00]);
    expected.extend([0x80 | 1 << 3 | 6, 0xf8, 0xbf]);
    assert_eq!(third, expected);
    let fourth = record(&mut encoder, &vec![(1, 120_000, f(1004.0))]);
    let mut expected = begin(1, 2, &[f(4.0)]);
    expected.extend([0x80, 0xd3, 0x0e, 0xc1, 0xd0, 0x07]);
    assert_eq!(fourth, expected);
    // After 63 records that begin with a series and go on, one begins anew.
    for _ in 2..63 {
        assert_eq!(record(&mut encoder, &vec![(1, 0, f(1004.0))])[8], 1);
    }
    let anew = record(&mut encoder, &vec![(1, 0, f(1.0)), (1, 1, f(1.0))]);
    let mut expected = begin(2, 2, &[]);
    expected.extend([0x00, 0x40 | 33, 0xd3, 0x02, 0x40 | 33]);
    assert_eq!(anew, expected);
    assert_eq!(record(&mut encoder, &vec![(1, 2, f(1.0))])[8], 1);
}

#[test]
fn decimals_are_as_documented_and_damage_in_a_segment_without_them() {
    let mut encoder = Encoder::default();
    let bits = |v: f64| v.to_bits();
    let values = [0.1, 12.34, 12.33, 0.000_000_001, 0.123_456_789, 1.0 / 3.0];
    let commit: Commit = (0..).zip(values).map(|(i, v)| (1, i, bits(v))).collect();
    let first = record(&mut encoder, &commit);
    let mut expected =
        begin(1, 0, &[0, bits(0.1), bits(12.34), bits(12.33), bits(1e-9), bits(values[4])]);
    expected.extend([0, 0xd4, 2, 0x22]);
    expected.extend(b"__name__\x02m1\x22instance\x0bhost-0:9100");
    // Tenths, then hundredths.
    expected.extend([0xdc, 2, 0xd3, 2, 0xe4, 0x90, 0x09, 0xe3, 1]);
    // Billionths from here on, in five bytes and in four.
    expected.extend([0xfc, 0xfd, 0xbc, 0xd9, 0xbd, 0x05, 0xfb, 0x28, 0x9a, 0xb7, 0x0e]);
    assert_eq!(first[..expected.len()], expected);
    assert_eq!(decoded(std::slice::from_ref(&first)), labelled(&[commit]));
    for (version, is_read) in [(2, false), (3, true)] {
        assert_eq!(Decoder::of_version(version).read(&first).is_some(), is_read, "{version}");
    }
}

#[test]
fn unchanged_samples_take_a_byte_for_64() {
    let scrape = |t| (0..640).map(|row| (row, t, 5)).collect::<Commit>();
    let records = encoded(&[scrape(0), scrape(15_000)]);
    assert_eq!(records[1].len(), 9 + 2 + 3 + 10);
}

#[test]
fn behind_a_gap_only_what_is_sure_is_read() {
    let f = |v: f64| v.to_bits();
    let state = |t, a, b| vec![(1, t, f(a)), (2, t, f(b))];
    let other = |t| vec![(3, t, f(t as f64)), (4, t, f(0.5))];
    // The second record swaps what the first had; the others are of other series, or anew.
    let mut commits = vec![state(0, 1.0, 7.0), other(0), state(1, 7.0, 1.0), other(1)];
    commits.extend((2..66).flat_map(|t| [state(t, 7.0, t as f64), other(t)]));
    let records = encoded(&commits);
    let labelled = labelled(&commits);
    let mut decoder = Decoder::default();
    let (mut lost, mut series) = (Vec::new(), Vec::new());
    for (at, record) in records.iter().enumerate() {
        if at == 2 {
            decoder.skip();
            continue;
        }
        let read = decoder.read(record).expect("a record");
        series.extend(decoder.new_series().iter().cloned());
        let name = |s: &Logged| (series[s.series as usize].clone(), s.t, bits(s));
        let found: Vec<_> = decoder.samples().iter().map(name).collect();
        if read == Read::Whole {
            assert_eq!(found, labelled[at]);
        } else {
            assert!(found.is_empty());
            lost.push(at);
        }
    }
    // Of the series the lost record had, all up to the one that begins anew.
    assert_eq!(lost, (4..128).step_by(2).collect::<Vec<_>>());
    // Without the record that defines them, series are not known, but counted.
    let mut decoder = Decoder::default();
    assert!(decoder.read(&records[1]).is_none(), "series are missing");
    decoder.skip();
    assert_eq!(decoder.read(&records[1]), Some(Read::Whole));
    assert_eq!((decoder.num_series(), decoder.new_series().len()), (4, 2));
    // More series than could have been defined there.
    let mut many = records[2].clone();
    many.splice(9..10, [0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert!(decoder.read(&many).is_none());
}

#[test]
fn a_backfill_of_one_series_after_the_other_is_small() {
    let samples = |row| (0..100).map(move |i| (row, i * 15_000, (i as f64).to_bits()));
    let commit: Commit = (0..10).flat_map(samples).collect();
    let records = encoded(std::slice::from_ref(&commit));
    assert!(records[0].len() < 10 * (100 + 62), "{} bytes", records[0].len());
    assert_eq!(decoded(&records), labelled(&[commit]));
}

#[test]
fn a_record_changed_in_any_bit_is_read_without_panic() {
    let commits = [vec![(0, 1, 1), (1, 1, f64::to_bits(1.5)), (2, 1, 0)], vec![(1, 9, 3)]];
    let records = encoded(&commits);
    for (at, record) in records.iter().enumerate() {
        for bit in 0..record.len() * 8 {
            let mut damaged = records.clone();
            damaged[at][bit / 8] ^= 1 << (bit % 8);
            decoded(&damaged);
        }
        for cut in 0..record.len() {
            let mut damaged = records.clone();
            damaged[at].truncate(cut);
            decoded(&damaged);
        }
    }
}

#[test]
fn deletions_and_cuts_are_as_documented_and_leave_the_place() {
    let mut encoder = Encoder::default();
    let first = record(&mut encoder, &vec![(1, 1000, 0)]);
    let mut bytes = Vec::new();
    encoder.begin(&mut bytes, 20, 2000);
    encoder.delete(&mut bytes, 1, TimeRange::new(-1, 1000).unwrap(), || unreachable!());
    encoder.delete(&mut bytes, 2, TimeRange::ALL, || labels_of(2));
    encoder.cut(&mut bytes, -3);
    encoder.sample(&mut bytes, 1, 2000, 0.0, || unreachable!());
    encoder.end(&mut bytes);
    let mut expected = begin(1, 1, &[0]);
    expected.extend([0xa0, 0x1f, 0xd7, 0, 0x01, 0xd0, 0x0f, 0xd4, 2, 0x22]);
    expected.extend(b"__name__");
    expected.extend([2, b'm', b'2', 0x22]);
    expected.extend(b"instance");
    expected.extend([11]);
    expected.extend(b"host-0:9100");
    expected.extend([0xd7, 1]);
    expected.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    expected.extend([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
    expected.extend([0xd8, 0x05, 0xd0, 0x01, 0x00]);
    assert_eq!(bytes, expected);
    let mut decoder = Decoder::default();
    decoder.read(&first).expect("whole");
    decoder.read(&bytes).expect("whole");
    let deleted = |series, min, max| Deleted { series, range: TimeRange::new(min, max).unwrap() };
    assert_eq!(decoder.notes().deleted, [deleted(0, -1, 1000), deleted(1, i64::MIN, i64::MAX)]);
    assert_eq!((decoder.notes().cut, decoder.samples().len()), (Some(-3), 1));
    for bad in [&[0xd7, 7, 0, 0][..], &[0xd7, 0, 2, 0], &[0xd7, 0, 0]] {
        let mut decoder = Decoder::default();
        decoder.read(&first).expect("whole");
        assert!(decoder.read(&[b"RWAL____\x02\x01\0", bad].concat()).is_none(), "{bad:?}");
    }
}

#[test]
fn exemplars_are_as_documented_and_leave_the_place() {
    let mut encoder = Encoder::default();
    let kept = |t, value, trace: &str| Kept {
        labels: Labels::from_pairs([("id", trace)]),
        value,
        t,
        has_t: true,
    };
    let first = record(&mut encoder, &vec![(1, 1000, 0)]);
    let mut bytes = Vec::new();
    encoder.begin(&mut bytes, 20, 2000);
    encoder.sample(&mut bytes, 1, 2000, 0.0, || unreachable!());
    encoder.exemplar(&mut bytes, 1, &kept(-1, 1.5, "xy"), || unreachable!());
    encoder.end(&mut bytes);
    let mut expected = begin(1, 1, &[0]);
    expected.extend([0xa0, 0x1f, 0x00]);
    expected.extend([0xd6, 0, 0x01, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
    expected.extend([1, 2 << 2 | 2, b'i', b'd', 2, b'x', b'y']);
    assert_eq!(bytes, expected);
    let mut decoder = Decoder::default();
    decoder.read(&first).expect("whole");
    decoder.read(&bytes).expect("whole");
    let [found] = &decoder.notes().exemplars[..] else { panic!("one exemplar") };
    assert_eq!((found.series, found.kept.t, found.kept.value), (0, -1, 1.5));
    assert_eq!(found.kept.labels, kept(0, 0.0, "xy").labels);
    for cut in 13..bytes.len() {
        let mut decoder = Decoder::default();
        decoder.read(&first).expect("whole");
        assert_eq!(decoder.read(&bytes[..cut]).is_some(), cut == 13);
    }
    expected[14] = 1;
    let mut decoder = Decoder::default();
    decoder.read(&first).expect("whole");
    assert!(decoder.read(&expected).is_none(), "a series that is not there");
}

#[test]
fn histograms_come_back_among_floats() {
    let mut histogram_bytes = Vec::new();
    histogram::put(&mut histogram_bytes, &model::Histogram::default());
    let mut encoder = Encoder::default();
    let mut bytes = Vec::new();
    encoder.begin(&mut bytes, 20, 5);
    encoder.sample(&mut bytes, 1, 5, 1.0, || labels_of(1));
    encoder.histogram(&mut bytes, 2, 5, &histogram_bytes, || labels_of(2));
    encoder.sample(&mut bytes, 3, 5, 2.0, || labels_of(3));
    encoder.end(&mut bytes);
    let mut decoder = Decoder::default();
    decoder.read(&bytes).expect("whole");
    assert_eq!(decoder.histograms(), [histogram_bytes]);
    let values: Vec<LoggedValue> = decoder.samples().iter().map(|s| s.value).collect();
    let float = |v: f64| LoggedValue::Float(v.to_bits());
    assert_eq!(values, [float(1.0), LoggedValue::Histogram(0), float(2.0)]);
    for cut in 0..bytes.len() {
        let read = Decoder::default().read(&bytes[..cut]);
        assert!(read.is_none() || cut > 0);
    }
}

#[test]
fn samples_out_of_order_are_as_documented() {
    let mut encoder = Encoder::default();
    let mut out = Vec::new();
    encoder.begin(&mut out, 0, 10);
    encoder.sample(&mut out, 0, 10, 1.0, || labels_of(0));
    encoder.late(&mut out);
    encoder.sample(&mut out, 0, 7, 3.0, || unreachable!());
    encoder.end(&mut out);
    // Along the series, 3 ms back; the integer before plus 2.
    assert!(out.ends_with(&[0xd9, 0xd3, 0x05, 0x62]), "{out:x?}");
    let mut decoder = Decoder::default();
    assert_eq!(decoder.read(&out), Some(Read::Whole));
    let samples = decoder.samples().iter().map(|sample| (sample.t, sample.is_late));
    assert_eq!(samples.collect::<Vec<_>>(), [(10, false), (7, true)]);
    for cut in 0..out.len() {
        // Whatever is read, it does not panic.
        let _ = Decoder::default().read(&out[..cut]);
    }
}
