//! What a query selects, and the same query with every selector nailed to one time.

use model::Timestamp;
use promql::ast::{Expr, Selector};

/// Functions whose value depends on when they are asked.
const ASKS_THE_TIME: [&str; 15] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "end",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
    "year",
];

fn selector(expr: &Expr) -> Option<&Selector> {
    match expr {
        Expr::Selector(selector) => Some(selector),
        Expr::Range(range) => Some(&range.selector),
        _ => None,
    }
}

/// `query` with `@ t` behind each selector and subquery that has none, leaving alone what is inside
/// a subquery; `None` if the result would depend on the time of evaluation all the same.
pub(super) fn pinned(query: &str, expr: &Expr, t: Timestamp) -> Option<String> {
    let printed = expr.to_string();
    if ["start()", "end()", "range()", "step()"].iter().any(|call| printed.contains(call)) {
        return None;
    }
    let mut asks_the_time = false;
    walk(expr, &mut |expr| {
        if let Expr::Call(call) = expr {
            asks_the_time |= ASKS_THE_TIME.contains(&call.function.name);
        }
    });
    if asks_the_time {
        return None;
    }
    let mut ends = Vec::new();
    collect_ends(expr, &mut ends);
    ends.sort_unstable();
    let mut text = query.to_owned();
    for end in ends.into_iter().rev() {
        text.insert_str(end, &format!(" @ {}.{:03}", t / 1000, t % 1000));
    }
    Some(text)
}

/// Where the selectors and subqueries without `@` end.
fn collect_ends(expr: &Expr, ends: &mut Vec<usize>) {
    if let Expr::Subquery(subquery) = expr {
        if subquery.shift.at.is_none() {
            ends.push(subquery.span.end);
        }
        return;
    }
    if selector(expr).is_some_and(|selector| selector.shift.at.is_none()) {
        ends.push(expr.span().end);
    }
    for child in children(expr) {
        collect_ends(child, ends);
    }
}

/// Shows `visit` an expression and all within it.
pub fn walk(expr: &Expr, visit: &mut impl FnMut(&Expr)) {
    visit(expr);
    for child in children(expr) {
        walk(child, visit);
    }
}

fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Number { .. } | Expr::String { .. } | Expr::Selector(_) | Expr::Range(_) => vec![],
        Expr::Paren { inner, .. } => vec![inner],
        Expr::Unary { operand, .. } => vec![operand],
        Expr::Binary(binary) => vec![&binary.left, &binary.right],
        Expr::Aggregate(aggregate) => {
            aggregate.parameter.iter().chain([&aggregate.operand]).collect()
        }
        Expr::Call(call) => call.arguments.iter().collect(),
        Expr::Subquery(subquery) => vec![&subquery.operand],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_selector_gets_its_time() {
        for (query, expected) in [
            ("a", Some("a @ 1.500")),
            ("a{x=\"y\"} + b offset 5m", Some("a{x=\"y\"} @ 1.500 + b offset 5m @ 1.500")),
            ("rate(a[5m]) + b @ 7", Some("rate(a[5m] @ 1.500) + b @ 7")),
            ("sum_over_time(a[1h:5m])", Some("sum_over_time(a[1h:5m] @ 1.500)")),
            ("1 + 1", Some("1 + 1")),
            ("a + time()", None),
            ("hour(a)", None),
            ("a @ start()", None),
        ] {
            let expr = promql::parse(query).expect(query);
            assert_eq!(pinned(query, &expr, 1500).as_deref(), expected, "{query}");
        }
    }
}
