//! The plan: what a tree becomes once the times of the query are known.
//!
//! Durations are numbers here, `@ start()` is a moment, constants are folded, subtrees that have the
//! same value at every step are marked [`Op::Once`], and the time range that all selectors
//! together will read is known before any is read. A plan borrows from its tree and holds no samples.

mod duration;
mod info;
mod invariant;
mod node;
mod share;

use model::{TimeRange, Timestamp};

use crate::ast::{
    Aggregate, AggregateOp, At, Binary, BinaryOp, Call, DurationExpr, Expr, RangeSelector,
    Selector, Span, Subquery, ValueType,
};
use crate::eval::arithmetic;
use crate::eval::steps::{Shift, Steps};
use crate::functions::{Body, Special};

use duration::DurationContext;

pub use node::{AggregateNode, BinaryNode, CallNode, Node, Op, SelectNode, SubqueryNode};
pub use share::Shared;

/// Deeper trees are refused: evaluation walks them by recursion.
pub const MAX_DEPTH: usize = 500;

/// In deeper trees equal subtrees are not looked for.
const MAX_SHARED_DEPTH: usize = 64;

/// Why a tree cannot be planned. The texts are Prometheus's where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A duration expression that has no usable value.
    #[error("{0}")]
    Duration(String),
    /// A text that no label can be called; quoted.
    #[error("invalid label name {0}")]
    LabelName(String),
    /// Too many expressions within expressions.
    #[error("expression nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
}

/// What a plan depends on besides the tree.
#[derive(Clone, Copy, Debug)]
pub struct PlanContext {
    /// The steps of the query.
    pub steps: Steps,
    /// What `@ start()` means.
    pub start: Timestamp,
    /// What `@ end()` means.
    pub end: Timestamp,
    /// What `step()` means in a duration, ms; 0 for an instant query.
    pub step_ms: i64,
    /// How far back an instant selector looks, ms.
    pub lookback_ms: i64,
    /// The step of a subquery that names none, ms.
    pub subquery_step_ms: i64,
    /// Whether equal vectors are evaluated once.
    pub share: bool,
}

/// A plan for one query.
#[derive(Clone, Debug)]
pub struct Plan<'e> {
    /// The outermost node.
    pub root: Node<'e>,
    /// The steps it is evaluated at.
    pub steps: Steps,
    /// What all selectors together may read; `None` if there are none.
    pub reach: Option<TimeRange>,
    /// How many nodes there are; one behind the last one's number.
    pub nodes: usize,
    /// Whether some vector stands in several places and is evaluated once.
    pub shares: bool,
}

/// Makes a plan of a tree.
pub fn plan<'e>(expr: &'e Expr, context: &PlanContext) -> Result<Plan<'e>, PlanError> {
    let durations = DurationContext {
        step_ms: context.step_ms,
        range_ms: context.end.saturating_sub(context.start),
    };
    let mut planner = Planner {
        context: *context,
        durations,
        reach: None,
        around: "",
        counts_only: false,
        depth: 0,
        deepest: 0,
        nodes: 0,
    };
    let mut root = planner.node(expr, context.steps)?;
    let shares = context.share
        && planner.deepest <= MAX_SHARED_DEPTH
        && share::share(&mut root, context.steps, &mut planner.nodes);
    Ok(Plan { root, steps: context.steps, reach: planner.reach, nodes: planner.nodes, shares })
}

struct Planner {
    context: PlanContext,
    durations: DurationContext,
    reach: Option<TimeRange>,
    around: &'static str,
    /// Whether the functions around ask for nothing but counts and sums of histograms.
    counts_only: bool,
    depth: usize,
    deepest: usize,
    nodes: usize,
}

impl Planner {
    /// The node of an expression evaluated at `steps`.
    fn node<'e>(&mut self, expr: &'e Expr, steps: Steps) -> Result<Node<'e>, PlanError> {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        if self.depth > MAX_DEPTH {
            return Err(PlanError::TooDeep);
        }
        let once = steps.count > 1 && invariant::is_worth_marking(expr);
        let node = if once {
            let node = self.bare(expr, steps.first())?;
            match node.op {
                Op::Number(_) => node,
                _ => self.numbered(node.span, Op::Once(Box::new(node))),
            }
        } else {
            self.bare(expr, steps)?
        };
        self.depth -= 1;
        Ok(node)
    }

    /// A node with the next number.
    fn numbered<'e>(&mut self, span: Span, op: Op<'e>) -> Node<'e> {
        let id = self.nodes;
        self.nodes += 1;
        Node { id, span, op }
    }

    /// The same, whether or not it is the same at every step.
    fn bare<'e>(&mut self, expr: &'e Expr, steps: Steps) -> Result<Node<'e>, PlanError> {
        let op = match expr {
            Expr::Number { value, .. } => Op::Number(*value),
            Expr::String { value, .. } => Op::String(value),
            Expr::Paren { inner, .. } => return self.node(inner, steps),
            Expr::Unary { negative, operand, .. } => {
                let operand = self.node(operand, steps)?;
                match (negative, &operand.op) {
                    (false, _) => return Ok(operand),
                    (true, Op::Number(value)) => Op::Number(-value),
                    (true, _) => Op::Negate(Box::new(operand)),
                }
            }
            Expr::Binary(binary) => self.binary(binary, steps)?,
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, steps)?,
            Expr::Call(call) => self.call(call, steps)?,
            Expr::Selector(selector) => Op::Select(Box::new(self.selector(selector, steps)?)),
            Expr::Range(range) => Op::Select(Box::new(self.range(range, steps)?)),
            Expr::Subquery(subquery) => self.subquery(subquery, steps)?,
        };
        Ok(self.numbered(expr.span(), op))
    }

    fn binary<'e>(&mut self, binary: &'e Binary, steps: Steps) -> Result<Op<'e>, PlanError> {
        let around = std::mem::take(&mut self.around);
        let outer = self.counts_only;
        self.counts_only &= !matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
        let left = self.node(&binary.left, steps)?;
        let right = self.node(&binary.right, steps)?;
        (self.around, self.counts_only) = (around, outer);
        if let (Op::Number(l), Op::Number(r)) = (&left.op, &right.op) {
            return Ok(Op::Number(arithmetic::of_scalars(binary.op, *l, *r)));
        }
        let is_scalar = |e: &Expr| e.value_type() == ValueType::Scalar;
        Ok(Op::Binary(Box::new(BinaryNode {
            op: binary.op,
            return_bool: binary.return_bool,
            left,
            right,
            scalars: (is_scalar(&binary.left), is_scalar(&binary.right)),
            matching: binary.matching.as_ref(),
            span: binary.span,
        })))
    }

    fn aggregate<'e>(
        &mut self,
        aggregate: &'e Aggregate,
        steps: Steps,
    ) -> Result<Op<'e>, PlanError> {
        if aggregate.op == AggregateOp::CountValues
            && let Some(name @ Expr::String { value, bytes, .. }) =
                aggregate.parameter.as_ref().map(Expr::unwrap_parens)
            && (value.is_empty() || bytes.is_some())
        {
            return Err(PlanError::LabelName(name.to_string()));
        }
        let parameter = match &aggregate.parameter {
            Some(parameter) => Some((self.node(parameter, steps)?, parameter.span())),
            None => None,
        };
        let around = std::mem::replace(&mut self.around, aggregate.op.as_str());
        let operand = self.node(&aggregate.operand, steps)?;
        self.around = around;
        Ok(Op::Aggregate(Box::new(AggregateNode {
            op: aggregate.op,
            operand,
            parameter,
            grouping: &aggregate.grouping,
            without: aggregate.without,
            span: aggregate.operand.span(),
        })))
    }

    fn call<'e>(&mut self, call: &'e Call, steps: Steps) -> Result<Op<'e>, PlanError> {
        if let Body::Special(special) = call.function.body
            && let Some(ms) = self.of_query(special)
        {
            return Ok(Op::Number(ms as f64 / 1000.0));
        }
        let around = std::mem::replace(&mut self.around, call.function.name);
        let counts_only = match call.function.name {
            "histogram_count" | "histogram_sum" | "histogram_avg" => true,
            "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => false,
            _ => self.counts_only,
        };
        let outer = std::mem::replace(&mut self.counts_only, counts_only);
        let arguments = match call.function.body {
            Body::Special(Special::Info) => self.info_arguments(call, steps),
            _ => call.arguments.iter().map(|argument| self.node(argument, steps)).collect(),
        };
        (self.around, self.counts_only) = (around, outer);
        Ok(Op::Call(Box::new(CallNode { function: call.function, arguments: arguments?, call })))
    }

    /// What a function says of the query itself, ms.
    fn of_query(&self, special: Special) -> Option<i64> {
        match special {
            Special::QueryStart => Some(self.context.start),
            Special::QueryEnd => Some(self.context.end),
            Special::QueryStep => Some(self.durations.step_ms),
            Special::QueryRange => Some(self.durations.range_ms),
            _ => None,
        }
    }

    fn selector<'e>(
        &mut self,
        selector: &'e Selector,
        steps: Steps,
    ) -> Result<SelectNode<'e>, PlanError> {
        let back_ms = self.context.lookback_ms;
        let node = SelectNode {
            matchers: &selector.matchers,
            shift: self.shift(&selector.shift)?,
            back_ms,
            lookback_ms: back_ms,
            is_range: false,
            extension: selector.extension,
            around: self.around,
            counts_only: self.counts_only,
            span: selector.span,
        };
        self.reach(&node, steps);
        Ok(node)
    }

    fn range<'e>(
        &mut self,
        range: &'e RangeSelector,
        steps: Steps,
    ) -> Result<SelectNode<'e>, PlanError> {
        let back_ms = self.positive(&range.range)?;
        let node = SelectNode {
            matchers: &range.selector.matchers,
            shift: self.shift(&range.selector.shift)?,
            back_ms,
            lookback_ms: self.context.lookback_ms,
            is_range: true,
            extension: range.selector.extension,
            around: self.around,
            counts_only: self.counts_only,
            span: range.span,
        };
        self.reach(&node, steps);
        Ok(node)
    }

    fn subquery<'e>(&mut self, subquery: &'e Subquery, steps: Steps) -> Result<Op<'e>, PlanError> {
        let range_ms = self.positive(&subquery.range)?;
        let step_ms = match &subquery.step {
            Some(step) => self.positive(step)?,
            None => self.context.subquery_step_ms.max(1),
        };
        let shift = self.shift(&subquery.shift)?;
        // The windows are open to the left: the first step lies behind the earliest edge.
        let edge = shift.apply(steps.start).saturating_sub(range_ms);
        let start = edge.div_euclid(step_ms).saturating_add(1).saturating_mul(step_ms);
        let mut inner = Steps::between(start, shift.apply(steps.end()), step_ms);
        if steps.count == 0 {
            inner.count = 0;
        }
        let around = std::mem::take(&mut self.around);
        let counts_only = std::mem::take(&mut self.counts_only);
        let operand = self.node(&subquery.operand, inner)?;
        (self.around, self.counts_only) = (around, counts_only);
        Ok(Op::Subquery(Box::new(SubqueryNode { operand, inner, shift, range_ms })))
    }

    fn shift(&self, shift: &crate::ast::Shift) -> Result<Shift, PlanError> {
        let offset_ms = match &shift.offset {
            Some(offset) => self.durations.value_ms(offset)?,
            None => 0,
        };
        let at = shift.at.map(|at| match at {
            At::Time(t) => t,
            At::Start => self.context.start,
            At::End => self.context.end,
        });
        Ok(Shift { at, offset_ms })
    }

    fn positive(&self, duration: &DurationExpr) -> Result<i64, PlanError> {
        match self.durations.value_ms(duration)? {
            ms if ms > 0 => Ok(ms),
            _ => Err(PlanError::Duration("duration must be greater than 0".to_owned())),
        }
    }

    /// Widens the reach by what a selector sees, which looks back from each step.
    fn reach(&mut self, select: &SelectNode<'_>, steps: Steps) {
        if steps.count == 0 {
            return;
        }
        let (ahead_ms, back_ms) = select.reach_ms();
        // What a histogram is depends on the sample before it.
        let before = back_ms.saturating_add(self.context.lookback_ms);
        let first = select.shift.apply(steps.start).saturating_sub(before).saturating_add(1);
        let last = select.shift.apply(steps.end()).saturating_add(ahead_ms);
        if let Some(range) = TimeRange::new(first, last) {
            self.reach = Some(self.reach.map_or(range, |reach| reach.union(range)));
        }
    }
}
