//! `/api/v1/status/active_queries`: the queries that run and wait, and how one is ended.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use promql::ActiveQuery;
use serde::Serialize;

use crate::envelope::Envelope;
use crate::error::{ApiError, ErrorKind};
use crate::ready::Ready;
use crate::state::AppState;
use crate::time_text::{Precision, rfc3339};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    id: String,
    kind: &'static str,
    query: String,
    client: String,
    state: &'static str,
    start_time: String,
    elapsed_seconds: f64,
    waited_seconds: f64,
    samples_held: usize,
    samples_peak: usize,
    samples_read: u64,
}

impl Told {
    fn of(query: ActiveQuery) -> Self {
        Self {
            id: query.id.to_string(),
            kind: query.asked.kind,
            query: query.asked.text.as_ref().to_owned(),
            client: query.asked.client,
            state: if query.is_running { "running" } else { "waiting" },
            start_time: rfc3339(query.begun_ms, Precision::Ms),
            elapsed_seconds: query.elapsed.as_secs_f64(),
            waited_seconds: query.waited.as_secs_f64(),
            samples_held: query.usage.held(),
            samples_peak: query.usage.peak(),
            samples_read: query.usage.read(),
        }
    }
}

/// All of them, oldest first.
pub(crate) async fn list(Ready(parts): Ready) -> Envelope {
    let all: Vec<Told> = parts.engine.active().list().into_iter().map(Told::of).collect();
    Envelope::of(&all)
}

/// Ends one.
pub(crate) async fn cancel(
    State(state): State<AppState>,
    Ready(parts): Ready,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    if !state.options().enable_lifecycle {
        return Err(ApiError::new(ErrorKind::Unavailable, "Lifecycle API is not enabled."));
    }
    let id = id.map_err(|_| ApiError::bad_data("invalid id: it is not UTF-8"))?.0;
    let number = id.parse().map_err(|_| ApiError::bad_data(format!("invalid id {id:?}")))?;
    if !parts.engine.active().cancel(number) {
        let text = format!("no query with the id {number} is under way");
        return Err(ApiError::new(ErrorKind::NotFound, text));
    }
    state.pool().wake_cancelled();
    Ok(StatusCode::NO_CONTENT.into_response())
}
