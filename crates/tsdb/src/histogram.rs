//! Native histograms as bytes: one by one, and as chunks of several.
//!
//! Plain on purpose: a histogram stands for itself, so that any of a chunk can be read after those
//! before it are passed over. Floats keep their bits.
#![doc = include_str!("../../../docs/format/histogram.md")]
#![deny(clippy::indexing_slicing)]

use std::hash::BuildHasher;

use model::histogram::{CounterResetHint, Span};
use model::{Histogram, Timestamp};
use rustc_hash::FxBuildHasher;

use crate::cursor::{Cursor, put_size, put_zigzag};

/// A histogram may have so many buckets on each side, and so many spans.
pub(crate) const MAX_BUCKETS: usize = 1 << 16;

/// Appends one histogram.
pub(crate) fn put(out: &mut Vec<u8>, histogram: &Histogram) {
    out.push(hint_byte(histogram.counter_reset_hint));
    out.extend_from_slice(&histogram.schema.to_le_bytes());
    let Histogram { zero_threshold, zero_count, count, sum, .. } = histogram;
    for value in [zero_threshold, zero_count, count, sum] {
        out.extend_from_slice(&value.to_bits().to_le_bytes());
    }
    put_spans(out, &histogram.positive_spans);
    put_spans(out, &histogram.negative_spans);
    for values in [&histogram.positive, &histogram.negative, &histogram.custom_values] {
        put_size(out, values.len());
        values.iter().for_each(|value| out.extend_from_slice(&value.to_bits().to_le_bytes()));
    }
}

/// Reads what [`put`] has written; `None` if the bytes are something else.
pub(crate) fn take(cursor: &mut Cursor<'_>) -> Option<Histogram> {
    let [hint, schema] = *cursor.take(2)?.first_chunk::<2>()?;
    let counter_reset_hint = hint_of(hint)?;
    let mut float = || cursor.u64().map(f64::from_bits);
    let (zero_threshold, zero_count, count, sum) = (float()?, float()?, float()?, float()?);
    Some(Histogram {
        counter_reset_hint,
        schema: schema.cast_signed(),
        zero_threshold,
        zero_count,
        count,
        sum,
        positive_spans: take_spans(cursor)?,
        negative_spans: take_spans(cursor)?,
        positive: take_floats(cursor)?,
        negative: take_floats(cursor)?,
        custom_values: take_floats(cursor)?,
    })
}

/// A hint as a number.
pub(crate) fn hint_byte(hint: CounterResetHint) -> u8 {
    match hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::Reset => 1,
        CounterResetHint::NotReset => 2,
        CounterResetHint::Gauge => 3,
    }
}

/// The hint of a number; `None` if no hint has it.
pub(crate) fn hint_of(byte: u8) -> Option<CounterResetHint> {
    Some(match byte {
        0 => CounterResetHint::Unknown,
        1 => CounterResetHint::Reset,
        2 => CounterResetHint::NotReset,
        3 => CounterResetHint::Gauge,
        _ => return None,
    })
}

/// Appends how many spans there are, and the spans.
pub(crate) fn put_spans(out: &mut Vec<u8>, spans: &[Span]) {
    put_size(out, spans.len());
    for span in spans {
        put_zigzag(out, i64::from(span.offset));
        put_zigzag(out, i64::from(span.length));
    }
}

/// Reads what [`put_spans`] has written.
pub(crate) fn take_spans(cursor: &mut Cursor<'_>) -> Option<Vec<Span>> {
    let count = cursor.size().filter(|count| *count <= MAX_BUCKETS)?;
    let mut spans = Vec::new();
    for _ in 0..count {
        let offset = i32::try_from(cursor.zigzag()?).ok()?;
        let length = u32::try_from(cursor.zigzag()?).ok()?;
        spans.push(Span { offset, length });
    }
    Some(spans)
}

fn take_floats(cursor: &mut Cursor<'_>) -> Option<Vec<f64>> {
    let count = cursor.size().filter(|count| *count <= MAX_BUCKETS)?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(f64::from_bits(cursor.u64()?));
    }
    Some(values)
}

/// Whether [`take`] would read it back.
pub(crate) fn fits(histogram: &Histogram) -> bool {
    let Histogram { positive, negative, custom_values, .. } = histogram;
    let Histogram { positive_spans, negative_spans, .. } = histogram;
    let buckets = [positive, negative, custom_values].iter().all(|v| v.len() <= MAX_BUCKETS);
    buckets && positive_spans.len().max(negative_spans.len()) <= MAX_BUCKETS
}

/// 64 bits that differ for histograms that differ, but for an accident.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    FxBuildHasher.hash_one(bytes)
}

/// Histograms of one series, each with its time; time strictly increases.
#[derive(Clone, Debug, Default)]
pub(crate) struct HistogramChunk {
    bytes: Vec<u8>,
    count: u16,
    last_t: Timestamp,
    last_fingerprint: u64,
}

impl HistogramChunk {
    /// Adds a histogram, as [`put`] wrote it.
    pub(crate) fn append(&mut self, t: Timestamp, histogram: &[u8]) {
        put_zigzag(&mut self.bytes, t.wrapping_sub(self.last_t));
        put_size(&mut self.bytes, histogram.len());
        self.bytes.extend_from_slice(histogram);
        self.count = self.count.saturating_add(1);
        self.last_t = t;
        self.last_fingerprint = fingerprint(histogram);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u16 {
        self.count
    }

    /// Time and [`fingerprint`] of the newest.
    pub(crate) fn last(&self) -> Option<(Timestamp, u64)> {
        (self.count > 0).then_some((self.last_t, self.last_fingerprint))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Appends the histograms of a chunk to columns; `None`, and columns as they were, if the bytes are
/// no such chunk.
pub(crate) fn decode(
    chunk: &[u8],
    times: &mut Vec<Timestamp>,
    histograms: &mut Vec<Histogram>,
) -> Option<()> {
    let from = times.len();
    let read = decode_to_end(chunk, times, histograms);
    if read.is_none() {
        times.truncate(from);
        histograms.truncate(from);
    }
    read
}

fn decode_to_end(
    chunk: &[u8],
    times: &mut Vec<Timestamp>,
    histograms: &mut Vec<Histogram>,
) -> Option<()> {
    let mut cursor = Cursor::new(chunk);
    let (mut t, mut is_first): (Timestamp, bool) = (0, true);
    while !cursor.is_at_end() {
        let before = t;
        t = t.wrapping_add(cursor.zigzag()?);
        if !is_first && t <= before {
            return None;
        }
        is_first = false;
        let mut one = Cursor::new(cursor.take_sized()?);
        let histogram = take(&mut one).filter(|_| one.is_at_end())?;
        times.push(t);
        histograms.push(histogram);
    }
    Some(())
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn histogram(count: f64, buckets: Vec<f64>) -> Histogram {
        Histogram {
            counter_reset_hint: CounterResetHint::Gauge,
            schema: -4,
            zero_threshold: 0.001,
            zero_count: 2.0,
            count,
            sum: f64::from_bits(0x7ff0_0000_0000_0002),
            positive_spans: vec![Span { offset: -3, length: 2 }, Span { offset: 4, length: 1 }],
            negative_spans: Vec::new(),
            positive: buckets,
            negative: vec![1.0],
            custom_values: Vec::new(),
        }
    }

    fn encoded(histogram: &Histogram) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, histogram);
        bytes
    }

    #[test]
    fn bytes_are_as_documented() {
        let mut expected = vec![3, 0xfc];
        for bits in [0.001f64.to_bits(), 2f64.to_bits(), 7f64.to_bits(), 0x7ff0_0000_0000_0002] {
            expected.extend(bits.to_le_bytes());
        }
        expected.extend([2, 5, 4, 8, 2, 0, 1]);
        expected.extend(4f64.to_bits().to_le_bytes());
        expected.push(1);
        expected.extend(1f64.to_bits().to_le_bytes());
        expected.push(0);
        assert_eq!(encoded(&histogram(7.0, vec![4.0])), expected);
    }

    #[test]
    fn a_chunk_gives_back_what_went_in() {
        let mut chunk = HistogramChunk::default();
        let all: Vec<Vec<u8>> =
            (0..3).map(|n| encoded(&histogram(f64::from(n), vec![f64::from(n); 3]))).collect();
        for (t, bytes) in [-5, 0, 1_000_000].into_iter().zip(&all) {
            chunk.append(t, bytes);
        }
        assert_eq!(chunk.last(), Some((1_000_000, fingerprint(&all[2]))));
        let (mut times, mut histograms) = (Vec::new(), Vec::new());
        decode(chunk.bytes(), &mut times, &mut histograms).expect("whole");
        assert_eq!(times, [-5, 0, 1_000_000]);
        assert_eq!(histograms.iter().map(encoded).collect::<Vec<_>>(), all);
    }

    proptest! {
        #[test]
        fn damage_gives_nothing_or_other_histograms_but_no_panic(
            cut in 0usize..200, bit in 0usize..1600,
        ) {
            let mut chunk = HistogramChunk::default();
            chunk.append(1, &encoded(&histogram(1.0, vec![1.0, 2.0])));
            chunk.append(2, &encoded(&histogram(2.0, vec![1.0, 3.0])));
            let mut bytes = chunk.bytes().to_vec();
            let at = bit % (bytes.len() * 8);
            bytes[at / 8] ^= 1 << (at % 8);
            bytes.truncate(bytes.len().saturating_sub(cut));
            let (mut times, mut histograms) = (vec![9], vec![histogram(0.0, vec![])]);
            let read = decode(&bytes, &mut times, &mut histograms);
            prop_assert_eq!(times.len(), histograms.len());
            prop_assert!(read.is_some() || times == [9]);
        }
    }
}
