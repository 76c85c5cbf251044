//! Floats that are multiples of one unit: `m / d` or `m × f`, with an integer `m` and one unit for the
//! whole column.
//!
//! A count over what it was counted in: ratios, and rates that a recording rule has kept. Nobody says what
//! the unit is. It is found as what is left when values are taken from one another, as Euclid did; what it
//! is good for is then seen by computing them.

#![deny(clippy::indexing_slicing)]

use super::decimal;
use super::exceptions::Exceptions;

/// So many values are looked at to find the unit.
const PROBES: usize = 64;
/// What is left of two values and is so small a part of the largest comes of rounding.
const NOISE: f64 = 1.0 / (1u64 << 32) as f64;
/// A unit that is a smaller part of the largest value than this is not looked for: there is too little
/// between it and the noise.
const LEAST: f64 = 1.0 / (1u64 << 21) as f64;
/// A unit so near to one by a whole number is that.
const NEAR: f64 = 1.0 / (1u64 << 40) as f64;

/// What all values are multiples of. Positive and finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    /// `m` over this.
    Over(f64),
    /// `m` times this.
    Times(f64),
}

impl Unit {
    /// From its number in the format and the float beside it; `None` if there is none such.
    pub(super) fn of(number: u8, float: f64) -> Option<Self> {
        if !(float.is_finite() && float > 0.0) {
            return None;
        }
        match number {
            0 => Some(Self::Over(float)),
            1 => Some(Self::Times(float)),
            _ => None,
        }
    }

    /// The inverse of [`Unit::of`].
    pub(super) fn parts(self) -> (u8, f64) {
        match self {
            Self::Over(float) => (0, float),
            Self::Times(float) => (1, float),
        }
    }

    /// Appends so many units each.
    pub(super) fn extend(self, wholes: &[i64], out: &mut Vec<f64>) {
        match self {
            Self::Over(float) => decimal::divide_all(wholes, float, out),
            Self::Times(_) => out.extend(wholes.iter().map(|whole| self.value(*whole))),
        }
    }

    #[inline]
    fn value(self, whole: i64) -> f64 {
        match self {
            Self::Over(float) => whole as f64 / float,
            Self::Times(float) => whole as f64 * float,
        }
    }

    /// How many units `value` is, if so many give all of its bits.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "what was cut off is noticed by computing")]
    fn whole(self, value: f64) -> Option<i64> {
        let whole = match self {
            Self::Over(float) => value * float,
            Self::Times(float) => value / float,
        }
        .round() as i64;
        (self.value(whole).to_bits() == value.to_bits()).then_some(whole)
    }
}

/// Appends how many units each value is; `None` if too many are no multiples of any. Those get the
/// number before them, and are listed.
pub(super) fn all(values: &[f64], ints: &mut Vec<i64>, others: &mut Exceptions) -> Option<Unit> {
    let unit = unit_of(values)?;
    decimal::fill(values, ints, others, |value| unit.whole(value))?;
    Some(unit)
}

/// The unit of which nearly all of some values are multiples.
fn unit_of(values: &[f64]) -> Option<Unit> {
    let step = (values.len() / PROBES).max(1);
    let ordinary = values.iter().step_by(step).filter(|value| value.is_finite() && **value != 0.0);
    let mut probes: Vec<f64> = ordinary.map(|value| value.abs()).collect();
    probes.sort_unstable_by(f64::total_cmp);
    let unit = left_over(&probes)?;
    let divisor = unit.recip();
    let is_whole = (divisor - divisor.round()).abs() <= divisor * NEAR;
    let over = is_whole.then_some((0, divisor.round()));
    let times = [(1, unit), (1, unit.next_up()), (1, unit.next_down())];
    let misfits = |unit: Unit| probes.iter().filter(|probe| unit.whole(**probe).is_none()).count();
    let units = over.into_iter().chain(times);
    let units = units.filter_map(|(number, float)| Unit::of(number, float));
    let (misfits, unit) =
        units.map(|unit| (misfits(unit), unit)).min_by_key(|(misfits, _)| *misfits)?;
    (misfits <= Exceptions::limit(probes.len())).then_some(unit)
}

/// What is left of positive numbers in order of size when they are taken from one another; `None` if that
/// is nothing that can be told from rounding.
///
/// What is left of two has the error of both, many times; the number it was left of is so many of it, which
/// gives it to about the last bit. The larger the number, the better.
fn left_over(probes: &[f64]) -> Option<f64> {
    let (mut unit, largest) = (*probes.first()?, *probes.last()?);
    for probe in probes {
        let (mut greater, mut less) = (*probe, unit);
        while less > largest * NOISE {
            let rest = (greater - (greater / less).round() * less).abs();
            (greater, less) = (less, rest);
        }
        if greater < largest * LEAST {
            return None;
        }
        unit = probe / (probe / greater).round();
    }
    (unit.is_finite() && unit > 0.0).then_some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_found_to_the_last_bit() {
        let rate = 300.0 / 285.0 / 300.0;
        for (unit, expected) in [
            (Unit::Over(285.0), true),
            (Unit::Over(7.0), true),
            (Unit::Over(86_399.0), true),
            (Unit::Times(rate), true),
            (Unit::Times(std::f64::consts::PI), true),
            // Nothing is left between the unit and what rounding leaves.
            (Unit::Over(1e9 + 7.0), false),
        ] {
            let most = if expected { 100_000 } else { 1 << 40 };
            let values: Vec<f64> = (0..500i64)
                .map(|i| unit.value(i.wrapping_mul(0x9e37_79b9_7f4a_7c15u64.cast_signed()) % most))
                .collect();
            assert_eq!(unit_of(&values), expected.then_some(unit), "{unit:?}");
        }
    }

    #[test]
    fn values_without_a_unit_have_none() {
        for values in [
            vec![],
            vec![0.0; 9],
            vec![f64::NAN, f64::INFINITY],
            vec![f64::MAX, f64::from_bits(1), 1.0],
            (1..500).map(|i| f64::from(i).sqrt()).collect(),
        ] {
            assert_eq!(unit_of(&values), None, "{values:?}");
        }
    }

    #[test]
    fn a_unit_is_positive_and_finite_and_of_a_known_kind() {
        for unit in [Unit::Over(285.0), Unit::Times(0.25)] {
            let (number, float) = unit.parts();
            assert_eq!(Unit::of(number, float), Some(unit));
        }
        for (number, float) in [(2, 1.0), (0, 0.0), (1, -1.0), (0, f64::INFINITY), (1, f64::NAN)] {
            assert_eq!(Unit::of(number, float), None, "{number} {float}");
        }
    }
}
