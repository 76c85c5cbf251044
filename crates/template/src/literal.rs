//! Literals: numbers, characters and strings as Go writes them.

use model::labels::Quoted;

use crate::value::Value;

/// The value of a number, or `None` if it fits an unsigned but no signed integer: such a number
/// may be written, but not used.
pub(crate) fn number(text: &str) -> Result<Option<Value>, String> {
    if text.ends_with('i') && !is_hexadecimal(text) {
        return Err(format!("imaginary numbers are not supported: {}", Quoted(text)));
    }
    let digits = without_underscores(text);
    let float = digits.as_deref().and_then(model::float::parse);
    let like_float =
        text.contains(['.', 'p', 'P']) || (text.contains(['e', 'E']) && !is_hexadecimal(text));
    if let Some(value) = float.filter(|_| like_float) {
        return Ok(Some(Value::Float(value)));
    }
    match digits.as_deref().and_then(integer) {
        Some(value) => Ok(i64::try_from(value).ok().map(Value::Int)),
        None if float.is_some() => Err(format!("integer overflow: {}", Quoted(text))),
        None => Err(format!("illegal number syntax: {}", Quoted(text))),
    }
}

fn is_hexadecimal(text: &str) -> bool {
    text.trim_start_matches(['+', '-']).to_ascii_lowercase().starts_with("0x")
}

/// Underscores may only stand between digits or behind a base.
fn without_underscores(text: &str) -> Option<String> {
    let stray = text.contains("__")
        || text.trim_start_matches(['+', '-']).starts_with('_')
        || text.ends_with('_')
        || text.contains("_.")
        || text.contains("._");
    (!stray).then(|| text.replace('_', ""))
}

fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let value = if negative { -value } else { value };
    (value >= i128::from(i64::MIN)).then_some(value)
}

/// The code of a character in single quotes.
pub(crate) fn character(text: &str) -> Result<Value, String> {
    let inside = text.strip_prefix('\'').unwrap_or(text);
    let (bytes, rest) = unquote_one(inside, '\'').ok_or("invalid syntax")?;
    if rest != "'" {
        return Err(format!("malformed character constant: {text}"));
    }
    let code = match (std::str::from_utf8(&bytes), bytes.as_slice()) {
        (Ok(text), _) => text.chars().next().map_or(0, u32::from),
        (_, [byte]) => u32::from(*byte),
        _ => return Err("invalid syntax".to_owned()),
    };
    Ok(Value::Int(i64::from(code)))
}

/// The text that a literal in double quotes or backquotes stands for.
pub(crate) fn string(text: &str) -> Result<String, String> {
    if let Some(raw) = text.strip_prefix('`') {
        return Ok(raw.strip_suffix('`').unwrap_or(raw).replace('\r', ""));
    }
    let mut rest = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .ok_or_else(|| "invalid syntax".to_owned())?;
    let mut bytes = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let (one, after) = unquote_one(rest, '"').ok_or("invalid syntax")?;
        bytes.extend_from_slice(&one);
        rest = after;
    }
    // Escapes can write bytes that are no text; Go would print them as they are.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first character or escape of `text` as bytes, and what follows.
fn unquote_one(text: &str, quote: char) -> Option<(Vec<u8>, &str)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first == quote {
        return None;
    }
    if first != '\\' {
        return Some((first.to_string().into_bytes(), chars.as_str()));
    }
    let escape = chars.next()?;
    let rest = chars.as_str();
    let byte = match escape {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        c if c == quote => u8::try_from(c).ok()?,
        'x' => {
            return code(rest, 2, 16)
                .and_then(|(c, rest)| Some((vec![u8::try_from(c).ok()?], rest)));
        }
        'u' | 'U' => {
            let (code, rest) = code(rest, if escape == 'u' { 4 } else { 8 }, 16)?;
            return Some((char::from_u32(code)?.to_string().into_bytes(), rest));
        }
        '0'..='7' => {
            let (code, rest) = code(&text[1..], 3, 8)?;
            return Some((vec![u8::try_from(code).ok()?], rest));
        }
        _ => return None,
    };
    Some((vec![byte], rest))
}

fn code(text: &str, len: usize, radix: u32) -> Option<(u32, &str)> {
    let digits = text.get(..len).filter(|digits| digits.chars().all(|c| c.is_digit(radix)))?;
    Some((u32::from_str_radix(digits, radix).ok()?, &text[len..]))
}
