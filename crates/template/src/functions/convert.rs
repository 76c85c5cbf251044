//! What the bodies share: taking a text or a number out of a value.

use model::labels::Quoted;

use crate::value::Value;

/// The text of argument `i`; the executor has checked that it is one.
pub(super) fn text(values: &[Value], i: usize) -> &str {
    match values.get(i) {
        Some(Value::Str(text)) => text,
        _ => "",
    }
}

/// The number that argument `i` is or reads as.
pub(super) fn number(values: &[Value], i: usize) -> Result<f64, String> {
    match values.get(i).unwrap_or(&Value::Nil) {
        Value::Float(value) => Ok(*value),
        Value::Int(value) => Ok(*value as f64),
        Value::Duration(nanoseconds) => Ok(*nanoseconds as f64 / 1e9),
        Value::Str(text) => model::float::parse(text)
            .ok_or_else(|| format!("strconv.ParseFloat: parsing {}: invalid syntax", Quoted(text))),
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}
