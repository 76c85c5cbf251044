//! One native histogram: `{{schema:1 sum:5 count:3 buckets:[1 2]}}`.

use model::Histogram;
use model::histogram::{CounterResetHint, Span};

use super::NotationError;
use super::points::take_number;

/// The histogram that `text` begins with, whether it says what is known of a reset, and what comes
/// behind it.
pub(super) fn take_histogram(text: &str) -> Result<(Histogram, bool, &str), NotationError> {
    let bad = |expected| NotationError::Histogram { expected, found: text.to_owned() };
    let inside = text.strip_prefix("{{").ok_or_else(|| bad("`{{`"))?;
    let (inside, behind) = inside.split_once("}}").ok_or_else(|| bad("`}}`"))?;
    let mut read = Fields::default();
    let mut rest = inside.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':').ok_or_else(|| bad("`key:value`"))?;
        let end = match after.strip_prefix('[') {
            Some(list) => list.find(']').ok_or_else(|| bad("`]`"))? + 2,
            None => after.find(char::is_whitespace).unwrap_or(after.len()),
        };
        let (value, after) = after.split_at(end);
        read.set(key, value).map_err(bad)?;
        rest = after.trim_start();
    }
    let has_hint = read.seen.contains(&"counter_reset_hint");
    Ok((read.histogram(), has_hint, behind))
}

/// What has been read of a histogram.
#[derive(Default)]
struct Fields {
    seen: Vec<&'static str>,
    histogram: Histogram,
    offset: i32,
    negative_offset: i32,
}

const KEYS: [&str; 11] = [
    "schema",
    "sum",
    "count",
    "z_bucket",
    "z_bucket_w",
    "buckets",
    "offset",
    "n_buckets",
    "n_offset",
    "custom_values",
    "counter_reset_hint",
];

impl Fields {
    fn set(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        let key = KEYS.into_iter().find(|known| *known == key).ok_or("a known key")?;
        if self.seen.contains(&key) {
            return Err("each key once");
        }
        self.seen.push(key);
        let h = &mut self.histogram;
        match key {
            "schema" => h.schema = value.parse().map_err(|_| "a schema")?,
            "sum" => h.sum = number(value)?,
            "count" => h.count = number(value)?,
            "z_bucket" => h.zero_count = number(value)?,
            "z_bucket_w" => h.zero_threshold = number(value)?,
            "buckets" => h.positive = numbers(value)?,
            "n_buckets" => h.negative = numbers(value)?,
            "custom_values" => h.custom_values = numbers(value)?,
            "offset" => self.offset = value.parse().map_err(|_| "an offset")?,
            "n_offset" => self.negative_offset = value.parse().map_err(|_| "an offset")?,
            _ => {
                h.counter_reset_hint = match value {
                    "unknown" => CounterResetHint::Unknown,
                    "reset" => CounterResetHint::Reset,
                    "not_reset" => CounterResetHint::NotReset,
                    "gauge" => CounterResetHint::Gauge,
                    _ => return Err("unknown, reset, not_reset or gauge"),
                }
            }
        }
        Ok(())
    }

    fn histogram(self) -> Histogram {
        let spans = |offset, counts: &[f64]| match u32::try_from(counts.len()) {
            Ok(length) if length > 0 => vec![Span { offset, length }],
            _ => Vec::new(),
        };
        Histogram {
            positive_spans: spans(self.offset, &self.histogram.positive),
            negative_spans: spans(self.negative_offset, &self.histogram.negative),
            ..self.histogram
        }
    }
}

fn number(text: &str) -> Result<f64, &'static str> {
    take_number(text).filter(|(_, rest)| rest.is_empty()).map(|(v, _)| v).ok_or("a number")
}

fn numbers(text: &str) -> Result<Vec<f64>, &'static str> {
    let list = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    list.ok_or("a list in brackets")?.split_whitespace().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_place() {
        let text = "{{schema:1 sum:-.3 count:3.1 z_bucket:7 z_bucket_w:0.05 buckets:[5 1e1] \
                    offset:-3 n_buckets:[4] n_offset:5 counter_reset_hint:gauge}} rest";
        let (histogram, has_hint, rest) = take_histogram(text).expect("a histogram");
        let expected = Histogram {
            counter_reset_hint: CounterResetHint::Gauge,
            schema: 1,
            zero_threshold: 0.05,
            zero_count: 7.0,
            count: 3.1,
            sum: -0.3,
            positive_spans: vec![Span { offset: -3, length: 2 }],
            negative_spans: vec![Span { offset: 5, length: 1 }],
            positive: vec![5.0, 10.0],
            negative: vec![4.0],
            custom_values: vec![],
        };
        assert_eq!((histogram, has_hint, rest), (expected, true, " rest"));
        let (empty, has_hint, _) = take_histogram("{{}}").expect("a histogram");
        assert_eq!((empty, has_hint), (Histogram::default(), false));
    }

    #[test]
    fn what_is_no_histogram_says_what_was_expected() {
        for (text, expected) in [
            ("{{sum:1", "`}}`"),
            ("{{sum}}", "`key:value`"),
            ("{{summe:1}}", "a known key"),
            ("{{sum:1 sum:1}}", "each key once"),
            ("{{sum:x}}", "a number"),
            ("{{schema:300}}", "a schema"),
            ("{{buckets:1}}", "a list in brackets"),
            ("{{buckets:[1}}", "`]`"),
            ("{{counter_reset_hint:maybe}}", "unknown, reset, not_reset or gauge"),
        ] {
            let error = NotationError::Histogram { expected, found: text.to_owned() };
            assert_eq!(take_histogram(text), Err(error), "{text}");
        }
    }
}
