//! `fill (0)`, `fill_left (0)` and `fill_right (0)` behind an operator.

use super::{Parsed, Parser};
use crate::ast::{BinaryOp, Expr, Matching, Span};
use crate::token::Kind;

impl Parser<'_> {
    /// Takes the modifiers that are next. A metric may have their names: only with a parenthesis
    /// behind it is a word one of them.
    pub(super) fn fill(&mut self, op: BinaryOp, matching: &mut Matching) -> Parsed<()> {
        while self.kind() == Kind::Identifier && self.ahead(1).kind == Kind::LeftParen {
            let word = self.token();
            let (left, right) = match word.text.to_ascii_lowercase().as_str() {
                "fill" => (true, true),
                "fill_left" => (true, false),
                "fill_right" => (false, true),
                _ => return Ok(()),
            };
            self.advance();
            let value = self.fill_value()?;
            let span = Span { start: word.span.start, end: self.last_end() };
            if !self.options.fill_modifiers {
                self.note(span, "binop fill modifiers are experimental and not enabled");
            }
            if op.is_set() {
                self.note(span, "filling in missing series not allowed for set operators");
            }
            if left {
                matching.fill_left = Some(value);
            }
            if right {
                matching.fill_right = Some(value);
            }
        }
        Ok(())
    }

    /// A number in parentheses, with a sign or without.
    fn fill_value(&mut self) -> Parsed<f64> {
        self.expect(Kind::LeftParen)?;
        let negative = self.take_if(Kind::Operator(BinaryOp::Sub));
        if !negative {
            self.take_if(Kind::Operator(BinaryOp::Add));
        }
        if !matches!(self.kind(), Kind::Number | Kind::Duration) {
            return Err(self.unexpected_in(("fill modifier", "number")));
        }
        let value = match self.number() {
            Expr::Number { value, .. } if negative => -value,
            Expr::Number { value, .. } => value,
            _ => f64::NAN,
        };
        self.expect(Kind::RightParen)?;
        Ok(value)
    }
}
