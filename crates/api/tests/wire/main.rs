//! The HTTP API over real sockets: what Prometheus answers, byte for byte where that matters.

mod active_queries;
mod admin;
mod exemplars;
mod house;
mod lifecycle;
mod limits;
mod methods;
mod query;
mod rules;
mod series;
mod status;
mod targets;
mod write;
