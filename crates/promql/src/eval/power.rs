//! `x ^ y` with the very bits that Prometheus gives for whole `y`.
//!
//! Go raises to the whole part of the exponent by squaring the mantissa and counts powers of two beside
//! it; a system's `pow` is a little closer to the truth, and so differs in the last digits, which `%`
//! and `==` make visible. The method is that of Cephes, as Go documents it.

/// Exponents of two beyond this overflow, or vanish, whatever the mantissa is.
const HOPELESS: i32 = 1 << 12;
/// From here on every float is an even whole number.
const ALL_EVEN: f64 = 9_223_372_036_854_775_808.0;

/// `x` to the power of `y`.
pub(crate) fn power(x: f64, y: f64) -> f64 {
    if let Some(value) = special(x, y) {
        return value;
    }
    let magnitude = y.abs();
    let (mut whole, mut part) = (magnitude.trunc(), magnitude.fract());
    if part != 0.0 && x < 0.0 {
        return f64::NAN;
    }
    if whole >= ALL_EVEN {
        return match (x == -1.0, (x.abs() < 1.0) == (y > 0.0)) {
            (true, _) => 1.0,
            (false, true) => 0.0,
            (false, false) => f64::INFINITY,
        };
    }
    let (mut mantissa, mut exponent) = (1.0, 0);
    if part != 0.0 {
        if part > 0.5 {
            part -= 1.0;
            whole += 1.0;
        }
        mantissa = (part * x.ln()).exp();
    }
    raise(x, whole, &mut mantissa, &mut exponent);
    // A reciprocal of what has become too small would be infinite: first it, then the scale.
    if y < 0.0 { scaled(1.0 / mantissa, -exponent) } else { scaled(mantissa, exponent) }
}

/// What needs no calculation.
fn special(x: f64, y: f64) -> Option<f64> {
    let is_odd = || y.fract() == 0.0 && y.abs() < ALL_EVEN / 1024.0 && y % 2.0 != 0.0;
    Some(if y == 0.0 || x == 1.0 {
        1.0
    } else if y == 1.0 {
        x
    } else if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x == 0.0 || x.is_infinite() {
        let grows = x.is_infinite() == (y > 0.0);
        let value = if grows { f64::INFINITY } else { 0.0 };
        if x.is_sign_negative() && is_odd() { -value } else { value }
    } else if y.is_infinite() {
        match (x == -1.0, (x.abs() < 1.0) == (y > 0.0)) {
            (true, _) => 1.0,
            (false, true) => 0.0,
            (false, false) => f64::INFINITY,
        }
    } else if y == 0.5 {
        x.sqrt()
    } else if y == -0.5 {
        1.0 / x.sqrt()
    } else {
        return None;
    })
}

/// Multiplies `mantissa` times two to the `exponent` by `x` to the power of `whole`, which is below
/// 2^63.
fn raise(x: f64, whole: f64, mantissa: &mut f64, exponent: &mut i32) {
    let (mut square, mut square_exponent) = parts(x);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 2^63")]
    let mut bits = whole as u64;
    while bits != 0 {
        if square_exponent.abs() > HOPELESS {
            *exponent += square_exponent;
            return;
        }
        if bits & 1 == 1 {
            *mantissa *= square;
            *exponent += square_exponent;
        }
        square *= square;
        square_exponent *= 2;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        bits >>= 1;
    }
}

/// A number as one of [0.5, 1), with its sign, times a power of two.
fn parts(x: f64) -> (f64, i32) {
    /// Where the exponent stands, and what it is for [0.5, 1).
    const SHIFT: u32 = 52;
    const HALF: u64 = 0x3fe;
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    let (x, scale) = if x.abs() < f64::MIN_POSITIVE { (x * 2f64.powi(52), -52) } else { (x, 0) };
    let bits = x.to_bits();
    let exponent = i32::try_from(bits >> SHIFT & 0x7ff).expect("eleven bits");
    let mantissa = f64::from_bits(bits & !(0x7ff << SHIFT) | HALF << SHIFT);
    (mantissa, exponent - 0x3fe + scale)
}

/// `x` times two to the `exponent`, rounded once.
fn scaled(x: f64, exponent: i32) -> f64 {
    let (mantissa, own) = parts(x);
    if mantissa == 0.0 || !mantissa.is_finite() {
        return mantissa;
    }
    let exponent = exponent.saturating_add(own);
    match exponent {
        ..-1075 => 0f64.copysign(x),
        -1075..-1020 => mantissa * 2f64.powi(exponent + 60) * 2f64.powi(-60),
        -1020..=1024 => mantissa * 2.0 * 2f64.powi(exponent - 1),
        _ => f64::INFINITY.copysign(x),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_have_the_digits_that_prometheus_gives() {
        for (x, y, expected) in PROMETHEUS {
            let found = power(x, y);
            // Parts of a power go through exponential and logarithm, which differ by machine in Go.
            let allowed = if y.fract() == 0.0 { 0.0 } else { 1e-14 * expected };
            let is_right = found == expected || (found - expected).abs() <= allowed;
            assert!(is_right, "{x} ^ {y} is {found:e}, not {expected:e}");
        }
    }

    #[test]
    fn powers_are_near_those_of_the_system() {
        let mut state = 7u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f64 / (1u64 << 24) as f64
        };
        for _ in 0..20_000 {
            let (x, y) = ((random() - 0.3) * 100.0, (random() - 0.5) * 300.0);
            for (x, y) in [(x, y), (x, y.round()), (x.round(), (y / 30.0).round()), (x * 1e-310, y)]
            {
                let (found, expected) = (power(x, y), x.powf(y));
                let is_near = (found - expected).abs() <= 1e-11 * expected.abs().max(1e-300);
                let is_same = found == expected || (found.is_nan() && expected.is_nan());
                assert!(is_same || is_near, "{x} ^ {y} is {found}, not {expected}");
            }
        }
    }

    #[test]
    fn special_numbers_are_those_of_the_standard() {
        let numbers = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            -0.5,
            2.0,
            -2.0,
            3.0,
            -3.0,
            1e300,
            1e-300,
            5e-324,
            1e19,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            f64::MAX,
            9_007_199_254_740_993.0,
        ];
        for x in numbers {
            for y in numbers {
                let (found, expected) = (power(x, y), x.powf(y));
                let is_same = found == expected || (found.is_nan() && expected.is_nan());
                assert!(
                    is_same || (found - expected).abs() <= 1e-9 * expected.abs(),
                    "{x} ^ {y}: {found}, {expected}"
                );
            }
        }
    }

    /// Base, exponent, and what a Prometheus 3.5 answered.
    #[rustfmt::skip]
    const PROMETHEUS: [(f64, f64, f64); 60] = [
        (1000.0, 31.0, 9.999999999999999e+92),
        (1795850890.0, 31.0, 7.627434754059198e+286),
        (1.5, 1000.0, 1.2338405969061734e+176),
        (483.0, 100.0, 2.4814931183327708e+268),
        (0.999, 12345.0, 4.32466179602611e-06),
        (1.0000001, 987654321.0, 7.821319764313217e+42),
        (-7.3, 13.0, -167184950739.37885),
        (-7.3, -13.0, -5.981399615081858e-12),
        (2.5, 2.5, 9.882117688026186),
        (9.7, 0.3, 1.9771131300716664),
        (9.7, -0.3, 0.505787951528981),
        (123.456, 7.75, 1.618898283603048e+16),
        (3e-05, 60.0, 4.239115827521621e-272),
        (3e-05, 70.0, 2.5031554e-317),
        (2.0, -1074.0, 5e-324),
        (2.0, -1060.5, 5.7238e-320),
        (1.1, -7400.0, 4.944584796131463e-307),
        (-1.1, -7401.0, -4.49507708739224e-307),
        (7.0, 1e+19, f64::INFINITY),
        (10.0, 308.0, 1.0000000000000006e+308),
        (10.0, -308.0, 9.999999999999994e-309),
        (10.0, -320.0, 1e-320),
        (10.0, 309.0, f64::INFINITY),
        (0.3, 600.0, 1.873927704e-314),
        (12.29, -33.95, 1.0226183370643198e-37),
        (44.245, 36.49, 1.1417857999293142e+60),
        (-47.1, 66.0, 2.6265149099464936e+110),
        (15.0, -93.0, 4.2025501804141296e-110),
        (36.8, 10.5, 2.7631349495701292e+16),
        (-25.067, -68.0, 7.261719180744041e-96),
        (-31.8, -82.0, 6.323771388064707e-124),
        (-36.123, -13.0, -5.608031643936893e-21),
        (-50.0, -70.0, 1.180591620717411e-119),
        (46.0, 89.0, 9.670457478596416e+147),
        (13.0, 105.83, 7.737933171614615e+117),
        (-30.3, -48.0, 7.775956669741931e-72),
        (-9.0, -57.0, -4.056738016664195e-55),
        (17.8, -104.0, 9.04315052619759e-131),
        (31.9, 47.0, 4.766088514534501e+70),
        (-1.878, -78.0, 4.484810956949684e-22),
        (48.0, 108.0, 3.750193153027862e+181),
        (34.0, 12.0, 2.386420683693101e+18),
        (-13.382, 82.0, 2.3698676604587176e+92),
        (-45.0, 30.0, 3.94798426658066e+49),
        (-38.0, 103.0, -5.220480183198703e+162),
        (-15.6, 94.0, 1.4246633278990281e+112),
        (28.0, 22.0, 6.878229928704558e+31),
        (36.0, -16.0, 1.2564927519658324e-25),
        (-29.152, 27.0, -3.515973498260707e+39),
        (-16.004, 11.0, -17640625074555.23),
        (18.6, -77.0, 1.7680856330781965e-98),
        (12.681, 45.0, 4.3843742123794754e+49),
        (3.4, -112.36, 1.918796338810393e-60),
        (9.4, -11.0, 1.9751205627077952e-11),
        (-35.437, -112.0, 2.889493745965268e-174),
        (6.0, 31.0, 1.3264435183244001e+24),
        (-39.3, -30.0, 1.4730703521264623e-48),
        (34.5, -86.11, 3.787893180024092e-133),
        (35.225, -11.0, 9.652481555097695e-18),
        (18.9, -5.0, 4.1465888841706645e-07),
    ];
}
