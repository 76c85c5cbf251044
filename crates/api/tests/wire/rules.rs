//! `rules`, `alerts`, `alertmanagers`: with rules that were evaluated.

use discovery::TargetGroup;
use model::Labels;
use rules::{AlertmanagerConfig, NotifierConfig};
use testkit::http::encoded;

use crate::house::{House, NOW};

const RULES: &str = r#"
groups:
- name: g
  interval: 30s
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
    labels: {team: a}
  - alert: Down
    expr: up == 0
    for: 1m
    keep_firing_for: 2m
    labels: {severity: page}
    annotations: {summary: "{{ $labels.job }} is down"}
- name: h
  limit: 5
  rules:
  - alert: Never
    expr: up > 2
  - record: broken
    expr: label_replace(up, "job", "x", "", "")
"#;

fn house() -> House {
    let samples: Vec<(&str, i64, f64)> = [60_000, 0]
        .iter()
        .flat_map(|before| [("up{job=\"a\"}", *before, 1.0), ("up{job=\"b\"}", *before, 0.0)])
        .collect();
    let house = House::of(&samples);
    house.evaluate(RULES, &[NOW - 60_000, NOW]);
    house
}

const RECORDING: &str = r#"{"name":"job:up:sum","query":"sum by (job) (up)","labels":{"team":"a"},"health":"ok","evaluationTime":0,"lastEvaluation":"2026-11-23T12:00:00Z","type":"recording"}"#;
const ALERT: &str = r#"{"labels":{"alertname":"Down","job":"b","severity":"page"},"annotations":{"summary":"b is down"},"state":"firing","activeAt":"2026-11-23T11:59:00Z","value":"0e+00"}"#;
const NEVER: &str = r#"{"state":"inactive","name":"Never","query":"up \u003e 2","duration":0,"keepFiringFor":0,"labels":{},"annotations":{},"alerts":[],"health":"ok","evaluationTime":0,"lastEvaluation":"2026-11-23T12:00:00Z","type":"alerting"}"#;
const BROKEN: &str = r#"{"name":"broken","query":"label_replace(up, \"job\", \"x\", \"\", \"\")","health":"err","lastError":"vector cannot contain metrics with the same labelset","evaluationTime":0,"lastEvaluation":"2026-11-23T12:00:00Z","type":"recording"}"#;

fn down(alerts: &str) -> String {
    format!(
        r#"{{"state":"firing","name":"Down","query":"up == 0","duration":60,"keepFiringFor":120,"labels":{{"severity":"page"}},"annotations":{{"summary":"{{{{ $labels.job }}}} is down"}},"alerts":{alerts},"health":"ok","evaluationTime":0,"lastEvaluation":"2026-11-23T12:00:00Z","type":"alerting"}}"#
    )
}

fn group(name: &str, interval: u32, limit: u32, rules: &[&str]) -> String {
    format!(
        r#"{{"name":"{name}","file":"r.yml","rules":[{}],"interval":{interval},"limit":{limit},"evaluationTime":0,"lastEvaluation":"2026-11-23T12:00:00Z"}}"#,
        rules.join(",")
    )
}

fn groups(groups: &[String]) -> String {
    format!(r#"{{"status":"success","data":{{"groups":[{}]}}}}"#, groups.join(","))
}

#[test]
fn rules_are_shown_with_what_came_of_them() {
    let down = down(&format!("[{ALERT}]"));
    let expected =
        groups(&[group("g", 30, 0, &[RECORDING, &down]), group("h", 60, 5, &[NEVER, BROKEN])]);
    assert_eq!(house().told("/api/v1/rules"), (200, expected));
}

#[test]
fn active_alerts_are_listed_alone() {
    let expected = format!(r#"{{"status":"success","data":{{"alerts":[{ALERT}]}}}}"#);
    assert_eq!(house().told("/api/v1/alerts"), (200, expected));
}

#[test]
fn rules_are_chosen_by_what_they_are() {
    let house = house();
    let whole = down(&format!("[{ALERT}]"));
    let (g, h) =
        (|rules: &[&str]| group("g", 30, 0, rules), |rules: &[&str]| group("h", 60, 5, rules));
    for (query, expected) in [
        ("type=record".to_owned(), vec![g(&[RECORDING]), h(&[BROKEN])]),
        ("type=Alert".to_owned(), vec![g(&[&whole]), h(&[NEVER])]),
        ("rule_name[]=Never".to_owned(), vec![h(&[NEVER])]),
        ("rule_name[]=Never&rule_name[]=broken".to_owned(), vec![h(&[NEVER, BROKEN])]),
        ("rule_group[]=g".to_owned(), vec![g(&[RECORDING, &whole])]),
        ("file[]=nope".to_owned(), vec![]),
        ("exclude_alerts=true&rule_name[]=Down".to_owned(), vec![g(&[&down("null")])]),
        (format!("match[]={}", encoded("{severity=\"page\"}")), vec![g(&[&whole])]),
        (
            format!(
                "match[]={}&match[]={}",
                encoded("{team=\"a\"}"),
                encoded("{severity=\"page\"}")
            ),
            vec![g(&[RECORDING, &whole])],
        ),
        (format!("match[]={}", encoded("{alertname=\"Down\"}")), vec![]),
    ] {
        let told = house.told(&format!("/api/v1/rules?{query}"));
        assert_eq!(told, (200, groups(&expected)), "{query}");
    }
}

#[test]
fn groups_are_shown_page_by_page() {
    let house = house();
    let ask = |query: &str| {
        let (status, body) = house.told(&format!("/api/v1/rules?{query}"));
        assert_eq!(status, 200, "{body}");
        let mut body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        body["data"].take()
    };
    let first = ask("group_limit=1");
    assert_eq!(first["groups"][0]["name"], "g");
    let token = first["groupNextToken"].as_str().expect("there is another page");
    let second = ask(&format!("group_limit=1&group_next_token={token}"));
    assert_eq!((&second["groups"][0]["name"], second.get("groupNextToken")), (&"h".into(), None));
    assert_eq!(ask("group_limit=2").get("groupNextToken"), None);
    let (status, body) = house.told("/api/v1/rules?group_limit=1&group_next_token=zz");
    assert_eq!(
        (status, body.as_str()),
        (
            400,
            r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"group_next_token\": invalid group_next_token 'zz'. were rule groups changed?"}"#
        )
    );
}

#[test]
fn alertmanagers_are_shown_with_the_url_they_are_told_at() {
    let house = House::of(&[]);
    let targets = TargetGroup::of_addresses("0", ["am:9093"], Labels::empty());
    house.parts.notifier.apply(NotifierConfig {
        alertmanagers: vec![AlertmanagerConfig {
            targets: vec![targets],
            ..AlertmanagerConfig::default()
        }],
        ..NotifierConfig::default()
    });
    assert_eq!(
        house.told("/api/v1/alertmanagers").1,
        r#"{"status":"success","data":{"activeAlertmanagers":[{"url":"http://am:9093/api/v2/alerts"}],"droppedAlertmanagers":[]}}"#
    );
}

#[test]
fn rules_and_notifications_are_counted() {
    let metrics = house().get("/metrics").text();
    for line in [
        "prometheus_rule_evaluations_total{rule_group=\"r.yml;g\"} 4",
        "prometheus_rule_evaluation_failures_total{rule_group=\"r.yml;g\"} 0",
        "prometheus_rule_evaluation_failures_total{rule_group=\"r.yml;h\"} 2",
        "prometheus_rule_group_iterations_total{rule_group=\"r.yml;g\"} 2",
        "prometheus_rule_group_interval_seconds{rule_group=\"r.yml;g\"} 30",
        "prometheus_rule_group_rules{rule_group=\"r.yml;h\"} 2",
        "prometheus_notifications_alertmanagers_discovered 0",
        "prometheus_notifications_queue_capacity 10000",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line} is missing in\n{metrics}");
    }
}
