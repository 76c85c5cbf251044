//! Test scripts: the promqltest language, in which Prometheus writes what PromQL must answer.
//!
//! A script is a list of blocks: `load STEP` with series in [notation](crate::notation), `clear`,
//! and `eval` with what is expected of it. [`parse`] reads one, [`run`] runs one against a
//! [`Backend`]. Evals count as passed or failed; a failure does not end the run.

mod compare;
mod parse;
mod pinned;
mod run;

use model::{Labels, Timestamp};

pub use compare::almost_equal;
pub use parse::{ScriptError, parse};
pub use pinned::walk;
pub use run::{Backend, Failure, Outcome, Report, run};

use crate::notation::{Point, Points};

/// A script.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it says, in order.
    pub commands: Vec<Command>,
}

/// One block.
#[derive(Clone, Debug)]
pub enum Command {
    /// Forget all series.
    Clear,
    /// Store series.
    Load(Load),
    /// Ask, and compare.
    Eval(Box<Eval>),
}

/// Labels and samples of a series.
pub type LoadedSeries = (Labels, Vec<(Timestamp, Point)>);

/// Series to store.
#[derive(Clone, Debug)]
pub struct Load {
    /// The line of the block's head.
    pub line: usize,
    /// Series with their samples.
    pub series: Vec<LoadedSeries>,
    /// Of some of them times of samples and since when these count.
    pub starts: Vec<(Labels, Vec<(Timestamp, Timestamp)>)>,
}

/// A query, and what is expected of it.
#[derive(Clone, Debug)]
pub struct Eval {
    /// The line of the block's head.
    pub line: usize,
    /// The query.
    pub query: String,
    /// When it is evaluated.
    pub when: When,
    /// How it fails, if it does.
    pub fail: Option<Pattern>,
    /// Warnings.
    pub warnings: Notes,
    /// Infos.
    pub infos: Notes,
    /// Whether a vector's elements come in the order of the expectation.
    pub ordered: bool,
    /// The value.
    pub value: Expected,
}

/// When a query is evaluated; times in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once.
    Instant(Timestamp),
    /// At every step.
    Range {
        /// The first step.
        start: Timestamp,
        /// No step comes after it.
        end: Timestamp,
        /// The distance of steps.
        step_ms: i64,
    },
}

/// What a text must be.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// Anything.
    Any,
    /// This.
    Text(String),
    /// Something in which the expression finds something.
    Regex(regex::Regex),
}

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Text(wanted) => wanted == text,
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// What is expected of the annotations of one kind. Nothing, if nothing was said.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Each must match one.
    pub wanted: Vec<Pattern>,
    /// Whether there may be others than those wanted.
    pub others_allowed: bool,
    /// There must be none.
    pub none: bool,
}

/// The value expected.
#[derive(Clone, Debug)]
pub enum Expected {
    /// A number.
    Scalar(f64),
    /// A text.
    Text(String),
    /// Series. Of an instant vector each has one point; of a matrix the first is at `start`.
    Series {
        /// In the order of the script.
        series: Vec<(Labels, Points)>,
        /// For an instant query that answers a matrix: when the points are.
        range: Option<(Timestamp, i64)>,
    },
}
