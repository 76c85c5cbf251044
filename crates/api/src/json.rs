//! JSON as Prometheus writes it.
//!
//! What is large (query results) is written piece by piece with [`text`] and [`number`]; what is
//! small is a `Serialize` struct that [`write`] writes in the same forms: floats as Go prints them,
//! and `<`, `>` and `&` escaped in texts, as Go's encoder does. Labels of series are the exception:
//! Prometheus leaves them as they are ([`Escape::Needed`]).

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

/// What is escaped in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Only what JSON demands.
    Needed,
    /// What could end a script within a page, too.
    Html,
}

/// Writes a text in quotes.
pub(crate) fn text(out: &mut Vec<u8>, text: &str, escape: Escape) {
    out.push(b'"');
    let mut plain_from = 0;
    let bytes = text.as_bytes();
    for (i, &byte) in bytes.iter().enumerate() {
        let replacement: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            b'<' if escape == Escape::Html => b"\\u003c",
            b'>' if escape == Escape::Html => b"\\u003e",
            b'&' if escape == Escape::Html => b"\\u0026",
            0..0x20 => b"",
            // The two line separators that scripts stumble over: e2 80 a8 and e2 80 a9.
            0xe2 if escape == Escape::Html && is_separator(&bytes[i..]) => b"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[plain_from..i]);
        plain_from = i + 1;
        match (replacement, byte) {
            (b"", 0xe2) => {
                plain_from = i + 3;
                let last = bytes[i + 2] & 0x0f;
                write!(out, "\\u202{:x}", last).expect("a Vec takes everything");
            }
            (b"", control) => write!(out, "\\u{control:04x}").expect("a Vec takes everything"),
            (replacement, _) => out.extend_from_slice(replacement),
        }
    }
    out.extend_from_slice(&bytes[plain_from..]);
    out.push(b'"');
}

fn is_separator(bytes: &[u8]) -> bool {
    bytes.starts_with("\u{2028}".as_bytes()) || bytes.starts_with("\u{2029}".as_bytes())
}

/// Writes a float as a value of a sample: without quotes, with an exponent where it is very large
/// or very small. Not a number in JSON's sense if it is not finite.
pub(crate) fn number(out: &mut Vec<u8>, value: f64) {
    // Most values are whole numbers, and those are cheap to write.
    const EXACT: f64 = 1e15;
    if value.fract() == 0.0 && value.abs() < EXACT && (value != 0.0 || value.is_sign_positive()) {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return whole(out, value as i64);
    }
    write!(out, "{}", model::float::Json(value)).expect("a Vec takes everything");
}

/// Writes a whole number.
pub(crate) fn whole(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).expect("below 10");
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes anything that says how it is serialized.
pub(crate) fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let mut serializer = Serializer::with_formatter(out, GoFormatter);
    value.serialize(&mut serializer).expect("our own structs have text keys, and a Vec takes all");
}

/// serde_json's compact form with Go's floats and escapes.
struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_f64<W: ?Sized + Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        write!(out, "{}", model::float::Json(value))
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut quoted = Vec::with_capacity(fragment.len() + 2);
        text(&mut quoted, fragment, Escape::Html);
        out.write_all(&quoted[1..quoted.len() - 1])
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::Quote => out.write_all(b"\\\""),
            CharEscape::ReverseSolidus => out.write_all(b"\\\\"),
            CharEscape::Solidus => out.write_all(b"/"),
            CharEscape::LineFeed => out.write_all(b"\\n"),
            CharEscape::CarriageReturn => out.write_all(b"\\r"),
            CharEscape::Tab => out.write_all(b"\\t"),
            CharEscape::Backspace => out.write_all(b"\\u0008"),
            CharEscape::FormFeed => out.write_all(b"\\u000c"),
            CharEscape::AsciiControl(byte) => write!(out, "\\u{byte:04x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "<a>&\"\n\u{2028}é\u{1}\u{7f}\\/\u{1f600}\t\u{8}";

    fn written(f: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        f(&mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn labels_are_escaped_as_little_as_json_allows() {
        assert_eq!(
            written(|out| text(out, HOSTILE, Escape::Needed)),
            "\"<a>&\\\"\\n\u{2028}é\\u0001\u{7f}\\\\/\u{1f600}\\t\\u0008\""
        );
    }

    #[test]
    fn other_texts_are_escaped_as_go_does_by_hand_and_by_serde() {
        let expected =
            "\"\\u003ca\\u003e\\u0026\\\"\\n\\u2028é\\u0001\u{7f}\\\\/\u{1f600}\\t\\u0008\"";
        assert_eq!(written(|out| text(out, HOSTILE, Escape::Html)), expected);
        assert_eq!(written(|out| write(out, HOSTILE)), expected);
    }

    #[test]
    fn numbers_have_the_form_of_samples() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (-17.0, "-17"),
            (1e15, "1000000000000000"),
            (999_999_999_999_999.0, "999999999999999"),
            (1e21, "1e+21"),
            (1e-7, "1e-07"),
            (0.1, "0.1"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(written(|out| number(out, value)), expected);
        }
        assert_eq!(written(|out| whole(out, i64::MIN)), i64::MIN.to_string());
        assert_eq!(written(|out| write(out, &[0.5, 2.0, 2.2e-7])), "[0.5,2,2.2e-07]");
    }
}
