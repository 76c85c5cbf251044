//! A place in a text, and the few moves a parser makes from it.
//!
//! Every slice is taken between two ASCII bytes that were just looked at, so no cut can fall into a
//! character; should one ever do, the slice comes out empty and the parser complains.
#![deny(clippy::indexing_slicing)]

use crate::ParseError;
use crate::error::{line_of, shortened};

/// A place in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    pub(crate) fn at(self) -> usize {
        self.at
    }

    #[inline]
    pub(crate) fn peek(self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What follows, as bytes.
    #[inline]
    pub(crate) fn rest(self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    pub(crate) fn is_at_end(self) -> bool {
        self.at >= self.text.len()
    }

    /// Moves on by `count` bytes, at most to the end.
    #[inline]
    pub(crate) fn advance(&mut self, count: usize) {
        self.at = (self.at + count).min(self.text.len());
    }

    /// Moves past `byte`, if it is next.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Moves past `word`, if it is next.
    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word.as_bytes());
        if found {
            self.at += word.len();
        }
        found
    }

    /// Moves past all bytes that pass and returns them.
    #[inline]
    pub(crate) fn take_while(&mut self, pass: impl Fn(u8) -> bool) -> &'a str {
        let from = self.at;
        let rest = self.rest();
        self.at += rest.iter().position(|b| !pass(*b)).unwrap_or(rest.len());
        self.since(from)
    }

    /// Moves past spaces and tabs.
    #[inline]
    pub(crate) fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// Moves to the end of the line and returns what was on it.
    pub(crate) fn take_line(&mut self) -> &'a str {
        let from = self.at;
        let rest = self.rest();
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.since(from)
    }

    /// Moves past a string whose opening quote is next; returns what is between the quotes, escapes
    /// and all. `None`, and no move, if it is not closed.
    pub(crate) fn take_quoted(&mut self) -> Option<&'a str> {
        let mut probe = *self;
        if !probe.eat(b'"') {
            return None;
        }
        let from = probe.at;
        loop {
            probe.advance(memchr::memchr2(b'"', b'\\', probe.rest())?);
            match probe.peek() {
                Some(b'"') => break,
                _ => probe.advance(2),
            }
        }
        let inside = probe.since(from);
        probe.advance(1);
        *self = probe;
        Some(inside)
    }

    /// The text between `from` and here.
    #[inline]
    pub(crate) fn since(self, from: usize) -> &'a str {
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// The complaint that `expected` is not what stands here, in an entry that began at `from`.
    pub(crate) fn expected(self, from: usize, expected: &'static str) -> ParseError {
        let got = String::from_utf8_lossy(self.rest()).chars().take(1).collect::<String>();
        let text = format!("{}{got}", self.since(from));
        ParseError::Expected { line: self.line(), expected, got, text: shortened(&text) }
    }

    /// The number of the line, from 1.
    pub(crate) fn line(self) -> usize {
        line_of(self.text.as_bytes(), self.at)
    }
}
