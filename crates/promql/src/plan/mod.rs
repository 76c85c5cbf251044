//! The plan: what a tree becomes once the times of the query are known.
//!
//! Durations are numbers here, `@ start()` is a moment, constants are folded, subtrees that have the
//! same value at every step are marked [`Node::Once`], and the time range that all selectors
//! together will read is known before any is read. A plan borrows from its tree and holds no samples.

mod duration;
mod info;
mod invariant;

use model::labels::METRIC_NAME;
use model::{MatchOp, Matcher, TimeRange, Timestamp};

use crate::ast::{
    Aggregate, AggregateOp, At, Binary, BinaryOp, Call, DurationExpr, Expr, Extension, Matching,
    RangeSelector, Selector, Span, Subquery, ValueType,
};
use crate::eval::arithmetic;
use crate::eval::steps::{Shift, Steps};
use crate::functions::{Body, Function, Special};

use duration::DurationContext;

/// Deeper trees are refused: evaluation walks them by recursion.
pub const MAX_DEPTH: usize = 500;

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
}

/// One operation.
#[derive(Clone, Debug)]
pub enum Node<'e> {
    /// A number, the same at every step.
    Number(f64),
    /// A text.
    String(&'e str),
    /// The same at every step: evaluated at the first, then repeated.
    Once(Box<Self>),
    /// `-x`, of a scalar or a vector.
    Negate(Box<Self>),
    /// A binary operation.
    Binary(Box<BinaryNode<'e>>),
    /// An aggregation.
    Aggregate(Box<AggregateNode<'e>>),
    /// A function call.
    Call(Box<CallNode<'e>>),
    /// An instant or, with a range, a range selector.
    Select(SelectNode<'e>),
    /// A subquery.
    Subquery(Box<SubqueryNode<'e>>),
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

impl Node<'_> {
    /// Whether its series still differ once their names are dropped.
    ///
    /// False if in doubt: then equal label sets are looked for.
    pub fn is_distinct_without_names(&self) -> bool {
        match self {
            Self::Number(_) | Self::String(_) | Self::Negate(_) => true,
            Self::Once(inner) => inner.is_distinct_without_names(),
            Self::Select(select) => select.matchers.iter().any(names_one_metric),
            Self::Subquery(subquery) => subquery.operand.is_distinct_without_names(),
            Self::Aggregate(aggregate) => {
                let named = |label: &String| label == METRIC_NAME;
                !aggregate.op.keeps_series()
                    && (aggregate.without || !aggregate.grouping.iter().any(named))
            }
            Self::Binary(binary) => binary.return_bool || arithmetic::drops_name(binary.op),
            Self::Call(_) => false,
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
    };
    let root = planner.node(expr, context.steps)?;
    Ok(Plan { root, steps: context.steps, reach: planner.reach })
}

struct Planner {
    context: PlanContext,
    durations: DurationContext,
    reach: Option<TimeRange>,
    around: &'static str,
    /// Whether the functions around ask for nothing but counts and sums of histograms.
    counts_only: bool,
    depth: usize,
}

impl Planner {
    /// The node of an expression evaluated at `steps`.
    fn node<'e>(&mut self, expr: &'e Expr, steps: Steps) -> Result<Node<'e>, PlanError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(PlanError::TooDeep);
        }
        let once = steps.count > 1 && invariant::is_worth_marking(expr);
        let node = if once {
            match self.bare(expr, steps.first())? {
                number @ Node::Number(_) => number,
                node => Node::Once(Box::new(node)),
            }
        } else {
            self.bare(expr, steps)?
        };
        self.depth -= 1;
        Ok(node)
    }

    /// The same, whether or not it is the same at every step.
    fn bare<'e>(&mut self, expr: &'e Expr, steps: Steps) -> Result<Node<'e>, PlanError> {
        match expr {
            Expr::Number { value, .. } => Ok(Node::Number(*value)),
            Expr::String { value, .. } => Ok(Node::String(value)),
            Expr::Paren { inner, .. } => self.node(inner, steps),
            Expr::Unary { negative, operand, .. } => {
                let operand = self.node(operand, steps)?;
                Ok(match (negative, operand) {
                    (false, operand) => operand,
                    (true, Node::Number(value)) => Node::Number(-value),
                    (true, operand) => Node::Negate(Box::new(operand)),
                })
            }
            Expr::Binary(binary) => self.binary(binary, steps),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, steps),
            Expr::Call(call) => self.call(call, steps),
            Expr::Selector(selector) => self.selector(selector, steps),
            Expr::Range(range) => self.range(range, steps),
            Expr::Subquery(subquery) => self.subquery(subquery, steps),
        }
    }

    fn binary<'e>(&mut self, binary: &'e Binary, steps: Steps) -> Result<Node<'e>, PlanError> {
        let around = std::mem::take(&mut self.around);
        let outer = self.counts_only;
        self.counts_only &= !matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
        let left = self.node(&binary.left, steps)?;
        let right = self.node(&binary.right, steps)?;
        (self.around, self.counts_only) = (around, outer);
        if let (Node::Number(l), Node::Number(r)) = (&left, &right) {
            return Ok(Node::Number(arithmetic::of_scalars(binary.op, *l, *r)));
        }
        let is_scalar = |e: &Expr| e.value_type() == ValueType::Scalar;
        Ok(Node::Binary(Box::new(BinaryNode {
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
    ) -> Result<Node<'e>, PlanError> {
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
        Ok(Node::Aggregate(Box::new(AggregateNode {
            op: aggregate.op,
            operand,
            parameter,
            grouping: &aggregate.grouping,
            without: aggregate.without,
            span: aggregate.operand.span(),
        })))
    }

    fn call<'e>(&mut self, call: &'e Call, steps: Steps) -> Result<Node<'e>, PlanError> {
        if let Body::Special(special) = call.function.body
            && let Some(ms) = self.of_query(special)
        {
            return Ok(Node::Number(ms as f64 / 1000.0));
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
        Ok(Node::Call(Box::new(CallNode { function: call.function, arguments: arguments?, call })))
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
    ) -> Result<Node<'e>, PlanError> {
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
        Ok(Node::Select(node))
    }

    fn range<'e>(&mut self, range: &'e RangeSelector, steps: Steps) -> Result<Node<'e>, PlanError> {
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
        Ok(Node::Select(node))
    }

    fn subquery<'e>(
        &mut self,
        subquery: &'e Subquery,
        steps: Steps,
    ) -> Result<Node<'e>, PlanError> {
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
        Ok(Node::Subquery(Box::new(SubqueryNode { operand, inner, shift, range_ms })))
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
