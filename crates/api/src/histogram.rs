//! A native histogram to JSON: count, sum, and the buckets that hold something.
//!
//! A bucket is `[edges, "lower", "upper", "count"]`, in rising order; `edges` says which ends are
//! inside: 0 the upper, 1 the lower, 2 none, 3 both.

use std::io::Write;

use model::Histogram;
use model::float::Json;
use model::histogram::Bucket;

use crate::envelope::list;

/// Which ends of a bucket are inside.
fn edges(h: &Histogram, bucket: &Bucket) -> u8 {
    match h.ends_inside(bucket.lower, bucket.upper) {
        (false, true) => 0,
        (true, false) => 1,
        (false, false) => 2,
        (true, true) => 3,
    }
}

/// Writes a histogram.
pub(crate) fn write(out: &mut Vec<u8>, h: &Histogram) {
    let (count, sum) = (Json(h.count), Json(h.sum));
    write!(out, "{{\"count\":\"{count}\",\"sum\":\"{sum}\"").expect("a Vec takes everything");
    let mut buckets = h.buckets();
    buckets.retain(|bucket| bucket.count != 0.0);
    if !buckets.is_empty() {
        out.extend_from_slice(b",\"buckets\":");
        list(out, &buckets, |out, b| {
            let (lower, upper, count) = (Json(b.lower), Json(b.upper), Json(b.count));
            write!(out, "[{},\"{lower}\",\"{upper}\",\"{count}\"]", edges(h, b))
                .expect("a Vec takes everything");
        });
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::histogram::{CUSTOM_BUCKETS_SCHEMA, Span};

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
