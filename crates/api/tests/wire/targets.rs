//! `targets`, `scrape_pools`, `metadata`, `targets/metadata`: with targets that were scraped.

use discovery::TargetGroup;
use model::Labels;
use model::relabel::{Action, RelabelConfig, RelabelRule};
use scrape::ScrapeConfig;
use testkit::fakes::FakeTarget;
use testkit::http::encoded;

use crate::house::House;

const TEXT: &str = "\
# HELP a_total How often.
# TYPE a_total counter
a_total 1
# TYPE b gauge
b 2
";

/// A job `j` with this target, an address nobody listens on, and one that relabelling drops.
fn job(target: &str) -> ScrapeConfig {
    let labels = Labels::from_pairs([("env", "prod")]);
    let drop = RelabelRule::new(RelabelConfig {
        source_labels: vec!["__address__".to_owned()],
        regex: "gone:1".to_owned(),
        action: Action::Drop,
        ..RelabelConfig::default()
    });
    ScrapeConfig {
        job_name: "j".to_owned(),
        scrape_interval_ms: 100,
        scrape_timeout_ms: 100,
        static_configs: vec![TargetGroup::of_addresses("0", [target, "gone:1"], labels)],
        relabel_configs: vec![drop.expect("a rule")],
        ..ScrapeConfig::default()
    }
}

/// A house that has scraped `target` at least once.
fn house(target: &FakeTarget) -> House {
    let house = House::of(&[]);
    house.scrape(vec![job(&target.server.address())]);
    house.until("/api/v1/targets", |body| body.contains("\"health\":\"up\""));
    house
}

fn ok(data: &str) -> (u16, String) {
    (200, format!("{{\"status\":\"success\",\"data\":{data}}}"))
}

#[test]
fn targets_are_shown_with_how_their_last_scrape_went() {
    let target = FakeTarget::start(TEXT);
    let house = house(&target);
    let address = target.server.address();
    let port = address.rsplit(':').next().expect("a port");
    let active = format!(
        r#"{{"discoveredLabels":{{"__address__":"{address}","__metrics_path__":"/metrics","__scheme__":"http","__scrape_interval__":"100ms","__scrape_timeout__":"100ms","env":"prod","job":"j"}},"labels":{{"env":"prod","instance":"{address}","job":"j"}},"scrapePool":"j","scrapeUrl":"http://{address}/metrics","globalUrl":"http://localhost:{port}/metrics","lastError":"","lastScrape":"2026-11-23T12:00:00Z","lastScrapeDuration":0,"health":"up","scrapeInterval":"100ms","scrapeTimeout":"100ms"}}"#
    );
    let dropped = r#"{"discoveredLabels":{"__address__":"gone:1","__metrics_path__":"/metrics","__scheme__":"http","__scrape_interval__":"100ms","__scrape_timeout__":"100ms","env":"prod","job":"j"},"scrapePool":"j"}"#;
    for (query, active, dropped, counts) in [
        ("", active.as_str(), dropped, r#"{"j":1}"#),
        ("?state=active", &active, "", "null"),
        ("?state=Dropped", "", dropped, r#"{"j":1}"#),
        ("?scrapePool=j", &active, dropped, r#"{"j":1}"#),
        ("?scrapePool=nope", "", "", r#"{"j":1}"#),
    ] {
        let data = format!(
            r#"{{"activeTargets":[{active}],"droppedTargets":[{dropped}],"droppedTargetCounts":{counts}}}"#
        );
        assert_eq!(house.told(&format!("/api/v1/targets{query}")), ok(&data), "{query}");
    }
    assert_eq!(house.told("/api/v1/scrape_pools"), ok(r#"{"scrapePools":["j"]}"#));
    let metrics = house.get("/metrics").text();
    let line = r#"prometheus_sd_discovered_targets{config="j",name="scrape"} 2"#;
    assert!(metrics.lines().any(|l| l == line), "{metrics}");
}

#[test]
fn a_target_that_fails_says_why() {
    let target = FakeTarget::start(TEXT);
    let house = house(&target);
    target.fail(503);
    let body = house.until("/api/v1/targets", |body| body.contains("\"health\":\"down\""));
    let why = r#""lastError":"server returned HTTP status 503 Service Unavailable""#;
    assert!(body.contains(why), "{body}");
}

#[test]
fn metadata_is_what_targets_say() {
    let target = FakeTarget::start(TEXT);
    let house = house(&target);
    let a = r#""a_total":[{"type":"counter","unit":"","help":"How often."}]"#;
    let b = r#""b":[{"type":"gauge","unit":"","help":""}]"#;
    for (query, expected) in [
        ("", format!("{{{a},{b}}}")),
        ("?metric=b", format!("{{{b}}}")),
        ("?metric=nope", "{}".to_owned()),
        ("?limit=1", format!("{{{a}}}")),
        ("?limit=0", "{}".to_owned()),
        ("?limit_per_metric=1", format!("{{{a},{b}}}")),
    ] {
        assert_eq!(house.told(&format!("/api/v1/metadata{query}")), ok(&expected), "{query}");
    }
    let address = target.server.address();
    let target = format!(r#""target":{{"env":"prod","instance":"{address}","job":"j"}}"#);
    let path = |query: &str| format!("/api/v1/targets/metadata?{query}");
    let of_b = format!("match_target={}&metric=b", encoded("{job=\"j\"}"));
    assert_eq!(
        house.told(&path(&of_b)),
        ok(&format!(r#"[{{{target},"type":"gauge","help":"","unit":""}}]"#))
    );
    let (status, body) = house.told(&path("limit=1"));
    assert_eq!((status, body.matches("\"metric\":").count()), (200, 1), "{body}");
    for (query, message) in [
        ("match_target={", "1:2: parse error: unexpected end of input inside braces"),
        ("limit=x", "limit must be a number"),
    ] {
        let (status, body) = house.told(&path(query));
        assert!(status == 400 && body.contains(message), "{query}: {status} {body}");
    }
}
