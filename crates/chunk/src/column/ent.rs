//! ENT: each number as the code of its bin and its place in the bin.
//!
//! Four numbers side by side belong to four strings of bits, so that reading one does not have to
//! wait for the one before.

#![deny(clippy::indexing_slicing)]

use super::bins::{self, Bin, MOST_BINS, MOST_WIDTH};
use super::huffman;
use super::pack::BitWriter;
use super::strings::{self, Prediction, STRINGS, Table};
use super::varint;

/// Of a bin's byte: the bits of its code less 1, and above them its width.
const LENGTH: u8 = 0b0000_0111;
const WIDTH_SHIFT: u32 = 3;
/// A width that says that another byte has it.
const WIDTH_FOLLOWS: u32 = 31;
/// Fewer numbers do not pay for bins.
const FROM_NUMBERS: usize = 24;

/// Buffers; of no meaning between columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    bins: Vec<Bin>,
    cuts: bins::Room,
    /// The bin of each number.
    chosen: Vec<u8>,
    table: Table,
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

/// Fills `out` with what `prediction` makes of the numbers that [`put`] has written.
pub(super) fn take(
    bytes: &mut &[u8],
    room: &mut Room,
    prediction: impl Prediction,
    out: &mut [i64],
) -> Option<()> {
    if out.is_empty() {
        return Some(());
    }
    take_bins(bytes, &mut room.table)?;
    let mut starts = [0usize; STRINGS];
    let mut start = 0usize;
    for next in starts.iter_mut().skip(1) {
        start += varint::take_size(bytes, bytes.len())?;
        *next = start;
    }
    // Of three strings it is known how long they are.
    let [.., known] = starts;
    let usual_bits = known * 8 / (out.len() * (STRINGS - 1) / STRINGS).max(1);
    let at = starts.map(|start| start * 8);
    let at = strings::take((bytes, at), &room.table, usual_bits, prediction, out);
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

/// Fills the table of what the next bits mean.
fn take_bins(bytes: &mut &[u8], table: &mut Table) -> Option<()> {
    let count = usize::from(varint::take_byte(bytes)?);
    if count > MOST_BINS {
        return None;
    }
    let (mut bins, mut lengths) = ([(0i64, 0u32); MOST_BINS], [0u32; MOST_BINS]);
    let (bins, lengths) = (bins.get_mut(..count)?, lengths.get_mut(..count)?);
    let mut end = 0i64;
    for (bin, length) in bins.iter_mut().zip(lengths.iter_mut()) {
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
        *bin = (low, width);
        end = low.wrapping_add(1 << width);
    }
    let mut codes = [0; MOST_BINS];
    let codes = codes.get_mut(..count)?;
    huffman::codes(lengths, codes)?;
    table.fill(bins, lengths, codes);
    Some(())
}
