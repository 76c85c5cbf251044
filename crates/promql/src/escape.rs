//! Quoted texts: where one ends, and what it stands for.
//!
//! Escapes are Go's: `\n` and the like, `\x41`, `\101`, `\u0041`, `\U00000041`. Backquotes know none.

/// How many bytes of `body`, which stands behind an opening `quote`, are before the closing one.
pub(crate) fn end_of_text(body: &str, quote: char) -> Result<usize, String> {
    let mut rest = body;
    loop {
        let Some(c) = rest.chars().next() else {
            let raw = if quote == '`' { "unterminated raw string" } else { UNTERMINATED };
            return Err(raw.to_owned());
        };
        match c {
            c if c == quote => return Ok(body.len() - rest.len()),
            '\\' if quote != '`' => rest = escape(&rest[1..], quote)?.1,
            '\n' if quote != '`' => return Err(UNTERMINATED.to_owned()),
            c => rest = &rest[c.len_utf8()..],
        }
    }
}

const UNTERMINATED: &str = "unterminated quoted string";

/// What a quoted text, quotes included, stands for. Bytes that are not UTF-8 are replaced.
pub(crate) fn unquote(text: &str) -> String {
    match String::from_utf8(unquote_bytes(text)) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// The same as bytes, whatever they are.
pub(crate) fn unquote_bytes(text: &str) -> Vec<u8> {
    let quote = text.chars().next().unwrap_or('"');
    let body = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
    if quote == '`' || !body.contains('\\') {
        return body.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let Ok((unit, after)) = escape(&rest[at + 1..], quote) else { break };
        match unit {
            Unit::Byte(byte) => bytes.push(byte),
            Unit::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// What one escape stands for.
enum Unit {
    Byte(u8),
    Char(char),
}

/// Reads one escape, of which the backslash is gone; also returns what comes behind it.
fn escape(rest: &str, quote: char) -> Result<(Unit, &str), String> {
    let c = rest.chars().next().ok_or("escape sequence not terminated")?;
    let plain = match c {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' => '\\',
        c if c == quote => quote,
        '0'..='7' => return numeric(rest, 3, 8),
        'x' => return numeric(&rest[1..], 2, 16),
        'u' => return numeric(&rest[1..], 4, 16),
        'U' => return numeric(&rest[1..], 8, 16),
        c => return Err(format!("unknown escape sequence {}", shown(c))),
    };
    Ok((Unit::Char(plain), &rest[c.len_utf8()..]))
}

/// Reads `count` digits; up to three of them are a byte, more are a character.
fn numeric(rest: &str, count: usize, radix: u32) -> Result<(Unit, &str), String> {
    let mut value: u32 = 0;
    let mut chars = rest.chars();
    for _ in 0..count {
        let c = chars.next().ok_or("escape sequence not terminated")?;
        let digit = c.to_digit(radix);
        let digit =
            digit.ok_or_else(|| format!("illegal character {} in escape sequence", shown(c)))?;
        value = value.wrapping_mul(radix).wrapping_add(digit);
    }
    let unit = if count < 4 {
        u8::try_from(value).ok().map(Unit::Byte)
    } else {
        char::from_u32(value).map(Unit::Char)
    };
    let unit = unit.ok_or("escape sequence is an invalid Unicode code point")?;
    Ok((unit, chars.as_str()))
}

/// A character as Go's `%#U` shows one.
fn shown(c: char) -> String {
    format!("U+{:04X} '{c}'", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_go() {
        for (text, value) in [
            (r#""a\tb\\\"""#, "a\tb\\\""),
            (r"'it\'s'", "it's"),
            (r#""\x41\101\u00e9\U0001F525""#, "AA\u{e9}\u{1f525}"),
            (r#""\xc3\xa9""#, "\u{e9}"),
            ("`a\\n\n`", "a\\n\n"),
        ] {
            let quote = text.chars().next().expect("a quote");
            assert_eq!(end_of_text(&text[1..], quote), Ok(text.len() - 2), "{text}");
            assert_eq!(unquote(text), value, "{text}");
        }
    }

    #[test]
    fn bad_escapes_are_named() {
        for (text, message) in [
            (r#""\q""#, "unknown escape sequence U+0071 'q'"),
            (r#""\x."#, "illegal character U+002E '.' in escape sequence"),
            (r#""\400""#, "escape sequence is an invalid Unicode code point"),
            (r#""\ud800""#, "escape sequence is an invalid Unicode code point"),
            (r#""\"#, "escape sequence not terminated"),
            (r#""abc"#, "unterminated quoted string"),
            ("`abc", "unterminated raw string"),
        ] {
            let quote = text.chars().next().expect("a quote");
            assert_eq!(end_of_text(&text[1..], quote), Err(message.to_owned()), "{text}");
        }
    }
}
