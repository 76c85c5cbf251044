//! Functions of sliding windows against slow twins that walk each window anew.
//!
//! The twins are written from the documentation, sample by sample, without a thought for time. They
//! are held against the fast ones on random series with gaps, resets, repeated values and NaN, over
//! windows short and long enough for both ways the fast ones have.

use model::Timestamp;
use promql::eval::column::Column;
use promql::eval::steps::{Shift, Steps};
use promql::eval::window::Windows;
use promql::functions::{Body, lookup};
use proptest::prelude::*;
use storage::Columns;

type Samples = [(Timestamp, f64)];

/// What a twin is told besides the samples: the window's edges, the time of evaluation, all in ms,
/// and the scalar argument.
struct At {
    start: Timestamp,
    end: Timestamp,
    now: Timestamp,
    scalar: f64,
}

type Twin = fn(&Samples, &At) -> Option<f64>;

const TWINS: [(&str, Twin); 23] = [
    ("avg_over_time", |s, _| Some(exact_sum(s) / s.len() as f64)),
    ("changes", |s, _| Some(pairs(s, |a, b| a != b && !(a.is_nan() && b.is_nan())))),
    ("count_over_time", |s, _| Some(s.len() as f64)),
    ("delta", |s, at| extrapolated(s, at, false)),
    ("deriv", |s, _| Some(line(s, s[0].0)?.0)),
    ("first_over_time", |s, _| Some(s[0].1)),
    ("idelta", |s, _| last_two(s).map(|((_, a), (_, b))| b - a)),
    ("increase", |s, at| extrapolated(s, at, true)),
    ("irate", |s, _| {
        let ((t, a), (u, b)) = last_two(s)?;
        Some(if b < a { b } else { b - a } / ((u - t) as f64 / 1000.0))
    }),
    ("last_over_time", |s, _| Some(s[s.len() - 1].1)),
    ("mad_over_time", |s, _| {
        if s.iter().any(|(_, v)| v.is_nan()) {
            return Some(f64::NAN);
        }
        let median = quantile(0.5, s.iter().map(|(_, v)| *v).collect());
        Some(quantile(0.5, s.iter().map(|(_, v)| (v - median).abs()).collect()))
    }),
    ("max_over_time", |s, _| Some(numbers(s).fold(f64::NAN, f64::max))),
    ("min_over_time", |s, _| Some(numbers(s).fold(f64::NAN, f64::min))),
    ("predict_linear", |s, at| {
        let (slope, intercept) = line(s, at.now)?;
        Some(slope * at.scalar + intercept)
    }),
    ("present_over_time", |_, _| Some(1.0)),
    ("quantile_over_time", |s, at| Some(quantile(at.scalar, s.iter().map(|(_, v)| *v).collect()))),
    ("rate", |s, at| Some(extrapolated(s, at, true)? / ((at.end - at.start) as f64 / 1000.0))),
    ("resets", |s, _| Some(pairs(s, |a, b| b < a))),
    ("stddev_over_time", |s, _| Some(variance(s).sqrt())),
    ("stdvar_over_time", |s, _| Some(variance(s))),
    ("sum_over_time", |s, _| Some(exact_sum(s))),
    ("ts_of_max_over_time", |s, _| {
        let most = numbers(s).fold(f64::NAN, f64::max);
        Some(s.iter().rfind(|(_, v)| *v == most).unwrap_or(&s[s.len() - 1]).0 as f64 / 1000.0)
    }),
    ("ts_of_min_over_time", |s, _| {
        let least = numbers(s).fold(f64::NAN, f64::min);
        Some(s.iter().rfind(|(_, v)| *v == least).unwrap_or(&s[s.len() - 1]).0 as f64 / 1000.0)
    }),
];

fn numbers(samples: &Samples) -> impl Iterator<Item = f64> {
    samples.iter().map(|(_, v)| *v).filter(|v| !v.is_nan())
}

fn pairs(samples: &Samples, passes: impl Fn(f64, f64) -> bool) -> f64 {
    samples.windows(2).filter(|pair| passes(pair[0].1, pair[1].1)).count() as f64
}

fn last_two(samples: &Samples) -> Option<((Timestamp, f64), (Timestamp, f64))> {
    let [.., a, b] = samples else { return None };
    Some((*a, *b))
}

/// A sum whose order of addition cannot be told: the values are multiples of 1/8 well below 2^50.
fn exact_sum(samples: &Samples) -> f64 {
    samples.iter().map(|(_, v)| v).sum()
}

fn variance(samples: &Samples) -> f64 {
    let mean = exact_sum(samples) / samples.len() as f64;
    samples.iter().map(|(_, v)| (v - mean) * (v - mean)).sum::<f64>() / samples.len() as f64
}

fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    values.sort_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let rank = q * (values.len() - 1) as f64;
    let at = |wanted: f64| {
        let mut ranked = values.iter().enumerate();
        ranked.find(|(i, _)| *i as f64 == wanted).map(|(_, v)| *v).expect("0 <= q <= 1")
    };
    at(rank.floor()) * (1.0 - rank.fract()) + at(rank.ceil()) * rank.fract()
}

/// Slope and intercept of the regression line, by distances from the middle.
fn line(samples: &Samples, origin: Timestamp) -> Option<(f64, f64)> {
    if samples.len() < 2 {
        return None;
    }
    let count = samples.len() as f64;
    let x = |t: Timestamp| (t - origin) as f64 / 1000.0;
    let middle_x = samples.iter().map(|(t, _)| x(*t)).sum::<f64>() / count;
    let middle_y = exact_sum(samples) / count;
    let xx: f64 = samples.iter().map(|(t, _)| (x(*t) - middle_x).powi(2)).sum();
    let xy: f64 = samples.iter().map(|(t, v)| (x(*t) - middle_x) * (v - middle_y)).sum();
    Some((xy / xx, middle_y - xy / xx * middle_x))
}

fn extrapolated(samples: &Samples, at: &At, is_counter: bool) -> Option<f64> {
    let ((first_t, first), (last_t, last)) = (*samples.first()?, *samples.last()?);
    if samples.len() < 2 {
        return None;
    }
    let mut change = last - first;
    if is_counter {
        change += samples.windows(2).filter(|p| p[1].1 < p[0].1).map(|p| p[0].1).sum::<f64>();
    }
    let sampled = (last_t - first_t) as f64 / 1000.0;
    let spacing = sampled / (samples.len() - 1) as f64;
    let reach = |distance_ms: i64| {
        let distance = distance_ms as f64 / 1000.0;
        if distance < spacing * 1.1 { distance } else { spacing / 2.0 }
    };
    let mut before = reach(first_t - at.start);
    if is_counter && change > 0.0 && first >= 0.0 {
        before = before.min(sampled * (first / change));
    }
    Some(change * ((sampled + before + reach(at.end - last_t)) / sampled))
}

/// Numbers and, if `with_nan`, now and then NaN. Falls and equal neighbours are frequent.
fn series(with_nan: bool) -> impl Strategy<Value = Vec<(Timestamp, f64)>> {
    let value = prop_oneof![
        4 => (0..4000i32).prop_map(|v| f64::from(v) / 8.0),
        2 => (0..3i32).prop_map(f64::from),
        1 => Just(if with_nan { f64::NAN } else { -1.0 }),
    ];
    prop::collection::vec((1i64..40_000, value), 1..300).prop_map(|samples| {
        let mut t = -100_000;
        let later = |(gap, value)| {
            t += gap;
            (t, value)
        };
        samples.into_iter().map(later).collect()
    })
}

fn is_near(found: f64, expected: f64, scale: f64) -> bool {
    found == expected
        || (found.is_nan() && expected.is_nan())
        || (found - expected).abs() <= 1e-12 * scale.max(expected.abs())
}

/// How much of its digits a line loses on its way to the samples' future: it is summed up from where
/// it ends, as Prometheus does, so each sum is as large as the way, and its slope is of squares.
fn stretch(samples: &Samples, at: &At) -> f64 {
    let (first, last) = (samples[0].0, samples[samples.len() - 1].0);
    let ahead = (at.now - first).abs().max((at.now - last).abs()) as f64 + 1e3 * at.scalar;
    (1.0 + ahead / (last - first).max(1) as f64).powi(3)
}

/// How much steeper a line may be than its values are large: a slope is per second, and samples may
/// lie a millisecond apart. The sums behind it are as large as the way the window has slid.
fn steepness(samples: &Samples) -> f64 {
    let (first, last) = (samples[0].0, samples[samples.len() - 1].0);
    1e3 * (1.0 + 1e3 / (last - first).max(1) as f64)
}

/// Runs one function both ways.
fn compare(
    (name, twin): (&str, Twin),
    samples: &Samples,
    (steps, shift, range_ms): (Steps, Shift, i64),
    scalar: f64,
) -> Result<(), TestCaseError> {
    let (timestamps, values) = samples.iter().copied().unzip();
    let columns = Columns { timestamps, values, ..Columns::default() };
    let windows = Windows::new(&columns, shift, steps, range_ms);
    let Some(Body::Window(function)) = lookup(name).map(|function| function.body) else {
        panic!("{name} is no function of windows");
    };
    let mut column = Column::absent(steps.count);
    function(&windows, &[vec![scalar; steps.count]], &mut column);
    // Differences of large numbers are as good as the numbers.
    let scale = numbers(samples).fold(1.0, |a: f64, v| a.max(v.abs()));
    for step in 0..steps.count {
        let now = steps.time(step);
        let end = shift.apply(now);
        let at = At { start: end - range_ms, end, now, scalar };
        let inside: Vec<_> =
            samples.iter().copied().filter(|(t, _)| at.start < *t && *t <= end).collect();
        let expected = if inside.is_empty() { None } else { twin(&inside, &at) };
        let equal = match (column.get(step), expected) {
            (Some(found), Some(expected)) => {
                let reach = match name {
                    "predict_linear" => stretch(&inside, &at) * steepness(&inside),
                    "deriv" => steepness(&inside),
                    _ => 1.0,
                };
                is_near(found, expected, scale * reach)
            }
            (found, expected) => found == expected,
        };
        prop_assert!(
            equal,
            "{} at step {}: {:?}, not {:?}",
            name,
            step,
            column.get(step),
            expected
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn sliding_equals_walking_each_window_anew(
        samples in series(false),
        start in -150_000i64..200_000, step in prop_oneof![1i64..2_000, 1i64..200_000],
        count in 1usize..150, range in prop_oneof![1i64..100_000, 100_000i64..5_000_000],
        offset in -100_000i64..100_000, at in prop::option::weighted(0.1, 0i64..300_000),
        scalar in 0.0..1.0f64,
    ) {
        let steps = Steps { start, step_ms: step, count };
        let when = (steps, Shift { at, offset_ms: offset }, range);
        for twin in TWINS {
            compare(twin, &samples, when, scalar)?;
        }
    }

    #[test]
    fn nan_is_treated_alike_in_short_and_in_long_windows(
        samples in series(true), step in 1i64..50_000, range in 1i64..3_000_000,
    ) {
        let when = (Steps { start: 0, step_ms: step, count: 100 }, Shift::default(), range);
        let of_nan = ["changes", "resets", "max_over_time", "min_over_time", "quantile_over_time",
            "sum_over_time", "avg_over_time", "ts_of_max_over_time", "ts_of_min_over_time"];
        for twin in TWINS.into_iter().filter(|(name, _)| of_nan.contains(name)) {
            compare(twin, &samples, when, 0.3)?;
        }
    }
}

#[test]
fn a_function_of_windows_without_a_twin_is_none_we_have() {
    let of_windows = promql::functions::all().iter().filter(|f| matches!(f.body, Body::Window(_)));
    let trivial = ["ts_of_first_over_time", "ts_of_last_over_time"];
    for function in of_windows.filter(|f| !trivial.contains(&f.name)) {
        assert!(TWINS.iter().any(|(name, _)| *name == function.name), "{}", function.name);
    }
}
