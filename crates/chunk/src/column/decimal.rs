//! Floats that are decimals: `m / 10^e` with an integer `m` and one `e` for the whole column.
//!
//! People and programs write few digits: percentages, seconds, bytes. Division, not multiplication by
//! 0.1, because only division gives the float that a parser gives for those digits.

#![deny(clippy::indexing_slicing)]

use super::exceptions::Exceptions;
use crate::simd::{self, Work};

/// The greatest `e`.
pub(super) const MAX_EXPONENT: u8 = 14;

const POWERS: [f64; MAX_EXPONENT as usize + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

/// Exponents worth a try for sums of decimals: clients count in nano-, micro- and milliseconds.
const DRIFTING_EXPONENTS: [u8; 4] = [9, 6, 3, 12];
/// So many neighbours tell how well an exponent suits.
const DRIFTING_PROBES: usize = 64;

/// Up to here a float has room behind the point for rounding by addition, `ROUNDER` being so large
/// that none is left.
const ROUNDED_BELOW: f64 = 2_251_799_813_685_248.0;
const ROUNDER: f64 = 3.0 * ROUNDED_BELOW;
/// As an integer.
const NEAR: i64 = 1 << 51;
/// From 2^52 on all floats are whole.
const WHOLE_FROM: f64 = 4_503_599_627_370_496.0;

/// 10 to that power; `None` beyond [`MAX_EXPONENT`].
pub(super) fn power(exponent: u8) -> Option<f64> {
    POWERS.get(usize::from(exponent)).copied()
}

/// The integer that `value` is, times `power`; `None` if dividing it by `power` gives another float.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "what was cut off is noticed by dividing back")]
pub(super) fn scaled(value: f64, power: f64) -> Option<i64> {
    let whole = nearest(value * power) as i64;
    (divided(whole, power).to_bits() == value.to_bits()).then_some(whole)
}

/// The float that stands for `whole`: what decoding computes.
#[inline]
pub(super) fn divided(whole: i64, power: f64) -> f64 {
    whole as f64 / power
}

/// Appends [`divided`] of each of `wholes`.
///
/// Nearly all columns are whole numbers of less than 52 bits. Those become floats by an addition to the
/// bits of a large float and a subtraction, which a processor does for several at once, other than the
/// conversion of an `i64`; and what is divided by 1 is left as it is.
pub(super) fn divide_all(wholes: &[i64], power: f64, out: &mut Vec<f64>) {
    simd::fastest(Dividing { wholes, power, out });
}

/// What [`divide_all`] does.
#[derive(Debug)]
struct Dividing<'a> {
    wholes: &'a [i64],
    power: f64,
    out: &'a mut Vec<f64>,
}

impl Work for Dividing<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { wholes, power, out } = self;
        let (start, mut far) = (out.len(), 0);
        let mut near = |whole: &i64| {
            far |= whole.wrapping_add(NEAR).cast_unsigned();
            float_of_near(*whole)
        };
        if power == 1.0 {
            out.extend(wholes.iter().map(near));
        } else {
            out.extend(wholes.iter().map(|whole| near(whole) / power));
        }
        if far >= (2 * NEAR).cast_unsigned() {
            out.truncate(start);
            out.extend(wholes.iter().map(|whole| divided(*whole, power)));
        }
    }
}

/// `whole` as a float, if it is from -[`NEAR`] up to, but without, [`NEAR`].
///
/// [`ROUNDER`] is so large that its last bit counts ones, and so far from its neighbouring powers of two
/// that adding `whole` to its bits adds `whole`.
#[inline]
fn float_of_near(whole: i64) -> f64 {
    f64::from_bits(ROUNDER.to_bits().wrapping_add_signed(whole)) - ROUNDER
}

#[inline]
fn nearest(value: f64) -> f64 {
    if value.abs() < ROUNDED_BELOW { (value + ROUNDER) - ROUNDER } else { value.round() }
}

/// The exponent with which `value` is a decimal, and its integer.
pub(super) fn of_one(value: f64) -> Option<(u8, i64)> {
    (0..).zip(POWERS).find_map(|(exponent, power)| Some((exponent, scaled(value, power)?)))
}

/// Puts the integers that `values` are, times ten to the exponent that comes back, into `ints`; `None`
/// if too many are not. Those get the integer before them, and are listed.
pub(super) fn all(values: &[f64], ints: &mut Vec<i64>, others: &mut Exceptions) -> Option<u8> {
    others.clear();
    let exponent = exponent_of_all(values, ints)?;
    if ints.len() < values.len() {
        ints.clear();
        let power = power(exponent)?;
        fill(values, ints, others, |value| scaled(value, power))?;
    }
    Some(exponent)
}

/// The least exponent with which nearly all are decimals. If it is with all of them, their integers are
/// in `ints`, else fewer.
fn exponent_of_all(values: &[f64], ints: &mut Vec<i64>) -> Option<u8> {
    ints.clear();
    let (mut exponent, mut scale) = (0u8, 1.0);
    let mut misfits = 0;
    for (place, value) in values.iter().enumerate() {
        if let Some(whole) = scaled(*value, scale) {
            ints.push(whole);
            continue;
        }
        if !is_ordinary(*value) {
            continue;
        }
        let wider = (exponent + 1..=MAX_EXPONENT)
            .find(|wider| power(*wider).is_some_and(|power| scaled(*value, power).is_some()));
        if let Some(wider) = wider {
            (exponent, scale) = (wider, power(wider)?);
            ints.clear();
            ints.extend(values.iter().take(place + 1).map_while(|value| scaled(*value, scale)));
        } else {
            misfits += 1;
            if misfits > Exceptions::limit(values.len()) {
                return None;
            }
        }
    }
    Some(exponent)
}

/// Whether the bits may be those of a decimal.
fn is_ordinary(value: f64) -> bool {
    value.is_finite() && value.to_bits() != (-0.0f64).to_bits()
}

/// Appends what `split` makes of each value; where it makes nothing, what it made of the one before.
pub(super) fn fill<T: Copy + Default>(
    values: &[f64],
    parts: &mut Vec<T>,
    others: &mut Exceptions,
    split: impl Fn(f64) -> Option<T>,
) -> Option<()> {
    others.clear();
    let mut last = values.iter().find_map(|value| split(*value)).unwrap_or_default();
    for (place, value) in values.iter().enumerate() {
        match split(*value) {
            Some(part) => last = part,
            None => others.push(place, value.to_bits(), values.len())?,
        }
        parts.push(last);
    }
    Some(())
}

/// A decimal and how many floats away from it the value is.
///
/// Sums of decimals drift: each addition rounds. What is left is a decimal, and a small number of
/// steps from one float to the next.
type Drifting = (i64, i64);

/// As [`all`], for decimals that have drifted.
pub(super) fn all_drifting(
    values: &[f64],
    parts: &mut Vec<Drifting>,
    others: &mut Exceptions,
) -> Option<u8> {
    let suits =
        |exponent: &u8| drifting_bits(values, power(*exponent)?).map(|bits| (bits, *exponent));
    let (_, exponent) = DRIFTING_EXPONENTS.iter().filter_map(suits).min()?;
    let power = power(exponent)?;
    fill(values, parts, others, |value| drifting(value, power))?;
    Some(exponent)
}

/// How many bits the differences of some neighbours have; `None` if there are no parts to take.
fn drifting_bits(values: &[f64], power: f64) -> Option<u32> {
    let step = (values.len() / DRIFTING_PROBES).max(1);
    let (mut bits, mut pairs) = (0, 0);
    for pair in values.windows(2).step_by(step) {
        let [one, other] = pair else { continue };
        let (Some(one), Some(other)) = (drifting(*one, power), drifting(*other, power)) else {
            continue;
        };
        bits += 64 - other.0.abs_diff(one.0).leading_zeros();
        bits += 64 - other.1.wrapping_sub(one.1).unsigned_abs().leading_zeros();
        pairs += 1;
    }
    // Pairs passed over must not make an exponent look good.
    (pairs * step * 2 > values.len()).then(|| bits * 1024 / pairs_as_u32(pairs))
}

fn pairs_as_u32(pairs: usize) -> u32 {
    u32::try_from(pairs).unwrap_or(u32::MAX)
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "below 2^52")]
fn drifting(value: f64, power: f64) -> Option<Drifting> {
    let scaled = value * power;
    if !is_ordinary(value) || scaled.abs() >= WHOLE_FROM {
        return None;
    }
    let whole = nearest(scaled) as i64;
    Some((whole, ordinal(value).wrapping_sub(ordinal(divided(whole, power)))))
}

/// The place of a float among all floats: neighbours have neighbouring numbers, 0 is 0.
#[inline]
pub(super) fn ordinal(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 63) & i64::MAX)
}

/// The float of that place: the inverse of [`ordinal`].
#[inline]
pub(super) fn from_ordinal(ordinal: i64) -> f64 {
    f64::from_bits((ordinal ^ ((ordinal >> 63) & i64::MAX)).cast_unsigned())
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinals_rise_with_their_floats_and_lead_back() {
        let rising =
            [f64::NEG_INFINITY, -1.5, -f64::from_bits(1), -0.0, 0.0, 1e-300, f64::INFINITY];
        assert!(rising.is_sorted_by_key(|value| ordinal(*value)));
        for bits in rising.map(f64::to_bits).into_iter().chain([u64::MAX, 0x7ff0_0000_0000_0002]) {
            assert_eq!(from_ordinal(ordinal(f64::from_bits(bits))).to_bits(), bits);
        }
    }

    proptest! {
        #[test]
        fn whole_columns_are_divided_as_one_number_is(
            wholes in prop::collection::vec(any::<i64>(), 0..20), bits in 48u32..=64, exponent in 0..15u8
        ) {
            let mut wholes: Vec<i64> = wholes.iter().map(|whole| whole >> (64 - bits)).collect();
            wholes.push([0, 1, -1, NEAR - 1, -NEAR, NEAR, -NEAR - 1][wholes.len() % 7]);
            let power = power(exponent).unwrap();
            let mut all = vec![0.5];
            divide_all(&wholes, power, &mut all);
            let one_by_one = wholes.iter().map(|whole| divided(*whole, power));
            let expected: Vec<u64> = one_by_one.map(f64::to_bits).collect();
            Dividing { wholes: &wholes, power, out: &mut all }.run();
            let found = all[1..].chunks(wholes.len());
            for found in found.map(|found| found.iter().map(|v| v.to_bits()).collect::<Vec<_>>()) {
                prop_assert_eq!(&found, &expected);
            }
        }
    }

    #[test]
    fn decimals_are_found_with_the_least_exponent() {
        for (value, expected) in [
            (0.0, Some((0, 0))),
            (-17.0, Some((0, -17))),
            (0.1, Some((1, 1))),
            (99.95, Some((2, 9995))),
            (1e18, Some((0, 1_000_000_000_000_000_000))),
            (-0.0, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
            (0.1 + 0.2, None),
            (1.0 / 3.0, None),
        ] {
            assert_eq!(of_one(value), expected, "{value}");
        }
    }
}
