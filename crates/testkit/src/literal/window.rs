//! What the floats in a range come to.

use model::Timestamp;
use promql::SampleValue::{self, Float};

use super::{LiteralError, better, mean, quantile, refused, sum, unknown, variance};

/// A float and its time.
pub(super) type Point = (Timestamp, f64);

/// Where a range lies.
pub(super) struct Window<'w> {
    /// Its open end, ms.
    pub(super) start_ms: Timestamp,
    /// Its closed end, ms.
    pub(super) end_ms: Timestamp,
    /// The time of evaluation, ms.
    pub(super) now_ms: Timestamp,
    /// The other arguments of the function.
    pub(super) scalars: &'w [f64],
}

/// The samples as floats, if all are.
pub(super) fn only_floats(samples: &[(Timestamp, SampleValue)]) -> Option<Vec<Point>> {
    let float = |(t, value): &(Timestamp, SampleValue)| match value {
        Float(v) => Some((*t, *v)),
        SampleValue::Histogram(_) => None,
    };
    samples.iter().map(float).collect()
}

/// What a function makes of floats, of which there is at least one; `None` if nothing.
pub(super) fn of(
    name: &str,
    points: &[Point],
    window: &Window<'_>,
) -> Result<Option<f64>, LiteralError> {
    let values: Vec<f64> = points.iter().map(|(_, v)| *v).collect();
    let seconds = |point: Option<&Point>| point.map(|(t, _)| *t as f64 / 1000.0);
    let lasts = |best: Option<f64>| {
        let of_best = points.iter().rfind(|(_, v)| Some(*v) == best);
        seconds(of_best.or(points.last()))
    };
    let least = values.iter().copied().reduce(|a, b| better(a, b, |b, a| b < a));
    let most = values.iter().copied().reduce(|a, b| better(a, b, |b, a| b > a));
    Ok(match name {
        "avg_over_time" => Some(mean(&values)),
        "changes" => Some(pairs(&values, differ)),
        "count_over_time" => Some(values.len() as f64),
        "delta" => extrapolated(points, window, false, false),
        "deriv" => line(points, points[0].0).map(|(slope, _)| slope),
        "double_exponential_smoothing" => smoothed(&values, window.scalars)?,
        "first_over_time" => values.first().copied(),
        "idelta" => last_two(points, false, false),
        "increase" => extrapolated(points, window, true, false),
        "irate" => last_two(points, true, true),
        "last_over_time" => values.last().copied(),
        "mad_over_time" if values.iter().any(|v| v.is_nan()) => Some(f64::NAN),
        "mad_over_time" => {
            let median = quantile::of_values(0.5, &values);
            let distances: Vec<f64> = values.iter().map(|v| (v - median).abs()).collect();
            Some(quantile::of_values(0.5, &distances))
        }
        "max_over_time" => most,
        "min_over_time" => least,
        "predict_linear" => {
            let ahead = window.scalars[0];
            line(points, window.now_ms).map(|(slope, now)| slope * ahead + now)
        }
        "present_over_time" => Some(1.0),
        "quantile_over_time" => Some(quantile::of_values(window.scalars[0], &values)),
        "rate" => extrapolated(points, window, true, true),
        "resets" => Some(pairs(&values, |a, b| b < a)),
        "stddev_over_time" => Some(variance(&values).sqrt()),
        "stdvar_over_time" => Some(variance(&values)),
        "sum_over_time" => Some(sum(values)),
        "ts_of_first_over_time" => seconds(points.first()),
        "ts_of_last_over_time" => seconds(points.last()),
        "ts_of_max_over_time" => lasts(most),
        "ts_of_min_over_time" => lasts(least),
        _ => return unknown(name),
    })
}

fn pairs(values: &[f64], counts: impl Fn(f64, f64) -> bool) -> f64 {
    values.windows(2).filter(|pair| counts(pair[0], pair[1])).count() as f64
}

/// Whether two values differ, where NaN does not differ from NaN.
pub(super) fn differ(a: f64, b: f64) -> bool {
    a != b && !(a.is_nan() && b.is_nan())
}

/// The change between the last two samples; what a counter has after a reset is all new.
fn last_two(points: &[Point], is_counter: bool, per_second: bool) -> Option<f64> {
    let [.., (before, old), (t, new)] = points else { return None };
    let change = if is_counter && new < old { *new } else { new - old };
    let seconds = (t - before) as f64 / 1000.0;
    Some(if per_second { change / seconds } else { change })
}

/// `delta`, `increase` and `rate`: the change between first and last sample, stretched to the range.
fn extrapolated(
    points: &[Point],
    window: &Window<'_>,
    is_counter: bool,
    per_second: bool,
) -> Option<f64> {
    let [(_, first), .., (_, last)] = points else { return None };
    let mut change = last - first;
    if is_counter {
        for pair in points.windows(2).filter(|pair| pair[1].1 < pair[0].1) {
            change += pair[0].1;
        }
    }
    let times: Vec<Timestamp> = points.iter().map(|(t, _)| *t).collect();
    let to_zero = (is_counter && change > 0.0 && *first >= 0.0).then(|| first / change);
    Some(change * stretch(&times, window, to_zero, per_second))
}

/// By how much a change between the first and the last of `times` is to be stretched to be one over
/// the whole window. `to_zero` says how long ago a counter was zero, if it grew as it did, in parts
/// of the time between the two.
pub(super) fn stretch(
    times: &[Timestamp],
    window: &Window<'_>,
    to_zero: Option<f64>,
    per_second: bool,
) -> f64 {
    let (first, last) = (times[0], times[times.len() - 1]);
    let sampled = (last - first) as f64 / 1000.0;
    let spacing = sampled / (times.len() - 1) as f64;
    // A sample is as good as at the edge if there is hardly room for another one before the edge.
    let near = |seconds: f64| if seconds >= spacing * 1.1 { spacing / 2.0 } else { seconds };
    let mut before = near((first - window.start_ms) as f64 / 1000.0);
    if let Some(to_zero) = to_zero {
        before = before.min(sampled * to_zero);
    }
    let behind = near((window.end_ms - last) as f64 / 1000.0);
    let factor = (sampled + before + behind) / sampled;
    if per_second { factor / ((window.end_ms - window.start_ms) as f64 / 1000.0) } else { factor }
}

/// The regression line: its slope per second, and its value at `origin`.
fn line(points: &[Point], origin: Timestamp) -> Option<(f64, f64)> {
    let [(_, first), _, ..] = points else { return None };
    if points.iter().all(|(_, v)| v == first) {
        return Some(if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, *first) });
    }
    let count = points.len() as f64;
    let seconds = |t: &Timestamp| (t - origin) as f64 / 1000.0;
    let over =
        |term: &dyn Fn(f64, f64) -> f64| sum(points.iter().map(|(t, v)| term(seconds(t), *v)));
    let (x, y) = (over(&|x, _| x), over(&|_, y| y));
    let (xy, xx) = (over(&|x, y| x * y), over(&|x, _| x * x));
    let slope = (xy - x * y / count) / (xx - x * x / count);
    Some((slope, y / count - slope * x / count))
}

fn smoothed(values: &[f64], factors: &[f64]) -> Result<Option<f64>, LiteralError> {
    let (smoothing, trending) = (factors[0], factors[1]);
    if !(smoothing > 0.0 && smoothing < 1.0 && trending > 0.0 && trending < 1.0) {
        return refused("invalid smoothing or trend factor");
    }
    let [first, second, ..] = values else { return Ok(None) };
    let (mut level, mut trend) = (*first, second - first);
    for (at, value) in values.iter().enumerate().skip(1) {
        let next = smoothing * value + (1.0 - smoothing) * (level + trend);
        // The first step takes the trend as it is; each later one has seen how the level moved.
        if at + 1 < values.len() {
            trend = trending * (next - level) + (1.0 - trending) * trend;
        }
        level = next;
    }
    Ok(Some(level))
}
