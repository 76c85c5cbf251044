//! What all samples of a chunk of histograms have in common: which buckets there are.

#![deny(clippy::indexing_slicing)]

use chunk::{BitReader, BitWriter};
use model::Histogram;
use model::histogram::{CUSTOM_BUCKETS_SCHEMA, Span};

use super::super::varbit::{put_signed, put_unsigned, take_signed, take_unsigned};

/// A bound that is a whole number of thousandths up to this is written as that number.
const MAX_THOUSANDTHS: f64 = 33_554_430.0;

/// What all samples of a chunk have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layout {
    pub(super) schema: i8,
    pub(super) zero_threshold: f64,
    pub(super) positive_spans: Vec<Span>,
    pub(super) negative_spans: Vec<Span>,
    pub(super) custom_values: Vec<f64>,
}

impl Layout {
    pub(super) fn take(bits: &mut BitReader<'_>, len_bytes: usize) -> Option<Self> {
        let zero_threshold = take_zero_threshold(bits)?;
        let schema = i8::try_from(take_signed(bits)?).ok()?;
        if schema != CUSTOM_BUCKETS_SCHEMA && !(-4..=8).contains(&schema) {
            return None;
        }
        let (positive_spans, negative_spans) = (take_spans(bits)?, take_spans(bits)?);
        let mut custom_values = Vec::new();
        if schema == CUSTOM_BUCKETS_SCHEMA {
            for _ in 0..take_unsigned(bits)? {
                custom_values.push(take_bound(bits)?);
            }
        }
        // Every bucket takes a bit at least, which bounds what is allocated for them.
        let buckets = length(&positive_spans).saturating_add(length(&negative_spans));
        let limit = u64::try_from(len_bytes).ok()?.saturating_mul(8);
        (buckets <= limit).then_some(Self {
            schema,
            zero_threshold,
            positive_spans,
            negative_spans,
            custom_values,
        })
    }

    pub(super) fn put(&self, out: &mut BitWriter) {
        put_zero_threshold(out, self.zero_threshold);
        put_signed(out, i64::from(self.schema));
        for spans in [&self.positive_spans, &self.negative_spans] {
            put_unsigned(out, spans.len() as u64);
            for span in spans {
                put_unsigned(out, u64::from(span.length));
                put_signed(out, i64::from(span.offset));
            }
        }
        if self.schema == CUSTOM_BUCKETS_SCHEMA {
            put_unsigned(out, self.custom_values.len() as u64);
            self.custom_values.iter().for_each(|bound| put_bound(out, *bound));
        }
    }

    pub(super) fn of(histogram: &Histogram) -> Self {
        Self {
            schema: histogram.schema,
            zero_threshold: histogram.zero_threshold,
            positive_spans: histogram.positive_spans.clone(),
            negative_spans: histogram.negative_spans.clone(),
            custom_values: histogram.custom_values.clone(),
        }
    }

    /// Whether nobody knows what its buckets are.
    pub(super) fn schema_is_unknown(&self) -> bool {
        self.schema != CUSTOM_BUCKETS_SCHEMA && !(-4..=8).contains(&self.schema)
    }

    pub(super) fn fits(&self, histogram: &Histogram) -> bool {
        self.schema == histogram.schema
            && self.zero_threshold.to_bits() == histogram.zero_threshold.to_bits()
            && self.positive_spans == histogram.positive_spans
            && self.negative_spans == histogram.negative_spans
            && same_bits(&self.custom_values, &histogram.custom_values)
    }
}

fn same_bits(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// How many buckets spans have.
pub(super) fn length(spans: &[Span]) -> u64 {
    spans.iter().map(|span| u64::from(span.length)).sum()
}

fn take_spans(bits: &mut BitReader<'_>) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    for _ in 0..take_unsigned(bits)? {
        let length = u32::try_from(take_unsigned(bits)?).ok()?;
        let offset = i32::try_from(take_signed(bits)?).ok()?;
        spans.push(Span { offset, length });
    }
    Some(spans)
}

/// One byte for zero and for powers of two between 2^-243 and 2^10; nine for others.
fn take_zero_threshold(bits: &mut BitReader<'_>) -> Option<f64> {
    match i32::try_from(bits.take(8)?).ok()? {
        0 => Some(0.0),
        255 => Some(f64::from_bits(bits.take(64)?)),
        byte => Some(f64::from(byte - 244).exp2()),
    }
}

fn put_zero_threshold(out: &mut BitWriter, threshold: f64) {
    let bits = threshold.to_bits();
    let (exponent, fraction) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
    let byte = exponent.wrapping_sub(1023).wrapping_add(244);
    if bits == 0 {
        out.put(0, 8);
    } else if bits >> 63 == 0 && fraction == 0 && (1..=254).contains(&byte) {
        out.put(byte, 8);
    } else {
        out.put(255, 8);
        out.put(bits, 64);
    }
}

/// A bound of a custom bucket: in thousandths, or after a zero as it is.
fn take_bound(bits: &mut BitReader<'_>) -> Option<f64> {
    match take_unsigned(bits)? {
        0 => Some(f64::from_bits(bits.take(64)?)),
        coded => {
            #[expect(clippy::cast_precision_loss, reason = "whole numbers of 25 bits")]
            let thousandths = (coded - 1) as f64;
            Some(thousandths / 1000.0)
        }
    }
}

fn put_bound(out: &mut BitWriter, bound: f64) {
    let thousandths = bound * 1000.0;
    let is_whole = (0.0..=MAX_THOUSANDTHS).contains(&thousandths)
        && thousandths.fract() == 0.0
        && (thousandths / 1000.0).to_bits() == bound.to_bits();
    if is_whole {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "just checked"
        )]
        put_unsigned(out, thousandths as u64 + 1);
    } else {
        put_unsigned(out, 0);
        out.put(bound.to_bits(), 64);
    }
}
