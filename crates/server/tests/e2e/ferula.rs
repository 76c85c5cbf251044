//! The real binary, in a directory of its own.
#![expect(clippy::disallowed_methods, reason = "who watches a process has to wait for it")]

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use testkit::http::{Answer, ask, encoded};

/// How long something that must happen may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub(crate) struct Ferula {
    child: Option<Child>,
    pub(crate) port: u16,
    dir: PathBuf,
}

impl Ferula {
    /// Starts the binary in `dir`, which holds its configuration and its data, and waits until it
    /// is ready. It takes whatever port is free.
    pub(crate) fn start(dir: &Path, arguments: &[&str]) -> Self {
        Self::start_at(0, dir, arguments)
    }

    /// The same, at a port.
    pub(crate) fn start_at(port: u16, dir: &Path, arguments: &[&str]) -> Self {
        let said_before = fs::metadata(dir.join("log")).map_or(0, |log| log.len());
        let log = fs::File::options().create(true).append(true).open(dir.join("log"));
        let child = Command::new(env!("CARGO_BIN_EXE_ferula"))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(arguments)
            .current_dir(dir)
            .stderr(log.expect("a log file"))
            .spawn()
            .expect("the binary starts");
        let mut ferula = Self { child: Some(child), port, dir: dir.to_owned() };
        ferula.port = ferula.until("it says where it listens", |ferula| {
            let log = ferula.log();
            let said = log.get(usize::try_from(said_before).ok()?..)?;
            let (_, url) = said.split_once("url=http://127.0.0.1:")?;
            url.split('/').next()?.parse().ok()
        });
        assert_eq!(ferula.get("/-/ready").status, 200);
        ferula
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn try_get(&self, path: &str) -> Option<Answer> {
        ask(&self.address(), "GET", path, "", b"")
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.try_get(path).unwrap_or_else(|| panic!("no answer to {path}\n{}", self.log()))
    }

    pub(crate) fn post(&self, path: &str, headers: &str, body: &[u8]) -> Answer {
        let answer = ask(&self.address(), "POST", path, headers, body);
        answer.unwrap_or_else(|| panic!("no answer to {path}\n{}", self.log()))
    }

    /// The elements of an instant query, each as labels and value.
    pub(crate) fn query(&self, query: &str) -> Vec<(Value, String)> {
        let answer = self.get(&format!("/api/v1/query?query={}", encoded(query)));
        let json = json(&answer);
        let elements = json["data"]["result"].as_array().cloned().unwrap_or_default();
        elements
            .into_iter()
            .map(|e| (e["metric"].clone(), e["value"][1].as_str().unwrap_or("?").to_owned()))
            .collect()
    }

    /// The only value of an instant query.
    pub(crate) fn value(&self, query: &str) -> Option<String> {
        let mut elements = self.query(query);
        assert!(elements.len() < 2, "{query}: {elements:?}");
        elements.pop().map(|(_, value)| value)
    }

    /// Asks until `check` finds what it looks for; fails after [`PATIENCE`].
    pub(crate) fn until<T>(&mut self, what: &str, mut check: impl FnMut(&Self) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = check(self) {
                return found;
            }
            let child = self.child.as_mut().expect("it runs");
            if let Ok(Some(status)) = child.try_wait() {
                panic!("waiting until {what}: ended with {status}\n{}", self.log());
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}\n{}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    /// Asks it to stop, and waits.
    pub(crate) fn stop(mut self) -> (ExitStatus, Duration) {
        self.signal("TERM");
        let begun = Instant::now();
        let status = self.child.take().expect("it runs").wait().expect("it ends");
        (status, begun.elapsed())
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        (self.child.take().expect("it runs").wait().expect("it ends"), begun.elapsed())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Ferula {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The body of an answer as JSON.
pub(crate) fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|e| panic!("{e}: {}", answer.text()))
}

/// Runs the binary to its end, which must come by itself: its exit code and what it said.
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ferula"))
        .args(arguments)
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let begun = Instant::now();
    while child.try_wait().expect("it can be asked").is_none() {
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("{arguments:?}: still running");
        }
        thread::sleep(Duration::from_millis(20));
    }
    let mut said = String::new();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    out.expect("it is piped").read_to_string(&mut said).expect("text");
    err.expect("it is piped").read_to_string(&mut said).expect("text");
    (child.wait().expect("it has ended").code(), said)
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}
