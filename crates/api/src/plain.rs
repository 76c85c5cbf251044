//! Answers in plain text, as Go's server gives them.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};

use crate::state::NotReady;

const TEXT: &str = "text/plain; charset=utf-8";

/// A text.
pub(crate) fn text(status: StatusCode, text: impl Into<String>) -> Response {
    (status, [(CONTENT_TYPE, TEXT)], text.into()).into_response()
}

/// An error, which browsers must not take for a page.
pub(crate) fn error(status: StatusCode, problem: &str) -> Response {
    let headers = [(CONTENT_TYPE, TEXT), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (status, headers, format!("{problem}\n")).into_response()
}

/// There is nothing under this path.
pub(crate) fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "404 page not found")
}

/// There is something, but not with this method.
pub(crate) fn method_not_allowed(allow: &'static str) -> Response {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// Look there instead, this time.
pub(crate) fn found(location: &str) -> Response {
    let Ok(value) = HeaderValue::from_str(location) else {
        return error(StatusCode::BAD_REQUEST, "not a location");
    };
    let mut response = StatusCode::FOUND.into_response();
    response.headers_mut().insert(LOCATION, value);
    response
}

impl IntoResponse for NotReady {
    fn into_response(self) -> Response {
        let stopping = if self == Self::Stopping { "true" } else { "false" };
        let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
        response.headers_mut().insert("x-prometheus-stopping", HeaderValue::from_static(stopping));
        response
    }
}
