//! `query_exemplars`: what Prometheus 3.5 answers.

use crate::house::{House, NOW};
use model::Labels;
use storage::{Appendable, Exemplar};

/// Two series, each with exemplars so many ms before [`NOW`].
fn house() -> House {
    let house = House::of(&[]);
    for (job, before, trace, value) in
        [("a", 2500, "x", 1.5), ("a", 1500, "y", 0.25), ("b", 1000, "z", 1e21)]
    {
        let series = Labels::from_pairs([("__name__", "latency_bucket"), ("job", job)]);
        let mut appender = house.parts.db.appender();
        let series = appender.append(None, &series, NOW - before, 1.0).expect("in order");
        let labels = Labels::from_pairs([("trace_id", trace)]);
        let exemplar = Exemplar { labels, value, timestamp: Some(NOW - before) };
        appender.append_exemplar(series, &exemplar).expect("in order");
        appender.commit().expect("it is written");
    }
    house
}

#[test]
fn exemplars_are_those_of_the_series_a_query_reads() {
    let house = house();
    let series = |job: &str, exemplars: &str| {
        format!(
            r#"{{"seriesLabels":{{"__name__":"latency_bucket","job":"{job}"}},"exemplars":[{exemplars}]}}"#
        )
    };
    let x = r#"{"labels":{"trace_id":"x"},"value":"1.5","timestamp":1795435197.500}"#;
    let y = r#"{"labels":{"trace_id":"y"},"value":"0.25","timestamp":1795435198.500}"#;
    let z = r#"{"labels":{"trace_id":"z"},"value":"1e+21","timestamp":1795435199}"#;
    let (a, b) = (series("a", &format!("{x},{y}")), series("b", z));
    for (query, expected) in [
        ("query=latency_bucket", format!("{a},{b}")),
        ("query=histogram_quantile(0.9,sum(rate(latency_bucket[5m]))by(le))", format!("{a},{b}")),
        ("query=latency_bucket%7Bjob=%22b%22%7D-up", b.clone()),
        ("query=latency_bucket&start=1795435198&end=1795435199", format!("{},{b}", series("a", y))),
        ("query=latency_bucket&start=1795435199.5", String::new()),
        ("query=none", String::new()),
    ] {
        let (status, body) = house.told(&format!("/api/v1/query_exemplars?{query}"));
        assert_eq!(status, 200, "{query}");
        assert_eq!(body, format!(r#"{{"status":"success","data":[{expected}]}}"#), "{query}");
    }
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let house = house();
    for (query, expected) in [
        ("query=up&start=5&end=4", "end timestamp must not be before start timestamp"),
        ("query=up%7B", "1:4: parse error: unexpected end of input inside braces"),
        ("query=up&start=x", "invalid parameter \\\"start\\\""),
    ] {
        let (status, body) = house.told(&format!("/api/v1/query_exemplars?{query}"));
        assert!(status == 400 && body.contains(expected), "{query}: {body}");
    }
}
