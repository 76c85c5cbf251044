//! Samples into a chunk, one more at a time.

use crate::bits::BitWriter;
use crate::iter::SampleIter;
use crate::timestamps;
use crate::values::{Values, Window};

/// So many samples a chunk can count.
pub const MAX_SAMPLES: u16 = u16::MAX;
/// The count takes so many bytes, the first.
const COUNT_BYTES: usize = 2;

/// A chunk that grows.
///
/// There is one for each series of the head, so a writer and a column lie here in parts, and a sample
/// mostly touches nothing else: the bytes are rarely at hand.
#[derive(Clone, Debug, Default)]
pub struct ChunkAppender {
    /// Whole words of the chunk, behind the count.
    bytes: Vec<u8>,
    /// The bits behind `bytes`.
    word: u64,
    t: i64,
    delta: u64,
    /// The bits of the newest value.
    bits: u64,
    window: Option<Window>,
    /// How many bits of `word` are there.
    used: u8,
    count: u16,
}

impl ChunkAppender {
    /// The appender that goes on where `bytes` end, and the time of their first sample; `None` if they
    /// are no chunk, or none that ends there.
    ///
    /// Equals an appender that was given the samples of `bytes`, without writing them again.
    pub fn resume(bytes: &[u8]) -> Option<(Self, i64)> {
        let mut samples = SampleIter::new(bytes).ok()?;
        let count = samples.total();
        let first_t = samples.next()?.ok()?.t;
        samples.by_ref().try_for_each(|sample| sample.map(drop)).ok()?;
        let (t, delta, values, left) = samples.into_state();
        let body = bytes.get(COUNT_BYTES..)?;
        // What is left fills the last byte up.
        let used = (body.len() * 8).checked_sub(left).filter(|_| left < 8)?;
        let (words, rest) = body.split_at_checked(used / 64 * 8)?;
        let mut word = [0; 8];
        word.get_mut(..rest.len())?.copy_from_slice(rest);
        let (word, used) = (u64::from_be_bytes(word), u8::try_from(used % 64).ok()?);
        // Bits are or-ed to it.
        (word << used == 0 || used == 0).then_some(())?;
        let (bits, window) = values.into_parts();
        let bytes = words.to_vec();
        Some((Self { bytes, word, t, delta, bits, window, used, count }, first_t))
    }

    /// Adds a sample, which is newer than all before; false, and nothing added, if the chunk is full.
    pub fn append(&mut self, t: i64, v: f64) -> bool {
        self.extend(&[t], &[v])
    }

    /// Adds samples, which are newer than all before, in their order; false, and nothing added, if the
    /// chunk has no room for all of them. Both columns have one length.
    pub fn extend(&mut self, times: &[i64], values: &[f64]) -> bool {
        debug_assert_eq!(times.len(), values.len());
        if times.len() > usize::from(MAX_SAMPLES - self.count) {
            return false;
        }
        let parts = (std::mem::take(&mut self.bytes), self.word, self.used);
        let mut out = BitWriter::from_parts(parts);
        let mut column = Values::from_parts((self.bits, self.window));
        for (t, v) in times.iter().zip(values) {
            self.put(&mut out, &mut column, *t, v.to_bits());
        }
        (self.bytes, self.word, self.used) = out.into_parts();
        (self.bits, self.window) = column.into_parts();
        true
    }

    /// Writes a sample behind the last.
    #[inline]
    fn put(&mut self, out: &mut BitWriter, column: &mut Values, t: i64, bits: u64) {
        debug_assert!(self.count == 0 || t > self.t);
        let delta = t.wrapping_sub(self.t).cast_unsigned();
        match self.count {
            0 => {
                out.put_varint(((t << 1) ^ (t >> 63)).cast_unsigned());
                out.put(bits, 64);
                *column = Values::new(bits);
            }
            1 => {
                out.put_varint(delta);
                column.put(out, bits);
                self.delta = delta;
            }
            _ => {
                timestamps::put(out, delta.wrapping_sub(self.delta).cast_signed());
                column.put(out, bits);
                self.delta = delta;
            }
        }
        self.t = t;
        self.count += 1;
    }

    /// How many samples there are.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The newest sample; `None` before the first.
    pub fn last(&self) -> Option<(i64, f64)> {
        (self.count > 0).then(|| (self.t, f64::from_bits(self.bits)))
    }

    /// How many bytes the chunk has so far.
    pub fn len_bytes(&self) -> usize {
        COUNT_BYTES + self.bytes.len() + usize::from(self.used.div_ceil(8))
    }

    /// The chunk so far; of no meaning before the first sample.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len_bytes());
        bytes.extend_from_slice(&self.count.to_be_bytes());
        bytes.extend_from_slice(&self.bytes);
        bytes.extend(self.word.to_be_bytes().iter().take(usize::from(self.used.div_ceil(8))));
        bytes
    }
}

/// Appends the chunk of these samples to `out`. Both columns have one length, from 1 to
/// [`MAX_SAMPLES`]; times rise.
pub fn encode(timestamps: &[i64], values: &[f64], out: &mut Vec<u8>) {
    debug_assert_eq!(timestamps.len(), values.len());
    debug_assert!((1..=usize::from(MAX_SAMPLES)).contains(&timestamps.len()));
    let mut chunk = ChunkAppender::default();
    chunk.extend(timestamps, values);
    out.extend_from_slice(&chunk.to_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunk(samples: &[(i64, u64)]) -> ChunkAppender {
        let mut chunk = ChunkAppender::default();
        samples.iter().for_each(|(t, bits)| assert!(chunk.append(*t, f64::from_bits(*bits))));
        chunk
    }

    fn samples() -> impl Strategy<Value = Vec<(i64, u64)>> {
        let step = prop_oneof![Just(15_000i64), 1i64..100_000, Just(1i64 << 40)];
        let bits = prop_oneof![any::<u64>(), (0u32..9).prop_map(|n| f64::from(n).to_bits())];
        prop::collection::vec((step, bits), 1..60).prop_map(|steps| {
            let mut t = -40_000;
            let sample = |(step, bits)| {
                t += step;
                (t, bits)
            };
            steps.into_iter().map(sample).collect()
        })
    }

    proptest! {
        #[test]
        fn a_chunk_is_resumed_as_if_it_had_never_ended(samples in samples(), more in samples()) {
            let mut whole = chunk(&samples);
            let (mut resumed, first_t) = ChunkAppender::resume(&whole.to_bytes()).unwrap();
            prop_assert_eq!(first_t, samples[0].0);
            prop_assert_eq!(format!("{resumed:?}"), format!("{whole:?}"));
            let last = samples[samples.len() - 1].0 + 50_000;
            for (t, bits) in more {
                whole.append(last + t, f64::from_bits(bits));
                resumed.append(last + t, f64::from_bits(bits));
            }
            prop_assert_eq!(resumed.to_bytes(), whole.to_bytes());
        }

        #[test]
        fn what_is_not_just_a_chunk_is_not_resumed(samples in samples(), bit in 0u32..8) {
            let bytes = chunk(&samples).to_bytes();
            for len in 0..bytes.len() {
                prop_assert!(ChunkAppender::resume(&bytes[..len]).is_none());
            }
            prop_assert!(ChunkAppender::resume(&[&bytes[..], &[0]].concat()).is_none());
            let mut flipped = bytes;
            *flipped.last_mut().unwrap() ^= 1 << bit;
            if let Some((resumed, _)) = ChunkAppender::resume(&flipped) {
                prop_assert_eq!(resumed.to_bytes(), flipped, "it stands for these bytes");
            }
        }
    }
}
