//! Native histograms as Prometheus's chunks have them: one layout for all samples of a chunk, then
//! sample by sample the change of each count, in bits.
//!
//! Integer histograms keep counts as differences of differences, and each bucket as the difference to
//! the bucket before it; float histograms keep the exclusive or with the sample before. A sample with
//! the staleness marker as its sum has no buckets at all.

#![deny(clippy::indexing_slicing)]

mod appender;
mod layout;

use chunk::{BitReader, Values};
use model::histogram::{CounterResetHint, Span};
use model::sample::is_stale;
use model::{Histogram, Timestamp};

use super::varbit::{take_signed, take_unsigned};
pub(super) use appender::HistogramAppender;
use layout::{Layout, length};

/// Bytes before the bits: the number of samples and the flags.
const HEADER_BYTES: usize = 3;
/// The bits of the flags that tell about resets.
const RESET_MASK: u8 = 0xc0;
const RESET: u8 = 0x80;
const NOT_RESET: u8 = 0x40;
const GAUGE: u8 = 0xc0;

/// How the counts of a chunk are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    Integer,
    Float,
}

/// Appends the histograms of a chunk to columns. `None` if the bytes are no such chunk; some may have
/// been appended then.
pub(super) fn decode(
    chunk: &[u8],
    counts: Counts,
    times: &mut Vec<Timestamp>,
    histograms: &mut Vec<Histogram>,
) -> Option<()> {
    let (header, payload) = chunk.split_first_chunk::<HEADER_BYTES>()?;
    let [high, low, flags] = *header;
    let total = u16::from_be_bytes([high, low]);
    if total == 0 {
        return None;
    }
    let mut bits = BitReader::new(payload);
    let layout = Layout::take(&mut bits, payload.len())?;
    let mut state = match counts {
        Counts::Integer => Sample::Integer(Integers::first(&mut bits, &layout)?),
        Counts::Float => Sample::Float(Floats::first(&mut bits, &layout)?),
    };
    let mut t = Delta::first(state.t());
    for n in 0..total {
        if n > 0 {
            let before = t.value;
            t.next(take_signed(&mut bits)?);
            if t.value <= before {
                return None;
            }
            state.next(&mut bits)?;
        }
        let hint = match flags & RESET_MASK {
            GAUGE => CounterResetHint::Gauge,
            _ if n > 0 => CounterResetHint::NotReset,
            RESET => CounterResetHint::Reset,
            // Also where the chunk says that there was none: the one before may be gone.
            _ => CounterResetHint::Unknown,
        };
        times.push(t.value);
        histograms.push(state.histogram(&layout, hint));
    }
    Some(())
}

/// A number that is written as the change of its change.
#[derive(Clone, Copy, Debug, Default)]
struct Delta {
    value: i64,
    delta: i64,
}

impl Delta {
    fn first(value: i64) -> Self {
        Self { value, delta: 0 }
    }

    /// Reads the next value.
    fn next(&mut self, change: i64) {
        self.delta = self.delta.wrapping_add(change);
        self.value = self.value.wrapping_add(self.delta);
    }

    /// What [`Delta::next`] must be given to come to `value`; it has come there.
    fn change_to(&mut self, value: i64) -> i64 {
        let delta = value.wrapping_sub(self.value);
        let change = delta.wrapping_sub(self.delta);
        *self = Self { value, delta };
        change
    }
}

/// The sample read last.
enum Sample {
    Integer(Integers),
    Float(Floats),
}

struct Integers {
    t: Timestamp,
    count: Delta,
    zero_count: Delta,
    sum: Values,
    positive: Vec<Delta>,
    negative: Vec<Delta>,
}

struct Floats {
    t: Timestamp,
    count: Values,
    zero_count: Values,
    sum: Values,
    positive: Vec<Values>,
    negative: Vec<Values>,
}

impl Sample {
    fn t(&self) -> Timestamp {
        match self {
            Self::Integer(sample) => sample.t,
            Self::Float(sample) => sample.t,
        }
    }

    fn next(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        match self {
            Self::Integer(sample) => sample.next(bits),
            Self::Float(sample) => sample.next(bits),
        }
    }

    fn histogram(&self, layout: &Layout, hint: CounterResetHint) -> Histogram {
        let sum = match self {
            Self::Integer(sample) => f64::from_bits(sample.sum.bits()),
            Self::Float(sample) => f64::from_bits(sample.sum.bits()),
        };
        if is_stale(sum) {
            return Histogram { sum, ..Histogram::default() };
        }
        let (count, zero_count, positive, negative) = match self {
            Self::Integer(Integers { count, zero_count, positive, negative, .. }) => {
                (whole(*count), whole(*zero_count), cumulated(positive), cumulated(negative))
            }
            Self::Float(Floats { count, zero_count, positive, negative, .. }) => {
                let float = |values: &Values| f64::from_bits(values.bits());
                let floats = |all: &[Values]| all.iter().map(float).collect();
                (float(count), float(zero_count), floats(positive), floats(negative))
            }
        };
        Histogram {
            counter_reset_hint: hint,
            schema: layout.schema,
            zero_threshold: layout.zero_threshold,
            zero_count,
            count,
            sum,
            positive_spans: layout.positive_spans.clone(),
            negative_spans: layout.negative_spans.clone(),
            positive,
            negative,
            custom_values: layout.custom_values.clone(),
        }
    }
}

/// A count, which is not negative.
#[expect(clippy::cast_precision_loss, reason = "counts are floats in memory, exact up to 2^53")]
fn whole(number: Delta) -> f64 {
    number.value.cast_unsigned() as f64
}

/// The counts of buckets of which each is written as the difference to the one before.
#[expect(clippy::cast_precision_loss, reason = "counts are floats in memory, exact up to 2^53")]
fn cumulated(buckets: &[Delta]) -> Vec<f64> {
    let sums = buckets.iter().scan(0i64, |sum, bucket| {
        *sum = sum.wrapping_add(bucket.value);
        Some(*sum as f64)
    });
    sums.collect()
}

impl Integers {
    fn first(bits: &mut BitReader<'_>, layout: &Layout) -> Option<Self> {
        let t = take_signed(bits)?;
        let count = Delta::first(take_unsigned(bits)?.cast_signed());
        let zero_count = Delta::first(take_unsigned(bits)?.cast_signed());
        let sum = Values::new(bits.take(64)?);
        let mut buckets = |spans: &[Span]| {
            (0..length(spans)).map(|_| take_signed(bits).map(Delta::first)).collect()
        };
        let positive: Option<Vec<Delta>> = buckets(&layout.positive_spans);
        let negative: Option<Vec<Delta>> = buckets(&layout.negative_spans);
        Some(Self { t, count, zero_count, sum, positive: positive?, negative: negative? })
    }

    fn next(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.count.next(take_signed(bits)?);
        self.zero_count.next(take_signed(bits)?);
        let sum = f64::from_bits(self.sum.take(bits)?);
        if is_stale(sum) {
            return Some(());
        }
        for bucket in self.positive.iter_mut().chain(&mut self.negative) {
            bucket.next(take_signed(bits)?);
        }
        Some(())
    }
}

impl Floats {
    fn first(bits: &mut BitReader<'_>, layout: &Layout) -> Option<Self> {
        let t = take_signed(bits)?;
        let mut value = || bits.take(64).map(Values::new);
        let (count, zero_count, sum) = (value()?, value()?, value()?);
        let mut buckets = |spans: &[Span]| (0..length(spans)).map(|_| value()).collect();
        let positive: Option<Vec<Values>> = buckets(&layout.positive_spans);
        let negative: Option<Vec<Values>> = buckets(&layout.negative_spans);
        Some(Self { t, count, zero_count, sum, positive: positive?, negative: negative? })
    }

    fn next(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.count.take(bits)?;
        self.zero_count.take(bits)?;
        let sum = f64::from_bits(self.sum.take(bits)?);
        if is_stale(sum) {
            return Some(());
        }
        for bucket in self.positive.iter_mut().chain(&mut self.negative) {
            bucket.take(bits)?;
        }
        Some(())
    }
}
