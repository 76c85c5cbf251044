//! What binary operators do with two numbers.

use super::column::Values;
use super::power::power;
use crate::ast::BinaryOp;

/// Whether the result of the operator is another metric than its operands.
pub fn drops_name(op: BinaryOp) -> bool {
    use BinaryOp::{Add, Atan2, Div, Mod, Mul, Pow, Sub};
    matches!(op, Add | Sub | Mul | Div | Mod | Pow | Atan2)
}

/// The operator on two scalars: comparisons give 0 or 1.
pub fn of_scalars(op: BinaryOp, left: f64, right: f64) -> f64 {
    if op.is_comparison() {
        return f64::from(u8::from(compare(op, left, right)));
    }
    calculate(op, left, right)
}

/// An arithmetic operator on two numbers.
///
/// Set and trim operators have no meaning here; the checker lets none through.
pub fn calculate(op: BinaryOp, left: f64, right: f64) -> f64 {
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => power(left, right),
        BinaryOp::Atan2 => left.atan2(right),
        _ => f64::NAN,
    }
}

/// A comparison of two numbers.
pub fn compare(op: BinaryOp, left: f64, right: f64) -> bool {
    match op {
        BinaryOp::Eq => left == right,
        BinaryOp::Ne => left != right,
        BinaryOp::Gt => left > right,
        BinaryOp::Lt => left < right,
        BinaryOp::Ge => left >= right,
        BinaryOp::Le => left <= right,
        _ => false,
    }
}

/// [`calculate`] for each pair, with one look at the operator.
pub fn calculate_all(op: BinaryOp, left: &[f64], right: &[f64]) -> Values {
    match op {
        BinaryOp::Add => each_pair(left, right, |l, r| l + r),
        BinaryOp::Sub => each_pair(left, right, |l, r| l - r),
        BinaryOp::Mul => each_pair(left, right, |l, r| l * r),
        BinaryOp::Div => each_pair(left, right, |l, r| l / r),
        _ => each_pair(left, right, |l, r| calculate(op, l, r)),
    }
}

fn each_pair(left: &[f64], right: &[f64], f: impl Fn(f64, f64) -> f64) -> Values {
    left.iter().zip(right).map(|(l, r)| f(*l, *r)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remainder_has_the_sign_of_the_dividend() {
        assert_eq!(calculate(BinaryOp::Mod, -5.0, 3.0).to_bits(), (-2.0_f64).to_bits());
        assert!(calculate(BinaryOp::Mod, f64::INFINITY, 3.0).is_nan());
    }

    #[test]
    fn nan_differs_from_itself() {
        assert!(compare(BinaryOp::Ne, f64::NAN, f64::NAN));
        assert!(!compare(BinaryOp::Eq, f64::NAN, f64::NAN));
        assert_eq!(of_scalars(BinaryOp::Ge, 2.0, 2.0).to_bits(), 1.0_f64.to_bits());
    }
}
