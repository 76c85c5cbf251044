//! How values are written and read: Go's shortest digits, in the forms Prometheus uses.

use std::fmt;

/// Go's `'f', -1`: shortest digits that read back the same, never an exponent; `NaN`, `+Inf`, `-Inf`.
///
/// Labels made from numbers (`le`, `count_values`), the exposition formats and a scalar in the API
/// are written so.
#[derive(Clone, Copy, Debug)]
pub struct Plain(pub f64);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match special(self.0) {
            Some(word) => f.write_str(word),
            None => write!(f, "{}", self.0),
        }
    }
}

/// As the API writes a sample's value: [`Plain`], but with an exponent below 1e-6 and from 1e21 on.
#[derive(Clone, Copy, Debug)]
pub struct Json(pub f64);

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let abs = self.0.abs();
        if abs != 0.0 && abs.is_finite() && !(1e-6..1e21).contains(&abs) {
            return with_exponent(self.0, f);
        }
        fmt::Display::fmt(&Plain(self.0), f)
    }
}

/// Go's `%v`: shortest digits, with an exponent below 1e-4 and from 1e6 on.
///
/// Templates write numbers so.
#[derive(Clone, Copy, Debug)]
pub struct General(pub f64);

impl fmt::Display for General {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let abs = self.0.abs();
        if abs != 0.0 && abs.is_finite() && !(1e-4..1e6).contains(&abs) {
            return with_exponent(self.0, f);
        }
        fmt::Display::fmt(&Plain(self.0), f)
    }
}

/// Go's `'e', -1`: shortest digits, always with an exponent of at least two digits.
///
/// The API writes the values of alerts so.
#[derive(Clone, Copy, Debug)]
pub struct Exponent(pub f64);

impl fmt::Display for Exponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match special(self.0) {
            Some(word) => f.write_str(word),
            None => with_exponent(self.0, f),
        }
    }
}

/// Reads a float as Go's `strconv.ParseFloat` does: decimal, hexadecimal, `Inf`, `Infinity`, `NaN`
/// in any case. Anything else, and what is too large, is `None`.
pub fn parse(text: &str) -> Option<f64> {
    let (negative, body) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let sign = |v: f64| if negative { -v } else { v };
    let first = *body.as_bytes().first()?;
    if body.len() > 2 && first == b'0' && body.as_bytes()[1].eq_ignore_ascii_case(&b'x') {
        return parse_hex(&body[2..]).map(sign);
    }
    if first.is_ascii_digit() || first == b'.' {
        return body.parse::<f64>().ok().filter(|v| v.is_finite()).map(sign);
    }
    if body.eq_ignore_ascii_case("inf") || body.eq_ignore_ascii_case("infinity") {
        return Some(sign(f64::INFINITY));
    }
    (text.eq_ignore_ascii_case("nan")).then_some(crate::sample::NORMAL_NAN)
}

/// The part of a hexadecimal float behind `0x`: `1f`, `1.8p3`, `.8p-1`.
fn parse_hex(body: &str) -> Option<f64> {
    let (mantissa, exponent) = match body.split_once(['p', 'P']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => return None,
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for c in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let scale = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    let result = value * 2.0_f64.powi(exponent.checked_sub(scale)?);
    result.is_finite().then_some(result)
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("+Inf")
    } else if value == f64::NEG_INFINITY {
        Some("-Inf")
    } else {
        None
    }
}

/// Shortest digits with an exponent of at least two digits: `1e-07`, `1.5e+21`.
fn with_exponent(value: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').expect("{:e} always writes an exponent");
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => ('-', rest),
        None => ('+', exponent),
    };
    write!(f, "{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_prometheus_writes_them() {
        for (v, plain, json, general) in [
            (0.0, "0", "0", "0"),
            (-0.0, "-0", "-0", "-0"),
            (0.5, "0.5", "0.5", "0.5"),
            (1e-7, "0.0000001", "1e-07", "1e-07"),
            (0.00005, "0.00005", "0.00005", "5e-05"),
            (100_000.0, "100000", "100000", "100000"),
            (1_000_000.0, "1000000", "1000000", "1e+06"),
            (123456789.0, "123456789", "123456789", "1.23456789e+08"),
            (1e20, "100000000000000000000", "100000000000000000000", "1e+20"),
            (1.5e21, "1500000000000000000000", "1.5e+21", "1.5e+21"),
            (f64::NAN, "NaN", "NaN", "NaN"),
            (f64::INFINITY, "+Inf", "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf", "-Inf"),
        ] {
            assert_eq!(
                (Plain(v).to_string().as_str(), Json(v).to_string().as_str()),
                (plain, json)
            );
            assert_eq!(General(v).to_string(), general);
        }
    }

    #[test]
    fn values_are_read_as_go_reads_them() {
        for (text, v) in [
            ("1", 1.0),
            ("-1.5e3", -1500.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("+Inf", f64::INFINITY),
            ("-infinity", f64::NEG_INFINITY),
            ("0x1p4", 16.0),
            ("0x1.8p1", 3.0),
        ] {
            assert_eq!(parse(text), Some(v), "{text}");
        }
        assert!(parse("NaN").is_some_and(f64::is_nan));
        for text in
            ["", "-", "1e400", "abc", "1_000", "0x1", "1 ", "--1", "infinit", "+nan", "e5", "."]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
