//! The notifier: what Alertmanagers get, and what is counted when they do not.

use std::sync::Arc;

use model::Labels;
use model::clock::ManualClock;
use model::relabel::{Action, RelabelConfig, RelabelRule};
use rules::{Alert, Notifier, NotifierConfig, NotifierOptions};

use crate::alertmanager::{FakeAlertmanager, Received};
use crate::house::telling;

fn alert(name: &str) -> Alert {
    Alert {
        labels: Labels::from_pairs([("alertname", name), ("site", "own")]),
        annotations: Labels::empty(),
        starts_at_ms: 0,
        ends_at_ms: 1,
        generator_url: String::new(),
    }
}

fn notifier(options: NotifierOptions) -> Arc<Notifier> {
    Notifier::new(options, Arc::new(ManualClock::at(0)))
}

/// The names of the alerts in each request.
fn names(received: &[Received]) -> Vec<String> {
    let name = |alert: &serde_json::Value| alert["labels"]["alertname"].as_str().map(str::to_owned);
    let one = |r: &Received| {
        let alerts = r.body.as_array().expect("a list of alerts");
        alerts.iter().filter_map(name).collect::<Vec<_>>().join(" ")
    };
    received.iter().map(one).collect()
}

#[tokio::test]
async fn batches_are_sent_in_order_and_what_waits_at_shutdown_is_sent_too() {
    let fake = FakeAlertmanager::start("200 OK").await;
    let notifier =
        notifier(NotifierOptions { queue_capacity: 5, max_batch_size: 2, ..Default::default() });
    notifier.apply(telling(&[&fake.address]));
    notifier.send(["a", "b", "c", "d", "e", "f"].map(alert).to_vec());
    assert_eq!(notifier.stats().queue_length, 5);
    notifier.start();
    notifier.shutdown().await;
    assert_eq!(names(&fake.received()), ["b c", "d e", "f"]);
    let stats = notifier.stats();
    assert_eq!((stats.queue_length, stats.queue_capacity, stats.dropped), (0, 5, 1));
    let one = &stats.alertmanagers[0];
    assert_eq!((one.sent, one.errors, one.latency.count), (5, 0, 3));
}

#[tokio::test]
async fn without_draining_what_waits_at_shutdown_is_given_up() {
    let fake = FakeAlertmanager::start("200 OK").await;
    let notifier = notifier(NotifierOptions { drain_on_shutdown: false, ..Default::default() });
    notifier.apply(telling(&[&fake.address]));
    notifier.send(vec![alert("a")]);
    notifier.start();
    notifier.shutdown().await;
    assert_eq!((fake.received().len(), notifier.stats().dropped), (0, 1));
}

#[tokio::test]
async fn an_alert_counts_as_dropped_if_no_alertmanager_of_a_set_took_it() {
    let good = FakeAlertmanager::start("200 OK").await;
    let bad = FakeAlertmanager::start("500 Internal Server Error").await;
    let notifier = notifier(NotifierOptions::default());
    notifier.apply(telling(&[&good.address, &bad.address]));
    notifier.start();
    notifier.send(vec![alert("a")]);
    good.wait_for(1).await;
    bad.wait_for(1).await;
    // The second request comes when all of the first is counted.
    notifier.send(vec![alert("b")]);
    good.wait_for(2).await;
    assert_eq!(notifier.stats().dropped, 0);
    notifier.apply(telling(&[&bad.address]));
    notifier.send(vec![alert("c")]);
    notifier.shutdown().await;
    let stats = notifier.stats();
    assert_eq!((stats.dropped, stats.discovered), (1, 1));
    assert_eq!((stats.alertmanagers[0].sent, stats.alertmanagers[0].errors), (3, 3));
}

#[tokio::test]
async fn alerts_get_external_labels_and_are_relabelled_for_all_and_for_a_set() {
    let rule = |config: RelabelConfig| RelabelRule::new(config).expect("a sound rule");
    let first = FakeAlertmanager::start("200 OK").await;
    let second = FakeAlertmanager::start("200 OK").await;
    let mut config = telling(&[&first.address]);
    config.alertmanagers.extend(telling(&[&second.address]).alertmanagers);
    config.alertmanagers[1].alert_relabel_configs = vec![rule(RelabelConfig {
        source_labels: vec!["alertname".to_owned()],
        regex: "a".to_owned(),
        action: Action::Drop,
        ..RelabelConfig::default()
    })];
    let config = NotifierConfig {
        external_labels: Labels::from_pairs([("site", "ours"), ("zone", "z")]),
        alert_relabel_configs: vec![rule(RelabelConfig {
            source_labels: vec!["zone".to_owned()],
            target_label: "area".to_owned(),
            ..RelabelConfig::default()
        })],
        ..config
    };
    let notifier = notifier(NotifierOptions::default());
    notifier.apply(config);
    notifier.send(vec![alert("a"), alert("b")]);
    notifier.start();
    notifier.shutdown().await;
    assert_eq!(names(&first.received()), ["a b"]);
    assert_eq!(names(&second.received()), ["b"]);
    let labels = &first.received()[0].body[0]["labels"];
    let expected = serde_json::json!({"alertname": "a", "site": "own", "zone": "z", "area": "z"});
    assert_eq!(*labels, expected);
    let url = |fake: &FakeAlertmanager| format!("http://{}/api/v2/alerts", fake.address);
    assert_eq!(notifier.alertmanagers().active, [url(&first), url(&second)]);
}
