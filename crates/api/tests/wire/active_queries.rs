//! `status/active_queries`: what runs and waits, and how it is ended.

use std::io::Read;
use std::net::TcpStream;

use api::Options;
use serde_json::Value;
use testkit::http::encoded;

use crate::house::{House, NOW, all_on};
use crate::limits::{begin, endless, post, running};

const PATH: &str = "/api/v1/status/active_queries";

fn listed(house: &House) -> Vec<Value> {
    let (status, body) = house.told(PATH);
    assert_eq!(status, 200, "{body}");
    let told: Value = serde_json::from_str(&body).expect("JSON");
    told["data"].as_array().expect("a list").clone()
}

/// Waits until as many queries as there are names have these states.
fn until(house: &House, states: &[&str]) -> Vec<Value> {
    let told = |body: &str| -> Vec<Value> {
        let told: Value = serde_json::from_str(body).expect("JSON");
        told["data"].as_array().expect("a list").clone()
    };
    let body = house.until(PATH, |body| {
        told(body)
            .iter()
            .map(|query| query["state"].as_str().expect("a text"))
            .eq(states.iter().copied())
    });
    told(&body)
}

fn answer(mut stream: TcpStream) -> String {
    let mut buffer = vec![0; 4096];
    let len = stream.read(&mut buffer).expect("an answer");
    String::from_utf8_lossy(&buffer[..len]).into_owned()
}

const CANCELED: &str = r#"{"status":"error","errorType":"canceled","error":"query was canceled in expression evaluation"}"#;

#[test]
fn queries_are_listed_while_they_run_and_wait_and_end_when_told() {
    let house = House::with(&[], Options { max_concurrency: 1, ..all_on() });
    assert_eq!(listed(&house), Vec::<Value>::new());
    let first = begin(&house, &endless());
    until(&house, &["running"]);
    let second = begin(&house, "up");
    let queries = until(&house, &["running", "waiting"]);
    let one = &queries[1];
    for (name, value) in [
        ("id", "2"),
        ("kind", "instant"),
        ("query", "up"),
        ("client", "127.0.0.1"),
        ("startTime", "2026-11-23T12:00:00Z"),
    ] {
        assert_eq!(one[name], value, "{name}");
    }
    for name in ["elapsedSeconds", "waitedSeconds", "samplesHeld", "samplesPeak", "samplesRead"] {
        assert_eq!(one[name], 0, "{name}");
    }
    assert_eq!(house.ask("DELETE", &format!("{PATH}/2"), "", b"").status, 204);
    let told = answer(second);
    assert!(told.starts_with("HTTP/1.1 499 ") && told.ends_with(CANCELED), "{told}");
    assert_eq!(house.ask("POST", &format!("{PATH}/1"), "", b"").status, 204);
    let told = answer(first);
    assert!(told.starts_with("HTTP/1.1 499 ") && told.ends_with(CANCELED), "{told}");
    assert_eq!(until(&house, &[]), Vec::<Value>::new());
}

#[test]
fn a_running_query_says_what_it_has_used() {
    let house = House::of(&[]);
    let _client = begin(&house, &endless());
    house.until(PATH, |body| {
        let told: Value = serde_json::from_str(body).expect("JSON");
        let query = &told["data"][0];
        query["samplesHeld"].as_u64() > Some(1_000_000) && query["samplesPeak"].as_u64() > Some(0)
    });
}

#[test]
fn who_may_not_cancel_or_names_no_query_is_told_so() {
    let house = House::of(&[]);
    let told = house.ask("DELETE", &format!("{PATH}/1"), "", b"");
    assert_eq!(
        (told.status, told.text().as_str()),
        (
            500,
            r#"{"status":"error","errorType":"unavailable","error":"Lifecycle API is not enabled."}"#
        )
    );
    let house = House::with(&[], all_on());
    for (id, status, error) in [
        ("7", 404, r#"errorType":"not_found","error":"no query with the id 7 is under way"#),
        ("x", 400, r#"errorType":"bad_data","error":"invalid id \"x\""#),
    ] {
        let told = house.ask("DELETE", &format!("{PATH}/{id}"), "", b"");
        assert_eq!(told.status, status);
        assert!(told.text().contains(error), "{}", told.text());
    }
}

#[test]
fn a_line_that_is_full_refuses() {
    let options = Options { max_concurrency: 1, max_waiting: 1, ..all_on() };
    let house = House::with(&[], options);
    let _first = begin(&house, &endless());
    running(&house, 1);
    let _second = begin(&house, &endless());
    until(&house, &["running", "waiting"]);
    let error = "too many queries are waiting for their turn: 1 at most, see --query.max-waiting";
    assert_eq!(
        house.query("1"),
        (503, format!(r#"{{"status":"error","errorType":"unavailable","error":"{error}"}}"#))
    );
}

/// Queries that go on for long, each in another place.
fn heavy() -> Vec<String> {
    let chain =
        |term: &dyn Fn(usize) -> String| (1..300).map(term).collect::<Vec<_>>().join(" or ");
    vec![
        chain(&|n| format!("quantile_over_time(0.{n}, (vector({n}) + time())[30d:20s])")),
        chain(&|n| format!("deriv((vector({n}) + time())[30d:20s])")),
        chain(&|n| format!("m * on (i) (m + {n})")),
        chain(&|n| format!("topk({n}, m)")),
        chain(&|n| format!("quantile(0.{n}, m)")),
        chain(&|n| format!("count_values(\"v{n}\", m * time())")),
        chain(&|n| format!("sort(m + {n})")),
        chain(&|n| format!("label_replace(m, \"x{n}\", \"$1\", \"i\", \"(.*)\")")),
        chain(&|n| format!("(m and on (i) m) unless (m > {n})")),
    ]
}

#[test]
fn a_query_of_any_kind_ends_when_its_client_hangs_up() {
    let names: Vec<String> = (0..100).map(|i| format!("m{{i=\"{i}\"}}")).collect();
    let samples: Vec<(&str, i64, f64)> =
        names.iter().enumerate().map(|(i, name)| (name.as_str(), 200_000, i as f64)).collect();
    let house = House::of(&samples);
    for query in heavy() {
        let (start, end) = (NOW / 1000 - 201, NOW / 1000);
        let form = format!("query={}&start={start}&end={end}&step=0.02", encoded(&query));
        let client = post(&house, "/api/v1/query_range", &form);
        until(&house, &["running"]);
        drop(client);
        until(&house, &[]);
        // Only a query that comes to its end counts what it has read.
        let counted = "prometheus_engine_query_samples_total 0";
        assert!(house.told("/metrics").1.lines().any(|line| line == counted), "{query}");
    }
}
