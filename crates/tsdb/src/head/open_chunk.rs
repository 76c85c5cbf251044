//! The chunk of a series that grows, and the values that come to it.

use chunk::ChunkAppender;
use model::Timestamp;

use super::coding::Coding;
use crate::histogram::{self, HistogramChunk};
use crate::stats::Kind;

/// The chunk that grows; a chunk holds samples of one kind.
#[derive(Debug)]
pub(super) enum OpenChunk {
    Floats(ChunkAppender),
    /// In a box: few series have histograms.
    Histograms(Box<HistogramChunk>),
}

impl OpenChunk {
    pub(super) fn count(&self) -> u16 {
        match self {
            Self::Floats(chunk) => chunk.count(),
            Self::Histograms(chunk) => chunk.count(),
        }
    }

    pub(super) fn len_bytes(&self) -> usize {
        match self {
            Self::Floats(chunk) => chunk.len_bytes(),
            Self::Histograms(chunk) => chunk.bytes().len(),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Floats(chunk) => chunk.to_bytes(),
            Self::Histograms(chunk) => chunk.bytes().to_vec(),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Floats(_) => Kind::Float,
            Self::Histograms(_) => Kind::Histogram,
        }
    }

    /// Time and mark of the newest sample.
    pub(super) fn newest(&self) -> Option<(Timestamp, Mark)> {
        match self {
            Self::Floats(chunk) => chunk.last().map(|(t, v)| (t, Value::Float(v).mark())),
            Self::Histograms(chunk) => {
                let mark = |bits| Mark { kind: Kind::Histogram, bits };
                chunk.last().map(|(t, bits)| (t, mark(bits)))
            }
        }
    }

    pub(super) fn coding(&self) -> Coding {
        match self {
            Self::Floats(_) => Coding::Bits,
            Self::Histograms(_) => Coding::Histograms,
        }
    }
}

/// A value as it comes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Float(f64),
    /// A histogram, as bytes.
    Histogram(&'a [u8]),
}

impl Value<'_> {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Float(_) => Kind::Float,
            Self::Histogram(_) => Kind::Histogram,
        }
    }

    pub(super) fn mark(self) -> Mark {
        match self {
            Self::Float(v) => Mark { kind: Kind::Float, bits: v.to_bits() },
            Self::Histogram(bytes) => {
                Mark { kind: Kind::Histogram, bits: histogram::fingerprint(bytes) }
            }
        }
    }
}

/// What tells a value from another one: the bits of a float, the fingerprint of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    kind: Kind,
    bits: u64,
}

impl Mark {
    pub(super) fn kind(self) -> Kind {
        self.kind
    }

    /// The value, if it is of a float.
    pub(super) fn float(self) -> Option<f64> {
        (self.kind == Kind::Float).then(|| f64::from_bits(self.bits))
    }
}
