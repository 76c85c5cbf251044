//! Samples out of a chunk: the mirror image of the appender.

#![deny(clippy::indexing_slicing)]

use model::Sample;

use crate::bits::BitReader;
use crate::timestamps;
use crate::values::Values;

/// Bytes that are not a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunk's bits end or make no sense at sample {at} of {count}")]
pub struct ChunkError {
    /// Samples that could be read.
    pub at: u16,
    /// Samples that the chunk says it has.
    pub count: u16,
}

/// The samples of a chunk in order of time; ends after an error.
#[derive(Clone, Debug)]
pub struct SampleIter<'a> {
    bits: BitReader<'a>,
    count: u16,
    read: u16,
    t: i64,
    delta: u64,
    values: Values,
}

impl<'a> SampleIter<'a> {
    /// The samples in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Result<Self, ChunkError> {
        let mut bits = BitReader::new(bytes);
        let count = bits.take(16).and_then(|count| u16::try_from(count).ok()).unwrap_or(0);
        if count == 0 {
            return Err(ChunkError { at: 0, count });
        }
        Ok(Self { bits, count, read: 0, t: 0, delta: 0, values: Values::default() })
    }

    /// How many samples the chunk says it has in all.
    pub fn total(&self) -> u16 {
        self.count
    }

    /// What the next sample would go on from: the time and the delta before, the values, and how many bits
    /// are left.
    pub(crate) fn into_state(self) -> (i64, u64, Values, usize) {
        (self.t, self.delta, self.values, self.bits.left())
    }

    #[inline]
    fn take(&mut self) -> Option<Sample> {
        let bits = match self.read {
            0 => {
                let coded = self.bits.take_varint()?;
                self.t = (coded >> 1).cast_signed() ^ -(coded & 1).cast_signed();
                let bits = self.bits.take(64)?;
                self.values = Values::new(bits);
                bits
            }
            read => {
                self.delta = match read {
                    1 => self.bits.take_varint()?,
                    _ => self.delta.wrapping_add_signed(timestamps::take(&mut self.bits)?),
                };
                // Time never falls: of a chunk that was written so, no delta is zero or too large.
                self.t = self.t.checked_add_unsigned(self.delta).filter(|_| self.delta > 0)?;
                self.values.take(&mut self.bits)?
            }
        };
        self.read += 1;
        Some(Sample { t: self.t, v: f64::from_bits(bits) })
    }
}

impl Iterator for SampleIter<'_> {
    type Item = Result<Sample, ChunkError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.read == self.count {
            return None;
        }
        let taken = self.take();
        let error = ChunkError { at: self.read, count: self.count };
        if taken.is_none() {
            self.read = self.count;
        }
        Some(taken.ok_or(error))
    }
}

/// Appends the samples of a chunk to two columns. After an error some may have been appended.
pub fn decode(
    bytes: &[u8],
    timestamps: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), ChunkError> {
    let samples = SampleIter::new(bytes)?;
    // A sample takes at least two bits, whatever the count says.
    let likely = usize::from(samples.total()).min(bytes.len().saturating_mul(4));
    timestamps.reserve(likely);
    values.reserve(likely);
    for sample in samples {
        let Sample { t, v } = sample?;
        timestamps.push(t);
        values.push(v);
    }
    Ok(())
}
