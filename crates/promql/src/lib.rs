//! The language: text to tree to plan to values.
//!
//! A query is parsed ([`parse()`]: text to [`ast`]), checked on the way (`check`), made a plan
//! ([`plan`]: constants folded, step-invariant parts marked, the time range of every selector known)
//! and evaluated by series ([`eval`]): a plan node turns one series into one column of step values,
//! for all steps at once. [`Engine`] does it all under limits. Nothing here knows where samples are
//! kept: they come through [`storage::Queryable`].

pub mod active;
pub mod annotation;
pub mod ast;
mod check;
pub mod engine;
pub mod error;
mod escape;
pub mod eval;
pub mod explain;
pub mod functions;
mod lexer;
pub mod native;
mod number;
pub mod parse;
pub mod plan;
pub mod print;
mod token;
pub mod value;

pub use active::{ActiveQueries, ActiveQuery, Asked, Tracked};
pub use annotation::Annotations;
pub use engine::{Answer, Engine, EngineOptions, EngineStats, QueryOptions, QueryStats};
pub use error::EngineError;
pub use eval::budget::{CancelToken, Usage};
pub use eval::held::Held;
pub use explain::Explained;
pub use lexer::QUERY_LIMIT_BYTES;
pub use parse::{ParseError, ParserOptions, parse, parse_matchers, parse_with};
pub use print::pretty;
pub use value::{MatrixSeries, SampleValue, Value, VectorSample};
