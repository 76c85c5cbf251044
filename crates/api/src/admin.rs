//! `/api/v1/admin/tsdb/…`: switched off unless the command line switches it on.

use std::hash::{BuildHasher, Hasher, RandomState};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::{Matcher, TimeRange, Timestamp};
use serde::Serialize;
use tsdb::{ChangeError, Db};

use crate::envelope::Envelope;
use crate::error::{ApiError, ErrorKind};
use crate::params::{MAX_TIME, MIN_TIME, Params, parse_bool};
use crate::ready::Ready;
use crate::state::AppState;
use crate::time_text::compact;

type Answer = Result<Response, ApiError>;

/// The name of a snapshot, below `snapshots` in the database's directory.
#[derive(Serialize)]
struct Snapshot {
    name: String,
}

/// Deletes from the series of every `match[]`, each of which stands for itself.
pub(crate) async fn delete_series(
    State(state): State<AppState>,
    Ready(parts): Ready,
    params: Params,
) -> Answer {
    enabled(&state)?;
    params.well_formed()?;
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let start = params.time("start", MIN_TIME)?;
    let end = params.time("end", MAX_TIME)?;
    let selectors: Vec<Vec<Matcher>> = params
        .all("match[]")
        .map(promql::parse_matchers)
        .collect::<Result<_, _>>()
        .map_err(|error| ApiError::parameter("match[]", error))?;
    // What ends before it begins deletes nothing, and is no error in Prometheus either.
    if let Some(range) = TimeRange::new(start, end) {
        let delete = move |db: &Db| selectors.iter().try_for_each(|s| db.delete(s, range));
        change(parts.db, delete).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn snapshot(
    State(state): State<AppState>,
    Ready(parts): Ready,
    params: Params,
) -> Answer {
    enabled(&state)?;
    let skip_head = match params.first("skip_head") {
        "" => false,
        text => parse_bool(text).map_err(|error| {
            ApiError::parameter("skip_head", format!("unable to parse boolean: {error}"))
        })?,
    };
    let now_ms = state.clock().now_ms();
    let name = snapshot_name(now_ms);
    let dir = name.clone();
    let copied = change(parts.db, move |db| db.snapshot(&dir, !skip_head, now_ms)).await;
    copied.map_err(|error| ApiError::internal(format!("create snapshot: {error}")))?;
    Ok(Envelope::of(&Snapshot { name }).into_response())
}

pub(crate) async fn clean_tombstones(State(state): State<AppState>, Ready(parts): Ready) -> Answer {
    enabled(&state)?;
    let now_ms = state.clock().now_ms();
    change(parts.db, move |db| db.clean_tombstones(now_ms)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn enabled(state: &AppState) -> Result<(), ApiError> {
    match state.options().enable_admin_api {
        true => Ok(()),
        false => Err(ApiError::new(ErrorKind::Unavailable, "admin APIs disabled")),
    }
}

/// Does what takes long and blocks. It goes on when whoever asked has gone.
async fn change<T: Send + 'static>(
    db: std::sync::Arc<Db>,
    change: impl FnOnce(&Db) -> Result<T, ChangeError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(move || change(&db)).await;
    let done = done.map_err(|_| ApiError::internal("the database broke; the log says more"))?;
    done.map_err(|error| ApiError::internal(error.to_string()))
}

/// When it was taken, and a number that nobody guesses: `20261123T185846Z-72f58a19ce0f6a34`.
fn snapshot_name(now_ms: Timestamp) -> String {
    let random = RandomState::new().build_hasher().finish() >> 1;
    format!("{}-{random:x}", compact(now_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_named_by_its_time_and_never_twice() {
        let (a, b) = (snapshot_name(1_795_460_326_402), snapshot_name(1_795_460_326_402));
        assert!(a.starts_with("20261123T185846Z-"), "{a}");
        assert_ne!(a, b);
    }
}
