//! The page for people: an expression and its value, what fires, and how targets are.
//!
//! The files are built in and ask the API as anyone would. They come from here alone and load nothing
//! from elsewhere; the browser is told to hold them to that.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

use crate::state::AppState;
use crate::{GET, Routes, on, plain};

/// What the page may load: scripts, styles and answers of this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

pub(crate) fn routes() -> Routes {
    vec![
        ("/", on(GET, home)),
        ("/query", on(GET, || file("text/html", include_str!("page.html")))),
        // Where alerts link to.
        ("/graph", on(GET, || file("text/html", include_str!("page.html")))),
        ("/ui/page.js", on(GET, || file("text/javascript", include_str!("page.js")))),
        ("/ui/page.css", on(GET, || file("text/css", include_str!("page.css")))),
    ]
}

/// Where people begin.
pub(crate) async fn home(State(state): State<AppState>) -> Response {
    plain::found(&format!("{}/query", state.options().route_prefix))
}

async fn file(content_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, format!("{content_type}; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, text).into_response()
}
