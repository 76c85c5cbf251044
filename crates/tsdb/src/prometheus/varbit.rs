//! Integers in as few bits as their size asks for, as histogram chunks have them.
//!
//! A zero is one bit. Any other begins with as many ones as its class is far down the list, a zero,
//! and the number in that class's bits; behind eight ones come all 64.

#![deny(clippy::indexing_slicing)]

use chunk::{BitReader, BitWriter};

/// The bits of the classes.
const WIDTHS: [u32; 7] = [3, 6, 9, 12, 18, 25, 56];

/// Reads a number that is not negative.
pub(super) fn take_unsigned(bits: &mut BitReader<'_>) -> Option<u64> {
    let width = take_class(bits)?;
    bits.take(width)
}

/// Reads a number that may be negative: the lower half of a class is above zero, its end inside.
pub(super) fn take_signed(bits: &mut BitReader<'_>) -> Option<i64> {
    let width = take_class(bits)?;
    let number = bits.take(width)?.cast_signed();
    if width == 0 || width == 64 {
        return Some(number);
    }
    let half = 1i64 << (width - 1);
    Some(if number > half { number - 2 * half } else { number })
}

/// Writes what [`take_unsigned`] reads.
pub(super) fn put_unsigned(out: &mut BitWriter, number: u64) {
    put(out, number, |width| number >> width == 0);
}

/// Writes what [`take_signed`] reads.
pub(super) fn put_signed(out: &mut BitWriter, number: i64) {
    put(out, number.cast_unsigned(), |width| {
        let half = 1i64 << (width - 1);
        1 - half <= number && number <= half
    });
}

/// How many bits the number has that comes next; 0 is the number zero.
fn take_class(bits: &mut BitReader<'_>) -> Option<u32> {
    if !bits.take_bit()? {
        return Some(0);
    }
    for width in WIDTHS {
        if !bits.take_bit()? {
            return Some(width);
        }
    }
    Some(64)
}

fn put(out: &mut BitWriter, number: u64, fits: impl Fn(u32) -> bool) {
    if number == 0 {
        return out.put(0, 1);
    }
    for (ones, width) in (1u32..).zip(WIDTHS) {
        if fits(width) {
            // So many ones and a zero.
            out.put((1 << (ones + 1)) - 2, ones + 1);
            return out.put(number, width);
        }
    }
    out.put(0xff, 8);
    out.put(number, 64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_numbers_take_few_bits() {
        for (number, expected) in [
            (0, vec![0]),
            (4, vec![0b1010_0000]),
            (-3, vec![0b1010_1000]),
            (-4, vec![0b1101_1110, 0]),
            (32, vec![0b1101_0000, 0]),
            (33, vec![0b1110_0001, 0b0000_1000]),
        ] {
            let mut out = BitWriter::default();
            put_signed(&mut out, number);
            let found = out.to_bytes();
            assert!(expected.starts_with(&found), "{number}: {found:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(numbers in prop::collection::vec((any::<i64>(), 0u32..64), 0..50)) {
            let numbers: Vec<i64> = numbers.into_iter().map(|(n, shift)| n >> shift).collect();
            let mut out = BitWriter::default();
            for number in &numbers {
                put_signed(&mut out, *number);
                put_unsigned(&mut out, number.cast_unsigned());
            }
            let bytes = out.to_bytes();
            let mut bits = BitReader::new(&bytes);
            for number in &numbers {
                prop_assert_eq!(take_signed(&mut bits), Some(*number));
                prop_assert_eq!(take_unsigned(&mut bits), Some(number.cast_unsigned()));
            }
        }
    }
}
