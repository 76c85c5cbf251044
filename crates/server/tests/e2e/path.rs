//! The whole path: scrape, query, recording rule, alert pending, firing, sent, resolved.

use std::fs;

use serde_json::Value;

use testkit::fakes::{FakeAlertmanager, FakeTarget};

use crate::ferula::{Ferula, json};

const RULES: &str = r#"
groups:
- name: queue
  interval: 1s
  rules:
  - record: queue:size:sum
    expr: sum by (job) (queue_size)
  - alert: QueueFull
    expr: queue:size:sum > 100
    for: 2s
    labels: {severity: page}
    annotations: {summary: "{{ $labels.job }} has {{ $value }}"}
"#;

fn config(target: &str, alertmanager: &str) -> String {
    format!(
        "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n  external_labels: {{site: here}}\n\
         rule_files: [rules.yml]\n\
         alerting:\n  alertmanagers:\n  - static_configs:\n    - targets: ['{alertmanager}']\n\
         scrape_configs:\n- job_name: app\n  static_configs:\n  - targets: ['{target}']\n"
    )
}

#[test]
fn a_sample_becomes_an_alert_that_is_sent_and_resolved() {
    let target = FakeTarget::start(
        "# TYPE queue_size gauge\nqueue_size{q=\"a\"} 70\nqueue_size{q=\"b\"} 5\n",
    );
    let alertmanager = FakeAlertmanager::start();
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("rules.yml"), RULES).expect("written");
    fs::write(
        dir.path().join("prometheus.yml"),
        config(&target.server.address(), &alertmanager.server.address()),
    )
    .expect("written");
    let mut ferula = Ferula::start(dir.path(), &["--rules.alert.resend-delay=1s"]);

    ferula.until("it is scraped", |f| (f.value("up") == Some("1".to_owned())).then_some(()));
    ferula.until("the sum is recorded", |f| {
        (f.value("queue:size:sum{job=\"app\"}") == Some("75".to_owned())).then_some(())
    });
    assert_eq!(ferula.query("ALERTS"), []);

    target.set_text("# TYPE queue_size gauge\nqueue_size{q=\"a\"} 170\nqueue_size{q=\"b\"} 5\n");
    let state = |f: &Ferula, state: &str| {
        let query = format!("ALERTS{{alertname=\"QueueFull\",alertstate=\"{state}\"}}");
        (f.value(&query) == Some("1".to_owned())).then_some(())
    };
    ferula.until("the alert is pending", |f| state(f, "pending"));
    ferula.until("the alert fires", |f| state(f, "firing"));
    let sent = ferula.until("it is sent", |_| {
        alertmanager.posted().iter().find_map(|body| alert(body, "QueueFull"))
    });
    assert_eq!(sent["labels"]["severity"], "page");
    assert_eq!(sent["labels"]["site"], "here");
    assert_eq!(sent["annotations"]["summary"], "app has 175");
    assert!(
        sent["generatorURL"].as_str().is_some_and(|url| url.contains("/graph?g0.expr=")),
        "{sent}"
    );

    let alerts = json(&ferula.get("/api/v1/alerts"));
    assert_eq!(alerts["data"]["alerts"][0]["state"], "firing", "{alerts}");
    let rules = json(&ferula.get("/api/v1/rules"));
    assert_eq!(rules["data"]["groups"][0]["rules"][1]["health"], "ok", "{rules}");

    target.set_text("# TYPE queue_size gauge\nqueue_size{q=\"a\"} 1\nqueue_size{q=\"b\"} 5\n");
    let ends = sent["endsAt"].as_str().expect("a time").to_owned();
    ferula.until("it is resolved", |_| {
        let bodies = alertmanager.posted();
        let last = bodies.iter().rev().find_map(|body| alert(body, "QueueFull"))?;
        // A firing alert is sent with an end in the future; a resolved one with the end it had.
        let ends_before_sent = last["endsAt"].as_str()? < now_text(&bodies)?.as_str();
        (ends_before_sent || last["endsAt"].as_str()? < ends.as_str()).then_some(())
    });
    ferula.until("its series ends", |f| f.query("ALERTS").is_empty().then_some(()));
    assert!(target.scrapes() > 3);
}

/// The alert of this name in a request body.
fn alert(body: &str, name: &str) -> Option<Value> {
    let alerts: Vec<Value> = serde_json::from_str(body).ok()?;
    alerts.into_iter().find(|alert| alert["labels"]["alertname"] == name)
}

/// The latest `endsAt` that was announced.
fn now_text(bodies: &[String]) -> Option<String> {
    let ends = bodies.iter().filter_map(|body| alert(body, "QueueFull"));
    ends.filter_map(|alert| alert["endsAt"].as_str().map(str::to_owned)).max()
}
