//! A query's tree as `/api/v1/parse_query` shows it. Keys are sorted, as Go's maps are.

use model::float::Plain;
use promql::ast::{
    Aggregate, At, Binary, Call, Cardinality, DurationExpr, Expr, Matching, Selector, Shift,
    Subquery, ValueType,
};
use serde_json::{Map, Value, json};

/// The tree.
pub(crate) fn value(expr: &Expr) -> Value {
    match expr {
        Expr::Number { value, .. } => {
            json!({"type": "numberLiteral", "val": Plain(*value).to_string()})
        }
        Expr::String { value, .. } => json!({"type": "stringLiteral", "val": value}),
        Expr::Paren { inner, .. } => json!({"type": "parenExpr", "expr": value(inner)}),
        Expr::Unary { negative, operand, .. } => {
            let op = if *negative { "-" } else { "+" };
            json!({"type": "unaryExpr", "op": op, "expr": value(operand)})
        }
        Expr::Binary(inner) => binary(inner),
        Expr::Aggregate(inner) => aggregate(inner),
        Expr::Call(inner) => call(inner),
        Expr::Selector(inner) => Value::Object(selector(inner, "vectorSelector")),
        Expr::Range(range) => {
            let mut object = selector(&range.selector, "matrixSelector");
            object.insert("range".to_owned(), duration(&range.range));
            Value::Object(object)
        }
        Expr::Subquery(inner) => subquery(inner),
    }
}

fn binary(binary: &Binary) -> Value {
    json!({
        "type": "binaryExpr",
        "op": binary.op.as_str(),
        "lhs": value(&binary.left),
        "rhs": value(&binary.right),
        "matching": binary.matching.as_ref().map(matching),
        "bool": binary.return_bool,
    })
}

fn matching(matching: &Matching) -> Value {
    let card = match matching.cardinality {
        Cardinality::OneToOne => "one-to-one",
        Cardinality::ManyToOne => "many-to-one",
        Cardinality::OneToMany => "one-to-many",
        Cardinality::ManyToMany => "many-to-many",
    };
    json!({
        "card": card,
        "labels": matching.labels,
        "on": matching.on,
        "include": matching.include,
    })
}

fn aggregate(aggregate: &Aggregate) -> Value {
    json!({
        "type": "aggregation",
        "op": aggregate.op.as_str(),
        "expr": value(&aggregate.operand),
        "param": aggregate.parameter.as_ref().map(value),
        "grouping": aggregate.grouping,
        "without": aggregate.without,
    })
}

fn call(call: &Call) -> Value {
    let function = call.function;
    // How many arguments may be left out; -1 if the last may be repeated.
    let variadic =
        if function.variadic { -1 } else { i64::try_from(function.optional).unwrap_or(i64::MAX) };
    let types: Vec<&str> = function.arguments.iter().copied().map(ValueType::as_str).collect();
    json!({
        "type": "call",
        "func": {
            "name": function.name,
            "argTypes": types,
            "variadic": variadic,
            "returnType": function.returns.as_str(),
        },
        "args": call.arguments.iter().map(value).collect::<Vec<_>>(),
    })
}

fn selector(selector: &Selector, kind: &str) -> Map<String, Value> {
    let matchers: Vec<Value> = selector
        .matchers
        .iter()
        .map(|m| json!({"name": m.name, "type": m.op.as_str(), "value": m.value}))
        .collect();
    let mut object = Map::new();
    object.insert("type".to_owned(), json!(kind));
    object.insert("name".to_owned(), json!(selector.name.as_deref().unwrap_or_default()));
    object.insert("matchers".to_owned(), json!(matchers));
    shift(&mut object, &selector.shift);
    object
}

fn subquery(subquery: &Subquery) -> Value {
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("subquery"));
    object.insert("expr".to_owned(), value(&subquery.operand));
    object.insert("range".to_owned(), duration(&subquery.range));
    object.insert("step".to_owned(), subquery.step.as_ref().map_or(json!(0), duration));
    shift(&mut object, &subquery.shift);
    Value::Object(object)
}

fn shift(object: &mut Map<String, Value>, shift: &Shift) {
    object.insert("offset".to_owned(), shift.offset.as_ref().map_or(json!(0), duration));
    let (timestamp, word) = match shift.at {
        None => (Value::Null, Value::Null),
        Some(At::Time(t)) => (json!(t), Value::Null),
        Some(At::Start) => (Value::Null, json!("start")),
        Some(At::End) => (Value::Null, json!("end")),
    };
    object.insert("timestamp".to_owned(), timestamp);
    object.insert("startOrEnd".to_owned(), word);
}

/// A duration in ms; arithmetic, whose value depends on the query, is 0 here as in Prometheus.
fn duration(duration: &DurationExpr) -> Value {
    match duration {
        DurationExpr::Literal { ms, .. } => json!(ms),
        _ => json!(0),
    }
}
