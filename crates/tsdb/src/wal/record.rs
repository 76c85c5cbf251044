//! One commit as bytes, and back: the tokens inside a record (`docs/format/wal.md`).
//!
//! Both sides keep the same state from record to record of one segment: the last bits of each series,
//! the time the last record began with, the labels defined last. A segment needs no other.

#![deny(clippy::indexing_slicing)]

use model::{Labels, TimeRange, Timestamp};

use super::integer::{integer_plus, integer_step};
use super::labels::{put_labels, put_text, take_labels};
use super::notes::{CUT, DELETE, EXEMPLAR, Notes, put_deleted, put_exemplar};
use crate::cursor::{Cursor, put_varint, put_zigzag};
use crate::exemplars::Kept;
use crate::histogram;

/// A commit may have so many samples.
pub(crate) const MAX_SAMPLES: usize = 1 << 24;

/// The first byte of a record that holds samples.
const COMMIT: u8 = 1;
/// 0x00 to 0x3f: so many samples less one whose values are those before.
const RUN_MAX: u8 = 0x3f;
/// 0x40 to 0x7f: an integer greater by the low six bits less 32.
const STEP: u8 = 0x40;
/// 0x80 to 0xbf: bits that differ; so many bytes less one, so many zero bytes below them.
const BITS: u8 = 0x80;
/// 0xc0 to 0xc7: an integer greater by the zigzag number in so many bytes less one.
const INTEGER: u8 = 0xc0;
/// The series number moves.
const JUMP_SERIES: u8 = 0xd0;
/// The time moves.
const JUMP_TIME: u8 = 0xd1;
/// From the last sample on: the next series, the same time.
const ACROSS: u8 = 0xd2;
/// From the last sample on: the same series, so much later.
const ALONG: u8 = 0xd3;
/// A new series follows.
const DEFINE: u8 = 0xd4;
/// A sample that is a histogram.
const HISTOGRAM: u8 = 0xd5;

/// No series of this segment.
const UNDEFINED: u32 = u32::MAX;

/// Where the next sample is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    series: u32,
    t: Timestamp,
    /// 1 across series, 0 along one.
    series_step: u32,
    t_step: i64,
}

impl Place {
    fn begin(t: Timestamp) -> Self {
        Self { series: 0, t, series_step: 1, t_step: 0 }
    }

    fn advance(&mut self) {
        self.series = self.series.wrapping_add(self.series_step);
        self.t = self.t.wrapping_add(self.t_step);
    }

    /// As if the last sample had been left by these steps.
    fn restep(&mut self, series_step: u32, t_step: i64) {
        self.series = self.series.wrapping_sub(self.series_step);
        self.t = self.t.wrapping_sub(self.t_step);
        (self.series_step, self.t_step) = (series_step, t_step);
        self.advance();
    }
}

/// Writes the records of one segment.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// The series' number in this segment by row of the head.
    series_of_row: Vec<u32>,
    /// The last bits of each series.
    last: Vec<u64>,
    base: Timestamp,
    defined: Labels,
    place: Place,
    /// Series and time of the last sample of this record, and how many it is along that series.
    previous: Option<(u32, Timestamp, u32)>,
    /// Where the run token is that may still grow.
    run: Option<usize>,
    /// Bytes that definitions took.
    definition_bytes: u64,
}

impl Default for Encoder {
    fn default() -> Self {
        Self {
            series_of_row: Vec::new(),
            last: Vec::new(),
            base: 0,
            defined: Labels::empty(),
            place: Place::default(),
            previous: None,
            run: None,
            definition_bytes: 0,
        }
    }
}

impl Encoder {
    /// Begins a record whose first sample is at `t`.
    pub(crate) fn begin(&mut self, out: &mut Vec<u8>, t: Timestamp) {
        out.push(COMMIT);
        put_zigzag(out, t.wrapping_sub(self.base));
        self.base = t;
        self.place = Place::begin(t);
        self.previous = None;
        self.run = None;
    }

    /// One sample of the series in `row`; `labels` is asked if this segment has not seen it yet.
    pub(crate) fn sample(
        &mut self,
        out: &mut Vec<u8>,
        row: u32,
        t: Timestamp,
        v: f64,
        labels: impl FnOnce() -> Labels,
    ) {
        let series = self.place_at(out, row, t, labels);
        self.put_value(out, series, v.to_bits());
        self.advance(series, t);
    }

    /// The same, of a histogram, given as bytes.
    pub(crate) fn histogram(
        &mut self,
        out: &mut Vec<u8>,
        row: u32,
        t: Timestamp,
        histogram: &[u8],
        labels: impl FnOnce() -> Labels,
    ) {
        let series = self.place_at(out, row, t, labels);
        self.token(out, HISTOGRAM);
        put_text(out, histogram);
        self.advance(series, t);
    }

    /// Deletes a range of the series in `row`: what came before this record, and in it.
    pub(crate) fn delete(
        &mut self,
        out: &mut Vec<u8>,
        row: u32,
        range: TimeRange,
        labels: impl FnOnce() -> Labels,
    ) {
        self.note(out, DELETE, row, labels);
        put_deleted(out, range);
    }

    /// An exemplar of the series in `row`.
    pub(crate) fn exemplar(
        &mut self,
        out: &mut Vec<u8>,
        row: u32,
        exemplar: &Kept,
        labels: impl FnOnce() -> Labels,
    ) {
        self.note(out, EXEMPLAR, row, labels);
        put_exemplar(out, exemplar);
    }

    /// Begins a token about the series in `row` that leaves the place where it is.
    fn note(&mut self, out: &mut Vec<u8>, token: u8, row: u32, labels: impl FnOnce() -> Labels) {
        let series = match self.series_of_row.get(row as usize) {
            Some(&series) if series != UNDEFINED => series,
            _ => self.define(out, row, self.place.t, &labels()),
        };
        self.token(out, token);
        put_varint(out, u64::from(series));
    }

    /// Notes that samples before `t` of records before this one are in blocks, or deleted.
    pub(crate) fn cut(&mut self, out: &mut Vec<u8>, t: Timestamp) {
        self.token(out, CUT);
        put_zigzag(out, t);
    }

    /// Moves the place to the series in `row`, which gets a number if it has none.
    fn place_at(
        &mut self,
        out: &mut Vec<u8>,
        row: u32,
        t: Timestamp,
        labels: impl FnOnce() -> Labels,
    ) -> u32 {
        match self.series_of_row.get(row as usize) {
            Some(&series) if series != UNDEFINED => {
                if series != self.place.series || t != self.place.t {
                    self.move_to(out, series, t);
                }
                series
            }
            _ => self.define(out, row, t, &labels()),
        }
    }

    /// Leaves the place behind a sample.
    fn advance(&mut self, series: u32, t: Timestamp) {
        let along = match self.previous {
            Some((before, _, along)) if before == series => along.saturating_add(1),
            _ => 1,
        };
        self.previous = Some((series, t, along));
        self.place.advance();
    }

    /// How many bytes of this segment define series.
    pub(crate) fn definition_bytes(&self) -> u64 {
        self.definition_bytes
    }

    fn define(&mut self, out: &mut Vec<u8>, row: u32, t: Timestamp, labels: &Labels) -> u32 {
        let series = u32::try_from(self.last.len()).expect("fewer series than rows");
        let at = row as usize;
        if self.series_of_row.len() <= at {
            self.series_of_row.resize(at + 1, UNDEFINED);
        }
        if let Some(slot) = self.series_of_row.get_mut(at) {
            *slot = series;
        }
        self.last.push(0);
        if self.place.series_step == 0 {
            self.restep(out, 1, 0);
        }
        let from = out.len();
        self.token(out, DEFINE);
        put_labels(out, labels, &self.defined);
        self.defined = labels.clone();
        self.definition_bytes += (out.len() - from) as u64;
        self.place.series = series;
        self.move_to(out, series, t);
        series
    }

    fn move_to(&mut self, out: &mut Vec<u8>, series: u32, t: Timestamp) {
        let is_along = self.place.series_step == 0;
        match self.previous {
            Some((before, before_t, _)) if before == series && !is_along => {
                self.restep(out, 0, t.wrapping_sub(before_t));
            }
            // One sample after several of another series: the pattern across is back.
            Some((before, _, 1)) if before != series && is_along => self.restep(out, 1, 0),
            _ => {}
        }
        if self.place.series != series {
            self.token(out, JUMP_SERIES);
            put_zigzag(out, i64::from(series) - i64::from(self.place.series));
            self.place.series = series;
        }
        if self.place.t != t {
            self.token(out, JUMP_TIME);
            put_zigzag(out, t.wrapping_sub(self.place.t));
            self.place.t = t;
        }
    }

    fn restep(&mut self, out: &mut Vec<u8>, series_step: u32, t_step: i64) {
        if series_step == 1 {
            self.token(out, ACROSS);
        } else {
            self.token(out, ALONG);
            put_zigzag(out, t_step);
        }
        self.place.restep(series_step, t_step);
    }

    fn token(&mut self, out: &mut Vec<u8>, token: u8) {
        self.run = None;
        out.push(token);
    }

    fn put_value(&mut self, out: &mut Vec<u8>, series: u32, bits: u64) {
        let Some(last) = self.last.get_mut(series as usize) else { return };
        let before = std::mem::replace(last, bits);
        if bits == before {
            if let Some(run) = self.run.and_then(|at| out.get_mut(at)).filter(|run| **run < RUN_MAX)
            {
                *run += 1;
            } else {
                self.run = Some(out.len());
                out.push(0);
            }
            return;
        }
        self.run = None;
        let xor = bits ^ before;
        let zero_bytes = xor.trailing_zeros() / 8;
        let differing = 8 - xor.leading_zeros() / 8 - zero_bytes;
        if let Some(step) = integer_step(before, bits) {
            if (-32..32).contains(&step) {
                out.push(STEP | low_byte((step + 32).cast_unsigned()));
                return;
            }
            let coded = ((step << 1) ^ (step >> 63)).cast_unsigned();
            let len = 8 - coded.leading_zeros() / 8;
            if len <= differing {
                out.push(INTEGER | low_byte(u64::from(len - 1)));
                out.extend(coded.to_le_bytes().iter().take(len as usize));
                return;
            }
        }
        out.push(BITS | low_byte(u64::from((differing - 1) << 3 | zero_bytes)));
        let shifted = xor >> (8 * zero_bytes);
        out.extend(shifted.to_le_bytes().iter().take(differing as usize));
    }
}

fn low_byte(number: u64) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low
}

/// A sample as a record has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    /// The series' number in the segment.
    pub(crate) series: u32,
    pub(crate) t: Timestamp,
    pub(crate) value: LoggedValue,
}

/// What a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoggedValue {
    /// The bits of a float.
    Float(u64),
    /// A histogram: its place among those of the record.
    Histogram(u32),
}

/// Reads the records of one segment, in order.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    last: Vec<u64>,
    labels: Vec<Labels>,
    base: Timestamp,
    samples: Vec<Logged>,
    histograms: Vec<Vec<u8>>,
    notes: Notes,
}

impl Decoder {
    /// The labels of the series by number.
    pub(crate) fn labels(&self) -> &[Labels] {
        &self.labels
    }

    /// The samples of the record read last.
    pub(crate) fn samples(&self) -> &[Logged] {
        &self.samples
    }

    /// What the record read last has beside its samples.
    pub(crate) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The histograms of the record read last, as bytes.
    pub(crate) fn histograms(&self) -> &[Vec<u8>] {
        &self.histograms
    }

    /// Reads one record; `None` if the bytes are none, and then nothing more may be read.
    pub(crate) fn read(&mut self, record: &[u8]) -> Option<()> {
        self.samples.clear();
        self.histograms.clear();
        self.notes.clear();
        let mut cursor = Cursor::new(record);
        if cursor.take(1)? != [COMMIT] {
            return None;
        }
        self.base = self.base.wrapping_add(cursor.zigzag()?);
        let mut place = Place::begin(self.base);
        while !cursor.is_at_end() {
            let [token] = *cursor.take(1)?.first_chunk::<1>()?;
            match token {
                0..=RUN_MAX => {
                    for _ in 0..=token {
                        self.push(&mut place, Some)?;
                    }
                }
                STEP..BITS => {
                    let step = i64::from(token - STEP) - 32;
                    self.push(&mut place, |before| integer_plus(before, step))?;
                }
                BITS..INTEGER => {
                    let (len, zero_bytes) = ((token >> 3 & 7) + 1, token & 7);
                    let xor = little_endian(cursor.take(usize::from(len))?)?;
                    if len + zero_bytes > 8 {
                        return None;
                    }
                    self.push(&mut place, |before| Some(before ^ xor << (8 * zero_bytes)))?;
                }
                INTEGER..0xc8 => {
                    let coded = little_endian(cursor.take(usize::from(token - INTEGER) + 1)?)?;
                    let step = (coded >> 1).cast_signed() ^ -(coded & 1).cast_signed();
                    self.push(&mut place, |before| integer_plus(before, step))?;
                }
                JUMP_SERIES => {
                    let moved = i64::from(place.series).checked_add(cursor.zigzag()?)?;
                    place.series = u32::try_from(moved).ok()?;
                }
                JUMP_TIME => place.t = place.t.wrapping_add(cursor.zigzag()?),
                ACROSS => place.restep(1, 0),
                ALONG => place.restep(0, cursor.zigzag()?),
                DEFINE => {
                    let labels =
                        take_labels(&mut cursor, self.labels.last().unwrap_or(&Labels::empty()))?;
                    place.series = u32::try_from(self.labels.len()).ok()?;
                    self.labels.push(labels);
                    self.last.push(0);
                }
                HISTOGRAM => self.push_histogram(&mut place, cursor.take_sized()?)?,
                _ => self.notes.take(token, &mut cursor, self.last.len())?,
            }
        }
        Some(())
    }

    fn push_histogram(&mut self, place: &mut Place, bytes: &[u8]) -> Option<()> {
        let mut cursor = Cursor::new(bytes);
        histogram::take(&mut cursor).filter(|_| cursor.is_at_end())?;
        if self.samples.len() == MAX_SAMPLES || self.last.get(place.series as usize).is_none() {
            return None;
        }
        let value = LoggedValue::Histogram(u32::try_from(self.histograms.len()).ok()?);
        self.histograms.push(bytes.to_vec());
        self.samples.push(Logged { series: place.series, t: place.t, value });
        place.advance();
        Some(())
    }

    #[inline]
    fn push(&mut self, place: &mut Place, value: impl FnOnce(u64) -> Option<u64>) -> Option<()> {
        if self.samples.len() == MAX_SAMPLES {
            return None;
        }
        let last = self.last.get_mut(place.series as usize)?;
        *last = value(*last)?;
        self.samples.push(Logged {
            series: place.series,
            t: place.t,
            value: LoggedValue::Float(*last),
        });
        place.advance();
        Some(())
    }
}

fn little_endian(bytes: &[u8]) -> Option<u64> {
    let mut word = [0; 8];
    word.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(word))
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::wal::notes::Deleted;

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
        encoder.begin(&mut out, commit.first().map_or(0, |sample| sample.1));
        for (row, t, bits) in commit {
            encoder.sample(&mut out, *row, *t, f64::from_bits(*bits), || labels_of(*row));
        }
        out
    }

    /// The commits in these records, up to the first that is none.
    fn decoded(records: &[Vec<u8>]) -> Vec<Vec<(Labels, i64, u64)>> {
        let mut decoder = Decoder::default();
        let mut commits = Vec::new();
        for record in records {
            if decoder.read(record).is_none() {
                break;
            }
            let labels = |s: &Logged| decoder.labels()[s.series as usize].clone();
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
            records.iter_mut().for_each(|record| record.insert(0, COMMIT));
            with_series.append(&mut records);
            decoded(&with_series);
        }
    }

    #[test]
    fn tokens_are_as_documented() {
        let f = |v: f64| v.to_bits();
        let a = [0x08, b'_', b'_', b'n', b'a', b'm', b'e', b'_', b'_'];
        assert_eq!(labels_of(1).len(), 2);
        let mut encoder = Encoder::default();
        // Two new series at the time 1000: 3 and 1.5.
        let first = record(&mut encoder, &vec![(1, 1000, f(3.0)), (2, 1000, f(1.5))]);
        let mut expected = vec![0x01, 0xd0, 0x0f];
        expected.extend([0xd4, 2, 0x22]);
        expected.extend(&a[1..]);
        expected.extend([2, b'm', b'1', 0x22]);
        expected.extend(b"instance");
        expected.extend([11]);
        expected.extend(b"host-0:9100");
        expected.extend([0x40 | 35]);
        expected.extend([0xd4, 2, 0x05, 1, b'2', 0x04, 0x80 | 1 << 3 | 6, 0xf8, 0x3f]);
        assert_eq!(first, expected);
        // 15 s later: one more, and the same.
        let second = record(&mut encoder, &vec![(1, 16_000, f(4.0)), (2, 16_000, f(1.5))]);
        assert_eq!(second, [0x01, 0xb0, 0xea, 0x01, 0x40 | 33, 0x00]);
        // Along the second series: 100 s and 110 s, then 1000 more twice.
        let third = record(
            &mut encoder,
            &vec![(2, 100_000, f(1.5)), (2, 110_000, f(1.5)), (2, 120_000, f(-0.0))],
        );
        let expected = [0x01, 0xc0, 0xa0, 0x0a, 0xd0, 0x02, 0x00, 0xd3, 0xa0, 0x9c, 0x01, 0x00];
        assert_eq!(third[..expected.len()], expected);
        assert_eq!(third[expected.len()..], [0x80 | 1 << 3 | 6, 0xf8, 0xbf]);
        let fourth = record(&mut encoder, &vec![(1, 120_000, f(1004.0))]);
        assert_eq!(fourth, [0x01, 0xc0, 0xb8, 0x02, 0xc1, 0xd0, 0x07]);
    }

    #[test]
    fn unchanged_samples_take_a_byte_for_64() {
        let scrape = |t| (0..640).map(|row| (row, t, 5)).collect::<Commit>();
        let records = encoded(&[scrape(0), scrape(15_000)]);
        assert_eq!(records[1].len(), 1 + 3 + 10);
    }

    #[test]
    fn a_backfill_of_one_series_after_the_other_is_small() {
        let samples = |row| (0..100).map(move |i| (row, i * 15_000, (i as f64).to_bits()));
        let commit: Commit = (0..10).flat_map(samples).collect();
        let records = encoded(std::slice::from_ref(&commit));
        assert!(records[0].len() < 10 * (100 + 60), "{} bytes", records[0].len());
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
        encoder.begin(&mut bytes, 2000);
        encoder.delete(&mut bytes, 1, TimeRange::new(-1, 1000).unwrap(), || unreachable!());
        encoder.delete(&mut bytes, 2, TimeRange::ALL, || labels_of(2));
        encoder.cut(&mut bytes, -3);
        encoder.sample(&mut bytes, 1, 2000, 0.0, || unreachable!());
        let mut expected = vec![0x01, 0xd0, 0x0f];
        expected.extend([0xd7, 0, 0x01, 0xd0, 0x0f]);
        expected.extend([0xd4, 2, 0x05, 1, b'2', 0x04, 0xd7, 1]);
        expected.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
        expected.extend([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
        expected.extend([0xd8, 0x05, 0xd0, 0x01, 0x00]);
        assert_eq!(bytes, expected);
        let mut decoder = Decoder::default();
        decoder.read(&first).expect("whole");
        decoder.read(&bytes).expect("whole");
        let deleted =
            |series, min, max| Deleted { series, range: TimeRange::new(min, max).unwrap() };
        assert_eq!(decoder.notes().deleted, [deleted(0, -1, 1000), deleted(1, i64::MIN, i64::MAX)]);
        assert_eq!((decoder.notes().cut, decoder.samples().len()), (Some(-3), 1));
        for bad in [&[0xd7, 7, 0, 0][..], &[0xd7, 0, 2, 0], &[0xd7, 0, 0]] {
            let mut decoder = Decoder::default();
            decoder.read(&first).expect("whole");
            assert!(decoder.read(&[&[COMMIT, 0], bad].concat()).is_none(), "{bad:?}");
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
        encoder.begin(&mut bytes, 2000);
        encoder.sample(&mut bytes, 1, 2000, 0.0, || unreachable!());
        encoder.exemplar(&mut bytes, 1, &kept(-1, 1.5, "xy"), || unreachable!());
        let mut expected = vec![0x01, 0xd0, 0x0f, 0x00];
        expected.extend([0xd6, 0, 0x01, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
        expected.extend([1, 2 << 2 | 2, b'i', b'd', 2, b'x', b'y']);
        assert_eq!(bytes, expected);
        let mut decoder = Decoder::default();
        decoder.read(&first).expect("whole");
        decoder.read(&bytes).expect("whole");
        let [found] = &decoder.notes().exemplars[..] else { panic!("one exemplar") };
        assert_eq!((found.series, found.kept.t, found.kept.value), (0, -1, 1.5));
        assert_eq!(found.kept.labels, kept(0, 0.0, "xy").labels);
        for cut in 4..bytes.len() {
            let mut decoder = Decoder::default();
            decoder.read(&first).expect("whole");
            assert_eq!(decoder.read(&bytes[..cut]).is_some(), cut == 4);
        }
        expected[5] = 1;
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
        encoder.begin(&mut bytes, 5);
        encoder.sample(&mut bytes, 1, 5, 1.0, || labels_of(1));
        encoder.histogram(&mut bytes, 2, 5, &histogram_bytes, || labels_of(2));
        encoder.sample(&mut bytes, 3, 5, 2.0, || labels_of(3));
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
}
