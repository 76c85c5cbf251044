//! Reading records (see [`super::record`]).

#![deny(clippy::indexing_slicing)]

use model::Labels;

use super::decimal::{POWERS, decimal_plus};
use super::header;
use super::integer::integer_plus;
use super::labels::LabelsReader;
use super::notes::Notes;
use super::record::*;
use crate::cursor::Cursor;
use crate::histogram;

/// What reading a record gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// All that the record has.
    Whole,
    /// All but its floats: they go on from values that were lost.
    NoFloats,
}

/// Reads the records of one segment, in order; all of them, or those that are left.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// Whether the segment is of the version that had no decimals: there, their tokens are damage.
    has_no_decimals: bool,
    last: Vec<u64>,
    /// Whether records may be missing before the next one.
    has_gaps: bool,
    is_anew: bool,
    /// Whether a float of this record goes on from what it cannot go on from.
    is_astray: bool,
    /// Whether what comes next in this record came out of order.
    is_late: bool,
    check: Check,
    labels: LabelsReader,
    new: Vec<Labels>,
    samples: Vec<Logged>,
    histograms: Vec<Vec<u8>>,
    notes: Notes,
}

impl Decoder {
    /// For a segment of a version that is read.
    pub(super) fn of_version(version: u8) -> Self {
        Self { has_no_decimals: version == header::WITHOUT_DECIMALS, ..Self::default() }
    }

    /// The series that the record read last defines; they have the last numbers so far. Nothing else
    /// keeps their labels: reading takes no more memory than writing.
    pub(crate) fn new_series(&self) -> &[Labels] {
        &self.new
    }

    /// How many series there are so far; of some the definition may be lost.
    pub(crate) fn num_series(&self) -> usize {
        self.last.len()
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

    /// Records are missing before the next one.
    pub(crate) fn skip(&mut self) {
        self.has_gaps = true;
    }

    /// Reads one record; `None` if the bytes are none, and then those after it are to be read as if
    /// it were missing.
    pub(crate) fn read(&mut self, record: &[u8]) -> Option<Read> {
        self.new.clear();
        self.samples.clear();
        self.histograms.clear();
        self.notes.clear();
        (self.check, self.is_astray, self.is_late) = (Check::default(), false, false);
        let mut cursor = Cursor::new(record);
        // Every series before took more than a byte to define.
        let most_series = place_of(cursor.take(CHECK_AT)?)?;
        let check = cursor.take(KIND_AT - CHECK_AT)?;
        self.is_anew = match *cursor.take(1)? {
            [ONWARD] => false,
            [ANEW] => true,
            _ => return None,
        };
        let before = usize::try_from(cursor.varint()?).ok()?;
        let (have, most) = (self.last.len(), usize::try_from(most_series).ok()?);
        if before < have || (before > have && (!self.has_gaps || before > most)) {
            return None;
        }
        self.last.resize(before, 0);
        let place = Place::begin(cursor.zigzag()?);
        self.read_tokens(&mut cursor, place)?;
        if !self.is_astray && (self.is_anew || check == self.check.bytes()) {
            return Some(Read::Whole);
        }
        self.samples.retain(|sample| matches!(sample.value, LoggedValue::Histogram(_)));
        self.has_gaps.then_some(Read::NoFloats)
    }

    fn read_tokens(&mut self, cursor: &mut Cursor<'_>, mut place: Place) -> Option<()> {
        self.labels.restart();
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
                    self.push(&mut place, |before| integer_plus(before, zigzag(coded)))?;
                }
                DECIMAL..=DECIMAL_LAST if !self.has_no_decimals => {
                    let kind = usize::from(token - DECIMAL);
                    let power = *POWERS.get(kind / DECIMAL_BYTES)?;
                    let coded = little_endian(cursor.take(kind % DECIMAL_BYTES + 1)?)?;
                    let step = zigzag(coded);
                    self.push(&mut place, |before| decimal_plus(before, step, power))?;
                }
                JUMP_SERIES => {
                    let moved = i64::from(place.series).checked_add(cursor.zigzag()?)?;
                    place.series = u32::try_from(moved).ok()?;
                }
                JUMP_TIME => place.t = place.t.wrapping_add(cursor.zigzag()?),
                ACROSS => place.restep(1, 0),
                ALONG => place.restep(0, cursor.zigzag()?),
                DEFINE => {
                    self.new.push(self.labels.take(cursor)?);
                    place.series = u32::try_from(self.last.len()).ok()?;
                    self.last.push(0);
                }
                LATE => self.is_late = true,
                HISTOGRAM => self.push_histogram(&mut place, cursor.take_sized()?)?,
                _ => self.notes.take(token, cursor, self.last.len())?,
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
        let (t, is_late) = (place.t, self.is_late);
        self.samples.push(Logged { series: place.series, t, value, is_late });
        place.advance();
        Some(())
    }

    #[inline]
    fn push(&mut self, place: &mut Place, value: impl FnOnce(u64) -> Option<u64>) -> Option<()> {
        if self.samples.len() == MAX_SAMPLES {
            return None;
        }
        let last = self.last.get_mut(place.series as usize)?;
        self.check.add(*last);
        let before = if self.is_anew { 0 } else { *last };
        *last = match value(before) {
            Some(bits) => bits,
            None if self.has_gaps => {
                self.is_astray = true;
                0
            }
            None => return None,
        };
        self.samples.push(Logged {
            series: place.series,
            t: place.t,
            value: LoggedValue::Float(*last),
            is_late: self.is_late,
        });
        place.advance();
        Some(())
    }
}

fn zigzag(coded: u64) -> i64 {
    (coded >> 1).cast_signed() ^ -(coded & 1).cast_signed()
}

fn little_endian(bytes: &[u8]) -> Option<u64> {
    let mut word = [0; 8];
    word.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(word))
}
