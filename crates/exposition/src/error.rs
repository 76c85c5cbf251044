//! Why a body could not be read: the line, what was there, what was expected.

use model::labels::Quoted;

/// The first thing in a body that is not in the format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Something else stood where a part of the grammar was due.
    #[error(
        "line {line}: expected {expected}, got {} while parsing: {}",
        Quoted(.got), Quoted(.text)
    )]
    Expected {
        /// The line, from 1.
        line: usize,
        /// What was due.
        expected: &'static str,
        /// What stood there instead; empty at the end of the body.
        got: String,
        /// The entry up to there, cut short if it is long.
        text: String,
    },
    /// A value or timestamp that is not a number in Go's notation.
    #[error("line {line}: {} is not a valid {what}", Quoted(.got))]
    Number {
        /// The line, from 1.
        line: usize,
        /// Which number.
        what: &'static str,
        /// The text.
        got: String,
    },
    /// A type that the format does not know.
    #[error("line {line}: invalid metric type {}", Quoted(.got))]
    MetricType {
        /// The line, from 1.
        line: usize,
        /// The text.
        got: String,
    },
    /// A unit that the family's name does not end with.
    #[error("line {line}: unit {} not a suffix of metric {}", Quoted(.unit), Quoted(.family))]
    Unit {
        /// The line, from 1.
        line: usize,
        /// The unit.
        unit: String,
        /// The family.
        family: String,
    },
    /// Two metric names for one series.
    #[error("line {line}: metric name already set while parsing: {}", Quoted(.text))]
    NameTwice {
        /// The line, from 1.
        line: usize,
        /// The series up to there.
        text: String,
    },
    /// Braces without a metric name in or before them.
    #[error("line {line}: metric name not set while parsing: {}", Quoted(.text))]
    NameMissing {
        /// The line, from 1.
        line: usize,
        /// The series.
        text: String,
    },
    /// Bytes that are not text, outside a comment.
    #[error("line {line}: invalid UTF-8 in {}", Quoted(.text))]
    NotUtf8 {
        /// The line, from 1.
        line: usize,
        /// The line, with the wrong bytes replaced.
        text: String,
    },
    /// OpenMetrics that just stops: perhaps it was cut off.
    #[error("data does not end with # EOF")]
    NoEof,
    /// OpenMetrics that goes on behind its end.
    #[error("line {line}: unexpected data after # EOF")]
    AfterEof {
        /// The line, from 1.
        line: usize,
    },
}

/// At most so many characters of a body are repeated in a message.
pub(crate) const MAX_QUOTED: usize = 200;

/// The beginning of `text`, short enough for a message.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(MAX_QUOTED).collect()
}

/// The number of the line that holds byte `offset`, from 1.
pub(crate) fn line_of(text: &[u8], offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    memchr::memchr_iter(b'\n', before).count() + 1
}
