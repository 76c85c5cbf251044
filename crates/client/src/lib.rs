//! Outgoing HTTP: one request, one whole answer, one deadline.
//!
//! [`HttpClient`] speaks HTTP/1.1, keeps connections open between requests, follows redirects, and
//! reads answers whole, up to a limit. Scraping and notifying go through it. It logs nothing: a
//! failure is a [`ClientError`], in the words Go's client uses, since those stand in runbooks.

mod connection;
mod error;
mod http_client;
mod options;
mod response;

pub use error::{ClientError, Failure};
pub use http_client::{HttpClient, Request};
pub use options::HttpOptions;
pub use response::Response;
