//! Four strings of codes and of places in bins, read at once.
//!
//! What a processor does for one string while it waits for the table, it does for the other three. All
//! else follows from there being little to do for a number: a code, its bits and its bin are looked up, two
//! shifts, a mask and an addition make the number of them, and its sum with those before is made here too.

#![deny(clippy::indexing_slicing)]

use super::huffman::MOST_BITS;
use crate::simd::{self, Work};

pub(super) const STRINGS: usize = 4;
/// A word has so many bits, from any bit of its first byte on.
const WORD_BITS: usize = 57;
const PLACES: usize = 1 << MOST_BITS;

/// What the next bits mean, by the first eight of them, or fewer if no code is longer.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Which of the next bits to look up.
    mask: u8,
    /// Where the bin begins.
    lows: [i64; PLACES],
    /// As many ones as the place in the bin has bits.
    ones: [u64; PLACES],
    shapes: [Shape; PLACES],
}

impl Default for Table {
    fn default() -> Self {
        Self { mask: 0, lows: [0; PLACES], ones: [0; PLACES], shapes: [Shape(0); PLACES] }
    }
}

impl Table {
    /// Puts each bin, of which it is known where it begins and how wide it is, wherever the lowest bits of
    /// a place are its code: once among codes of its length, and then with all that is there once more
    /// for each further bit.
    pub(super) fn fill(&mut self, bins: &[(i64, u32)], lengths: &[u32], codes: &[u32]) {
        let longest = lengths.iter().copied().max().unwrap_or_default().min(MOST_BITS);
        for length in 1..=longest {
            match length {
                1 => self.double::<1>(),
                2 => self.double::<2>(),
                3 => self.double::<4>(),
                4 => self.double::<8>(),
                5 => self.double::<16>(),
                6 => self.double::<32>(),
                7 => self.double::<64>(),
                _ => self.double::<128>(),
            }
            for ((bin, code), of_bin) in bins.iter().zip(codes).zip(lengths) {
                if *of_bin == length {
                    self.put(*code as usize, *bin, length);
                }
            }
        }
        let [mask, ..] = ((1u32 << longest) - 1).to_le_bytes();
        self.mask = mask;
    }

    /// Puts the first `N` places behind themselves. How many is said when it is compiled: few are copied
    /// in a few instructions.
    #[inline]
    fn double<const N: usize>(&mut self) {
        fn double<T: Copy, const N: usize>(places: &mut [T]) {
            if let Some((from, rest)) = places.split_first_chunk_mut::<N>()
                && let Some(to) = rest.first_chunk_mut::<N>()
            {
                *to = *from;
            }
        }
        double::<_, N>(&mut self.lows);
        double::<_, N>(&mut self.ones);
        double::<_, N>(&mut self.shapes);
    }

    fn put(&mut self, place: usize, (low, width): (i64, u32), length: u32) {
        let at = (self.lows.get_mut(place), self.ones.get_mut(place), self.shapes.get_mut(place));
        if let (Some(to_low), Some(to_ones), Some(to_shape)) = at {
            (*to_low, *to_ones, *to_shape) = (low, (1 << width) - 1, Shape::of(length, width));
        }
    }
}

/// How many bits a number has: all of them in the lower byte, those of its code in the upper one. The next
/// number waits for the first, and a shift looks at six bits of its distance only: it takes this as it is.
#[derive(Clone, Copy, Debug)]
struct Shape(u16);

impl Shape {
    /// `length` bits of code and `width` bits of place, fewer than 64 together.
    fn of(length: u32, width: u32) -> Self {
        let ([all, ..], [length, ..]) = ((length + width).to_le_bytes(), length.to_le_bytes());
        Self(u16::from_le_bytes([all, length]))
    }
}

/// What is made of a number that was taken, given those before.
pub(super) trait Prediction: Copy + std::fmt::Debug {
    fn next(&mut self, residual: i64) -> i64;
}

/// The number itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Itself;

/// The sum of all up to this one, and of what it begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum(pub(super) i64);

/// The [`Sum`] of a sum.
#[derive(Clone, Copy, Debug)]
pub(super) struct SumOfSums {
    pub(super) outer: Sum,
    pub(super) inner: Sum,
}

impl Prediction for Itself {
    #[inline(always)]
    fn next(&mut self, residual: i64) -> i64 {
        residual
    }
}

impl Prediction for Sum {
    #[inline(always)]
    fn next(&mut self, residual: i64) -> i64 {
        self.0 = self.0.wrapping_add(residual);
        self.0
    }
}

impl Prediction for SumOfSums {
    #[inline(always)]
    fn next(&mut self, residual: i64) -> i64 {
        self.outer.next(self.inner.next(residual))
    }
}

/// Fills `out` from strings that begin at these bits of `bytes`; gives where they end. What is not there
/// reads as zeros. A number has `usual_bits`, about.
///
/// Equals taking the numbers one by one, and what `prediction` makes of them behind that.
pub(super) fn take(
    (bytes, at): (&[u8], [usize; STRINGS]),
    table: &Table,
    usual_bits: usize,
    prediction: impl Prediction,
    out: &mut [i64],
) -> [usize; STRINGS] {
    simd::fastest(Taking { strings: Strings { bytes, at, table, prediction }, usual_bits, out })
}

/// What [`take`] does.
struct Taking<'a, P> {
    strings: Strings<'a, P>,
    usual_bits: usize,
    out: &'a mut [i64],
}

impl<P: Prediction> Work for Taking<'_, P> {
    type Output = [usize; STRINGS];

    #[inline(always)]
    fn run(self) -> [usize; STRINGS] {
        let Self { mut strings, usual_bits, out } = self;
        match usual_bits {
            0..=5 => strings.take::<8>(out),
            6..=10 => strings.take::<4>(out),
            11..=20 => strings.take::<2>(out),
            _ => strings.take::<1>(out),
        }
        strings.at
    }
}

/// Strings that were read up to these bits. What is not there reads as zeros.
struct Strings<'a, P> {
    bytes: &'a [u8],
    at: [usize; STRINGS],
    table: &'a Table,
    prediction: P,
}

impl<P: Prediction> Strings<'_, P> {
    /// Fills `out`. Equals [`Self::take_one_by_one`].
    #[inline(always)]
    fn take<const N: usize>(&mut self, out: &mut [i64]) {
        let (rounds, last) = out.as_chunks_mut::<STRINGS>();
        let (whole, others) = rounds.as_chunks_mut::<N>();
        self.take_rounds(whole);
        self.take_rounds(others.as_chunks_mut::<1>().0);
        self.take_one_by_one(last);
    }

    /// Takes `N` numbers of each string from one word and, if they turn out to have more bits than it
    /// has, again.
    #[inline(always)]
    fn take_rounds<const N: usize>(&mut self, rounds: &mut [[[i64; STRINGS]; N]]) {
        let Self { bytes, table, .. } = *self;
        // Not read again for each number.
        let mask = table.mask;
        for round in rounds {
            let [a, b, c, d] = &mut self.at;
            let (mut first, mut second) = (Word::at(bytes, *a), Word::at(bytes, *b));
            let (mut third, mut fourth) = (Word::at(bytes, *c), Word::at(bytes, *d));
            let mut prediction = self.prediction;
            for [one, two, three, four] in round.iter_mut() {
                *one = prediction.next(first.take(table, mask));
                *two = prediction.next(second.take(table, mask));
                *three = prediction.next(third.take(table, mask));
                *four = prediction.next(fourth.take(table, mask));
            }
            if first.is_enough() && second.is_enough() && third.is_enough() && fourth.is_enough() {
                *a += first.taken();
                *b += second.taken();
                *c += third.taken();
                *d += fourth.taken();
                self.prediction = prediction;
            } else {
                self.take_one_by_one(round.as_flattened_mut());
            }
        }
    }

    /// Takes one number of each string after the other.
    fn take_one_by_one(&mut self, out: &mut [i64]) {
        for four in out.chunks_mut(STRINGS) {
            for (value, bit) in four.iter_mut().zip(&mut self.at) {
                let mut word = Word::at(self.bytes, *bit);
                *value = self.prediction.next(word.take(self.table, self.table.mask));
                *bit += word.taken();
            }
        }
    }
}

/// Bits from one place on.
struct Word {
    /// What is left of them, and above that zeros but for the mark, which was the highest bit and moves
    /// down as bits are taken.
    bits: u64,
}

impl Word {
    #[inline(always)]
    fn at(bytes: &[u8], bit: usize) -> Self {
        let word = match bytes.get(bit / 8..).and_then(|from| from.first_chunk::<8>()) {
            Some(eight) => u64::from_le_bytes(*eight),
            None => padded(bytes, bit / 8),
        };
        Self { bits: word >> (bit % 8) | 1 << 63 }
    }

    /// How many bits were taken.
    #[inline(always)]
    fn taken(&self) -> usize {
        self.bits.leading_zeros() as usize
    }

    /// Whether it had as many as were taken.
    #[inline(always)]
    fn is_enough(&self) -> bool {
        self.bits >> (63 - WORD_BITS) != 0
    }

    #[inline(always)]
    fn take(&mut self, table: &Table, mask: u8) -> i64 {
        let Table { lows, ones, shapes, .. } = table;
        let next = usize::try_from(self.bits & u64::from(mask)).unwrap_or_default();
        let (Some(low), Some(ones), Some(Shape(shape))) =
            (lows.get(next), ones.get(next), shapes.get(next))
        else {
            return 0;
        };
        let behind_code = self.bits.wrapping_shr(u32::from(shape >> 8));
        self.bits = self.bits.wrapping_shr(u32::from(*shape));
        low.wrapping_add((behind_code & ones).cast_signed())
    }
}

/// Eight bytes from there, with zeros behind the end.
#[cold]
fn padded(bytes: &[u8], from: usize) -> u64 {
    let mut word = [0; 8];
    let there = bytes.get(from..).unwrap_or_default();
    word.iter_mut().zip(there).for_each(|(to, byte)| *to = *byte);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strings_are_taken_as_by_any_processor_and_one_by_one(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            at in prop::array::uniform4(0usize..2500),
            shapes in prop::collection::vec((any::<i64>(), 1u32..=8, 0u32..=48), PLACES),
            most_width in prop::sample::select(vec![0u32, 2, 7, 20, 48]),
            (mask, usual_bits, count) in (0u8..8, 0usize..30, 0usize..150),
            (outer, inner) in (any::<i64>(), any::<i64>()),
        ) {
            // Not codes that anyone would write, but each takes as many bits as it says.
            let mut table = Table { mask: u8::MAX >> mask, ..Table::default() };
            for (place, (low, length, width)) in shapes.into_iter().enumerate() {
                table.put(place, (low, width.min(most_width)), length);
            }
            let sums = SumOfSums { outer: Sum(outer), inner: Sum(inner) };
            let mut one_by_one = vec![0; count];
            let mut strings = Strings { bytes: &bytes, at, table: &table, prediction: sums };
            strings.take_one_by_one(&mut one_by_one);
            let ends = strings.at;

            let mut out = vec![0; count];
            prop_assert_eq!(take((&bytes, at), &table, usual_bits, sums, &mut out), ends);
            prop_assert_eq!(&out, &one_by_one);
            let strings = Strings { bytes: &bytes, at, table: &table, prediction: sums };
            prop_assert_eq!(Taking { strings, usual_bits, out: &mut out }.run(), ends);
            prop_assert_eq!(&out, &one_by_one);

            prop_assert_eq!(take((&bytes, at), &table, usual_bits, Itself, &mut out), ends);
            let (mut outer, mut inner) = (outer, inner);
            for (number, sum) in out.iter().zip(one_by_one) {
                inner = inner.wrapping_add(*number);
                outer = outer.wrapping_add(inner);
                prop_assert_eq!(outer, sum);
            }
        }
    }
}
