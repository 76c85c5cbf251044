//! Failures as clients see them: a kind, which decides the status and the `errorType`, and a text.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use promql::EngineError;
use storage::QueryError;

use crate::json::{self, Escape};

/// What kind of failure it is. The table of statuses is Prometheus 3.5's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// The request makes no sense.
    BadData,
    /// The query makes sense, but not with this data.
    Execution,
    /// Who asked has gone.
    Canceled,
    /// It took too long.
    Timeout,
    /// Our fault.
    Internal,
    /// Switched off.
    Unavailable,
    /// Too many others ask.
    Busy,
    /// Nothing of that name.
    NotFound,
}

impl ErrorKind {
    fn row(self) -> (&'static str, u16) {
        match self {
            Self::BadData => ("bad_data", 400),
            Self::Execution => ("execution", 422),
            Self::Canceled => ("canceled", 499),
            Self::Timeout => ("timeout", 503),
            Self::Internal => ("internal", 500),
            Self::Unavailable => ("unavailable", 500),
            // One that clients may try again, and that Grafana reads.
            Self::Busy => ("unavailable", 503),
            Self::NotFound => ("not_found", 404),
        }
    }
}

/// A failure. Becomes an error envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn bad_data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadData, message)
    }

    /// A parameter that makes no sense.
    pub(crate) fn parameter(name: &str, problem: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter \"{name}\": {problem}"))
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.row().1).expect("the table has valid codes")
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let kind = match &error {
            EngineError::BadQuery(problem) => return Self::parameter("query", problem),
            EngineError::Execution(_) | EngineError::TooManySamples => ErrorKind::Execution,
            EngineError::Timeout => ErrorKind::Timeout,
            EngineError::Canceled => ErrorKind::Canceled,
            EngineError::Storage(_) => ErrorKind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

/// A store that cannot be read outside a query: Prometheus says so with `execution`.
impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::new(ErrorKind::Execution, error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = Vec::with_capacity(self.message.len() + 64);
        body.extend_from_slice(b"{\"status\":\"error\",\"errorType\":\"");
        body.extend_from_slice(self.kind.row().0.as_bytes());
        body.extend_from_slice(b"\",\"error\":");
        json::text(&mut body, &self.message, Escape::Html);
        body.push(b'}');
        (self.status(), [(CONTENT_TYPE, "application/json")], body).into_response()
    }
}
