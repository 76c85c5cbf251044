//! Query results to JSON, straight to bytes.
//!
//! ```text
//! {"resultType":"matrix","result":[{"metric":{…},"values":[[1.500,"2"],…],"histograms":[…]},…]}
//! {"resultType":"vector","result":[{"metric":{…},"value":[1.500,"2"]},…]}
//! {"resultType":"scalar","result":[1.5,"2"]}
//! ```
//! Times are seconds. In vectors and matrices they have three decimals or none, and values have an
//! exponent where they are very large or very small; in scalars and texts a time has as many
//! decimals as it needs, and a value never has an exponent. So does Prometheus.

use std::io::Write;

use model::{Histogram, Labels, Timestamp};
use promql::{QueryStats, SampleValue, Value, VectorSample};

use crate::envelope::list;
use crate::error::ApiError;
use crate::histogram;
use crate::json::{self, Escape};

/// So many samples are written before it is asked whether to go on.
const SAMPLES_AT_A_TIME: usize = 4096;

/// Says, of an answer with so many bytes so far, whether to go on with it.
pub(crate) type GoOn<'g> = &'g dyn Fn(usize) -> Result<(), ApiError>;

/// Writes `resultType` and `result`, without the braces around them. Fails when `go_on` does.
pub(crate) fn result(out: &mut Vec<u8>, value: &Value, go_on: GoOn<'_>) -> Result<(), ApiError> {
    out.extend_from_slice(b"\"resultType\":\"");
    out.extend_from_slice(value.value_type().as_str().as_bytes());
    out.extend_from_slice(b"\",\"result\":");
    match value {
        Value::Scalar { t, v } => {
            plain_time(out, *t);
            write!(out, "\"{}\"]", model::float::Plain(*v)).expect("a Vec takes everything");
        }
        Value::String { t, text } => {
            plain_time(out, *t);
            json::text(out, text, Escape::Html);
            out.push(b']');
        }
        Value::Vector(samples) => array(out, samples, go_on, SAMPLES_AT_A_TIME, vector_sample)?,
        Value::Matrix(series) => array(out, series, go_on, 1, |out, one| {
            out.extend_from_slice(b"{\"metric\":");
            labels(out, &one.labels);
            if !one.floats.is_empty() {
                out.extend_from_slice(b",\"values\":");
                array(out, &one.floats, go_on, SAMPLES_AT_A_TIME, |out, (t, v)| {
                    float(out, *t, *v);
                    Ok(())
                })?;
            }
            if !one.histograms.is_empty() {
                out.extend_from_slice(b",\"histograms\":");
                array(out, &one.histograms, go_on, 1, |out, (t, h)| {
                    timed_histogram(out, *t, h);
                    Ok(())
                })?;
            }
            out.push(b'}');
            Ok(())
        })?,
    }
    Ok(())
}

/// Writes an array, and asks every so many elements whether to go on.
fn array<T>(
    out: &mut Vec<u8>,
    all: &[T],
    go_on: GoOn<'_>,
    every: usize,
    element: impl Fn(&mut Vec<u8>, &T) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    out.push(b'[');
    for (i, one) in all.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        if i % every == 0 {
            go_on(out.len())?;
        }
        element(out, one)?;
    }
    out.push(b']');
    Ok(())
}

/// Writes what a query took, without anything around it.
pub(crate) fn stats(
    out: &mut Vec<u8>,
    stats: &QueryStats,
    per_step: Option<&[(Timestamp, u64)]>,
    queued_seconds: f64,
) {
    let evaluation = stats.evaluation.as_secs_f64();
    let (preparation, sorting) = (stats.preparation.as_secs_f64(), stats.sorting.as_secs_f64());
    let whole = preparation + evaluation + sorting;
    out.extend_from_slice(b"{\"timings\":{");
    for (i, (name, seconds)) in [
        ("evalTotalTime", whole),
        ("resultSortTime", sorting),
        ("queryPreparationTime", preparation),
        ("innerEvalTime", evaluation),
        ("execQueueTime", queued_seconds),
        ("execTotalTime", queued_seconds + whole),
    ]
    .into_iter()
    .enumerate()
    {
        let comma = if i > 0 { "," } else { "" };
        write!(out, "{comma}\"{name}\":").expect("a Vec takes everything");
        json::number(out, seconds);
    }
    let (read, peak) = (stats.total_queryable_samples, stats.peak_samples);
    out.extend_from_slice(b"},\"samples\":{");
    if let Some(per_step) = per_step {
        out.extend_from_slice(b"\"totalQueryableSamplesPerStep\":");
        list(out, per_step, |out, (t, samples)| {
            plain_time(out, *t);
            write!(out, "{samples}]").expect("a Vec takes everything");
        });
        out.push(b',');
    }
    write!(out, "\"totalQueryableSamples\":{read},\"peakSamples\":{peak}}}}}")
        .expect("a Vec takes everything");
}

/// Writes a label set as an object.
pub(crate) fn labels(out: &mut Vec<u8>, labels: &Labels) {
    out.push(b'{');
    for (i, (name, value)) in labels.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        json::text(out, name, Escape::Needed);
        out.push(b':');
        json::text(out, value, Escape::Needed);
    }
    out.push(b'}');
}

fn vector_sample(out: &mut Vec<u8>, sample: &VectorSample) -> Result<(), ApiError> {
    out.extend_from_slice(b"{\"metric\":");
    labels(out, &sample.labels);
    match &sample.value {
        SampleValue::Float(v) => {
            out.extend_from_slice(b",\"value\":");
            float(out, sample.t, *v);
        }
        SampleValue::Histogram(h) => {
            out.extend_from_slice(b",\"histogram\":");
            timed_histogram(out, sample.t, h);
        }
    }
    out.push(b'}');
    Ok(())
}

fn timed_histogram(out: &mut Vec<u8>, t: Timestamp, h: &Histogram) {
    out.push(b'[');
    time(out, t);
    out.push(b',');
    histogram::write(out, h);
    out.push(b']');
}

fn float(out: &mut Vec<u8>, t: Timestamp, v: f64) {
    out.push(b'[');
    time(out, t);
    out.extend_from_slice(b",\"");
    json::number(out, v);
    out.extend_from_slice(b"\"]");
}

/// Seconds with three decimals, or without any if they are whole.
pub(crate) fn time(out: &mut Vec<u8>, t: Timestamp) {
    let (seconds, ms) = (t / 1000, t % 1000);
    if seconds == 0 && ms < 0 {
        out.push(b'-');
    }
    json::whole(out, seconds);
    if ms != 0 {
        write!(out, ".{:03}", ms.unsigned_abs()).expect("a Vec takes everything");
    }
}

/// `[` and seconds with as many decimals as needed, and a comma.
fn plain_time(out: &mut Vec<u8>, t: Timestamp) {
    out.push(b'[');
    let from = out.len();
    time(out, t);
    if out[from..].contains(&b'.') {
        let zeros = out.iter().rev().take_while(|digit| **digit == b'0').count();
        out.truncate(out.len() - zeros);
    }
    out.push(b',');
}

#[cfg(test)]
mod tests {
    use super::*;
    use promql::{MatrixSeries, Value};
    use std::time::Duration;

    fn check(value: &Value, expected: &str) {
        let mut out = Vec::new();
        result(&mut out, value, &|_| Ok(())).expect("nothing stops it");
        assert_eq!(String::from_utf8(out).expect("JSON is UTF-8"), expected);
    }

    #[test]
    fn scalars_and_texts_have_plain_times_and_no_exponents() {
        for (t, v, expected) in [
            (1_500, 1e-7, r#"[1.5,"0.0000001"]"#),
            (1_000, f64::NAN, r#"[1,"NaN"]"#),
            (-500, 1e21, r#"[-0.5,"1000000000000000000000"]"#),
            (1_795_444_436_940, -0.0, r#"[1795444436.94,"-0"]"#),
            (10_000, 1.0, r#"[10,"1"]"#),
        ] {
            let expected = format!(r#""resultType":"scalar","result":{expected}"#);
            check(&Value::Scalar { t, v }, &expected);
        }
        check(
            &Value::String { t: 0, text: "a<\"".into() },
            r#""resultType":"string","result":[0,"a\u003c\""]"#,
        );
    }

    #[test]
    fn vectors_have_three_decimals_or_none() {
        let labels = Labels::from_pairs([("__name__", "a"), ("x", "<&>")]);
        let sample =
            |t, v| VectorSample { labels: labels.clone(), t, value: SampleValue::Float(v) };
        check(
            &Value::Vector(vec![sample(500, 1e-7), sample(-1_020, 1e21), sample(1_000, 1.5)]),
            concat!(
                r#""resultType":"vector","result":["#,
                r#"{"metric":{"__name__":"a","x":"<&>"},"value":[0.500,"1e-07"]},"#,
                r#"{"metric":{"__name__":"a","x":"<&>"},"value":[-1.020,"1e+21"]},"#,
                r#"{"metric":{"__name__":"a","x":"<&>"},"value":[1,"1.5"]}]"#
            ),
        );
        check(&Value::Vector(vec![]), r#""resultType":"vector","result":[]"#);
    }

    #[test]
    fn a_matrix_has_a_list_of_values_for_each_series() {
        let floats = vec![(0, 1.0), (-1, f64::INFINITY)];
        let series = MatrixSeries { floats, ..MatrixSeries::default() };
        check(
            &Value::Matrix(vec![series.clone(), series]),
            concat!(
                r#""resultType":"matrix","result":["#,
                r#"{"metric":{},"values":[[0,"1"],[-0.001,"+Inf"]]},"#,
                r#"{"metric":{},"values":[[0,"1"],[-0.001,"+Inf"]]}]"#
            ),
        );
    }

    #[test]
    fn stats_add_up() {
        let taken = QueryStats {
            total_queryable_samples: 7,
            peak_samples: 3,
            preparation: Duration::from_millis(1),
            evaluation: Duration::from_millis(2),
            sorting: Duration::ZERO,
        };
        let mut out = Vec::new();
        stats(&mut out, &taken, None, 0.5);
        assert_eq!(
            String::from_utf8(out).expect("JSON is UTF-8"),
            concat!(
                r#"{"timings":{"evalTotalTime":0.003,"resultSortTime":0,"#,
                r#""queryPreparationTime":0.001,"innerEvalTime":0.002,"execQueueTime":0.5,"#,
                r#""execTotalTime":0.503},"samples":{"totalQueryableSamples":7,"peakSamples":3}}"#
            )
        );
    }
}
