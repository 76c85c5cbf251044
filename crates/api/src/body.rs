//! Bodies of requests: read whole, up to a size, within the time a request may take to arrive.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};

use crate::state::Options;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is larger than it may be, or the connection ended.
    #[error("{limit} bytes at most: {problem}")]
    Broken { limit: usize, problem: String },
    /// It did not arrive in time.
    #[error("it did not arrive within {seconds} s")]
    Slow { seconds: f64 },
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(body: Body, limit: usize, options: &Options) -> Result<Bytes, BodyError> {
    let collected = tokio::time::timeout(options.read_timeout, Limited::new(body, limit).collect());
    match collected.await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) => Err(BodyError::Broken { limit, problem: error.to_string() }),
        Err(_) => Err(BodyError::Slow { seconds: options.read_timeout.as_secs_f64() }),
    }
}
