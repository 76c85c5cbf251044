//! Start, reload, death, restart, stop.

use std::fs;
use std::time::Duration;

use prost::Message;

use testkit::fakes::FakeTarget;
use testkit::http::encoded;

use crate::ferula::{Ferula, free_port, json, run};

fn job(name: &str, address: &str) -> String {
    format!("- job_name: {name}\n  static_configs:\n  - targets: ['{address}']\n")
}

#[test]
fn a_reload_is_applied_whole_or_not_at_all() {
    let target = FakeTarget::start("a 1\n");
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("prometheus.yml");
    let head = "global: {scrape_interval: 1s}\nscrape_configs:\n";
    fs::write(&file, format!("{head}{}", job("one", &target.server.address()))).expect("written");
    let mut ferula = Ferula::start(dir.path(), &["--web.enable-lifecycle"]);
    let up = |f: &Ferula, job: &str| f.value(&format!("up{{job=\"{job}\"}}"));
    ferula.until("one is up", |f| (up(f, "one")? == "1").then_some(()));

    fs::write(
        &file,
        format!("{head}{}- job_name: one\n  foo: 1\n", job("two", &target.server.address())),
    )
    .expect("written");
    let refused = ferula.post("/-/reload", "", b"");
    assert_eq!(refused.status, 500);
    let said = refused.text();
    assert!(said.contains("prometheus.yml: line 7") && said.contains("foo"), "{said}");
    let shown = ferula.get("/api/v1/status/config").text();
    assert!(shown.contains("job_name: one") && !shown.contains("two"), "{shown}");
    assert!(ferula.get("/metrics").text().contains("prometheus_config_last_reload_successful 0"));

    fs::write(&file, format!("{head}{}", job("two", &target.server.address()))).expect("written");
    assert_eq!(ferula.post("/-/reload", "", b"").status, 200);
    ferula.until("two is up", |f| (up(f, "two")? == "1").then_some(()));
    ferula.until("one is gone", |f| up(f, "one").is_none().then_some(()));

    fs::write(&file, format!("{head}{}", job("three", &target.server.address()))).expect("written");
    ferula.signal("HUP");
    ferula.until("three is up", |f| (up(f, "three")? == "1").then_some(()));
}

#[test]
fn without_the_flag_nobody_reloads_or_stops_it_by_http() {
    let dir = tempfile::tempdir().expect("a directory");
    let ferula = Ferula::start(dir.path(), &[]);
    for path in ["/-/reload", "/-/quit"] {
        let refused = ferula.post(path, "", b"");
        assert_eq!(
            (refused.status, refused.text().as_str()),
            (403, "Lifecycle API is not enabled.")
        );
    }
}

#[test]
fn quit_by_http_stops_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut ferula = Ferula::start(dir.path(), &["--web.enable-lifecycle"]);
    assert_eq!(ferula.post("/-/quit", "", b"").status, 200);
    let (status, _) = {
        ferula.until("it does not answer", |f| f.try_get("/-/healthy").is_none().then_some(()));
        ferula.wait()
    };
    assert_eq!(status.code(), Some(0));
}

#[test]
fn what_was_acknowledged_survives_kill() {
    let dir = tempfile::tempdir().expect("a directory");
    let arguments = ["--web.enable-remote-write-receiver", "--no-scrape.adjust-timestamps"];
    let mut sent = 0_i64;
    for _ in 0..3 {
        let ferula = Ferula::start(dir.path(), &arguments);
        assert_eq!(counted(&ferula, sent), sent, "samples after a restart");
        for _ in 0..20 {
            let body = write_request(sent, sent + 10);
            let headers = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
                           X-Prometheus-Remote-Write-Version: 0.1.0\r\n";
            let answer = ferula.post("/api/v1/write", headers, &body);
            assert_eq!(answer.status, 204, "{}", answer.text());
            sent += 10;
        }
        ferula.kill();
    }
    let ferula = Ferula::start(dir.path(), &arguments);
    assert_eq!(counted(&ferula, sent), sent);
    let sum = sent * (sent - 1) / 2;
    let at = START_MS + sent * 1000;
    let query = format!("sum_over_time(written[{}s])", sent + 10);
    let answer = ferula.get(&format!("/api/v1/query?query={}&time={}", encoded(&query), at / 1000));
    assert_eq!(json(&answer)["data"]["result"][0]["value"][1], sum.to_string());
}

const START_MS: i64 = 1_700_000_000_000;

/// How many of `sent` samples are there.
fn counted(ferula: &Ferula, sent: i64) -> i64 {
    let query = format!("count_over_time(written[{}s])", sent + 10);
    let time = (START_MS + sent * 1000) / 1000;
    let answer = ferula.get(&format!("/api/v1/query?query={}&time={time}", encoded(&query)));
    let json = json(&answer);
    json["data"]["result"][0]["value"][1].as_str().map_or(0, |n| n.parse().expect("a number"))
}

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// Samples `from..to` of the series `written`, a second apart, each its own number.
fn write_request(from: i64, to: i64) -> Vec<u8> {
    let label = |name: &str, value: &str| Label { name: name.to_owned(), value: value.to_owned() };
    let samples = (from..to).map(|n| Sample { value: n as f64, timestamp: START_MS + n * 1000 });
    let series =
        TimeSeries { labels: vec![label("__name__", "written")], samples: samples.collect() };
    let request = WriteRequest { timeseries: vec![series] };
    snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).expect("it fits")
}

#[test]
fn terminated_it_ends_within_five_seconds_and_cleanly() {
    let target = FakeTarget::start("a 1\n");
    let dir = tempfile::tempdir().expect("a directory");
    let text = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n{}",
        job("j", &target.server.address())
    );
    fs::write(dir.path().join("prometheus.yml"), text).expect("written");
    let mut ferula = Ferula::start(dir.path(), &[]);
    ferula.until("it is scraped", |f| (f.value("a")? == "1").then_some(()));
    let (status, took) = ferula.stop();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
    let ferula = Ferula::start(dir.path(), &[]);
    let count = ferula.value("count_over_time(a[1h])").expect("the samples are there");
    assert!(count.parse::<u32>().expect("a number") >= 1);
}

#[test]
fn without_a_file_it_scrapes_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut ferula = Ferula::start_at(free_port(), dir.path(), &[]);
    let up = ferula.until("it is up", |f| f.query("up").pop());
    assert_eq!(up.0["job"], "prometheus");
    assert_eq!(up.0["instance"], format!("localhost:{}", ferula.port));
    assert!(dir.path().join("data").is_dir());
    assert!(
        ferula.log().contains(&format!("http://127.0.0.1:{}/", ferula.port)),
        "{}",
        ferula.log()
    );
}

#[test]
fn two_servers_cannot_share_a_directory_or_a_port() {
    let dir = tempfile::tempdir().expect("a directory");
    let ferula = Ferula::start(dir.path(), &[]);
    let other = format!("--web.listen-address=127.0.0.1:{}", free_port());
    let (code, said) = run(dir.path(), &[&other]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("data/ is in use by another process"), "{said}");
    let same = format!("--web.listen-address=127.0.0.1:{}", ferula.port);
    let (code, said) = run(dir.path(), &[&same, "--storage.tsdb.path=other"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot listen on 127.0.0.1:"), "{said}");
}
