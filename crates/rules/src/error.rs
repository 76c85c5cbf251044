//! Why the evaluation of a rule failed. The texts are Prometheus's.

use promql::EngineError;
use storage::{AppendError, CommitError};

/// Why the evaluation of a rule failed.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The expression has no value.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The expression gives a matrix or a text.
    #[error("rule result is not a vector or scalar")]
    NotAVector,
    /// Two elements become one series.
    #[error("vector contains metrics with the same labelset after applying rule labels")]
    SameSeries,
    /// Two elements become one alert.
    #[error("vector contains metrics with the same labelset after applying alert labels")]
    SameAlert,
    /// More series than the group's limit.
    #[error("exceeded limit of {limit} with {found} series")]
    TooManySeries {
        /// The limit.
        limit: u64,
        /// How many there are.
        found: usize,
    },
    /// More alerts than the group's limit.
    #[error("exceeded limit of {limit} with {found} alerts")]
    TooManyAlerts {
        /// The limit.
        limit: u64,
        /// How many there are.
        found: usize,
    },
    /// A sample was refused.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Nothing could be stored.
    #[error(transparent)]
    Commit(#[from] CommitError),
}
