//! Doubles that are decimals of few digits, exactly, and the steps from one to the next.

/// What a decimal is multiplied with to be whole: tenths, hundredths, milli, micro, nano.
pub(super) const POWERS: [f64; 5] = [1e1, 1e2, 1e3, 1e6, 1e9];

/// Below this a double has room behind the point, and so is rounded by adding and taking away
/// `ROUNDER`: there are no fractions near that.
const ROUNDED_BELOW: f64 = 2_251_799_813_685_248.0;
const ROUNDER: f64 = 3.0 * ROUNDED_BELOW;

/// The integer that these bits are, times `power`, if dividing it by `power` gives just these bits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "compared with what it came from")]
fn scaled(bits: u64, power: f64) -> Option<i64> {
    let product = f64::from_bits(bits) * power;
    let whole = ((product + ROUNDER) - ROUNDER) as i64;
    let is_exact = product.abs() < ROUNDED_BELOW && divided(whole, power) == bits;
    is_exact.then_some(whole)
}

#[inline]
fn divided(whole: i64, power: f64) -> u64 {
    (whole as f64 / power).to_bits()
}

/// How much greater the decimal in `bits` is than the one in `before`, times `power`, if both are such
/// decimals.
#[inline]
pub(super) fn decimal_step(before: u64, bits: u64, power: f64) -> Option<i64> {
    Some(scaled(bits, power)? - scaled(before, power)?)
}

/// The bits of the decimal that is `step` divided by `power` greater than `before`, if both are such
/// decimals.
#[inline]
pub(super) fn decimal_plus(before: u64, step: i64, power: f64) -> Option<u64> {
    let sum = scaled(before, power)?.checked_add(step)?;
    let bits = divided(sum, power);
    (scaled(bits, power)? == sum).then_some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_step_leads_to_the_decimal_it_was_taken_to(
            a in -1_000_000_000_000i64..1_000_000_000_000,
            b in -1_000_000_000_000i64..1_000_000_000_000,
            at in 0..POWERS.len(),
        ) {
            let power = POWERS[at];
            let (before, bits) = (divided(a, power), divided(b, power));
            prop_assert_eq!(decimal_step(before, bits, power), Some(b - a));
            prop_assert_eq!(decimal_plus(before, b - a, power), Some(bits));
        }

        #[test]
        fn any_bits_have_a_step_that_leads_back_or_none(before: u64, bits: u64, at in 0..POWERS.len()) {
            if let Some(step) = decimal_step(before, bits, POWERS[at]) {
                prop_assert_eq!(decimal_plus(before, step, POWERS[at]), Some(bits));
            }
        }
    }

    #[test]
    fn what_is_no_decimal_of_few_digits_has_no_step() {
        for v in [-0.0, f64::NAN, f64::INFINITY, 1.0 / 3.0, 0.1 + 0.2, 1e15, 5e-324] {
            assert_eq!(decimal_step(0, v.to_bits(), 10.0), None, "{v}");
        }
        assert_eq!(decimal_step(0.1f64.to_bits(), 12.5f64.to_bits(), 10.0), Some(124));
    }
}
