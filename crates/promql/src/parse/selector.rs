//! `name{label="value", …}`.

use model::labels::METRIC_NAME;
use model::{MatchOp, Matcher};

use super::{Parsed, Parser};
use crate::ast::{BinaryOp, Selector, Shift, Span};
use crate::escape::unquote;
use crate::token::Kind;

const MATCHING: &str = "label matching";

impl Parser<'_> {
    /// A name, matchers in braces, or both.
    pub(super) fn selector(&mut self) -> Parsed<Selector> {
        let token = self.token();
        let name = token.is_metric().then(|| token.text.to_owned());
        if name.is_some() {
            self.advance();
        } else if token.kind != Kind::LeftBrace {
            return Err(self.unexpected());
        }
        let mut matchers = Vec::new();
        if self.take_if(Kind::LeftBrace) {
            self.matchers_in_braces(&mut matchers)?;
        }
        matchers.extend(name.as_ref().map(|name| Matcher::equal(METRIC_NAME, name)));
        let span = Span { start: token.span.start, end: self.last_end() };
        Ok(Selector { name, matchers, shift: Shift::default(), extension: None, span })
    }

    fn matchers_in_braces(&mut self, matchers: &mut Vec<Matcher>) -> Parsed<()> {
        while !self.take_if(Kind::RightBrace) {
            matchers.extend(self.matcher()?);
            if !self.take_if(Kind::Comma) && self.kind() != Kind::RightBrace {
                return Err(self.unexpected_in((MATCHING, "\",\" or \"}\"")));
            }
        }
        Ok(())
    }

    /// One matcher; a quoted text alone is the metric's name. `None` for one whose expression is
    /// noted as bad.
    fn matcher(&mut self) -> Parsed<Option<Matcher>> {
        let label = self.token();
        let quoted = label.kind == Kind::Text;
        if !quoted && label.kind != Kind::Identifier {
            return Err(self.unexpected_in((MATCHING, "identifier or \"}\"")));
        }
        self.advance();
        let name = if quoted { unquote(label.text) } else { label.text.to_owned() };
        let op = match self.kind() {
            Kind::Equal => MatchOp::Equal,
            Kind::Operator(BinaryOp::Ne) => MatchOp::NotEqual,
            Kind::EqualRegex => MatchOp::Regex,
            Kind::NotEqualRegex => MatchOp::NotRegex,
            _ if quoted => return Ok(Some(Matcher::equal(METRIC_NAME, name))),
            _ => return Err(self.unexpected_in((MATCHING, "label matching operator"))),
        };
        self.advance();
        if self.kind() != Kind::Text {
            return Err(self.unexpected_in((MATCHING, "string")));
        }
        let value = self.advance();
        let matcher = Matcher::new(op, name, unquote(value.text));
        let span = Span { start: label.span.start, end: value.span.end };
        Ok(matcher.map_err(|error| self.note(span, error.to_string())).ok())
    }
}
