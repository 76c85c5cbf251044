//! Start timestamps of a line: `-1m _ 0s-1mx4`, how far each lies from its sample's time.

use model::time::parse_duration;

use super::points::parse_times;
use super::{NotationError, POINTS_LIMIT};

/// Reads the start timestamps of a line, in ms from the sample at the same place; `None` where there is
/// none.
pub fn parse_starts(text: &str) -> Result<Vec<Option<i64>>, NotationError> {
    let mut starts = Vec::new();
    for item in text.split_whitespace() {
        let (first, step, count) =
            parse_item(item).ok_or_else(|| NotationError::Point(item.to_owned()))?;
        if count > POINTS_LIMIT - starts.len() {
            return Err(NotationError::TooMany);
        }
        let mut offset = first;
        for _ in 0..count {
            starts.push(offset);
            offset = offset.map(|ms| ms.saturating_add(step));
        }
    }
    Ok(starts)
}

/// The first offset of an item, how each differs from the one before, how many there are.
fn parse_item(item: &str) -> Option<(Option<i64>, i64, usize)> {
    if let Some(rest) = item.strip_prefix('_') {
        return Some((None, 0, if rest.is_empty() { 1 } else { parse_times(rest)? }));
    }
    let (first, rest) = take_offset(item)?;
    let (step, times) = match rest.as_bytes().first() {
        None => return Some((Some(first), 0, 1)),
        Some(b'+' | b'-') => take_offset(rest)?,
        Some(_) => (0, rest),
    };
    Some((Some(first), step, parse_times(times)?.checked_add(1)?))
}

/// A signed duration in ms, and what comes behind it.
fn take_offset(text: &str) -> Option<(i64, &str)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(['x', '+', '-']).unwrap_or(digits.len());
    let (duration, rest) = digits.split_at(end);
    Some((sign * parse_duration(duration).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_repeat_and_step_as_points_do() {
        for (text, expected) in [
            ("-30s-1mx2", vec![Some(-30_000), Some(-90_000), Some(-150_000)]),
            ("_ _x2 1ms", vec![None, None, None, Some(1)]),
            ("0-1mx1", vec![Some(0), Some(-60_000)]),
            ("-1mx1 -0s+5msx1", vec![Some(-60_000), Some(-60_000), Some(0), Some(5)]),
        ] {
            assert_eq!(parse_starts(text), Ok(expected), "{text}");
        }
        for text in ["x", "1m-", "1mx", "-", "1y2", "1m-1m"] {
            assert_eq!(parse_starts(text), Err(NotationError::Point(text.to_owned())), "{text}");
        }
        assert_eq!(parse_starts("1sx9999999"), Err(NotationError::TooMany));
    }
}
