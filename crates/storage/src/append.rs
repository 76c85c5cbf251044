//! Appending: samples are staged one by one and become visible together.

use std::fmt;
use std::num::NonZeroU64;

use model::float::General;
use model::{Histogram, Labels, Timestamp};

/// A store's own number for a series. Never used for another series while the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesRef(pub NonZeroU64);

/// Why one sample was refused. The texts are Prometheus's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Older than the series' newest sample.
    #[error("out of order sample")]
    OutOfOrder,
    /// Too old for the store to take at all.
    #[error("out of bounds")]
    OutOfBounds,
    /// Older than the window in which samples may come out of order.
    #[error("too old sample")]
    TooOld,
    /// Another value at the newest sample's time; of a float, [`AppendError::DuplicateFloat`].
    #[error("duplicate sample for timestamp")]
    DuplicateTimestamp,
    /// A float at the newest sample's time, whose value is another one.
    #[error("duplicate sample for timestamp{0}")]
    DuplicateFloat(Conflict),
    /// Labels that name no series: empty, or without a metric name where one is needed.
    #[error("invalid labels: {0}")]
    InvalidLabels(String),
    /// A histogram that makes no sense.
    #[error("invalid histogram: {0}")]
    InvalidHistogram(String),
    /// The store has no room for this kind of sample.
    #[error("native histograms are not supported by this store")]
    HistogramsUnsupported,
    /// An exemplar older than the newest of its series.
    #[error("out of order exemplar")]
    ExemplarOutOfOrder,
    /// An exemplar with labels that are too long.
    #[error("label length for exemplar exceeds maximum of 128 UTF-8 characters")]
    ExemplarTooLong,
}

/// A float that came where another value is. Values are kept as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    t: Timestamp,
    /// `None` if a histogram is there.
    existing: Option<u64>,
    new: u64,
}

impl Conflict {
    /// `new` came at `t`, where `existing` is; `None` for a histogram.
    pub fn new(t: Timestamp, existing: Option<f64>, new: f64) -> Self {
        Self { t, existing: existing.map(f64::to_bits), new: new.to_bits() }
    }
}

/// What follows "duplicate sample for timestamp". Prometheus takes the time 0 for none.
impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.t == 0 {
            return Ok(());
        }
        write!(f, " {}; overrides not allowed: existing ", self.t)?;
        match self.existing {
            Some(bits) => write!(f, "{}", General(f64::from_bits(bits)))?,
            None => f.write_str("is a histogram")?,
        }
        write!(f, ", new value {}", General(f64::from_bits(self.new)))
    }
}

/// Why a commit failed. None of its samples is visible, but for [`CommitError::Unsynced`].
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The store cannot write: disk full, read-only, an I/O error.
    #[error("cannot write {path}: {cause}")]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Written and visible, but a power cut may still undo it. Committing the same once more is right.
    #[error("cannot bring {path} to the disk: {cause}")]
    Unsynced {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The store is closed.
    #[error("the storage is shutting down")]
    Closed,
}

impl CommitError {
    /// The same, of a commit that was written.
    pub fn unsynced(self) -> Self {
        match self {
            Self::Io { path, cause } => Self::Unsynced { path, cause },
            other => other,
        }
    }
}

/// An example of what a sample counts: labels that lead elsewhere, most often to a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Labels of the exemplar itself.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
    /// When it was seen, if that was said; else it was with the sample it comes with.
    pub timestamp: Option<Timestamp>,
}

/// Something samples can be appended to.
pub trait Appendable: Send + Sync {
    /// Begins a unit of work.
    fn appender(&self) -> Box<dyn Appender + '_>;
}

/// A unit of work. Dropped without a commit, it leaves no trace.
pub trait Appender: Send {
    /// Stages one sample.
    ///
    /// `known` is the reference an earlier append of these very labels gave; with it `labels` is not
    /// looked at, unless the reference has gone stale. On an error this sample is left out, nothing
    /// else.
    ///
    /// A sample is held against what was committed before. Of samples of one series within a unit of
    /// work, those that are not newer than the ones before are left out at the commit, as in
    /// Prometheus, or taken out of order.
    fn append(
        &mut self,
        known: Option<SeriesRef>,
        labels: &Labels,
        t: Timestamp,
        v: f64,
    ) -> Result<SeriesRef, AppendError>;

    /// Stages one native histogram; the same otherwise.
    fn append_histogram(
        &mut self,
        known: Option<SeriesRef>,
        labels: &Labels,
        t: Timestamp,
        histogram: &Histogram,
    ) -> Result<SeriesRef, AppendError>;

    /// Stages an exemplar of the series whose sample was appended last; it may be one the store has
    /// already, or has no use for. Stores without exemplars drop it.
    fn append_exemplar(
        &mut self,
        series: SeriesRef,
        exemplar: &Exemplar,
    ) -> Result<(), AppendError>;

    /// Makes everything staged visible, whole. Returns how many samples that were.
    fn commit(self: Box<Self>) -> Result<usize, CommitError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_reads_as_in_prometheus() {
        for (t, existing, new, text) in [
            (5, Some(3.0), 4.0, " 5; overrides not allowed: existing 3, new value 4"),
            (5, Some(1e6), 1e21, " 5; overrides not allowed: existing 1e+06, new value 1e+21"),
            (5, Some(1.5), 1.5e-7, " 5; overrides not allowed: existing 1.5, new value 1.5e-07"),
            (
                -5,
                Some(f64::INFINITY),
                123456789.5,
                " -5; overrides not allowed: existing +Inf, new value 1.234567895e+08",
            ),
            (5, None, 6.0, " 5; overrides not allowed: existing is a histogram, new value 6"),
            (0, Some(3.0), 4.0, ""),
        ] {
            let error = AppendError::DuplicateFloat(Conflict::new(t, existing, new));
            assert_eq!(error.to_string(), format!("duplicate sample for timestamp{text}"));
        }
    }
}
