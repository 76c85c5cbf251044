//! Logic, comparison, and looking into query results, label sets, texts and arguments.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::format;
use crate::value::{Arguments, Value};
use crate::{Element, Limits};

use super::convert::text;

pub(super) fn not(values: &[Value]) -> Result<Value, String> {
    Ok(Value::Bool(!values[0].is_true()))
}

/// Whether the first equals any of the others.
pub(super) fn eq(values: &[Value]) -> Result<Value, String> {
    let (first, others) = values.split_first().ok_or("missing argument for comparison")?;
    comparable(first)?;
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        comparable(other)?;
        if equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn comparable(value: &Value) -> Result<(), String> {
    if !matches!(value, Value::Labels(_) | Value::Map(_) | Value::Vector(_)) {
        return Ok(());
    }
    let shown = format::sprint(std::slice::from_ref(value), usize::MAX)?;
    Err(format!("non-comparable type {shown}: {}", value.type_name()))
}

fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    Ok(match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Nil, Value::Nil) => true,
        (Value::Nil, _) | (_, Value::Nil) => false,
        (Value::Sample(a), Value::Sample(b)) => Rc::ptr_eq(a, b),
        _ => return Err(incompatible(a, b)),
    })
}

fn incompatible(a: &Value, b: &Value) -> String {
    format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name())
}

pub(super) fn ne(values: &[Value]) -> Result<Value, String> {
    comparable(&values[0])?;
    comparable(&values[1])?;
    equal(&values[0], &values[1]).map(|equal| Value::Bool(!equal))
}

/// How two values compare; `None` if one is not a number.
fn order(values: &[Value]) -> Result<Option<Ordering>, String> {
    match (&values[0], &values[1]) {
        (Value::Int(a), Value::Int(b)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        (Value::Str(a), Value::Str(b)) => Ok(Some(a.cmp(b))),
        (Value::Bool(_), Value::Bool(_)) => Err("invalid type for comparison".to_owned()),
        (a @ (Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_)), b) => {
            Err(incompatible(a, b))
        }
        _ => Err("invalid type for comparison".to_owned()),
    }
}

pub(super) fn lt(values: &[Value]) -> Result<Value, String> {
    Ok(Value::Bool(order(values)? == Some(Ordering::Less)))
}

pub(super) fn le(values: &[Value]) -> Result<Value, String> {
    Ok(Value::Bool(order(values)?.is_some_and(Ordering::is_le)))
}

/// Not `le`, so that it is true of what is not a number, as in Go.
pub(super) fn gt(values: &[Value]) -> Result<Value, String> {
    Ok(Value::Bool(!order(values)?.is_some_and(Ordering::is_le)))
}

/// Not `lt`, see [`gt`].
pub(super) fn ge(values: &[Value]) -> Result<Value, String> {
    Ok(Value::Bool(order(values)? != Some(Ordering::Less)))
}

pub(super) fn len(values: &[Value]) -> Result<Value, String> {
    let len = match &values[0] {
        Value::Str(text) => text.len(),
        Value::Labels(labels) => labels.len(),
        Value::Map(map) => map.entries.len(),
        Value::Vector(elements) => elements.len(),
        Value::Nil => return Err("len of nil pointer".to_owned()),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
}

pub(super) fn index(values: &[Value]) -> Result<Value, String> {
    let (item, keys) = values.split_first().ok_or("missing item")?;
    let mut item = item.clone();
    for key in keys {
        item = match (&item, key) {
            (Value::Nil, _) => return Err("index of untyped nil".to_owned()),
            (Value::Vector(elements), key) => {
                Value::Sample(elements[position(key, elements.len(), false)?].clone())
            }
            (Value::Str(text), key) => {
                Value::Int(i64::from(text.as_bytes()[position(key, text.len(), false)?]))
            }
            (Value::Labels(_) | Value::Map(_), Value::Str(name)) => {
                item.field(name).unwrap_or(Value::Nil)
            }
            (Value::Labels(_) | Value::Map(_), key) => {
                return Err(format!("value has type {}; should be string", key.type_name()));
            }
            (other, _) => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(item)
}

pub(super) fn slice(values: &[Value]) -> Result<Value, String> {
    let (item, bounds) = values.split_first().ok_or("missing item")?;
    if bounds.len() > 3 {
        return Err(format!("too many slice indexes: {}", bounds.len()));
    }
    let len = match item {
        Value::Nil => return Err("slice of untyped nil".to_owned()),
        Value::Str(_) if bounds.len() == 3 => {
            return Err("cannot 3-index slice a string".to_owned());
        }
        Value::Str(text) => text.len(),
        Value::Vector(elements) => elements.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    let from = bounds.first().map_or(Ok(0), |bound| position(bound, len, true))?;
    let to = bounds.get(1).map_or(Ok(len), |bound| position(bound, len, true))?;
    let most = bounds.get(2).map_or(Ok(len), |bound| position(bound, len, true))?;
    for (a, b) in [(from, to), (to, most)] {
        if a > b {
            return Err(format!("invalid slice index: {a} > {b}"));
        }
    }
    Ok(match item {
        Value::Vector(elements) => Value::Vector(elements[from..to].into()),
        Value::Str(text) => {
            Value::str(String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned())
        }
        _ => Value::Nil,
    })
}

fn position(key: &Value, len: usize, end_allowed: bool) -> Result<usize, String> {
    match key {
        Value::Int(at) => usize::try_from(*at)
            .ok()
            .filter(|at| *at < len || (end_allowed && *at == len))
            .ok_or_else(|| format!("index out of range: {at}")),
        Value::Nil => Err("cannot index slice/array with nil".to_owned()),
        other => Err(format!("cannot index slice/array with type {}", other.type_name())),
    }
}

pub(super) fn first(values: &[Value]) -> Result<Value, String> {
    match &values[0] {
        Value::Vector(elements) => elements.first().cloned().map(Value::Sample),
        _ => None,
    }
    .ok_or_else(|| "first() called on vector with no elements".to_owned())
}

fn element(values: &[Value], i: usize) -> Result<&Element, String> {
    match values.get(i) {
        Some(Value::Sample(element)) => Ok(element),
        _ => Err("not an element of a query result".to_owned()),
    }
}

pub(super) fn label(values: &[Value]) -> Result<Value, String> {
    Ok(Value::str(element(values, 1)?.labels.get(text(values, 0))))
}

pub(super) fn value(values: &[Value]) -> Result<Value, String> {
    Ok(Value::Float(element(values, 0)?.value))
}

/// The label that an element made from a text would carry it in.
pub(super) fn strvalue(values: &[Value]) -> Result<Value, String> {
    Ok(Value::str(element(values, 0)?.labels.get("__value__")))
}

pub(super) fn sort_by_label(values: &[Value]) -> Result<Value, String> {
    let name = text(values, 0);
    match &values[1] {
        Value::Vector(elements) => {
            let mut sorted = elements.to_vec();
            sorted.sort_by(|a, b| a.labels.get(name).cmp(b.labels.get(name)));
            Ok(Value::Vector(sorted.into()))
        }
        _ => Err("not a query result".to_owned()),
    }
}

/// The arguments by name, so that a template called with one value can be given several.
pub(super) fn args(values: &[Value]) -> Result<Value, String> {
    let nested = values.iter().map(|value| match value {
        Value::Map(map) => map.depth,
        _ => 0,
    });
    let depth = 1 + nested.max().unwrap_or(0);
    if depth > Limits::WRITTEN_DEPTH {
        return Err(format!("nested deeper than {} levels", Limits::WRITTEN_DEPTH));
    }
    let entries: BTreeMap<String, Value> =
        values.iter().enumerate().map(|(i, v)| (format!("arg{i}"), v.clone())).collect();
    Ok(Value::Map(Rc::new(Arguments { depth, entries })))
}
