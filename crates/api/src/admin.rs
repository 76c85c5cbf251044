//! `/api/v1/admin/tsdb/…`: switched off unless the command line switches it on.
//!
//! The database can neither delete nor copy itself yet, and says so: silence would be taken for
//! success.

use axum::extract::State;

use crate::envelope::Envelope;
use crate::error::{ApiError, ErrorKind};
use crate::params::{MAX_TIME, MIN_TIME, Params, parse_bool};
use crate::ready::Ready;
use crate::state::AppState;

type Answer = Result<Envelope, ApiError>;

pub(crate) async fn delete_series(
    State(state): State<AppState>,
    _: Ready,
    params: Params,
) -> Answer {
    enabled(&state)?;
    params.well_formed()?;
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    params.time("start", MIN_TIME)?;
    params.time("end", MAX_TIME)?;
    for text in params.all("match[]") {
        promql::parse_matchers(text).map_err(|error| ApiError::parameter("match[]", error))?;
    }
    unsupported("deleting series")
}

pub(crate) async fn snapshot(State(state): State<AppState>, _: Ready, params: Params) -> Answer {
    enabled(&state)?;
    match params.first("skip_head") {
        "" => false,
        text => parse_bool(text).map_err(|error| {
            ApiError::parameter("skip_head", format!("unable to parse boolean: {error}"))
        })?,
    };
    unsupported("taking snapshots")
}

pub(crate) async fn clean_tombstones(State(state): State<AppState>, _: Ready) -> Answer {
    enabled(&state)?;
    unsupported("deleting series")
}

fn enabled(state: &AppState) -> Result<(), ApiError> {
    match state.options().enable_admin_api {
        true => Ok(()),
        false => Err(ApiError::new(ErrorKind::Unavailable, "admin APIs disabled")),
    }
}

fn unsupported(what: &str) -> Answer {
    Err(ApiError::internal(format!("{what} is not supported by this server yet")))
}
