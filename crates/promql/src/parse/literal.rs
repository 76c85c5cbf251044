//! Numbers, and durations as numbers of seconds.

use model::labels::Quoted;
use model::time::parse_duration;

use super::Parser;
use crate::ast::Expr;
use crate::token::Kind;

impl Parser<'_> {
    /// The next token, a number or a duration.
    pub(super) fn number(&mut self) -> Expr {
        let token = self.advance();
        let span = token.span;
        let duration = token.kind == Kind::Duration;
        let parsed = if duration { seconds(token.text) } else { number(token.text) };
        let value = parsed.unwrap_or_else(|message| {
            self.note(span, message);
            f64::NAN
        });
        Expr::Number { value, duration, span }
    }
}

/// `1h30m` in seconds.
fn seconds(text: &str) -> Result<f64, String> {
    if let Some((unit, _)) = bad_unit(text) {
        return Err(format!("unknown unit {} in duration {}", Quoted(unit), Quoted(text)));
    }
    match parse_duration(text) {
        Ok(0) => Ok(0.0),
        Ok(ms) => Ok(ms as f64 / 1000.0),
        Err(error) => Err(error.to_string()),
    }
}

/// The first part of a duration that stands where a unit should and is none.
fn bad_unit(text: &str) -> Option<(&str, &str)> {
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, after) = rest.split_at(end);
        if !matches!(unit, "y" | "w" | "d" | "h" | "m" | "s" | "ms") {
            return Some((unit, after));
        }
        rest = after;
    }
    None
}

/// A number as Go's `strconv` reads one: an integer with its prefix, or else a float.
fn number(text: &str) -> Result<f64, String> {
    if let Some(integer) = integer(text) {
        return Ok(integer as f64);
    }
    let refuse = |why: &str| {
        format!("error parsing number: strconv.ParseFloat: parsing {}: {why}", Quoted(text))
    };
    let plain = text.replace('_', "");
    match model::float::parse(&plain) {
        Some(value) => Ok(value),
        // The lexer let only digits, one dot and an exponent pass: if that is whole, it is too large.
        None if plain.parse::<f64>().is_ok() => Err(refuse("value out of range")),
        None => Err(refuse("invalid syntax")),
    }
}

/// `31`, `0x1f`, `037`; `None` if it is something else, or too large.
fn integer(text: &str) -> Option<i64> {
    let digits = text.replace('_', "");
    let (radix, digits) = match digits.strip_prefix('0') {
        Some(rest) if rest.starts_with(['x', 'X']) => (16, &rest[1..]),
        Some(rest) if !rest.is_empty() => (8, rest),
        _ => (10, digits.as_str()),
    };
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok()
}
