//! Series notation: `name{label="value"} 1+2x5 _ stale NaN` to labels and points.
//!
//! This is how test scripts write what is stored and what is expected: one series a line, its
//! points at equal distances. Always true: a repetition makes at most [`POINTS_LIMIT`] points. Native
//! histograms are recognised and not read.

use model::sample::{NORMAL_NAN, STALE_NAN};
use model::{Labels, LabelsBuilder, labels};
use promql::ast::Expr;

/// So many points may one line make.
pub const POINTS_LIMIT: usize = 1_000_000;

/// The points of one line.
#[derive(Clone, Debug, PartialEq)]
pub enum Points {
    /// A value, or `None` where there is no sample.
    Floats(Vec<Option<f64>>),
    /// Some are native histograms, which are not read.
    Histograms,
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

/// Reads the points of a line.
pub fn parse_points(text: &str) -> Result<Points, NotationError> {
    if text.contains("{{") {
        return Ok(Points::Histograms);
    }
    let mut points = Vec::new();
    for item in text.split_whitespace() {
        let bad = || NotationError::Point(item.to_owned());
        let item = parse_item(item).ok_or_else(bad)?;
        if item.count > POINTS_LIMIT - points.len() {
            return Err(NotationError::TooMany);
        }
        let mut value = item.first;
        for _ in 0..item.count {
            points.push(value);
            value = value.map(|v| v + item.step);
        }
    }
    Ok(Points::Floats(points))
}

/// One item of a line: its first point, how each differs from the one before, how many there are.
struct Item {
    first: Option<f64>,
    step: f64,
    count: usize,
}

fn parse_item(item: &str) -> Option<Item> {
    if item == "stale" {
        return Some(Item { first: Some(STALE_NAN), step: 0.0, count: 1 });
    }
    if let Some(rest) = item.strip_prefix('_') {
        let count = if rest.is_empty() { 1 } else { parse_times(rest)? };
        return Some(Item { first: None, step: 0.0, count });
    }
    let (first, rest) = take_number(item)?;
    let one = Item { first: Some(first), step: 0.0, count: 1 };
    if rest.is_empty() {
        return Some(one);
    }
    let (sign, step) = match rest.as_bytes()[0] {
        b'+' => (1.0, &rest[1..]),
        b'-' => (-1.0, &rest[1..]),
        _ => return Some(Item { count: parse_times(rest)?.checked_add(1)?, ..one }),
    };
    let (step, times) = take_number(step)?;
    Some(Item { step: sign * step, count: parse_times(times)?.checked_add(1)?, ..one })
}

/// `x12`.
fn parse_times(text: &str) -> Option<usize> {
    text.strip_prefix('x').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

/// The decimal number that `text` begins with, and what comes behind it.
fn take_number(text: &str) -> Option<(f64, &str)> {
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if let Some(word) = body.get(..3) {
        if word.eq_ignore_ascii_case("inf") {
            return Some((sign * f64::INFINITY, &body[3..]));
        }
        if word.eq_ignore_ascii_case("nan") {
            return Some((NORMAL_NAN, &body[3..]));
        }
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut end = digits(body);
    if body[end..].starts_with('.') {
        end += 1 + digits(&body[end + 1..]);
    }
    if let Some(exponent) = body[end..].strip_prefix(['e', 'E']) {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let sign_bytes = exponent.len() - unsigned.len();
        end += if digits(unsigned) > 0 { 1 + sign_bytes + digits(unsigned) } else { 0 };
    }
    Some((sign * body[..end].parse::<f64>().ok()?, &body[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_points() {
        for (text, points) in [
            ("", vec![]),
            ("1.5 -3 1e3", vec![Some(1.5), Some(-3.0), Some(1000.0)]),
            ("Inf -inf", vec![Some(f64::INFINITY), Some(f64::NEG_INFINITY)]),
            ("_ _x2 1", vec![None, None, None, Some(1.0)]),
            ("7x2", vec![Some(7.0); 3]),
            ("1+2x3", vec![Some(1.0), Some(3.0), Some(5.0), Some(7.0)]),
            ("-2--3x1 1e+1-.5x1", vec![Some(-2.0), Some(1.0), Some(10.0), Some(9.5)]),
            ("3+1x0", vec![Some(3.0)]),
        ] {
            assert_eq!(parse_points(text), Ok(Points::Floats(points)), "{text}");
        }
        let Ok(Points::Floats(points)) = parse_points("stale NaN") else { panic!("two floats") };
        assert!(points[0].is_some_and(model::sample::is_stale));
        assert!(points[1].is_some_and(|v| v.is_nan() && !model::sample::is_stale(v)));
        assert_eq!(parse_points("1 {{sum:1}}x3"), Ok(Points::Histograms));
    }

    #[test]
    fn what_is_no_point_is_named() {
        for text in ["1+2", "stalex2", "1x", "x3", "_3", "1+x2", "--1", "1e", "a", "1x-2"] {
            assert_eq!(parse_points(text), Err(NotationError::Point(text.to_owned())), "{text}");
        }
        assert_eq!(parse_points("1x1000000"), Err(NotationError::TooMany));
        let huge = "1x99999999999999999999";
        assert_eq!(parse_points(huge), Err(NotationError::Point(huge.to_owned())));
    }

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
