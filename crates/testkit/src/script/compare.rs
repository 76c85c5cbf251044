//! Comparing an answer with what is expected.

use std::collections::{BTreeMap, BTreeSet};

use model::sample::is_stale;
use model::{Histogram, Labels, Timestamp};
use promql::value::MatrixSeries;
use promql::{SampleValue, Value, VectorSample, native};

use super::{Eval, Expected, Notes, When};
use crate::notation::{Point, Points};

/// Values may differ by this much of their size.
const TOLERANCE: f64 = 1e-6;

/// Whether two values count as equal: a staleness marker only with another, other NaNs with each
/// other, numbers if they differ by less than a millionth of their sizes together.
pub fn almost_equal(a: f64, b: f64) -> bool {
    if is_stale(a) || is_stale(b) {
        return is_stale(a) && is_stale(b);
    }
    if a.is_nan() || b.is_nan() || a == b {
        return (a.is_nan() && b.is_nan()) || a == b;
    }
    let sizes = a.abs() + b.abs();
    if a == 0.0 || b == 0.0 || sizes < f64::MIN_POSITIVE {
        return (a - b).abs() < TOLERANCE * f64::MIN_POSITIVE;
    }
    (a - b).abs() / sizes.min(f64::MAX) < TOLERANCE
}

/// What differs between `value`, at `t` if it is of an instant query, and the expectation.
pub(super) fn compare(eval: &Eval, value: &Value, t: Timestamp) -> Result<(), String> {
    match (&eval.value, value) {
        (Expected::Text(wanted), Value::String { text, .. }) if wanted == text => Ok(()),
        (Expected::Text(wanted), Value::String { text, .. }) => {
            Err(format!("expected {wanted:?}, got {text:?}"))
        }
        (Expected::Scalar(wanted), Value::Scalar { t: found_t, v }) => {
            same_point("the scalar", (t, &Point::Float(*wanted)), (*found_t, Found::Float(*v)))
        }
        (Expected::Series { series, range: None }, Value::Vector(found))
            if matches!(eval.when, When::Instant(_)) =>
        {
            vector(series, found, t, eval.ordered)
        }
        (Expected::Series { series, range: Some((start, step_ms)) }, Value::Matrix(found)) => {
            matrix(series, found, *start, *step_ms)
        }
        (Expected::Series { series, range: None }, Value::Matrix(found)) => match eval.when {
            When::Range { start, step_ms, .. } => {
                if !found.is_sorted_by(|a, b| a.labels < b.labels) {
                    return Err("the series are not sorted by labels".to_owned());
                }
                matrix(series, found, start, step_ms)
            }
            When::Instant(_) => Err("got a range vector".to_owned()),
        },
        (_, value) => Err(format!("did not expect a {}", value.value_type().documented())),
    }
}

/// A value that came.
#[derive(Clone, Copy, Debug)]
enum Found<'a> {
    Float(f64),
    Histogram(&'a Histogram),
}

impl std::fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float(v) => v.fmt(f),
            Self::Histogram(h) => write!(f, "{h} ({:?})", h.counter_reset_hint),
        }
    }
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float(v) => v.fmt(f),
            Self::Histogram { histogram: h, .. } => write!(f, "{h} ({:?})", h.counter_reset_hint),
        }
    }
}

fn same_point(
    what: &str,
    (wanted_t, wanted): (Timestamp, &Point),
    (found_t, found): (Timestamp, Found<'_>),
) -> Result<(), String> {
    let is_same = match (wanted, found) {
        (Point::Float(wanted), Found::Float(found)) => almost_equal(*wanted, found),
        (Point::Histogram { histogram, has_hint }, Found::Histogram(found)) => {
            let same_hint = histogram.counter_reset_hint == found.counter_reset_hint;
            (same_hint || !has_hint) && same_histogram(histogram, found)
        }
        _ => false,
    };
    if wanted_t == found_t && is_same {
        return Ok(());
    }
    Err(format!("{what}: expected {wanted} at {wanted_t} ms, got {found} at {found_t} ms"))
}

/// Whether two histograms count as equal, whatever is known of resets.
fn same_histogram(a: &Histogram, b: &Histogram) -> bool {
    let all_equal = |a: &[f64], b: &[f64]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| almost_equal(*a, *b))
    };
    let (a, b) = (native::compact(a), native::compact(b));
    a.schema == b.schema
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && a.custom_values == b.custom_values
        && all_equal(&[a.count, a.sum, a.zero_count], &[b.count, b.sum, b.zero_count])
        && all_equal(&a.positive, &b.positive)
        && all_equal(&a.negative, &b.negative)
}

fn vector(
    wanted: &[(Labels, Points)],
    found: &[VectorSample],
    t: Timestamp,
    ordered: bool,
) -> Result<(), String> {
    same_series(wanted.iter().map(|(l, _)| l), found.iter().map(|sample| &sample.labels))?;
    if ordered && !wanted.iter().map(|(l, _)| l).eq(found.iter().map(|sample| &sample.labels)) {
        return Err("the elements are in another order".to_owned());
    }
    for sample in found {
        let points = points_of(wanted, &sample.labels);
        let value = match &sample.value {
            SampleValue::Float(v) => Found::Float(*v),
            SampleValue::Histogram(h) => Found::Histogram(h),
        };
        let point = points.first().and_then(Option::as_ref).ok_or("expected one value")?;
        same_point(&sample.labels.to_string(), (t, point), (sample.t, value))?;
    }
    Ok(())
}

fn matrix(
    wanted: &[(Labels, Points)],
    found: &[MatrixSeries],
    start: Timestamp,
    step_ms: i64,
) -> Result<(), String> {
    same_series(wanted.iter().map(|(l, _)| l), found.iter().map(|series| &series.labels))?;
    for series in found {
        let points = (0_i64..).zip(points_of(wanted, &series.labels));
        let mut wanted: BTreeMap<Timestamp, &Point> =
            points.filter_map(|(i, v)| Some((start + i * step_ms, v.as_ref()?))).collect();
        let floats = series.floats.iter().map(|(t, v)| (*t, Found::Float(*v)));
        let histograms = series.histograms.iter().map(|(t, h)| (*t, Found::Histogram(h)));
        for (t, found) in floats.chain(histograms) {
            let Some(wanted) = wanted.remove(&t) else {
                return Err(format!("{}: did not expect {found} at {t} ms", series.labels));
            };
            same_point(&series.labels.to_string(), (t, wanted), (t, found))?;
        }
        if let Some((t, v)) = wanted.first_key_value() {
            return Err(format!("{}: expected {v} at {t} ms, got nothing", series.labels));
        }
    }
    Ok(())
}

fn points_of<'a>(wanted: &'a [(Labels, Points)], labels: &Labels) -> &'a [Option<Point>] {
    wanted.iter().find(|(other, _)| other == labels).map_or(&[], |(_, points)| points)
}

/// Whether both sides have the same series, each once.
fn same_series<'a>(
    wanted: impl Iterator<Item = &'a Labels>,
    found: impl Iterator<Item = &'a Labels>,
) -> Result<(), String> {
    let wanted: BTreeSet<&Labels> = wanted.collect();
    let mut seen = BTreeSet::new();
    for labels in found {
        if !wanted.contains(labels) {
            return Err(format!("did not expect {labels}"));
        }
        if !seen.insert(labels) {
            return Err(format!("{labels} occurs twice"));
        }
    }
    match wanted.difference(&seen).next() {
        Some(labels) => Err(format!("expected {labels}, got nothing of it")),
        None => Ok(()),
    }
}

impl Notes {
    /// Whether annotations of one `kind` are as expected.
    pub(super) fn check(&self, kind: &str, found: &[String]) -> Result<(), String> {
        if self.none && !found.is_empty() {
            return Err(format!("expected no {kind}, got {found:?}"));
        }
        if let Some(missing) =
            self.wanted.iter().find(|pattern| !found.iter().any(|text| pattern.matches(text)))
        {
            return Err(format!("expected a {kind} that matches {missing:?}, got {found:?}"));
        }
        if self.wanted.is_empty() || self.others_allowed {
            return Ok(());
        }
        match found.iter().find(|text| !self.wanted.iter().any(|pattern| pattern.matches(text))) {
            Some(other) => Err(format!("did not expect the {kind} {other:?}")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::sample::{NORMAL_NAN, STALE_NAN};

    use super::*;

    #[test]
    fn values_are_equal_up_to_a_millionth() {
        for (a, b, equal) in [
            (1.0, 1.0, true),
            (1.0, 1.000_001, true),
            (1.0, 1.000_003, false),
            (1e300, -1e300, false),
            (f64::MAX, f64::MAX * (1.0 - 1e-7), true),
            (0.0, -0.0, true),
            (0.0, 1e-300, false),
            (0.0, 1e-320, true),
            (f64::INFINITY, f64::INFINITY, true),
            (f64::INFINITY, f64::NEG_INFINITY, false),
            (f64::INFINITY, 1.0, false),
            (NORMAL_NAN, f64::NAN, true),
            (NORMAL_NAN, 1.0, false),
            (STALE_NAN, STALE_NAN, true),
            (STALE_NAN, NORMAL_NAN, false),
        ] {
            assert_eq!((almost_equal(a, b), almost_equal(b, a)), (equal, equal), "{a} and {b}");
        }
    }
}
