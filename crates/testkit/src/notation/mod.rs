//! Series notation: `name{label="value"} 1+2x5 _ stale NaN` to labels and points.
//!
//! This is how test scripts write what is stored and what is expected: one series a line, its
//! points at equal distances. Always true: a line makes at most [`POINTS_LIMIT`] points.

mod custom_buckets;
mod histogram;
mod points;
mod starts;

use model::{Histogram, Labels, LabelsBuilder, labels};
use promql::ast::Expr;

pub use custom_buckets::custom_bucket_series;
pub use points::parse_points;
pub use starts::parse_starts;

/// So many points may one line make.
pub const POINTS_LIMIT: usize = 1_000_000;

/// The points of one line; `None` where there is no sample.
pub type Points = Vec<Option<Point>>;

/// What stands at one point.
#[derive(Clone, Debug, PartialEq)]
pub enum Point {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram {
        /// The histogram.
        histogram: Box<Histogram>,
        /// Whether the line says what is known of a reset.
        has_hint: bool,
    },
}

/// A text that is not in series notation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotationError {
    /// Not labels.
    #[error("expected {expected} at {found:?}")]
    Labels {
        /// What should stand there.
        expected: &'static str,
        /// What stands there instead.
        found: String,
    },
    /// Not a point.
    #[error("{0:?} is neither a number, nor `_`, nor `stale`, nor a repetition of one")]
    Point(String),
    /// Not a native histogram.
    #[error("expected {expected} in the histogram {found:?}")]
    Histogram {
        /// What should stand there.
        expected: &'static str,
        /// The text of the histogram, or what is left of it.
        found: String,
    },
    /// Histograms that cannot be added: one has custom bounds.
    #[error("the histograms of {0:?} cannot be added")]
    Sum(String),
    /// More points than [`POINTS_LIMIT`].
    #[error("more than {POINTS_LIMIT} points in one line")]
    TooMany,
}

/// Reads a whole line: a series and its points.
pub fn parse_line(line: &str) -> Result<(Labels, Points), NotationError> {
    let (labels, rest) = parse_series(line)?;
    Ok((labels, parse_points(rest)?))
}

/// Reads the series a line begins with; also returns what comes behind it.
pub fn parse_series(line: &str) -> Result<(Labels, &str), NotationError> {
    let mut builder = LabelsBuilder::default();
    let (name, rest) = take_word(line, |c| c == ':');
    if !name.is_empty() {
        builder.set(labels::METRIC_NAME, name);
    }
    let braces = rest.trim_start();
    if !braces.starts_with('{') || braces.starts_with("{{") {
        return if name.is_empty() {
            expected("a series", rest)
        } else {
            Ok((builder.build(), rest))
        };
    }
    let mut rest = braces[1..].trim_start();
    while !rest.starts_with('}') {
        rest = parse_label(rest, &mut builder)?.trim_start();
        if let Some(more) = rest.strip_prefix(',') {
            rest = more.trim_start();
        } else if !rest.starts_with('}') {
            return expected("`,` or `}`", rest);
        }
    }
    Ok((builder.build(), &rest[1..]))
}

/// `label="value"`, or a quoted metric name alone.
fn parse_label<'a>(text: &'a str, builder: &mut LabelsBuilder) -> Result<&'a str, NotationError> {
    let quoted = text.starts_with(['"', '\'', '`']);
    let (name, rest) = if quoted {
        take_quoted(text)?
    } else {
        let (word, rest) = take_word(text, |_| false);
        (word.to_owned(), rest)
    };
    if name.is_empty() {
        return expected("a label's name", text);
    }
    let rest = rest.trim_start();
    match rest.strip_prefix('=') {
        Some(value) => {
            let (value, rest) = take_quoted(value.trim_start())?;
            builder.set(name, value);
            Ok(rest)
        }
        None if quoted => {
            builder.set(labels::METRIC_NAME, name);
            Ok(rest)
        }
        None => expected("`=`", rest),
    }
}

/// The letters, digits and underscores `text` begins with, if a digit is not the first of them.
fn take_word(text: &str, also: impl Fn(char) -> bool) -> (&str, &str) {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return ("", text);
    }
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || also(c);
    text.split_at(text.find(|c| !inside(c)).unwrap_or(text.len()))
}

/// The quoted text that `text` begins with, unquoted as a query would, and what comes behind it.
pub fn take_quoted(text: &str) -> Result<(String, &str), NotationError> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
    let Some(quote) = quote else { return expected("a quoted text", text) };
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote != '`' {
            escaped = true;
        } else if c == quote {
            let (quoted, rest) = text.split_at(at + 1);
            return match promql::parse(quoted) {
                Ok(Expr::String { value, .. }) => Ok((value, rest)),
                _ => expected("a text with known escapes", quoted),
            };
        }
    }
    expected("the end of a quoted text", text)
}

fn expected<T>(expected: &'static str, found: &str) -> Result<T, NotationError> {
    Err(NotationError::Labels { expected, found: found.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_written_as_in_selectors() {
        for (text, labels, rest) in [
            ("up 1", r#"{__name__="up"}"#, " 1"),
            (r#"a:b{x="1", y='2',} 3"#, r#"{__name__="a:b", x="1", y="2"}"#, " 3"),
            (r#"{} 1"#, "{}", " 1"),
            (r#"{x=""} 1"#, "{}", " 1"),
            (r#"m {x=`\`} 1"#, r#"{__name__="m", x="\\"}"#, " 1"),
            (
                r#"{"my.metric", "my.label"="\"}"} _"#,
                r#"{__name__="my.metric", "my.label"="\"}"}"#,
                " _",
            ),
            ("m {{sum:1}}", r#"{__name__="m"}"#, " {{sum:1}}"),
        ] {
            let parsed = parse_series(text).map(|(l, rest)| (l.to_string(), rest));
            assert_eq!(parsed, Ok((labels.to_owned(), rest)), "{text}");
        }
        for (text, message) in [
            ("1 2", r#"expected a series at "1 2""#),
            (r#"m{x="1" y="2"}"#, r#"expected `,` or `}` at "y=\"2\"}""#),
            ("m{x}", r#"expected `=` at "}""#),
            ("m{x=1}", r#"expected a quoted text at "1}""#),
            (r#"m{x="1}"#, r#"expected the end of a quoted text at "\"1}""#),
            (r#"m{x="\q"}"#, r#"expected a text with known escapes at "\"\\q\"""#),
            (r#"m{x="1","#, r#"expected a label's name at """#),
        ] {
            let message = message.to_owned();
            assert_eq!(parse_series(text).map_err(|e| e.to_string()), Err(message), "{text}");
        }
    }
}
