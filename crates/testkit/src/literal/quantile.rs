//! Quantiles: of values, and of classic histograms.

use model::{Histogram, Labels};
use promql::SampleValue::{self, Float};
use promql::native;

use super::{Vector, nameless};

/// The quantile of some values, NaN counted as the lowest, linear between neighbours.
pub(super) fn of_values(q: f64, values: &[f64]) -> f64 {
    if q.is_nan() || values.is_empty() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&q) {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let mut values = values.to_vec();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(b.is_nan().cmp(&a.is_nan())));
    let rank = q * (values.len() - 1) as f64;
    let weight = rank - rank.floor();
    #[expect(clippy::cast_possible_truncation, reason = "a rank is the place of a value")]
    #[expect(clippy::cast_sign_loss, reason = "and so not below zero")]
    let below = rank.floor() as usize;
    let above = (below + 1).min(values.len() - 1);
    values[below] * (1.0 - weight) + values[above] * weight
}

/// Upper bounds with how much was observed up to each.
type Buckets = Vec<(f64, f64)>;

/// A number for each histogram in a vector: for each native one, and for each classic one, whose
/// buckets are put together by their labels.
fn each_histogram(
    vector: Vector,
    of_native: impl Fn(&Histogram) -> f64,
    of_classic: impl Fn(Buckets) -> f64,
) -> Vector {
    let mut classic: Vec<(Labels, Buckets)> = Vec::new();
    let mut results = Vec::new();
    for (labels, value) in vector {
        match value {
            SampleValue::Histogram(h) => results.push((labels, of_native(&h))),
            Float(count) => {
                let Ok(bound) = labels.get("le").parse() else { continue };
                let family = labels.filtered(|name| name != "le");
                match classic.iter_mut().find(|(known, _)| *known == family) {
                    Some((_, buckets)) => buckets.push((bound, count)),
                    None => classic.push((family, vec![(bound, count)])),
                }
            }
        }
    }
    // What is there both ways is not told.
    results.retain(|(labels, _)| {
        let before = classic.len();
        classic.retain(|(family, _)| family != labels);
        classic.len() == before
    });
    let of_classic = |(family, buckets)| (family, of_classic(buckets));
    results.extend(classic.into_iter().map(of_classic));
    results.into_iter().map(|(labels, v)| (nameless(&labels), Float(v))).collect()
}

/// `histogram_quantile(q, vector)`
pub(super) fn of_histograms(q: f64, vector: Vector) -> Vector {
    let of_native = |h: &Histogram| native::quantile(q, h).unwrap_or(f64::NAN);
    each_histogram(vector, of_native, |buckets| of_buckets(q, buckets))
}

/// `histogram_fraction(lower, upper, vector)`
pub(super) fn fractions(lower: f64, upper: f64, vector: Vector) -> Vector {
    let of_native = |h: &Histogram| native::fraction(lower, upper, h);
    each_histogram(vector, of_native, |buckets| fraction(lower, upper, buckets))
}

/// The buckets by rising bounds, those of equal bounds added up; `None` if the last is not +Inf.
fn in_order(mut buckets: Buckets) -> Option<Buckets> {
    buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut merged: Buckets = Vec::new();
    for (bound, count) in buckets {
        match merged.last_mut() {
            Some((last, sum)) if *last == bound => *sum += count,
            _ => merged.push((bound, count)),
        }
    }
    merged.last().is_some_and(|(bound, _)| *bound == f64::INFINITY).then_some(merged)
}

fn fraction(lower: f64, upper: f64, buckets: Buckets) -> f64 {
    let Some(buckets) = in_order(buckets) else { return f64::NAN };
    let all = buckets[buckets.len() - 1].1;
    if all == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (below(upper, &buckets).min(all) - below(lower, &buckets).min(all)) / all
}

/// How much was observed below a value, linear within a bucket.
fn below(value: f64, buckets: &Buckets) -> f64 {
    let first = buckets[0].0;
    let mut start = if first > 0.0 { 0.0 } else { f64::NEG_INFINITY };
    let mut count = 0.0;
    for (end, next) in buckets {
        if start >= value {
            return count;
        }
        if *end > value {
            // Nothing is known of where in an endless bucket the observations lie.
            let part = (value - start) / (end - start);
            return if start.is_finite() { count + (next - count) * part } else { *next };
        }
        (start, count) = (*end, *next);
    }
    count
}

fn of_buckets(q: f64, buckets: Buckets) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&q) {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let Some(buckets) = in_order(buckets) else { return f64::NAN };
    let buckets = cumulative(buckets);
    let all = buckets.last().map_or(0.0, |(_, count)| *count);
    if buckets.len() < 2 || all == 0.0 {
        return f64::NAN;
    }
    let last = buckets.len() - 1;
    let rank = q * all;
    let at = buckets[..last].iter().position(|(_, count)| *count >= rank).unwrap_or(last);
    if at == last {
        return buckets[last - 1].0;
    }
    if at == 0 && buckets[0].0 <= 0.0 {
        return buckets[0].0;
    }
    let (start, before) = if at == 0 { (0.0, 0.0) } else { buckets[at - 1] };
    let (end, count) = buckets[at];
    start + (end - start) * ((rank - before) / (count - before))
}

/// Counts that fall, raised to those before them.
fn cumulative(mut buckets: Buckets) -> Buckets {
    for at in 1..buckets.len() {
        let (before, here) = (buckets[at - 1].1, buckets[at].1);
        // A difference this small is a rounding.
        let is_rounding = (here - before).abs() <= 1e-12 * (here.abs() + before.abs());
        if here < before || is_rounding {
            buckets[at].1 = before;
        }
    }
    buckets
}
