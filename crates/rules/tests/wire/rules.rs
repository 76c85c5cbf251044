//! Rules evaluated against a store: recording, alerting, reloading, restarting.

use std::sync::Arc;
use std::time::Duration;

use model::Labels;
use model::clock::{ManualClock, SystemClock};
use rules::{AlertState, Health, RuleKind};
use serde_json::json;

use crate::alertmanager::{FakeAlertmanager, PATIENCE};
use crate::house::{House, MINUTE, telling};

const ALERTS: &str = "
groups:
- name: g
  rules:
  - alert: High
    expr: x > 10
    for: 2m
    labels: {severity: page, was: '{{ $value }}'}
    annotations: {summary: 'x of {{ $labels.x }} is high'}
";

#[tokio::test]
async fn an_alert_is_pending_then_fires_then_is_resolved_and_alertmanager_hears_of_it() {
    let house = House::new();
    let fake = FakeAlertmanager::start("200 OK").await;
    house.notifier.apply(telling(&[&fake.address]));
    house.notifier.start();
    house.apply(&ALERTS.replace(", was: '{{ $value }}'", ""));
    house.insert(&[("__name__", "x"), ("x", "a")], 0, &[1.0, 1.0, 20.0, 30.0, 40.0, 50.0, 1.0]);
    house.evaluate(0..=4).await;
    let alerts = house.manager.active_alerts();
    assert_eq!(alerts[0].state, AlertState::Firing);
    assert_eq!((alerts[0].active_at_ms, alerts[0].value), (2 * MINUTE, 40.0));
    house.evaluate(5..=6).await;
    assert_eq!(house.manager.active_alerts(), []);
    let labels = r#"alertname="High""#;
    let rest = r#"severity="page", x="a"}"#;
    assert_eq!(
        house.stored("ALERTS"),
        [
            format!(r#"{{{labels}, alertstate="firing", {rest} 4:1 5:1 6:x"#),
            format!(r#"{{{labels}, alertstate="pending", {rest} 2:1 3:1 4:x"#),
        ]
    );
    assert_eq!(
        house.stored("ALERTS_FOR_STATE"),
        [format!("{{{labels}, {rest} 2:120 3:120 4:120 5:120 6:x")]
    );
    let received = fake.wait_for(2).await;
    assert_eq!(received[0].line, "post /api/v2/alerts http/1.1");
    let alert = |starts: &str, ends: &str| {
        json!([{
            "labels": {"alertname": "High", "severity": "page", "x": "a"},
            "annotations": {"summary": "x of a is high"},
            "startsAt": starts,
            "endsAt": ends,
            "generatorURL": "http://me:9090/graph?g0.expr=x+%3E+10&g0.tab=1",
        }])
    };
    assert_eq!(received[0].body, alert("1970-01-01T00:04:00.000Z", "1970-01-01T00:08:00.000Z"));
    assert_eq!(received[1].body, alert("1970-01-01T00:04:00.000Z", "1970-01-01T00:06:00.000Z"));
}

#[tokio::test]
async fn a_rule_sees_what_the_rules_before_it_recorded() {
    let house = House::new();
    house.apply(
        "
groups:
- name: g
  labels: {team: a}
  rules:
  - record: x:double
    expr: x * 2
  - record: x:quadruple
    expr: x:double * 2
  - record: one
    expr: 1
",
    );
    house.insert(&[("__name__", "x"), ("x", "a")], 0, &[1.0, 2.0, model::sample::STALE_NAN]);
    house.evaluate(0..=2).await;
    assert_eq!(house.stored("x:quadruple"), [r#"{team="a", x="a"} 0:4 1:8 2:x"#]);
    assert_eq!(house.stored("one"), [r#"{team="a"} 0:1 1:1 2:1"#]);
    let stats = house.manager.stats();
    assert_eq!((stats.rule_evaluations.count, stats.group_evaluations.count), (9, 3));
    let group = &stats.groups[0];
    assert_eq!((group.key.as_str(), group.iterations, group.rules), ("r.yml;g", 3, 3));
    assert_eq!((group.evaluations, group.evaluation_failures, group.last_samples), (9, 0, 1));
}

#[tokio::test]
async fn a_rule_that_fails_is_shown_and_hinders_no_other() {
    let house = House::new();
    house.apply(
        "
groups:
- name: g
  limit: 1
  rules:
  - record: double
    expr: label_replace(x, 'x', 'same', '', '')
  - record: many
    expr: x
  - record: text
    expr: '\"a\"'
  - record: good
    expr: sum(x)
",
    );
    assert_eq!(house.manager.groups()[0].rules[0].health, Health::Unknown);
    house.insert(&[("__name__", "x"), ("x", "a")], 0, &[1.0]);
    house.insert(&[("__name__", "x"), ("x", "b")], 0, &[1.0]);
    house.evaluate(0..=0).await;
    let groups = house.manager.groups();
    let told: Vec<_> =
        groups[0].rules.iter().map(|r| (r.health, r.last_error.as_deref())).collect();
    assert_eq!(
        told,
        [
            (Health::Bad, Some("vector cannot contain metrics with the same labelset")),
            (Health::Bad, Some("exceeded limit of 1 with 2 series")),
            (Health::Bad, Some("rule result is not a vector or scalar")),
            (Health::Good, None),
        ]
    );
    assert_eq!(house.stored("good"), ["{} 0:2"]);
    assert_eq!(house.manager.stats().groups[0].evaluation_failures, 3);
}

#[tokio::test]
async fn a_reload_keeps_alerts_of_rules_that_stay_and_ends_series_of_those_that_go() {
    let house = House::new();
    let before = format!("{ALERTS}  - record: gone\n    expr: x\n");
    house.apply(&before);
    house.insert(&[("__name__", "x"), ("x", "a")], 0, &[20.0; 9]);
    house.evaluate(0..=1).await;
    house.apply(&before);
    house.evaluate(2..=2).await;
    let state = |house: &House| match &house.manager.groups()[0].rules[0].kind {
        RuleKind::Alerting { state, .. } => *state,
        RuleKind::Recording => panic!("the first rule alerts"),
    };
    assert_eq!(state(&house), AlertState::Firing);
    house.apply(&ALERTS.replace("2m", "5m"));
    assert_eq!(state(&house), AlertState::Firing, "even before the next evaluation");
    house.evaluate(3..=3).await;
    assert_eq!(house.manager.active_alerts()[0].active_at_ms, 0);
    assert_eq!(house.stored("gone"), [r#"{x="a"} 0:20 1:20 2:20 3:x"#]);
    house.apply(&ALERTS.replace("severity", "gravity"));
    house.evaluate(4..=4).await;
    assert_eq!(house.manager.active_alerts()[0].active_at_ms, 4 * MINUTE);
}

#[tokio::test]
async fn a_restart_lets_a_pending_alert_go_on_where_it_was() {
    let text = ALERTS.replace("for: 2m", "for: 1h").replace(", was: '{{ $value }}'", "");
    let house = House::new();
    house.insert(&[("__name__", "x"), ("x", "a")], 0, &[20.0; 60]);
    house.apply(&text);
    house.evaluate(0..=20).await;
    let after = House::with(Arc::clone(&house.store), Arc::new(ManualClock::at(0)));
    after.apply(&text);
    after.evaluate(30..=30).await;
    assert_eq!(after.manager.active_alerts()[0].active_at_ms, 30 * MINUTE);
    after.evaluate(31..=31).await;
    // It was away from minute 20 to minute 31.
    assert_eq!(after.manager.active_alerts()[0].active_at_ms, 11 * MINUTE);
    after.evaluate(32..=32).await;
    let states = after.stored("ALERTS_FOR_STATE");
    assert!(states[0].ends_with(" 20:0 32:660"), "{states:?}");
}

#[tokio::test]
async fn a_group_is_evaluated_on_its_grid_until_the_shutdown() {
    let house = House::with(Arc::default(), Arc::new(SystemClock::new()));
    let text = "groups: [{name: g, interval: 20ms, rules: [{record: now, expr: time()}]}]";
    house.apply(text);
    house.manager.start();
    wait_until(|| house.manager.stats().groups[0].iterations > 4).await;
    house.manager.shutdown().await;
    let count = house.manager.stats().groups[0].iterations;
    let values = seconds(&house);
    assert!(values.windows(2).all(|w| (w[1] - w[0]) % 20 == 0), "{values:?}");
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(house.manager.stats().groups[0].iterations, count, "it goes on");
    let view = &house.manager.groups()[0];
    let now = house.clock.now_ms();
    assert!(view.last_evaluation_ms.is_some_and(|t| (now - 10_000..=now).contains(&t)));
}

/// The values of `now`, in ms.
fn seconds(house: &House) -> Vec<i64> {
    let stored = house.stored("now");
    let values = stored[0].split(' ').skip(1).filter_map(|sample| sample.split(':').nth(1));
    let ms = |value: &str| format!("{:.0}", value.parse::<f64>().expect("a number") * 1000.0);
    values.map(|value| ms(value).parse().expect("a whole number")).collect()
}

#[tokio::test]
async fn a_running_group_that_goes_has_its_series_ended() {
    let house = House::with(Arc::default(), Arc::new(SystemClock::new()));
    let group = |name: &str, record: &str| {
        format!("- {{name: {name}, interval: 20ms, rules: [{{record: {record}, expr: 1}}]}}\n")
    };
    house.apply(&format!("groups:\n{}{}", group("a", "x"), group("b", "y")));
    house.manager.start();
    wait_until(|| !house.stored("x").is_empty() && !house.stored("y").is_empty()).await;
    house.apply(&format!("groups:\n{}{}", group("b", "y"), group("c", "z")));
    wait_until(|| house.stored("x")[0].ends_with('x') && !house.stored("z").is_empty()).await;
    house.manager.shutdown().await;
    assert!(!house.stored("y")[0].ends_with('x'));
    house.manager.apply(Vec::new(), MINUTE, 0, Labels::empty());
    assert_eq!(house.manager.groups().len(), 2, "nothing changes after the shutdown");
}

async fn wait_until(mut condition: impl FnMut() -> bool) {
    let met = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, met).await.expect("what must come comes in time");
}
