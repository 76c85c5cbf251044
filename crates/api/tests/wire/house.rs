//! A whole API on loopback: a database with a few samples, and everything a handler may touch.

use std::sync::Arc;
use std::time::Duration;

use api::{AppState, BuildInfo, Command, ConfigView, Options, Parts, ProcessFacts};
use model::clock::ManualClock;
use model::{Clock, Labels};
use promql::{Engine, EngineOptions};
use remote::Receiver;
use rules::{Notifier, NotifierOptions, RuleFile, RuleManager, RuleOptions};
use scrape::{ScrapeConfig, ScrapeManager, ScrapeOptions};
use storage::Appendable;
use testkit::http::{Answer, ask, encoded};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tsdb::Db;

/// The time of day, ms: 2026-11-23T12:00:00Z.
pub(crate) const NOW: i64 = 1_795_435_200_000;

/// The API of a server, ready or not.
pub(crate) struct House {
    pub(crate) address: String,
    pub(crate) state: AppState,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) parts: Parts,
    runtime: Runtime,
    _dir: tempfile::TempDir,
}

impl House {
    /// Ready, with these samples: labels, ms before [`NOW`], value.
    pub(crate) fn with(samples: &[(&str, i64, f64)], options: Options) -> Self {
        let house = Self::starting(samples, options);
        house.state.start(house.parts.clone());
        house
    }

    /// The same with Prometheus's defaults.
    pub(crate) fn of(samples: &[(&str, i64, f64)]) -> Self {
        Self::with(samples, Options::default())
    }

    /// The same with a limit of what queries may hold.
    pub(crate) fn of_few_samples(samples: &[(&str, i64, f64)], max_samples: usize) -> Self {
        Self::of_engine(samples, EngineOptions { max_samples, ..EngineOptions::default() })
    }

    /// The same with another engine.
    pub(crate) fn of_engine(samples: &[(&str, i64, f64)], engine: EngineOptions) -> Self {
        let house = Self::built(samples, Options::default(), engine);
        house.open();
        house
    }

    /// Not ready yet.
    pub(crate) fn starting(samples: &[(&str, i64, f64)], options: Options) -> Self {
        Self::built(samples, options, EngineOptions::default())
    }

    fn built(samples: &[(&str, i64, f64)], options: Options, engine: EngineOptions) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("threads");
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
        let parts = parts(dir.path(), &clock, engine);
        append(&parts.db, samples);
        let (sender, commands) = mpsc::channel(1);
        let facts = ProcessFacts {
            start_time: NOW - 60_000,
            storage_retention: "15d".to_owned(),
            flags: [("config.file".to_owned(), "prometheus.yml".to_owned())].into(),
            ..ProcessFacts::default()
        };
        let build = BuildInfo::of_release("0.1.0");
        let state = AppState::new(options.clone(), build, facts, clock, sender);
        let labels = Labels::from_pairs([("site", "here")]);
        state.config_applied(
            ConfigView { yaml: "global: {}\n".to_owned(), external_labels: labels },
            NOW,
        );
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let router = api::router(state.clone()).expect("a valid origin");
        runtime.spawn(async move {
            let forever = std::future::pending();
            api::serve(listener, router, &options, forever).await.expect("it serves");
        });
        Self { address, state, commands, parts, runtime, _dir: dir }
    }

    /// Makes it ready.
    pub(crate) fn open(&self) {
        self.state.start(self.parts.clone());
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", b"")
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        ask(&self.address, method, path, headers, body).expect("an answer")
    }

    /// Evaluates the rules of a file called `r.yml` at these times.
    pub(crate) fn evaluate(&self, text: &str, times: &[i64]) {
        let path = std::path::PathBuf::from("r.yml");
        let file = RuleFile::parse(&path, text, promql::ParserOptions::default());
        let _inside = self.runtime.enter();
        self.parts.rules.apply(vec![file.expect("a sound file")], 60_000, 0, Labels::empty());
        for t in times {
            self.runtime.block_on(self.parts.rules.evaluate_at(*t));
        }
    }

    /// Scrapes these jobs from now on.
    pub(crate) fn scrape(&self, jobs: Vec<ScrapeConfig>) {
        let _inside = self.runtime.enter();
        self.parts.scrape.apply(jobs);
    }

    /// Asks again and again until the answer is a good one.
    pub(crate) fn until(&self, path: &str, good: impl Fn(&str) -> bool) -> String {
        let mut body = String::new();
        for _ in 0..2000 {
            body = self.told(path).1;
            if good(&body) {
                return body;
            }
            self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(10)).await });
        }
        panic!("{path}: not in 20 s; last seen: {body}");
    }

    /// Status and body of a request.
    pub(crate) fn told(&self, path: &str) -> (u16, String) {
        let answer = self.get(path);
        (answer.status, answer.text())
    }

    /// Status and body of an instant query at [`NOW`].
    pub(crate) fn query(&self, query: &str) -> (u16, String) {
        self.told(&format!("/api/v1/query?query={}&time={}", encoded(query), NOW / 1000))
    }

    /// The first command that comes to the main loop.
    pub(crate) fn command(&mut self) -> Option<Command> {
        self.commands.blocking_recv()
    }
}

fn parts(dir: &std::path::Path, clock: &Arc<dyn Clock>, engine: EngineOptions) -> Parts {
    let options =
        tsdb::Options { path: dir.to_owned(), max_exemplars: 10, ..tsdb::Options::default() };
    let db = Arc::new(Db::open(options, NOW).expect("it opens"));
    let engine = Arc::new(Engine::new(engine, Arc::clone(clock)));
    let notifier = Notifier::new(NotifierOptions::default(), Arc::clone(clock));
    let rules = RuleManager::new(
        Arc::clone(&db) as _,
        Arc::clone(&db) as _,
        Arc::clone(&engine),
        Arc::clone(&notifier),
        Arc::clone(clock),
        RuleOptions::default(),
    );
    let scrape =
        ScrapeManager::new(Arc::clone(&db) as _, Arc::clone(clock), ScrapeOptions::default());
    let receiver = Arc::new(Receiver::default());
    Parts { db, receiver, engine, scrape: Arc::new(scrape), rules: Arc::new(rules), notifier }
}

/// Samples of series such as `up{job="a"}`.
fn append(db: &Db, samples: &[(&str, i64, f64)]) {
    let mut appender = db.appender();
    for (series, before, value) in samples {
        let matchers = promql::parse_matchers(series).expect("a series");
        let labels = Labels::from_pairs(matchers.into_iter().map(|m| (m.name, m.value)));
        appender.append(None, &labels, NOW - before, *value).expect("it is in order");
    }
    appender.commit().expect("it is written");
}

/// Options with everything on that is off by default.
pub(crate) fn all_on() -> Options {
    Options {
        enable_lifecycle: true,
        enable_admin_api: true,
        enable_remote_write: true,
        query_timeout: Duration::from_secs(60),
        ..Options::default()
    }
}
