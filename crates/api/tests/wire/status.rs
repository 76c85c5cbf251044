//! `status/*`, `targets`, `rules`, `alerts`, `alertmanagers`, `/metrics`.

use crate::house::House;

fn data(house: &House, path: &str) -> serde_json::Value {
    let (status, body) = house.told(path);
    assert_eq!(status, 200, "{body}");
    let mut body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    body["data"].take()
}

#[test]
fn what_grafana_asks_about_the_server_is_answered() {
    let house = House::of(&[("up", 1000, 1.0)]);
    let build = data(&house, "/api/v1/status/buildinfo");
    assert!(build["version"].as_str().is_some_and(|v| v.starts_with("3.5.0")), "{build}");
    assert!(build.get("features").is_none(), "Grafana would take it for Mimir: {build}");
    assert_eq!(data(&house, "/api/v1/status/config")["yaml"], "global: {}\n");
    assert_eq!(data(&house, "/api/v1/status/flags")["config.file"], "prometheus.yml");
    let runtime = data(&house, "/api/v1/status/runtimeinfo");
    assert_eq!(runtime["storageRetention"], "15d");
    assert_eq!(runtime["reloadConfigSuccess"], true);
    let head = data(&house, "/api/v1/status/tsdb");
    assert_eq!(head["headStats"]["numSeries"], 1);
    assert_eq!(head["seriesCountByMetricName"][0]["name"], "up");
}

#[test]
fn lists_are_there_even_when_empty() {
    let house = House::of(&[]);
    for (path, expected) in [
        ("/api/v1/targets", r#"{"activeTargets":[],"droppedTargetCounts":{},"droppedTargets":[]}"#),
        ("/api/v1/scrape_pools", r#"{"scrapePools":[]}"#),
        ("/api/v1/rules", r#"{"groups":[]}"#),
        ("/api/v1/alerts", r#"{"alerts":[]}"#),
        ("/api/v1/alertmanagers", r#"{"activeAlertmanagers":[],"droppedAlertmanagers":[]}"#),
    ] {
        let sorted = data(&house, path).to_string();
        assert_eq!(sorted, expected, "{path}");
    }
}

#[test]
fn the_smaller_questions_of_clients_are_answered() {
    let house = House::of(&[("up", 1000, 1.0)]);
    for (path, expected) in [
        ("/api/v1/status/walreplay", r#"{"current":0,"max":0,"min":0}"#),
        ("/api/v1/notifications", "[]"),
        ("/api/v1/query_exemplars?query=up", "[]"),
    ] {
        assert_eq!(data(&house, path).to_string(), expected, "{path}");
    }
    assert_eq!(house.get("/api/v1/query_exemplars?query=1").status, 204);
    assert_eq!(house.get("/api/v1/query_exemplars?query=up{").status, 400);
    let version: serde_json::Value =
        serde_json::from_str(&house.get("/version").text()).expect("JSON");
    assert_eq!(version["version"], "3.5.0+ferula.0.1.0");
}

#[test]
fn the_counts_of_the_head_are_limited() {
    let house = House::of(&[("a{x=\"1\"}", 0, 1.0), ("a{x=\"2\"}", 0, 1.0), ("b", 0, 1.0)]);
    let head = data(&house, "/api/v1/status/tsdb?limit=1");
    for (list, expected) in [
        ("seriesCountByMetricName", r#"[{"name":"a","value":2}]"#),
        ("labelValueCountByLabelName", r#"[{"name":"__name__","value":2}]"#),
        ("seriesCountByLabelValuePair", r#"[{"name":"__name__=a","value":2}]"#),
    ] {
        assert_eq!(head[list].to_string(), expected, "{list}");
    }
    for limit in ["0", "-1", "x"] {
        let (status, body) = house.told(&format!("/api/v1/status/tsdb?limit={limit}"));
        assert!(status == 400 && body.contains("limit must be a positive number"), "{body}");
    }
}

#[test]
fn parameters_of_rules_are_checked() {
    let house = House::of(&[]);
    for (path, message) in [
        ("/api/v1/rules?type=x", "invalid parameter \"type\": not supported value \"x\""),
        (
            "/api/v1/rules?group_next_token=zz",
            "invalid parameter \"group_next_token\": group_limit needs to be present in order to paginate over the groups",
        ),
        (
            "/api/v1/rules?group_limit=x",
            "invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
    ] {
        let (status, body) = house.told(path);
        let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!((status, &body["error"]), (400, &message.into()), "{path}");
    }
}

#[test]
fn the_metrics_page_is_read_by_our_own_parser() {
    let house = House::of(&[("up", 1000, 1.0)]);
    let answer = house.get("/metrics");
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = answer.text();
    let mut samples = 0;
    for entry in exposition::Parser::new(&text, exposition::Format::Text) {
        entry.unwrap_or_else(|error| panic!("{error}"));
        samples += 1;
    }
    assert!(samples > 100, "{samples} entries");
    for line in [
        "prometheus_tsdb_head_series 1",
        "prometheus_config_last_reload_successful 1",
        "prometheus_tsdb_head_samples_appended_total{type=\"float\"} 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
}
