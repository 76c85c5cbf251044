//! The literal evaluator: the slow twin of the engine, and the oracle it is held against.
//!
//! It takes the tree of a query and says what it means at one time, by recursion, straight from what
//! PromQL is documented to mean: a vector is a list of labels with values, a range is a list of lists
//! of samples. Always true: nothing here is shared with the engine but the tree, the nouns, and what
//! one native histogram is. It knows no columns, no plan and no limits, and is in no hurry.

mod aggregate;
mod call;
mod dates;
mod histogram_window;
mod operator;
mod quantile;
mod select;
mod window;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use model::{Labels, Timestamp};
use promql::SampleValue;
use promql::ast::{Expr, Span};
use storage::{QueryError, Queryable};

/// Two series of one vector have the same labels.
const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LiteralError {
    /// The query has none: what Prometheus calls an execution error.
    #[error("{0}")]
    Refused(String),
    /// Something this evaluator was not written for.
    #[error("the literal evaluator does not know {0}")]
    Unknown(String),
    /// The store could not be read.
    #[error("the store cannot be read")]
    Store(#[from] QueryError),
}

/// An instant vector: each series with its value.
pub type Vector = Vec<(Labels, SampleValue)>;

/// A value and its time.
type Sample = (Timestamp, SampleValue);

/// The samples of one series, in order of time.
type Samples = Vec<Sample>;

/// A range vector: each series with its samples.
type Matrix = Vec<(Labels, Samples)>;

/// What an expression means at one time.
#[derive(Clone, Debug)]
pub enum Meaning {
    /// A number.
    Scalar(f64),
    /// A text.
    Text(String),
    /// An instant vector.
    Vector(Vector),
    /// A range vector.
    Matrix(Vec<(Labels, Vec<(Timestamp, SampleValue)>)>),
}

/// Every `step_ms` from `start` up to `end`; for an instant query `start` alone, `step_ms` being 0.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The first time, ms.
    pub start: Timestamp,
    /// No time lies behind it, ms; what `@ end()` means.
    pub end: Timestamp,
    /// The distance between two times, ms.
    pub step_ms: i64,
}

impl Times {
    /// All of them.
    pub fn all(self) -> impl Iterator<Item = Timestamp> {
        let most = if self.step_ms == 0 { 1 } else { usize::MAX };
        let steps = (0..).map(move |n| self.start + n * self.step_ms).take(most);
        steps.take_while(move |t| *t <= self.end)
    }

    fn last(self) -> Timestamp {
        self.all().last().unwrap_or(self.start)
    }
}

/// One evaluation: when, and at which times in all the same expression is evaluated.
#[derive(Clone, Copy, Debug)]
struct Moment {
    t: Timestamp,
    times: Times,
}

/// Evaluates one query over what a store held when it was made.
pub struct Literal {
    series: Matrix,
    times: Times,
    lookback_ms: i64,
    subquery_step_ms: i64,
    /// What each subquery means at each of its own times.
    subqueries: RefCell<HashMap<Span, Rc<Matrix>>>,
    /// Of each call over ranges, which series its results were made of.
    origins: RefCell<HashMap<(Span, Labels), Labels>>,
}

impl Literal {
    /// Reads all there is in `store`, for a query at `times`.
    pub fn new(store: &dyn Queryable, times: Times) -> Result<Self, LiteralError> {
        Ok(Self {
            series: select::everything(store)?,
            times,
            lookback_ms: 300_000,
            subquery_step_ms: 60_000,
            subqueries: RefCell::default(),
            origins: RefCell::default(),
        })
    }

    /// What `expr` means at each time. An evaluator is for one tree: it remembers places in it.
    pub fn range(&self, expr: &Expr) -> Result<Vec<(Timestamp, Meaning)>, LiteralError> {
        let times = self.times;
        times.all().map(|t| Ok((t, self.meaning(expr, Moment { t, times })?))).collect()
    }

    fn meaning(&self, expr: &Expr, at: Moment) -> Result<Meaning, LiteralError> {
        let meaning = match expr {
            Expr::Number { value, .. } => Meaning::Scalar(*value),
            Expr::String { value, .. } => Meaning::Text(value.clone()),
            Expr::Paren { inner, .. } => self.meaning(inner, at)?,
            Expr::Unary { negative: false, operand, .. } => self.meaning(operand, at)?,
            Expr::Unary { operand, .. } => operator::negative(self.meaning(operand, at)?)?,
            Expr::Binary(binary) => self.binary(binary, at)?,
            Expr::Aggregate(aggregate) => Meaning::Vector(self.aggregate(aggregate, at)?),
            Expr::Call(call) => self.call(call, at)?,
            Expr::Selector(selector) => {
                let found = self.instant(selector, at.t)?;
                Meaning::Vector(found.into_iter().map(|(labels, (_, v))| (labels, v)).collect())
            }
            Expr::Range(range) => Meaning::Matrix(self.window_of(range, at.t)?),
            Expr::Subquery(subquery) => Meaning::Matrix(self.subquery(subquery, at)?),
        };
        if let Meaning::Vector(vector) = &meaning {
            let mut seen = HashSet::new();
            if !vector.iter().all(|(labels, _)| seen.insert(labels)) {
                return refused(SAME_LABELS);
            }
        }
        Ok(meaning)
    }

    fn scalar(&self, expr: &Expr, at: Moment) -> Result<f64, LiteralError> {
        match self.meaning(expr, at)? {
            Meaning::Scalar(value) => Ok(value),
            other => unknown(&format!("{other:?} as a scalar")),
        }
    }

    fn vector(&self, expr: &Expr, at: Moment) -> Result<Vector, LiteralError> {
        match self.meaning(expr, at)? {
            Meaning::Vector(vector) => Ok(vector),
            other => unknown(&format!("{other:?} as a vector")),
        }
    }

    fn text(&self, expr: &Expr, at: Moment) -> Result<String, LiteralError> {
        match self.meaning(expr, at)? {
            Meaning::Text(text) => Ok(text),
            other => unknown(&format!("{other:?} as a text")),
        }
    }
}

fn refused<T>(why: impl Into<String>) -> Result<T, LiteralError> {
    Err(LiteralError::Refused(why.into()))
}

fn unknown<T>(what: &str) -> Result<T, LiteralError> {
    Err(LiteralError::Unknown(what.to_owned()))
}

/// The labels of what is not that metric any more.
fn nameless(labels: &Labels) -> Labels {
    labels.filtered(|name| !["__name__", "__type__", "__unit__"].contains(&name))
}

/// The elements that are floats.
fn floats(vector: Vector) -> Vec<(Labels, f64)> {
    let float = |(labels, value)| match value {
        SampleValue::Float(v) => Some((labels, v)),
        SampleValue::Histogram(_) => None,
    };
    vector.into_iter().filter_map(float).collect()
}

/// A sum, and beside it what its roundings have lost so far (Kahan, Neumaier).
fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = sum + value;
        let (large, small) = if sum.abs() >= value.abs() { (sum, value) } else { (value, sum) };
        lost += (large - next) + small;
        sum = next;
    }
    if sum.is_finite() { sum + lost } else { sum }
}

/// The mean; of values whose sum is too large, the sum of their parts of it.
fn mean(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let all = sum(values.iter().copied());
    if all.is_finite() || values.iter().any(|v| !v.is_finite()) {
        return all / count;
    }
    sum(values.iter().map(|v| v / count))
}

/// The mean square distance from the mean.
fn variance(values: &[f64]) -> f64 {
    let middle = mean(values);
    sum(values.iter().map(|v| (v - middle) * (v - middle))) / values.len() as f64
}

/// The better of two, where any number is better than NaN.
fn better(a: f64, b: f64, is_better: impl Fn(f64, f64) -> bool) -> f64 {
    if a.is_nan() || is_better(b, a) { b } else { a }
}
