//! Histograms become a chunk.

use chunk::{BitWriter, Values};
use model::histogram::CounterResetHint;
use model::sample::is_stale;
use model::{Histogram, Timestamp};

use super::super::varbit::{put_signed, put_unsigned};
use super::layout::{Layout, length};
use super::{Counts, Delta, Floats, GAUGE, Integers, NOT_RESET, RESET, Sample};

/// Histograms of one series on their way into a chunk.
pub(in crate::prometheus) struct HistogramAppender {
    out: BitWriter,
    count: u16,
    flags: u8,
    counts: Counts,
    layout: Layout,
    t: Delta,
    state: Sample,
    last: Histogram,
}

impl HistogramAppender {
    /// Begins a chunk. `None` if the histogram's buckets are not those of its spans.
    pub(in crate::prometheus) fn begin(t: Timestamp, histogram: &Histogram) -> Option<Self> {
        let histogram: &Histogram = &without_stale_buckets(histogram);
        let Histogram { positive, negative, positive_spans, negative_spans, .. } = histogram;
        let whole = length(positive_spans) == positive.len() as u64
            && length(negative_spans) == negative.len() as u64;
        if !whole || Layout::of(histogram).schema_is_unknown() {
            return None;
        }
        let counts = if is_integer(histogram) { Counts::Integer } else { Counts::Float };
        let mut out = BitWriter::default();
        let layout = Layout::of(histogram);
        layout.put(&mut out);
        put_signed(&mut out, t);
        let state = match counts {
            Counts::Integer => Sample::Integer(Integers::begin(&mut out, t, histogram)),
            Counts::Float => Sample::Float(Floats::begin(&mut out, t, histogram)),
        };
        let flags = match histogram.counter_reset_hint {
            CounterResetHint::Unknown => 0,
            CounterResetHint::Reset => RESET,
            CounterResetHint::NotReset => NOT_RESET,
            CounterResetHint::Gauge => GAUGE,
        };
        let t = Delta::first(t);
        Some(Self { out, count: 1, flags, counts, layout, t, state, last: histogram.clone() })
    }

    /// Adds a histogram, which is newer than all before; false, and nothing added, if it needs a chunk
    /// of its own.
    pub(in crate::prometheus) fn append(&mut self, t: Timestamp, histogram: &Histogram) -> bool {
        let histogram: &Histogram = &without_stale_buckets(histogram);
        let Some(count) = self.count.checked_add(1) else { return false };
        if !self.takes(histogram) {
            return false;
        }
        put_signed(&mut self.out, self.t.change_to(t));
        match &mut self.state {
            Sample::Integer(sample) => sample.put(&mut self.out, histogram),
            Sample::Float(sample) => sample.put(&mut self.out, histogram),
        }
        self.count = count;
        self.last = histogram.clone();
        true
    }

    /// How many histograms there are.
    pub(in crate::prometheus) fn count(&self) -> u16 {
        self.count
    }

    /// How the counts are written.
    pub(in crate::prometheus) fn counts(&self) -> Counts {
        self.counts
    }

    /// The chunk.
    pub(in crate::prometheus) fn into_bytes(self) -> Vec<u8> {
        let [high, low] = self.count.to_be_bytes();
        let mut bytes = vec![high, low, self.flags];
        bytes.extend_from_slice(&self.out.to_bytes());
        bytes
    }

    /// Whether a histogram says the same in this chunk as it does alone: within a chunk of counters
    /// there is no reset, and behind a staleness marker there are only others.
    fn takes(&self, next: &Histogram) -> bool {
        if is_stale(next.sum) {
            return true;
        }
        if is_stale(self.last.sum) || !self.layout.fits(next) {
            return false;
        }
        if (self.counts == Counts::Integer) != is_integer(next) {
            return false;
        }
        match next.counter_reset_hint {
            CounterResetHint::Gauge => self.flags == GAUGE,
            CounterResetHint::NotReset => self.flags != GAUGE,
            CounterResetHint::Reset => false,
            CounterResetHint::Unknown => self.flags != GAUGE && !has_fallen(&self.last, next),
        }
    }
}

/// Whether some count is less than before; buckets are the same.
fn has_fallen(before: &Histogram, after: &Histogram) -> bool {
    let fallen = |a: &[f64], b: &[f64]| a.iter().zip(b).any(|(a, b)| b < a);
    after.count < before.count
        || after.zero_count < before.zero_count
        || fallen(&before.positive, &after.positive)
        || fallen(&before.negative, &after.negative)
}

/// Whether all counts can be written as integers without loss.
fn is_integer(histogram: &Histogram) -> bool {
    let Histogram { count, zero_count, positive, negative, .. } = histogram;
    let mut all = [*count, *zero_count].into_iter().chain(positive.iter().chain(negative).copied());
    all.all(|count| {
        let is_whole = (0.0..=9_007_199_254_740_992.0).contains(&count) && count.fract() == 0.0;
        is_whole && count.is_sign_positive()
    })
}

/// A stale histogram has its sum only.
fn without_stale_buckets(histogram: &Histogram) -> std::borrow::Cow<'_, Histogram> {
    if is_stale(histogram.sum) {
        let sum = histogram.sum;
        return std::borrow::Cow::Owned(Histogram { sum, ..Histogram::default() });
    }
    std::borrow::Cow::Borrowed(histogram)
}

/// A count that [`is_integer`] has found whole.
#[expect(clippy::cast_possible_truncation, reason = "whole, and at most 2^53")]
fn integer(count: f64) -> i64 {
    count as i64
}

/// The buckets as differences to the one before.
fn differences(buckets: &[f64]) -> impl Iterator<Item = i64> {
    buckets.iter().scan(0, |last, bucket| {
        let bucket = integer(*bucket);
        Some(bucket - std::mem::replace(last, bucket))
    })
}

impl Integers {
    fn begin(out: &mut BitWriter, t: Timestamp, histogram: &Histogram) -> Self {
        let Histogram { count, zero_count, sum, positive, negative, .. } = histogram;
        let (count, zero_count) = (integer(*count), integer(*zero_count));
        put_unsigned(out, count.cast_unsigned());
        put_unsigned(out, zero_count.cast_unsigned());
        out.put(sum.to_bits(), 64);
        let mut begin = |buckets: &[f64]| -> Vec<Delta> {
            differences(buckets)
                .map(|bucket| {
                    put_signed(out, bucket);
                    Delta::first(bucket)
                })
                .collect()
        };
        let (positive, negative) = (begin(positive), begin(negative));
        let (count, zero_count) = (Delta::first(count), Delta::first(zero_count));
        Self { t, count, zero_count, sum: Values::new(sum.to_bits()), positive, negative }
    }

    fn put(&mut self, out: &mut BitWriter, histogram: &Histogram) {
        let Histogram { count, zero_count, sum, positive, negative, .. } = histogram;
        put_signed(out, self.count.change_to(integer(*count)));
        put_signed(out, self.zero_count.change_to(integer(*zero_count)));
        self.sum.put(out, sum.to_bits());
        let positive = self.positive.iter_mut().zip(differences(positive));
        let negative = self.negative.iter_mut().zip(differences(negative));
        for (state, bucket) in positive.chain(negative) {
            put_signed(out, state.change_to(bucket));
        }
    }
}

impl Floats {
    fn begin(out: &mut BitWriter, t: Timestamp, histogram: &Histogram) -> Self {
        let Histogram { count, zero_count, sum, positive, negative, .. } = histogram;
        let mut begin = |value: &f64| {
            out.put(value.to_bits(), 64);
            Values::new(value.to_bits())
        };
        let (count, zero_count, sum) = (begin(count), begin(zero_count), begin(sum));
        let positive = positive.iter().map(&mut begin).collect();
        let negative = negative.iter().map(&mut begin).collect();
        Self { t, count, zero_count, sum, positive, negative }
    }

    fn put(&mut self, out: &mut BitWriter, histogram: &Histogram) {
        let Histogram { count, zero_count, sum, positive, negative, .. } = histogram;
        self.count.put(out, count.to_bits());
        self.zero_count.put(out, zero_count.to_bits());
        self.sum.put(out, sum.to_bits());
        let positive = self.positive.iter_mut().zip(positive);
        let negative = self.negative.iter_mut().zip(negative);
        for (state, bucket) in positive.chain(negative) {
            state.put(out, bucket.to_bits());
        }
    }
}
