//! The exposition formats in both directions.
//!
//! A scrape's body goes through [`decode`] (bytes to text) and a [`Parser`] (text to entries, in
//! one pass, without copying) to the scrape loop; [`Encoder`] writes the same format for `/metrics`
//! and `/federate`. [`negotiate`] says what to ask a target for and how to read what it sent.
//!
//! What is accepted is what Prometheus 3.5 accepts: the first bad line ends the parsing, and with
//! it the scrape. Nothing here does I/O or logs.

mod cursor;
mod encode;
mod error;
mod labels;
mod metadata;
pub mod negotiate;
mod openmetrics;
mod parser;
mod text;

pub use encode::{Encoder, Escaping, TEXT_CONTENT_TYPE};
pub use error::ParseError;
pub use labels::{LabelPair, Number, read_labels};
pub use metadata::MetricType;
pub use parser::{Entry, Exemplar, Format, Parser, Series, decode};
