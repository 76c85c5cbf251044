//! ENT: each number as the code of its bin and its place in the bin.
//!
//! Four numbers side by side belong to four strings of bits, so that reading one does not have to
//! wait for the one before.

#![deny(clippy::indexing_slicing)]

use super::bins::{self, Bin, MOST_BINS, MOST_WIDTH};
use super::huffman::{self, MOST_BITS};
use super::pack::BitWriter;
use super::varint;

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

/// Appends `values` if that takes fewer bytes than `limit`, about; `sorted` is room to work in. False,
/// and nothing appended, if not.
pub(super) fn put(
    values: &[i64],
    limit: usize,
    sorted: &mut Vec<i64>,
    room: &mut Room,
    out: &mut Vec<u8>,
) -> bool {
    if values.len() < FROM_NUMBERS {
        return false;
    }
    sorted.clear();
    sorted.extend_from_slice(values);
    sorted.sort_unstable();
    let bits = bins::choose(sorted, &mut room.cuts, &mut room.bins);
    if bits.is_none_or(|bits| bits >= limit as f32 * 8.0) {
        return false;
    }
    let counts: Vec<u32> = room.bins.iter().map(|bin| bin.count).collect();
    let lengths = huffman::lengths(&counts);
    let codes = huffman::codes(&lengths).expect("lengths of our own");
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
    let mut bits = [0u64; STRINGS];
    for (place, value) in values.iter().enumerate() {
        // The last bin that begins at or before it. It may begin within the one before, and a number
        // there fits in both.
        let behind = bins.partition_point(|(low, ..)| low <= value);
        let bin = behind.saturating_sub(1);
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

/// Fills `out` with what [`put`] has written.
pub(super) fn take(bytes: &mut &[u8], room: &mut Room, out: &mut [i64]) -> Option<()> {
    if out.is_empty() {
        return Some(());
    }
    let mask = take_bins(bytes, &mut room.table)?;
    let mut starts = [0usize; STRINGS];
    let mut start = 0usize;
    for next in starts.iter_mut().skip(1) {
        start += varint::take_size(bytes, bytes.len())?;
        *next = start;
    }
    let ends = take_strings(bytes, starts, &room.table, mask, out);
    // Each string ends where the next one begins.
    let (end, before) = ends.split_last()?;
    let begins = starts.iter().skip(1);
    if before.iter().zip(begins).any(|(end, begin)| end != begin) {
        return None;
    }
    *bytes = bytes.get(*end..)?;
    Some(())
}

/// Fills the table of what the next bits mean; returns which of them to look at.
fn take_bins(bytes: &mut &[u8], table: &mut Table) -> Option<u8> {
    let count = usize::from(varint::take_byte(bytes)?);
    if count > MOST_BINS {
        return None;
    }
    let (mut entries, mut lengths) = ([Entry::default(); MOST_BINS], [0u32; MOST_BINS]);
    let (entries, lengths) = (entries.get_mut(..count)?, lengths.get_mut(..count)?);
    let mut end = 0i64;
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
        let low = end.wrapping_add(varint::take_signed(bytes)?);
        *entry = Entry { low, length: (byte & LENGTH) + 1, width: u8::try_from(width).ok()? };
        end = low.wrapping_add(1 << width);
    }
    let codes = huffman::codes(lengths)?;
    let longest = lengths.iter().copied().max()?.min(MOST_BITS);
    let table = table.get_mut(..1 << longest)?;
    for ((entry, code), length) in entries.iter().zip(codes).zip(lengths) {
        let places = table.iter_mut().skip(usize::try_from(code).ok()?).step_by(1 << *length);
        places.for_each(|place| *place = *entry);
    }
    u8::try_from(table.len() - 1).ok()
}

/// Fills `out` from strings that start at these bytes, and says at which bytes they end. What is not
/// there reads as zeros.
fn take_strings(
    bytes: &[u8],
    starts: [usize; STRINGS],
    table: &Table,
    mask: u8,
    out: &mut [i64],
) -> [usize; STRINGS] {
    let [mut a, mut b, mut c, mut d] = starts.map(|start| start * 8);
    let (fours, last) = out.as_chunks_mut::<STRINGS>();
    for [first, second, third, fourth] in fours {
        *first = take_one(bytes, table, mask, &mut a);
        *second = take_one(bytes, table, mask, &mut b);
        *third = take_one(bytes, table, mask, &mut c);
        *fourth = take_one(bytes, table, mask, &mut d);
    }
    for (value, bit) in last.iter_mut().zip([&mut a, &mut b, &mut c]) {
        *value = take_one(bytes, table, mask, bit);
    }
    [a, b, c, d].map(|bit| bit.div_ceil(8))
}

#[inline(always)]
fn take_one(bytes: &[u8], table: &Table, mask: u8, bit: &mut usize) -> i64 {
    let word = match bytes.get(*bit / 8..).and_then(|from| from.first_chunk::<8>()) {
        Some(eight) => u64::from_le_bytes(*eight),
        None => padded(bytes, *bit / 8),
    } >> (*bit % 8);
    let [first, ..] = word.to_le_bytes();
    let Some(entry) = table.get(usize::from(first & mask)) else { return 0 };
    let place = word >> entry.length & !(u64::MAX << entry.width);
    *bit += usize::from(entry.length + entry.width);
    entry.low.wrapping_add(place.cast_signed())
}

/// Eight bytes from there, with zeros behind the end.
#[cold]
fn padded(bytes: &[u8], from: usize) -> u64 {
    let mut word = [0; 8];
    let there = bytes.get(from..).unwrap_or_default();
    word.iter_mut().zip(there).for_each(|(to, byte)| *to = *byte);
    u64::from_le_bytes(word)
}
