//! The text format, one entry at a time.
//!
//! Blanks may stand between all parts. A line that begins with `#` and is not `# HELP` or `# TYPE`
//! is a comment. A timestamp is a whole number of milliseconds.
#![deny(clippy::indexing_slicing)]

use std::borrow::Cow;

use crate::cursor::Cursor;
use crate::error::shortened;
use crate::labels::{float, is_name_byte, unescaped, unescaped_help};
use crate::parser::{Entry, Parser};
use crate::{MetricType, ParseError};

impl<'a> Parser<'a> {
    /// The next entry of a text body; `None` at its end.
    pub(crate) fn next_text(&mut self) -> Result<Option<Entry<'a>>, ParseError> {
        loop {
            self.cursor.skip_blanks();
            match self.cursor.peek() {
                None => return Ok(None),
                Some(b'\n') => self.cursor.advance(1),
                Some(b'#') => {
                    if let Some(entry) = self.text_comment()? {
                        return Ok(Some(entry));
                    }
                }
                Some(_) => return self.text_series().map(Some),
            }
        }
    }

    /// A line that begins with `#`; `None` for a comment.
    fn text_comment(&mut self) -> Result<Option<Entry<'a>>, ParseError> {
        let from = self.cursor.at();
        self.cursor.advance(1);
        let mut words = self.cursor;
        words.skip_blanks();
        let spaced = words.at() > self.cursor.at();
        let help = spaced && words.eat_word("HELP");
        let known = help || (spaced && words.eat_word("TYPE"));
        if !known || !matches!(words.peek(), Some(b' ' | b'\t')) {
            self.cursor.take_line();
            return Ok(None);
        }
        words.skip_blanks();
        self.cursor = words;
        let after = if help { "metric name after HELP" } else { "metric name after TYPE" };
        let family = take_family(&mut self.cursor, from, after)?;
        // One character parts the name from the text; more of them belong to the text.
        if !matches!(self.cursor.peek(), None | Some(b'\n')) {
            self.cursor.advance(1);
        }
        let line = self.cursor.take_line();
        if help {
            return Ok(Some(Entry::Help { family, text: unescaped_help(line, false) }));
        }
        let kind = MetricType::from_text(line).ok_or_else(|| ParseError::MetricType {
            line: self.cursor.line(),
            got: shortened(line),
        })?;
        self.kind = kind;
        Ok(Some(Entry::Type { family, kind }))
    }

    fn text_series(&mut self) -> Result<Entry<'a>, ParseError> {
        let (text, from) = self.take_series()?;
        self.cursor.skip_blanks();
        let word = self.cursor.take_while(|b| !matches!(b, b'{' | b' ' | b'\t' | b'\n'));
        if word.is_empty() {
            return Err(self.cursor.expected(from, "value after metric"));
        }
        let value = float(word).ok_or_else(|| self.bad_number("value", word))?;
        let mut series = self.series(text, from, value);
        self.cursor.skip_blanks();
        let digits = self.cursor.take_while(|b| b.is_ascii_digit());
        if !digits.is_empty() {
            let timestamp = digits.parse().map_err(|_| self.bad_number("timestamp", digits))?;
            series.timestamp = Some(timestamp);
            self.cursor.skip_blanks();
        }
        if !self.cursor.eat(b'\n') && !self.cursor.is_at_end() {
            let expected = match series.timestamp {
                Some(_) => "next entry after timestamp",
                None => "timestamp or new record",
            };
            return Err(self.cursor.expected(from, expected));
        }
        Ok(Entry::Series(series))
    }
}

/// Moves past the name in a comment, bare or in quotes.
pub(crate) fn take_family<'a>(
    cursor: &mut Cursor<'a>,
    from: usize,
    expected: &'static str,
) -> Result<Cow<'a, str>, ParseError> {
    if cursor.peek() == Some(b'"') {
        return match cursor.take_quoted() {
            Some(name) => Ok(unescaped(name)),
            None => Err(cursor.expected(from, expected)),
        };
    }
    if cursor.peek().is_none_or(|b| !is_name_byte(b) || b.is_ascii_digit()) {
        return Err(cursor.expected(from, expected));
    }
    Ok(cursor.take_while(is_name_byte).into())
}
