//! Decimal and hexadecimal digits of a float, as Go's `strconv.FormatFloat` writes them.

/// The digits of `|value|`, which is finite, without a sign.
///
/// `verb` is one of `e`, `f`, `g`, `x`; without a precision the digits are the shortest that read
/// back as the same number.
pub(crate) fn digits(value: f64, verb: char, precision: Option<usize>) -> String {
    let value = value.abs();
    match (verb, precision) {
        ('e', None) => with_go_exponent(&format!("{value:e}")),
        ('e', Some(precision)) => with_go_exponent(&format!("{value:.precision$e}")),
        ('f', None) => format!("{value}"),
        ('f', Some(precision)) => format!("{value:.precision$}"),
        ('x', _) => hexadecimal(value, precision),
        (_, None) => model::float::General(value).to_string(),
        (_, Some(precision)) => general(value, precision.max(1)),
    }
}

/// `%.4g`: how the humanising functions write numbers, sign and specials included.
pub(crate) fn four_digits(value: f64) -> String {
    if !value.is_finite() {
        return model::float::General(value).to_string();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    format!("{sign}{}", general(value.abs(), 4))
}

/// At most `precision` significant digits, with an exponent where that is shorter.
fn general(value: f64, precision: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{value:.*e}", precision - 1);
    let (mantissa, exponent) = split_exponent(&text);
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0') } else { mantissa };
    let mantissa = mantissa.trim_end_matches('.');
    let count = i32::try_from(mantissa.len().max(2) - 1).unwrap_or(i32::MAX);
    let mut limit = i32::try_from(precision).unwrap_or(i32::MAX);
    if limit > count && count > exponent {
        limit = count;
    }
    if exponent < -4 || exponent >= limit {
        return with_go_exponent(&format!("{mantissa}e{exponent}"));
    }
    let decimals = usize::try_from(count - exponent - 1).unwrap_or(0);
    format!("{value:.decimals$}")
}

fn split_exponent(text: &str) -> (&str, i32) {
    let (mantissa, exponent) = text.split_once('e').expect("{:e} always writes an exponent");
    (mantissa, exponent.parse().expect("{:e} writes a small whole exponent"))
}

/// From `1.5e-7` to `1.5e-07`.
fn with_go_exponent(text: &str) -> String {
    let (mantissa, exponent) = split_exponent(text);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// `0x1.8p+01`. The leading digit sits at bit 60, so that there is room to round up.
fn hexadecimal(value: f64, precision: Option<usize>) -> String {
    const LEADING: u64 = 1 << 60;
    let bits = value.to_bits();
    let (stored, fraction) = (i64::from((bits >> 52) as u16 & 0x7ff), bits & ((1 << 52) - 1));
    let mut exponent = if value == 0.0 { 0 } else { stored.max(1) - 1023 };
    let mut mantissa = (fraction | if stored > 0 { 1 << 52 } else { 0 }) << 8;
    while mantissa != 0 && mantissa & LEADING == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(shift) = precision.filter(|p| *p < 15).map(|p| p * 4) {
        let lost = (mantissa << shift) & (LEADING - 1);
        mantissa >>= 60 - shift;
        if lost | (mantissa & 1) > LEADING / 2 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & (LEADING << 1) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut text = format!("0x{}", mantissa >> 60);
    let mut rest = mantissa & (LEADING - 1);
    let wanted = precision.unwrap_or_else(|| 15 - rest.trailing_zeros().min(60) as usize / 4);
    if wanted > 0 {
        text.push('.');
    }
    for _ in 0..wanted {
        text.push(char::from_digit((rest >> 56) as u32, 16).unwrap_or('0'));
        rest = (rest << 4) & (LEADING - 1);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{text}p{sign}{:02}", exponent.unsigned_abs())
}
