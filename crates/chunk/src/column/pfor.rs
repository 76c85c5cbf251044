//! PFOR: every number as its distance from a base, in one width; those that do not fit are patched.
//!
//! The base need not be the least number, nor the width that of the greatest: a few far away are
//! cheaper in the list of patches than bits in every number.

#![deny(clippy::indexing_slicing)]

use super::pack::{pack, packed_len, unpack};
use super::varint;

/// Set beside the width if patches follow.
const HAS_PATCHES: u8 = 0x80;
/// More patches than one in so many numbers would make decoding slow.
const MOST_PATCHES: usize = 5;
/// Bases worth a try, each below all but one in so many numbers; the least number is another.
const QUANTILES: [usize; 4] = [12, 24, 64, 200];

/// How a run of numbers would be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    base: i64,
    width: u32,
    /// How many bytes it takes, about: the places of patches are taken for one byte each.
    pub(super) len: usize,
}

/// The plan with the fewest bytes. `sorted` is room to work in.
pub(super) fn plan(values: &[i64], sorted: &mut Vec<i64>) -> Plan {
    let (mut least, mut greatest) = (i64::MAX, i64::MIN);
    for value in values {
        least = least.min(*value);
        greatest = greatest.max(*value);
    }
    if values.is_empty() {
        return Plan { base: 0, width: 0, len: 0 };
    }
    let width = bit_len(distance(greatest, least));
    let len = varint::len(varint::zigzag(least)) + 1 + packed_len(values.len(), width);
    let mut best = Plan { base: least, width, len };
    if width == 0 {
        return best;
    }
    best = cheaper(best, patched(values, least));
    sorted.clear();
    sorted.extend_from_slice(values);
    let mut below = sorted.as_mut_slice();
    let mut tried = least;
    for quantile in QUANTILES {
        let place = values.len() / quantile;
        if place == 0 || place >= below.len() {
            continue;
        }
        let (lower, base, _) = below.select_nth_unstable(place);
        if *base != tried && *base != least {
            tried = *base;
            best = cheaper(best, patched(values, tried));
        }
        below = lower;
    }
    best
}

fn cheaper(one: Plan, other: Plan) -> Plan {
    if other.len < one.len { other } else { one }
}

/// The best width for this base.
fn patched(values: &[i64], base: i64) -> Plan {
    // How many numbers need so many bits, and what the patches below the base take.
    let mut widths = [0usize; 65];
    let (mut patches, mut patch_bytes) = (0, 0);
    for value in values {
        if *value < base {
            patches += 1;
            patch_bytes += 1 + varint::len(varint::zigzag(value.wrapping_sub(base)));
        } else if let Some(count) = widths.get_mut(bit_len(distance(*value, base)) as usize) {
            *count += 1;
        }
    }
    let header = varint::len(varint::zigzag(base)) + 1;
    let mut best = Plan { base, width: 64, len: usize::MAX };
    for (width, count) in (0u32..65).zip(widths).rev() {
        if patches * MOST_PATCHES > values.len() {
            break;
        }
        let patch_list = if patches > 0 { varint::len(patches as u64) + patch_bytes } else { 0 };
        let len = header + packed_len(values.len(), width) + patch_list;
        best = cheaper(best, Plan { base, width, len });
        patches += count;
        patch_bytes += count * (1 + (width as usize + 1).div_ceil(7).max(1));
    }
    best
}

/// Appends `values` as planned.
pub(super) fn put(values: &[i64], plan: &Plan, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let Plan { base, width, .. } = *plan;
    let limit = u64::MAX.checked_shr(64 - width).unwrap_or(0);
    let fits = |value: i64| value >= base && distance(value, base) <= limit;
    let patches = values.iter().filter(|value| !fits(**value)).count();
    varint::put_signed(out, base);
    let flag = if patches > 0 { HAS_PATCHES } else { 0 };
    out.push(u8::try_from(width).expect("at most 64") | flag);
    let packed = values.iter().map(|value| if fits(*value) { distance(*value, base) } else { 0 });
    pack(packed, width, out);
    if patches == 0 {
        return;
    }
    varint::put_size(out, patches);
    let mut last = 0;
    for (place, value) in values.iter().enumerate().filter(|(_, value)| !fits(**value)) {
        varint::put_size(out, place - last);
        varint::put_signed(out, value.wrapping_sub(base));
        last = place;
    }
}

/// Fills `out` with what [`put`] has written.
pub(super) fn take(bytes: &mut &[u8], out: &mut [i64]) -> Option<()> {
    if out.is_empty() {
        return Some(());
    }
    let base = varint::take_signed(bytes)?;
    let width = varint::take_byte(bytes)?;
    unpack(bytes, u32::from(width & !HAS_PATCHES), base, out)?;
    if width & HAS_PATCHES == 0 {
        return Some(());
    }
    let patches = varint::take_size(bytes, out.len())?;
    let mut left = out;
    for _ in 0..patches {
        left = left.get_mut(varint::take_size(bytes, left.len())?..)?;
        *left.first_mut()? = base.wrapping_add(varint::take_signed(bytes)?);
    }
    Some(())
}

/// From `base` up to `value`, also where that is beyond an i64.
fn distance(value: i64, base: i64) -> u64 {
    value.cast_unsigned().wrapping_sub(base.cast_unsigned())
}

/// How many bits a number has.
pub(super) fn bit_len(value: u64) -> u32 {
    64 - value.leading_zeros()
}
