//! Operators by binding power, unary operators, and what may follow an operand.

use super::{Parsed, Parser};
use crate::ast::{
    At, Binary, BinaryOp, Cardinality, DurationExpr, Expr, Matching, RangeSelector, Shift, Span,
    Subquery,
};
use crate::token::{Keyword, Kind, Token};

const GROUPING: &str = "grouping opts";

/// How strongly operators bind; `^` alone binds to the right.
const POWER: u8 = 6;

fn binding(op: BinaryOp) -> u8 {
    use BinaryOp::{Add, And, Atan2, Div, Mod, Mul, Or, Pow, Sub, Unless};
    match op {
        Or => 1,
        And | Unless => 2,
        Add | Sub => 4,
        Mul | Div | Mod | Atan2 => 5,
        Pow => POWER,
        _ => 3,
    }
}

impl<'a> Parser<'a> {
    /// An expression of operators that bind at least so strongly.
    pub(super) fn expression(&mut self, least: u8) -> Parsed<Expr> {
        self.deeper(|parser| {
            let mut left = parser.operand()?;
            while let Kind::Operator(op) = parser.kind()
                && binding(op) >= least
            {
                left = parser.binary(left, op)?;
            }
            Ok(left)
        })
    }

    fn binary(&mut self, left: Expr, op: BinaryOp) -> Parsed<Expr> {
        self.advance();
        let return_bool = self.take_if(Kind::Keyword(Keyword::Bool));
        let mut matching = self.matching(op)?;
        self.fill(op, &mut matching)?;
        let height = self.height;
        let right = self.expression(binding(op) + u8::from(op != BinaryOp::Pow))?;
        let span = Span { start: left.span().start, end: right.span().end };
        let matching = Some(matching);
        self.grow(height)?;
        Ok(Expr::Binary(Box::new(Binary { op, left, right, return_bool, matching, span })))
    }

    /// `on (a) group_left (b)` behind an operator.
    fn matching(&mut self, op: BinaryOp) -> Parsed<Matching> {
        let mut matching = Matching::default();
        if op.is_set() {
            matching.cardinality = Cardinality::ManyToMany;
        }
        let Kind::Keyword(word @ (Keyword::On | Keyword::Ignoring)) = self.kind() else {
            return Ok(matching);
        };
        self.advance();
        matching.on = word == Keyword::On;
        matching.labels = self.grouping_labels()?;
        matching.cardinality = match self.kind() {
            Kind::Keyword(Keyword::GroupLeft) => Cardinality::ManyToOne,
            Kind::Keyword(Keyword::GroupRight) => Cardinality::OneToMany,
            _ => return Ok(matching),
        };
        self.advance();
        if self.kind() == Kind::LeftParen {
            matching.include = self.grouping_labels()?;
        } else if !self.starts_operand() {
            return Err(self.unexpected_in((GROUPING, "\"(\"")));
        }
        Ok(matching)
    }

    /// `(a, b, "c.d")` behind `by`, `on` and their like.
    pub(super) fn grouping_labels(&mut self) -> Parsed<Vec<String>> {
        if !self.take_if(Kind::LeftParen) {
            return Err(self.unexpected_in((GROUPING, "\"(\"")));
        }
        let mut labels = Vec::new();
        while !self.take_if(Kind::RightParen) {
            labels.push(self.grouping_label()?);
            if !self.take_if(Kind::Comma) && self.kind() != Kind::RightParen {
                return Err(self.unexpected_in((GROUPING, "\",\" or \")\"")));
            }
        }
        Ok(labels)
    }

    fn grouping_label(&mut self) -> Parsed<String> {
        let token = self.token();
        if token.kind == Kind::Text {
            self.advance();
            let label = crate::escape::unquote(token.text);
            if label.is_empty() {
                self.note(token.span, "invalid label name for grouping: \"\"");
            }
            return Ok(label);
        }
        if !token.is_label() {
            return Err(self.unexpected_in((GROUPING, "label")));
        }
        self.advance();
        Ok(token.text.to_owned())
    }

    fn starts_operand(&self) -> bool {
        let token = self.token();
        let sign = matches!(token.kind, Kind::Operator(BinaryOp::Add | BinaryOp::Sub));
        let literal = matches!(token.kind, Kind::Number | Kind::Duration | Kind::Text);
        sign || literal || token.kind == Kind::LeftBrace || token.is_metric()
    }

    /// An operand with its sign. A sign binds less than `^` and becomes part of a number.
    fn operand(&mut self) -> Parsed<Expr> {
        let sign = self.token();
        let Kind::Operator(op @ (BinaryOp::Add | BinaryOp::Sub)) = sign.kind else {
            return self.postfix();
        };
        self.advance();
        let negative = op == BinaryOp::Sub;
        let operand = self.expression(POWER)?;
        let span = Span { start: sign.span.start, end: operand.span().end };
        if let Expr::Number { value, duration, .. } = operand {
            let value = if negative { -value } else { value };
            return Ok(Expr::Number { value, duration, span });
        }
        self.grow(0)?;
        Ok(Expr::Unary { negative, operand: Box::new(operand), span })
    }

    /// An operand with the ranges, offsets and times behind it.
    fn postfix(&mut self) -> Parsed<Expr> {
        let mut expr = self.primary()?;
        loop {
            expr = match self.kind() {
                Kind::LeftBracket => self.range(expr)?,
                Kind::Keyword(Keyword::Offset) => self.offset(expr)?,
                Kind::At => self.at_time(expr)?,
                Kind::Identifier => match self.extension() {
                    Some(extension) => self.extended(expr, extension),
                    None => return Ok(expr),
                },
                _ => return Ok(expr),
            };
        }
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let token = self.token();
        self.height = 0;
        let call = self.ahead(1).kind == Kind::LeftParen;
        match token.kind {
            Kind::Number | Kind::Duration => Ok(self.number()),
            Kind::Text => {
                self.advance();
                let value = crate::escape::unquote(token.text);
                let bytes = crate::escape::unquote_bytes(token.text);
                let bytes = Some(bytes).filter(|bytes| *bytes != value.as_bytes());
                Ok(Expr::String { value, bytes, span: token.span })
            }
            Kind::LeftParen => self.paren(),
            Kind::Identifier if call => self.call(),
            Kind::Keyword(Keyword::Start | Keyword::End | Keyword::Step | Keyword::Range)
                if call =>
            {
                self.call()
            }
            Kind::Aggregator(op)
                if call
                    || matches!(
                        self.ahead(1).kind,
                        Kind::Keyword(Keyword::By | Keyword::Without)
                    ) =>
            {
                self.aggregate(op)
            }
            _ => self.selector().map(Expr::Selector),
        }
    }

    fn paren(&mut self) -> Parsed<Expr> {
        let start = self.advance().span.start;
        let inner = Box::new(self.expression(0)?);
        self.grow(0)?;
        let end = self.expect(Kind::RightParen)?.span.end;
        Ok(Expr::Paren { inner, span: Span { start, end } })
    }

    /// `[5m]` or `[1h:5m]`.
    fn range(&mut self, operand: Expr) -> Parsed<Expr> {
        let bracket = self.advance();
        let range = self.within(("subquery selector", "number or duration"), Self::duration)?;
        if !self.take_if(Kind::Colon) {
            if self.kind() != Kind::RightBracket {
                return Err(self.unexpected_in(("subquery or range", "\":\" or \"]\"")));
            }
            self.advance();
            return Ok(self.range_of(operand, range, bracket));
        }
        let step = if self.kind() == Kind::RightBracket {
            None
        } else {
            let context = ("subquery selector", "number or duration or \"]\"");
            Some(self.within(context, Self::duration)?)
        };
        if self.kind() != Kind::RightBracket {
            return Err(self.unexpected_in(("subquery selector", "\"]\"")));
        }
        let end = self.advance().span.end;
        let span = Span { start: operand.span().start, end };
        let shift = Shift::default();
        self.grow(0)?;
        Ok(Expr::Subquery(Box::new(Subquery { operand, range, step, shift, span })))
    }

    fn range_of(&mut self, operand: Expr, range: DurationExpr, bracket: Token<'_>) -> Expr {
        let brackets = Span { start: bracket.span.start, end: self.last_end() };
        match operand {
            Expr::Selector(selector) => {
                if selector.shift.offset.is_some() {
                    self.note(brackets, "no offset modifiers allowed before range");
                } else if selector.shift.at.is_some() {
                    self.note(brackets, "no @ modifiers allowed before range");
                }
                let span = Span { start: selector.span.start, end: brackets.end };
                Expr::Range(Box::new(RangeSelector { selector, range, span }))
            }
            other => {
                self.note(brackets, "ranges only allowed for vector selectors");
                other
            }
        }
    }

    fn offset(&mut self, mut operand: Expr) -> Parsed<Expr> {
        self.advance();
        let context = ("offset", "number or duration");
        let offset = self.within(context, Self::offset_duration)?;
        let span = operand.span();
        let Some((shift, end)) = shift_of(&mut operand) else {
            let text = "offset modifier must be preceded by an instant vector selector or range \
                        vector selector or a subquery";
            self.note(span, text);
            return Ok(operand);
        };
        if shift.offset.is_some() {
            self.note(span, "offset may not be set multiple times");
            return Ok(operand);
        }
        shift.offset = Some(offset).filter(|o| !matches!(o, DurationExpr::Literal { ms: 0, .. }));
        *end = self.last_end();
        Ok(operand)
    }

    fn at_time(&mut self, mut operand: Expr) -> Parsed<Expr> {
        self.advance();
        let at = self.within(("@", "timestamp"), Self::timestamp)?;
        let span = operand.span();
        let at = match at {
            Ok(at) => at,
            Err(seconds) => {
                let shown = Bound(seconds);
                self.note(span, format!("timestamp out of bounds for @ modifier: {shown}"));
                return Ok(operand);
            }
        };
        let Some((shift, end)) = shift_of(&mut operand) else {
            let text = "@ modifier must be preceded by an instant vector selector or range vector \
                        selector or a subquery";
            self.note(span, text);
            return Ok(operand);
        };
        if shift.at.is_some() {
            self.note(span, "@ <timestamp> may not be set multiple times");
            return Ok(operand);
        }
        shift.at = Some(at);
        *end = self.last_end();
        Ok(operand)
    }

    /// What stands behind `@`; a number that is no time comes back as it is.
    #[expect(clippy::cast_possible_truncation, reason = "checked against the bounds of i64 first")]
    fn timestamp(&mut self) -> Parsed<Result<At, f64>> {
        if let Kind::Keyword(word @ (Keyword::Start | Keyword::End)) = self.kind() {
            self.advance();
            self.expect(Kind::LeftParen)?;
            self.expect(Kind::RightParen)?;
            return Ok(Ok(if word == Keyword::Start { At::Start } else { At::End }));
        }
        let negative = self.take_if(Kind::Operator(BinaryOp::Sub));
        if !negative {
            self.take_if(Kind::Operator(BinaryOp::Add));
        }
        if !matches!(self.kind(), Kind::Number | Kind::Duration) {
            return Err(self.unexpected());
        }
        let Expr::Number { value, .. } = self.number() else { return Err(self.unexpected()) };
        let seconds = if negative { -value } else { value };
        let ms = (seconds * 1000.0).round();
        // 2^63 is a float; the times that fit are strictly within.
        let bound = 9_223_372_036_854_775_808.0;
        if ms.is_nan() || ms.abs() >= bound {
            return Ok(Err(seconds));
        }
        Ok(Ok(At::Time(ms as i64)))
    }
}

/// The shift of a selector or subquery, and the end of its span.
pub(super) fn shift_of(expr: &mut Expr) -> Option<(&mut Shift, &mut usize)> {
    match expr {
        Expr::Selector(selector) => Some((&mut selector.shift, &mut selector.span.end)),
        Expr::Range(range) => Some((&mut range.selector.shift, &mut range.span.end)),
        Expr::Subquery(subquery) => Some((&mut subquery.shift, &mut subquery.span.end)),
        _ => None,
    }
}

/// A float as Go's `%f` writes it.
struct Bound(f64);

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_finite() {
            return write!(f, "{:.6}", self.0);
        }
        write!(f, "{}", model::float::Plain(self.0))
    }
}
