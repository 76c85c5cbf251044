//! What a record of a Prometheus log says.

#![deny(clippy::indexing_slicing)]

use model::histogram::Span;
use model::{Histogram, Labels, TimeRange, Timestamp};

use super::super::section::{be64, text};
use crate::cursor::Cursor;
use crate::histogram::{MAX_BUCKETS, hint_of};

/// A series as a log numbers it.
pub(super) type LogRef = u64;

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Record {
    Series(Vec<(LogRef, Labels)>),
    Samples(Vec<(LogRef, Timestamp, f64)>),
    Histograms(Vec<(LogRef, Timestamp, Histogram)>),
    Deletions(Vec<(LogRef, TimeRange)>),
    /// Known, and of no use here: exemplars, metadata, where chunks were mapped.
    PassedOver,
    /// Of a type that Prometheus has added since.
    Unknown(u8),
}

/// Reads a record; `None` if its bytes are none.
pub(super) fn read(bytes: &[u8]) -> Option<Record> {
    let (kind, rest) = bytes.split_first()?;
    let cursor = &mut Cursor::new(rest);
    Some(match kind {
        1 => Record::Series(series(cursor)?),
        2 => Record::Samples(samples(cursor)?),
        3 => Record::Deletions(deletions(cursor)?),
        4..=6 => Record::PassedOver,
        7 => Record::Histograms(histograms(cursor, Counts::Integer, false)?),
        8 => Record::Histograms(histograms(cursor, Counts::Float, false)?),
        9 => Record::Histograms(histograms(cursor, Counts::Integer, true)?),
        10 => Record::Histograms(histograms(cursor, Counts::Float, true)?),
        other => Record::Unknown(*other),
    })
}

fn series(cursor: &mut Cursor<'_>) -> Option<Vec<(LogRef, Labels)>> {
    let mut all = Vec::new();
    while !cursor.is_at_end() {
        let reference = be64(cursor)?;
        let mut pairs = Vec::new();
        for _ in 0..cursor.varint()? {
            pairs.push((text(cursor)?, text(cursor)?));
        }
        let is_sorted = pairs.is_sorted_by(|(a, _), (b, _)| a < b);
        let is_label = |(name, value): &(&str, &str)| !name.is_empty() && !value.is_empty();
        if !is_sorted || pairs.is_empty() || !pairs.iter().all(is_label) {
            return None;
        }
        all.push((reference, Labels::from_sorted(pairs)));
    }
    Some(all)
}

/// The series and the time that those of a record are relative to, if it has any.
fn base(cursor: &mut Cursor<'_>) -> Option<(LogRef, Timestamp)> {
    if cursor.is_at_end() {
        return Some((0, 0));
    }
    Some((be64(cursor)?, be64(cursor)?.cast_signed()))
}

/// The next series and time.
fn place(cursor: &mut Cursor<'_>, base: (LogRef, Timestamp)) -> Option<(LogRef, Timestamp)> {
    let reference = base.0.wrapping_add_signed(cursor.zigzag()?);
    Some((reference, base.1.wrapping_add(cursor.zigzag()?)))
}

fn samples(cursor: &mut Cursor<'_>) -> Option<Vec<(LogRef, Timestamp, f64)>> {
    let base = base(cursor)?;
    let mut all = Vec::new();
    while !cursor.is_at_end() {
        let (reference, t) = place(cursor, base)?;
        all.push((reference, t, float(cursor)?));
    }
    Some(all)
}

fn deletions(cursor: &mut Cursor<'_>) -> Option<Vec<(LogRef, TimeRange)>> {
    let mut all = Vec::new();
    while !cursor.is_at_end() {
        let reference = be64(cursor)?;
        all.push((reference, TimeRange::new(cursor.zigzag()?, cursor.zigzag()?)?));
    }
    Some(all)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    Integer,
    Float,
}

fn histograms(
    cursor: &mut Cursor<'_>,
    counts: Counts,
    custom: bool,
) -> Option<Vec<(LogRef, Timestamp, Histogram)>> {
    let base = base(cursor)?;
    let mut all = Vec::new();
    while !cursor.is_at_end() {
        let (reference, t) = place(cursor, base)?;
        all.push((reference, t, histogram(cursor, counts, custom)?));
    }
    Some(all)
}

fn histogram(cursor: &mut Cursor<'_>, counts: Counts, custom: bool) -> Option<Histogram> {
    let [hint] = *cursor.take(1)?.first_chunk::<1>()?;
    let schema = i8::try_from(cursor.zigzag()?).ok()?;
    let zero_threshold = float(cursor)?;
    let mut count = || match counts {
        Counts::Integer => cursor.varint().map(|count| count as f64),
        Counts::Float => float(cursor),
    };
    let (zero_count, count) = (count()?, count()?);
    let sum = float(cursor)?;
    Some(Histogram {
        counter_reset_hint: hint_of(hint)?,
        schema,
        zero_threshold,
        zero_count,
        count,
        sum,
        positive_spans: spans(cursor)?,
        negative_spans: spans(cursor)?,
        positive: buckets(cursor, counts)?,
        negative: buckets(cursor, counts)?,
        custom_values: if custom { floats(cursor)? } else { Vec::new() },
    })
}

fn spans(cursor: &mut Cursor<'_>) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    for _ in 0..cursor.size().filter(|count| *count <= MAX_BUCKETS)? {
        let offset = i32::try_from(cursor.zigzag()?).ok()?;
        spans.push(Span { offset, length: cursor.number()? });
    }
    Some(spans)
}

/// Counts of buckets: floats as they are, integers as differences to the one before.
fn buckets(cursor: &mut Cursor<'_>, counts: Counts) -> Option<Vec<f64>> {
    if counts == Counts::Float {
        return floats(cursor);
    }
    let (mut buckets, mut sum) = (Vec::new(), 0i64);
    for _ in 0..cursor.size().filter(|count| *count <= MAX_BUCKETS)? {
        sum = sum.checked_add(cursor.zigzag()?)?;
        buckets.push(sum as f64);
    }
    Some(buckets)
}

fn floats(cursor: &mut Cursor<'_>) -> Option<Vec<f64>> {
    let mut floats = Vec::new();
    for _ in 0..cursor.size().filter(|count| *count <= MAX_BUCKETS)? {
        floats.push(float(cursor)?);
    }
    Some(floats)
}

fn float(cursor: &mut Cursor<'_>) -> Option<f64> {
    be64(cursor).map(f64::from_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::histogram::CounterResetHint;
    use proptest::prelude::*;

    fn be(out: &mut Vec<u8>, number: i64) {
        out.extend(number.to_be_bytes());
    }

    #[test]
    fn records_are_read_as_prometheus_writes_them() {
        let mut series = vec![1];
        be(&mut series, 7);
        series.extend([2, 8]);
        series.extend(b"__name__");
        series.extend([1, b'a', 1, b'x', 2, b'y', b'z']);
        let labels = Labels::from_pairs([("__name__", "a"), ("x", "yz")]);
        assert_eq!(read(&series), Some(Record::Series(vec![(7, labels)])));

        let mut samples = vec![2];
        be(&mut samples, 7);
        be(&mut samples, 1000);
        samples.extend([0, 0]);
        be(&mut samples, 1.5f64.to_bits().cast_signed());
        samples.extend([3, 20]);
        be(&mut samples, 2f64.to_bits().cast_signed());
        let expected = vec![(7, 1000, 1.5), (5, 1010, 2.0)];
        assert_eq!(read(&samples), Some(Record::Samples(expected)));

        let mut deletion = vec![3];
        be(&mut deletion, 7);
        deletion.extend([1, 4]);
        let range = TimeRange::new(-1, 2).unwrap();
        assert_eq!(read(&deletion), Some(Record::Deletions(vec![(7, range)])));

        let mut histogram = vec![9];
        be(&mut histogram, 7);
        be(&mut histogram, 1000);
        histogram.extend([0, 0, 3, 0x69]);
        be(&mut histogram, 0);
        histogram.extend([0, 5]);
        be(&mut histogram, 2.5f64.to_bits().cast_signed());
        // One span of two buckets, no negative ones; 4 and 1; one bound.
        histogram.extend([1, 0, 2, 0, 2, 8, 5, 0, 1]);
        be(&mut histogram, 0.5f64.to_bits().cast_signed());
        let expected = Histogram {
            counter_reset_hint: CounterResetHint::Gauge,
            schema: -53,
            count: 5.0,
            sum: 2.5,
            positive_spans: vec![Span { offset: 0, length: 2 }],
            positive: vec![4.0, 1.0],
            custom_values: vec![0.5],
            ..Histogram::default()
        };
        assert_eq!(read(&histogram), Some(Record::Histograms(vec![(7, 1000, expected)])));
        assert_eq!(read(&[5, 1]), Some(Record::PassedOver));
        assert_eq!(read(&[99]), Some(Record::Unknown(99)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_record_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
