//! A column of integers: predicted from those before, freed of a common divisor, packed.

#![deny(clippy::indexing_slicing)]

use super::strings::{Itself, Sum, SumOfSums};
use super::{Effort, Room, ent, keep_smaller, pfor, sparse, varint};
use crate::simd;

/// Of the header byte: what a number is predicted from.
const PREDICTOR: u8 = 0b0000_0011;
/// The number itself is packed.
const NONE: u8 = 0;
/// Its difference to the number before.
const DELTA: u8 = 1;
/// The change of that difference.
const DELTA2: u8 = 2;
/// Set if a common divisor follows.
const HAS_DIVISOR: u8 = 0b0000_0100;
/// How the residuals are packed.
const PACKER: u8 = 0b0001_1000;
const PFOR: u8 = 0b0000_0000;
const SPARSE: u8 = 0b0000_1000;
const ENT: u8 = 0b0001_0000;

/// A predictor is not tried if its residuals have, on average, so many bits more than another's.
const HOPELESS_BITS: f64 = 1.3;
/// SPARSE has headers that fewer numbers or bytes than these do not pay for.
const SPARSE_FROM_NUMBERS: usize = 16;
const SPARSE_FROM_BYTES: usize = 4;

/// Appends `values` in the fewest bytes that this effort finds.
pub(super) fn put(values: &[i64], effort: Effort, room: &mut Room, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    if effort == Effort::Fast && put_even(values, out) {
        return;
    }
    let start = out.len();
    let mut residuals = std::mem::take(&mut room.residuals);
    let means = mean_bits(values);
    for predictor in worth_trying(values.len(), means, effort) {
        let from = out.len();
        let limit = if from == start { usize::MAX } else { from - start };
        residuals.clear();
        let ahead = predict(values, predictor, &mut residuals);
        put_predicted(ahead, predictor, &mut residuals, (effort, limit), room, out);
        keep_smaller(out, start, from);
    }
    room.residuals = residuals;
}

/// Appends numbers that are evenly spaced, as most times are; false, and nothing appended, if these
/// are not.
fn put_even(values: &[i64], out: &mut Vec<u8>) -> bool {
    let &[first, second, ..] = values else { return false };
    let delta = second.wrapping_sub(first);
    let is_even = |pair: &[i64]| matches!(pair, [a, b] if b.wrapping_sub(*a) == delta);
    if !values.windows(2).all(is_even) {
        return false;
    }
    out.push(DELTA | PFOR);
    varint::put_signed(out, first);
    pfor::put_same(delta, out);
    true
}

/// How many bits the residuals of each predictor have on average, about; infinite if there are none.
fn mean_bits(values: &[i64]) -> [f64; 3] {
    let at = |quarter: usize| values.get(values.len() * quarter / 4).copied().unwrap_or_default();
    let mut some = [at(1), at(2), at(3)];
    some.sort_unstable();
    let [_, centre, _] = some;
    let (mut last, mut last_delta) = (centre, 0i64);
    let mut bits = [0u64; 3];
    for (place, value) in values.iter().enumerate() {
        let delta = value.wrapping_sub(last);
        let delta2 = delta.wrapping_sub(last_delta);
        (last, last_delta) = (*value, delta);
        let residuals = [value.wrapping_sub(centre), delta, delta2];
        for ((bits, residual), predictor) in bits.iter_mut().zip(residuals).zip(0usize..) {
            if place >= predictor {
                *bits += u64::from(pfor::bit_len(varint::zigzag(residual)));
            }
        }
    }
    let count = values.len();
    let mean = |bits: u64, predictor: usize| match count.checked_sub(predictor) {
        Some(left) if left > 0 => bits as f64 / left as f64,
        _ => f64::INFINITY,
    };
    let [none, delta, delta2] = bits;
    [mean(none, 0), mean(delta, 1), mean(delta2, 2)]
}

/// The predictors whose residuals have about as few bits as the best one's; just that one, if it is to
/// be quick.
fn worth_trying(count: usize, means: [f64; 3], effort: Effort) -> impl Iterator<Item = u8> {
    let least = means.into_iter().fold(f64::INFINITY, f64::min);
    let (enough, most) = match effort {
        Effort::Fast => (least, 1),
        Effort::Best => (least + HOPELESS_BITS, 3),
    };
    [NONE, DELTA, DELTA2]
        .into_iter()
        .zip(means)
        .filter(move |(_, mean)| *mean <= enough || (count < 8 && most > 1 && mean.is_finite()))
        .map(|(predictor, _)| predictor)
        .take(most)
}

/// Appends the residuals; returns the numbers that the prediction starts with.
fn predict(values: &[i64], predictor: u8, residuals: &mut Vec<i64>) -> [Option<i64>; 2] {
    if predictor == NONE {
        residuals.extend_from_slice(values);
        return [None, None];
    }
    let mut last = values.first().copied().unwrap_or_default();
    let first = last;
    let deltas = values.iter().skip(1).map(|value| {
        let delta = value.wrapping_sub(last);
        last = *value;
        delta
    });
    if predictor == DELTA {
        residuals.extend(deltas);
        return [Some(first), None];
    }
    let mut deltas = deltas;
    let mut last_delta = deltas.next().unwrap_or_default();
    let first_delta = last_delta;
    residuals.extend(deltas.map(|delta| {
        let delta2 = delta.wrapping_sub(last_delta);
        last_delta = delta;
        delta2
    }));
    [Some(first), Some(first_delta)]
}

/// Appends a column with this predictor. More than `limit` bytes are of no use.
fn put_predicted(
    ahead: [Option<i64>; 2],
    predictor: u8,
    residuals: &mut [i64],
    (effort, limit): (Effort, usize),
    room: &mut Room,
    out: &mut Vec<u8>,
) {
    let header_at = out.len();
    out.push(predictor);
    let divided = if predictor == NONE { divide_distances(residuals) } else { divide(residuals) };
    if let Some((divisor, offset)) = divided {
        varint::put(out, divisor);
        if predictor == NONE {
            varint::put_signed(out, offset);
        }
    }
    for value in ahead.into_iter().flatten() {
        varint::put_signed(out, value);
    }
    let limit = limit.saturating_sub(out.len() - header_at);
    let packer = put_packed(residuals, (effort, limit), room, out);
    if let Some(header) = out.get_mut(header_at) {
        *header |= packer | if divided.is_some() { HAS_DIVISOR } else { 0 };
    }
}

/// Divides by the greatest common divisor, if there is one. Residuals that are all the same take no
/// bits anyway.
fn divide(residuals: &mut [i64]) -> Option<(u64, i64)> {
    let first = residuals.first()?;
    if residuals.iter().all(|residual| residual == first) {
        return None;
    }
    let divisor = common_divisor(residuals.iter().copied())?;
    residuals.iter_mut().for_each(|residual| *residual /= divisor);
    Some((divisor.cast_unsigned(), 0))
}

/// Divides by the greatest common divisor of the distances between numbers; what is left over by
/// each of them comes back as the offset.
fn divide_distances(values: &mut [i64]) -> Option<(u64, i64)> {
    let first = *values.first()?;
    if values.iter().any(|value| value.checked_sub(first).is_none()) {
        return None;
    }
    let divisor = common_divisor(values.iter().map(|value| value.wrapping_sub(first)))?;
    let offset = first.rem_euclid(divisor);
    if values.iter().any(|value| value.checked_sub(offset).is_none()) {
        return None;
    }
    values.iter_mut().for_each(|value| *value = (*value - offset) / divisor);
    Some((divisor.cast_unsigned(), offset))
}

/// The greatest common divisor; `None` if there is none but 1, or all are 0.
fn common_divisor(values: impl Iterator<Item = i64>) -> Option<i64> {
    let mut divisor = 0;
    for value in values {
        let (mut a, mut b) = (value.unsigned_abs(), divisor);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        divisor = a;
        if divisor == 1 {
            return None;
        }
    }
    i64::try_from(divisor).ok().filter(|divisor| *divisor > 1)
}

/// Appends the residuals by the packer that takes the fewest bytes, and says which. More than `limit`
/// bytes are of no use.
fn put_packed(
    residuals: &[i64],
    (effort, limit): (Effort, usize),
    room: &mut Room,
    out: &mut Vec<u8>,
) -> u8 {
    let start = out.len();
    let plan = match effort {
        Effort::Fast => pfor::plan(residuals, effort, &mut room.sorted),
        Effort::Best => {
            room.sorted.clear();
            room.sorted.extend_from_slice(residuals);
            room.sorted.sort_unstable();
            pfor::plan_of_sorted(&room.sorted)
        }
    };
    pfor::put(residuals, &plan, out);
    let mut packer = PFOR;
    if residuals.len() >= SPARSE_FROM_NUMBERS && plan.len > SPARSE_FROM_BYTES {
        let from = out.len();
        if sparse::put(residuals, effort, room, out) && keep_smaller(out, start, from) {
            packer = SPARSE;
        }
    }
    if effort == Effort::Best {
        let from = out.len();
        let Room { sorted, ent, .. } = room;
        let limit = limit.min(from - start);
        if ent::put(residuals, limit, sorted, ent, out) && keep_smaller(out, start, from) {
            packer = ENT;
        }
    }
    packer
}

/// Fills `out` with what [`put`] has written.
pub(super) fn take(bytes: &mut &[u8], room: &mut Room, out: &mut [i64]) -> Option<()> {
    if out.is_empty() {
        return Some(());
    }
    let header = varint::take_byte(bytes)?;
    if header & !(PREDICTOR | HAS_DIVISOR | PACKER) != 0 {
        return None;
    }
    let divisor = match header & HAS_DIVISOR {
        0 => 1,
        _ => varint::take(bytes)?.cast_signed(),
    };
    let packer = header & PACKER;
    match header & PREDICTOR {
        NONE => {
            let offset = if divisor == 1 { 0 } else { varint::take_signed(bytes)? };
            take_packed(bytes, packer, room, out)?;
            if header & HAS_DIVISOR != 0 {
                let whole = |value: i64| value.wrapping_mul(divisor).wrapping_add(offset);
                out.iter_mut().for_each(|value| *value = whole(*value));
            }
        }
        DELTA => {
            let (first, deltas) = out.split_first_mut()?;
            *first = varint::take_signed(bytes)?;
            if packer == ENT && divisor == 1 {
                return ent::take(bytes, &mut room.ent, Sum(*first), deltas);
            }
            take_packed(bytes, packer, room, deltas)?;
            sum_up(*first, divisor, deltas);
        }
        DELTA2 => {
            let (first, rest) = out.split_first_mut()?;
            let (second, rest) = rest.split_first_mut()?;
            *first = varint::take_signed(bytes)?;
            let delta = varint::take_signed(bytes)?;
            *second = first.wrapping_add(delta);
            if packer == ENT && divisor == 1 {
                let sums = SumOfSums { outer: Sum(*second), inner: Sum(delta) };
                return ent::take(bytes, &mut room.ent, sums, rest);
            }
            take_packed(bytes, packer, room, rest)?;
            sum_up_twice(*second, delta, divisor, rest);
        }
        _ => return None,
    }
    Some(())
}

fn take_packed(bytes: &mut &[u8], packer: u8, room: &mut Room, out: &mut [i64]) -> Option<()> {
    match packer {
        PFOR => pfor::take(bytes, out),
        SPARSE => sparse::take(bytes, room, out),
        ENT => ent::take(bytes, &mut room.ent, Itself, out),
        _ => None,
    }
}

/// Differences become numbers.
fn sum_up(first: i64, divisor: i64, deltas: &mut [i64]) {
    if divisor != 1 {
        deltas.iter_mut().for_each(|delta| *delta = delta.wrapping_mul(divisor));
    }
    simd::sum_up(first, deltas);
}

/// Changes of differences become numbers.
fn sum_up_twice(second: i64, delta: i64, divisor: i64, deltas2: &mut [i64]) {
    sum_up(delta, divisor, deltas2);
    sum_up(second, 1, deltas2);
}
