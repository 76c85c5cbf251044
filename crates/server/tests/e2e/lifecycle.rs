//! Start, reload, death, restart, stop.

use std::fs;
use std::time::Duration;

use testkit::fakes::FakeTarget;

use crate::ferula::{Ferula, free_port, run};
use crate::written::Written;

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
    let written = Written { start_ms: 1_700_000_000_000, step_ms: 1000 };
    let mut sent = 0_i64;
    for _ in 0..3 {
        let ferula = Ferula::start(dir.path(), &arguments);
        assert_eq!(written.counted(&ferula, sent), sent, "samples after a restart");
        for _ in 0..20 {
            let answer = written.send(&ferula, sent, sent + 10);
            assert_eq!(answer.status, 204, "{}", answer.text());
            sent += 10;
        }
        ferula.kill();
    }
    let ferula = Ferula::start(dir.path(), &arguments);
    assert_eq!(written.counted(&ferula, sent), sent);
    assert_eq!(written.ask("sum_over_time", &ferula, sent), Some(sent * (sent - 1) / 2));
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
