//! Samples into a chunk, one more at a time.

use crate::bits::BitWriter;
use crate::timestamps;
use crate::values::Values;

/// So many samples a chunk can count.
pub const MAX_SAMPLES: u16 = u16::MAX;

/// A chunk that grows. Its bytes are whole after every sample.
#[derive(Clone, Debug)]
pub struct ChunkAppender {
    out: BitWriter,
    count: u16,
    t: i64,
    delta: u64,
    values: Values,
}

impl Default for ChunkAppender {
    fn default() -> Self {
        let mut out = BitWriter::default();
        out.put(0, 16);
        Self { out, count: 0, t: 0, delta: 0, values: Values::default() }
    }
}

impl ChunkAppender {
    /// Adds a sample, which is newer than all before; false, and nothing added, if the chunk is full.
    pub fn append(&mut self, t: i64, v: f64) -> bool {
        let Some(count) = self.count.checked_add(1) else { return false };
        debug_assert!(self.count == 0 || t > self.t);
        let delta = t.wrapping_sub(self.t).cast_unsigned();
        match self.count {
            0 => {
                self.out.put_varint(((t << 1) ^ (t >> 63)).cast_unsigned());
                self.out.put(v.to_bits(), 64);
                self.values = Values::new(v.to_bits());
            }
            1 => {
                self.out.put_varint(delta);
                self.values.put(&mut self.out, v.to_bits());
                self.delta = delta;
            }
            _ => {
                timestamps::put(&mut self.out, delta.wrapping_sub(self.delta).cast_signed());
                self.values.put(&mut self.out, v.to_bits());
                self.delta = delta;
            }
        }
        self.t = t;
        self.count = count;
        let [high, low] = count.to_be_bytes();
        if let [first, second, ..] = self.out.bytes_mut().as_mut_slice() {
            (*first, *second) = (high, low);
        }
        true
    }

    /// How many samples there are.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The newest sample; `None` before the first.
    pub fn last(&self) -> Option<(i64, f64)> {
        (self.count > 0).then(|| (self.t, f64::from_bits(self.values.bits())))
    }

    /// The chunk so far; of no meaning before the first sample.
    pub fn bytes(&self) -> &[u8] {
        self.out.bytes()
    }

    /// The chunk.
    pub fn into_bytes(mut self) -> Vec<u8> {
        std::mem::take(self.out.bytes_mut())
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
    out.extend_from_slice(chunk.bytes());
}
