//! A tree back to text: canonical on one line, or laid out over several.
//!
//! What is printed parses to the tree it was printed from. Forms and line breaks are those of
//! Prometheus's `/api/v1/format_query`.

use std::fmt::{self, Display, Formatter};

use model::float::Plain;
use model::labels::{METRIC_NAME, Quoted, QuotedBytes, is_legacy_label_name};
use model::time::DurationText;

use crate::ast::{
    Aggregate, At, Binary, Cardinality, DurationExpr, Expr, Matching, Selector, Shift, Subquery,
};

/// Nodes that fit in so many characters stay on one line.
const LINE_CHARACTERS: usize = 100;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { value, duration: true, .. } => DurationText(ms(*value)).fmt(f),
            Self::Number { value, .. } => Plain(*value).fmt(f),
            Self::String { bytes: Some(bytes), .. } => QuotedBytes(bytes).fmt(f),
            Self::String { value, .. } => Quoted(value).fmt(f),
            Self::Paren { inner, .. } => write!(f, "({inner})"),
            Self::Unary { negative, operand, .. } => write!(f, "{}{operand}", sign(*negative)),
            Self::Binary(binary) => {
                write!(f, "{} {} {}", binary.left, Operator(binary), binary.right)
            }
            Self::Aggregate(aggregate) => {
                write!(f, "{}(", AggregateHead(aggregate))?;
                if let Some(parameter) = &aggregate.parameter {
                    write!(f, "{parameter}, ")?;
                }
                write!(f, "{})", aggregate.operand)
            }
            Self::Call(call) => {
                write!(f, "{}({})", call.function.name, List(&call.arguments))
            }
            Self::Selector(selector) => {
                write!(f, "{}{}{}", Bare(selector), Extended(selector), selector.shift)
            }
            Self::Range(range) => {
                let selector = &range.selector;
                write!(f, "{}[{}]{}", Bare(selector), range.range, Extended(selector))?;
                selector.shift.fmt(f)
            }
            Self::Subquery(subquery) => {
                write!(f, "{}{}", subquery.operand, SubqueryTail(subquery))
            }
        }
    }
}

/// A tree over several lines, as far as it does not fit in one.
pub fn pretty(expr: &Expr) -> String {
    layout(expr, 0)
}

fn layout(expr: &Expr, level: usize) -> String {
    let indent = "  ".repeat(level);
    let text = expr.to_string();
    if let Expr::Unary { negative, operand, .. } = expr {
        return format!("{indent}{}{}", sign(*negative), layout(operand, level).trim());
    }
    if text.chars().count() <= LINE_CHARACTERS {
        return indent + &text;
    }
    match expr {
        Expr::Paren { inner, .. } => {
            format!("{indent}(\n{}\n{indent})", layout(inner, level + 1))
        }
        Expr::Binary(binary) => {
            let left = layout(&binary.left, level + 1);
            let right = layout(&binary.right, level + 1);
            format!("{left}\n{indent}{}\n{right}", Operator(binary))
        }
        Expr::Aggregate(aggregate) => {
            let parameter = aggregate.parameter.as_ref();
            let parameter = parameter.map(|p| layout(p, level + 1) + ",\n").unwrap_or_default();
            let operand = layout(&aggregate.operand, level + 1);
            format!("{indent}{}(\n{parameter}{operand}\n{indent})", AggregateHead(aggregate))
        }
        Expr::Call(call) => {
            let arguments: Vec<_> = call.arguments.iter().map(|a| layout(a, level + 1)).collect();
            format!("{indent}{}(\n{}\n{indent})", call.function.name, arguments.join(",\n"))
        }
        Expr::Subquery(subquery) => {
            format!("{}{}", layout(&subquery.operand, level), SubqueryTail(subquery))
        }
        _ => indent + &text,
    }
}

fn sign(negative: bool) -> &'static str {
    if negative { "-" } else { "+" }
}

#[expect(clippy::cast_possible_truncation, reason = "it was made of whole ms")]
fn ms(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

struct List<'a>(&'a [Expr]);

impl Display for List<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (at, expr) in self.0.iter().enumerate() {
            write!(f, "{}{expr}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Labels in parentheses; those that are no plain words in quotes.
struct Names<'a>(&'a [String]);

impl Display for Names<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (at, name) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            if is_legacy_label_name(&name.replace(':', "_")) {
                f.write_str(name)?;
            } else {
                Quoted(name).fmt(f)?;
            }
        }
        f.write_str(")")
    }
}

/// An operator with its modifiers.
struct Operator<'a>(&'a Binary);

impl Display for Operator<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Binary { op, return_bool, matching, .. } = self.0;
        write!(f, "{}{}", op.as_str(), if *return_bool { " bool" } else { "" })?;
        match matching {
            Some(matching) if matching.on || !matching.labels.is_empty() => matching.fmt(f)?,
            _ => {}
        }
        match matching.as_ref().map_or((None, None), |m| (m.fill_left, m.fill_right)) {
            (Some(left), Some(right)) if left.to_bits() == right.to_bits() => {
                write!(f, " fill ({})", Plain(left))
            }
            (left, right) => {
                left.map_or(Ok(()), |value| write!(f, " fill_left ({})", Plain(value)))?;
                right.map_or(Ok(()), |value| write!(f, " fill_right ({})", Plain(value)))
            }
        }
    }
}

impl Display for Matching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, " {} {}", if self.on { "on" } else { "ignoring" }, Names(&self.labels))?;
        match self.cardinality {
            Cardinality::ManyToOne => write!(f, " group_left {}", Names(&self.include)),
            Cardinality::OneToMany => write!(f, " group_right {}", Names(&self.include)),
            Cardinality::OneToOne | Cardinality::ManyToMany => Ok(()),
        }
    }
}

/// An aggregation up to its parenthesis.
struct AggregateHead<'a>(&'a Aggregate);

impl Display for AggregateHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Aggregate { op, grouping, without, .. } = self.0;
        f.write_str(op.as_str())?;
        if *without {
            write!(f, " without {} ", Names(grouping))
        } else if grouping.is_empty() {
            Ok(())
        } else {
            write!(f, " by {} ", Names(grouping))
        }
    }
}

/// A selector without its shift.
struct Bare<'a>(&'a Selector);

impl Display for Bare<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Selector { name, matchers, .. } = self.0;
        let name = name.as_deref().unwrap_or("");
        let is_name = |m: &&model::Matcher| {
            m.name == METRIC_NAME
                && m.op == model::MatchOp::Equal
                && m.value == name
                && !name.is_empty()
        };
        let mut inside: Vec<_> =
            matchers.iter().filter(|m| !is_name(m)).map(ToString::to_string).collect();
        inside.sort();
        f.write_str(name)?;
        if inside.is_empty() { Ok(()) } else { write!(f, "{{{}}}", inside.join(",")) }
    }
}

/// What stands behind a selector that is extended.
struct Extended<'a>(&'a Selector);

impl Display for Extended<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let extension = self.0.extension;
        extension.map_or(Ok(()), |extension| write!(f, " {}", extension.as_str()))
    }
}

impl Display for Shift {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(At::Time(ms)) => write!(f, " @ {:.3}", ms as f64 / 1000.0)?,
            Some(At::Start) => f.write_str(" @ start()")?,
            Some(At::End) => f.write_str(" @ end()")?,
            None => {}
        }
        self.offset.as_ref().map_or(Ok(()), |offset| write!(f, " offset {offset}"))
    }
}

/// `[1h:5m] offset 1d`.
struct SubqueryTail<'a>(&'a Subquery);

impl Display for SubqueryTail<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Subquery { range, step, shift, .. } = self.0;
        write!(f, "[{range}:")?;
        if let Some(step) = step {
            step.fmt(f)?;
        }
        write!(f, "]{shift}")
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal { ms, .. } => DurationText(*ms).fmt(f),
            Self::Step(_) => f.write_str("step()"),
            Self::Range(_) => f.write_str("range()"),
            Self::Paren(inner, _) => write!(f, "({inner})"),
            Self::Unary { negative, operand, .. } => write!(f, "{}{operand}", sign(*negative)),
            Self::Binary { op, left, right, .. } => {
                write!(f, "{left} {} {right}", op.as_str())
            }
            Self::Choose { max, left, right, .. } => {
                write!(f, "{}({left}, {right})", if *max { "max_of" } else { "min_of" })
            }
        }
    }
}
