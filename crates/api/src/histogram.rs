//! A native histogram to JSON: count, sum, and the buckets that hold something.
//!
//! A bucket is `[edges, "lower", "upper", "count"]`, in rising order; `edges` says which ends are
//! inside: 0 the upper, 1 the lower, 2 none, 3 both.

use std::io::Write;

use model::Histogram;
use model::float::Json;
use model::histogram::{CUSTOM_BUCKETS_SCHEMA, Span};

use crate::envelope::list;

/// One bucket with what it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    lower: f64,
    upper: f64,
    count: f64,
}

impl Bucket {
    /// Of two ends, the one farther from zero is inside.
    fn edges(&self) -> u8 {
        match (self.lower < 0.0, self.upper > 0.0) {
            (false, true) => 0,
            (true, false) => 1,
            (false, false) => 2,
            (true, true) => 3,
        }
    }
}

/// Writes a histogram.
pub(crate) fn write(out: &mut Vec<u8>, h: &Histogram) {
    let (count, sum) = (Json(h.count), Json(h.sum));
    write!(out, "{{\"count\":\"{count}\",\"sum\":\"{sum}\"").expect("a Vec takes everything");
    let buckets = buckets(h);
    if !buckets.is_empty() {
        out.extend_from_slice(b",\"buckets\":");
        list(out, &buckets, |out, b| {
            let (lower, upper, count) = (Json(b.lower), Json(b.upper), Json(b.count));
            write!(out, "[{},\"{lower}\",\"{upper}\",\"{count}\"]", b.edges())
                .expect("a Vec takes everything");
        });
    }
    out.push(b'}');
}

fn buckets(h: &Histogram) -> Vec<Bucket> {
    let mut all: Vec<Bucket> = indexed(&h.negative_spans, &h.negative)
        .map(|(index, count)| {
            let (lower, upper) = bounds(h, index);
            Bucket { lower: -upper, upper: -lower, count }
        })
        .collect();
    all.reverse();
    if h.zero_count != 0.0 {
        let (lower, upper) = (-h.zero_threshold, h.zero_threshold);
        all.push(Bucket { lower, upper, count: h.zero_count });
    }
    all.extend(indexed(&h.positive_spans, &h.positive).map(|(index, count)| {
        let (lower, upper) = bounds(h, index);
        Bucket { lower, upper, count }
    }));
    all.retain(|bucket| bucket.count != 0.0);
    all
}

/// The index of each bucket with its count.
fn indexed<'h>(spans: &'h [Span], counts: &'h [f64]) -> impl Iterator<Item = (i32, f64)> + 'h {
    let mut next = 0_i32;
    let indexes = spans.iter().flat_map(move |span| {
        let from = next.saturating_add(span.offset);
        let length = i32::try_from(span.length).unwrap_or(i32::MAX);
        next = from.saturating_add(length);
        from..next
    });
    indexes.zip(counts.iter().copied())
}

/// The ends of the bucket of that index above zero.
fn bounds(h: &Histogram, index: i32) -> (f64, f64) {
    if h.schema == CUSTOM_BUCKETS_SCHEMA {
        let bound = |index: i32| usize::try_from(index).ok().and_then(|i| h.custom_values.get(i));
        let lower = bound(index - 1).copied().unwrap_or(f64::NEG_INFINITY);
        return (lower, bound(index).copied().unwrap_or(f64::INFINITY));
    }
    let upper = |index: i32| {
        let exponent = f64::from(index) * (-f64::from(h.schema)).exp2();
        exponent.exp2()
    };
    (upper(index - 1), upper(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(h: &Histogram, expected: &str) {
        let mut out = Vec::new();
        write(&mut out, h);
        assert_eq!(String::from_utf8(out).expect("JSON is UTF-8"), expected);
    }

    #[test]
    fn buckets_rise_from_the_most_negative_and_empty_ones_are_left_out() {
        let h = Histogram {
            zero_threshold: 0.001,
            zero_count: 2.0,
            count: 12.0,
            sum: 18.4,
            positive_spans: vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 1 }],
            positive: vec![1.0, 0.0, 4.0],
            negative_spans: vec![Span { offset: 1, length: 2 }],
            negative: vec![2.0, 3.0],
            ..Histogram::default()
        };
        check(
            &h,
            concat!(
                r#"{"count":"12","sum":"18.4","buckets":[[1,"-4","-2","3"],[1,"-2","-1","2"],"#,
                r#"[3,"-0.001","0.001","2"],[0,"0.5","1","1"],[0,"4","8","4"]]}"#
            ),
        );
        check(&Histogram::default(), r#"{"count":"0","sum":"0"}"#);
    }

    #[test]
    fn custom_bounds_end_at_infinity() {
        let h = Histogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: 3.0,
            sum: 4.5,
            positive_spans: vec![Span { offset: 0, length: 3 }],
            positive: vec![1.0, 1.0, 1.0],
            custom_values: vec![1.0, 2.5],
            ..Histogram::default()
        };
        check(
            &h,
            concat!(
                r#"{"count":"3","sum":"4.5","buckets":"#,
                r#"[[3,"-Inf","1","1"],[0,"1","2.5","1"],[0,"2.5","+Inf","1"]]}"#
            ),
        );
    }
}
