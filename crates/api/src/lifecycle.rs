//! `/-/healthy`, `/-/ready`, `/-/reload`, `/-/quit`, `/version`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use tokio::sync::oneshot;

use crate::ready::Ready;
use crate::state::{AppState, Command};
use crate::status::build_info;
use crate::{json, plain};

pub(crate) async fn healthy() -> Response {
    plain::text(StatusCode::OK, "Prometheus Server is Healthy.\n")
}

pub(crate) async fn ready(_: Ready) -> Response {
    plain::text(StatusCode::OK, "Prometheus Server is Ready.\n")
}

pub(crate) async fn version(State(state): State<AppState>, _: Ready) -> Response {
    let mut body = Vec::new();
    json::write(&mut body, &build_info(&state));
    (StatusCode::OK, [(CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

pub(crate) async fn reload(State(state): State<AppState>, method: Method) -> Response {
    if let Some(refused) = refused(&state, &method) {
        return refused;
    }
    let (answer, answered) = oneshot::channel();
    let sent = state.commands().send(Command::Reload(answer)).await;
    let result = match sent {
        Ok(()) => answered.await.unwrap_or_else(|_| Err(STOPPING.to_owned())),
        Err(_) => Err(STOPPING.to_owned()),
    };
    match result {
        Ok(()) => StatusCode::OK.into_response(),
        Err(problem) => {
            let problem = format!("failed to reload config: {problem}");
            plain::error(StatusCode::INTERNAL_SERVER_ERROR, &problem)
        }
    }
}

pub(crate) async fn quit(State(state): State<AppState>, method: Method) -> Response {
    if let Some(refused) = refused(&state, &method) {
        return refused;
    }
    // If nobody takes it, the server is stopping already.
    let _ = state.commands().send(Command::Quit).await;
    plain::text(StatusCode::OK, "Requesting termination... Goodbye!")
}

const STOPPING: &str = "the server is stopping";

fn refused(state: &AppState, method: &Method) -> Option<Response> {
    if !matches!(*method, Method::POST | Method::PUT) {
        let problem = "Only POST or PUT requests allowed";
        return Some(plain::text(StatusCode::METHOD_NOT_ALLOWED, problem));
    }
    if !state.options().enable_lifecycle {
        return Some(plain::text(StatusCode::FORBIDDEN, "Lifecycle API is not enabled."));
    }
    None
}
