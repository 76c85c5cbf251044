//! Doubles that are integers, exactly, and the steps from one to the next.

/// Beyond this a double may not be the integer it was.
const MAX_INTEGER: f64 = 9_007_199_254_740_992.0;

/// The integer that these bits are, exactly; -0 is none.
#[expect(clippy::cast_possible_truncation, reason = "compared with what it came from")]
fn integer(bits: u64) -> Option<i64> {
    let v = f64::from_bits(bits);
    let whole = v as i64;
    (v.abs() < MAX_INTEGER && (whole as f64).to_bits() == bits).then_some(whole)
}

/// How much greater the integer in `bits` is than the one in `before`, if both are integers.
pub(super) fn integer_step(before: u64, bits: u64) -> Option<i64> {
    Some(integer(bits)? - integer(before)?)
}

/// The bits of the integer that is `step` greater than `before`, if both are integers.
pub(super) fn integer_plus(before: u64, step: i64) -> Option<u64> {
    let sum = integer(before)?.checked_add(step)?;
    let bits = (sum as f64).to_bits();
    (integer(bits)? == sum).then_some(bits)
}
