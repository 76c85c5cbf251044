//! `/api/v1/write`: remote write, and `/api/v1/push`, under which some senders expect it.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, StatusCode};
use remote::{MAX_DECODED_BYTES, WriteError, Written};

use crate::body;
use crate::error::ApiError;
use crate::plain;
use crate::ready::Ready;
use crate::state::{AppState, Parts};

pub(crate) async fn write(
    State(state): State<AppState>,
    Ready(parts): Ready,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if !state.options().enable_remote_write {
        let problem =
            "remote write receiver needs to be enabled with --web.enable-remote-write-receiver";
        return plain::error(StatusCode::NOT_FOUND, problem);
    }
    let header = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
    if let Err(error) = remote::check_headers(header(CONTENT_TYPE), header(CONTENT_ENCODING)) {
        return plain::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, &error.to_string());
    }
    // What is packed is not larger than what it unpacks to, but for a few bytes.
    let body = match body::read(body, MAX_DECODED_BYTES, state.options()).await {
        Ok(body) => body,
        Err(error) => return plain::error(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let now_ms = state.clock().now_ms();
    let stored = tokio::task::spawn_blocking(move || store(&parts, &body, now_ms)).await;
    stored.unwrap_or_else(|broken| {
        tracing::error!(error = %broken, "a remote write request broke");
        ApiError::internal("unexpected error: the request broke; the log says more").into_response()
    })
}

fn store(parts: &Parts, body: &[u8], now_ms: i64) -> Response {
    match parts.receiver.receive(parts.db.as_ref(), body, now_ms) {
        Ok(written) => {
            tell_skipped(&written);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => {
            tell_refused(&error);
            let status = match error.may_retry() {
                true => StatusCode::INTERNAL_SERVER_ERROR,
                false => StatusCode::BAD_REQUEST,
            };
            plain::error(status, &error.to_string())
        }
    }
}

fn tell_skipped(written: &Written) {
    if let Some(reason) = &written.first_invalid {
        let count = written.invalid_series;
        tracing::warn!(count, first = %reason, "series left out of a remote write request");
    }
}

fn tell_refused(error: &WriteError) {
    match error {
        WriteError::Append { series, timestamp, .. }
        | WriteError::TooFarAhead { series, timestamp } => {
            tracing::error!(%error, %series, timestamp, "remote write request refused");
        }
        other => tracing::error!(error = %other, "remote write request refused"),
    }
}
