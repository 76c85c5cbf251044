//! Why a query has no answer. The texts are Prometheus's.

use storage::QueryError;

use crate::eval::series::DuplicateLabelset;
use crate::plan::PlanError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A query that cannot be asked in this way: a range query for a text, a duration without value.
    #[error("{0}")]
    BadQuery(String),
    /// It could not be evaluated.
    #[error("{0}")]
    Execution(String),
    /// The time allowed is over.
    #[error("query timed out in expression evaluation")]
    Timeout,
    /// Who asked does not want the answer any more.
    #[error("query was canceled in expression evaluation")]
    Canceled,
    /// It would hold more samples at once than it may.
    #[error("query processing would load too many samples into memory in query execution")]
    TooManySamples,
    /// The store could not answer.
    #[error("expanding series: {0}")]
    Storage(#[from] QueryError),
}

impl From<PlanError> for EngineError {
    fn from(error: PlanError) -> Self {
        match error {
            // Found when it is evaluated, in Prometheus.
            PlanError::LabelName(_) => Self::Execution(error.to_string()),
            PlanError::Duration(_) | PlanError::TooDeep => Self::BadQuery(error.to_string()),
        }
    }
}

impl From<DuplicateLabelset> for EngineError {
    fn from(_: DuplicateLabelset) -> Self {
        Self::Execution("vector cannot contain metrics with the same labelset".to_owned())
    }
}
