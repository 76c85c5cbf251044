//! How far a text reads as a number or as the units of a duration.
//!
//! Prometheus's errors quote what its lexer had read when it gave up, so this gives up at the same
//! places.

/// What was read last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Digit,
    Dot,
    Underscore,
    Exponent,
}

/// How many bytes at the front of `text` look like a number, and whether they are one: whether it can be
/// read is seen later, so `0x` is a number that cannot.
pub(crate) fn scan(text: &str) -> (usize, bool) {
    let bytes = text.as_bytes();
    let is_hex = matches!(bytes, [b'0', b'x' | b'X', ..]);
    let mut at = if is_hex { 2 } else { 0 };
    let (mut last, mut has_dot, mut has_exponent) = (Last::Nothing, false, false);
    if is_hex && bytes.get(at) == Some(&b'_') {
        at += 1;
    }
    while let Some(byte) = bytes.get(at) {
        let fits = match byte {
            b'0'..=b'9' => true,
            b'a'..=b'f' | b'A'..=b'F' if is_hex => true,
            b'_' => last == Last::Digit,
            b'.' => !has_dot && last != Last::Underscore && !(is_hex && last == Last::Digit),
            b'e' | b'E' => !has_exponent && (last == Last::Digit || (last == Last::Dot && at > 1)),
            _ => break,
        };
        at += 1;
        if !fits {
            return (at, false);
        }
        last = match byte {
            b'_' => Last::Underscore,
            b'.' => Last::Dot,
            b'e' | b'E' if !is_hex => Last::Exponent,
            _ => Last::Digit,
        };
        has_dot |= last == Last::Dot;
        if last == Last::Exponent {
            has_exponent = true;
            at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        }
    }
    let is_whole = !matches!(last, Last::Underscore | Last::Exponent);
    (at, is_whole && !bytes.get(at).is_some_and(|byte| is_word(*byte)))
}

/// How many bytes at the front of `text` are the units and further numbers of a duration whose first
/// number stands before, and whether they are the rest of one.
pub(crate) fn scan_units(text: &str) -> (usize, bool) {
    let bytes = text.as_bytes();
    let unit = |at: usize, letters: &[u8]| {
        bytes.get(at).filter(|byte| letters.contains(byte)).map(|_| {
            // Milliseconds; other units with an s are refused when the duration is read.
            at + 1 + usize::from(bytes.get(at + 1) == Some(&b's'))
        })
    };
    let Some(mut at) = unit(0, b"smhdwy") else { return (0, false) };
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        match unit(at, b"smhdw") {
            Some(behind) => at = behind,
            None => return (at, false),
        }
    }
    match bytes.get(at) {
        Some(byte) if is_word(*byte) => (at + 1, false),
        _ => (at, true),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_where_prometheus_ends_them() {
        for (text, read, is_number) in [
            ("1", "1", true),
            ("0x1F)", "0x1F", true),
            ("1_000.5e-3 ", "1_000.5e-3", true),
            (".5", ".5", true),
            ("1e5_0", "1e5_0", true),
            ("1e5.5", "1e5.5", true),
            ("0x", "0x", true),
            ("0x_", "0x_", true),
            ("0x.", "0x.", true),
            ("1e", "1e", false),
            ("1e+x", "1e+", false),
            ("1ee5", "1ee", false),
            ("1e5e5", "1e5e", false),
            ("1__0", "1__", false),
            ("1_.5", "1_.", false),
            ("1.5.5", "1.5.", false),
            ("1.e", "1.e", false),
            ("1e_5", "1e_", false),
            ("1._5", "1._", false),
            ("0x1p", "0x1", false),
            ("0x1.5", "0x1.", false),
            ("0b1", "0", false),
            ("5.e1", "5.e1", true),
            (".e1", ".e", false),
            ("5m", "5", false),
        ] {
            assert_eq!(scan(text), (read.len(), is_number), "{text}");
        }
    }

    #[test]
    fn units_end_where_prometheus_ends_them() {
        for (text, read, is_duration) in [
            ("m", "m", true),
            ("ms]", "ms", true),
            ("h30m)", "h30m", true),
            ("m.", "m", true),
            ("x", "", false),
            ("m3x", "m3", false),
            ("h1y", "h1", false),
            ("mx", "mx", false),
            ("m_", "m_", false),
        ] {
            assert_eq!(scan_units(text), (read.len(), is_duration), "{text}");
        }
    }
}
