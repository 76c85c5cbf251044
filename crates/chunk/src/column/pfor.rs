//! PFOR: every number as its distance from a base, in one width; those that do not fit are patched.
//!
//! The base need not be the least number, nor the width that of the greatest: a few far away are
//! cheaper in the list of patches than bits in every number.

#![deny(clippy::indexing_slicing)]

use super::pack::{pack, packed_len, unpack};
use super::{Effort, varint};

/// Set beside the width if patches follow.
const HAS_PATCHES: u8 = 0x80;
/// More patches than one in so many numbers would make decoding slow.
const MOST_PATCHES: usize = 5;
/// Bases worth a try, each below all but one in so many numbers; the least number is another.
const QUANTILES: [usize; 4] = [12, 24, 64, 200];
/// The same, where it is to be quick.
const FEW_QUANTILES: [usize; 1] = [24];
/// And a column of so many bytes is short enough.
const SHORT: usize = 24;

/// How a run of numbers would be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    base: i64,
    width: u32,
    /// How many bytes it takes, about: the places of patches are taken for one byte each.
    pub(super) len: usize,
}

/// The plan with the fewest bytes. `sorted` is room to work in.
pub(super) fn plan(values: &[i64], effort: Effort, sorted: &mut Vec<i64>) -> Plan {
    let (mut least, mut greatest) = (i64::MAX, i64::MIN);
    for value in values {
        least = least.min(*value);
        greatest = greatest.max(*value);
    }
    if values.is_empty() {
        return Plan { base: 0, width: 0, len: 0 };
    }
    let mut best = unpatched(least, greatest, values.len());
    if best.width == 0 {
        return best;
    }
    best = cheaper(best, patched(values, least));
    if effort == Effort::Fast && best.len <= SHORT {
        return best;
    }
    sorted.clear();
    sorted.extend_from_slice(values);
    let mut below = sorted.as_mut_slice();
    let mut tried = least;
    let quantiles: &[usize] = match effort {
        Effort::Fast => &FEW_QUANTILES,
        Effort::Best => &QUANTILES,
    };
    for quantile in quantiles {
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

/// The same for values that are sorted: equals [`plan`].
pub(super) fn plan_of_sorted(sorted: &[i64]) -> Plan {
    let (Some(least), Some(greatest)) = (sorted.first(), sorted.last()) else {
        return Plan { base: 0, width: 0, len: 0 };
    };
    let mut best = unpatched(*least, *greatest, sorted.len());
    if best.width == 0 {
        return best;
    }
    let widest = best.width;
    best = cheaper(best, patched_of_sorted(sorted, 0, widest));
    let mut tried = *least;
    for quantile in QUANTILES {
        let place = sorted.len() / quantile;
        let Some(base) =
            sorted.get(place).filter(|base| place > 0 && **base != *least && **base != tried)
        else {
            continue;
        };
        tried = *base;
        best = cheaper(best, patched_of_sorted(sorted, place, widest));
    }
    best
}

fn cheaper(one: Plan, other: Plan) -> Plan {
    if other.len < one.len { other } else { one }
}

/// The plan that patches nothing.
fn unpatched(least: i64, greatest: i64, count: usize) -> Plan {
    let width = bit_len(distance(greatest, least));
    let len = varint::len(varint::zigzag(least)) + 1 + packed_len(count, width);
    Plan { base: least, width, len }
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
            continue;
        }
        let distance = distance(*value, base);
        if let Some(count) = widths.get_mut(bit_len(distance) as usize) {
            *count += 1;
        }
    }
    best_width(values.len(), base, &widths, patches, patch_bytes)
}

/// The same for the base at this place, or an equal one before, of sorted values. None of them is more
/// than `widest` bits from the least.
fn patched_of_sorted(sorted: &[i64], place: usize, widest: u32) -> Plan {
    let base = sorted.get(place).copied().unwrap_or_default();
    let (before, rest) = sorted.split_at(place.min(sorted.len()));
    let below = before.partition_point(|value| *value < base);
    let (below, equal) = before.split_at(below);
    let below_bytes = |value: &i64| 1 + varint::len(varint::zigzag(value.wrapping_sub(base)));
    let patch_bytes = below.iter().map(below_bytes).sum();
    let mut widths = [0usize; 65];
    let mut narrower = 0;
    for (width, count) in (0u32..).zip(widths.iter_mut()).take(widest as usize + 1) {
        let upto = rest.partition_point(|value| bit_len(distance(*value, base)) <= width);
        *count = upto - narrower + if width == 0 { equal.len() } else { 0 };
        narrower = upto;
        if upto == rest.len() {
            break;
        }
    }
    best_width(sorted.len(), base, &widths, below.len(), patch_bytes)
}

/// The best width, if so many numbers need so many bits, and so many are below the base, whose patches
/// take so many bytes.
fn best_width(
    count: usize,
    base: i64,
    widths: &[usize; 65],
    below: usize,
    below_bytes: usize,
) -> Plan {
    let (mut patches, mut patch_bytes) = (below, below_bytes);
    let header = varint::len(varint::zigzag(base)) + 1;
    let mut best = Plan { base, width: 64, len: usize::MAX };
    // No number needs more bits than the widest.
    let widest = widths.iter().rposition(|of_width| *of_width > 0).unwrap_or(0);
    for (width, of_width) in (0u32..65).zip(widths).take(widest + 1).rev() {
        if patches * MOST_PATCHES > count {
            break;
        }
        let patch_list = if patches > 0 { varint::len(patches as u64) + patch_bytes } else { 0 };
        let len = header + packed_len(count, width) + patch_list;
        best = cheaper(best, Plan { base, width, len });
        patches += of_width;
        patch_bytes += of_width * (1 + (width as usize + 1).div_ceil(7).max(1));
    }
    best
}

/// Appends some numbers that are all this one.
pub(super) fn put_same(value: i64, out: &mut Vec<u8>) {
    varint::put_signed(out, value);
    out.push(0);
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorted_values_have_the_same_plan(
            values in prop::collection::vec((any::<i64>(), 0u32..64), 0..300), least in 0u32..64
        ) {
            let shifted = |(value, shift): &(i64, u32)| value >> least.max(*shift);
            let values: Vec<i64> = values.iter().map(shifted).collect();
            let mut sorted = values.clone();
            sorted.sort_unstable();
            prop_assert_eq!(plan_of_sorted(&sorted), plan(&values, Effort::Best, &mut Vec::new()));
        }
    }
}
