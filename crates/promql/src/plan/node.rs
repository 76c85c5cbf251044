//! The nodes of a plan: what is done, with everything that is known before any series is read.

use model::labels::METRIC_NAME;
use model::{MatchOp, Matcher};

use super::share::Shared;
use crate::ast::{AggregateOp, BinaryOp, Call, Extension, Matching, Span};
use crate::eval::arithmetic;
use crate::eval::steps::{Shift, Steps};
use crate::functions::Function;

/// One operation: its number, where it stands in the query, and what it does.
#[derive(Clone, Debug)]
pub struct Node<'e> {
    /// Counted from 0 in the order of planning; [`super::Plan::nodes`] is one behind the last.
    pub id: usize,
    /// The expression it comes from.
    pub span: Span,
    /// What it does.
    pub op: Op<'e>,
}

/// What a node does.
#[derive(Clone, Debug)]
pub enum Op<'e> {
    /// A number, the same at every step.
    Number(f64),
    /// A text.
    String(&'e str),
    /// The same at every step: evaluated at the first, then repeated.
    Once(Box<Node<'e>>),
    /// `-x`, of a scalar or a vector.
    Negate(Box<Node<'e>>),
    /// A binary operation.
    Binary(Box<BinaryNode<'e>>),
    /// An aggregation.
    Aggregate(Box<AggregateNode<'e>>),
    /// A function call.
    Call(Box<CallNode<'e>>),
    /// An instant or, with a range, a range selector.
    Select(Box<SelectNode<'e>>),
    /// A subquery.
    Subquery(Box<SubqueryNode<'e>>),
    /// A vector that stands in other places, too, and is evaluated once.
    Shared(Box<Shared<'e>>),
}

/// A binary operation.
#[derive(Clone, Debug)]
pub struct BinaryNode<'e> {
    /// The operator.
    pub op: BinaryOp,
    /// Whether a comparison gives 0 or 1 instead of choosing.
    pub return_bool: bool,
    /// Left operand.
    pub left: Node<'e>,
    /// Right operand.
    pub right: Node<'e>,
    /// Whether the left operand is a scalar, and whether the right one is.
    pub scalars: (bool, bool),
    /// How vectors are matched; present if both are vectors.
    pub matching: Option<&'e Matching>,
    /// Where it stands.
    pub span: Span,
}

/// An aggregation.
#[derive(Clone, Debug)]
pub struct AggregateNode<'e> {
    /// Which.
    pub op: AggregateOp,
    /// Its vector.
    pub operand: Node<'e>,
    /// Its parameter, and where that stands.
    pub parameter: Option<(Node<'e>, Span)>,
    /// The labels named.
    pub grouping: &'e [String],
    /// Whether they are those to leave out.
    pub without: bool,
    /// Where its operand stands.
    pub span: Span,
}

/// A function call.
#[derive(Clone, Debug)]
pub struct CallNode<'e> {
    /// Which function.
    pub function: &'static Function,
    /// Its arguments.
    pub arguments: Vec<Node<'e>>,
    /// The call as it was written, for annotations and for `absent`.
    pub call: &'e Call,
}

/// A selector.
#[derive(Clone, Debug)]
pub struct SelectNode<'e> {
    /// Which series.
    pub matchers: &'e [Matcher],
    /// Where it looks.
    pub shift: Shift,
    /// How far back it looks, ms: the range of a range selector, else the lookback.
    pub back_ms: i64,
    /// How far back an instant selector looks, ms.
    pub lookback_ms: i64,
    /// Whether it is a range selector.
    pub is_range: bool,
    /// How a range selector treats its edges.
    pub extension: Option<Extension>,
    /// The function or aggregation around it, for the store.
    pub around: &'static str,
    /// Whether only counts and sums of histograms are asked for.
    pub counts_only: bool,
    /// Where it stands.
    pub span: Span,
}

/// A subquery.
#[derive(Clone, Debug)]
pub struct SubqueryNode<'e> {
    /// What is evaluated.
    pub operand: Node<'e>,
    /// When: absolute multiples of the step, seen from all outer steps together.
    pub inner: Steps,
    /// Where it looks.
    pub shift: Shift,
    /// How far back, ms.
    pub range_ms: i64,
}

impl SelectNode<'_> {
    /// How far behind a moment, and how far before it, samples may lie that are looked at there, ms.
    pub(crate) fn reach_ms(&self) -> (i64, i64) {
        let beyond = if self.is_range { self.lookback_ms } else { 0 };
        match self.extension {
            None => (0, self.back_ms),
            Some(Extension::Anchored) => (0, self.back_ms.saturating_add(beyond)),
            Some(Extension::Smoothed) => (self.lookback_ms, self.back_ms.saturating_add(beyond)),
        }
    }
}

impl<'e> Op<'e> {
    /// The operands, in the order they are written; an aggregation's parameter first. What is shared
    /// has them in its first place only.
    pub fn operands(&self) -> Vec<&Node<'e>> {
        match self {
            Self::Number(_) | Self::String(_) | Self::Select(_) => Vec::new(),
            Self::Once(inner) | Self::Negate(inner) => vec![inner],
            Self::Binary(binary) => vec![&binary.left, &binary.right],
            Self::Aggregate(aggregate) => {
                let parameter = aggregate.parameter.as_ref().map(|(node, _)| node);
                parameter.into_iter().chain([&aggregate.operand]).collect()
            }
            Self::Call(call) => call.arguments.iter().collect(),
            Self::Subquery(subquery) => vec![&subquery.operand],
            Self::Shared(shared) if shared.is_first => vec![&shared.node],
            Self::Shared(_) => Vec::new(),
        }
    }

    /// The same, to change them; those of what is shared stay as they are.
    pub(super) fn operands_mut(&mut self) -> Vec<&mut Node<'e>> {
        match self {
            Self::Number(_) | Self::String(_) | Self::Select(_) | Self::Shared(_) => Vec::new(),
            Self::Once(inner) | Self::Negate(inner) => vec![inner],
            Self::Binary(binary) => vec![&mut binary.left, &mut binary.right],
            Self::Aggregate(aggregate) => {
                let parameter = aggregate.parameter.as_mut().map(|(node, _)| node);
                parameter.into_iter().chain([&mut aggregate.operand]).collect()
            }
            Self::Call(call) => call.arguments.iter_mut().collect(),
            Self::Subquery(subquery) => vec![&mut subquery.operand],
        }
    }
}

impl Node<'_> {
    /// Whether its series still differ once their names are dropped.
    ///
    /// False if in doubt: then equal label sets are looked for.
    pub fn is_distinct_without_names(&self) -> bool {
        match &self.op {
            Op::Number(_) | Op::String(_) | Op::Negate(_) => true,
            Op::Once(inner) => inner.is_distinct_without_names(),
            Op::Shared(shared) => shared.node.is_distinct_without_names(),
            Op::Select(select) => select.matchers.iter().any(names_one_metric),
            Op::Subquery(subquery) => subquery.operand.is_distinct_without_names(),
            Op::Aggregate(aggregate) => {
                let named = |label: &String| label == METRIC_NAME;
                !aggregate.op.keeps_series()
                    && (aggregate.without || !aggregate.grouping.iter().any(named))
            }
            Op::Binary(binary) => binary.return_bool || arithmetic::drops_name(binary.op),
            Op::Call(_) => false,
        }
    }
}

fn names_one_metric(matcher: &Matcher) -> bool {
    matcher.name == METRIC_NAME && matcher.op == MatchOp::Equal && !matcher.value.is_empty()
}

impl AggregateOp {
    /// Whether its result are some of the series that went in, labels and all.
    pub fn keeps_series(self) -> bool {
        matches!(self, Self::Topk | Self::Bottomk | Self::Limitk | Self::LimitRatio)
    }
}
