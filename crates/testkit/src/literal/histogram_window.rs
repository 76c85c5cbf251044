//! What a range comes to that has native histograms in it.

use model::Histogram;
use model::histogram::CounterResetHint;
use promql::SampleValue::{self, Float};
use promql::native;

use super::operator::times;
use super::window::{self, Window};
use super::{LiteralError, Samples};

/// What a function makes of samples of which at least one is a histogram; `None` if nothing.
pub(super) fn of(
    name: &str,
    samples: &Samples,
    window: &Window<'_>,
) -> Result<Option<SampleValue>, LiteralError> {
    let histograms: Vec<&Histogram> = samples.iter().filter_map(|(_, v)| histogram(v)).collect();
    let all_alike = histograms.len() == samples.len();
    Ok(match name {
        "count_over_time" => Some(Float(samples.len() as f64)),
        "present_over_time" => Some(Float(1.0)),
        "first_over_time" => samples.first().map(|(_, value)| value.clone()),
        "last_over_time" => samples.last().map(|(_, value)| value.clone()),
        "ts_of_first_over_time" => samples.first().map(|(t, _)| Float(*t as f64 / 1000.0)),
        "ts_of_last_over_time" => samples.last().map(|(t, _)| Float(*t as f64 / 1000.0)),
        "changes" => Some(pairs(samples, window::differ, |a, b| !native::equal(a, b))),
        "resets" => Some(pairs(samples, |a, b| b < a, |a, b| native::is_reset(b, a))),
        "irate" | "idelta" => last_two(name, samples),
        "sum_over_time" | "avg_over_time" | "rate" | "increase" | "delta" if !all_alike => None,
        "sum_over_time" => total(&histograms, false),
        "avg_over_time" => total(&histograms, true),
        "rate" => extrapolated(samples, &histograms, window, true, true),
        "increase" => extrapolated(samples, &histograms, window, true, false),
        "delta" => extrapolated(samples, &histograms, window, false, false),
        // Others see the floats alone.
        _ => {
            let floats: Samples =
                samples.iter().filter(|(_, value)| histogram(value).is_none()).cloned().collect();
            match window::only_floats(&floats) {
                Some(floats) if !floats.is_empty() => window::of(name, &floats, window)?.map(Float),
                _ => None,
            }
        }
    })
}

fn histogram(value: &SampleValue) -> Option<&Histogram> {
    match value {
        SampleValue::Histogram(h) => Some(h),
        Float(_) => None,
    }
}

fn total(histograms: &[&Histogram], is_mean: bool) -> Option<SampleValue> {
    let total = native::total(histograms, is_mean).ok()?;
    Some(SampleValue::Histogram(Box::new(total.histogram)))
}

/// How many neighbours differ in kind or in the way asked for.
fn pairs(
    samples: &Samples,
    of_floats: impl Fn(f64, f64) -> bool,
    of_histograms: impl Fn(&Histogram, &Histogram) -> bool,
) -> SampleValue {
    let counts = |pair: &&[(i64, SampleValue)]| match (&pair[0].1, &pair[1].1) {
        (Float(a), Float(b)) => of_floats(*a, *b),
        (SampleValue::Histogram(a), SampleValue::Histogram(b)) => of_histograms(a, b),
        _ => true,
    };
    Float(samples.windows(2).filter(counts).count() as f64)
}

fn last_two(name: &str, samples: &Samples) -> Option<SampleValue> {
    let [.., (before, old), (t, new)] = &samples[..] else { return None };
    match (old, new) {
        (Float(old), Float(new)) => {
            let seconds = (t - before) as f64 / 1000.0;
            let change = if name == "irate" && new < old { *new } else { new - old };
            Some(Float(if name == "irate" { change / seconds } else { change }))
        }
        (SampleValue::Histogram(old), SampleValue::Histogram(new)) => {
            let change = change(&[old, new], name == "irate")?;
            let seconds = (t - before) as f64 / 1000.0;
            Some(times(&change, if name == "irate" { 1.0 / seconds } else { 1.0 }))
        }
        _ => None,
    }
}

/// Last minus first, and of a counter all that was lost at resets.
fn change(histograms: &[&Histogram], is_counter: bool) -> Option<Histogram> {
    let [first, .., last] = histograms else { return None };
    let mut change = native::subtract(last, first).ok()?.histogram;
    if is_counter {
        for pair in histograms.windows(2).filter(|pair| native::is_reset(pair[1], pair[0])) {
            change = native::add(&change, pair[0]).ok()?.histogram;
        }
    }
    change.counter_reset_hint = CounterResetHint::Gauge;
    Some(native::compact(&change))
}

fn extrapolated(
    samples: &Samples,
    histograms: &[&Histogram],
    window: &Window<'_>,
    is_counter: bool,
    per_second: bool,
) -> Option<SampleValue> {
    let change = change(histograms, is_counter)?;
    let first = histograms[0].count;
    let grows = is_counter && change.count > 0.0 && first >= 0.0;
    let to_zero = grows.then(|| first / change.count);
    let times_ms: Vec<i64> = samples.iter().map(|(t, _)| *t).collect();
    Some(times(&change, window::stretch(&times_ms, window, to_zero, per_second)))
}
