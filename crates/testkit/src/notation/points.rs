//! The points of a line: `1+2x5 _ stale NaN {{count:1}}x3`.

use model::Histogram;
use model::sample::{NORMAL_NAN, STALE_NAN};
use promql::native;

use super::histogram::take_histogram;
use super::{NotationError, POINTS_LIMIT, Point, Points};

/// Reads the points of a line.
pub fn parse_points(text: &str) -> Result<Points, NotationError> {
    let mut points = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let after = if rest.starts_with("{{") {
            put_histograms(rest, &mut points)?
        } else {
            let (item, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            put_floats(item, &mut points)?;
            after
        };
        rest = after.trim_start();
    }
    Ok(points)
}

/// One item of floats: its first point, how each differs from the one before, how many there are.
struct Item {
    first: Option<f64>,
    step: f64,
    count: usize,
}

fn check_room(points: &Points, count: usize) -> Result<(), NotationError> {
    if count > POINTS_LIMIT - points.len() { Err(NotationError::TooMany) } else { Ok(()) }
}

fn put_floats(item: &str, points: &mut Points) -> Result<(), NotationError> {
    let Item { first, step, count } =
        parse_item(item).ok_or_else(|| NotationError::Point(item.to_owned()))?;
    check_room(points, count)?;
    let mut value = first;
    for _ in 0..count {
        points.push(value.map(Point::Float));
        value = value.map(|v| v + step);
    }
    Ok(())
}

fn parse_item(item: &str) -> Option<Item> {
    if item == "stale" {
        return Some(Item { first: Some(STALE_NAN), step: 0.0, count: 1 });
    }
    if let Some(rest) = item.strip_prefix('_') {
        let count = if rest.is_empty() { 1 } else { parse_times(rest)? };
        return Some(Item { first: None, step: 0.0, count });
    }
    let (first, rest) = take_number(item)?;
    let one = Item { first: Some(first), step: 0.0, count: 1 };
    if rest.is_empty() {
        return Some(one);
    }
    let (sign, step) = match rest.as_bytes()[0] {
        b'+' => (1.0, &rest[1..]),
        b'-' => (-1.0, &rest[1..]),
        _ => return Some(Item { count: parse_times(rest)?.checked_add(1)?, ..one }),
    };
    let (step, times) = take_number(step)?;
    Some(Item { step: sign * step, count: parse_times(times)?.checked_add(1)?, ..one })
}

/// `x12`.
pub(super) fn parse_times(text: &str) -> Option<usize> {
    text.strip_prefix('x').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

/// The item of histograms that `text` begins with; returns what comes behind it.
fn put_histograms<'a>(text: &'a str, points: &mut Points) -> Result<&'a str, NotationError> {
    let (first, has_hint, behind) = take_histogram(text)?;
    type Combine = fn(&Histogram, &Histogram) -> Result<native::Combined, native::Mismatch>;
    let (step, behind) = match behind.as_bytes() {
        [sign @ (b'+' | b'-'), b'{', b'{', ..] => {
            let (step, _, behind) = take_histogram(&behind[1..])?;
            let combine: Combine = if *sign == b'+' { native::add } else { native::subtract };
            (Some((combine, step)), behind)
        }
        _ => (None, behind),
    };
    let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
    let (times, rest) = behind.split_at(end);
    let bad = || NotationError::Point(text[..text.len() - rest.len()].to_owned());
    let count = match times {
        "" if step.is_none() => 1,
        _ => parse_times(times).and_then(|n| n.checked_add(1)).ok_or_else(bad)?,
    };
    check_room(points, count)?;
    let hint = first.counter_reset_hint;
    let mut next = first;
    for at in 0..count {
        let histogram = Box::new(next.clone());
        points.push(Some(Point::Histogram { histogram, has_hint }));
        if let Some((combine, step)) = step.as_ref().filter(|_| at + 1 < count) {
            let sum = combine(&next, step).map_err(|_| NotationError::Sum(text.to_owned()))?;
            next = Histogram { counter_reset_hint: hint, ..sum.histogram };
        }
    }
    Ok(rest)
}

/// The decimal number that `text` begins with, and what comes behind it.
pub(super) fn take_number(text: &str) -> Option<(f64, &str)> {
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if let Some(word) = body.get(..3) {
        if word.eq_ignore_ascii_case("inf") {
            return Some((sign * f64::INFINITY, &body[3..]));
        }
        if word.eq_ignore_ascii_case("nan") {
            return Some((NORMAL_NAN, &body[3..]));
        }
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut end = digits(body);
    if body[end..].starts_with('.') {
        end += 1 + digits(&body[end + 1..]);
    }
    if let Some(exponent) = body[end..].strip_prefix(['e', 'E']) {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let sign_bytes = exponent.len() - unsigned.len();
        end += if digits(unsigned) > 0 { 1 + sign_bytes + digits(unsigned) } else { 0 };
    }
    Some((sign * body[..end].parse::<f64>().ok()?, &body[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(text: &str) -> Vec<Option<f64>> {
        let points = parse_points(text).expect(text).into_iter();
        let float = |point| match point {
            Point::Float(v) => v,
            Point::Histogram { .. } => panic!("{text}: a histogram"),
        };
        points.map(|point| point.map(float)).collect()
    }

    #[test]
    fn items_are_points() {
        for (text, points) in [
            ("", vec![]),
            ("1.5 -3 1e3", vec![Some(1.5), Some(-3.0), Some(1000.0)]),
            ("Inf -inf", vec![Some(f64::INFINITY), Some(f64::NEG_INFINITY)]),
            ("_ _x2 1", vec![None, None, None, Some(1.0)]),
            ("7x2", vec![Some(7.0); 3]),
            ("1+2x3", vec![Some(1.0), Some(3.0), Some(5.0), Some(7.0)]),
            ("-2--3x1 1e+1-.5x1", vec![Some(-2.0), Some(1.0), Some(10.0), Some(9.5)]),
            ("3+1x0", vec![Some(3.0)]),
        ] {
            assert_eq!(floats(text), points, "{text}");
        }
        let points = floats("stale NaN");
        assert!(points[0].is_some_and(model::sample::is_stale));
        assert!(points[1].is_some_and(|v| v.is_nan() && !model::sample::is_stale(v)));
    }

    #[test]
    fn histograms_repeat_and_grow() {
        let counts = |text: &str| -> Vec<f64> {
            let points = parse_points(text).expect(text).into_iter();
            let count = |point| match point {
                Some(Point::Histogram { histogram, .. }) => histogram.count,
                other => panic!("{text}: {other:?}"),
            };
            points.map(count).collect()
        };
        assert_eq!(counts("{{count:1}} {{count:2 sum:1}}x2"), [1.0, 2.0, 2.0, 2.0]);
        assert_eq!(counts("{{count:1}}+{{count:2}}x2"), [1.0, 3.0, 5.0]);
        assert_eq!(counts("{{count:7}}-{{count:2}}x1  {{}}"), [7.0, 5.0, 0.0]);
    }

    #[test]
    fn what_is_no_point_is_named() {
        for text in [
            "1+2",
            "stalex2",
            "1x",
            "x3",
            "_3",
            "1+x2",
            "--1",
            "1e",
            "a",
            "1x-2",
            "{{}}y",
            "{{}}+{{}}",
        ] {
            assert_eq!(parse_points(text), Err(NotationError::Point(text.to_owned())), "{text}");
        }
        assert_eq!(parse_points("1x1000000"), Err(NotationError::TooMany));
        let huge = "1x99999999999999999999";
        assert_eq!(parse_points(huge), Err(NotationError::Point(huge.to_owned())));
        let sum = "{{schema:-53}}+{{}}x1";
        assert_eq!(parse_points(sum), Err(NotationError::Sum(sum.to_owned())));
    }
}
