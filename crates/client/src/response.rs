//! A whole answer.

use std::io::Read;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};

use crate::Failure;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as it came, perhaps compressed.
    pub body: Bytes,
    pub(crate) limit_bytes: usize,
}

impl Response {
    /// The `Content-Type`; empty if there is none.
    pub fn content_type(&self) -> &str {
        self.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The status as Go prints it: `404 Not Found`.
    pub fn status_text(&self) -> String {
        let reason = self.status.canonical_reason().unwrap_or_default();
        format!("{} {reason}", self.status.as_u16()).trim_end().to_owned()
    }

    /// The body without its compression. The limit holds for what comes out, too.
    pub fn decoded(&self) -> Result<Bytes, Failure> {
        let gzip = self.headers.get(CONTENT_ENCODING).is_some_and(|v| v == "gzip");
        if !gzip {
            return Ok(self.body.clone());
        }
        let limit = u64::try_from(self.limit_bytes).unwrap_or(u64::MAX);
        let mut body = Vec::with_capacity(self.body.len().saturating_mul(4).min(self.limit_bytes));
        flate2::read::MultiGzDecoder::new(&*self.body)
            .take(limit)
            .read_to_end(&mut body)
            .map_err(Failure::Gzip)?;
        if body.len() >= self.limit_bytes {
            return Err(Failure::BodyTooLarge { limit_bytes: self.limit_bytes });
        }
        Ok(body.into())
    }
}
