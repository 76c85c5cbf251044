//! One server: its process, its directory, its address.

use std::error::Error;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use client::{HttpClient, HttpOptions, Request};
use model::Clock;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::process::Usage;

/// Longer than anything here takes; a server that hangs ends the comparison with an error.
const PATIENCE: Duration = Duration::from_secs(600);
const NAP: Duration = Duration::from_millis(5);

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Who is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ferula,
    Prometheus,
    VictoriaMetrics,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Ferula, Self::Prometheus, Self::VictoriaMetrics];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ferula => "Ferula",
            Self::Prometheus => "Prometheus",
            Self::VictoriaMetrics => "VictoriaMetrics",
        }
    }

    /// What its binary is called, by those who package it.
    pub(crate) fn binaries(self) -> &'static [&'static str] {
        match self {
            Self::Ferula => &["ferula"],
            Self::Prometheus => &["prometheus"],
            Self::VictoriaMetrics => &["victoria-metrics", "victoria-metrics-prod"],
        }
    }

    fn arguments(self, dir: &Path, address: &str) -> Vec<String> {
        let data = dir.join("data").display().to_string();
        match self {
            Self::Ferula | Self::Prometheus => vec![
                format!("--config.file={}", dir.join("prometheus.yml").display()),
                format!("--storage.tsdb.path={data}"),
                format!("--web.listen-address={address}"),
                "--storage.tsdb.retention.time=10y".to_owned(),
                "--web.enable-remote-write-receiver".to_owned(),
            ],
            Self::VictoriaMetrics => vec![
                format!("-storageDataPath={data}"),
                format!("-httpListenAddr={address}"),
                "-retentionPeriod=10y".to_owned(),
            ],
        }
    }
}

/// A binary to compare, and the directory it may use.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) kind: Kind,
    pub(crate) binary: PathBuf,
}

/// A running server.
pub(crate) struct Server<'a> {
    pub(crate) kind: Kind,
    dir: PathBuf,
    address: String,
    child: Child,
    client: HttpClient,
    runtime: &'a Runtime,
    clock: &'a dyn Clock,
    /// From its start until it said it is ready.
    pub(crate) ready_after: Duration,
}

impl<'a> Server<'a> {
    /// Starts a server on `dir` and waits until it is ready.
    pub(crate) fn start(
        candidate: &Candidate,
        dir: &Path,
        runtime: &'a Runtime,
        clock: &'a dyn Clock,
    ) -> Result<Self> {
        // The port is free until somebody else takes it; nobody else is looking for one.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        fs::write(dir.join("prometheus.yml"), "global: {}\n")?;
        let log = File::options().create(true).append(true).open(dir.join("log"))?;
        let begun = clock.monotonic();
        let child = Command::new(&candidate.binary)
            .args(candidate.kind.arguments(dir, &address))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|e| format!("{} does not start: {e}", candidate.binary.display()))?;
        let mut server = Self {
            kind: candidate.kind,
            dir: dir.to_owned(),
            address,
            child,
            client: HttpClient::new(HttpOptions::default()),
            runtime,
            clock,
            ready_after: Duration::ZERO,
        };
        server.until("it is ready", |server| Ok(server.get("/-/ready").is_ok()))?;
        server.ready_after = clock.monotonic() - begun;
        Ok(server)
    }

    /// The directory of its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// What the process has used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id())
    }

    /// Waits until `check` is true, asking often.
    pub(crate) fn until(
        &mut self,
        what: &str,
        mut check: impl FnMut(&Self) -> Result<bool>,
    ) -> Result<()> {
        let begun = self.clock.monotonic();
        while !check(self)? {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failed(&format!("ended with {status}, waiting until {what}")));
            }
            if self.clock.monotonic() - begun > PATIENCE {
                return Err(self.failed(&format!("waited in vain until {what}")));
            }
            pause(NAP);
        }
        Ok(())
    }

    /// An error that shows the end of the server's log.
    fn failed(&self, what: &str) -> Box<dyn Error> {
        let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(10).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        format!("{}: {what}; its log ends with\n{}", self.kind.name(), tail.join("\n")).into()
    }

    /// The body of an answer with status 200.
    pub(crate) fn get(&self, path: &str) -> Result<Bytes> {
        let url = format!("http://{}{path}", self.address);
        let answer = self.runtime.block_on(self.client.get(&url, &[], PATIENCE))?;
        if !answer.status.is_success() {
            let body = String::from_utf8_lossy(&answer.body);
            return Err(format!("{path}: {} {body}", answer.status_text()).into());
        }
        Ok(answer.decoded()?)
    }

    /// The `result` of a query; `path` is what follows `/api/v1/`.
    pub(crate) fn query(&self, path: &str) -> Result<Value> {
        let body = self.get(&format!("/api/v1/{path}"))?;
        let mut json: Value = serde_json::from_slice(&body)?;
        Ok(json["data"]["result"].take())
    }

    /// Sends the body of a remote-write request; it is acknowledged when this returns.
    pub(crate) fn write(&self, body: Vec<u8>) -> Result<()> {
        let url = format!("http://{}/api/v1/write", self.address);
        let headers = &[
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ];
        let (method, body) = (http::Method::POST, body.into());
        let request =
            Request { method, url: &url, headers, body, timeout: PATIENCE, max_body_bytes: 0 };
        let answer = self.runtime.block_on(self.client.send(request))?;
        if answer.status.is_success() {
            return Ok(());
        }
        let body = String::from_utf8_lossy(&answer.body);
        Err(self.failed(&format!("refused samples: {} {body}", answer.status_text())))
    }

    /// Asks it to end, waits until it has, and returns what it used in all of its life.
    pub(crate) fn stop(mut self) -> Result<Usage> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let begun = self.clock.monotonic();
        // A process that has ended is still accounted for until it is waited for.
        let usage = loop {
            let usage = self.usage()?;
            if usage.has_ended {
                break usage;
            }
            if self.clock.monotonic() - begun > PATIENCE {
                return Err(self.failed("does not end when asked to"));
            }
            pause(NAP);
        };
        self.child.wait()?;
        Ok(usage)
    }

    /// Ends it as a power cut of the process would: at once.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

/// Waits for another process.
#[expect(clippy::disallowed_methods, reason = "this program has nothing else to do")]
pub(crate) fn pause(span: Duration) {
    std::thread::sleep(span);
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
