//! Texts: printing, escaping, matching, and the case of letters.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::format;
use crate::value::Value;

use super::convert::text;

/// All but the letters, digits and marks that Go leaves alone; a space becomes a plus afterwards.
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b' ');

pub(super) fn print(values: &[Value], limit: usize) -> Result<Value, String> {
    format::sprint(values, limit).map(Value::str)
}

pub(super) fn println(values: &[Value], limit: usize) -> Result<Value, String> {
    format::sprintln(values, limit).map(Value::str)
}

pub(super) fn printf(values: &[Value], limit: usize) -> Result<Value, String> {
    format::sprintf(text(values, 0), values.get(1..).unwrap_or_default(), limit).map(Value::str)
}

pub(super) fn html(values: &[Value], limit: usize) -> Result<Value, String> {
    let mut escaped = String::new();
    for c in format::sprint(values, limit)?.chars() {
        match c {
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\0' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    Ok(Value::str(escaped))
}

pub(super) fn js(values: &[Value], limit: usize) -> Result<Value, String> {
    let mut escaped = String::new();
    for c in format::sprint(values, limit)?.chars() {
        match c {
            '\\' | '\'' | '"' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '<' | '>' | '&' | '=' => escaped.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if c.is_control() => escaped.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    Ok(Value::str(escaped))
}

pub(super) fn urlquery(values: &[Value], limit: usize) -> Result<Value, String> {
    Ok(Value::str(query_escaped(&format::sprint(values, limit)?)))
}

pub(super) fn url_query_escape(values: &[Value]) -> Result<Value, String> {
    Ok(Value::str(query_escaped(text(values, 0))))
}

/// `text` as a part of a URL's query.
pub(super) fn query_escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string().replace(' ', "+")
}

pub(super) fn safe_html(values: &[Value]) -> Result<Value, String> {
    Ok(values[0].clone())
}

pub(super) fn matches(values: &[Value]) -> Result<Value, String> {
    let regex = model::re2::compile(text(values, 0)).map_err(|error| error.to_string())?;
    Ok(Value::Bool(regex.is_match(text(values, 1))))
}

/// Every match replaced, with `$1`, `${name}` and `$$` in the replacement.
pub(super) fn replace_all(values: &[Value], limit: usize) -> Result<Value, String> {
    let (pattern, replacement, of) = (text(values, 0), text(values, 1), text(values, 2));
    let regex = model::re2::compile(pattern)
        .map_err(|error| format!("regexp: Compile({}): {error}", format::backquoted(pattern)))?;
    let (mut replaced, mut end) = (String::new(), 0);
    for captures in regex.captures_iter(of) {
        let found = captures.get_match();
        replaced.push_str(&of[end..found.start()]);
        captures.expand(replacement, &mut replaced);
        end = found.end();
        if replaced.len() > limit {
            return Err(format::too_long(limit));
        }
    }
    replaced.push_str(&of[end..]);
    Ok(Value::str(replaced))
}

pub(super) fn to_upper(values: &[Value]) -> Result<Value, String> {
    Ok(Value::str(text(values, 0).to_uppercase()))
}

pub(super) fn to_lower(values: &[Value]) -> Result<Value, String> {
    Ok(Value::str(text(values, 0).to_lowercase()))
}

/// The first letter of each word made large, the others left alone. An apostrophe, dot or colon
/// between letters does not end a word.
pub(super) fn title(values: &[Value]) -> Result<Value, String> {
    let mut titled = String::new();
    let mut seen_letter = false;
    let mut previous = ' ';
    let mut chars = text(values, 0).chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        let joins = matches!(c, '\'' | '\u{2019}' | '.' | ':')
            && previous.is_alphabetic()
            && next.is_alphabetic();
        if c.is_alphabetic() && !seen_letter {
            seen_letter = true;
            titled.extend(c.to_uppercase());
        } else {
            seen_letter = seen_letter && (c.is_alphanumeric() || c == '_' || joins);
            titled.push(c);
        }
        previous = c;
    }
    Ok(Value::str(titled))
}
