//! How the bytes of a chunk of the head are to be read.

use chunk::column;
use storage::{ChunkMeta, Columns};

use crate::histogram;

/// What the bytes of a chunk are; its number stands before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Coding {
    /// Floats as a [`chunk::ChunkAppender`] writes them: the chunk that grows.
    Bits = 0,
    /// Histograms, one behind the other.
    Histograms = 1,
    /// Floats of a closed chunk: a column of times since the first one, and a column of values.
    Columns = 2,
}

impl Coding {
    /// Its number.
    pub(super) fn byte(self) -> u8 {
        self as u8
    }

    /// The coding of this number.
    pub(super) fn of(byte: u8) -> Option<Self> {
        [Self::Bits, Self::Histograms, Self::Columns].into_iter().find(|c| c.byte() == byte)
    }

    /// Appends the samples of a chunk to columns; `None` if the bytes are something else, and then
    /// some may be there. Never takes more memory than the largest of chunks.
    pub(super) fn decode(self, meta: ChunkMeta, bytes: &[u8], columns: &mut Columns) -> Option<()> {
        let Columns { timestamps, values, histogram_timestamps, histograms, .. } = columns;
        match self {
            Self::Bits => timestamps.extend_with(|times| chunk::decode(bytes, times, values)).ok(),
            Self::Histograms => histogram::decode(bytes, histogram_timestamps, histograms),
            Self::Columns => {
                let mut rest = bytes;
                let count = u16::try_from(meta.count).ok()?.into();
                timestamps.extend_with(|times| {
                    column::decode_ints(&mut rest, count, times).ok()?;
                    times.iter_mut().for_each(|t| *t = t.wrapping_add(meta.min_t));
                    Some(())
                })?;
                column::decode_floats(&mut rest, count, values).ok()?;
                rest.is_empty().then_some(())
            }
        }
    }
}
