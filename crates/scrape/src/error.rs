//! Why a scrape failed, and why a target could not be made. The words are Prometheus's.

use client::{ClientError, Failure};
use exposition::ParseError;
use exposition::negotiate::ContentTypeError;
use model::labels::Quoted;
use model::time::DurationError;

/// Why one scrape failed. It becomes the target's `lastError`.
#[derive(Debug, thiserror::Error)]
pub enum ScrapeError {
    /// No answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An answer that is not `200`.
    #[error("server returned HTTP status {0}")]
    Status(String),
    /// More bytes than allowed.
    #[error("body size limit exceeded")]
    BodySizeLimit,
    /// A compression that can not be undone.
    #[error(transparent)]
    Encoding(Failure),
    /// A language nobody here speaks.
    #[error(transparent)]
    ContentType(#[from] ContentTypeError),
    /// A body that is not in its format.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// More samples than allowed.
    #[error("sample limit exceeded")]
    SampleLimit,
    /// A series whose labels break a limit.
    #[error("{0}")]
    LabelLimit(String),
    /// A series without a metric name.
    #[error("missing metric name (__name__ label)")]
    NoName,
    /// A label name that comes twice.
    #[error("label name {} is not unique: invalid sample", Quoted(.0))]
    DuplicateLabel(String),
    /// A series with an empty label name.
    #[error("invalid metric name or label names: {0}")]
    InvalidNames(String),
    /// A sample the storage refuses for another reason than its time.
    #[error(transparent)]
    Append(storage::AppendError),
    /// The job has too many targets.
    #[error("{0}")]
    TargetLimit(String),
    /// The part that reads and appends broke down.
    #[error("internal error while appending: {0}")]
    Broken(String),
}

/// Why a discovered target can not be scraped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Relabelling left no address, or discovery gave none.
    #[error("no address")]
    NoAddress,
    /// An address with a path.
    #[error("{} is not a valid hostname", Quoted(.0))]
    Hostname(String),
    /// `__scrape_interval__` or `__scrape_timeout__` is not a duration.
    #[error("error parsing scrape {what}: {source}")]
    Duration {
        /// `interval` or `timeout`.
        what: &'static str,
        /// What is wrong with it.
        source: DurationError,
    },
    /// One of them is zero.
    #[error("scrape {0} cannot be 0")]
    Zero(&'static str),
    /// The timeout lies beyond the next scrape.
    #[error(
        "scrape timeout cannot be greater than scrape interval ({} > {})",
        Quoted(.timeout), Quoted(.interval)
    )]
    TimeoutAboveInterval {
        /// The timeout.
        timeout: String,
        /// The interval.
        interval: String,
    },
}
