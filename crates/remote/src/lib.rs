//! Remote write 1.0, the receiving end: a request's body becomes one commit.
//!
//! The HTTP side (`api`) hands over headers and bytes: [`check_headers`] says whether the body can
//! be understood at all, a [`Receiver`] unpacks it (snappy, within a limit that is checked before
//! memory is taken), decodes the protocol buffers without copying, and appends through
//! [`storage::Appendable`]. All samples of a request become visible together or, if one is refused,
//! none. Nothing here knows HTTP, the database, or the time: it is told what time it is.

mod headers;
mod histogram;
mod known;
mod proto;
mod receive;
mod request;

pub use headers::{HeaderError, check_headers};
pub use proto::ProtoError;
pub use receive::{MAX_AHEAD_MS, MAX_DECODED_BYTES, Receiver, WriteError, Written};
