//! Columns of many numbers as few bytes: what blocks are made of.
//!
//! A column is times, values or postings side by side. [`encode_ints`] and [`encode_floats`] try
//! several codecs and keep the shortest; [`decode_ints`] and [`decode_floats`] fill whole columns.
//! Always true: what comes back has the bits that went in, of every NaN and of -0 too. A column does
//! not know how many numbers it has, nor which series they are of, and checks no sums: that is up to
//! the file around it.
//!
#![doc = include_str!("../../../../docs/format/column.md")]

mod bins;
mod decimal;
mod ent;
mod exceptions;
mod floats;
mod huffman;
mod ints;
mod multiples;
mod pack;
mod pfor;
mod sparse;
mod strings;
mod varint;

use std::cell::RefCell;

use exceptions::Exceptions;

/// How hard an encoder tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Only what is quick to write: while sealing in the head.
    Fast,
    /// Everything: for blocks.
    Best,
}

/// Bytes that are not such a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the column's bytes end or make no sense at byte {at}, expected {count} numbers")]
pub struct Damaged {
    /// How far they could be read.
    pub at: usize,
    /// How many numbers they should be.
    pub count: usize,
}

/// Writes and reads columns, and keeps the room it works in from one to the next.
#[derive(Clone, Debug, Default)]
pub struct Codec {
    room: Room,
}

/// Buffers; empty or of no meaning between columns.
#[derive(Clone, Debug, Default)]
struct Room {
    /// Integers that stand for floats.
    wholes: Vec<i64>,
    /// What a predictor left of a column.
    residuals: Vec<i64>,
    /// The residuals in order of size; without effort room to find that in the middle.
    sorted: Vec<i64>,
    /// Of PFOR: numbers on the way to their order.
    scratch: Vec<i64>,
    /// Of SPARSE: gaps between places, and what is there.
    places: Vec<i64>,
    others: Vec<i64>,
    ent: ent::Room,
    exceptions: Exceptions,
}

impl Codec {
    /// As [`encode_ints`].
    pub fn encode_ints(&mut self, values: &[i64], effort: Effort, out: &mut Vec<u8>) {
        ints::put(values, effort, &mut self.room, out);
    }

    /// As [`decode_ints`].
    pub fn decode_ints(
        &mut self,
        bytes: &mut &[u8],
        count: usize,
        out: &mut Vec<i64>,
    ) -> Result<(), Damaged> {
        let (start, mut rest) = (out.len(), *bytes);
        out.resize(start + count, 0);
        let column = out.get_mut(start..).unwrap_or_default();
        let taken = ints::take(&mut rest, &mut self.room, column);
        if taken.is_none() {
            out.truncate(start);
        }
        finish(taken, bytes, rest, count)
    }

    /// As [`encode_floats`].
    pub fn encode_floats(&mut self, values: &[f64], effort: Effort, out: &mut Vec<u8>) {
        floats::put(values, effort, &mut self.room, out);
    }

    /// As [`decode_floats`].
    pub fn decode_floats(
        &mut self,
        bytes: &mut &[u8],
        count: usize,
        out: &mut Vec<f64>,
    ) -> Result<(), Damaged> {
        let (start, mut rest) = (out.len(), *bytes);
        let taken = floats::take(&mut rest, count, &mut self.room, out);
        if taken.is_none() {
            out.truncate(start);
        }
        finish(taken, bytes, rest, count)
    }
}

/// The bytes that were read are gone, or it is said how far they made sense.
fn finish<'a>(
    taken: Option<()>,
    bytes: &mut &'a [u8],
    rest: &'a [u8],
    count: usize,
) -> Result<(), Damaged> {
    taken.ok_or(Damaged { at: bytes.len() - rest.len(), count })?;
    *bytes = rest;
    Ok(())
}

thread_local! {
    static CODEC: RefCell<Codec> = RefCell::default();
}

/// Appends a column of integers, whatever they are: times, postings, counts.
pub fn encode_ints(values: &[i64], effort: Effort, out: &mut Vec<u8>) {
    CODEC.with_borrow_mut(|codec| codec.encode_ints(values, effort, out));
}

/// Appends the `count` integers at the front of `bytes` to `out`, and takes their bytes away. After
/// an error both are as they were. Never takes memory for more than `count`.
pub fn decode_ints(bytes: &mut &[u8], count: usize, out: &mut Vec<i64>) -> Result<(), Damaged> {
    CODEC.with_borrow_mut(|codec| codec.decode_ints(bytes, count, out))
}

/// Appends a column of floats.
pub fn encode_floats(values: &[f64], effort: Effort, out: &mut Vec<u8>) {
    CODEC.with_borrow_mut(|codec| codec.encode_floats(values, effort, out));
}

/// Appends the `count` floats at the front of `bytes` to `out`, and takes their bytes away. After an
/// error both are as they were. Never takes memory for more than `count`.
pub fn decode_floats(bytes: &mut &[u8], count: usize, out: &mut Vec<f64>) -> Result<(), Damaged> {
    CODEC.with_borrow_mut(|codec| codec.decode_floats(bytes, count, out))
}

/// Whether all values of an encoded column of floats are one: such a column is very short.
pub fn is_constant(bytes: &[u8]) -> bool {
    floats::is_constant(bytes)
}

/// Of two encodings at the end of `out`, one from `start` and one from `from`, keeps the shorter one.
/// An empty one is none. True if that is the second.
fn keep_smaller(out: &mut Vec<u8>, start: usize, from: usize) -> bool {
    let (first, second) = (from - start, out.len() - from);
    let is_second = second > 0 && (first == 0 || second < first);
    if is_second {
        out.copy_within(from.., start);
        out.truncate(start + second);
    } else {
        out.truncate(from);
    }
    is_second
}
