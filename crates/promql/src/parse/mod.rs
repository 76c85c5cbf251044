//! The parser: a query to one checked tree, or one [`ParseError`].
//!
//! Operators by binding power over the lexer's tokens; everything in brackets of any kind has a file
//! of its own. Two kinds of error, as in Prometheus: a token that cannot stand where it stands ends
//! the parse; something that reads well but means nothing is noted, and the parse goes on. The first
//! error of all is the one reported. Limits are [`NESTING_LIMIT`] and
//! [`HEIGHT_LIMIT`]: whoever walks a tree may recurse.

mod call;
mod duration;
mod expr;
mod extension;
mod fill;
mod literal;
mod selector;

use std::fmt;

use model::Matcher;

use crate::ast::{Expr, Span};
use crate::check;
use crate::lexer::lex;
use crate::token::{Kind, Token};

/// So deep may brackets and signs nest.
pub const NESTING_LIMIT: usize = 100;
/// So high may a tree be; in a chain of operators each adds one.
pub const HEIGHT_LIMIT: usize = 500;

/// What the language includes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParserOptions {
    /// Functions and aggregations that are experimental:
    /// `--enable-feature=promql-experimental-functions`.
    pub experimental_functions: bool,
    /// `anchored` and `smoothed` behind selectors:
    /// `--enable-feature=promql-extended-range-selectors`.
    pub extended_range_selectors: bool,
    /// `fill` and its like behind operators: `--enable-feature=promql-binop-fill-modifiers`.
    pub fill_modifiers: bool,
}

impl ParserOptions {
    /// All of the language, the experimental parts included.
    pub const ALL: Self =
        Self { experimental_functions: true, extended_range_selectors: true, fill_modifiers: true };
}

/// Why a text is no query, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What it is about.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// Line and column of `span`, from 1; `None` if the query is empty.
    pub position: Option<(usize, usize)>,
}

impl ParseError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), position: None }
    }

    fn located(mut self, query: &str) -> Self {
        if !query.is_empty() {
            let before = query.get(..self.span.start).unwrap_or(query);
            let line = 1 + before.bytes().filter(|b| *b == b'\n').count();
            let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
            self.position = Some((line, column));
        }
        self
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some((line, column)) => write!(f, "{line}:{column}: parse error: {}", self.message),
            None => write!(f, "unknown position: parse error: {}", self.message),
        }
    }
}

impl std::error::Error for ParseError {}

/// Parses and checks a query, without experimental functions.
pub fn parse(query: &str) -> Result<Expr, ParseError> {
    parse_with(query, ParserOptions::default())
}

/// Parses and checks a query.
pub fn parse_with(query: &str, options: ParserOptions) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(query, options);
    parser.query().map_err(|error| error.located(query))
}

/// Parses a selector, as in `match[]`: a name, matchers, or both.
pub fn parse_matchers(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = Parser::new(text, ParserOptions::default());
    parser.matchers().map_err(|error| error.located(text))
}

/// What parsing a construct gives.
type Parsed<T> = Result<T, ParseError>;

/// What an unexpected token stands in, and what was expected there.
type Context = (&'static str, &'static str);

struct Parser<'a> {
    query: &'a str,
    options: ParserOptions,
    tokens: Vec<Token<'a>>,
    at: usize,
    /// The lexer's error, which stands at the last token.
    lex_error: Option<ParseError>,
    /// The first error that did not end the parse.
    first: Option<ParseError>,
    context: Context,
    nesting: usize,
    /// The height of the tree parsed last.
    height: usize,
}

impl<'a> Parser<'a> {
    fn new(query: &'a str, options: ParserOptions) -> Self {
        let (tokens, lex_error) = lex(query);
        let context = ("", "");
        Self {
            query,
            options,
            tokens,
            at: 0,
            lex_error,
            first: None,
            context,
            nesting: 0,
            height: 0,
        }
    }

    fn query(&mut self) -> Parsed<Expr> {
        if self.kind() == Kind::End && self.lex_error.is_none() {
            let span = Span { start: 0, end: self.query.len() };
            return Err(ParseError::new(span, "no expression found in input"));
        }
        let parsed = self.expression(0).and_then(|expr| self.end().map(|()| expr));
        let mut expr = self.conclude(parsed)?;
        check::check(self.query, &mut expr)?;
        Ok(expr)
    }

    fn matchers(&mut self) -> Parsed<Vec<Matcher>> {
        let parsed = self.selector().and_then(|selector| self.end().map(|()| selector));
        Ok(self.conclude(parsed)?.matchers)
    }

    /// The result of the whole parse: the first error, if there was any.
    fn conclude<T>(&mut self, parsed: Parsed<T>) -> Parsed<T> {
        self.first.take().map_or(parsed, Err)
    }

    fn token(&self) -> Token<'a> {
        self.ahead(0)
    }

    fn kind(&self) -> Kind {
        self.token().kind
    }

    /// The token `count` behind the next; the last token goes on for ever.
    fn ahead(&self, count: usize) -> Token<'a> {
        let last = self.tokens.len() - 1;
        self.tokens[(self.at + count).min(last)]
    }

    fn advance(&mut self) -> Token<'a> {
        let token = self.token();
        self.at += 1;
        token
    }

    /// Where the token before ends.
    fn last_end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |at| self.tokens[at.min(self.tokens.len() - 1)].span.end)
    }

    /// Takes a token of this kind if it is next.
    fn take_if(&mut self, kind: Kind) -> bool {
        let taken = self.kind() == kind;
        self.at += usize::from(taken);
        taken
    }

    /// Takes a token of this kind, or fails.
    fn expect(&mut self, kind: Kind) -> Parsed<Token<'a>> {
        if self.kind() == kind { Ok(self.advance()) } else { Err(self.unexpected()) }
    }

    fn end(&mut self) -> Parsed<()> {
        if self.kind() == Kind::End && self.lex_error.is_none() {
            return Ok(());
        }
        Err(self.unexpected())
    }

    /// The next token cannot stand here.
    fn unexpected(&mut self) -> ParseError {
        let token = self.token();
        if let (Kind::End, Some(error)) = (token.kind, self.lex_error.take()) {
            return error;
        }
        let mut message = format!("unexpected {}", token.describe());
        let (context, expected) = self.context;
        if !context.is_empty() {
            message += &format!(" in {context}");
        }
        if !expected.is_empty() {
            message += &format!(", expected {expected}");
        }
        ParseError::new(token.span, message)
    }

    /// The next token cannot stand here, in this context.
    fn unexpected_in(&mut self, context: Context) -> ParseError {
        self.context = context;
        self.unexpected()
    }

    /// Notes an error that does not end the parse.
    fn note(&mut self, span: Span, message: impl Into<String>) {
        if self.first.is_none() {
            self.first = Some(ParseError::new(span, message));
        }
    }

    /// Parses with another context for errors.
    fn within<T>(
        &mut self,
        context: Context,
        parse: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<T> {
        let outer = std::mem::replace(&mut self.context, context);
        let parsed = parse(self)?;
        self.context = outer;
        Ok(parsed)
    }

    /// Parses one level deeper.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.nesting += 1;
        if self.nesting > NESTING_LIMIT {
            let message = format!("expression nests deeper than {NESTING_LIMIT} levels");
            return Err(ParseError::new(self.token().span, message));
        }
        let parsed = parse(self)?;
        self.nesting -= 1;
        Ok(parsed)
    }

    /// The tree parsed last has become part of another one, beside trees of height `beside`.
    fn grow(&mut self, beside: usize) -> Parsed<()> {
        self.height = 1 + self.height.max(beside);
        if self.height > HEIGHT_LIMIT {
            let message = format!("expression has more than {HEIGHT_LIMIT} levels");
            return Err(ParseError::new(self.token().span, message));
        }
        Ok(())
    }
}
