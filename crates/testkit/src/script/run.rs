//! Running a script against a backend.
//!
//! Besides what is written, an instant query that succeeds is asked again as a range query around
//! its time, and every instant query is asked again with all its selectors nailed to its time, at
//! other times: both must give the same. Annotations are compared in the first run alone.

use model::Timestamp;
use promql::{ParserOptions, SampleValue, Value, VectorSample, parse_with};

use super::compare::compare;
use super::pinned::pinned;
use super::{Command, Eval, Expected, Load, ScriptError, When, parse};

/// How far from an instant query's time the range query begins and ends that must agree with it.
const AROUND_MS: i64 = 60_000;

/// What scripts run against.
pub trait Backend {
    /// Forgets everything.
    fn clear(&mut self);

    /// Stores series. Loads add up.
    fn load(&mut self, load: &Load) -> Result<(), String>;

    /// The answer at `t_ms`.
    fn instant(&mut self, query: &str, t_ms: i64) -> Result<Outcome, String>;

    /// The answer at every step.
    fn range(
        &mut self,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<Outcome, String>;
}

/// What a backend answers.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The value.
    pub value: Value,
    /// Warnings, whole.
    pub warnings: Vec<String>,
    /// Infos, whole.
    pub infos: Vec<String>,
}

/// What came of a script. Every eval counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Evals that gave what was expected.
    pub passed: usize,
    /// Those that did not.
    pub failed: Vec<Failure>,
}

/// An eval that did not give what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The script and the line in it: `aggregations:12`.
    pub place: String,
    /// That line alone.
    pub line: usize,
    /// The query, and what was wrong.
    pub message: String,
}

/// Runs the script `text`, called `name`, from its beginning to its end.
pub fn run(name: &str, text: &str, backend: &mut dyn Backend) -> Result<Report, ScriptError> {
    let script = parse(text)?;
    let mut report = Report::default();
    backend.clear();
    for command in &script.commands {
        match command {
            Command::Clear => backend.clear(),
            Command::Load(load) => store(backend, load)?,
            Command::Eval(eval) => match check(backend, eval) {
                Ok(()) => report.passed += 1,
                Err(message) => report.failed.push(Failure {
                    place: format!("{name}:{}", eval.line),
                    line: eval.line,
                    message: format!("{}: {message}", eval.query),
                }),
            },
        }
    }
    Ok(report)
}

fn store(backend: &mut dyn Backend, load: &Load) -> Result<(), ScriptError> {
    backend.load(load).map_err(|message| ScriptError { line: load.line, message })
}

fn parse_any(query: &str) -> Option<promql::ast::Expr> {
    parse_with(query, ParserOptions::ALL).ok()
}

fn check(backend: &mut dyn Backend, eval: &Eval) -> Result<(), String> {
    let result = ask(backend, &eval.query, eval.when);
    if let Ok(outcome) = &result {
        eval.warnings.check("warning", &outcome.warnings)?;
        eval.infos.check("info", &outcome.infos)?;
    }
    let at = match eval.when {
        When::Instant(t) => t,
        When::Range { start, .. } => start,
    };
    judge(eval, result, at)?;
    let When::Instant(t) = eval.when else { return Ok(()) };
    if eval.fail.is_none() {
        check_around(backend, eval, t).map_err(|message| format!("as a range query: {message}"))?;
    }
    check_elsewhere(backend, eval, t)
}

fn ask(backend: &mut dyn Backend, query: &str, when: When) -> Result<Outcome, String> {
    match when {
        When::Instant(t) => backend.instant(query, t),
        When::Range { start, end, step_ms } => backend.range(query, start, end, step_ms),
    }
}

/// Whether an outcome, at `t` if it is of an instant query, is the expected one.
fn judge(eval: &Eval, result: Result<Outcome, String>, t: Timestamp) -> Result<(), String> {
    match (result, &eval.fail) {
        (Ok(outcome), None) => compare(eval, &outcome.value, t),
        (Ok(_), Some(pattern)) => Err(format!("expected an error that matches {pattern:?}")),
        (Err(error), None) => Err(error),
        (Err(error), Some(pattern)) if pattern.matches(&error) => Ok(()),
        (Err(error), Some(pattern)) => {
            Err(format!("expected an error that matches {pattern:?}, got: {error}"))
        }
    }
}

/// The same query, as a range query around its time.
fn check_around(backend: &mut dyn Backend, eval: &Eval, t: Timestamp) -> Result<(), String> {
    let depends_on_range =
        ["start()", "end()", "range()", "step()"].iter().any(|call| eval.query.contains(call));
    let is_matrix = matches!(eval.value, Expected::Series { range: Some(_), .. });
    if depends_on_range || is_matrix || eval.ordered || matches!(eval.value, Expected::Text(_)) {
        return Ok(());
    }
    let outcome = backend.range(&eval.query, t - AROUND_MS, t + AROUND_MS, AROUND_MS)?;
    let Value::Matrix(series) = outcome.value else {
        return Err("did not get a matrix".to_owned());
    };
    let middle = series.into_iter().filter_map(|one| {
        let float = one.floats.iter().find(|(at, _)| *at == t);
        let histogram = one.histograms.iter().find(|(at, _)| *at == t);
        let value = match (float, histogram) {
            (Some((_, v)), _) => SampleValue::Float(*v),
            (None, Some((_, h))) => SampleValue::Histogram(Box::new(h.clone())),
            (None, None) => return None,
        };
        Some(VectorSample { labels: one.labels, t, value })
    });
    let middle: Vec<VectorSample> = middle.collect();
    let value = match (&eval.value, middle.first()) {
        (Expected::Scalar(_), Some(VectorSample { value: SampleValue::Float(v), .. })) => {
            Value::Scalar { t, v: *v }
        }
        _ => Value::Vector(middle),
    };
    compare(eval, &value, t)
}

/// The same query, nailed to its time, asked at other times.
fn check_elsewhere(backend: &mut dyn Backend, eval: &Eval, t: Timestamp) -> Result<(), String> {
    let Some(query) = parse_any(&eval.query).and_then(|expr| pinned(&eval.query, &expr, t)) else {
        return Ok(());
    };
    let others: &[Timestamp] =
        if t == 0 { &[-1000, 0, 1000] } else { &[-10 * t, 0, t / 5, t, 10 * t] };
    for other in others {
        let result = ask(backend, &query, When::Instant(*other));
        judge(eval, result, *other)
            .map_err(|message| format!("as `{query}` at {other} ms: {message}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EngineBackend;

    /// Runs a script over a few series.
    fn report(evals: &str) -> Report {
        let text =
            format!("load 1m\n a{{x=\"1\"}} 1 2 3\n a{{x=\"2\"}} 5\n h {{{{sum:1}}}}\n\n{evals}");
        run("here", &text, &mut EngineBackend::new()).expect("a script")
    }

    fn failures(evals: &str) -> Vec<String> {
        report(evals).failed.into_iter().map(|f| format!("{}: {}", f.line, f.message)).collect()
    }

    #[test]
    fn right_expectations_pass() {
        let report = report(
            "eval instant at 1m a\n a{x=\"2\"} 5\n a{x=\"1\"} 2\n\n\
             eval range from 0 to 2m step 1m sum(a)\n {} 6 7 8\n\n\
             eval instant at 0 1 + 1\n 2\n\n\
             eval instant at 0 \"text\"\n expect string \"text\"\n\n\
             eval instant at 0 quantile(2, a)\n expect warn\n {} Inf\n\n\
             eval instant at 2m a{x=\"1\"}[2m]\n expect range vector from 1m to 2m step 1m\n \
             a{x=\"1\"} 2 3\n\n\
             eval instant at 0 a{\n expect fail regex: ^1:3: parse error\n\n\
             clear\n\neval instant at 0 a",
        );
        assert_eq!((report.passed, report.failed), (8, vec![]));
    }

    #[test]
    fn wrong_expectations_fail_and_do_not_end_the_run() {
        let failures = failures(
            "eval instant at 0 a{x=\"1\"}\n a{x=\"1\"} 2\n\n\
             eval instant at 0 a{x=\"1\"}\n\n\
             eval instant at 0 a{x=\"1\"}\n a{x=\"1\"} 1\n b 1\n\n\
             eval instant at 0 sort(a)\n expect ordered\n a{x=\"2\"} 5\n a{x=\"1\"} 1\n\n\
             eval range from 0 to 1m step 1m a{x=\"1\"}\n a{x=\"1\"} 1 2 3\n\n\
             eval instant at 0 a\n expect fail\n\n\
             eval instant at 0 quantile(2, a)\n expect no_warn\n {} Inf",
        );
        let expected = [
            r#"6: a{x="1"}: {__name__="a", x="1"}: expected 2 at 0 ms, got 1 at 0 ms"#,
            r#"9: a{x="1"}: did not expect {__name__="a", x="1"}"#,
            r#"11: a{x="1"}: expected {__name__="b"}, got nothing of it"#,
            "15: sort(a): the elements are in another order",
            r#"20: a{x="1"}: {__name__="a", x="1"}: expected 3 at 120000 ms, got nothing"#,
            "23: a: expected an error that matches Any",
        ];
        assert_eq!(failures[..6], expected);
        assert!(failures[6].starts_with("26: quantile(2, a): expected no warning, got"));
        assert_eq!(failures.len(), 7);
    }

    #[test]
    fn histograms_are_stored_and_compared() {
        let report = report(
            "eval instant at 0 h\n h {{sum:1}}\n\n\
             eval range from 0 to 1m step 1m h + h\n {} {{sum:2}} {{sum:2}}\n\n\
             eval instant at 0 h\n h {{sum:1 count:2}}\n\n\
             eval instant at 0 h\n h 1\n\n\
             eval instant at 0 h\n h {{sum:1 counter_reset_hint:gauge}}",
        );
        let lines: Vec<usize> = report.failed.iter().map(|failure| failure.line).collect();
        assert_eq!((report.passed, lines), (2, vec![12, 15, 18]));
    }

    #[test]
    fn start_timestamps_are_stored() {
        let text = "load 1m\n a@st _ 1s _ -30s\n a 0 1 2 3\n\n\
                    eval range from 1m to 3m step 1m resets(a[3m])\n {} 0 0 1";
        let report = run("here", text, &mut EngineBackend::new()).expect("a script");
        assert_eq!((report.passed, report.failed), (1, vec![]));
    }

    /// A backend whose answers to one kind of question are off by one.
    struct Off {
        engine: EngineBackend,
        ranges: bool,
    }

    impl Backend for Off {
        fn clear(&mut self) {
            self.engine.clear();
        }

        fn load(&mut self, load: &Load) -> Result<(), String> {
            self.engine.load(load)
        }

        fn instant(&mut self, query: &str, t_ms: i64) -> Result<Outcome, String> {
            let off = if self.ranges || !query.contains('@') { "" } else { " + 1" };
            self.engine.instant(&format!("{query}{off}"), t_ms)
        }

        fn range(&mut self, query: &str, from: i64, to: i64, by: i64) -> Result<Outcome, String> {
            let off = if self.ranges { " + 1" } else { "" };
            self.engine.range(&format!("{query}{off}"), from, to, by)
        }
    }

    #[test]
    fn an_instant_query_must_agree_with_ranges_around_it_and_with_itself_elsewhere() {
        let text =
            "load 1m\n a 1 2\n\neval instant at 1m +a\n {} 2\n\neval instant at 1m -a\n {} -2";
        for (ranges, says) in [(true, "as a range query:"), (false, "-a @ 60.000` at -600000 ms:")]
        {
            let mut backend = Off { engine: EngineBackend::new(), ranges };
            let report = run("off", text, &mut backend).expect("a script");
            let message = &report.failed.last().expect("one fails").message;
            assert!(message.contains(says), "{message}");
        }
    }
}
