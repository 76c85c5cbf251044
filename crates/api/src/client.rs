//! Who asks: the address at the other end of the connection.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use http::request;

use crate::state::AppState;

/// The address a request came from. Behind a proxy that is the proxy's: what it says of others is
/// not looked at, for anybody can say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client(pub(crate) IpAddr);

/// That of a request that did not come through [`crate::serve`].
const NOBODY: Client = Client(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

impl FromRequestParts<AppState> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut request::Parts,
        _: &AppState,
    ) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(NOBODY))
    }
}
