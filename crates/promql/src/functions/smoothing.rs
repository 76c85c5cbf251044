//! Double exponential smoothing (Holt-Winters): a value and its trend, each moved by every sample.

use crate::eval::column::Column;
use crate::eval::window::Windows;

/// `double_exponential_smoothing(v[d], smoothing, trend)`; both factors lie between 0 and 1.
///
/// Each window is walked: where it begins decides the trend it begins with.
pub(super) fn double_exponential(
    windows: &Windows<'_>,
    scalars: &[Vec<f64>],
    out: &mut Column,
) -> Result<(), String> {
    let [smoothing, trend] = scalars else { unreachable!("the checker demands both scalars") };
    for window in windows.iter() {
        let smoothing = factor("smoothing", "sf", smoothing[window.step])?;
        let trend = factor("trend", "tf", trend[window.step])?;
        if let Some(value) = smooth(windows.of(window), smoothing, trend) {
            out.set(window.step, value);
        }
    }
    Ok(())
}

fn factor(name: &str, short: &str, value: f64) -> Result<f64, String> {
    if value <= 0.0 || value >= 1.0 {
        return Err(format!("invalid {name} factor. Expected: 0 < {short} < 1, got: {value:.6}"));
    }
    Ok(value)
}

fn smooth(values: &[f64], smoothing: f64, trend: f64) -> Option<f64> {
    let [first, second, ..] = values else { return None };
    let (mut before, mut level, mut slope) = (0.0, *first, second - first);
    for (at, value) in values.iter().enumerate().skip(1) {
        if at > 1 {
            slope = trend * (level - before) + (1.0 - trend) * slope;
        }
        (before, level) = (level, smoothing * value + (1.0 - smoothing) * (level + slope));
    }
    Some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_stays_one() {
        assert_eq!(smooth(&[1.0, 2.0, 3.0, 4.0], 0.5, 0.5), Some(4.0));
        assert_eq!(smooth(&[1.0], 0.5, 0.5), None);
    }

    #[test]
    fn factors_lie_between_zero_and_one() {
        let error = factor("trend", "tf", 1.0).expect_err("1 is too large");
        assert_eq!(error, "invalid trend factor. Expected: 0 < tf < 1, got: 1.000000");
        assert!(factor("smoothing", "sf", 0.0).is_err());
    }
}
