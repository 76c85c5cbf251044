//! What of a Rust file is code: comments and the contents of texts taken away.
//!
//! Lines stay lines. Quotes stay, so that `"unsafe"` becomes `""`.

/// One source file of the workspace.
pub(crate) struct Source {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    /// Its lines.
    pub(crate) text: String,
    /// Its lines without comments and without the contents of texts.
    pub(crate) code: Vec<String>,
    /// How many lines come before its tests; 0 if all of it is tests.
    pub(crate) lines_before_tests: usize,
}

impl Source {
    pub(crate) fn new(path: String, text: String) -> Self {
        let code: Vec<String> = code_of(&text).lines().map(str::to_owned).collect();
        let all_tests = path.contains("/tests/") || path.ends_with("/tests.rs");
        let tests_begin = || code.iter().position(|line| line.trim() == "#[cfg(test)]");
        let lines_before_tests = if all_tests { 0 } else { tests_begin().unwrap_or(code.len()) };
        Self { path, text, code, lines_before_tests }
    }

    /// The code lines that are not tests, with their numbers.
    pub(crate) fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code[..self.lines_before_tests].iter().map(String::as_str).enumerate()
    }

    /// Whether a word of the line is `word`.
    pub(crate) fn has_word(line: &str, word: &str) -> bool {
        line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|found| found == word)
    }
}

/// Where a scan stands.
#[derive(Clone, Copy)]
enum Inside {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text,
    RawText { hashes: usize },
}

fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut inside = Inside::Code;
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let (next, taken) = step(inside, rest, &code);
        let is_edge = matches!((inside, next), (Inside::Code, Inside::Code))
            || matches!((inside, next), (Inside::Code, Inside::Text | Inside::RawText { .. }))
            || matches!((inside, next), (Inside::Text | Inside::RawText { .. }, Inside::Code));
        if is_edge {
            code.extend(&rest[..taken]);
        } else {
            code.extend(rest[..taken].iter().filter(|c| **c == '\n'));
        }
        inside = next;
        at += taken;
    }
    code
}

/// Where the scan stands behind the next characters, and how many those are.
fn step(inside: Inside, rest: &[char], before: &str) -> (Inside, usize) {
    let starts = |text: &str| text.chars().enumerate().all(|(i, c)| rest.get(i) == Some(&c));
    match inside {
        Inside::Code if starts("//") => (Inside::LineComment, 2),
        Inside::Code if starts("/*") => (Inside::BlockComment { depth: 1 }, 2),
        Inside::Code if rest[0] == '"' => (Inside::Text, 1),
        Inside::Code if rest[0] == 'r' && !before.ends_with(is_word) => {
            let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
            let raw = rest.get(1 + hashes) == Some(&'"');
            if raw { (Inside::RawText { hashes }, 2 + hashes) } else { (inside, 1) }
        }
        Inside::Code if rest[0] == '\'' => (inside, character_len(rest)),
        Inside::Code => (inside, 1),
        Inside::LineComment => (if rest[0] == '\n' { Inside::Code } else { inside }, 1),
        Inside::BlockComment { depth } if starts("/*") => {
            (Inside::BlockComment { depth: depth + 1 }, 2)
        }
        Inside::BlockComment { depth: 1 } if starts("*/") => (Inside::Code, 2),
        Inside::BlockComment { depth } if starts("*/") => {
            (Inside::BlockComment { depth: depth - 1 }, 2)
        }
        Inside::Text if rest[0] == '\\' => (inside, 2.min(rest.len())),
        Inside::Text if rest[0] == '"' => (Inside::Code, 1),
        Inside::RawText { hashes } if rest[0] == '"' => {
            let closes = rest[1..].iter().take_while(|c| **c == '#').count() >= hashes;
            if closes { (Inside::Code, 1 + hashes) } else { (inside, 1) }
        }
        Inside::BlockComment { .. } | Inside::Text | Inside::RawText { .. } => (inside, 1),
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// How long the character literal is that `rest` begins with; 1 if it is a lifetime.
fn character_len(rest: &[char]) -> usize {
    match rest.get(1) {
        // The escaped character itself may be a quote.
        Some('\\') => 3 + rest[3..].iter().position(|c| *c == '\'').map_or(0, |at| at + 1),
        Some(_) if rest.get(2) == Some(&'\'') => 3,
        _ => 1,
    }
}

#[test]
fn code_is_what_is_left_without_comments_and_texts() {
    for (text, code) in [
        ("a // b\nc", "a \nc"),
        ("a /* b /* c */\n d */ e", "a \n e"),
        (r#"f("a // b", 'x')"#, r#"f("", 'x')"#),
        (r#"f("a\"b", '"', '\'', '\u{1}')"#, r#"f("", '"', '\'', '\u{1}')"#),
        ("r#\"a\"b\"# c", "r#\"\"# c"),
        ("fn f<'a>(x: &'a str) // y", "fn f<'a>(x: &'a str) "),
        ("br\"x\" var\"y\"", "br\"\" var\"\""),
    ] {
        // A raw text behind a prefix is scanned as a plain one.
        assert_eq!(code_of(text), code, "{text}");
    }
}
