//! A series' text to its labels, and the numbers that stand in labels.
//!
//! The parser only delimits the text between braces, since most series were seen before and are
//! known by their text. Here the text is read in full: this is where a malformed one is found.
#![deny(clippy::indexing_slicing)]

use std::borrow::Cow;
use std::fmt;

use model::labels::{BUCKET_LABEL, METRIC_NAME};

use crate::cursor::Cursor;
use crate::error::shortened;
use crate::parser::Format;
use crate::{MetricType, ParseError};

/// A label's name and value; the value may be empty, the names may repeat.
pub type LabelPair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The pairs of one series text as [`crate::Series::text`] gives it, in the order of the text.
///
/// The metric's name comes as `__name__`. In a histogram `le`, in a summary `quantile`, become the
/// number they stand for in OpenMetrics' canonical form, so that `1` and `1.0` are one series.
pub fn read_labels<'a>(
    text: &'a str,
    format: Format,
    kind: MetricType,
    pairs: &mut Vec<LabelPair<'a>>,
) -> Result<(), ParseError> {
    read_series(&mut Cursor::new(text, 0), format, kind, pairs)
}

/// The same from the middle of a body, so that a complaint names the line.
pub(crate) fn read_series<'a>(
    cursor: &mut Cursor<'a>,
    format: Format,
    kind: MetricType,
    pairs: &mut Vec<LabelPair<'a>>,
) -> Result<(), ParseError> {
    pairs.clear();
    let from = cursor.at();
    let name = take_name(cursor);
    if !name.is_empty() {
        pairs.push((METRIC_NAME.into(), name.into()));
    }
    if format == Format::Text {
        cursor.skip_blanks();
    }
    let mut named = !name.is_empty();
    if cursor.eat(b'{') {
        let mut braces = Braces { cursor, from, format, named: &mut named };
        braces.read(pairs)?;
    }
    if !named {
        let text = shortened(cursor.since(from));
        return Err(ParseError::NameMissing { line: cursor.line(), text });
    }
    let number_label = match kind {
        MetricType::Histogram => BUCKET_LABEL,
        MetricType::Summary => "quantile",
        _ => return Ok(()),
    };
    for (_, value) in pairs.iter_mut().filter(|(name, _)| name == number_label) {
        if let Some(number) = float(value) {
            *value = Number(number).to_string().into();
        }
    }
    Ok(())
}

/// The pairs of an exemplar, whose text begins behind its opening brace.
pub(crate) fn read_exemplar<'a>(
    cursor: &mut Cursor<'a>,
    from: usize,
    pairs: &mut Vec<LabelPair<'a>>,
) -> Result<(), ParseError> {
    pairs.clear();
    // An exemplar has no name, so a quoted string alone is as wrong as a second name.
    let mut named = true;
    Braces { cursor, from, format: Format::OpenMetrics, named: &mut named }.read(pairs)
}

/// The part of a series between braces.
struct Braces<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    /// Where the entry began, for complaints.
    from: usize,
    format: Format,
    /// Whether the metric's name was seen.
    named: &'c mut bool,
}

impl<'a> Braces<'_, 'a> {
    /// Reads up to and with the closing brace.
    fn read(&mut self, pairs: &mut Vec<LabelPair<'a>>) -> Result<(), ParseError> {
        loop {
            self.skip();
            if self.cursor.eat(b'}') {
                return Ok(());
            }
            let (name, quoted) = self.label_name()?;
            self.skip();
            if quoted && matches!(self.cursor.peek(), Some(b',' | b'}')) {
                if std::mem::replace(self.named, true) {
                    let text = shortened(self.cursor.since(self.from));
                    return Err(ParseError::NameTwice { line: self.cursor.line(), text });
                }
                pairs.push((METRIC_NAME.into(), unescaped(name)));
            } else {
                let value = self.label_value()?;
                pairs.push((unescaped(name), unescaped(value)));
            }
            self.separator()?;
        }
    }

    fn label_name(&mut self) -> Result<(&'a str, bool), ParseError> {
        const EXPECTED: &str = "label name";
        match self.cursor.peek() {
            Some(b'"') => match self.cursor.take_quoted() {
                Some(name) => Ok((name, true)),
                None => Err(self.expected(EXPECTED)),
            },
            Some(b) if b.is_ascii_alphabetic() || b == b'_' => {
                Ok((self.cursor.take_while(|b| is_name_byte(b) && b != b':'), false))
            }
            _ => Err(self.expected(EXPECTED)),
        }
    }

    fn label_value(&mut self) -> Result<&'a str, ParseError> {
        if !self.cursor.eat(b'=') {
            return Err(self.expected("equal"));
        }
        self.skip();
        let mut probe = *self.cursor;
        match probe.take_quoted() {
            Some(value) if self.format == Format::Text || !value.contains('\n') => {
                *self.cursor = probe;
                Ok(value)
            }
            _ => Err(self.expected("label value")),
        }
    }

    /// A comma, which OpenMetrics demands between labels and the text format does not.
    fn separator(&mut self) -> Result<(), ParseError> {
        self.skip();
        let comma = self.cursor.eat(b',');
        if comma || self.format == Format::Text || self.cursor.peek() == Some(b'}') {
            return Ok(());
        }
        Err(self.expected("comma or brace close"))
    }

    /// Only the text format has room for blanks.
    fn skip(&mut self) {
        if self.format == Format::Text {
            self.cursor.skip_blanks();
        }
    }

    fn expected(&self, what: &'static str) -> ParseError {
        self.cursor.expected(self.from, what)
    }
}

/// For each byte, whether a metric's name may hold it. A table: names are most of a body.
#[expect(clippy::indexing_slicing, reason = "a wrong index would not compile")]
const NAME_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:";
    while let [byte, after @ ..] = rest {
        table[*byte as usize] = true;
        rest = after;
    }
    table
};

/// Whether a metric's name may hold this byte.
#[inline]
pub(crate) fn is_name_byte(byte: u8) -> bool {
    NAME_BYTES.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Moves past a bare metric name; no move, and the empty name, if none begins here.
pub(crate) fn take_name<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    if cursor.peek().is_some_and(|b| b.is_ascii_digit()) {
        return "";
    }
    cursor.take_while(is_name_byte)
}

/// A float as the formats allow it: Go's notation without the hexadecimal forms and underscores.
pub(crate) fn float(text: &str) -> Option<f64> {
    if let Some(integer) = small_integer(text.as_bytes()) {
        return Some(integer);
    }
    if text.bytes().any(|b| matches!(b, b'p' | b'P' | b'_')) {
        return None;
    }
    model::float::parse(text)
}

/// The fast way for most values: a whole number of up to 15 digits, which a float holds exactly.
fn small_integer(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 15 {
        return None;
    }
    let mut value = 0_u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    #[expect(clippy::cast_precision_loss, reason = "fifteen digits are below 2^53")]
    Some(value as f64)
}

/// The text with `\\`, `\"` and `\n` undone; other backslashes stay, as Prometheus leaves them.
pub(crate) fn unescaped(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return text.into();
    }
    undo(text, true).into()
}

/// The same for a help text, where quotes need no escape.
pub(crate) fn unescaped_help(text: &str, quotes: bool) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return text.into();
    }
    undo(text, quotes).into()
}

fn undo(text: &str, quotes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let plain = match (c, chars.peek()) {
            ('\\', Some('\\')) => Some('\\'),
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some('"')) if quotes => Some('"'),
            _ => None,
        };
        if plain.is_some() {
            chars.next();
        }
        out.push(plain.unwrap_or(c));
    }
    out
}

/// A number as OpenMetrics wants it in `le` and `quantile`: always with a point or an exponent.
#[derive(Clone, Copy, Debug)]
pub struct Number(pub f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = model::float::General(self.0).to_string();
        f.write_str(&text)?;
        if self.0.is_finite() && !text.contains(['.', 'e']) {
            f.write_str(".0")?;
        }
        Ok(())
    }
}
