//! The lexer: a query as tokens.
//!
//! PromQL's words depend on where they stand: inside braces every word is a label, inside brackets a
//! colon separates a range from a step. The lexer keeps that much context and no more. It checks that
//! brackets pair and that escapes are whole, so that its errors are found where Prometheus finds them.

use model::labels::Quoted;
use nom::Parser;
use nom::bytes::complete::take_while;
use nom::character::complete::satisfy;
use nom::combinator::recognize;
use nom::sequence::pair;

use crate::ast::{BinaryOp, Span};
use crate::escape;
use crate::number;
use crate::parse::ParseError;
use crate::token::{Kind, SIGNS, Token, kind_of_word};

/// The longest query that is read, in bytes.
pub const QUERY_LIMIT_BYTES: usize = 1 << 20;

/// All tokens of a query, comments and blanks left out, with [`Kind::End`] last.
///
/// An error of the lexer ends the list; it is reported when the parser gets there.
pub(crate) fn lex(query: &str) -> (Vec<Token<'_>>, Option<ParseError>) {
    let mut lexer = Lexer { query, at: 0, tokens: Vec::new(), place: Place::Query, parens: 0 };
    let error = lexer.run().err();
    let end = error.as_ref().map_or(query.len(), |error| error.span.start);
    lexer.push(Kind::End, end, end);
    (lexer.tokens, error)
}

/// Where the next token stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Query,
    Braces,
    /// In brackets, before the first number.
    Duration,
    /// In brackets, behind the first number.
    Brackets {
        /// Whether the colon of a subquery has come.
        colon: bool,
    },
}

struct Lexer<'a> {
    query: &'a str,
    at: usize,
    tokens: Vec<Token<'a>>,
    place: Place,
    parens: usize,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) -> Result<(), ParseError> {
        if self.query.len() > QUERY_LIMIT_BYTES {
            let message = format!("query is longer than {QUERY_LIMIT_BYTES} bytes");
            return Err(ParseError::new(Span::default(), message));
        }
        loop {
            self.skip_blanks();
            let Some(first) = self.rest().chars().next() else { return self.finish() };
            match self.place {
                Place::Braces => self.token_in_braces(first)?,
                Place::Duration => self.token_of_duration(first)?,
                Place::Query | Place::Brackets { .. } => self.token(first)?,
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.query[self.at..]
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find(['\n', '\r']).unwrap_or(trimmed.len());
        }
    }

    /// At the end of the query: what is open stays open.
    fn finish(&self) -> Result<(), ParseError> {
        let message = match self.place {
            Place::Braces => "unexpected end of input inside braces",
            Place::Duration => "unexpected end of input in duration expression",
            _ if self.parens > 0 => "unclosed left parenthesis",
            Place::Brackets { .. } => "unclosed left bracket",
            Place::Query => return Ok(()),
        };
        Err(self.error(self.at, message))
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let span = Span { start, end };
        self.tokens.push(Token { kind, span, text: &self.query[start..end] });
    }

    /// Takes the next `len` bytes as a token.
    fn take(&mut self, kind: Kind, len: usize) {
        let start = self.at;
        self.at += len;
        self.push(kind, start, self.at);
    }

    fn error(&self, start: usize, message: impl Into<String>) -> ParseError {
        let end = self.at.max(start).min(self.query.len());
        ParseError::new(Span { start, end }, message)
    }

    fn token(&mut self, first: char) -> Result<(), ParseError> {
        let rest = self.rest();
        if matches!(first, '"' | '\'' | '`') {
            return self.quoted(first);
        }
        if starts_number(rest) {
            return self.number();
        }
        if let Place::Brackets { colon } = &mut self.place
            && first == ':'
        {
            if std::mem::replace(colon, true) {
                return Err(self.error(self.at, "unexpected colon ':'"));
            }
            self.take(Kind::Colon, 1);
            return Ok(());
        }
        if let Some(word) = word(rest, self.place == Place::Query) {
            self.take(kind_of_word(word), word.len());
            return Ok(());
        }
        let Some((sign, kind)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) else {
            return Err(self.unexpected(first));
        };
        self.sign(sign, *kind)
    }

    fn sign(&mut self, sign: &str, kind: Kind) -> Result<(), ParseError> {
        let start = self.at;
        let next = self.rest()[sign.len()..].chars().next();
        match (kind, self.place) {
            (Kind::Equal, _) if next == Some('~') => {
                return Err(self.error(start, "unexpected character after '=': '~'"));
            }
            (Kind::LeftParen, _) => self.parens += 1,
            (Kind::RightParen, _) if self.parens == 0 => {
                return Err(self.error(start + 1, "unexpected right parenthesis ')'"));
            }
            (Kind::RightParen, _) => self.parens -= 1,
            (Kind::LeftBrace, _) => self.place = Place::Braces,
            (Kind::LeftBracket, Place::Query) => self.place = Place::Duration,
            (Kind::LeftBracket, _) => {
                return Err(self.error(start, "unexpected left bracket '['"));
            }
            (Kind::RightBracket, Place::Query) => {
                return Err(self.error(start, "unexpected right bracket ']'"));
            }
            (Kind::RightBracket, _) => self.place = Place::Query,
            _ => {}
        }
        self.take(kind, sign.len());
        Ok(())
    }

    fn unexpected(&self, c: char) -> ParseError {
        if c == '!' {
            let next = self.rest()[1..].chars().next();
            let shown = next.map_or("end of input".to_owned(), rune);
            return self.error(self.at, format!("unexpected character after '!': {shown}"));
        }
        self.error(self.at, format!("unexpected character: {}", rune(c)))
    }

    fn token_in_braces(&mut self, first: char) -> Result<(), ParseError> {
        let rest = self.rest();
        if matches!(first, '"' | '\'' | '`') {
            return self.quoted(first);
        }
        if let Some(word) = word(rest, false) {
            self.take(Kind::Identifier, word.len());
            return Ok(());
        }
        let signs = [
            ("=~", Kind::EqualRegex),
            ("!~", Kind::NotEqualRegex),
            ("!=", Kind::Operator(BinaryOp::Ne)),
            ("=", Kind::Equal),
            (",", Kind::Comma),
            ("}", Kind::RightBrace),
        ];
        let Some((sign, kind)) = signs.iter().find(|(sign, _)| rest.starts_with(sign)) else {
            let message = match first {
                '{' => "unexpected left brace '{'".to_owned(),
                '!' => return Err(self.unexpected(first)),
                _ => format!("unexpected character inside braces: {}", rune(first)),
            };
            return Err(self.error(self.at, message));
        };
        if *kind == Kind::RightBrace {
            self.place = Place::Query;
        }
        self.take(*kind, sign.len());
        Ok(())
    }

    /// In brackets, until a number has come.
    fn token_of_duration(&mut self, first: char) -> Result<(), ParseError> {
        let rest = self.rest();
        if starts_number(rest) {
            self.place = Place::Brackets { colon: false };
            return self.number();
        }
        if first == ':' {
            let message = "unexpected colon before duration in duration expression";
            return Err(self.error(self.at + 1, message));
        }
        if let Some(word @ ("step" | "range" | "min_of" | "max_of")) = word(rest, false) {
            self.place = Place::Brackets { colon: false };
            self.take(kind_of_word(word), word.len());
            return Ok(());
        }
        match SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            Some((sign, kind)) if "+-*/%^()],".contains(sign) => self.sign(sign, *kind),
            _ => {
                let shown = rune(first);
                let message = format!("unexpected character in duration expression: {shown}");
                Err(self.error(self.at, message))
            }
        }
    }

    /// A number, or numbers with units. What is neither is quoted as far as it was read, as in
    /// Prometheus.
    fn number(&mut self) -> Result<(), ParseError> {
        let (start, rest) = (self.at, self.rest());
        let (number, is_number) = number::scan(rest);
        if is_number {
            self.take(Kind::Number, number);
            return Ok(());
        }
        let (units, is_duration) = number::scan_units(&rest[number..]);
        let len = number + units;
        if is_duration {
            self.take(Kind::Duration, len);
            return Ok(());
        }
        let read = Quoted(&rest[..len]);
        Err(self.error(start, format!("bad number or duration syntax: {read}")))
    }

    /// A text in quotes; only backquotes may span lines, and know no escapes.
    fn quoted(&mut self, quote: char) -> Result<(), ParseError> {
        let body = &self.rest()[1..];
        match escape::end_of_text(body, quote) {
            Ok(len) => {
                self.take(Kind::Text, len + 2);
                Ok(())
            }
            Err(message) => Err(self.error(self.at, message)),
        }
    }
}

/// A character as Go quotes one.
fn rune(c: char) -> String {
    match c {
        '\'' => "'\\''".to_owned(),
        '\\' => "'\\\\'".to_owned(),
        c if c.is_control() && u32::from(c) < 0x80 => format!("'\\x{:02x}'", u32::from(c)),
        c => format!("'{c}'"),
    }
}

fn starts_number(rest: &str) -> bool {
    let digit = |c: char| c.is_ascii_digit();
    rest.starts_with(digit) || rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(digit))
}

/// What `parser` recognises at the head of `input`.
fn leaf<'a, P>(mut parser: P, input: &'a str) -> Option<&'a str>
where
    P: Parser<&'a str, Output = &'a str, Error = nom::error::Error<&'a str>>,
{
    parser.parse(input).ok().map(|(_, text)| text)
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`, the colon only if `colons`.
fn word(input: &str, colons: bool) -> Option<&str> {
    let first = move |c: char| c.is_ascii_alphabetic() || c == '_' || (colons && c == ':');
    let later = move |c: char| first(c) || c.is_ascii_digit();
    leaf(recognize(pair(satisfy(first), take_while(later))), input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::AggregateOp;

    fn kinds(query: &str) -> Vec<Kind> {
        let (tokens, error) = lex(query);
        assert_eq!(error, None, "{query}");
        tokens.into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn words_in_braces_are_labels() {
        assert_eq!(
            kinds("sum{by='1'}"),
            [
                Kind::Aggregator(AggregateOp::Sum),
                Kind::LeftBrace,
                Kind::Identifier,
                Kind::Equal,
                Kind::Text,
                Kind::RightBrace,
                Kind::End
            ]
        );
    }

    #[test]
    fn a_colon_is_part_of_a_name_but_not_in_brackets() {
        assert_eq!(kinds("a:b")[0], Kind::MetricIdentifier);
        assert_eq!(
            kinds("a[1h:1m]")[1..5],
            [Kind::LeftBracket, Kind::Duration, Kind::Colon, Kind::Duration]
        );
    }

    #[test]
    fn numbers_and_durations_are_told_apart() {
        for (text, kind) in [
            ("0x1F", Kind::Number),
            ("1_000.5e-3", Kind::Number),
            (".5", Kind::Number),
            ("5.", Kind::Number),
            ("iNf", Kind::Number),
            ("1e5_0", Kind::Number),
            ("0x", Kind::Number),
            ("1h30m", Kind::Duration),
            ("5ms", Kind::Duration),
            ("1.5m", Kind::Duration),
        ] {
            assert_eq!(kinds(text), [kind, Kind::End], "{text}");
        }
        for text in ["5mx", "1__0", "0xg", "2.5.", "0deadbeef"] {
            let (_, error) = lex(text);
            let message = error.expect(text).to_string();
            assert!(message.contains("bad number or duration syntax"), "{message}");
        }
    }
}
