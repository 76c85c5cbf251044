//! Numbers for people: with prefixes, as durations, percentages and moments.

use crate::decimal::four_digits;
use crate::value::Value;

use super::convert::{number, text};

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const LARGE_1024: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

pub(super) fn humanize(values: &[Value]) -> Result<Value, String> {
    let value = number(values, 0)?;
    Ok(Value::str(if value == 0.0 || !value.is_finite() {
        four_digits(value)
    } else if value.abs() >= 1.0 {
        enlarged(value, 1000.0, &LARGE)
    } else {
        let (value, prefix) = reduced(value);
        format!("{}{prefix}", four_digits(value))
    }))
}

pub(super) fn humanize1024(values: &[Value]) -> Result<Value, String> {
    let value = number(values, 0)?;
    Ok(Value::str(if value.abs() <= 1.0 || !value.is_finite() {
        four_digits(value)
    } else {
        enlarged(value, 1024.0, &LARGE_1024)
    }))
}

fn enlarged(mut value: f64, base: f64, prefixes: &[&str]) -> String {
    let mut prefix = "";
    for larger in prefixes {
        if value.abs() < base {
            break;
        }
        prefix = larger;
        value /= base;
    }
    format!("{}{prefix}", four_digits(value))
}

fn reduced(mut value: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for smaller in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = smaller;
        value *= 1000.0;
    }
    (value, prefix)
}

pub(super) fn humanize_duration(values: &[Value]) -> Result<Value, String> {
    let value = number(values, 0)?;
    if !value.is_finite() {
        return Ok(Value::str(four_digits(value)));
    }
    if value.abs() < 1.0 {
        let (value, prefix) = if value == 0.0 { (value, "") } else { reduced(value) };
        return Ok(Value::str(format!("{}{prefix}s", four_digits(value))));
    }
    let (sign, value) = if value < 0.0 { ("-", -value) } else { ("", value) };
    let whole = whole_seconds(value);
    let (seconds, minutes) = (whole % 60, whole / 60 % 60);
    let (hours, days) = (whole / 3600 % 24, whole / 86400);
    Ok(Value::str(if days != 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours != 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes != 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", four_digits(value))
    }))
}

/// What is too large for an integer becomes the smallest one, as on most machines that Prometheus
/// runs on.
#[expect(clippy::cast_possible_truncation, reason = "cut to whole seconds; the range is checked")]
fn whole_seconds(value: f64) -> i64 {
    if value < 9_223_372_036_854_775_808.0 { value as i64 } else { i64::MIN }
}

pub(super) fn humanize_percentage(values: &[Value]) -> Result<Value, String> {
    Ok(Value::str(format!("{}%", four_digits(number(values, 0)? * 100.0))))
}

pub(super) fn humanize_timestamp(values: &[Value]) -> Result<Value, String> {
    let seconds = number(values, 0)?;
    if !seconds.is_finite() {
        return Ok(Value::str(four_digits(seconds)));
    }
    Ok(Value::str(crate::date::written(moment(seconds)?)))
}

pub(super) fn to_time(values: &[Value]) -> Result<Value, String> {
    let seconds = number(values, 0)?;
    if !seconds.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    Ok(Value::Time(moment(seconds)?))
}

pub(super) fn to_duration(values: &[Value]) -> Result<Value, String> {
    let seconds = number(values, 0)?;
    if !seconds.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    nanoseconds(seconds, "duration").map(Value::Duration)
}

/// Seconds since 1970 as ms; fractions of a millisecond are cut off.
fn moment(seconds: f64) -> Result<i64, String> {
    nanoseconds(seconds, "timestamp").map(|ns| ns / 1_000_000)
}

#[expect(clippy::cast_possible_truncation, reason = "cut to whole ns; the range is checked")]
fn nanoseconds(seconds: f64, what: &str) -> Result<i64, String> {
    let nanoseconds = seconds * 1e9;
    if nanoseconds.abs() >= 9_223_372_036_854_775_808.0 {
        let value = model::float::General(seconds);
        return Err(format!(
            "{value} cannot be represented as a nanoseconds {what} since it overflows int64"
        ));
    }
    Ok(nanoseconds as i64)
}

pub(super) fn parse_duration(values: &[Value]) -> Result<Value, String> {
    let written = text(values, 0);
    let (sign, unsigned) = match written.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, written),
    };
    let ms = model::time::parse_duration(unsigned).map_err(|error| error.to_string())?;
    Ok(Value::Float(sign * ms as f64 / 1000.0))
}
