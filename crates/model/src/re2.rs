//! Regular expressions as Go's RE2 reads them, compiled by the `regex` crate.
//!
//! The two dialects agree on most things. Where they do not, [`translate`] rewrites the pattern or
//! refuses it: Perl classes are ASCII, `[` inside a class is a letter, `{,2}` is text, octal escapes
//! and `\Q…\E` exist, a repetition cannot be repeated. Errors carry Go's wording.
//! Source of the grammar: <https://github.com/google/re2/wiki/Syntax>.

use std::iter::Peekable;
use std::str::CharIndices;

/// The largest compiled size of one expression, in bytes.
pub const SIZE_LIMIT_BYTES: usize = 10 << 20;
/// The largest count in `{n,m}`, as in RE2.
const MAX_REPEAT: u32 = 1000;

/// Why a pattern is not a regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {what}: `{fragment}`")]
pub struct RegexError {
    /// Go's name for the error.
    pub what: &'static str,
    /// The part of the pattern it is about.
    pub fragment: String,
}

/// Compiles `pattern` to match whole texts only, with `.` matching line feeds: `^(?s:pattern)$`.
pub fn compile_anchored(pattern: &str) -> Result<regex::Regex, RegexError> {
    compile(&format!("^(?s:{pattern})$"))
}

/// Compiles `pattern` as it is.
pub fn compile(pattern: &str) -> Result<regex::Regex, RegexError> {
    let translated = translate(pattern)?;
    regex::RegexBuilder::new(&translated).size_limit(SIZE_LIMIT_BYTES).build().map_err(|error| {
        let what = match error {
            regex::Error::CompiledTooBig(_) => "expression too large",
            _ => "invalid expression",
        };
        RegexError { what, fragment: pattern.to_owned() }
    })
}

/// Rewrites a pattern of RE2's dialect in that of the `regex` crate.
pub fn translate(pattern: &str) -> Result<String, RegexError> {
    let mut translator = Translator {
        pattern,
        chars: pattern.char_indices().peekable(),
        out: String::with_capacity(pattern.len() + 16),
        depth: 0,
        repeat_from: None,
        nothing_yet: true,
    };
    while let Some((at, c)) = translator.chars.next() {
        translator.step(at, c)?;
    }
    if translator.depth > 0 {
        return Err(error("missing closing )", pattern));
    }
    Ok(translator.out)
}

struct Translator<'a> {
    pattern: &'a str,
    chars: Peekable<CharIndices<'a>>,
    out: String,
    /// Open groups.
    depth: usize,
    /// Where the repetition just read began; nothing may repeat a repetition.
    repeat_from: Option<usize>,
    /// Whether a group or an alternative has just begun: nothing is there to repeat.
    nothing_yet: bool,
}

/// What an escape stands for.
enum Escape {
    Char(char),
    /// The inside of a class, and whether the class is negated.
    Class(&'static str, bool),
    /// Unicode class, whole: `\p{Greek}`.
    Unicode(String),
}

impl Translator<'_> {
    fn step(&mut self, at: usize, c: char) -> Result<(), RegexError> {
        let repeats_before = self.repeat_from.take();
        let nothing_yet = matches!(c, '(' | '|');
        match c {
            '*' | '+' | '?' => self.repetition(at, repeats_before, c.encode_utf8(&mut [0; 4]))?,
            '{' => match self.counted(at)? {
                Some(count) => self.repetition(at, repeats_before, &count)?,
                None => self.out.push_str("\\{"),
            },
            '(' => self.open_group(at)?,
            ')' => {
                self.depth =
                    self.depth.checked_sub(1).ok_or_else(|| error("unexpected )", self.pattern))?;
                self.out.push(')');
            }
            '[' => self.class(at)?,
            '\\' => self.escape_outside(at)?,
            '}' | ']' => self.literal(c),
            _ => self.out.push(c),
        }
        self.nothing_yet = nothing_yet;
        Ok(())
    }

    fn repetition(&mut self, at: usize, before: Option<usize>, op: &str) -> Result<(), RegexError> {
        self.out.push_str(op);
        if self.chars.next_if(|(_, c)| *c == '?').is_some() {
            self.out.push('?');
        }
        if let Some(from) = before {
            let fragment = &self.pattern[from..self.position()];
            return Err(error("invalid nested repetition operator", fragment));
        }
        if self.nothing_yet {
            return Err(error("missing argument to repetition operator", op));
        }
        self.repeat_from = Some(at);
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}` behind its brace; anything else is text and stays unread.
    fn counted(&mut self, at: usize) -> Result<Option<String>, RegexError> {
        let rest = &self.pattern[at..];
        let Some(end) = rest.find('}') else {
            return Ok(None);
        };
        let body = &rest[1..end];
        let (low, high) = body.split_once(',').unwrap_or((body, body));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(low) || !(high.is_empty() || digits(high)) {
            return Ok(None);
        }
        let fragment = &rest[..=end];
        let number = |s: &str| s.parse::<u32>().ok().filter(|n| *n <= MAX_REPEAT);
        let invalid = || error("invalid repeat count", fragment);
        let least = number(low).ok_or_else(invalid)?;
        if !high.is_empty() && number(high).ok_or_else(invalid)? < least {
            return Err(invalid());
        }
        self.skip_to(at + end + 1);
        Ok(Some(fragment.to_owned()))
    }

    fn open_group(&mut self, at: usize) -> Result<(), RegexError> {
        self.depth += 1;
        self.out.push('(');
        let rest = &self.pattern[at..];
        let Some(inner) = rest.strip_prefix("(?") else {
            return Ok(());
        };
        if let Some(named) = inner.strip_prefix("P<").or_else(|| inner.strip_prefix('<')) {
            if named.starts_with(['=', '!']) {
                return Err(error("invalid or unsupported Perl syntax", "(?<"));
            }
            let end = named.find('>').ok_or_else(|| error("invalid named capture", rest))?;
            let name = &named[..end];
            let open_len = rest.len() - named.len();
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err(error("invalid named capture", &rest[..open_len + end + 1]));
            }
            self.out.push_str(&format!("?P<{name}>"));
            self.skip_to(at + open_len + end + 1);
            return Ok(());
        }
        let end = inner.find([':', ')']);
        let flags = &inner[..end.unwrap_or(inner.len())];
        let valid = !flags.ends_with('-')
            && flags.matches('-').count() <= 1
            && flags.bytes().all(|b| b"imsU-".contains(&b));
        let Some(end) = end.filter(|_| valid) else {
            let bad = inner.char_indices().find(|(_, c)| !"imsU-".contains(*c));
            let len = bad.map_or(inner.len(), |(i, c)| i + c.len_utf8());
            return Err(error("invalid or unsupported Perl syntax", &rest[..2 + len]));
        };
        if inner[end..].starts_with(')') {
            // A group of flags alone closes at once; `(?)` sets nothing.
            self.depth -= 1;
            if flags.is_empty() {
                self.out.pop();
            } else {
                self.out.push_str(&format!("?{flags})"));
            }
        } else {
            self.out.push_str(&format!("?{flags}:"));
        }
        self.skip_to(at + 2 + end + 1);
        Ok(())
    }

    fn escape_outside(&mut self, at: usize) -> Result<(), RegexError> {
        match self.chars.peek().map(|(_, c)| *c) {
            Some('Q') => {
                let text = &self.pattern[at + 2..];
                let end = text.find("\\E").unwrap_or(text.len());
                self.out.push_str(&regex::escape(&text[..end]));
                self.skip_to((at + 2 + end + 2).min(self.pattern.len()));
                return Ok(());
            }
            Some(c @ ('A' | 'z')) => {
                self.chars.next();
                self.out.push('\\');
                self.out.push(c);
                return Ok(());
            }
            Some(c @ ('b' | 'B')) => {
                self.chars.next();
                self.out.push_str(if c == 'b' { "(?-u:\\b)" } else { "\\B" });
                return Ok(());
            }
            _ => {}
        }
        match self.escape(at)? {
            Escape::Char(c) => self.literal(c),
            Escape::Class(inside, false) => self.out.push_str(&format!("[{inside}]")),
            Escape::Class(inside, true) => self.out.push_str(&format!("[^{inside}]")),
            Escape::Unicode(class) => self.out.push_str(&class),
        }
        Ok(())
    }

    /// An escape that is allowed in and outside a class; its backslash, at `at`, is read.
    fn escape(&mut self, at: usize) -> Result<Escape, RegexError> {
        let Some((_, c)) = self.chars.next() else {
            return Err(error("trailing backslash at end of expression", ""));
        };
        Ok(match c {
            'd' | 'D' => Escape::Class("0-9", c == 'D'),
            's' | 'S' => Escape::Class(r"\t\n\f\r ", c == 'S'),
            'w' | 'W' => Escape::Class("0-9A-Za-z_", c == 'W'),
            'a' => Escape::Char('\u{7}'),
            'f' => Escape::Char('\u{c}'),
            't' => Escape::Char('\t'),
            'n' => Escape::Char('\n'),
            'r' => Escape::Char('\r'),
            'v' => Escape::Char('\u{b}'),
            'p' | 'P' => Escape::Unicode(self.unicode_class(at, c)?),
            'x' => Escape::Char(self.hex(at)?),
            '0'..='7' => Escape::Char(self.octal(at, c)?),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Escape::Char(c),
            _ => {
                return Err(error("invalid escape sequence", &self.pattern[at..self.position()]));
            }
        })
    }

    fn unicode_class(&mut self, at: usize, p: char) -> Result<String, RegexError> {
        let rest = &self.pattern[at + 2..];
        let len = match rest.strip_prefix('{') {
            Some(name) => name.find('}').map(|end| end + 2),
            None => rest.chars().next().map(char::len_utf8),
        };
        let len = len.ok_or_else(|| error("invalid character class range", &self.pattern[at..]))?;
        self.skip_to(at + 2 + len);
        let name = rest[..len].trim_start_matches('{').trim_end_matches('}');
        let (name, flipped) = name.strip_prefix('^').map_or((name, false), |n| (n, true));
        let negated = (p == 'P') != flipped;
        let class = format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' });
        if name != "Any" && regex::Regex::new(&class).is_err() {
            return Err(error("invalid character class range", &self.pattern[at..at + 2 + len]));
        }
        Ok(class)
    }

    fn hex(&mut self, at: usize) -> Result<char, RegexError> {
        let rest = &self.pattern[at + 2..];
        let (digits, len) = match rest.strip_prefix('{') {
            Some(body) => body.find('}').map_or(("", 0), |end| (&body[..end], end + 2)),
            None => rest.get(..2).map_or(("", 0), |two| (two, 2)),
        };
        let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        let invalid =
            || error("invalid escape sequence", &self.pattern[at..self.pattern.len().min(at + 2)]);
        let c = code.filter(|_| !digits.starts_with('+')).ok_or_else(invalid)?;
        self.skip_to(at + 2 + len);
        Ok(c)
    }

    /// `\123` or `\0`; a single digit but 0 would be a back-reference, which RE2 does not have.
    fn octal(&mut self, at: usize, first: char) -> Result<char, RegexError> {
        let mut code = first.to_digit(8).expect("the caller matched an octal digit");
        let mut digits = 1;
        while digits < 3 {
            let Some((_, c)) = self.chars.next_if(|(_, c)| c.is_digit(8)) else {
                break;
            };
            code = code * 8 + c.to_digit(8).expect("just tested");
            digits += 1;
        }
        if first != '0' && digits == 1 {
            return Err(error("invalid escape sequence", &self.pattern[at..self.position()]));
        }
        Ok(char::from_u32(code).expect("three octal digits are below the surrogates"))
    }

    /// A class behind its `[`, which stands at `at`.
    fn class(&mut self, at: usize) -> Result<(), RegexError> {
        self.out.push('[');
        if self.chars.next_if(|(_, c)| *c == '^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some((i, c)) = self.chars.next() else {
                return Err(error("missing closing ]", &self.pattern[at..]));
            };
            if c == ']' && !first {
                self.out.push(']');
                return Ok(());
            }
            first = false;
            self.class_item(i, c)?;
        }
    }

    /// One letter, range or named class inside brackets.
    fn class_item(&mut self, at: usize, c: char) -> Result<(), RegexError> {
        if c == '['
            && self.pattern[at..].starts_with("[:")
            && let Some(end) = self.pattern[at..].find(":]")
        {
            let name = &self.pattern[at..at + end + 2];
            if regex::Regex::new(&format!("[{name}]")).is_err() {
                return Err(error("invalid character class range", name));
            }
            self.out.push_str(name);
            self.skip_to(at + end + 2);
            return Ok(());
        }
        let low = match self.class_char(at, c)? {
            Escape::Char(c) => c,
            Escape::Class(inside, false) => return self.push_class(inside),
            Escape::Class(inside, true) => return self.push_class(&format!("[^{inside}]")),
            Escape::Unicode(class) => return self.push_class(&class),
        };
        let after = &self.pattern[self.position()..];
        if !after.starts_with('-') || after.starts_with("-]") || after.len() == 1 {
            self.class_literal(low);
            return Ok(());
        }
        self.chars.next();
        let (i, c) = self.chars.next().expect("something follows the dash");
        match self.class_char(i, c)? {
            Escape::Char(high) if low <= high => {
                self.class_literal(low);
                self.out.push('-');
                self.class_literal(high);
                Ok(())
            }
            _ => Err(error("invalid character class range", &self.pattern[at..self.position()])),
        }
    }

    fn class_char(&mut self, at: usize, c: char) -> Result<Escape, RegexError> {
        if c == '\\' { self.escape(at) } else { Ok(Escape::Char(c)) }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the arms that call it return a Result")]
    fn push_class(&mut self, class: &str) -> Result<(), RegexError> {
        self.out.push_str(class);
        Ok(())
    }

    fn literal(&mut self, c: char) {
        self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    /// A letter inside brackets, where `&`, `-`, `~` and `[` mean more to the `regex` crate.
    fn class_literal(&mut self, c: char) {
        if c.is_alphanumeric() || c == '_' || c == ' ' {
            self.out.push(c);
        } else {
            self.out.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
        }
    }

    /// The byte offset of what is read next.
    fn position(&mut self) -> usize {
        self.chars.peek().map_or(self.pattern.len(), |(i, _)| *i)
    }

    fn skip_to(&mut self, position: usize) {
        while self.chars.next_if(|(i, _)| *i < position).is_some() {}
    }
}

fn error(what: &'static str, fragment: &str) -> RegexError {
    RegexError { what, fragment: fragment.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_re2_matches() {
        for (pattern, yes, no) in [
            ("a.c", "a\nc", "xabc"),
            ("5..", "503", "404"),
            (r"\d+", "12", "١٢"),
            (r"[\D]", "a", "1"),
            (r"[^\w]", "-", "a"),
            ("a{,2}", "a{,2}", "aa"),
            ("a{1,2}", "aa", "aaa"),
            ("x{", "x{", "x"),
            (r"\Qa.b*\E+", "a.b*", "aXb"),
            (r"\101\x42\x{43}", "ABC", "abc"),
            ("[[]", "[", "]"),
            ("[]a]", "]", "b"),
            ("[a&&b]", "&", "c"),
            ("[a-]", "-", "b"),
            ("[[:alpha:]_]+", "ab_", "1"),
            ("(?i)foo", "FoO", "bar"),
            ("(?P<x>a)(?<y>b)", "ab", "a"),
            (r"\pL\PL", "a1", "11"),
            (r"\p{^Greek}", "a", "α"),
            (r".*\bfoo\b.*", "a foo b", "afoob"),
            (r"a\<b", "a<b", "ab"),
            ("a|b|", "", "c"),
            (r"\(*", "((", "a"),
        ] {
            let re = compile_anchored(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
            assert!(re.is_match(yes), "{pattern} on {yes}");
            assert!(!re.is_match(no), "{pattern} on {no}");
        }
    }

    #[test]
    fn errors_are_worded_as_go_words_them() {
        for (pattern, what) in [
            ("(a", "missing closing ): `^(?s:(a)$`"),
            ("a)", "unexpected ): `^(?s:a))$`"),
            ("[a", "missing closing ]: `[a)$`"),
            ("*", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?<=a)", "invalid or unsupported Perl syntax: `(?<`"),
            (r"\1", r"invalid escape sequence: `\1`"),
            (r"\y", r"invalid escape sequence: `\y`"),
            ("[b-a]", "invalid character class range: `b-a`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
        ] {
            let found = compile_anchored(pattern).expect_err(pattern).to_string();
            assert_eq!(found, format!("error parsing regexp: {what}"), "{pattern}");
        }
    }
}
