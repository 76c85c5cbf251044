//! Writing commits as records (see [`super::record`]).

use model::{Labels, TimeRange, Timestamp};

use super::decimal::{POWERS, decimal_step};
use super::integer::integer_step;
use super::labels::{put_labels, put_text};
use super::notes::{CUT, DELETE, EXEMPLAR, put_deleted, put_exemplar};
use super::record::*;
use crate::cursor::{put_varint, put_zigzag};
use crate::exemplars::Kept;

/// No series of this segment.
const UNDEFINED: u32 = u32::MAX;

/// Series that are no decimals are not tried again for so many samples.
const REST: u8 = 32;

/// Writes the records of one segment.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// The series' number in this segment by row of the head.
    series_of_row: Vec<u32>,
    /// The last bits of each series.
    last: Vec<u64>,
    /// How many records began with a sample of this series since one that began anew.
    onward: Vec<u8>,
    /// Which of [`POWERS`] each series had last; behind these, how long it is not tried.
    powers: Vec<u8>,
    /// Where in the buffer the record begins.
    start: usize,
    /// Whether this record begins anew; not known before the first sample of a series that is not new.
    is_anew: Option<bool>,
    check: Check,
    /// The labels of the series this record has defined last.
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
            onward: Vec::new(),
            powers: Vec::new(),
            start: 0,
            is_anew: None,
            check: Check::default(),
            defined: Labels::empty(),
            place: Place::default(),
            previous: None,
            run: None,
            definition_bytes: 0,
        }
    }
}

impl Encoder {
    /// Begins a record whose first sample is at `t`; its frame begins at `offset` in the segment.
    pub(crate) fn begin(&mut self, out: &mut Vec<u8>, offset: u64, t: Timestamp) {
        self.start = out.len();
        out.extend_from_slice(&place_mark(offset));
        out.extend_from_slice(&[0, 0, 0, 0, ONWARD]);
        put_varint(out, self.last.len() as u64);
        put_zigzag(out, t);
        self.is_anew = None;
        self.check = Check::default();
        self.defined = Labels::empty();
        self.place = Place::begin(t);
        self.previous = None;
        self.run = None;
    }

    /// Ends the record.
    pub(crate) fn end(&mut self, out: &mut [u8]) {
        let Some(record) = out.get_mut(self.start..) else { return };
        if self.is_anew == Some(true) {
            record.get_mut(KIND_AT).into_iter().for_each(|kind| *kind = ANEW);
        } else if let Some(check) = record.get_mut(CHECK_AT..).and_then(<[u8]>::first_chunk_mut) {
            *check = self.check.bytes();
        }
    }

    /// The number of the series in `row`; greater than any if it has none yet.
    #[inline]
    pub(crate) fn number_of(&self, row: u32) -> u32 {
        self.series_of_row.get(row as usize).copied().unwrap_or(UNDEFINED)
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

    /// Samples from here on came out of order.
    pub(crate) fn late(&mut self, out: &mut Vec<u8>) {
        self.token(out, LATE);
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
        self.onward.push(0);
        self.powers.push(0);
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

    /// What a value goes on from; it is what later ones go on from.
    fn before(&mut self, series: u32, bits: u64) -> Option<u64> {
        let at = series as usize;
        let before = std::mem::replace(self.last.get_mut(at)?, bits);
        self.check.add(before);
        // What goes on from zero does so either way.
        if self.is_anew.is_none() && before != 0 {
            let onward = self.onward.get_mut(at)?;
            let is_anew = *onward >= MOST_ONWARD;
            *onward = if is_anew { 0 } else { *onward + 1 };
            self.is_anew = Some(is_anew);
        }
        Some(if self.is_anew == Some(true) { 0 } else { before })
    }

    fn put_value(&mut self, out: &mut Vec<u8>, series: u32, bits: u64) {
        let Some(before) = self.before(series, bits) else { return };
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
            let (coded, len) = zigzag(step);
            if len <= differing {
                out.push(INTEGER | low_byte(u64::from(len - 1)));
                put_low_bytes(out, coded, len);
                return;
            }
        } else if differing > 1
            && let Some((at, step)) = self.decimal_step(series, before, bits)
        {
            let (coded, len) = zigzag(step);
            if len < differing {
                let kind = at * DECIMAL_BYTES as u64 + u64::from(len - 1);
                out.push(DECIMAL + low_byte(kind));
                put_low_bytes(out, coded, len);
                return;
            }
        }
        out.push(BITS | low_byte(u64::from((differing - 1) << 3 | zero_bytes)));
        let shifted = xor >> (8 * zero_bytes);
        put_low_bytes(out, shifted, differing);
    }

    /// The step between decimals, and which of [`POWERS`] it is in; `None` if they are none, or are
    /// not likely to be.
    fn decimal_step(&mut self, series: u32, before: u64, bits: u64) -> Option<(u64, i64)> {
        let last = self.powers.get_mut(series as usize)?;
        let known = low_byte(POWERS.len() as u64);
        if *last >= known {
            *last = if *last == known { 0 } else { *last - 1 };
            return None;
        }
        let mut powers = (0..).zip(POWERS).skip(usize::from(*last));
        let found = powers.find_map(|(at, power)| Some((at, decimal_step(before, bits, power)?)));
        *last = found.map_or(known + REST, |(at, _)| low_byte(at));
        found
    }
}

/// A number of either sign, and how many bytes it takes.
fn zigzag(step: i64) -> (u64, u32) {
    let coded = ((step << 1) ^ (step >> 63)).cast_unsigned();
    (coded, 8 - coded.leading_zeros() / 8)
}

#[inline]
fn put_low_bytes(out: &mut Vec<u8>, number: u64, len: u32) {
    let from = out.len();
    out.extend_from_slice(&number.to_le_bytes());
    out.truncate(from + len as usize);
}

fn low_byte(number: u64) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low
}
