//! The native histograms with custom bounds that classic ones amount to.

use std::collections::BTreeMap;

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, Span};
use model::{Histogram, Labels, Timestamp, labels};

use super::Point;

/// Points of one series by time.
type Stored = (Labels, Vec<(Timestamp, Point)>);

/// What a classic histogram says at one time.
#[derive(Default)]
struct Classic {
    /// Upper bounds and cumulative counts.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: Option<f64>,
}

/// A native histogram for each classic one among `series`: `X` for `X_bucket`, `X_count`, `X_sum`.
pub fn custom_bucket_series(series: &[Stored]) -> Vec<Stored> {
    let mut all: BTreeMap<Labels, BTreeMap<Timestamp, Classic>> = BTreeMap::new();
    for (labels, points) in series {
        let name = labels.metric_name();
        let part = ["_bucket", "_count", "_sum"]
            .into_iter()
            .find_map(|suffix| Some((suffix, name.strip_suffix(suffix)?)));
        let Some((suffix, base)) = part else { continue };
        let bound = labels.get(labels::BUCKET_LABEL).parse::<f64>().ok();
        if suffix == "_bucket" && bound.is_none() {
            continue;
        }
        let mut builder = labels.to_builder();
        builder.set(labels::METRIC_NAME, base).remove(labels::BUCKET_LABEL);
        let times = all.entry(builder.build()).or_default();
        for (t, point) in points {
            let Point::Float(v) = point else { continue };
            let classic = times.entry(*t).or_default();
            match (suffix, bound) {
                ("_bucket", Some(bound)) => classic.buckets.push((bound, *v)),
                ("_count", _) => classic.count = Some(*v),
                _ => classic.sum = Some(*v),
            }
        }
    }
    let series = all.into_iter().filter(|(_, times)| times.values().any(|c| !c.buckets.is_empty()));
    series
        .map(|(labels, times)| {
            let point = |(t, classic): (Timestamp, Classic)| {
                let histogram = Box::new(classic.into_native());
                (t, Point::Histogram { histogram, has_hint: false })
            };
            (labels, times.into_iter().map(point).collect())
        })
        .collect()
}

impl Classic {
    fn into_native(mut self) -> Histogram {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let highest = self.buckets.last().map_or(0.0, |(_, count)| *count);
        let count = self.count.unwrap_or(highest);
        if self.buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        let mut below = 0.0;
        let positive: Vec<f64> = self
            .buckets
            .iter()
            .map(|(_, cumulative)| cumulative - std::mem::replace(&mut below, *cumulative))
            .collect();
        let finite = self.buckets.iter().map(|(bound, _)| *bound).filter(|b| b.is_finite());
        Histogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            custom_values: finite.collect(),
            count,
            sum: self.sum.unwrap_or(0.0),
            positive_spans: vec![Span {
                offset: 0,
                length: u32::try_from(positive.len()).expect("few buckets"),
            }],
            positive,
            ..Histogram::default()
        }
    }
}
