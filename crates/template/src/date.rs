//! Moments and lengths of time, as Go's `time` package writes them, always in UTC.

use jiff::civil::DateTime;

use crate::functions::{Function, Parameter};
use crate::value::Value;

/// The method `name` of a moment or a length of time; its receiver is its first argument.
pub(crate) fn method(receiver: &Value, name: &str) -> Option<&'static Function> {
    let table: &'static [Function] = match receiver {
        Value::Time(_) => &TIME,
        Value::Duration(_) => &DURATION,
        _ => return None,
    };
    table.iter().find(|method| method.name == name)
}

static TIME: [Function; 16] = [
    Function::pure("Year", &[], |v| whole(v, |d| i64::from(d.year()))),
    Function::pure("Month", &[], |v| Ok(Value::str(MONTHS[usize::from(month(moment(v)?))]))),
    Function::pure("Day", &[], |v| whole(v, |d| i64::from(d.day()))),
    Function::pure("Hour", &[], |v| whole(v, |d| i64::from(d.hour()))),
    Function::pure("Minute", &[], |v| whole(v, |d| i64::from(d.minute()))),
    Function::pure("Second", &[], |v| whole(v, |d| i64::from(d.second()))),
    Function::pure("Nanosecond", &[], |v| whole(v, |d| i64::from(d.subsec_nanosecond()))),
    Function::pure("YearDay", &[], |v| whole(v, |d| i64::from(d.date().day_of_year()))),
    Function::pure("Weekday", &[], |v| Ok(Value::str(DAYS[weekday(moment(v)?)]))),
    Function::pure("Unix", &[], |v| Ok(Value::Int(moment(v)?.div_euclid(1000)))),
    Function::pure("UnixMilli", &[], |v| Ok(Value::Int(moment(v)?))),
    Function::pure("UTC", &[], |v| Ok(v[0].clone())),
    Function::pure("Local", &[], |v| Ok(v[0].clone())),
    Function::pure("IsZero", &[], |_| Ok(Value::Bool(false))),
    Function::pure("String", &[], |v| Ok(Value::str(written(moment(v)?)))),
    Function::pure("Format", &[Parameter::Str], |v| match &v[1] {
        Value::Str(layout) => Ok(Value::str(formatted(moment(&v[..1])?, layout))),
        _ => Err("the layout is no text".to_owned()),
    }),
];

static DURATION: [Function; 6] = [
    Function::pure("Hours", &[], |v| Ok(Value::Float(length(v)? as f64 / 3.6e12))),
    Function::pure("Minutes", &[], |v| Ok(Value::Float(length(v)? as f64 / 6e10))),
    Function::pure("Seconds", &[], |v| Ok(Value::Float(length(v)? as f64 / 1e9))),
    Function::pure("Milliseconds", &[], |v| Ok(Value::Int(length(v)? / 1_000_000))),
    Function::pure("Nanoseconds", &[], |v| Ok(Value::Int(length(v)?))),
    Function::pure("String", &[], |v| Ok(Value::str(duration(length(v)?)))),
];

const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn moment(values: &[Value]) -> Result<i64, String> {
    match values {
        [Value::Time(ms), ..] => Ok(*ms),
        _ => Err("not a moment".to_owned()),
    }
}

fn length(values: &[Value]) -> Result<i64, String> {
    match values {
        [Value::Duration(ns), ..] => Ok(*ns),
        _ => Err("not a length of time".to_owned()),
    }
}

fn whole(values: &[Value], part: fn(DateTime) -> i64) -> Result<Value, String> {
    moment(values).map(|ms| Value::Int(part(civil(ms))))
}

/// The calendar knows all moments that 64 bits of nanoseconds can tell.
fn civil(ms: i64) -> DateTime {
    let timestamp = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    jiff::tz::Offset::UTC.to_datetime(timestamp)
}

fn month(ms: i64) -> u8 {
    civil(ms).month().unsigned_abs() - 1
}

fn weekday(ms: i64) -> usize {
    usize::from(civil(ms).weekday().to_sunday_zero_offset().unsigned_abs())
}

/// `now`: seconds since 1970.
pub(crate) fn seconds(ms: i64) -> Value {
    Value::Float(ms as f64 / 1000.0)
}

/// `2015-06-23 13:19:44.128 +0000 UTC`.
pub(crate) fn written(ms: i64) -> String {
    formatted(ms, "2006-01-02 15:04:05.999999999 -0700 MST")
}

/// `1h30m0.5s`, as Go writes a length of time given in ns.
pub(crate) fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let size = ns.unsigned_abs();
    let small = |unit: u64, name: &str| {
        format!("{sign}{}{name}", crate::decimal::digits(size as f64 / unit as f64, 'f', None))
    };
    match size {
        0 => return "0s".to_owned(),
        1..1_000 => return small(1, "ns"),
        1_000..1_000_000 => return small(1_000, "\u{b5}s"),
        1_000_000..1_000_000_000 => return small(1_000_000, "ms"),
        _ => {}
    }
    let (minutes, rest) = (size / 60_000_000_000, size % 60_000_000_000);
    let fraction = format!("{:09}", rest % 1_000_000_000);
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    let seconds = format!("{}{dot}{fraction}s", rest / 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}"),
    }
}

/// What a layout may hold, the longer before the shorter with the same beginning.
const PARTS: [&str; 24] = [
    "2006", "January", "Jan", "Monday", "Mon", "MST", "-07:00", "-0700", "-07", "Z07:00", "Z0700",
    "002", "01", "02", "03", "04", "05", "06", "15", "PM", "pm", "_2", "1", "2",
];

/// Go's `Format`: the parts of the reference time in `layout` replaced by those of this moment.
fn formatted(ms: i64, layout: &str) -> String {
    let mut out = String::new();
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        if let Some(digits) = fraction_len(rest) {
            out.push_str(&fraction(ms, &rest[..1], &rest[1..2], digits));
            rest = &rest[1 + digits..];
        } else if let Some(part) = PARTS.iter().find(|part| rest.starts_with(**part)) {
            out.push_str(&part_of(ms, part));
            rest = &rest[part.len()..];
        } else if matches!(c, '3' | '4' | '5') {
            let padded = part_of(ms, &format!("0{c}"));
            out.push_str(padded.strip_prefix('0').unwrap_or(&padded));
            rest = &rest[1..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// The number of digits, if a fraction such as `.000` or `,999` stands here.
fn fraction_len(layout: &str) -> Option<usize> {
    let digits = layout.strip_prefix(['.', ','])?;
    let first = digits.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let len = digits.chars().take_while(|c| *c == first).count();
    (!digits[len..].starts_with(|c: char| c.is_ascii_digit())).then_some(len)
}

/// Nines drop the zeros at the end, and the point with them.
fn fraction(ms: i64, point: &str, kind: &str, digits: usize) -> String {
    let nanoseconds = format!("{:09}", ms.rem_euclid(1000) * 1_000_000);
    let shown = &nanoseconds[..digits.min(9)];
    let shown = if kind == "9" { shown.trim_end_matches('0') } else { shown };
    if shown.is_empty() { String::new() } else { format!("{point}{shown}") }
}

fn part_of(ms: i64, part: &str) -> String {
    let at = civil(ms);
    match part {
        "2006" => format!("{:04}", at.year()),
        "06" => format!("{:02}", at.year().rem_euclid(100)),
        "January" => MONTHS[usize::from(month(ms))].to_owned(),
        "Jan" => MONTHS[usize::from(month(ms))][..3].to_owned(),
        "01" => format!("{:02}", at.month()),
        "1" => at.month().to_string(),
        "Monday" => DAYS[weekday(ms)].to_owned(),
        "Mon" => DAYS[weekday(ms)][..3].to_owned(),
        "002" => format!("{:03}", at.date().day_of_year()),
        "02" => format!("{:02}", at.day()),
        "_2" => format!("{:2}", at.day()),
        "2" => at.day().to_string(),
        "15" => format!("{:02}", at.hour()),
        "03" => format!("{:02}", (at.hour() + 11) % 12 + 1),
        "04" => format!("{:02}", at.minute()),
        "05" => format!("{:02}", at.second()),
        "PM" => if at.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        "pm" => if at.hour() < 12 { "am" } else { "pm" }.to_owned(),
        "MST" => "UTC".to_owned(),
        "-07:00" => "+00:00".to_owned(),
        "-0700" => "+0000".to_owned(),
        "-07" => "+00".to_owned(),
        _ => "Z".to_owned(),
    }
}
