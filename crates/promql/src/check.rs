//! What reads well but means nothing: types, arities and modifiers, in Prometheus's words.
//!
//! Runs once over every tree the parser makes. It also settles what only types can tell: whether an
//! operator matches vectors.

use model::labels::{METRIC_NAME, Quoted};

use crate::ast::{
    Aggregate, AggregateOp, Binary, Call, Cardinality, Expr, Selector, Span, ValueType,
};
use crate::functions::{Body, Special};
use crate::parse::ParseError;

/// The first thing that is wrong with a tree.
pub(crate) fn check(query: &str, expr: &mut Expr) -> Result<(), ParseError> {
    let mut checker = Checker { query, first: None };
    checker.expr(expr);
    checker.first.map_or(Ok(()), Err)
}

struct Checker<'a> {
    query: &'a str,
    first: Option<ParseError>,
}

impl Checker<'_> {
    fn note(&mut self, span: Span, message: impl Into<String>) {
        if self.first.is_none() {
            self.first = Some(ParseError::new(span, message));
        }
    }

    fn expr(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Number { .. } | Expr::String { .. } => {}
            Expr::Paren { inner, .. } => self.expr(inner),
            Expr::Unary { operand, span, .. } => {
                self.expr(operand);
                let found = operand.value_type();
                if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                    let text = "unary expression only allowed on expressions of type scalar or \
                                instant vector";
                    self.note(*span, format!("{text}, got {}", Quoted(found.documented())));
                }
            }
            Expr::Binary(binary) => self.binary(binary),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Call(call) => self.call(call),
            Expr::Selector(selector) => self.selector(selector),
            Expr::Range(range) => self.selector(&range.selector),
            Expr::Subquery(subquery) => {
                self.expr(&mut subquery.operand);
                let found = subquery.operand.value_type();
                if found != ValueType::Vector {
                    let text = "subquery is only allowed on instant vector";
                    self.note(subquery.span, format!("{text}, got {} instead", found.as_str()));
                }
            }
        }
    }

    /// Checks `expr`, and that it is a `wanted`.
    fn expect(&mut self, expr: &mut Expr, wanted: ValueType, context: &str) {
        self.expr(expr);
        let found = expr.value_type();
        if found != wanted {
            let (wanted, found) = (wanted.documented(), found.documented());
            self.note(expr.span(), format!("expected type {wanted} in {context}, got {found}"));
        }
    }

    fn binary(&mut self, binary: &mut Binary) {
        self.expr(&mut binary.left);
        self.expr(&mut binary.right);
        let (left, right) = (binary.left.value_type(), binary.right.value_type());
        let operator = self.operator_span(binary);
        let op = binary.op;
        if binary.return_bool && !op.is_comparison() {
            self.note(operator, "bool modifier can only be used on comparison operators");
        }
        let scalars = left == ValueType::Scalar && right == ValueType::Scalar;
        if op.is_comparison() && !binary.return_bool && scalars {
            self.note(operator, "comparisons between scalars must use BOOL modifier");
        }
        self.include(binary, operator);
        for side in [&binary.left, &binary.right] {
            if !matches!(side.value_type(), ValueType::Scalar | ValueType::Vector) {
                let text = "binary expression must contain only scalar and instant vector types";
                self.note(side.span(), text);
            }
        }
        let matched = binary.matching.as_ref();
        if left != ValueType::Vector || right != ValueType::Vector {
            if matched.is_some_and(|matching| !matching.labels.is_empty()) {
                self.note(binary.span, "vector matching only allowed between instant vectors");
            }
            binary.matching = None;
        } else if op.is_set()
            && matched.is_some_and(|matching| matching.cardinality != Cardinality::ManyToMany)
        {
            let op = Quoted(op.as_str());
            self.note(binary.span, format!("no grouping allowed for {op} operation"));
        }
        if op.is_set() && (left == ValueType::Scalar || right == ValueType::Scalar) {
            let op = Quoted(op.as_str());
            let text = format!("set operator {op} not allowed in binary scalar expression");
            self.note(binary.span, text);
        }
    }

    /// A label cannot both be matched on and be taken over.
    fn include(&mut self, binary: &Binary, operator: Span) {
        let Some(matching) = binary.matching.as_ref().filter(|matching| matching.on) else {
            return;
        };
        for label in matching.labels.iter().filter(|label| matching.include.contains(label)) {
            let text = "must not occur in ON and GROUP clause at once";
            self.note(operator, format!("label {} {text}", Quoted(label)));
        }
    }

    /// Where the operator stands, with its modifiers.
    fn operator_span(&self, binary: &Binary) -> Span {
        let (start, end) = (binary.left.span().end, binary.right.span().start);
        let between = self.query.get(start..end).unwrap_or("");
        let blanks = between.len() - between.trim_ascii_start().len();
        Span { start: start + blanks, end: start + between.trim_ascii_end().len() }
    }

    fn aggregate(&mut self, aggregate: &mut Aggregate) {
        self.expect(&mut aggregate.operand, ValueType::Vector, "aggregation expression");
        let wanted = match aggregate.op {
            AggregateOp::CountValues => ValueType::String,
            _ => ValueType::Scalar,
        };
        if let Some(parameter) = &mut aggregate.parameter {
            self.expect(parameter, wanted, "aggregation parameter");
        }
    }

    fn call(&mut self, call: &mut Call) {
        let function = call.function;
        let name = Quoted(function.name);
        let (least, most) = (function.least_arguments(), function.most_arguments());
        let found = call.arguments.len();
        let expected = if most == Some(least) && found != least {
            Some(format!("expected {least} argument(s)"))
        } else if found < least {
            Some(format!("expected at least {least} argument(s)"))
        } else {
            most.filter(|most| found > *most)
                .map(|most| format!("expected at most {most} argument(s)"))
        };
        if let Some(expected) = expected {
            self.note(call.span, format!("{expected} in call to {name}, got {found}"));
        }
        let context = format!("call to function {name}");
        let is_info = matches!(function.body, Body::Special(Special::Info));
        for (at, argument) in call.arguments.iter_mut().enumerate() {
            if is_info && at == 1 {
                self.info_selector(argument, &context);
                continue;
            }
            match function.argument(at) {
                Some(wanted) => self.expect(argument, wanted, &context),
                None => self.expr(argument),
            }
        }
    }

    /// The second argument of `info` selects labels: it has no name, and may match all there is.
    fn info_selector(&mut self, argument: &Expr, context: &str) {
        let (wanted, found) = (ValueType::Vector.documented(), argument.value_type().documented());
        if wanted != found {
            let text = format!("expected type {wanted} in {context}, got {found}");
            self.note(argument.span(), text);
        } else if !matches!(argument, Expr::Selector(Selector { name: None, .. })) {
            let text = "expected label selectors only, got vector selector instead";
            self.note(argument.span(), text);
        }
    }

    fn selector(&mut self, selector: &Selector) {
        let matchers = &selector.matchers;
        if let Some(name) = &selector.name {
            let inside = matchers.len().saturating_sub(1);
            if let Some(other) = matchers.iter().take(inside).find(|m| m.name == METRIC_NAME) {
                let (name, other) = (Quoted(name), Quoted(&other.value));
                let text = format!("metric name must not be set twice: {name} or {other}");
                self.note(selector.span, text);
            }
        } else if matchers.iter().all(model::Matcher::matches_empty) {
            let text = "vector selector must contain at least one non-empty matcher";
            self.note(selector.span, text);
        }
    }
}
