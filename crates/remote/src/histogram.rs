//! A native histogram of remote write 1.0: integers with deltas, or floats.
//!
//! Both become [`Histogram`], whose counts are absolute floats. What does not fit together (fewer
//! counts than the spans announce, falling custom bounds) is refused.

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Span};
use model::{Histogram, Timestamp};

use crate::proto::{Field, Fields, ProtoError, Value};

/// A histogram as it stands in the request.
#[derive(Default)]
struct Raw {
    histogram: Histogram,
    timestamp: Timestamp,
    positive_deltas: Vec<i64>,
    negative_deltas: Vec<i64>,
}

/// Reads a `prometheus.Histogram`: its time, and itself or why it makes no sense.
pub(crate) fn decode(message: &[u8]) -> Result<(Timestamp, Result<Histogram, String>), ProtoError> {
    let mut raw = Raw::default();
    let mut fields = Fields::new(message, "Histogram");
    while let Some(field) = fields.next()? {
        raw.field(&field)?;
    }
    Ok((raw.timestamp, raw.finish()))
}

impl Raw {
    #[expect(clippy::cast_precision_loss, reason = "counts beyond 2^53 are rounded, as in PromQL")]
    fn field(&mut self, field: &Field<'_>) -> Result<(), ProtoError> {
        let h = &mut self.histogram;
        match field.number {
            1 => h.count = field.int64()?.cast_unsigned() as f64,
            2 => h.count = field.double()?,
            3 => h.sum = field.double()?,
            4 => h.schema = i8::try_from(zigzag(field.int64()?)).unwrap_or(i8::MIN),
            5 => h.zero_threshold = field.double()?,
            6 => h.zero_count = field.int64()?.cast_unsigned() as f64,
            7 => h.zero_count = field.double()?,
            8 => h.negative_spans.push(span(field.bytes()?)?),
            9 => integers(field, &mut self.negative_deltas)?,
            10 => floats(field, &mut h.negative)?,
            11 => h.positive_spans.push(span(field.bytes()?)?),
            12 => integers(field, &mut self.positive_deltas)?,
            13 => floats(field, &mut h.positive)?,
            14 => {
                h.counter_reset_hint = match field.int64()? {
                    1 => CounterResetHint::Reset,
                    2 => CounterResetHint::NotReset,
                    3 => CounterResetHint::Gauge,
                    _ => CounterResetHint::Unknown,
                }
            }
            15 => self.timestamp = field.int64()?,
            16 => floats(field, &mut h.custom_values)?,
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Histogram, String> {
        let mut h = self.histogram;
        for (deltas, counts) in
            [(self.positive_deltas, &mut h.positive), (self.negative_deltas, &mut h.negative)]
        {
            if !deltas.is_empty() {
                *counts = absolute(&deltas);
            }
        }
        for (side, spans, counts) in [
            ("positive", &h.positive_spans, &h.positive),
            ("negative", &h.negative_spans, &h.negative),
        ] {
            let announced: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
            if announced != counts.len() as u64 {
                let found = counts.len();
                return Err(format!(
                    "{side} side: spans need {announced} buckets, have {found} buckets"
                ));
            }
            if spans.iter().skip(1).any(|span| span.offset < 0) {
                return Err(format!("{side} side: span with a negative offset"));
            }
        }
        let is_custom = h.schema == CUSTOM_BUCKETS_SCHEMA;
        if !is_custom && !(-4..=8).contains(&h.schema) {
            return Err(format!("schema {} is neither -4 to 8 nor -53", h.schema));
        }
        if is_custom && !h.custom_values.is_sorted_by(|a, b| a < b) {
            return Err("custom bounds do not rise".to_owned());
        }
        Ok(h)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts beyond 2^53 are rounded, as in PromQL")]
fn absolute(deltas: &[i64]) -> Vec<f64> {
    let mut count = 0_i64;
    let counts = deltas.iter().map(|delta| {
        count = count.wrapping_add(*delta);
        count as f64
    });
    counts.collect()
}

fn zigzag(coded: i64) -> i64 {
    let coded = coded.cast_unsigned();
    (coded >> 1).cast_signed() ^ -(coded & 1).cast_signed()
}

fn span(message: &[u8]) -> Result<Span, ProtoError> {
    let mut span = Span { offset: 0, length: 0 };
    let mut fields = Fields::new(message, "BucketSpan");
    while let Some(field) = fields.next()? {
        match field.number {
            1 => span.offset = i32::try_from(zigzag(field.int64()?)).unwrap_or(i32::MAX),
            2 => span.length = u32::try_from(field.int64()?).unwrap_or(u32::MAX),
            _ => {}
        }
    }
    Ok(span)
}

/// `sint64` numbers, packed or one by one.
fn integers(field: &Field<'_>, all: &mut Vec<i64>) -> Result<(), ProtoError> {
    match field.value {
        Value::Bytes(bytes) => {
            let mut packed = Fields::new(bytes, "packed numbers");
            while let Some(number) = packed.packed_varint()? {
                all.push(zigzag(number.cast_signed()));
            }
        }
        _ => all.push(zigzag(field.int64()?)),
    }
    Ok(())
}

/// `double` numbers, packed or one by one.
fn floats(field: &Field<'_>, all: &mut Vec<f64>) -> Result<(), ProtoError> {
    match field.value {
        Value::Bytes(bytes) => {
            let mut packed = Fields::new(bytes, "packed numbers");
            while let Some(number) = packed.packed_double()? {
                all.push(number);
            }
        }
        _ => all.push(field.double()?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_become_counts() {
        // count 3, sum 2.5, schema 1, one span of two buckets from 0, deltas 1 and 1, time 7.
        let mut bytes = vec![0x08, 3, 0x19];
        bytes.extend(2.5f64.to_le_bytes());
        bytes.extend([0x20, 2, 0x5a, 4, 0x08, 0, 0x10, 2, 0x62, 2, 2, 2, 0x78, 7]);
        let (t, histogram) = decode(&bytes).expect("a message");
        let histogram = histogram.expect("it makes sense");
        assert_eq!((t, histogram.count, histogram.sum, histogram.schema), (7, 3.0, 2.5, 1));
        assert_eq!(histogram.positive_spans, [Span { offset: 0, length: 2 }]);
        assert_eq!(histogram.positive, [1.0, 2.0]);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (bytes, message) in [
            (&[0x5a, 2, 0x10, 2][..], "positive side: spans need 2 buckets, have 0 buckets"),
            (&[0x20, 30], "schema 15 is neither -4 to 8 nor -53"),
        ] {
            let (_, histogram) = decode(bytes).expect("a message");
            assert_eq!(histogram, Err(message.to_owned()));
        }
        assert!(decode(&[0x19, 1]).is_err(), "the sum is cut off");
    }
}
