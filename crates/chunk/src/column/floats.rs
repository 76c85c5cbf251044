//! A column of floats: which codec makes the fewest bytes, and back, bit for bit.

#![deny(clippy::indexing_slicing)]

use super::decimal::{self, from_ordinal, ordinal};
use super::exceptions;
use super::multiples::{self, Unit};
use super::{Effort, Room, ints, keep_smaller, varint};
use crate::simd::{self, Work};

/// Of the tag byte: the codec.
const CODEC: u8 = 0b1110_0000;
/// All values are one.
const CONST: u8 = 0 << 5;
/// Decimals.
const INT: u8 = 1 << 5;
/// Decimals that have drifted.
const DECU: u8 = 2 << 5;
/// The places of the values among all floats.
const BITS: u8 = 3 << 5;
/// The values as they are.
const RAW: u8 = 4 << 5;
/// Multiples of a unit that is no decimal.
const MULT: u8 = 5 << 5;
/// Of the tag byte: set if exceptions follow.
const HAS_EXCEPTIONS: u8 = 0b0001_0000;
/// Of the tag byte: the decimal exponent, or the kind of unit.
const EXPONENT: u8 = 0b0000_1111;
/// CONST, with this exponent: the bits as they are.
const NO_DECIMAL: u8 = 15;

/// Decimals or multiples of more bytes each than this may not be any at all: try the others.
const POOR_BYTES: usize = 4;

/// Appends `values` in the fewest bytes that this effort finds.
pub(super) fn put(values: &[f64], effort: Effort, room: &mut Room, out: &mut Vec<u8>) {
    let Some(first) = values.first() else { return };
    if values.iter().all(|value| value.to_bits() == first.to_bits()) {
        put_constant(*first, out);
        return;
    }
    let start = out.len();
    for put in [put_decimals, put_multiples] {
        let from = out.len();
        put(values, effort, room, out);
        keep_smaller(out, start, from);
        if (1..=POOR_BYTES * values.len()).contains(&(out.len() - start)) {
            return;
        }
    }
    for put in [put_drifting, put_ordinals, put_raw] {
        let from = out.len();
        put(values, effort, room, out);
        keep_smaller(out, start, from);
    }
}

fn put_constant(value: f64, out: &mut Vec<u8>) {
    match decimal::of_one(value) {
        Some((exponent, whole)) if varint::len(varint::zigzag(whole)) < 8 => {
            out.push(CONST | exponent);
            varint::put_signed(out, whole);
        }
        _ => {
            out.push(CONST | NO_DECIMAL);
            out.extend_from_slice(&value.to_bits().to_le_bytes());
        }
    }
}

fn put_decimals(values: &[f64], effort: Effort, room: &mut Room, out: &mut Vec<u8>) {
    let mut wholes = std::mem::take(&mut room.wholes);
    wholes.clear();
    if let Some(exponent) = decimal::all(values, &mut wholes, &mut room.exceptions) {
        out.push(INT | exponent | exceptions_flag(room));
        ints::put(&wholes, effort, room, out);
        put_exceptions(room, out);
    }
    room.wholes = wholes;
}

fn put_multiples(values: &[f64], effort: Effort, room: &mut Room, out: &mut Vec<u8>) {
    let mut wholes = std::mem::take(&mut room.wholes);
    wholes.clear();
    if let Some(unit) = multiples::all(values, &mut wholes, &mut room.exceptions) {
        let (number, float) = unit.parts();
        out.push(MULT | number | exceptions_flag(room));
        out.extend_from_slice(&float.to_bits().to_le_bytes());
        ints::put(&wholes, effort, room, out);
        put_exceptions(room, out);
    }
    room.wholes = wholes;
}

fn put_drifting(values: &[f64], effort: Effort, room: &mut Room, out: &mut Vec<u8>) {
    let mut parts = Vec::with_capacity(values.len());
    let Some(exponent) = decimal::all_drifting(values, &mut parts, &mut room.exceptions) else {
        return;
    };
    out.push(DECU | exponent | exceptions_flag(room));
    let mut wholes = std::mem::take(&mut room.wholes);
    wholes.clear();
    wholes.extend(parts.iter().map(|(whole, _)| *whole));
    ints::put(&wholes, effort, room, out);
    wholes.clear();
    wholes.extend(parts.iter().map(|(_, steps)| *steps));
    ints::put(&wholes, effort, room, out);
    room.wholes = wholes;
    put_exceptions(room, out);
}

fn put_ordinals(values: &[f64], effort: Effort, room: &mut Room, out: &mut Vec<u8>) {
    let mut ordinals = std::mem::take(&mut room.wholes);
    ordinals.clear();
    ordinals.extend(values.iter().map(|value| ordinal(*value)));
    out.push(BITS);
    ints::put(&ordinals, effort, room, out);
    room.wholes = ordinals;
}

fn put_raw(values: &[f64], _: Effort, _: &mut Room, out: &mut Vec<u8>) {
    out.push(RAW);
    values.iter().for_each(|value| out.extend_from_slice(&value.to_bits().to_le_bytes()));
}

fn exceptions_flag(room: &Room) -> u8 {
    if room.exceptions.is_empty() { 0 } else { HAS_EXCEPTIONS }
}

fn put_exceptions(room: &Room, out: &mut Vec<u8>) {
    if !room.exceptions.is_empty() {
        room.exceptions.put(out);
    }
}

/// Whether all values of an encoded column are one.
pub(super) fn is_constant(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|tag| tag & CODEC == CONST)
}

/// Appends to `out` what [`put`] has written; of damage something may have been appended.
pub(super) fn take(
    bytes: &mut &[u8],
    count: usize,
    room: &mut Room,
    out: &mut Vec<f64>,
) -> Option<()> {
    if count == 0 {
        return Some(());
    }
    let start = out.len();
    let tag = varint::take_byte(bytes)?;
    let has_exceptions = tag & HAS_EXCEPTIONS != 0;
    match tag & CODEC {
        CONST if !has_exceptions => {
            let value = take_constant(bytes, tag & EXPONENT)?;
            simd::fastest(Filling { value, count, out });
        }
        INT => {
            let power = decimal::power(tag & EXPONENT)?;
            let wholes = take_ints(bytes, count, room)?;
            decimal::divide_all(wholes, power, out);
        }
        DECU => {
            let power = decimal::power(tag & EXPONENT)?;
            let wholes = take_ints(bytes, count, room)?;
            decimal::divide_all(wholes, power, out);
            let steps = take_ints(bytes, count, room)?;
            for (value, steps) in out.get_mut(start..)?.iter_mut().zip(steps) {
                *value = from_ordinal(ordinal(*value).wrapping_add(*steps));
            }
        }
        MULT => {
            let float = f64::from_bits(varint::take_word(bytes)?);
            let unit = Unit::of(tag & EXPONENT, float)?;
            unit.extend(take_ints(bytes, count, room)?, out);
        }
        BITS if tag == BITS => {
            let ordinals = take_ints(bytes, count, room)?;
            out.extend(ordinals.iter().map(|ordinal| from_ordinal(*ordinal)));
        }
        RAW if tag == RAW => {
            let (words, rest) = bytes.split_at_checked(count.checked_mul(8)?)?;
            let (words, _) = words.as_chunks::<8>();
            out.extend(words.iter().map(|word| f64::from_bits(u64::from_le_bytes(*word))));
            *bytes = rest;
        }
        _ => return None,
    }
    if has_exceptions {
        exceptions::take(bytes, out.get_mut(start..)?)?;
    }
    Some(())
}

/// Appends `value` so many times.
#[derive(Debug)]
struct Filling<'a> {
    value: f64,
    count: usize,
    out: &'a mut Vec<f64>,
}

impl Work for Filling<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.out.extend(std::iter::repeat_n(self.value, self.count));
    }
}

fn take_constant(bytes: &mut &[u8], exponent: u8) -> Option<f64> {
    if exponent == NO_DECIMAL {
        return varint::take_word(bytes).map(f64::from_bits);
    }
    let power = decimal::power(exponent)?;
    Some(decimal::divided(varint::take_signed(bytes)?, power))
}

/// An integer column; it stays in `room` until the next.
fn take_ints<'r>(bytes: &mut &[u8], count: usize, room: &'r mut Room) -> Option<&'r [i64]> {
    let mut wholes = std::mem::take(&mut room.wholes);
    if wholes.len() < count {
        wholes.resize(count, 0);
    }
    let taken = ints::take(bytes, room, wholes.get_mut(..count)?);
    room.wholes = wholes;
    taken.and_then(|()| room.wholes.get(..count))
}
