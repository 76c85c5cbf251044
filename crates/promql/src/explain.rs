//! `explain`: the plan of a query as a tree, and what each node of it cost.

use std::time::Duration;

use crate::ast::Span;
use crate::eval::profile::Cost;
use crate::plan::{Node, Op, Plan};

/// A node of the plan, and what is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What kind of node it is: `selector`, `call`, …
    pub kind: &'static str,
    /// The function, aggregation or operator; empty if the kind says it all.
    pub name: &'static str,
    /// Where its expression stands in the query.
    pub span: Span,
    /// What it cost by itself.
    pub cost: Cost,
    /// Time spent in the node and in everything below it.
    pub total: Duration,
    /// Its operands, in the order they are written.
    pub operands: Vec<Self>,
}

impl Explained {
    /// The whole of a plan with the costs of its nodes, by their numbers.
    pub(crate) fn of(plan: &Plan<'_>, costs: &[Cost]) -> Self {
        node(&plan.root, costs)
    }

    /// The text of its expression in `query`, the text that was evaluated.
    pub fn text<'q>(&self, query: &'q str) -> &'q str {
        query.get(self.span.start..self.span.end).unwrap_or_default()
    }
}

fn node(of: &Node<'_>, costs: &[Cost]) -> Explained {
    let (kind, name) = named(&of.op);
    let operands: Vec<Explained> =
        of.op.operands().into_iter().map(|operand| node(operand, costs)).collect();
    let cost = costs.get(of.id).copied().unwrap_or_default();
    let total = operands.iter().fold(cost.own, |sum, operand| sum.saturating_add(operand.total));
    Explained { kind, name, span: of.span, cost, total, operands }
}

fn named(op: &Op<'_>) -> (&'static str, &'static str) {
    match op {
        Op::Number(_) => ("number", ""),
        Op::String(_) => ("string", ""),
        Op::Once(_) => ("once", ""),
        Op::Negate(_) => ("negation", ""),
        Op::Binary(binary) => ("binary", binary.op.as_str()),
        Op::Aggregate(aggregate) => ("aggregation", aggregate.op.as_str()),
        Op::Call(call) => ("call", call.function.name),
        Op::Select(select) if select.is_range => ("range selector", ""),
        Op::Select(_) => ("selector", ""),
        Op::Subquery(_) => ("subquery", ""),
        Op::Shared(_) => ("shared", ""),
    }
}
