//! The parts, for handlers that need them: a request before they are there is answered with 503.

use axum::extract::FromRequestParts;
use http::request;

use crate::state::{AppState, NotReady, Parts};

/// The parts of a server that is ready.
pub(crate) struct Ready(pub(crate) Parts);

impl FromRequestParts<AppState> for Ready {
    type Rejection = NotReady;

    async fn from_request_parts(
        _: &mut request::Parts,
        state: &AppState,
    ) -> Result<Self, NotReady> {
        state.parts().map(Self)
    }
}
