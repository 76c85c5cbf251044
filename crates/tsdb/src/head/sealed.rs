//! The closed chunks of one series, packed one behind the other.
//!
//! Most of what the head holds is here, so there is nothing but bytes: no allocation, no pointer and
//! no padding for a chunk. Floats are columns as in blocks, quick to write rather than as short as
//! they can be; histograms stay what they were. To find a chunk is to walk over those before it.

use std::cell::RefCell;

use chunk::column::{self, Effort};
use model::Timestamp;
use storage::ChunkMeta;

use super::coding::Coding;
use crate::cursor::{Cursor, put_size, put_varint, put_zigzag};

const OWN: &str = "the head's own chunk";

/// Closed chunks, the oldest first.
///
/// Of each: a byte for the coding, the time of the first sample (zigzag) and how much later the last
/// one is, the number of samples, the number of bytes (varints), and these.
#[derive(Debug, Default)]
pub(super) struct Sealed {
    bytes: Box<[u8]>,
}

/// Buffers; of no meaning between chunks.
#[derive(Debug, Default)]
struct Sealing {
    times: Vec<Timestamp>,
    values: Vec<f64>,
    bytes: Vec<u8>,
}

thread_local! {
    static SEALING: RefCell<Sealing> = RefCell::default();
}

/// One closed chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct SealedChunk<'a> {
    pub(super) meta: ChunkMeta,
    pub(super) coding: Coding,
    pub(super) bytes: &'a [u8],
    /// Where the next one begins.
    end: usize,
}

impl Sealed {
    /// Adds a chunk of floats, newer than all others, whose first sample is at `min_t`: first those that
    /// are given as the bytes of a [`chunk::ChunkAppender`], if there are any, then others.
    pub(super) fn push_floats(
        &mut self,
        min_t: Timestamp,
        bits: &[u8],
        more_times: &[Timestamp],
        more_values: &[f64],
    ) {
        SEALING.with_borrow_mut(|Sealing { times, values, bytes }| {
            times.clear();
            values.clear();
            bytes.clear();
            if !bits.is_empty() {
                chunk::decode(bits, times, values).expect(OWN);
            }
            times.extend_from_slice(more_times);
            values.extend_from_slice(more_values);
            let Some(&max_t) = times.last() else { return };
            let count = u32::try_from(times.len()).expect("few samples");
            times.iter_mut().for_each(|t| *t = t.wrapping_sub(min_t));
            column::encode_ints(times, Effort::Fast, bytes);
            column::encode_floats(values, Effort::Fast, bytes);
            self.push(ChunkMeta { min_t, max_t, count }, Coding::Columns, bytes);
        });
    }

    /// Adds a chunk, newer than all others.
    pub(super) fn push(&mut self, meta: ChunkMeta, coding: Coding, bytes: &[u8]) {
        let mut head = Vec::with_capacity(32);
        head.push(coding.byte());
        put_zigzag(&mut head, meta.min_t);
        put_varint(&mut head, meta.max_t.wrapping_sub(meta.min_t).cast_unsigned());
        put_varint(&mut head, meta.count.into());
        put_size(&mut head, bytes.len());
        let mut all = std::mem::take(&mut self.bytes).into_vec();
        all.reserve_exact(head.len() + bytes.len());
        all.extend_from_slice(&head);
        all.extend_from_slice(bytes);
        self.bytes = all.into_boxed_slice();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// All chunks, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = SealedChunk<'_>> {
        let mut cursor = Cursor::new(&self.bytes);
        std::iter::from_fn(move || {
            (!cursor.is_at_end()).then(|| self.next(&mut cursor).expect(OWN))
        })
    }

    fn next<'a>(&self, cursor: &mut Cursor<'a>) -> Option<SealedChunk<'a>> {
        let coding = cursor.take(1)?.first().and_then(|byte| Coding::of(*byte))?;
        let min_t = cursor.zigzag()?;
        let max_t = min_t.wrapping_add(cursor.varint()?.cast_signed());
        let meta = ChunkMeta { min_t, max_t, count: cursor.number()? };
        let bytes = cursor.take_sized()?;
        Some(SealedChunk { meta, coding, bytes, end: self.bytes.len() - cursor.rest().len() })
    }

    /// Drops chunks all of whose samples are before `t`; returns how many.
    pub(super) fn drop_before(&mut self, t: Timestamp) -> usize {
        let old = self.iter().take_while(|chunk| chunk.meta.max_t < t);
        let (dropped, end) = old.fold((0, 0), |(dropped, _), chunk| (dropped + 1, chunk.end));
        if dropped > 0 {
            self.bytes = self.bytes[end..].into();
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use storage::Columns;

    fn samples() -> impl Strategy<Value = Vec<(i64, u64)>> {
        let step = prop_oneof![Just(15_000i64), 1i64..100_000, Just(1i64 << 40)];
        let bits = prop_oneof![
            any::<u64>(),
            Just(model::sample::STALE_NAN.to_bits()),
            (0u32..1000).prop_map(|n| (f64::from(n) / 10.0).to_bits()),
        ];
        (any::<i32>(), prop::collection::vec((step, bits), 1..130)).prop_map(|(start, steps)| {
            let mut t = i64::from(start);
            let sample = |(step, bits)| {
                t += step;
                (t, bits)
            };
            steps.into_iter().map(sample).collect()
        })
    }

    fn push(sealed: &mut Sealed, samples: &[(i64, u64)]) {
        let mut chunk = chunk::ChunkAppender::default();
        let (early, more) = samples.split_at(samples.len() / 3);
        early.iter().for_each(|(t, bits)| assert!(chunk.append(*t, f64::from_bits(*bits))));
        let bits = if early.is_empty() { Vec::new() } else { chunk.to_bytes() };
        let times: Vec<i64> = more.iter().map(|(t, _)| *t).collect();
        let values: Vec<f64> = more.iter().map(|(_, bits)| f64::from_bits(*bits)).collect();
        sealed.push_floats(samples[0].0, &bits, &times, &values);
    }

    fn read(sealed: &Sealed) -> Vec<(i64, u64)> {
        let mut columns = Columns::default();
        for chunk in sealed.iter() {
            chunk.coding.decode(chunk.meta, chunk.bytes, &mut columns).unwrap();
        }
        let bits = columns.values.iter().map(|v| v.to_bits());
        columns.timestamps.iter().copied().zip(bits).collect()
    }

    proptest! {
        #[test]
        fn what_is_sealed_comes_back(samples in samples(), split in 0usize..130, cut in 0usize..130) {
            let (old, new) = samples.split_at(split.min(samples.len()));
            let mut sealed = Sealed::default();
            for part in [old, new].iter().filter(|part| !part.is_empty()) {
                push(&mut sealed, part);
            }
            prop_assert_eq!(&read(&sealed), &samples);
            let t = samples[cut.min(samples.len() - 1)].0;
            let gone = [old, new].iter().filter(|part| part.last().is_some_and(|s| s.0 < t)).count();
            prop_assert_eq!(sealed.drop_before(t), gone);
            let left = if gone == 0 { &samples[..] } else { new };
            prop_assert_eq!(&read(&sealed), left);
        }
    }
}
