//! The pages for people.

use axum::extract::State;
use axum::response::Response;

use crate::state::AppState;
use crate::{GET, Routes, on, plain};

pub(crate) fn routes() -> Routes {
    vec![("/", on(GET, home))]
}

/// Where people begin.
pub(crate) async fn home(State(state): State<AppState>) -> Response {
    plain::found(&format!("{}/query", state.options().route_prefix))
}
