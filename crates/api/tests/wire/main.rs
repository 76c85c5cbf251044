//! The HTTP API over real sockets: what Prometheus answers, byte for byte where that matters.

mod house;
mod lifecycle;
mod query;
mod series;
mod status;
mod write;
