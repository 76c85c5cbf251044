//! A disk that is full: nothing more is taken, nothing is lost, and it goes on when there is room.
#![expect(clippy::disallowed_methods, reason = "samples have to be near what is scraped")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use testkit::fakes::FakeTarget;

use crate::ferula::{Ferula, json};
use crate::written::Written;

/// A file system of its own, in memory.
struct Disk(PathBuf);

impl Disk {
    /// `None` where one may not mount.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir(at).expect("a directory");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at);
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        is_mounted.then(|| Self(at.to_owned()))
    }

    /// Leaves no room.
    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).expect("a file");
        while file.write(&[1; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).expect("it is there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a server that has failed the test may still be there.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// A metric of the server's own.
fn metric(ferula: &Ferula, name: &str) -> f64 {
    let text = ferula.get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name}"))
}

fn last_error(ferula: &Ferula) -> String {
    let targets = json(&ferula.get("/api/v1/targets"));
    targets["data"]["activeTargets"][0]["lastError"].as_str().unwrap_or_default().to_owned()
}

fn scraped(ferula: &Ferula) -> Option<i64> {
    ferula.value("count_over_time(a[1h])")?.parse().ok()
}

#[test]
fn a_full_disk_stops_ingestion_alone_and_until_there_is_room() {
    let dir = tempfile::tempdir().expect("a directory");
    let Some(disk) = Disk::mount(&dir.path().join("disk"), "8m") else {
        eprintln!("skipped: a file system can be mounted by root alone");
        return;
    };
    let target = FakeTarget::start("a 1\n");
    let job = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: j\n  static_configs:\n  \
         - targets: ['{}']\n",
        target.server.address()
    );
    fs::write(dir.path().join("prometheus.yml"), job).expect("written");
    let arguments = ["--web.enable-remote-write-receiver", "--storage.tsdb.path=disk/data"];
    let mut ferula = Ferula::start(dir.path(), &arguments);
    ferula.until("it is scraped", scraped);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let start_ms = i64::try_from(now.as_millis()).expect("soon") - 1_800_000;
    let written = Written { start_ms, step_ms: 1 };

    disk.fill();
    let mut sent = 0;
    let refused = loop {
        assert!(sent < 1_000_000, "a full disk takes no more");
        let answer = written.send(&ferula, sent, sent + 500);
        if answer.status != 204 {
            break answer;
        }
        sent += 500;
    };
    assert_eq!(refused.status, 500, "{}", refused.text());
    assert!(refused.text().contains("No space left on device"), "{}", refused.text());
    ferula.until("the scrape fails", |f| {
        last_error(f).contains("No space left on device").then_some(())
    });
    assert!(metric(&ferula, "prometheus_tsdb_wal_writes_failed_total") > 0.0);
    let before = scraped(&ferula).expect("queries go on");
    assert_eq!(written.counted(&ferula, sent), sent, "what was acknowledged is answered");

    disk.make_room();
    ferula.until("it is scraped again", |f| (scraped(f)? > before).then_some(()));
    ferula.until("the target is well", |f| last_error(f).is_empty().then_some(()));
    let answer = written.send(&ferula, sent, sent + 500);
    assert_eq!(answer.status, 204, "{}", answer.text());
    sent += 500;

    let before = scraped(&ferula).expect("queries go on");
    ferula.kill();
    let ferula = Ferula::start(dir.path(), &arguments);
    assert_eq!(written.counted(&ferula, sent), sent, "and so after a crash");
    assert!(scraped(&ferula) >= Some(before));
}
