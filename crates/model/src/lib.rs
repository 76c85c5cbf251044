//! The nouns of Ferula: labels, matchers, samples, histograms, time, relabelling.
//!
//! Everything here is a value. Nothing opens a file or a socket, nothing asks the time except
//! [`clock::SystemClock`], which the server builds once, and nothing logs. Every other crate may
//! use this one; it uses none of ours.
//!
//! In reading order: [`labels`] name a series, [`matcher`] selects some (with [`re2`] for its
//! expressions), [`sample`] and [`histogram`] are what a series is made of, [`time`] and [`float`]
//! say how they are written, [`relabel`] rewrites labels, [`clock`] tells the time to those who
//! must know it, and [`stat`] counts what a part does.

pub mod bucket_bounds;
pub mod clock;
pub mod float;
pub mod histogram;
pub mod labels;
pub mod matcher;
pub mod re2;
pub mod relabel;
pub mod sample;
pub mod stat;
pub mod time;

pub use clock::Clock;
pub use histogram::Histogram;
pub use labels::{Labels, LabelsBuilder, LabelsSequence};
pub use matcher::{MatchOp, Matcher};
pub use sample::Sample;
pub use time::{TimeRange, Timestamp};
