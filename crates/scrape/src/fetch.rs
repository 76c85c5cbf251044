//! One HTTP GET: what a target is asked, and which answers count.

use std::time::Duration;

use bytes::Bytes;
use client::{Failure, HttpClient, Request, Response};
use http::{Method, StatusCode};

use crate::ScrapeError;
use crate::scrape_loop::Settings;

/// Asks the target, and reads its whole answer.
pub(crate) async fn fetch(
    client: &HttpClient,
    settings: &Settings,
) -> Result<Response, ScrapeError> {
    let (config, target) = (&settings.config, &settings.target);
    let timeout_ms = u64::try_from(target.timeout_ms).unwrap_or_default();
    let timeout = Duration::from_millis(timeout_ms);
    let seconds = timeout.as_secs_f64().to_string();
    let encoding = if config.enable_compression { "gzip" } else { "identity" };
    let request = Request {
        method: Method::GET,
        url: &target.url,
        headers: &[
            ("Accept", &settings.accept),
            ("Accept-Encoding", encoding),
            ("X-Prometheus-Scrape-Timeout-Seconds", &seconds),
        ],
        body: Bytes::new(),
        timeout,
        max_body_bytes: usize::try_from(config.body_size_limit).unwrap_or(usize::MAX),
    };
    let response = client.send(request).await.map_err(|error| match error.failure {
        Failure::BodyTooLarge { .. } => ScrapeError::BodySizeLimit,
        _ => ScrapeError::Client(error),
    })?;
    if response.status != StatusCode::OK {
        return Err(ScrapeError::Status(response.status_text()));
    }
    Ok(response)
}
