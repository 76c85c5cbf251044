//! A column of native histograms: runs of one layout, each bucket a column of floats.
//!
//! Neighbours in time count the same buckets, and each bucket grows as a counter does: what packs
//! counters packs them. The bytes are described in `docs/format/block.md`.

#![deny(clippy::indexing_slicing)]

use chunk::column::{self, Effort};
use model::Histogram;

use crate::cursor::{Cursor, put_size};
use crate::histogram::{self, MAX_BUCKETS};

/// Appends a column of these histograms.
pub(super) fn put(out: &mut Vec<u8>, histograms: &[Histogram]) {
    for run in histograms.chunk_by(is_same_layout) {
        put_run(out, run);
    }
}

/// Whether two histograms count the same buckets.
fn is_same_layout(a: &Histogram, b: &Histogram) -> bool {
    let same_bits =
        |a: &[f64], b: &[f64]| a.iter().map(|v| v.to_bits()).eq(b.iter().map(|v| v.to_bits()));
    a.schema == b.schema
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && a.positive.len() == b.positive.len()
        && a.negative.len() == b.negative.len()
        && same_bits(&a.custom_values, &b.custom_values)
}

fn put_run(out: &mut Vec<u8>, run: &[Histogram]) {
    let Some(first) = run.first() else { return };
    put_size(out, run.len());
    out.extend_from_slice(&first.schema.to_le_bytes());
    out.extend_from_slice(&first.zero_threshold.to_bits().to_le_bytes());
    histogram::put_spans(out, &first.positive_spans);
    histogram::put_spans(out, &first.negative_spans);
    for floats in [&first.positive, &first.negative, &first.custom_values] {
        put_size(out, floats.len());
    }
    column::encode_floats(&first.custom_values, Effort::Best, out);
    let hints: Vec<i64> =
        run.iter().map(|one| i64::from(histogram::hint_byte(one.counter_reset_hint))).collect();
    column::encode_ints(&hints, Effort::Best, out);
    let mut values = Vec::with_capacity(run.len());
    let mut put_values = |value: &dyn Fn(&Histogram) -> Option<f64>| {
        values.clear();
        values.extend(run.iter().filter_map(value));
        column::encode_floats(&values, Effort::Best, out);
    };
    put_values(&|one| Some(one.count));
    put_values(&|one| Some(one.zero_count));
    put_values(&|one| Some(one.sum));
    for bucket in 0..first.positive.len() {
        put_values(&|one| one.positive.get(bucket).copied());
    }
    for bucket in 0..first.negative.len() {
        put_values(&|one| one.negative.get(bucket).copied());
    }
}

/// Appends the `count` histograms of a column to `out`. `None` if the bytes are no such column; some
/// may have been appended then. Takes memory for no more than `count` histograms with as many
/// buckets as there are bytes.
pub(super) fn take(bytes: &[u8], count: usize, out: &mut Vec<Histogram>) -> Option<()> {
    let mut cursor = Cursor::new(bytes);
    let mut left = count;
    while left > 0 {
        let len = cursor.size().filter(|len| (1..=left).contains(len))?;
        take_run(&mut cursor, len, out)?;
        left -= len;
    }
    cursor.is_at_end().then_some(())
}

fn take_run(cursor: &mut Cursor<'_>, len: usize, out: &mut Vec<Histogram>) -> Option<()> {
    let [schema] = *cursor.take(1)?.first_chunk::<1>()?;
    let zero_threshold = f64::from_bits(cursor.u64()?);
    let positive_spans = histogram::take_spans(cursor)?;
    let negative_spans = histogram::take_spans(cursor)?;
    let mut buckets = || cursor.size().filter(|count| *count <= MAX_BUCKETS);
    let (positive, negative, bounds) = (buckets()?, buckets()?, buckets()?);
    let mut rest = cursor.rest();
    // Every column takes a byte at least.
    if positive.max(negative) > rest.len() {
        return None;
    }
    let mut custom_values = Vec::new();
    column::decode_floats(&mut rest, bounds, &mut custom_values).ok()?;
    let mut hints = Vec::new();
    column::decode_ints(&mut rest, len, &mut hints).ok()?;
    let from = out.len();
    for hint in hints {
        out.push(Histogram {
            counter_reset_hint: histogram::hint_of(u8::try_from(hint).ok()?)?,
            schema: schema.cast_signed(),
            zero_threshold,
            zero_count: 0.0,
            count: 0.0,
            sum: 0.0,
            positive_spans: positive_spans.clone(),
            negative_spans: negative_spans.clone(),
            positive: Vec::with_capacity(positive),
            negative: Vec::with_capacity(negative),
            custom_values: custom_values.clone(),
        });
    }
    let run = out.get_mut(from..)?;
    let mut values = Vec::with_capacity(len);
    let mut take_values = |set: &dyn Fn(&mut Histogram, f64)| {
        values.clear();
        column::decode_floats(&mut rest, len, &mut values).ok()?;
        run.iter_mut().zip(&values).for_each(|(one, value)| set(one, *value));
        Some(())
    };
    take_values(&|one, value| one.count = value)?;
    take_values(&|one, value| one.zero_count = value)?;
    take_values(&|one, value| one.sum = value)?;
    for _ in 0..positive {
        take_values(&|one, value| one.positive.push(value))?;
    }
    for _ in 0..negative {
        take_values(&|one, value| one.negative.push(value))?;
    }
    *cursor = Cursor::new(rest);
    Some(())
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;
    use model::histogram::{CounterResetHint, Span};
    use proptest::prelude::*;

    fn bytes_of(histograms: &[Histogram]) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, histograms);
        bytes
    }

    /// Histograms by their own bytes, which keep every bit.
    fn plain(histograms: &[Histogram]) -> Vec<Vec<u8>> {
        let one = |one: &Histogram| {
            let mut bytes = Vec::new();
            histogram::put(&mut bytes, one);
            bytes
        };
        histograms.iter().map(one).collect()
    }

    fn any_float() -> impl Strategy<Value = f64> {
        prop_oneof![
            (0u32..1000).prop_map(f64::from),
            any::<u64>().prop_map(f64::from_bits),
            Just(f64::from_bits(0x7ff0_0000_0000_0002)),
        ]
    }

    fn any_histogram() -> impl Strategy<Value = Histogram> {
        let layout =
            prop_oneof![Just((0i8, vec![])), Just((3, vec![])), Just((-53, vec![0.1, 2.5]))];
        let buckets = || prop::collection::vec(any_float(), 0..4);
        let hint = prop_oneof![Just(CounterResetHint::Unknown), Just(CounterResetHint::Gauge)];
        (layout, hint, buckets(), buckets(), any_float(), any_float(), any_float()).prop_map(
            |((schema, custom_values), hint, positive, negative, count, zero_count, sum)| {
                let spans = |buckets: &[f64]| {
                    let length = u32::try_from(buckets.len()).unwrap();
                    vec![Span { offset: -2, length }]
                };
                Histogram {
                    counter_reset_hint: hint,
                    schema,
                    zero_threshold: 0.001,
                    zero_count,
                    count,
                    sum,
                    positive_spans: spans(&positive),
                    negative_spans: spans(&negative),
                    positive,
                    negative,
                    custom_values,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn histograms_come_back_bit_by_bit(all in prop::collection::vec(any_histogram(), 0..30)) {
            let mut read = Vec::new();
            prop_assert_eq!(take(&bytes_of(&all), all.len(), &mut read), Some(()));
            prop_assert_eq!(plain(&read), plain(&all));
        }

        #[test]
        fn any_bytes_are_histograms_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0usize..50,
        ) {
            let mut read = Vec::new();
            let taken = take(&bytes, count, &mut read);
            prop_assert!(taken.is_none() || read.len() == count);
        }
    }

    /// A histogram that grows, and gets a bucket more on the way.
    fn growing() -> Vec<Histogram> {
        let one = |i: u32| {
            let buckets = if i < 5 { 2 } else { 3 };
            let positive: Vec<f64> = (1..=buckets).map(|b| f64::from(i * b)).collect();
            Histogram {
                schema: 2,
                zero_threshold: 1e-128,
                count: positive.iter().sum(),
                sum: f64::from(i) * 0.37,
                positive_spans: vec![Span { offset: 1, length: buckets }],
                positive,
                ..Histogram::default()
            }
        };
        (0..10).map(one).collect()
    }

    #[test]
    fn bytes_are_as_documented() {
        let one = |count: f64| Histogram {
            counter_reset_hint: CounterResetHint::Gauge,
            schema: -53,
            count,
            sum: 9.0,
            positive_spans: vec![Span { offset: 0, length: 2 }],
            positive: vec![count, 1.0],
            custom_values: vec![0.5],
            ..Histogram::default()
        };
        let mut expected = vec![2, 0xcb];
        expected.extend([0; 8]);
        // One positive span, no negative one; two buckets, none, one bound.
        expected.extend([1, 0, 4, 0, 2, 0, 1]);
        let mut floats =
            |values: &[f64]| column::encode_floats(values, Effort::Best, &mut expected);
        floats(&[0.5]);
        column::encode_ints(&[3, 3], Effort::Best, &mut expected);
        for values in [[4.0, 6.0], [0.0, 0.0], [9.0, 9.0], [4.0, 6.0], [1.0, 1.0]] {
            column::encode_floats(&values, Effort::Best, &mut expected);
        }
        assert_eq!(bytes_of(&[one(4.0), one(6.0)]), expected);
    }

    #[test]
    fn damage_gives_nothing_or_as_many_histograms_but_no_panic() {
        let bytes = bytes_of(&growing());
        assert!(bytes.len() < 200, "{} bytes", bytes.len());
        for len in 0..bytes.len() {
            assert_eq!(take(&bytes[..len], 10, &mut Vec::new()), None, "cut at {len}");
        }
        for damaged in testkit::damage::flip_every_bit(&bytes) {
            let mut read = Vec::new();
            let taken = take(&damaged, 10, &mut read);
            assert!(taken.is_none() || read.len() == 10);
        }
    }
}
