//! Which expressions have the same value at every step.
//!
//! Numbers do, selectors and subqueries with `@` do, and whatever is made of such, unless a function
//! looks at the time of evaluation.

use crate::ast::{Expr, ValueType};

/// Functions whose value depends on the time of evaluation and not only on their arguments.
const LOOK_AT_THE_TIME: [&str; 11] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "time",
    "timestamp",
    "year",
];

/// Whether it pays and is possible to evaluate `expr` at one step only: it is the same at every
/// step, it is no constant, and it is no range, which nothing but a function can repeat.
pub(super) fn is_worth_marking(expr: &Expr) -> bool {
    let plain = matches!(
        expr.unwrap_parens(),
        Expr::Number { .. } | Expr::String { .. } | Expr::Range(_) | Expr::Subquery(_)
    );
    !plain && expr.value_type() != ValueType::Matrix && is_invariant(expr)
}

fn is_invariant(expr: &Expr) -> bool {
    match expr {
        Expr::Number { .. } | Expr::String { .. } => true,
        Expr::Paren { inner, .. } => is_invariant(inner),
        Expr::Unary { operand, .. } => is_invariant(operand),
        Expr::Binary(binary) => is_invariant(&binary.left) && is_invariant(&binary.right),
        // Whatever its parameter: so Prometheus has it, and takes that of the first step.
        Expr::Aggregate(aggregate) => is_invariant(&aggregate.operand),
        Expr::Call(call) => {
            !LOOK_AT_THE_TIME.contains(&call.function.name)
                && call.arguments.iter().all(is_invariant)
        }
        Expr::Selector(selector) => selector.shift.at.is_some(),
        Expr::Range(range) => range.selector.shift.at.is_some(),
        Expr::Subquery(subquery) => subquery.shift.at.is_some(),
    }
}
