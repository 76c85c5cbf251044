//! The parser: a body's entries, one after the other, as slices of the body.
//!
//! A [`Series`] carries the text that names it untouched. Equal texts are equal series, so a
//! caller that has seen the text before needs nothing more; for a new one it asks
//! [`Parser::labels`], which is also where the text between the braces is checked.
//!
//! Three oddities of Prometheus's own parser are not repeated: blanks before a name do not become
//! part of it, a bare word between braces is not taken for a name, and a NUL byte does not silently
//! end the body.
#![deny(clippy::indexing_slicing)]

use std::borrow::Cow;

use model::Timestamp;

use crate::cursor::Cursor;
use crate::error::{line_of, shortened};
use crate::labels::{LabelPair, read_exemplar, read_series, take_name};
use crate::{MetricType, ParseError};

/// Which language a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format: versions 0.0.4 and 1.0.0.
    Text,
    /// OpenMetrics text 0.0.1 and 1.0.0.
    OpenMetrics,
}

/// One thing a body says.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<'a> {
    /// `# HELP family text`
    Help {
        /// The metric family.
        family: Cow<'a, str>,
        /// What it is.
        text: Cow<'a, str>,
    },
    /// `# TYPE family type`
    Type {
        /// The metric family.
        family: Cow<'a, str>,
        /// Its type.
        kind: MetricType,
    },
    /// `# UNIT family unit`
    Unit {
        /// The metric family.
        family: Cow<'a, str>,
        /// Its unit, perhaps empty.
        unit: &'a str,
    },
    /// A sample.
    Series(Series<'a>),
}

/// A sample and the text of the series it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Series<'a> {
    /// The series as the body writes it, such as `up{job="a"}`: the key to know it again by.
    pub text: &'a str,
    /// The value; every NaN is the ordinary one.
    pub value: f64,
    /// The time the target gave, if any.
    pub timestamp: Option<Timestamp>,
    /// The exemplar, if any.
    pub exemplar: Option<Exemplar<'a>>,
    /// The type that the last `# TYPE` line gave.
    pub kind: MetricType,
    /// Where the text begins in the body.
    offset: usize,
}

/// An example of what a sample counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar<'a> {
    /// Its labels.
    pub labels: Vec<LabelPair<'a>>,
    /// Its value.
    pub value: f64,
    /// When it was seen, if that was said.
    pub timestamp: Option<Timestamp>,
}

/// A body as text. Only comments may hold bytes that are not UTF-8; those are replaced.
pub fn decode(body: &[u8]) -> Result<Cow<'_, str>, ParseError> {
    let mut at = match std::str::from_utf8(body) {
        Ok(text) => return Ok(Cow::Borrowed(text)),
        Err(first) => first.valid_up_to(),
    };
    loop {
        let start = body.get(..at).and_then(|b| memchr::memrchr(b'\n', b)).map_or(0, |n| n + 1);
        let rest = body.get(start..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..end).unwrap_or_default();
        let comment =
            line.starts_with(b"#") && !(line.starts_with(b"# HELP") || line.starts_with(b"# TYPE"));
        if !comment {
            let text = shortened(&String::from_utf8_lossy(line));
            return Err(ParseError::NotUtf8 { line: line_of(body, start), text });
        }
        let after = start + end;
        match std::str::from_utf8(body.get(after..).unwrap_or_default()) {
            Ok(_) => return Ok(Cow::Owned(String::from_utf8_lossy(body).into_owned())),
            Err(next) => at = after + next.valid_up_to(),
        }
    }
}

/// Reads a body from the first entry to the last or to the first mistake.
#[derive(Clone, Debug)]
pub struct Parser<'a> {
    pub(crate) text: &'a str,
    pub(crate) cursor: Cursor<'a>,
    pub(crate) kind: MetricType,
    format: Format,
    /// The end or a mistake was met: nothing more comes.
    pub(crate) done: bool,
}

impl<'a> Parser<'a> {
    /// A parser at the beginning of `text`.
    pub fn new(text: &'a str, format: Format) -> Self {
        let cursor = Cursor::new(text, 0);
        // A body without a single byte is what a failed scrape looks like, not a cut-off one.
        Self { text, cursor, kind: MetricType::Unknown, format, done: text.is_empty() }
    }

    /// The labels of a series this parser gave, in the order of the text: see
    /// [`crate::read_labels`].
    pub fn labels(
        &self,
        series: &Series<'a>,
        pairs: &mut Vec<LabelPair<'a>>,
    ) -> Result<(), ParseError> {
        let mut cursor = Cursor::new(self.text, series.offset);
        read_series(&mut cursor, self.format, series.kind, pairs)
    }

    /// Moves past a series: a name, braces, or both. The braces are delimited, not read.
    pub(crate) fn take_series(&mut self) -> Result<(&'a str, usize), ParseError> {
        let from = self.cursor.at();
        let name = take_name(&mut self.cursor);
        let mut probe = self.cursor;
        if self.format == Format::Text {
            probe.skip_blanks();
        }
        if probe.peek() == Some(b'{') {
            if !skip_braces(&mut probe) {
                // Not closed: reading it in full finds the place where it goes wrong.
                let mut cursor = Cursor::new(self.text, from);
                read_series(&mut cursor, self.format, self.kind, &mut Vec::new())?;
                return Err(cursor.expected(from, "comma or brace close"));
            }
            self.cursor = probe;
        } else if name.is_empty() {
            return Err(self.cursor.expected(from, "a valid start token"));
        }
        Ok((self.cursor.since(from), from))
    }

    /// Moves past an exemplar's labels, whose opening brace was just passed.
    pub(crate) fn take_exemplar_labels(
        &mut self,
        from: usize,
    ) -> Result<Vec<LabelPair<'a>>, ParseError> {
        let mut pairs = Vec::new();
        read_exemplar(&mut self.cursor, from, &mut pairs)?;
        Ok(pairs)
    }

    pub(crate) fn series(&self, text: &'a str, offset: usize, value: f64) -> Series<'a> {
        Series { text, value, timestamp: None, exemplar: None, kind: self.kind, offset }
    }

    pub(crate) fn bad_number(&self, what: &'static str, got: &str) -> ParseError {
        ParseError::Number { line: self.cursor.line(), what, got: shortened(got) }
    }
}

/// Moves past braces, minding strings; false if they do not close.
fn skip_braces(cursor: &mut Cursor<'_>) -> bool {
    while let Some(distance) = memchr::memchr2(b'"', b'}', cursor.rest()) {
        cursor.advance(distance);
        if cursor.eat(b'}') {
            return true;
        }
        if cursor.take_quoted().is_none() {
            return false;
        }
    }
    false
}

impl<'a> Iterator for Parser<'a> {
    type Item = Result<Entry<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let entry = match self.format {
            Format::Text => self.next_text(),
            Format::OpenMetrics => self.next_openmetrics(),
        };
        match entry {
            Ok(Some(entry)) => Some(Ok(entry)),
            Ok(None) => {
                self.done = true;
                None
            }
            Err(error) => {
                self.done = true;
                Some(Err(error))
            }
        }
    }
}
