//! Tokens: a template's text cut into pieces, with trimmed space already gone.
//!
//! The whole text is cut before any of it is read. The list ends with [`Kind::End`] or, where the
//! text cannot be cut further, with [`Kind::Error`]; the parser meets the error only when it gets
//! there, so that earlier mistakes are told first. Every token but the last borrows from the text.

use std::fmt;

use model::labels::Quoted;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The text is over.
    End,
    /// The text cannot be cut further; the message says why.
    Error,
    Text,
    LeftDelim,
    RightDelim,
    Space,
    Assign,
    Declare,
    Pipe,
    LeftParen,
    RightParen,
    /// Some other printable character, such as a comma.
    Char,
    CharConstant,
    Number,
    /// A number with an imaginary part.
    Complex,
    String,
    RawString,
    Variable,
    Field,
    Dot,
    Identifier,
    Bool,
    Nil,
    /// A word of the language: `if`, `end` and so on.
    Keyword,
}

/// A piece of the text.
#[derive(Clone, Debug)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind,
    /// The bytes of the text before it.
    pub(crate) pos: usize,
    pub(crate) text: &'t str,
    /// Why there is nothing more, if this is an error.
    pub(crate) message: String,
}

/// As Go's errors show a token.
impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::End => f.write_str("EOF"),
            Kind::Error => f.write_str(&self.message),
            Kind::Keyword | Kind::Dot | Kind::Nil => write!(f, "<{}>", self.text),
            _ => match self.text.char_indices().nth(10) {
                Some((end, _)) => write!(f, "{}...", Quoted(&self.text[..end])),
                None => write!(f, "{}", Quoted(self.text)),
            },
        }
    }
}

const KEYWORDS: [&str; 10] =
    ["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"];

/// Cuts `text`.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, start: 0, pos: 0, parens: 0, tokens: Vec::new() };
    let end = lexer.run();
    let (kind, message) = match end {
        Ok(()) => (Kind::End, String::new()),
        Err(message) => (Kind::Error, message),
    };
    lexer.tokens.push(Token { kind, pos: lexer.start, text: "", message });
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    /// Where the token begins that is being read.
    start: usize,
    /// How far it has been read.
    pos: usize,
    parens: usize,
    tokens: Vec<Token<'t>>,
}

impl<'t> Lexer<'t> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(open) = self.rest().find("{{") {
            let marker = left_trims(&self.rest()[open + 2..]);
            let text = &self.rest()[..open];
            let kept = if marker { text.trim_end_matches(is_space) } else { text };
            self.pos += kept.len();
            self.emit_unless_empty();
            self.pos = self.start + (text.len() - kept.len());
            self.start = self.pos;
            let inside = self.pos + 2 + if marker { 2 } else { 0 };
            if self.text[inside..].starts_with("/*") {
                self.comment(inside)?;
            } else {
                self.pos = inside;
                self.emit(Kind::LeftDelim);
                self.action()?;
            }
        }
        self.pos = self.text.len();
        self.emit_unless_empty();
        Ok(())
    }

    fn emit_unless_empty(&mut self) {
        if self.pos > self.start {
            self.emit(Kind::Text);
        }
    }

    fn comment(&mut self, inside: usize) -> Result<(), String> {
        let close = self.text[inside + 2..].find("*/").ok_or("unclosed comment")?;
        self.pos = inside + 2 + close + 2;
        let trim = right_trims(self.rest());
        if !trim && !self.rest().starts_with("}}") {
            return Err("comment ends before closing delimiter".to_owned());
        }
        self.skip_right_delim(trim);
        self.start = self.pos;
        Ok(())
    }

    fn skip_right_delim(&mut self, trim: bool) {
        self.pos += if trim { 4 } else { 2 };
        if trim {
            self.pos += self.rest().len() - self.rest().trim_start_matches(is_space).len();
        }
    }

    /// Everything up to and with the closing delimiter.
    fn action(&mut self) -> Result<(), String> {
        self.parens = 0;
        loop {
            let trim = right_trims(self.rest());
            if trim || self.rest().starts_with("}}") {
                if self.parens > 0 {
                    return Err("unclosed left paren".to_owned());
                }
                self.skip_right_delim(trim);
                self.emit(Kind::RightDelim);
                return Ok(());
            }
            let kind = self.inside()?;
            self.emit(kind);
        }
    }

    /// One token inside an action.
    fn inside(&mut self) -> Result<Kind, String> {
        let first = self.next().ok_or("unclosed action")?;
        match first {
            c if is_space(c) => {
                while self.peek().is_some_and(is_space) && !right_trims(self.rest()) {
                    self.next();
                }
                Ok(Kind::Space)
            }
            '=' => Ok(Kind::Assign),
            ':' if self.next() == Some('=') => Ok(Kind::Declare),
            ':' => Err("expected :=".to_owned()),
            '|' => Ok(Kind::Pipe),
            '"' => self.quoted('"', "unterminated quoted string").map(|()| Kind::String),
            '\'' => {
                self.quoted('\'', "unterminated character constant").map(|()| Kind::CharConstant)
            }
            '`' => {
                let close = self.rest().find('`').ok_or("unterminated raw quoted string")?;
                self.pos += close + 1;
                Ok(Kind::RawString)
            }
            '$' => self.name().map(|()| Kind::Variable),
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                self.name()?;
                Ok(if self.pos - self.start == 1 { Kind::Dot } else { Kind::Field })
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.pos = self.start;
                self.number()
            }
            c if is_alphanumeric(c) => self.word(),
            '(' => {
                self.parens += 1;
                Ok(Kind::LeftParen)
            }
            ')' => {
                self.parens = self.parens.checked_sub(1).ok_or("unexpected right paren")?;
                Ok(Kind::RightParen)
            }
            ' '..='~' => Ok(Kind::Char),
            c => Err(format!("unrecognized character in action: {}", code_point(c))),
        }
    }

    /// A quoted text whose opening quote has been read; escapes are only skipped.
    fn quoted(&mut self, quote: char, unterminated: &str) -> Result<(), String> {
        loop {
            match self.next() {
                Some('\\') if self.peek().is_some_and(|c| c != '\n') => {
                    self.next();
                }
                None | Some('\n' | '\\') => return Err(unterminated.to_owned()),
                Some(c) if c == quote => return Ok(()),
                Some(_) => {}
            }
        }
    }

    /// The letters behind a dot or dollar.
    fn name(&mut self) -> Result<(), String> {
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        match self.peek() {
            Some(c) if !self.at_terminator() => Err(format!("bad character {}", code_point(c))),
            _ => Ok(()),
        }
    }

    fn word(&mut self) -> Result<Kind, String> {
        self.name()?;
        Ok(match &self.text[self.start..self.pos] {
            "true" | "false" => Kind::Bool,
            "nil" => Kind::Nil,
            word if KEYWORDS.contains(&word) => Kind::Keyword,
            _ => Kind::Identifier,
        })
    }

    fn at_terminator(&self) -> bool {
        self.rest().starts_with("}}")
            || self.peek().is_none_or(|c| is_space(c) || ".,|:)(".contains(c))
    }

    fn number(&mut self) -> Result<Kind, String> {
        let mut good = self.scan_number();
        let mut kind = Kind::Number;
        if good && self.peek().is_some_and(|c| c == '+' || c == '-') {
            kind = Kind::Complex;
            good = self.scan_number() && self.text[..self.pos].ends_with('i');
        }
        if !good {
            return Err(format!("bad number syntax: {}", Quoted(&self.text[self.start..self.pos])));
        }
        Ok(kind)
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        while self.accept(digits) {}
        if self.accept(".") {
            while self.accept(digits) {}
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if self.accept(exponent) {
            self.accept("+-");
            while self.accept("0123456789_") {}
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return false;
        }
        true
    }

    fn accept(&mut self, any_of: &str) -> bool {
        let accepted = self.peek().is_some_and(|c| any_of.contains(c));
        if accepted {
            self.next();
        }
        accepted
    }

    fn emit(&mut self, kind: Kind) {
        let text = &self.text[self.start..self.pos];
        self.tokens.push(Token { kind, pos: self.start, text, message: String::new() });
        self.start = self.pos;
    }

    fn rest(&self) -> &'t str {
        &self.text[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.pos += next.len_utf8();
        Some(next)
    }
}

/// Whether the text behind `{{` is a marker that trims the text before it.
fn left_trims(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('-') && chars.next().is_some_and(is_space)
}

/// Whether a marker and `}}` stand here: the text behind them is trimmed.
fn right_trims(text: &str) -> bool {
    text.starts_with(is_space) && text[1..].starts_with("-}}")
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn code_point(c: char) -> String {
    format!("U+{:04X} '{c}'", u32::from(c))
}
