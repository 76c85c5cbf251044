//! Native histograms: one sample that holds a whole distribution.
//!
//! Bucket counts are absolute floats, as PromQL sees them; integer histograms convert on the way
//! in without loss up to 2^53. Buckets lie densely in `positive` and `negative`; spans say which
//! indexes they have. Bucket `i` of an exponential schema `s` covers `(2^((i-1)·2^-s), 2^(i·2^-s)]`.

use std::fmt;

use crate::bucket_bounds::exponential_bound;
use crate::float::General;

/// The schema of histograms with custom bucket bounds.
pub const CUSTOM_BUCKETS_SCHEMA: i8 = -53;

/// What is known about a reset of the counter behind a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CounterResetHint {
    /// Nothing: compare with the histogram before.
    #[default]
    Unknown,
    /// The counter was reset just before this sample.
    Reset,
    /// It was not.
    NotReset,
    /// Not a counter at all: values may fall.
    Gauge,
}

/// A run of neighbouring buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Of the first span the index of its first bucket; of others the gap behind the span before.
    pub offset: i32,
    /// How many buckets it has.
    pub length: u32,
}

/// A float histogram, exponential or with custom bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Whether the counter was reset before this sample.
    pub counter_reset_hint: CounterResetHint,
    /// Resolution, -4 to 8, or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i8,
    /// Half the width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// Which buckets `positive` holds.
    pub positive_spans: Vec<Span>,
    /// Which buckets `negative` holds.
    pub negative_spans: Vec<Span>,
    /// Counts of the buckets above the zero bucket.
    pub positive: Vec<f64>,
    /// Counts of the buckets below the zero bucket.
    pub negative: Vec<f64>,
    /// Upper bounds, rising, without +Inf; only with [`CUSTOM_BUCKETS_SCHEMA`].
    pub custom_values: Vec<f64>,
}

/// A bucket with its bounds; a histogram of custom bounds has them as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
    /// What it counts.
    pub count: f64,
}

impl Histogram {
    /// Whether its bounds are its own.
    pub fn has_custom_bounds(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Its buckets from the most negative to the most positive, the zero bucket among them if it
    /// counts anything. One that the zero bucket reaches into begins where that ends.
    pub fn buckets(&self) -> Vec<Bucket> {
        let mut all: Vec<Bucket> = indexed(&self.negative_spans, &self.negative)
            .map(|(index, count)| {
                let (lower, upper) = self.beyond_zero(index);
                Bucket { lower: -upper, upper: -lower, count }
            })
            .collect();
        all.reverse();
        if self.zero_count > 0.0 {
            let (lower, upper) = (-self.zero_threshold, self.zero_threshold);
            all.push(Bucket { lower, upper, count: self.zero_count });
        }
        all.extend(indexed(&self.positive_spans, &self.positive).map(|(index, count)| {
            let (lower, upper) = self.beyond_zero(index);
            Bucket { lower, upper, count }
        }));
        all
    }

    /// The bounds of a bucket above zero, without what is in the zero bucket.
    fn beyond_zero(&self, index: i32) -> (f64, f64) {
        let (lower, upper) = self.bounds(index);
        if self.has_custom_bounds() {
            return (lower, upper);
        }
        (lower.max(self.zero_threshold), upper)
    }

    /// Whether a bucket's lower and its upper bound are inside: of an exponential one that which is
    /// farther from zero, of a custom one the upper, and minus infinity.
    pub fn ends_inside(&self, lower: f64, upper: f64) -> (bool, bool) {
        if self.has_custom_bounds() {
            return (lower == f64::NEG_INFINITY, true);
        }
        (lower < 0.0, upper > 0.0)
    }

    /// The bounds of the bucket of that index above zero.
    pub fn bounds(&self, index: i32) -> (f64, f64) {
        if self.has_custom_bounds() {
            let at = |index: i32| usize::try_from(index).ok();
            let bound = |index: i32| at(index).and_then(|i| self.custom_values.get(i)).copied();
            let lower = bound(index.saturating_sub(1)).unwrap_or(f64::NEG_INFINITY);
            return (lower, bound(index).unwrap_or(f64::INFINITY));
        }
        let upper = |index| exponential_bound(self.schema, index);
        (upper(index.saturating_sub(1)), upper(index))
    }
}

/// As Prometheus writes one: `{count:20, sum:10, [-2,-1):2, [-0.001,0.001]:2, (0.5,1]:1}`.
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", General(self.count), General(self.sum))?;
        for Bucket { lower, upper, count } in self.buckets() {
            if count == 0.0 {
                continue;
            }
            let (open, close) = match self.ends_inside(lower, upper) {
                (true, true) => ('[', ']'),
                (true, false) => ('[', ')'),
                (false, true) => ('(', ']'),
                (false, false) => ('(', ')'),
            };
            let (lower, upper, count) = (General(lower), General(upper), General(count));
            write!(f, ", {open}{lower},{upper}{close}:{count}")?;
        }
        f.write_str("}")
    }
}

/// The index of each bucket with its count.
pub fn indexed<'h>(spans: &'h [Span], counts: &'h [f64]) -> impl Iterator<Item = (i32, f64)> + 'h {
    let mut next = 0_i32;
    let indexes = spans.iter().flat_map(move |span| {
        let from = next.saturating_add(span.offset);
        let length = i32::try_from(span.length).unwrap_or(i32::MAX);
        next = from.saturating_add(length);
        from..next
    });
    indexes.zip(counts.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_rise_and_bounds_are_powers() {
        let h = Histogram {
            schema: 1,
            zero_threshold: 0.5,
            zero_count: 2.0,
            positive_spans: vec![Span { offset: 1, length: 1 }, Span { offset: 1, length: 1 }],
            positive: vec![1.0, 4.0],
            negative_spans: vec![Span { offset: 2, length: 1 }],
            negative: vec![3.0],
            ..Histogram::default()
        };
        let all: Vec<(f64, f64)> = h.buckets().iter().map(|b| (b.upper, b.count)).collect();
        assert_eq!(
            h.to_string(),
            "{count:0, sum:0, [-2,-1.414213562373095):3, [-0.5,0.5]:2, (1,1.414213562373095]:1, \
             (2,2.82842712474619]:4}"
        );
        let root = exponential_bound(1, 1);
        assert_eq!(all, [(-root, 3.0), (0.5, 2.0), (root, 1.0), (2.0 * root, 4.0)]);
    }
}
