//! One alert on its way to Alertmanager, and its JSON.

use std::collections::BTreeMap;

use jiff::Timestamp as Moment;
use model::{Labels, Timestamp};
use serde::Serialize;

/// One alert on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// What it is.
    pub labels: Labels,
    /// What it means.
    pub annotations: Labels,
    /// When it began to fire.
    pub starts_at_ms: Timestamp,
    /// When it was resolved or, if it fires, until when it counts as firing unless sent again.
    pub ends_at_ms: Timestamp,
    /// Where its expression can be seen.
    pub generator_url: String,
}

/// An alert as Alertmanager's v2 API takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Postable<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    annotations: BTreeMap<&'a str, &'a str>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
}

/// Alerts as the body of a request.
pub(super) fn body<'a>(alerts: impl IntoIterator<Item = &'a Alert>) -> Vec<u8> {
    let postable = |alert: &'a Alert| Postable {
        labels: alert.labels.iter().collect(),
        annotations: alert.annotations.iter().collect(),
        starts_at: moment(alert.starts_at_ms),
        ends_at: moment(alert.ends_at_ms),
        generator_url: &alert.generator_url,
    };
    let all: Vec<_> = alerts.into_iter().map(postable).collect();
    serde_json::to_vec(&all).expect("strings and maps of strings are always JSON")
}

/// A time as RFC 3339 writes it, with milliseconds. Times out of the calendar stop at its ends.
fn moment(t: Timestamp) -> String {
    let ends = if t < 0 { Moment::MIN } else { Moment::MAX };
    let moment = Moment::from_millisecond(t).unwrap_or(ends);
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_written_as_alertmanager_reads_it() {
        let alert = Alert {
            labels: Labels::from_pairs([("alertname", "A"), ("x", "\"1\"")]),
            annotations: Labels::from_pairs([("summary", "s")]),
            starts_at_ms: 1_700_000_000_007,
            ends_at_ms: i64::MAX,
            generator_url: "http://a/graph?g0.expr=up".to_owned(),
        };
        assert_eq!(
            String::from_utf8(body([&alert])).expect("JSON is text"),
            concat!(
                r#"[{"labels":{"alertname":"A","x":"\"1\""},"annotations":{"summary":"s"},"#,
                r#""startsAt":"2023-11-14T22:13:20.007Z","endsAt":"9999-12-30T22:00:00.999Z","#,
                r#""generatorURL":"http://a/graph?g0.expr=up"}]"#,
            )
        );
    }
}
