//! What stands around all handlers: origins, counting.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_TYPE, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use hyper::body::Body as _;
use regex::Regex;

use crate::state::AppState;

/// Which origins browsers may ask from.
#[derive(Clone)]
pub(crate) struct Cors {
    origin: Regex,
    /// What the paths of the API begin with.
    api: Arc<str>,
}

impl Cors {
    /// Origins that `origin`, an anchored expression, matches may ask under `api`.
    pub(crate) fn new(origin: &str, api: &str) -> Result<Self, String> {
        let origin = model::re2::compile_anchored(origin).map_err(|error| error.to_string())?;
        Ok(Self { origin, api: api.into() })
    }
}

/// Answers `OPTIONS` under the API, whatever the path, and says to browsers what they may see of the
/// API's answers.
pub(crate) async fn cors(State(cors): State<Cors>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with(&*cors.api) {
        return next.run(request).await;
    }
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response = match *request.method() {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    let content_type = response.headers().get(CONTENT_TYPE);
    let is_answer = response.status() == StatusCode::NO_CONTENT
        || content_type.is_some_and(|value| value == "application/json");
    if is_answer {
        cors.allow(origin.as_ref(), response.headers_mut());
    }
    response
}

impl Cors {
    fn allow(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else {
            return;
        };
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
            (ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if origin.to_str().is_ok_and(|origin| self.origin.is_match(origin)) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }
}

/// Counts requests, how long answers took to begin and how large they are, by route.
pub(crate) async fn count(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| handler_name(&state, path));
    let begun = state.clock().monotonic();
    let response = next.run(request).await;
    // Unknown paths are not counted: they would make as many series as somebody likes.
    let Some(route) = route else {
        return response;
    };
    let stats = state.http().handler(&route);
    stats.answered(response.status().as_u16());
    stats.durations.observe_duration(state.clock().monotonic().saturating_sub(begun));
    #[expect(clippy::cast_precision_loss, reason = "nobody reads sizes to the byte from 2^53 on")]
    stats.sizes.observe(response.body().size_hint().lower() as f64);
    response
}

/// The route as Prometheus names it: `/api/v1/label/:name/values`, without the prefix.
fn handler_name(state: &AppState, path: &MatchedPath) -> String {
    let path = path.as_str();
    let path = path.strip_prefix(state.options().route_prefix.as_str()).unwrap_or(path);
    let path = if path.is_empty() { "/" } else { path };
    path.replace('{', ":").replace('}', "").replace(":*", "*")
}
