//! Scraping over real sockets: a fake target, a whole manager, a store to look into.

mod fake_target;
mod store;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use discovery::TargetGroup;
use fake_target::{Answer, FakeTarget, response};
use model::Labels;
use model::clock::SystemClock;
use model::relabel::{Action, RelabelConfig, RelabelRule};
use scrape::{Health, MetricType, ScrapeConfig, ScrapeManager, ScrapeOptions, ScrapeProtocol};
use store::Store;

/// One manager and its store; the job is called `j`, its interval is short.
struct Bench {
    store: Arc<Store>,
    manager: ScrapeManager,
}

impl Bench {
    fn new() -> Self {
        let store = Arc::new(Store::default());
        let appendable: Arc<dyn storage::Appendable> = Arc::clone(&store) as _;
        let clock = Arc::new(SystemClock::new());
        let manager = ScrapeManager::new(appendable, clock, ScrapeOptions::default());
        Self { store, manager }
    }

    /// Scrapes one target with the usual configuration, changed by `set`.
    fn scraping(target: &FakeTarget, set: impl FnOnce(&mut ScrapeConfig)) -> Self {
        let bench = Self::new();
        bench.manager.apply(vec![job(&[&target.address], set)]);
        bench
    }

    /// Waits until the newest value of a series is this.
    async fn sees(&self, series: &str, value: &str) {
        until(|| self.store.last(series), |found| found == value).await;
    }

    fn target(&self) -> scrape::TargetStatus {
        let pools = self.manager.pools();
        pools.into_iter().next().and_then(|p| p.active.into_iter().next()).expect("one target")
    }

    /// Waits until the target's last error is this.
    async fn fails_with(&self, error: &str) {
        until(|| self.target().last_error, |found| found == error).await;
        assert_eq!(self.target().health, Health::Down);
    }
}

fn job(addresses: &[&str], set: impl FnOnce(&mut ScrapeConfig)) -> ScrapeConfig {
    let group = TargetGroup::of_addresses("0", addresses.iter().copied(), Labels::empty());
    let mut config = ScrapeConfig {
        job_name: "j".to_owned(),
        scrape_interval_ms: 200,
        scrape_timeout_ms: 200,
        static_configs: vec![group],
        ..ScrapeConfig::default()
    };
    set(&mut config);
    config
}

/// Looks again and again until it likes what it sees.
async fn until<T: std::fmt::Debug>(mut look: impl FnMut() -> T, good: impl Fn(&T) -> bool) -> T {
    let mut last = None;
    for _ in 0..4000 {
        let seen = look();
        if good(&seen) {
            return seen;
        }
        last = Some(seen);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not in 20 s; last seen: {last:?}");
}

/// A series of the target, with these labels beside its own.
fn series(target: &FakeTarget, name: &str, labels: &str) -> String {
    let address = &target.address;
    format!("{{__name__=\"{name}\", {labels}instance=\"{address}\", job=\"j\"}}")
}

#[tokio::test]
async fn a_target_s_samples_arrive_with_its_labels_and_a_report() {
    let target = FakeTarget::start("a{b=\"c\"} 1.5\nd 2\n").await;
    let bench = Bench::scraping(&target, |_| {});
    bench.sees(&series(&target, "a", "b=\"c\", "), "1.5").await;
    for (name, value) in [
        ("d", "2"),
        ("up", "1"),
        ("scrape_samples_scraped", "2"),
        ("scrape_samples_post_metric_relabeling", "2"),
    ] {
        bench.sees(&series(&target, name, ""), value).await;
    }
    bench.sees(&series(&target, "scrape_series_added", ""), "0").await;
    let added = bench.store.values(&series(&target, "scrape_series_added", ""));
    assert_eq!(added[0], "2");
    let duration = bench.store.samples(&series(&target, "scrape_duration_seconds", ""));
    assert!(duration[0].1 > 0.0 && duration[0].1 < 10.0);
    let samples = bench.store.samples(&series(&target, "d", ""));
    let up = bench.store.samples(&series(&target, "up", ""));
    assert_eq!(samples[0].0, up[0].0, "one scrape has one time");
    bench.manager.shutdown().await;
    assert_eq!(bench.store.commits(), up_count(&bench, &target), "one scrape is one commit");
    assert_eq!(target.connections(), 1);
}

#[tokio::test]
async fn a_scrape_that_cannot_be_committed_fails_and_the_next_one_goes_on() {
    let target = FakeTarget::start("a 1\n").await;
    let bench = Bench::scraping(&target, |_| {});
    bench.sees(&series(&target, "a", ""), "1").await;
    bench.store.set_full(true);
    bench.fails_with("cannot write wal/00000000: no storage space").await;
    let stored = bench.store.values(&series(&target, "a", "")).len();
    bench.store.set_full(false);
    let grown = |values: &Vec<String>| values.len() > stored;
    let values = until(|| bench.store.values(&series(&target, "a", "")), grown).await;
    assert!(values.iter().all(|v| v == "1"), "no stale marker in between: {values:?}");
    until(|| bench.target().health, |health| *health == Health::Up).await;
    assert_eq!(bench.target().last_error, "");
}

fn up_count(bench: &Bench, target: &FakeTarget) -> usize {
    bench.store.samples(&series(target, "up", "")).len()
}

#[tokio::test]
async fn the_request_says_what_prometheus_says() {
    let target = FakeTarget::start("a 1\n").await;
    let params = vec![("x".to_owned(), vec!["y z".to_owned()])];
    let bench = Bench::scraping(&target, |c| {
        c.params = params;
        c.metrics_path = "/m".to_owned();
    });
    let requests = until(|| target.requests(), |requests| !requests.is_empty()).await;
    for line in [
        "GET /m?x=y+z HTTP/1.1\r\n",
        "accept-encoding: gzip\r\n",
        "x-prometheus-scrape-timeout-seconds: 0.2\r\n",
        "accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,",
        "user-agent: Ferula/",
    ] {
        assert!(requests[0].contains(line), "{line} in {}", requests[0]);
    }
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn a_series_that_is_not_exposed_any_more_is_marked_once() {
    let target = FakeTarget::start("a 1\nb 2\n").await;
    let bench = Bench::scraping(&target, |_| {});
    let (a, b) = (series(&target, "a", ""), series(&target, "b", ""));
    bench.sees(&b, "2").await;
    target.say("a 7\n");
    bench.sees(&b, "stale").await;
    target.say("a 8\n");
    bench.sees(&a, "8").await;
    assert_eq!(bench.store.values(&b).iter().filter(|v| *v == "stale").count(), 1);
    target.say("a 8\nb 3\n");
    bench.sees(&b, "3").await;
    bench.manager.shutdown().await;
    assert_eq!(bench.store.last(&a), "8", "a server that stops marks nothing");
}

#[tokio::test]
async fn a_failed_scrape_ends_every_series_and_says_why() {
    let target = FakeTarget::start("a 1\nb 1\n").await;
    let bench = Bench::scraping(&target, |_| {});
    let (a, up) = (series(&target, "a", ""), series(&target, "up", ""));
    let url = format!("http://{}/metrics", target.address);
    let not_found = b"HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\nno!".to_vec();
    let html = response("text/html", "", b"<html>");
    for (answer, error) in [
        (
            Answer::Text("a 2\nb{ 1\n".to_owned()),
            "line 2: expected label name, got \"1\" while \
            parsing: \"b{ 1\"",
        ),
        (Answer::Raw(not_found), "server returned HTTP status 404 Not Found"),
        (
            Answer::Raw(html),
            "received unsupported Content-Type \"text/html\" and no \
            fallback_scrape_protocol specified for target",
        ),
        (Answer::Silence, &format!("Get \"{url}\": context deadline exceeded")),
    ] {
        target.say("a 1\nb 1\n");
        bench.sees(&a, "1").await;
        bench.sees(&up, "1").await;
        target.answer(answer);
        bench.sees(&a, "stale").await;
        bench.sees(&up, "0").await;
        bench.fails_with(error).await;
    }
    assert_eq!(bench.store.series().len(), 2, "nothing of a bad body is stored");
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn nobody_at_the_address_is_a_failed_scrape() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    drop(listener);
    let bench = Bench::new();
    bench.manager.apply(vec![job(&[&address], |_| {})]);
    let url = format!("http://{address}/metrics");
    let refused = "connect: connection refused";
    bench.fails_with(&format!("Get \"{url}\": dial tcp {address}: {refused}")).await;
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn a_broken_limit_fails_the_scrape_and_is_counted() {
    type Set = fn(&mut ScrapeConfig);
    let rows: [(Set, &str); 4] = [
        (|c| c.sample_limit = 1, "sample limit exceeded"),
        (|c| c.body_size_limit = 15, "body size limit exceeded"),
        (|c| c.label_limit = 3, "label_limit exceeded (metric: a, number of labels: 4, limit: 3)"),
        (
            |c| {
                c.target_limit = 1;
                let extra = TargetGroup::of_addresses("1", ["other:1"], Labels::empty());
                c.static_configs.push(extra);
            },
            "target_limit exceeded (number of targets: 2, limit: 1)",
        ),
    ];
    let target = FakeTarget::start("a{b=\"c\"} 1\nd 1\n").await;
    for (set, error) in rows {
        let bench = Bench::scraping(&target, |c| {
            set(c);
            c.extra_scrape_metrics = true;
        });
        bench.fails_with(error).await;
        bench.manager.shutdown().await;
        assert_eq!(bench.store.series(), [] as [&str; 0]);
        let stats = bench.manager.stats();
        let counted = stats.exceeded_sample_limit.get()
            + stats.exceeded_body_size_limit.get()
            + stats.exceeded_label_limits.get()
            + stats.exceeded_target_limit.get();
        assert!(counted > 0, "{error}");
        let said = |name| bench.store.last(&series(&target, name, ""));
        match error {
            "sample limit exceeded" => {
                assert_eq!(said("scrape_samples_scraped"), "2");
                assert_eq!(said("scrape_samples_post_metric_relabeling"), "2");
                assert_eq!(said("scrape_sample_limit"), "1");
                assert_eq!(said("scrape_timeout_seconds"), "0.2");
            }
            "body size limit exceeded" => assert_eq!(said("scrape_body_size_bytes"), "-1"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_target_that_is_gone_has_all_its_series_ended_and_the_others_go_on() {
    let (stays, goes) = (FakeTarget::start("a 1\n").await, FakeTarget::start("a 1\n").await);
    let bench = Bench::new();
    bench.manager.apply(vec![job(&[&stays.address, &goes.address], |_| {})]);
    bench.sees(&series(&stays, "a", ""), "1").await;
    bench.sees(&series(&goes, "a", ""), "1").await;
    bench.manager.apply(vec![job(&[&stays.address], |_| {})]);
    for name in ["a", "up", "scrape_duration_seconds", "scrape_series_added"] {
        bench.sees(&series(&goes, name, ""), "stale").await;
    }
    stays.say("a 5\n");
    bench.sees(&series(&stays, "a", ""), "5").await;
    assert_eq!(stays.connections(), 1, "its loop went on");
    bench.manager.apply(Vec::new());
    bench.sees(&series(&stays, "up", ""), "stale").await;
    bench.sees(&series(&stays, "a", ""), "stale").await;
    assert_eq!(bench.manager.pools(), []);
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn new_relabelling_takes_effect_and_ends_what_it_renames() {
    let target = FakeTarget::start("a 1\nb 1\n").await;
    let bench = Bench::scraping(&target, |_| {});
    let (a, b) = (series(&target, "a", ""), series(&target, "b", ""));
    bench.sees(&a, "1").await;
    let rule = RelabelConfig {
        source_labels: vec!["__name__".to_owned()],
        regex: "a".to_owned(),
        target_label: "__name__".to_owned(),
        replacement: "renamed".to_owned(),
        ..RelabelConfig::default()
    };
    let rules = vec![RelabelRule::new(rule).expect("a valid rule")];
    bench.manager.apply(vec![job(&[&target.address], |c| c.metric_relabel_configs = rules)]);
    bench.sees(&a, "stale").await;
    bench.sees(&series(&target, "renamed", ""), "1").await;
    assert!(!bench.store.values(&b).contains(&"stale".to_owned()));
    assert_eq!(target.connections(), 1);
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn a_new_interval_takes_effect_in_the_same_loop() {
    let target = FakeTarget::start("a 1\n").await;
    let bench = Bench::scraping(&target, |c| c.scrape_interval_ms = 3_600_000);
    assert_eq!(bench.target().health, Health::Unknown);
    bench.manager.apply(vec![job(&[&target.address], |_| {})]);
    bench.sees(&series(&target, "a", ""), "1").await;
    assert_eq!(bench.target().scrape_interval_ms, 200);
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn refused_samples_are_counted_and_the_others_stand() {
    let far = 9_000_000_000_000_i64;
    let target = FakeTarget::start(&format!("a 1\na 2\nb 1 {far}\nc 1 1000\nd 4\n")).await;
    let bench = Bench::scraping(&target, |_| {});
    bench.sees(&series(&target, "d", ""), "4").await;
    assert_eq!(bench.store.samples(&series(&target, "c", "")), [(1000, 1.0)]);
    bench.sees(&series(&target, "scrape_samples_post_metric_relabeling", ""), "5").await;
    target.say("c 2 999\nc 3 1000\n");
    let stats = bench.manager.stats();
    until(|| stats.sample_out_of_order.get(), |count| *count > 0).await;
    assert!(stats.sample_duplicate_timestamp.get() > 1);
    assert!(stats.sample_out_of_bounds.get() > 0);
    bench.manager.shutdown().await;
    let values = bench.store.values(&series(&target, "a", ""));
    assert!(values.iter().all(|v| v == "1" || v == "stale"), "{values:?}");
    assert_eq!(bench.store.last(&series(&target, "up", "")), "1");
}

#[tokio::test]
async fn a_series_with_its_own_times_gets_no_marker_unless_asked_for() {
    let target = FakeTarget::start("a 1 1000\nb 1\n").await;
    for (honor, track, last) in [(true, false, "1"), (true, true, "stale"), (false, false, "stale")]
    {
        target.say("a 1 1000\nb 1\n");
        let bench = Bench::scraping(&target, |c| {
            c.honor_timestamps = honor;
            c.track_timestamps_staleness = track;
        });
        let a = series(&target, "a", "");
        bench.sees(&a, "1").await;
        assert_eq!(bench.store.samples(&a)[0].0 == 1000, honor);
        target.say("c 1\n");
        bench.sees(&series(&target, "b", ""), "stale").await;
        bench.manager.shutdown().await;
        assert_eq!(bench.store.last(&a), last, "honor {honor}, track {track}");
    }
}

#[tokio::test]
async fn series_that_the_store_has_dropped_are_named_again() {
    let target = FakeTarget::start("a 1\n").await;
    let bench = Bench::scraping(&target, |_| {});
    bench.sees(&series(&target, "a", ""), "1").await;
    bench.store.forget_refs();
    target.say("a 2\n");
    bench.sees(&series(&target, "a", ""), "2").await;
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn openmetrics_comes_with_exemplars_and_gzip() {
    let body =
        b"# TYPE a counter\n# UNIT a_s s\n# HELP a help\na_total 1 # {x=\"y\"} 3 4.5\n# EOF\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body).expect("memory takes everything");
    let body = gzip.finish().expect("memory takes everything");
    let target = FakeTarget::start("").await;
    let content_type = "application/openmetrics-text; version=1.0.0";
    let reply = response(content_type, "content-encoding: gzip\r\n", &body);
    target.answer(Answer::Raw(reply));
    let bench = Bench::scraping(&target, |_| {});
    let name = series(&target, "a_total", "");
    bench.sees(&name, "1").await;
    let (labels, exemplar) = bench.store.exemplars().remove(0);
    assert_eq!(labels.to_string(), name);
    assert_eq!(exemplar.labels.to_string(), r#"{x="y"}"#);
    assert_eq!((exemplar.value, exemplar.timestamp), (3.0, Some(4500)));
    let metadata = bench.manager.metadata().remove(0).metadata;
    assert_eq!(metadata.len(), 2);
    assert_eq!((metadata[0].metric.as_str(), metadata[0].help.as_str()), ("a", "help"));
    assert_eq!((metadata[0].kind, metadata[1].unit.as_str()), (MetricType::Counter, "s"));
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn a_body_without_content_type_is_text_unless_the_job_says_otherwise() {
    let target = FakeTarget::start("").await;
    target.answer(Answer::Raw(response("", "", b"a 1\n")));
    let bench = Bench::scraping(&target, |_| {});
    bench.sees(&series(&target, "a", ""), "1").await;
    let openmetrics = Some(ScrapeProtocol::OpenMetricsText1_0_0);
    let config = job(&[&target.address], |c| c.fallback_scrape_protocol = openmetrics);
    bench.manager.apply(vec![config]);
    bench.fails_with("data does not end with # EOF").await;
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn dropped_targets_are_kept_for_display() {
    let rule = RelabelConfig {
        source_labels: vec!["__address__".to_owned()],
        regex: "drop.*".to_owned(),
        action: Action::Drop,
        ..RelabelConfig::default()
    };
    let rules = vec![RelabelRule::new(rule).expect("a valid rule")];
    let bench = Bench::new();
    bench.manager.apply(vec![job(&["drop1", "keep:1", "drop2", "keep:1", "bad/x"], |c| {
        c.relabel_configs = rules;
        c.keep_dropped_targets = 1;
    })]);
    let pool = bench.manager.pools().remove(0);
    assert_eq!((pool.active.len(), pool.dropped_count), (1, 2));
    assert_eq!(pool.dropped.len(), 1);
    assert_eq!(pool.dropped[0].get("__address__"), "drop1");
    assert_eq!(pool.active[0].labels.to_string(), r#"{instance="keep:1", job="j"}"#);
    assert_eq!(bench.manager.stats().pools()[0].1.sync_failed.get(), 1);
    bench.manager.shutdown().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_silent_target() {
    let target = FakeTarget::start("").await;
    target.answer(Answer::Silence);
    let bench = Bench::scraping(&target, |c| {
        c.scrape_interval_ms = 2_000;
        c.scrape_timeout_ms = 2_000;
    });
    until(|| target.requests(), |requests| !requests.is_empty()).await;
    bench.manager.shutdown().await;
    assert_eq!(bench.store.commits(), 0, "the scrape was given up, not waited for");
    bench.manager.apply(vec![job(&[&target.address], |_| {})]);
    assert_eq!(bench.manager.pools(), []);
}
