//! The same questions to every server, and how far their answers are the same.

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::http::encoded;

use crate::server::{Result, Server};

/// Values closer than this, relatively, differ by rounding.
const ROUNDING: f64 = 1e-9;

/// Selections and sums have one meaning everywhere. `rate` has not: VictoriaMetrics does not
/// extrapolate, and its figures differ on purpose.
const QUERIES: [(&str, i64); 6] = [
    ("node_memory_0_bytes", 15),
    ("http_request_duration_seconds_sum", 15),
    ("sum by (mode) (node_cpu_seconds_total)", 300),
    ("max by (instance) (node_hwmon_temp_celsius)", 300),
    ("count({__name__=~\"(node|http)_.+\"})", 300),
    ("sum by (instance) (rate(node_network_receive_bytes_total[5m]))", 300),
];

/// Values by query, labels and time.
pub(crate) type Answers = BTreeMap<(String, String, i64), f64>;

/// Asks everything about the range, times in ms.
pub(crate) fn ask(server: &Server<'_>, start: i64, end: i64) -> Result<Answers> {
    let mut answers = Answers::new();
    for (query, step) in QUERIES {
        // Single series need no whole day to show that they are the same.
        let end = if step < 60 { end.min(start + 3_600_000) } else { end };
        let (start, end) = (start / 1000 + 300, end / 1000);
        let asked = encoded(query);
        let path = format!("query_range?start={start}&end={end}&step={step}&query={asked}");
        let result = server.query(&path)?;
        note(query, &result, &mut answers);
    }
    Ok(answers)
}

/// Notes the values of the answer to a query, of one time or of many.
pub(crate) fn note(query: &str, result: &Value, answers: &mut Answers) {
    for series in result.as_array().into_iter().flatten() {
        let labels = series["metric"].to_string();
        let points = series["values"].as_array().into_iter().flatten();
        for point in points.chain(series.get("value")) {
            if let Some((t, value)) = read(point) {
                answers.insert((query.to_owned(), labels.clone(), t), value);
            }
        }
    }
}

fn read(point: &Value) -> Option<(i64, f64)> {
    // All questions are about whole seconds.
    Some((point[0].as_i64()?, point[1].as_str()?.parse().ok()?))
}

/// How far two sets of answers are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Agreement {
    pub(crate) equal: usize,
    /// Not equal, but closer than rounding moves them.
    pub(crate) rounded: usize,
    pub(crate) different: usize,
    /// In one of them only.
    pub(crate) missing: usize,
    /// Queries with values that differ or are missing.
    pub(crate) queries: Vec<String>,
}

/// Compares the answers of one server to those of another.
pub(crate) fn compare(ours: &Answers, theirs: &Answers) -> Agreement {
    let mut agreement = Agreement::default();
    let note = |query: &String, agreement: &mut Agreement| {
        if !agreement.queries.contains(query) {
            agreement.queries.push(query.clone());
        }
    };
    for (key, our) in ours {
        match theirs.get(key) {
            None => {
                agreement.missing += 1;
                note(&key.0, &mut agreement);
            }
            Some(their) if our == their || our.is_nan() && their.is_nan() => agreement.equal += 1,
            Some(their) if (our - their).abs() <= ROUNDING * our.abs().max(their.abs()) => {
                agreement.rounded += 1;
            }
            Some(_) => {
                agreement.different += 1;
                note(&key.0, &mut agreement);
            }
        }
    }
    for key in theirs.keys().filter(|key| !ours.contains_key(key)) {
        agreement.missing += 1;
        note(&key.0, &mut agreement);
    }
    agreement
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_agree_differ_or_are_missing() {
        let answers = |values: &[(i64, f64)]| -> Answers {
            values.iter().map(|(t, v)| (("q".to_owned(), "{}".to_owned(), *t), *v)).collect()
        };
        let ours = answers(&[(1, 1.0), (2, 1.0), (3, 1.0), (4, 1.0), (6, f64::NAN)]);
        let theirs = answers(&[(1, 1.0), (2, 1.0 + 1e-12), (3, 1.1), (5, 1.0), (6, f64::NAN)]);
        let found = compare(&ours, &theirs);
        let queries = vec!["q".to_owned()];
        let expected = Agreement { equal: 2, rounded: 1, different: 1, missing: 2, queries };
        assert_eq!(found, expected);
    }
}
