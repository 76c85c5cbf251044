//! One commit as bytes, and back: the tokens inside a record (`docs/format/wal.md`).
//!
//! Both sides keep the same state from record to record of one segment: how many series there are, and
//! the last bits of each. A segment needs no other. A record says how many series there were before it
//! and has a check of the last bits it goes on from; so a reader that has lost some records knows which
//! of the later ones it can still read. Now and then a record goes on from nothing, and ends its doubts.

#![deny(clippy::indexing_slicing)]

use model::Timestamp;

pub(crate) use super::decoder::{Decoder, Read};
pub(crate) use super::encoder::Encoder;

/// A commit may have so many samples.
pub(crate) const MAX_SAMPLES: usize = 1 << 24;
/// What the place of a record is mixed with; in a file, `FWAL`.
pub(super) const PLACE_MARK: u32 = 0x4c41_5746;
/// The kind of a record whose values go on from those before.
pub(super) const ONWARD: u8 = 1;
/// The kind of a record whose values go on from nothing: each as if the bits before were zero.
pub(super) const ANEW: u8 = 2;
/// So many records of a series go on from those before, then one begins anew.
pub(super) const MOST_ONWARD: u8 = 63;
/// Where in a record its check is.
pub(super) const CHECK_AT: usize = 4;
/// Where in a record its kind is.
pub(super) const KIND_AT: usize = 8;
/// 0x00 to 0x3f: so many samples less one whose values are those before.
pub(super) const RUN_MAX: u8 = 0x3f;
/// 0x40 to 0x7f: an integer greater by the low six bits less 32.
pub(super) const STEP: u8 = 0x40;
/// 0x80 to 0xbf: bits that differ; so many bytes less one, so many zero bytes below them.
pub(super) const BITS: u8 = 0x80;
/// 0xc0 to 0xc7: an integer greater by the zigzag number in so many bytes less one.
pub(super) const INTEGER: u8 = 0xc0;
/// 0xdc to 0xfe: a decimal greater by the zigzag number in so many bytes less one, in units of the
/// least digit; for each number of digits so many tokens.
pub(super) const DECIMAL: u8 = 0xdc;
/// The last of them.
pub(super) const DECIMAL_LAST: u8 = 0xfe;
/// A decimal's step has so many bytes at most.
pub(super) const DECIMAL_BYTES: usize = 7;
/// The series number moves.
pub(super) const JUMP_SERIES: u8 = 0xd0;
/// The time moves.
pub(super) const JUMP_TIME: u8 = 0xd1;
/// From the last sample on: the next series, the same time.
pub(super) const ACROSS: u8 = 0xd2;
/// From the last sample on: the same series, so much later.
pub(super) const ALONG: u8 = 0xd3;
/// A new series follows.
pub(super) const DEFINE: u8 = 0xd4;
/// A sample that is a histogram.
pub(super) const HISTOGRAM: u8 = 0xd5;
/// Samples from here on came out of order.
pub(super) const LATE: u8 = 0xd9;

/// Where the next sample is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) series: u32,
    pub(super) t: Timestamp,
    /// 1 across series, 0 along one.
    pub(super) series_step: u32,
    pub(super) t_step: i64,
}

impl Place {
    pub(super) fn begin(t: Timestamp) -> Self {
        Self { series: 0, t, series_step: 1, t_step: 0 }
    }

    pub(super) fn advance(&mut self) {
        self.series = self.series.wrapping_add(self.series_step);
        self.t = self.t.wrapping_add(self.t_step);
    }

    /// As if the last sample had been left by these steps.
    pub(super) fn restep(&mut self, series_step: u32, t_step: i64) {
        self.series = self.series.wrapping_sub(self.series_step);
        self.t = self.t.wrapping_sub(self.t_step);
        (self.series_step, self.t_step) = (series_step, t_step);
        self.advance();
    }
}

/// What a record whose frame begins at `offset` in its segment begins with.
pub(super) fn place_mark(offset: u64) -> [u8; 4] {
    let [a, b, c, d, ..] = offset.to_le_bytes();
    (u32::from_le_bytes([a, b, c, d]) ^ PLACE_MARK).to_le_bytes()
}

/// The offset that a record says its frame has in its segment; its low 32 bits.
pub(super) fn place_of(mark: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(*mark.first_chunk()?) ^ PLACE_MARK)
}

/// A check of bits, in their order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Check(u64);

impl Check {
    pub(super) fn add(&mut self, bits: u64) {
        self.0 = (self.0.rotate_left(23) ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    pub(super) fn bytes(self) -> [u8; 4] {
        let [a, b, c, d, e, f, g, h] = self.0.to_le_bytes();
        [a ^ e, b ^ f, c ^ g, d ^ h]
    }
}

/// A sample as a record has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    /// The series' number in the segment.
    pub(crate) series: u32,
    pub(crate) t: Timestamp,
    pub(crate) value: LoggedValue,
    /// It came out of order.
    pub(crate) is_late: bool,
}

/// What a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoggedValue {
    /// The bits of a float.
    Float(u64),
    /// A histogram: its place among those of the record.
    Histogram(u32),
}

#[cfg(test)]
mod tests;
