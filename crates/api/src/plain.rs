//! Answers in plain text, as Go's server gives them.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, StatusCode, Uri};

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

fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "404 page not found")
}

/// There is nothing under this path. If it has empty or dotted parts, as when a client joins a URL
/// that ends with a slash and a path that begins with one, there may be something where it points to.
pub(crate) async fn nothing_here(method: Method, uri: Uri) -> Response {
    let Some(mut location) = cleaned(uri.path()) else {
        return not_found();
    };
    if let Some(query) = uri.query() {
        location.push('?');
        location.push_str(query);
    }
    // What is posted is to be posted again; with 301 clients would ask for it instead.
    let status = match method {
        Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
        _ => StatusCode::PERMANENT_REDIRECT,
    };
    to(status, &location)
}

/// The path without empty and dotted parts; `None` if it has none. It begins with one slash, so that
/// it never names another host.
fn cleaned(path: &str) -> Option<String> {
    let inner = path.strip_prefix('/')?;
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    let last = inner.rsplit('/').next().unwrap_or_default();
    let parts = inner.split('/').count();
    if inner.split('/').take(parts - 1).all(is_plain) && !matches!(last, "." | "..") {
        return None;
    }
    let mut kept = Vec::new();
    for part in inner.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(kept.pop()),
            part => kept.push(part),
        }
    }
    let slash = if last.is_empty() && !kept.is_empty() { "/" } else { "" };
    Some(format!("/{}{slash}", kept.join("/")))
}

/// There is something, but not with this method.
pub(crate) fn method_not_allowed(allow: &'static str) -> Response {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// Look there instead, this time.
pub(crate) fn found(location: &str) -> Response {
    to(StatusCode::FOUND, location)
}

fn to(status: StatusCode, location: &str) -> Response {
    let Ok(value) = HeaderValue::from_str(location) else {
        return error(StatusCode::BAD_REQUEST, "not a location");
    };
    let mut response = status.into_response();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cleaned_and_never_leaves_this_host() {
        for (path, expected) in [
            ("/api/v1/query", None),
            ("/api/v1/", None),
            ("/", None),
            ("*", None),
            ("//api/v1/query", Some("/api/v1/query")),
            ("/api//v1//", Some("/api/v1/")),
            ("/a/./b/../c", Some("/a/c")),
            ("/a/..", Some("/")),
            ("/../../a", Some("/a")),
            ("///example.org", Some("/example.org")),
            ("//", Some("/")),
        ] {
            assert_eq!(cleaned(path).as_deref(), expected, "{path}");
        }
    }
}
