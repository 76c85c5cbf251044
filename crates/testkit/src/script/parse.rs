//! Reading a script: blocks of lines, each ended by an empty line.
//!
//! A line that begins with `#` counts as empty, so a comment ends a block too. Every error names
//! its line.

use std::fmt::Display;

use model::Timestamp;
use model::time::parse_duration;
use promql::ast::Expr;

use super::{Command, Eval, Expected, Load, Notes, Pattern, Script, When};
use crate::notation::{
    Point, Points, custom_bucket_series, parse_line, parse_series, parse_starts, take_quoted,
};

/// A script that cannot be read, or one that asks for what cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ScriptError {
    /// Where, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

type Parsed<T> = Result<T, ScriptError>;

/// Reads a script.
pub fn parse(text: &str) -> Parsed<Script> {
    let mut cursor = Cursor { lines: text.lines().map(clean).collect(), at: 0 };
    let mut commands = Vec::new();
    while let Some(head) = cursor.next() {
        let word = head.split_whitespace().next().unwrap_or("").to_ascii_lowercase();
        match word.as_str() {
            "" => {}
            "clear" => commands.push(Command::Clear),
            "load" | "load_with_nhcb" => {
                commands.push(Command::Load(parse_load(head, word != "load", &mut cursor)?));
            }
            "eval" | "eval_fail" | "eval_warn" | "eval_info" | "eval_ordered" => {
                commands.push(Command::Eval(Box::new(parse_eval(head, &mut cursor)?)));
            }
            _ => return cursor.fail("expected `load`, `clear` or `eval`"),
        }
    }
    Ok(Script { commands })
}

fn clean(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with('#') { "" } else { line }
}

/// The lines of a script, and how many of them have been taken.
struct Cursor<'a> {
    lines: Vec<&'a str>,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let line = self.lines.get(self.at)?;
        self.at += 1;
        Some(line)
    }

    /// The next line of a block; `None` at its end.
    fn next_of_block(&mut self) -> Option<&'a str> {
        self.next().filter(|line| !line.is_empty())
    }

    /// An error at the line taken last.
    fn fail<T>(&self, message: impl Display) -> Parsed<T> {
        Err(ScriptError { line: self.at, message: message.to_string() })
    }

    /// Gives an error the line taken last.
    fn here<T>(&self, result: Result<T, impl Display>) -> Parsed<T> {
        result.or_else(|error| self.fail(error))
    }

    fn duration(&self, text: &str) -> Parsed<i64> {
        self.here(parse_duration(text))
    }
}

fn parse_load(head: &str, custom_buckets: bool, cursor: &mut Cursor<'_>) -> Parsed<Load> {
    let line = cursor.at;
    let step = head.split_once(char::is_whitespace).map_or("", |(_, step)| step.trim());
    let step_ms = cursor.duration(step)?;
    let mut load = Load { line, series: Vec::new(), starts: Vec::new() };
    while let Some(text) = cursor.next_of_block() {
        let (labels, rest) = cursor.here(parse_series(text))?;
        if let Some(starts) = rest.strip_prefix("@st") {
            let offsets = cursor.here(parse_starts(starts))?;
            load.starts.push((labels, start_times(&offsets, step_ms)));
            continue;
        }
        let (labels, points) = cursor.here(parse_line(text))?;
        load.series.retain(|(other, _)| *other != labels);
        load.series.push((labels, samples(points, step_ms)));
    }
    if custom_buckets {
        let more = custom_bucket_series(&load.series);
        load.series.extend(more);
    }
    Ok(load)
}

/// Points at their steps. A duration has less than 2^43 ms and a line less than 2^20 points, so no
/// time overflows.
fn samples(points: Points, step_ms: i64) -> Vec<(Timestamp, Point)> {
    let sample = |(i, point): (i64, Option<Point>)| Some((i * step_ms, point?));
    (0_i64..).zip(points).filter_map(sample).collect()
}

/// Times of samples at their steps, and so far from each.
fn start_times(offsets: &[Option<i64>], step_ms: i64) -> Vec<(Timestamp, Timestamp)> {
    let start = |(i, offset): (i64, &Option<i64>)| {
        let t = i * step_ms;
        Some((t, t.saturating_add((*offset)?)))
    };
    (0_i64..).zip(offsets).filter_map(start).collect()
}

fn parse_eval(head: &str, cursor: &mut Cursor<'_>) -> Parsed<Eval> {
    let line = cursor.at;
    let (word, rest) = take_word(head);
    let (when, query) = parse_when(rest, cursor)?;
    let mut eval = Eval {
        line,
        query: query.to_owned(),
        when,
        fail: None,
        warnings: Notes::default(),
        infos: Notes::default(),
        ordered: false,
        value: Expected::Series { series: Vec::new(), range: None },
    };
    match word.to_ascii_lowercase().as_str() {
        "eval_fail" => eval.fail = Some(Pattern::Any),
        "eval_ordered" => eval.ordered = true,
        "eval_warn" => eval.warnings = Notes::at_least_one(),
        "eval_info" => eval.infos = Notes::at_least_one(),
        _ => {}
    }
    while let Some(text) = cursor.next_of_block() {
        if let Some(number) = bare_number(text) {
            eval.value = Expected::Scalar(number);
            break;
        }
        parse_expectation(text, &mut eval, cursor)?;
    }
    Ok(eval)
}

/// The first word and what comes behind it.
fn take_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// `instant at T QUERY` or `range from A to B step S QUERY`.
fn parse_when<'a>(text: &'a str, cursor: &Cursor<'_>) -> Parsed<(When, &'a str)> {
    let (kind, mut rest) = take_word(text);
    let mut times = |words: &[&str]| -> Parsed<Vec<Timestamp>> {
        let mut times = Vec::new();
        for expected in words {
            let (found, after) = take_word(rest);
            if found != *expected {
                return cursor.fail(format!("expected `{expected}`, found {found:?}"));
            }
            let (time, after) = take_word(after);
            times.push(cursor.duration(time)?);
            rest = after;
        }
        Ok(times)
    };
    let when = match kind.to_ascii_lowercase().as_str() {
        "instant" => When::Instant(times(&["at"])?[0]),
        "range" => {
            let times = times(&["from", "to", "step"])?;
            if times[1] < times[0] || times[2] == 0 {
                return cursor.fail("expected a range that goes forward, in steps");
            }
            When::Range { start: times[0], end: times[1], step_ms: times[2] }
        }
        _ => return cursor.fail(format!("expected `instant` or `range`, found {kind:?}")),
    };
    if rest.is_empty() { cursor.fail("expected a query") } else { Ok((when, rest)) }
}

/// A line that is nothing but a number.
fn bare_number(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) if text.starts_with('-') => (-1.0, digits),
        Some(digits) => (1.0, digits),
        None => (1.0, text),
    };
    match promql::parse(digits) {
        Ok(Expr::Number { value, duration: false, .. }) => Some(sign * value),
        _ => None,
    }
}

/// One line below an `eval`.
fn parse_expectation(text: &str, eval: &mut Eval, cursor: &Cursor<'_>) -> Parsed<()> {
    let (word, rest) = take_word(text);
    match word {
        "expect" => return parse_expect(rest, eval, cursor),
        "expected_fail_message" => {
            eval.fail = Some(Pattern::Text(rest.to_owned()));
            return Ok(());
        }
        "expected_fail_regexp" => {
            eval.fail = Some(regex(rest, cursor)?);
            return Ok(());
        }
        _ => {}
    }
    let (labels, points) = cursor.here(parse_line(text))?;
    let Expected::Series { series, range } = &mut eval.value else {
        return cursor.fail("expected no series beside a text");
    };
    let is_vector = matches!(eval.when, When::Instant(_)) && range.is_none();
    if is_vector && (points.len() != 1 || points[0].is_none()) {
        return cursor.fail(format!("expected one value, found {}", points.len()));
    }
    series.push((labels, points));
    Ok(())
}

/// What stands behind `expect`.
fn parse_expect(text: &str, eval: &mut Eval, cursor: &Cursor<'_>) -> Parsed<()> {
    let (word, rest) = take_word(text);
    match word {
        "fail" => eval.fail = Some(parse_pattern(rest, cursor)?),
        "warn" => eval.warnings.wanted.push(parse_pattern(rest, cursor)?),
        "info" => eval.infos.wanted.push(parse_pattern(rest, cursor)?),
        "no_warn" => eval.warnings.none = true,
        "no_info" => eval.infos.none = true,
        "ordered" => eval.ordered = true,
        "string" => {
            let (text, behind) = cursor.here(take_quoted(rest))?;
            if !behind.is_empty() {
                let behind = behind.trim();
                return cursor.fail(format!("expected nothing behind the text, found {behind:?}"));
            }
            eval.value = Expected::Text(text);
        }
        "range" => {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let ["vector", "from", from, "to", to, "step", step] = words[..] else {
                return cursor.fail("expected `expect range vector from A to B step S`");
            };
            let range = Some((cursor.duration(from)?, cursor.duration(step)?));
            eval.when = When::Instant(cursor.duration(to)?);
            eval.value = Expected::Series { series: Vec::new(), range };
        }
        _ => return cursor.fail(format!("unknown expectation {word:?}")),
    }
    Ok(())
}

/// Nothing, `msg: TEXT` or `regex: RE`.
fn parse_pattern(text: &str, cursor: &Cursor<'_>) -> Parsed<Pattern> {
    if text.is_empty() {
        return Ok(Pattern::Any);
    }
    match text.split_once(':') {
        Some(("msg", text)) => Ok(Pattern::Text(text.trim().to_owned())),
        Some(("regex", pattern)) => regex(pattern.trim(), cursor),
        _ => cursor.fail("expected `msg:` or `regex:`"),
    }
}

fn regex(pattern: &str, cursor: &Cursor<'_>) -> Parsed<Pattern> {
    cursor.here(model::re2::compile(pattern)).map(Pattern::Regex)
}

impl Notes {
    /// As `eval_warn` and `eval_info` ask for them.
    fn at_least_one() -> Self {
        Self { wanted: vec![Pattern::Any], others_allowed: true, none: false }
    }
}

#[cfg(test)]
mod tests {
    use model::{Histogram, Labels};

    use super::*;

    fn only(text: &str) -> Command {
        let mut commands = parse(text).expect("a script").commands;
        assert_eq!(commands.len(), 1);
        commands.remove(0)
    }

    #[test]
    fn a_load_puts_points_at_its_steps() {
        let text = "load 10s\n a{x=\"1\"} 1 _ 3\n b 1\n b 7\n h {{sum:1}}";
        let Command::Load(load) = only(text) else { panic!("a load") };
        let float = |t, v| (t, Point::Float(v));
        let name = |name| Labels::from_pairs([("__name__", name)]);
        let a = Labels::from_pairs([("__name__", "a"), ("x", "1")]);
        let sum = Histogram { sum: 1.0, ..Histogram::default() };
        let h = Point::Histogram { histogram: Box::new(sum), has_hint: false };
        let expected = [
            (a, vec![float(0, 1.0), float(20_000, 3.0)]),
            (name("b"), vec![float(0, 7.0)]),
            (name("h"), vec![(0, h)]),
        ];
        assert_eq!(load.series, expected);
    }

    #[test]
    fn classic_histograms_are_loaded_as_native_ones_too() {
        let text = "load_with_nhcb 1m\n a_bucket{le=\"1\", x=\"y\"} 1\n \
                    a_bucket{le=\"+Inf\", x=\"y\"} 4\n a_sum{x=\"y\"} 9\n b 5";
        let Command::Load(load) = only(text) else { panic!("a load") };
        let (labels, points) = &load.series[4];
        assert_eq!(labels.to_string(), r#"{__name__="a", x="y"}"#);
        let [(0, Point::Histogram { histogram, .. })] = &points[..] else { panic!("{points:?}") };
        assert_eq!(histogram.to_string(), "{count:4, sum:9, [-Inf,1]:1, (1,+Inf]:3}");
    }

    #[test]
    fn start_timestamps_stand_above_the_samples_of_their_series() {
        let Command::Load(load) = only("load 1m\n b@st _ -1m -1s\n b 5x2") else {
            panic!("a load")
        };
        let b = Labels::from_pairs([("__name__", "b")]);
        assert_eq!(load.starts, [(b, vec![(60_000, 0), (120_000, 119_000)])]);
        assert_eq!(load.series.len(), 1);
    }

    #[test]
    fn an_eval_has_a_time_a_query_and_expectations() {
        let text = "eval instant at 1m30s sum by (x) (a)\n  expect ordered\n  \
                    expect warn msg: be careful\n  expect no_info\n  {x=\"1\"} 2";
        let Command::Eval(eval) = only(text) else { panic!("an eval") };
        assert_eq!((eval.when, eval.query.as_str()), (When::Instant(90_000), "sum by (x) (a)"));
        assert!(eval.ordered && eval.infos.none && !eval.warnings.none);
        assert!(eval.warnings.wanted[0].matches("be careful"));
        assert!(!eval.warnings.wanted[0].matches("be careful (1:1)"));
    }

    #[test]
    fn a_number_ends_its_block() {
        let commands = parse("eval instant at 0 1\n  0x10\nclear").expect("a script").commands;
        let Command::Eval(eval) = &commands[0] else { panic!("an eval") };
        assert!(matches!(eval.value, Expected::Scalar(16.0)), "{:?}", eval.value);
        assert!(matches!(commands[1], Command::Clear));
    }

    #[test]
    fn errors_name_their_line() {
        for (text, message) in [
            ("\nboom", "line 2: expected `load`, `clear` or `eval`"),
            ("load x", "line 1: not a valid duration string: \"x\""),
            ("load 1m\n a{ 1", "line 2: expected a label's name at \"1\""),
            (
                "load 1m\n a@st 1m1",
                "line 2: \"1m1\" is neither a number, nor `_`, nor `stale`, nor a repetition of one",
            ),
            ("load 292y\n a 1x1000000", "line 2: more than 1000000 points in one line"),
            ("eval instant at 5m", "line 1: expected a query"),
            ("eval instant in 5m a", "line 1: expected `at`, found \"in\""),
            ("eval later a", "line 1: expected `instant` or `range`, found \"later\""),
            (
                "eval range from 5m to 0 step 1m a",
                "line 1: expected a range that goes forward, in steps",
            ),
            ("eval instant at 0 a\n a 1 2", "line 2: expected one value, found 2"),
            ("eval instant at 0 a\n expect luck", "line 2: unknown expectation \"luck\""),
            ("eval instant at 0 a\n expect fail text: x", "line 2: expected `msg:` or `regex:`"),
            (
                "eval instant at 0 a\n expect string \"a\" b",
                "line 2: expected nothing behind the text, found \"b\"",
            ),
        ] {
            assert_eq!(parse(text).expect_err(text).to_string(), message, "{text}");
        }
    }
}
