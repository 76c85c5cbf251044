//! OpenMetrics, one entry at a time.
//!
//! One space, never more, parts the words of a line; there are no blank lines and no comments; the
//! last line is `# EOF`. Timestamps are seconds, with a fraction if need be.
#![deny(clippy::indexing_slicing)]

use model::Timestamp;

use crate::error::shortened;
use crate::labels::{float, unescaped_help};
use crate::parser::{Entry, Exemplar, Parser};
use crate::text::take_family;
use crate::{MetricType, ParseError};

impl<'a> Parser<'a> {
    /// The next entry of an OpenMetrics body; `None` behind `# EOF`.
    pub(crate) fn next_openmetrics(&mut self) -> Result<Option<Entry<'a>>, ParseError> {
        if self.cursor.is_at_end() {
            return Err(ParseError::NoEof);
        }
        if self.cursor.peek() == Some(b'#') {
            return self.openmetrics_comment();
        }
        self.openmetrics_series().map(|series| Some(Entry::Series(series)))
    }

    fn openmetrics_comment(&mut self) -> Result<Option<Entry<'a>>, ParseError> {
        let from = self.cursor.at();
        if self.cursor.eat_word("# EOF") {
            self.cursor.eat(b'\n');
            if self.cursor.is_at_end() {
                return Ok(None);
            }
            return Err(ParseError::AfterEof { line: self.cursor.line() });
        }
        if self.cursor.eat_word("# HELP ") {
            let family = take_family(&mut self.cursor, from, "metric name after HELP")?;
            let text = unescaped_help(self.meta_text(from, "text in HELP")?, true);
            return Ok(Some(Entry::Help { family, text }));
        }
        if self.cursor.eat_word("# TYPE ") {
            let family = take_family(&mut self.cursor, from, "metric name after TYPE")?;
            let place = self.cursor;
            let name = self.meta_text(from, "text in TYPE")?;
            self.kind = MetricType::from_openmetrics(name).ok_or_else(|| {
                ParseError::MetricType { line: place.line(), got: shortened(name) }
            })?;
            return Ok(Some(Entry::Type { family, kind: self.kind }));
        }
        if self.cursor.eat_word("# UNIT ") {
            let family = take_family(&mut self.cursor, from, "metric name after UNIT")?;
            let place = self.cursor;
            let unit = self.meta_text(from, "text in UNIT")?;
            let fits = family.strip_suffix(unit).is_some_and(|head| head.ends_with('_'));
            if !unit.is_empty() && !fits {
                let (unit, family) = (shortened(unit), shortened(&family));
                return Err(ParseError::Unit { line: place.line(), unit, family });
            }
            return Ok(Some(Entry::Unit { family, unit }));
        }
        Err(self.cursor.expected(from, "a valid start token"))
    }

    /// The rest of a comment's line, behind one space.
    fn meta_text(&mut self, from: usize, expected: &'static str) -> Result<&'a str, ParseError> {
        if !self.cursor.eat(b' ') {
            return Err(self.cursor.expected(from, expected));
        }
        let text = self.cursor.take_line();
        if !self.cursor.eat(b'\n') {
            return Err(self.cursor.expected(from, expected));
        }
        Ok(text)
    }

    fn openmetrics_series(&mut self) -> Result<crate::Series<'a>, ParseError> {
        let (text, from) = self.take_series()?;
        let value = self.number(from, "value after metric", "value")?;
        let mut series = self.series(text, from, value);
        if !self.cursor.rest().starts_with(b" # {") && self.cursor.peek() == Some(b' ') {
            series.timestamp = Some(self.seconds(from, "timestamp")?);
        }
        if self.cursor.eat_word(" # {") {
            let labels = self.take_exemplar_labels(from)?;
            let value = self.number(from, "value after exemplar labels", "exemplar value")?;
            let mut exemplar = Exemplar { labels, value, timestamp: None };
            if self.cursor.peek() == Some(b' ') {
                exemplar.timestamp = Some(self.seconds(from, "exemplar timestamp")?);
            }
            series.exemplar = Some(exemplar);
        }
        if self.cursor.eat(b'\n') {
            return Ok(series);
        }
        if self.cursor.is_at_end() {
            return Err(ParseError::NoEof);
        }
        Err(self.cursor.expected(from, "next entry after the sample"))
    }

    /// One space and a float.
    fn number(
        &mut self,
        from: usize,
        expected: &'static str,
        what: &'static str,
    ) -> Result<f64, ParseError> {
        let place = self.cursor;
        if !self.cursor.eat(b' ') {
            return Err(place.expected(from, expected));
        }
        let word = self.cursor.take_while(|b| !matches!(b, b' ' | b'\n'));
        if word.is_empty() {
            return Err(self.cursor.expected(from, expected));
        }
        float(word).ok_or_else(|| self.bad_number(what, word))
    }

    /// One space and a time in seconds, as ms. What is finer than a millisecond is cut off.
    fn seconds(&mut self, from: usize, what: &'static str) -> Result<Timestamp, ParseError> {
        let place = self.cursor.at();
        let seconds = self.number(from, "timestamp", what)?;
        if !seconds.is_finite() {
            return Err(self.bad_number(what, self.cursor.since(place).trim_start()));
        }
        #[expect(clippy::cast_possible_truncation, reason = "a cast of floats saturates")]
        Ok((seconds * 1000.0) as Timestamp)
    }
}
