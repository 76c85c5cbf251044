//! The tree a query is parsed to: one variant per construct, each with its [`Span`].
//!
//! The tree says what was written, not what it means: durations may be expressions, names may be
//! keywords. `check` has passed every tree that [`mod@crate::parse`] returns; [`crate::print`]
//! writes it back; [`crate::plan`] is what becomes of it.

mod time;

use model::Matcher;

pub use time::{At, DurationExpr, Shift};

use crate::functions::Function;

/// Where something stands in the query: byte offsets, the end outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One behind the last byte.
    pub end: usize,
}

/// What an expression evaluates to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number per step.
    Scalar,
    /// A text.
    String,
    /// At each step a set of series with one sample each: an instant vector.
    Vector,
    /// At each step a set of series with many samples each: a range vector.
    Matrix,
}

impl ValueType {
    /// As error messages name it.
    pub fn documented(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
        }
    }

    /// As the API's `resultType` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
        }
    }
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// `1.5`, `0x1f`, `Inf`, `5m` (seconds).
    Number {
        /// The value.
        value: f64,
        /// Whether it was written as a duration, and so is printed as one.
        duration: bool,
        /// Where.
        span: Span,
    },
    /// `"text"`.
    String {
        /// The text, unquoted; what is not UTF-8 is replaced.
        value: String,
        /// The bytes of a text that is not UTF-8.
        bytes: Option<Vec<u8>>,
        /// Where.
        span: Span,
    },
    /// `(inner)`.
    Paren {
        /// What stands between.
        inner: Box<Self>,
        /// Where, with the parentheses.
        span: Span,
    },
    /// `-x` or `+x`.
    Unary {
        /// Whether it is a minus.
        negative: bool,
        /// Its operand.
        operand: Box<Self>,
        /// Where.
        span: Span,
    },
    /// `a + b`.
    Binary(Box<Binary>),
    /// `sum by (l) (x)`.
    Aggregate(Box<Aggregate>),
    /// `rate(x[5m])`.
    Call(Call),
    /// `up{job="a"} offset 5m`.
    Selector(Selector),
    /// `up[5m]`.
    Range(Box<RangeSelector>),
    /// `x[1h:1m]`.
    Subquery(Box<Subquery>),
}

/// A binary operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Left operand.
    pub left: Expr,
    /// Right operand.
    pub right: Expr,
    /// `bool` behind a comparison.
    pub return_bool: bool,
    /// How elements are matched; present if and only if both operands are vectors.
    pub matching: Option<Matching>,
    /// Where.
    pub span: Span,
}

/// Binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `atan2`
    Atan2,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `>`
    Gt,
    /// `<`
    Lt,
    /// `>=`
    Ge,
    /// `<=`
    Le,
    /// `and`
    And,
    /// `or`
    Or,
    /// `unless`
    Unless,
    /// `</`: keep the observations below.
    TrimUpper,
    /// `>/`: keep the observations above.
    TrimLower,
}

impl BinaryOp {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Atan2 => "atan2",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Gt => ">",
            Self::Lt => "<",
            Self::Ge => ">=",
            Self::Le => "<=",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
            Self::TrimUpper => "</",
            Self::TrimLower => ">/",
        }
    }

    /// Whether it compares.
    pub fn is_comparison(self) -> bool {
        matches!(self, Self::Eq | Self::Ne | Self::Gt | Self::Lt | Self::Ge | Self::Le)
    }

    /// Whether it is `and`, `or` or `unless`.
    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

/// Which side may have many elements per match group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cardinality {
    /// One on each side.
    #[default]
    OneToOne,
    /// `group_left`: many on the left.
    ManyToOne,
    /// `group_right`: many on the right.
    OneToMany,
    /// Set operators.
    ManyToMany,
}

/// How elements of two vectors find each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matching {
    /// Which side is many.
    pub cardinality: Cardinality,
    /// The labels of `on (…)` or `ignoring (…)`.
    pub labels: Vec<String>,
    /// Whether `labels` are those to match on; otherwise those to leave out.
    pub on: bool,
    /// The labels of `group_left (…)`: taken over from the one side.
    pub include: Vec<String>,
    /// `fill_left (v)`: stands in for what the left side lacks.
    pub fill_left: Option<f64>,
    /// `fill_right (v)`.
    pub fill_right: Option<f64>,
}

/// An aggregation.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Which.
    pub op: AggregateOp,
    /// The vector.
    pub operand: Expr,
    /// `k`, the quantile, the label of `count_values`.
    pub parameter: Option<Expr>,
    /// The labels of `by (…)` or `without (…)`.
    pub grouping: Vec<String>,
    /// Whether it was `without`.
    pub without: bool,
    /// Where.
    pub span: Span,
}

/// Aggregation operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateOp {
    /// `sum`
    Sum,
    /// `avg`
    Avg,
    /// `count`
    Count,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `group`
    Group,
    /// `stddev`
    Stddev,
    /// `stdvar`
    Stdvar,
    /// `topk`
    Topk,
    /// `bottomk`
    Bottomk,
    /// `count_values`
    CountValues,
    /// `quantile`
    Quantile,
    /// `limitk`
    Limitk,
    /// `limit_ratio`
    LimitRatio,
}

impl AggregateOp {
    /// Every aggregation.
    pub const ALL: [Self; 14] = [
        Self::Sum,
        Self::Avg,
        Self::Count,
        Self::Min,
        Self::Max,
        Self::Group,
        Self::Stddev,
        Self::Stdvar,
        Self::Topk,
        Self::Bottomk,
        Self::CountValues,
        Self::Quantile,
        Self::Limitk,
        Self::LimitRatio,
    ];

    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::Group => "group",
            Self::Stddev => "stddev",
            Self::Stdvar => "stdvar",
            Self::Topk => "topk",
            Self::Bottomk => "bottomk",
            Self::CountValues => "count_values",
            Self::Quantile => "quantile",
            Self::Limitk => "limitk",
            Self::LimitRatio => "limit_ratio",
        }
    }

    /// Whether it takes a parameter before the vector.
    pub fn has_parameter(self) -> bool {
        use AggregateOp::{Bottomk, CountValues, LimitRatio, Limitk, Quantile, Topk};
        matches!(self, Topk | Bottomk | CountValues | Quantile | Limitk | LimitRatio)
    }

    /// Whether it is only there with experimental functions enabled.
    pub fn is_experimental(self) -> bool {
        matches!(self, Self::Limitk | Self::LimitRatio)
    }
}

/// A function call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function's entry in the table.
    pub function: &'static Function,
    /// Its arguments.
    pub arguments: Vec<Expr>,
    /// Where.
    pub span: Span,
}

/// An instant selector.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// The metric's name, if it stands before or bare within the braces.
    pub name: Option<String>,
    /// All conditions, that on the name included (last, as Prometheus has it).
    pub matchers: Vec<Matcher>,
    /// `offset` and `@`.
    pub shift: Shift,
    /// `anchored` or `smoothed`.
    pub extension: Option<Extension>,
    /// Where, modifiers included.
    pub span: Span,
}

/// A range selector.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeSelector {
    /// The selector; its shift is that of the whole.
    pub selector: Selector,
    /// How far back.
    pub range: DurationExpr,
    /// Where.
    pub span: Span,
}

/// A subquery.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    /// What is evaluated.
    pub operand: Expr,
    /// How far back.
    pub range: DurationExpr,
    /// At which distances; the default interval if left out.
    pub step: Option<DurationExpr>,
    /// `offset` and `@`.
    pub shift: Shift,
    /// Where.
    pub span: Span,
}

/// How range selectors treat the edges of their window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extension {
    /// Take the sample before the window as one at its edge.
    Anchored,
    /// Interpolate at both edges.
    Smoothed,
}

impl Extension {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anchored => "anchored",
            Self::Smoothed => "smoothed",
        }
    }
}

impl Expr {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Self::Number { span, .. }
            | Self::String { span, .. }
            | Self::Paren { span, .. }
            | Self::Unary { span, .. } => *span,
            Self::Binary(binary) => binary.span,
            Self::Aggregate(aggregate) => aggregate.span,
            Self::Call(call) => call.span,
            Self::Selector(selector) => selector.span,
            Self::Range(range) => range.span,
            Self::Subquery(subquery) => subquery.span,
        }
    }

    /// What it evaluates to.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Number { .. } => ValueType::Scalar,
            Self::String { .. } => ValueType::String,
            Self::Paren { inner, .. } => inner.value_type(),
            Self::Unary { operand, .. } => operand.value_type(),
            Self::Binary(binary) => {
                let scalar = |e: &Self| e.value_type() == ValueType::Scalar;
                if scalar(&binary.left) && scalar(&binary.right) {
                    ValueType::Scalar
                } else {
                    ValueType::Vector
                }
            }
            Self::Aggregate(_) | Self::Selector(_) => ValueType::Vector,
            Self::Call(call) => call.function.returns,
            Self::Range(_) | Self::Subquery(_) => ValueType::Matrix,
        }
    }

    /// This expression without parentheses around it.
    pub fn unwrap_parens(&self) -> &Self {
        let mut expr = self;
        while let Self::Paren { inner, .. } = expr {
            expr = inner;
        }
        expr
    }
}
