//! Durations in brackets and behind `offset`: literals, and arithmetic on them.

use super::{Parsed, Parser};
use crate::ast::{BinaryOp, DurationExpr, Expr, Span};
use crate::token::{Keyword, Kind};

/// A signed 64-bit count of nanoseconds ends here: 292 years.
const LIMIT_SECONDS: f64 = 9_223_372_036.854_775;

fn binding(op: BinaryOp) -> Option<u8> {
    match op {
        BinaryOp::Add | BinaryOp::Sub => Some(1),
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => Some(2),
        BinaryOp::Pow => Some(3),
        _ => None,
    }
}

impl Parser<'_> {
    /// A duration in brackets: not zero, not negative.
    pub(super) fn duration(&mut self) -> Parsed<DurationExpr> {
        let duration = self.arithmetic(1)?;
        if let DurationExpr::Literal { ms: ..=0, span } = duration {
            self.note(span, "duration must be greater than 0");
        }
        Ok(duration)
    }

    /// A duration behind `offset`: arithmetic only in parentheses.
    pub(super) fn offset_duration(&mut self) -> Parsed<DurationExpr> {
        self.signed(Self::atom)
    }

    fn arithmetic(&mut self, least: u8) -> Parsed<DurationExpr> {
        self.deeper(|parser| {
            let mut left = parser.signed(|parser| parser.arithmetic_operand())?;
            while let Kind::Operator(op) = parser.kind()
                && let Some(power) = binding(op).filter(|power| *power >= least)
            {
                parser.grow(0)?;
                parser.advance();
                let right = parser.arithmetic(power + u8::from(op != BinaryOp::Pow))?;
                let span = Span { start: span_of(&left).start, end: span_of(&right).end };
                let (l, r) = (Box::new(left), Box::new(right));
                left = DurationExpr::Binary { op, left: l, right: r, span };
            }
            Ok(left)
        })
    }

    /// What a sign stands before: a sign binds less than `^`.
    fn arithmetic_operand(&mut self) -> Parsed<DurationExpr> {
        let base = self.atom()?;
        if self.kind() != Kind::Operator(BinaryOp::Pow) {
            return Ok(base);
        }
        self.advance();
        let exponent = self.arithmetic(3)?;
        let span = Span { start: span_of(&base).start, end: span_of(&exponent).end };
        let (left, right) = (Box::new(base), Box::new(exponent));
        Ok(DurationExpr::Binary { op: BinaryOp::Pow, left, right, span })
    }

    /// An operand with its sign, which becomes part of a literal.
    fn signed(
        &mut self,
        operand: impl FnOnce(&mut Self) -> Parsed<DurationExpr>,
    ) -> Parsed<DurationExpr> {
        let sign = self.token();
        let Kind::Operator(op @ (BinaryOp::Add | BinaryOp::Sub)) = sign.kind else {
            return operand(self);
        };
        self.advance();
        let negative = op == BinaryOp::Sub;
        let operand = operand(self)?;
        let span = Span { start: sign.span.start, end: span_of(&operand).end };
        if let DurationExpr::Literal { ms, .. } = operand {
            return Ok(DurationExpr::Literal { ms: if negative { -ms } else { ms }, span });
        }
        Ok(DurationExpr::Unary { negative, operand: Box::new(operand), span })
    }

    fn atom(&mut self) -> Parsed<DurationExpr> {
        let token = self.token();
        match token.kind {
            Kind::Number | Kind::Duration => Ok(self.duration_literal()),
            Kind::LeftParen => {
                self.advance();
                let inner = Box::new(self.arithmetic(1)?);
                let end = self.expect(Kind::RightParen)?.span.end;
                Ok(DurationExpr::Paren(inner, Span { start: token.span.start, end }))
            }
            Kind::Keyword(word @ (Keyword::Step | Keyword::Range)) => {
                self.advance();
                self.expect(Kind::LeftParen)?;
                let end = self.expect(Kind::RightParen)?.span.end;
                let span = Span { start: token.span.start, end };
                let step = word == Keyword::Step;
                Ok(if step { DurationExpr::Step(span) } else { DurationExpr::Range(span) })
            }
            Kind::Identifier if matches!(token.text, "min_of" | "max_of") => {
                self.advance();
                self.expect(Kind::LeftParen)?;
                let left = Box::new(self.arithmetic(1)?);
                self.expect(Kind::Comma)?;
                let right = Box::new(self.arithmetic(1)?);
                let end = self.expect(Kind::RightParen)?.span.end;
                let span = Span { start: token.span.start, end };
                Ok(DurationExpr::Choose { max: token.text == "max_of", left, right, span })
            }
            _ => Err(self.unexpected()),
        }
    }

    /// A number of seconds or a duration, in whole ms.
    #[expect(clippy::cast_possible_truncation, reason = "checked against LIMIT_SECONDS first")]
    fn duration_literal(&mut self) -> DurationExpr {
        let Expr::Number { value, span, .. } = self.number() else {
            unreachable!("a number is parsed to a number")
        };
        if value.is_nan() || value.abs() > LIMIT_SECONDS {
            self.note(span, "duration out of range");
            return DurationExpr::Literal { ms: 1, span };
        }
        let nanoseconds = (value * 1e9).round();
        // A range below a millisecond is none, but it is not zero either.
        let ms = (nanoseconds / 1e6) as i64;
        let ms = if ms == 0 && nanoseconds > 0.0 { 1 } else { ms };
        DurationExpr::Literal { ms, span }
    }
}

fn span_of(duration: &DurationExpr) -> Span {
    match duration {
        DurationExpr::Step(span) | DurationExpr::Range(span) | DurationExpr::Paren(_, span) => {
            *span
        }
        DurationExpr::Literal { span, .. }
        | DurationExpr::Unary { span, .. }
        | DurationExpr::Binary { span, .. }
        | DurationExpr::Choose { span, .. } => *span,
    }
}
