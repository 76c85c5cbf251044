//! A chunk as a row of the index names it: its times, and where its values lie.

use storage::ChunkMeta;

/// Bytes in the data file, their checksum not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Where they begin.
    pub(crate) offset: u64,
    /// How many they are.
    pub(crate) len: u32,
}

/// A column of bytes in the data file, or so short that it stands in the row itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// In the row.
    Inline(Short),
    /// In the data file.
    Stored(Stored),
}

/// The values of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// A column of its own.
    Own(Column),
    /// What is to be added, value by value, to a column of another series.
    Relative {
        /// The other series' values.
        base: Stored,
        /// The differences.
        difference: Column,
    },
}

/// What the values of a chunk are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Floats.
    Floats,
    /// Native histograms.
    Histograms,
}

/// A column of times, which chunks of many series share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeColumn {
    /// The first and the last time, and how many.
    pub(crate) meta: ChunkMeta,
    /// Where the times lie.
    pub(crate) stored: Stored,
}

/// A chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkSlot {
    /// When its samples are.
    pub(crate) times: TimeColumn,
    /// What they are.
    pub(crate) kind: Kind,
    /// Where they lie.
    pub(crate) values: Values,
}

impl ChunkSlot {
    /// Its times and how many samples it has.
    pub(crate) fn meta(&self) -> ChunkMeta {
        self.times.meta
    }
}

/// A few bytes, copied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short {
    len: u8,
    bytes: [u8; Self::MAX],
}

impl Short {
    /// As many as a constant column takes at most.
    pub(crate) const MAX: usize = 15;

    /// A copy of `bytes`, if they are few enough.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let mut short = Self { len: u8::try_from(bytes.len()).ok()?, bytes: [0; Self::MAX] };
        short.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(short)
    }

    /// The bytes.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl std::fmt::Debug for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02x?}", self.as_slice())
    }
}
