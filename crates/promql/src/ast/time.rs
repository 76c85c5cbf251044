//! Where a selector looks, and durations.

use model::Timestamp;

use super::{BinaryOp, Span};

/// `offset` and `@`; `offset` applies behind `@`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shift {
    /// `offset d`: back in time by so much.
    pub offset: Option<DurationExpr>,
    /// `@ t`.
    pub at: Option<At>,
}

/// What stands behind `@`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A time, ms since 1970.
    Time(Timestamp),
    /// `start()`.
    Start,
    /// `end()`.
    End,
}

/// A duration in brackets or behind `offset`: a literal, or arithmetic on such.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationExpr {
    /// `5m`, or a number of seconds; in ms. Negative only behind `offset`.
    Literal {
        /// Its length.
        ms: i64,
        /// Where.
        span: Span,
    },
    /// `step()`.
    Step(Span),
    /// `range()`.
    Range(Span),
    /// `(inner)`.
    Paren(Box<Self>, Span),
    /// `-inner` or `+inner`.
    Unary {
        /// Whether it is a minus.
        negative: bool,
        /// Its operand.
        operand: Box<Self>,
        /// Where.
        span: Span,
    },
    /// `a + b` and the like.
    Binary {
        /// `+ - * / % ^`
        op: BinaryOp,
        /// Left operand.
        left: Box<Self>,
        /// Right operand.
        right: Box<Self>,
        /// Where.
        span: Span,
    },
    /// `min_of(a, b)` or `max_of(a, b)`.
    Choose {
        /// Whether the larger is taken.
        max: bool,
        /// One.
        left: Box<Self>,
        /// The other.
        right: Box<Self>,
        /// Where.
        span: Span,
    },
}
