//! The waist: how samples are appended and how series are selected.
//!
//! Two pairs of traits stand between those who have samples (the database, the test oracle, a remote
//! store) and those who want them (PromQL, scraping, rules, remote write, the API). Neither side
//! knows the other.
//!
//! # What writers may rely on
//! An [`Appender`] stages samples; [`Appender::commit`] makes all of them visible at once, durable
//! as far as the store promises. A dropped appender leaves no trace. One unit of work (a scrape, a
//! remote-write request, a rule group's evaluation) is one commit. Within a series time strictly
//! increases; [`AppendError`] says which sample was refused, and the others of the commit stand. A
//! [`SeriesRef`] from an append skips the lookup of the next; one that has gone stale is ignored.
//!
//! # What readers may rely on
//! A [`Querier`] is a consistent view of a closed time range: commits after its making are not seen
//! in part. [`Querier::select`] yields series sorted by labels, each once; an error ends the
//! iteration. Columns, not samples, cross the waist: a [`Series`] appends whole columns to the
//! caller's reused [`Columns`], already cut to the range asked for, and tells each chunk's time range
//! and count before decoding, so that a caller need not read what no step can see. [`Times`] that
//! series have in common are lent. Staleness markers are samples here; what they mean is PromQL's
//! business.

mod append;
mod merge;
mod query;
mod series;
mod sort;
mod starts;
mod times;

pub use append::{AppendError, Appendable, Appender, CommitError, Conflict, Exemplar, SeriesRef};
pub use merge::merge;
pub use query::{Querier, QueryError, Queryable, SelectHints, Stop};
pub use series::{ChunkMeta, Columns, Series, SeriesSet};
pub use sort::sort;
pub use starts::StartTimestamps;
pub use times::Times;
