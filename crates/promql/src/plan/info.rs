//! The arguments of `info`.

use super::{Node, Op, PlanError, Planner, SelectNode};
use crate::ast::{Call, Expr, Selector};
use crate::eval::steps::{Shift, Steps};

impl Planner {
    /// The arguments of `info`, always two: info series are looked for where the first selector of the
    /// first argument looks.
    pub(super) fn info_arguments<'e>(
        &mut self,
        call: &'e Call,
        steps: Steps,
    ) -> Result<Vec<Node<'e>>, PlanError> {
        let Some(vector) = call.arguments.first() else { return Ok(Vec::new()) };
        let back_ms = self.context.lookback_ms;
        let shift = match first_selector(vector) {
            Some(selector) => self.shift(&selector.shift)?,
            None => Shift::default(),
        };
        let select = SelectNode {
            matchers: match call.arguments.get(1) {
                Some(Expr::Selector(selector)) => &selector.matchers,
                _ => &[],
            },
            shift,
            back_ms,
            lookback_ms: back_ms,
            is_range: false,
            extension: None,
            around: self.around,
            counts_only: false,
            span: call.span,
        };
        self.reach(&select, steps);
        let span = call.arguments.get(1).map_or(call.span, Expr::span);
        Ok(vec![self.node(vector, steps)?, self.numbered(span, Op::Select(Box::new(select)))])
    }
}

/// The leftmost selector of an expression.
fn first_selector(expr: &Expr) -> Option<&Selector> {
    match expr {
        Expr::Number { .. } | Expr::String { .. } => None,
        Expr::Paren { inner, .. } => first_selector(inner),
        Expr::Unary { operand, .. } => first_selector(operand),
        Expr::Binary(binary) => {
            first_selector(&binary.left).or_else(|| first_selector(&binary.right))
        }
        Expr::Aggregate(aggregate) => first_selector(&aggregate.operand)
            .or_else(|| aggregate.parameter.as_ref().and_then(first_selector)),
        Expr::Call(call) => call.arguments.iter().find_map(first_selector),
        Expr::Selector(selector) => Some(selector),
        Expr::Range(range) => Some(&range.selector),
        Expr::Subquery(subquery) => first_selector(&subquery.operand),
    }
}
