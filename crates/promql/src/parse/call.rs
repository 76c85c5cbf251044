//! Functions and aggregations.

use model::labels::Quoted;

use super::{Parsed, Parser};
use crate::ast::{Aggregate, AggregateOp, Call, Expr, Span};
use crate::functions;
use crate::token::{Keyword, Kind};

impl Parser<'_> {
    /// `rate(x[5m])`.
    pub(super) fn call(&mut self) -> Parsed<Expr> {
        let name = self.advance();
        let arguments = self.arguments()?;
        let span = Span { start: name.span.start, end: self.last_end() };
        let quoted = Quoted(name.text);
        let Some(function) = functions::lookup(name.text) else {
            self.note(name.span, format!("unknown function with name {quoted}"));
            return Ok(nothing(span));
        };
        if function.experimental && !self.options.experimental_functions {
            self.note(name.span, format!("function {quoted} is not enabled"));
        }
        Ok(Expr::Call(Call { function, arguments, span }))
    }

    /// `sum by (l) (x)` or `sum(x) by (l)`.
    pub(super) fn aggregate(&mut self, op: AggregateOp) -> Parsed<Expr> {
        let start = self.advance().span.start;
        let mut grouping = self.grouping()?;
        let context = ("aggregation", "");
        let arguments = self.within(context, |parser| {
            if parser.kind() == Kind::LeftParen {
                parser.arguments()
            } else {
                Err(parser.unexpected())
            }
        })?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let (without, grouping) = grouping.unwrap_or_default();
        let span = Span { start, end: self.last_end() };
        let Some((parameter, operand)) = self.operands(op, arguments, span) else {
            return Ok(nothing(span));
        };
        let aggregate = Aggregate { op, operand, parameter, grouping, without, span };
        Ok(Expr::Aggregate(Box::new(aggregate)))
    }

    /// `by (…)` or `without (…)`, if it is next: whether it is `without`, and its labels.
    fn grouping(&mut self) -> Parsed<Option<(bool, Vec<String>)>> {
        let Kind::Keyword(word @ (Keyword::By | Keyword::Without)) = self.kind() else {
            return Ok(None);
        };
        self.advance();
        Ok(Some((word == Keyword::Without, self.grouping_labels()?)))
    }

    /// Parameter and operand of an aggregation; `None` if their number is noted as wrong.
    fn operands(
        &mut self,
        op: AggregateOp,
        arguments: Vec<Expr>,
        span: Span,
    ) -> Option<(Option<Expr>, Expr)> {
        let found = arguments.len();
        if found == 0 {
            self.note(span, "no arguments for aggregate expression provided");
            return None;
        }
        if op.is_experimental() && !self.options.experimental_functions {
            let name = op.as_str();
            let flag = "--enable-feature=promql-experimental-functions";
            self.note(span, format!("{name}() is experimental and must be enabled with {flag}"));
            return None;
        }
        let expected = 1 + usize::from(op.has_parameter());
        if found != expected {
            let text = "wrong number of arguments for aggregate expression provided";
            self.note(span, format!("{text}, expected {expected}, got {found}"));
            return None;
        }
        let mut arguments = arguments.into_iter();
        let parameter = if op.has_parameter() { arguments.next() } else { None };
        arguments.next().map(|operand| (parameter, operand))
    }

    /// `(a, b)`.
    fn arguments(&mut self) -> Parsed<Vec<Expr>> {
        self.expect(Kind::LeftParen)?;
        let mut arguments = Vec::new();
        if self.take_if(Kind::RightParen) {
            return Ok(arguments);
        }
        let mut height = 0;
        loop {
            arguments.push(self.expression(0)?);
            height = height.max(self.height);
            let comma = self.token();
            if !self.take_if(Kind::Comma) {
                self.expect(Kind::RightParen)?;
                self.grow(height)?;
                return Ok(arguments);
            }
            if self.take_if(Kind::RightParen) {
                self.note(comma.span, "trailing commas not allowed in function call args");
                return Ok(arguments);
            }
        }
    }
}

/// Stands for what is noted as wrong; it is never evaluated.
fn nothing(span: Span) -> Expr {
    Expr::Number { value: f64::NAN, duration: false, span }
}
