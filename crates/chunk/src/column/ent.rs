//! ENT: each number as the code of its bin and its place in the bin.
//!
//! Four numbers side by side belong to four strings of bits, so that reading one does not have to
//! wait for the one before.

#![deny(clippy::indexing_slicing)]

use super::bins::{self, Bin, MOST_BINS, MOST_WIDTH};
use super::huffman::{self, MOST_BITS};
use super::pack::BitWriter;
use super::varint;
use crate::simd::{self, Work};

const STRINGS: usize = 4;
/// Of a bin's byte: the bits of its code less 1, and above them its width.
const LENGTH: u8 = 0b0000_0111;
const WIDTH_SHIFT: u32 = 3;
/// A width that says that another byte has it.
const WIDTH_FOLLOWS: u32 = 31;
/// Fewer numbers do not pay for bins.
const FROM_NUMBERS: usize = 24;

/// Buffers; of no meaning between columns.
#[derive(Clone, Debug)]
pub(super) struct Room {
    bins: Vec<Bin>,
    cuts: bins::Room,
    /// The bin of each number.
    chosen: Vec<u8>,
    table: Table,
}

/// What bits mean, by the first eight of them, or fewer if no code is longer.
type Table = [Entry; 1 << MOST_BITS];

impl Default for Room {
    fn default() -> Self {
        let (bins, cuts, chosen) = Default::default();
        Self { bins, cuts, chosen, table: [Entry::default(); 1 << MOST_BITS] }
    }
}

/// What the next bits mean.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    low: i64,
    /// Bits of the code.
    length: u8,
    /// Bits of the place behind it.
    width: u8,
}

/// Appends `values`, which `sorted` has in order of size, if that takes fewer bytes than `limit`, about.
/// False, and nothing appended, if not.
pub(super) fn put(
    values: &[i64],
    limit: usize,
    sorted: &[i64],
    room: &mut Room,
    out: &mut Vec<u8>,
) -> bool {
    if values.len() < FROM_NUMBERS {
        return false;
    }
    let bits = bins::choose(sorted, &mut room.cuts, &mut room.bins);
    if bits.is_none_or(|bits| bits >= limit as f32 * 8.0) {
        return false;
    }
    let counts: Vec<u32> = room.bins.iter().map(|bin| bin.count).collect();
    let lengths = huffman::lengths(&counts);
    let mut codes = [0; MOST_BINS];
    let codes = codes.get_mut(..lengths.len()).expect("few bins");
    huffman::codes(&lengths, codes).expect("lengths of our own");
    put_bins(&room.bins, &lengths, out);
    let words: Vec<(i64, u32, u32, u32)> = room
        .bins
        .iter()
        .zip(codes.iter().zip(&lengths))
        .map(|(bin, (code, length))| (bin.low, *code, *length, bin.width))
        .collect();
    put_strings(values, &words, &mut room.chosen, out);
    true
}

fn put_bins(bins: &[Bin], lengths: &[u32], out: &mut Vec<u8>) {
    out.push(u8::try_from(bins.len()).expect("few bins"));
    let mut end = 0i64;
    for (bin, length) in bins.iter().zip(lengths) {
        let shown = bin.width.min(WIDTH_FOLLOWS);
        let byte = shown << WIDTH_SHIFT | (length - 1);
        out.push(u8::try_from(byte).expect("eight bits"));
        if shown == WIDTH_FOLLOWS {
            out.push(u8::try_from(bin.width).expect("few bits"));
        }
        varint::put_signed(out, bin.low.wrapping_sub(end));
        end = bin.low.wrapping_add(1 << bin.width);
    }
}

/// Appends the four strings behind the lengths of the first three. Of each bin: where it begins, its
/// code, the bits of that, and its width.
fn put_strings(
    values: &[i64],
    bins: &[(i64, u32, u32, u32)],
    chosen: &mut Vec<u8>,
    out: &mut Vec<u8>,
) {
    chosen.clear();
    let mut lows = [i64::MAX; MOST_BINS];
    lows.iter_mut().zip(bins).for_each(|(to, (low, ..))| *to = *low);
    let mut bits = [0u64; STRINGS];
    for (place, value) in values.iter().enumerate() {
        let bin = last_not_above(&lows, *value).min(bins.len() - 1);
        chosen.push(u8::try_from(bin).expect("few bins"));
        if let (Some(bits), Some((_, _, length, width))) =
            (bits.get_mut(place % STRINGS), bins.get(bin))
        {
            *bits += u64::from(length + width);
        }
    }
    bits.iter().take(STRINGS - 1).for_each(|bits| varint::put(out, bits.div_ceil(8)));
    for string in 0..STRINGS {
        let mut writer = BitWriter::new(out);
        for (value, bin) in values.iter().zip(&*chosen).skip(string).step_by(STRINGS) {
            let (low, code, length, width) =
                bins.get(usize::from(*bin)).copied().unwrap_or_default();
            let place = value.wrapping_sub(low).cast_unsigned();
            writer.put(place << length | u64::from(code), length + width);
        }
        writer.finish();
    }
}

/// The last bin that begins at or before `value`, else the first. It may begin within the one before, and
/// a number there fits in both.
///
/// Equals a search by `partition_point`, without a branch that depends on the numbers.
#[inline]
fn last_not_above(lows: &[i64; MOST_BINS], value: i64) -> usize {
    let mut behind = 0;
    for step in [32, 16, 8, 4, 2, 1] {
        let is_above = lows.get(behind + step).is_none_or(|low| *low > value);
        behind += if is_above { 0 } else { step };
    }
    behind
}

/// Fills `out` with what [`put`] has written.
pub(super) fn take(bytes: &mut &[u8], room: &mut Room, out: &mut [i64]) -> Option<()> {
    if out.is_empty() {
        return Some(());
    }
    let code = take_bins(bytes, &mut room.table)?;
    let mut starts = [0usize; STRINGS];
    let mut start = 0usize;
    for next in starts.iter_mut().skip(1) {
        start += varint::take_size(bytes, bytes.len())?;
        *next = start;
    }
    let at = starts.map(|start| start * 8);
    let at = simd::fastest(Taking { bytes, at, table: &room.table, code, out });
    // Each string ends where the next one begins.
    let ends = at.map(|bit| bit.div_ceil(8));
    let (end, before) = ends.split_last()?;
    let begins = starts.iter().skip(1);
    if before.iter().zip(begins).any(|(end, begin)| end != begin) {
        return None;
    }
    *bytes = bytes.get(*end..)?;
    Some(())
}

/// How to read strings of bits.
#[derive(Clone, Copy, Debug)]
struct Code {
    /// Which of the next bits to look up.
    mask: u8,
    /// Of one number there are at most so many bits.
    most_bits: u32,
}

/// Fills `out` from strings that begin at these bits; gives where they end.
#[derive(Debug)]
struct Taking<'a> {
    bytes: &'a [u8],
    at: [usize; STRINGS],
    table: &'a Table,
    code: Code,
    out: &'a mut [i64],
}

impl Work for Taking<'_> {
    type Output = [usize; STRINGS];

    #[inline(always)]
    fn run(self) -> [usize; STRINGS] {
        let Self { bytes, at, table, code, out } = self;
        match code.most_bits {
            0..=14 => take_strings::<4>(bytes, at, table, code.mask, out),
            15..=28 => take_strings::<2>(bytes, at, table, code.mask, out),
            _ => take_strings::<1>(bytes, at, table, code.mask, out),
        }
    }
}

/// Fills the table of what the next bits mean.
fn take_bins(bytes: &mut &[u8], table: &mut Table) -> Option<Code> {
    let count = usize::from(varint::take_byte(bytes)?);
    if count > MOST_BINS {
        return None;
    }
    let (mut entries, mut lengths) = ([Entry::default(); MOST_BINS], [0u32; MOST_BINS]);
    let (entries, lengths) = (entries.get_mut(..count)?, lengths.get_mut(..count)?);
    let (mut end, mut most_bits) = (0i64, 0);
    for (entry, length) in entries.iter_mut().zip(lengths.iter_mut()) {
        let byte = varint::take_byte(bytes)?;
        let mut width = u32::from(byte >> WIDTH_SHIFT);
        if width == WIDTH_FOLLOWS {
            width = varint::take_byte(bytes)?.into();
        }
        if width > MOST_WIDTH {
            return None;
        }
        *length = u32::from(byte & LENGTH) + 1;
        most_bits = most_bits.max(*length + width);
        let low = end.wrapping_add(varint::take_signed(bytes)?);
        *entry = Entry { low, length: (byte & LENGTH) + 1, width: u8::try_from(width).ok()? };
        end = low.wrapping_add(1 << width);
    }
    let mut codes = [0; MOST_BINS];
    let codes = codes.get_mut(..count)?;
    huffman::codes(lengths, codes)?;
    fill_table(entries, codes, table);
    let longest = lengths.iter().copied().max()?.min(MOST_BITS);
    Some(Code { mask: u8::try_from((1u32 << longest) - 1).ok()?, most_bits })
}

/// Puts each entry wherever the lowest bits of a place in the table are its code: once among codes of
/// its length, and then with all that is there once more for each further bit.
fn fill_table(entries: &[Entry], codes: &[u32], table: &mut Table) {
    let longest = entries.iter().map(|entry| entry.length).max().unwrap_or_default();
    for length in 1..=longest {
        table.copy_within(..1 << (length - 1), 1 << (length - 1));
        let of_length = entries.iter().zip(codes).filter(|(entry, _)| entry.length == length);
        for (entry, code) in of_length {
            if let Some(place) = table.get_mut(*code as usize) {
                *place = *entry;
            }
        }
    }
}

/// Fills `out` from strings that begin at these bits; gives where they end. `N` numbers of a string have no
/// more bits than one word has behind any bit of its first byte. What is not there reads as zeros.
#[inline(always)]
fn take_strings<const N: usize>(
    bytes: &[u8],
    at: [usize; STRINGS],
    table: &Table,
    mask: u8,
    out: &mut [i64],
) -> [usize; STRINGS] {
    let [mut a, mut b, mut c, mut d] = at;
    let (rounds, last) = out.as_chunks_mut::<STRINGS>();
    let (whole, others) = rounds.as_chunks_mut::<N>();
    for round in whole {
        let (mut first, mut second) = (Word::at(bytes, a), Word::at(bytes, b));
        let (mut third, mut fourth) = (Word::at(bytes, c), Word::at(bytes, d));
        for [one, two, three, four] in round {
            *one = first.take(table, mask);
            *two = second.take(table, mask);
            *three = third.take(table, mask);
            *four = fourth.take(table, mask);
        }
        (a, b, c, d) = (a + first.taken, b + second.taken, c + third.taken, d + fourth.taken);
    }
    for four in others.iter_mut().map(|four| &mut four[..]).chain([last]) {
        for (value, bit) in four.iter_mut().zip([&mut a, &mut b, &mut c, &mut d]) {
            let mut word = Word::at(bytes, *bit);
            *value = word.take(table, mask);
            *bit += word.taken;
        }
    }
    [a, b, c, d]
}

/// Bits from one place on.
struct Word {
    bits: u64,
    /// How many of them were taken.
    taken: usize,
}

impl Word {
    #[inline(always)]
    fn at(bytes: &[u8], bit: usize) -> Self {
        let word = match bytes.get(bit / 8..).and_then(|from| from.first_chunk::<8>()) {
            Some(eight) => u64::from_le_bytes(*eight),
            None => padded(bytes, bit / 8),
        };
        Self { bits: word >> (bit % 8), taken: 0 }
    }

    #[inline(always)]
    fn take(&mut self, table: &Table, mask: u8) -> i64 {
        let [first, ..] = self.bits.to_le_bytes();
        let Some(entry) = table.get(usize::from(first & mask)) else { return 0 };
        let behind_code = self.bits >> entry.length;
        self.bits = behind_code >> entry.width;
        self.taken += usize::from(entry.length + entry.width);
        entry.low.wrapping_add((behind_code & !(u64::MAX << entry.width)).cast_signed())
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
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strings_are_taken_as_by_any_processor(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            starts in prop::array::uniform4(0usize..2500),
            shapes in prop::collection::vec((any::<i64>(), 1u8..=8, 0u8..=48), 256),
            (longest, most_bits, count) in (1u8..=8, 0usize..3, 0usize..100),
        ) {
            // Not codes that anyone would write, but each takes as many bits as it says.
            let most = [14u8, 28, 56][most_bits];
            let mut table = [Entry::default(); 1 << MOST_BITS];
            for (entry, (low, length, width)) in table.iter_mut().zip(shapes) {
                let width = width.min(most - length);
                *entry = Entry { low, length, width };
            }
            let mask = u8::try_from((1u32 << longest) - 1).expect("eight bits");
            let code = Code { mask, most_bits: u32::from(most) };
            let (mut out, mut any) = (vec![0; count], vec![0; count]);
            let work = |out| Taking { bytes: &bytes, at: starts, table: &table, code, out };
            let ends = simd::fastest(work(&mut out));
            prop_assert_eq!(ends, work(&mut any).run());
            prop_assert_eq!(&out, &any);
            // One number after the other.
            let mut at = starts;
            for (place, value) in any.iter().enumerate() {
                let bit = &mut at[place % STRINGS];
                let mut word = Word::at(&bytes, *bit);
                prop_assert_eq!(word.take(&table, mask), *value);
                *bit += word.taken;
            }
            prop_assert_eq!(at, ends);
        }
    }
}
