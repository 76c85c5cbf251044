//! Functions of one value and, some of them, of scalars beside it.

/// Radians as degrees.
pub(super) fn deg(v: f64) -> f64 {
    v * 180.0 / std::f64::consts::PI
}

/// Degrees as radians.
pub(super) fn rad(v: f64) -> f64 {
    v * std::f64::consts::PI / 180.0
}

/// Beyond this, the smaller one of the two exponentials in `sinh` and `cosh` does not count.
const ONE_EXPONENTIAL: f64 = 21.0;

/// The hyperbolic sine; infinite as soon as the exponential is, as in Prometheus, and not only when
/// half of it is.
pub(super) fn sinh(v: f64) -> f64 {
    if v.abs() > ONE_EXPONENTIAL { (v.abs().exp() * 0.5).copysign(v) } else { v.sinh() }
}

/// The hyperbolic cosine; likewise.
pub(super) fn cosh(v: f64) -> f64 {
    if v.abs() > ONE_EXPONENTIAL { v.abs().exp() * 0.5 } else { v.cosh() }
}

/// The sign of a value; NaN and both zeros are their own.
pub(super) fn sgn(v: f64) -> f64 {
    if v < 0.0 {
        -1.0
    } else if v > 0.0 {
        1.0
    } else {
        v
    }
}

/// `clamp(v, min, max)`: nothing if the bounds are the wrong way round.
pub(super) fn clamp(v: f64, bounds: &[f64]) -> Option<f64> {
    let [least, most] = bounds else { unreachable!("the checker demands both bounds") };
    let is_inverted = most < least;
    (!is_inverted).then(|| larger(*least, smaller(*most, v)))
}

/// `clamp_max(v, max)`
pub(super) fn clamp_max(v: f64, bounds: &[f64]) -> Option<f64> {
    bounds.iter().copied().reduce(smaller).map(|most| smaller(most, v))
}

/// `clamp_min(v, min)`
pub(super) fn clamp_min(v: f64, bounds: &[f64]) -> Option<f64> {
    bounds.iter().copied().reduce(larger).map(|least| larger(least, v))
}

/// `round(v, to)`: to the nearest multiple of `to`, halves up.
///
/// Multiplies by the inverse, as Prometheus does, for the same bits.
pub(super) fn round(v: f64, to: &[f64]) -> Option<f64> {
    let inverse = 1.0 / to.first().copied().unwrap_or(1.0);
    Some((v * inverse + 0.5).floor() / inverse)
}

/// The larger of two; NaN if one of them is, unless the other is infinite and larger than
/// anything.
pub fn larger(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else {
        a.max(b)
    }
}

/// The smaller of two; NaN if one of them is, unless the other is infinite and smaller than
/// anything.
pub fn smaller(a: f64, b: f64) -> f64 {
    -larger(-a, -b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    fn same(found: f64, expected: f64) {
        let equal = found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
        assert!(equal, "{found} is not {expected}");
    }

    #[test]
    fn halves_round_up_also_below_zero() {
        for (v, to, expected) in [
            (2.5, 1.0, 3.0),
            (-2.5, 1.0, -2.0),
            (-0.4, 1.0, 0.0),
            (13.0, 5.0, 15.0),
            (0.27, 0.1, 0.3),
        ] {
            same(round(v, &[to]).expect("rounding drops nothing"), expected);
        }
        same(round(5.0, &[0.0]).expect("rounding drops nothing"), f64::NAN);
        same(round(1.5, &[]).expect("rounding drops nothing"), 2.0);
    }

    #[test]
    fn bounds_the_wrong_way_round_leave_nothing_and_nan_bounds_leave_nan() {
        assert_eq!(clamp(1.0, &[5.0, 0.0]), None);
        same(clamp(1.0, &[5.0, f64::NAN]).expect("NaN is not the wrong way round"), f64::NAN);
        same(clamp(9.0, &[-1.0, 5.0]).expect("in order"), 5.0);
        same(clamp_max(f64::NAN, &[-INF]).expect("one bound"), -INF);
        same(clamp_min(f64::NAN, &[INF]).expect("one bound"), INF);
        same(clamp_min(-0.0, &[0.0]).expect("one bound"), 0.0);
    }

    #[test]
    fn the_sign_of_nan_is_nan() {
        for (v, expected) in [(-3.0, -1.0), (INF, 1.0), (-0.0, -0.0), (f64::NAN, f64::NAN)] {
            same(sgn(v), expected);
        }
    }
}
