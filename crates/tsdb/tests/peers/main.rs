//! The database beside real programs: Prometheus and its tools, where they are installed.
//!
//! Processes of their own for them, and for these tests: a child that is about to begin holds the
//! locks of its parent for a moment.

#[path = "../db/samples.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod samples;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use model::TimeRange;

use crate::samples::{HOUR, exported, open, options};

/// What `promtool tsdb dump` prints of a directory: a line for each sample.
fn dumped(promtool: &Path, dir: &Path) -> Vec<String> {
    let output = Command::new(promtool).args(["tsdb", "dump"]).arg(dir).output();
    let output = output.expect("promtool runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("it is text");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// A program on `PATH`; says so if there is none.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.is_file());
    if found.is_none() {
        eprintln!("skipped: {name} is not on PATH");
    }
    found
}

#[test]
fn promtool_reads_what_is_exported() {
    let Some(promtool) = program("promtool") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let samples = exported(dir.path());
    let lines = samples.iter().flat_map(|(series, samples)| {
        samples.iter().map(move |(t, bits)| format!("{series} {} {t}", f64::from_bits(*bits)))
    });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    let found = dumped(&promtool, dir.path());
    // promtool prints large numbers with an exponent; they are the same numbers.
    let value = |line: &str| {
        let mut words = line.rsplitn(3, ' ');
        let t: i64 = words.next().and_then(|t| t.parse().ok()).expect("a time");
        let v: f64 = words.next().and_then(|v| v.parse().ok()).expect("a value");
        (words.next().expect("a series").to_owned(), t, v.to_bits())
    };
    let mut found: Vec<_> = found.iter().map(|line| value(line)).collect();
    let mut expected: Vec<_> = lines.iter().map(|line| value(line)).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let list = Command::new(&promtool).args(["tsdb", "list"]).arg(dir.path()).output();
    let list = list.expect("promtool runs");
    let text = String::from_utf8_lossy(&list.stdout).into_owned();
    assert_eq!(text.lines().count(), 6, "a head line and five blocks:\n{text}");
}

/// A Prometheus that scrapes itself twice a second, native histograms too.
fn start(prometheus: &Path, dir: &Path, address: &str) -> Child {
    let config = format!(
        "global: {{scrape_interval: 500ms}}\nscrape_configs:\n- job_name: self\n  \
         scrape_protocols: [PrometheusProto]\n  static_configs: [{{targets: ['{address}']}}]\n"
    );
    let config_path = dir.join("prometheus.yml");
    std::fs::write(&config_path, config).expect("it is written");
    Command::new(prometheus)
        .arg(format!("--config.file={}", config_path.display()))
        .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .args(["--enable-feature=native-histograms", "--web.enable-lifecycle"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus starts")
}

/// Gives another program time.
#[expect(clippy::disallowed_methods, reason = "another program has no event to wait for")]
fn pause() {
    std::thread::sleep(Duration::from_millis(100));
}

/// Asks for something again and again until it answers well.
fn until_answered(address: &str, method: &str, path: &str) -> testkit::http::Answer {
    for _ in 0..300 {
        let answer = testkit::http::ask(address, method, path, "", b"");
        if let Some(answer) = answer.filter(|answer| answer.status == 200) {
            return answer;
        }
        pause();
    }
    panic!("no answer to {path}");
}

#[test]
fn what_a_real_prometheus_leaves_is_read_to_the_last_sample() {
    let (Some(prometheus), Some(promtool)) = (program("prometheus"), program("promtool")) else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("a port").to_string();
    drop(listener);
    let mut child = start(&prometheus, dir.path(), &address);
    let scraped = "/api/v1/query?query=count_over_time(up[1h])%20%3E%208";
    for _ in 0..300 {
        if until_answered(&address, "GET", scraped).text().contains("\"value\"") {
            break;
        }
        pause();
    }
    until_answered(&address, "POST", "/-/quit");
    assert!(child.wait().expect("it ends").success());
    let data = dir.path().join("data");
    let expected = dumped(&promtool, &data);
    assert!(expected.len() > 2000, "{} samples", expected.len());
    assert!(expected.iter().any(|line| line.contains("{count:")), "no native histograms");
    let db = open(&options(&data));
    let exported = dir.path().join("exported");
    db.export(&exported, TimeRange::ALL, 2 * HOUR, 0, &mut |_| ()).expect("it is written");
    assert_eq!(dumped(&promtool, &exported), expected);
    drop(db);
    // Prometheus's own blocks, as ours and as its own again.
    let served = open(&options(&exported));
    let again = dir.path().join("again");
    served.export(&again, TimeRange::ALL, 2 * HOUR, 0, &mut |_| ()).expect("it is written");
    assert_eq!(dumped(&promtool, &again), expected);
}
