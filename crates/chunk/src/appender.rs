//! Samples into a chunk, one more at a time.

use crate::bits::BitWriter;
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
    /// Adds a sample, which is newer than all before; false, and nothing added, if the chunk is full.
    pub fn append(&mut self, t: i64, v: f64) -> bool {
        let Some(count) = self.count.checked_add(1) else { return false };
        debug_assert!(self.count == 0 || t > self.t);
        let parts = (std::mem::take(&mut self.bytes), self.word, self.used);
        let mut out = BitWriter::from_parts(parts);
        let mut values = Values::from_parts((self.bits, self.window));
        let delta = t.wrapping_sub(self.t).cast_unsigned();
        match self.count {
            0 => {
                out.put_varint(((t << 1) ^ (t >> 63)).cast_unsigned());
                out.put(v.to_bits(), 64);
                values = Values::new(v.to_bits());
            }
            1 => {
                out.put_varint(delta);
                values.put(&mut out, v.to_bits());
                self.delta = delta;
            }
            _ => {
                timestamps::put(&mut out, delta.wrapping_sub(self.delta).cast_signed());
                values.put(&mut out, v.to_bits());
                self.delta = delta;
            }
        }
        (self.bytes, self.word, self.used) = out.into_parts();
        (self.bits, self.window) = values.into_parts();
        (self.t, self.count) = (t, count);
        true
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
    for (t, v) in timestamps.iter().zip(values) {
        chunk.append(*t, *v);
    }
    out.extend_from_slice(&chunk.to_bytes());
}
