//! What handlers may touch.
//!
//! The server makes one [`AppState`] before anything else, so that `/-/healthy` and `/-/ready` answer
//! while the database opens; [`AppState::start`] hands over the parts when they are there. Until then,
//! and after [`AppState::stop`], whatever needs a part is answered with 503.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use model::{Clock, Labels, Timestamp};
use promql::{Asked, CancelToken, Engine};
use remote::Receiver;
use rules::{Notifier, RuleManager};
use scrape::ScrapeManager;
use tokio::sync::{mpsc, oneshot};
use tsdb::{Db, ReplayProgress};
use url::Url;

use crate::client::Client;
use crate::http_stats::HttpStats;
use crate::query_pool::{Ask, QueryPool};

/// How the API behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The URL under which the server is reached from outside. Default `http://localhost:9090/`.
    pub external_url: Url,
    /// What all paths begin with, such as `/prometheus`; empty for nothing. Default empty.
    pub route_prefix: String,
    /// The ports listened on. A target on this machine with one of them is the server itself, and
    /// is shown under the external URL. Default 9090.
    pub listen_ports: Vec<u16>,
    /// Which origins browsers may ask from: an expression, anchored. Default `.*`.
    pub cors_origin: String,
    /// Whether `/-/reload` and `/-/quit` work. Default false.
    pub enable_lifecycle: bool,
    /// Whether `/api/v1/admin/tsdb/…` works. Default false.
    pub enable_admin_api: bool,
    /// Whether `/api/v1/write` takes samples. Default false.
    pub enable_remote_write: bool,
    /// So many queries run at a time; the others wait. Default 20.
    pub max_concurrency: usize,
    /// So many queries wait for their turn; further ones are refused. Default 256.
    pub max_waiting: usize,
    /// A query, with its waiting, may take so long. Default 2 minutes.
    pub query_timeout: Duration,
    /// A request's head may take so long to arrive, and its body as long again; else the connection
    /// is closed, or the request refused. Default 5 minutes.
    pub read_timeout: Duration,
    /// So many connections are served at a time; further ones wait. Default 512.
    pub max_connections: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            external_url: Url::parse("http://localhost:9090/").expect("a valid URL"),
            route_prefix: String::new(),
            listen_ports: vec![9090],
            cors_origin: ".*".to_owned(),
            enable_lifecycle: false,
            enable_admin_api: false,
            enable_remote_write: false,
            max_concurrency: 20,
            max_waiting: 256,
            query_timeout: Duration::from_secs(120),
            read_timeout: Duration::from_secs(300),
            max_connections: 512,
        }
    }
}

/// What this build is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// Clients compare it with Prometheus's releases, so it begins with the one we answer like:
    /// [`BuildInfo::of_release`].
    pub version: String,
    /// The commit.
    pub revision: String,
    /// The branch.
    pub branch: String,
    /// Who built it.
    pub build_user: String,
    /// When.
    pub build_date: String,
    /// With which compiler.
    pub compiler: String,
}

impl BuildInfo {
    /// Our release `ours`, as an answer to those who expect Prometheus.
    pub fn of_release(ours: &str) -> Self {
        let version = format!("3.5.0+ferula.{ours}");
        Self { version, compiler: "rustc".to_owned(), ..Self::default() }
    }
}

/// What is told about the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessFacts {
    /// When it started.
    pub start_time: Timestamp,
    /// The directory it runs in.
    pub working_directory: String,
    /// The machine's name.
    pub hostname: String,
    /// How long samples are kept, as `/api/v1/status/runtimeinfo` shows it: `15d`, `15d or 1GiB`.
    pub storage_retention: String,
    /// Command-line flags with their values, defaults included, as `/api/v1/status/flags` shows them.
    pub flags: BTreeMap<String, String>,
}

/// What the API shows of the configuration that is in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigView {
    /// The file, with defaults filled in and secrets left out.
    pub yaml: String,
    /// Labels that federation adds.
    pub external_labels: Labels,
}

/// What the API asks of the server's main loop.
#[derive(Debug)]
pub enum Command {
    /// Read the configuration again; answer what came of it.
    Reload(oneshot::Sender<Result<(), String>>),
    /// Stop.
    Quit,
}

/// The parts that answers are made of.
#[derive(Clone)]
pub struct Parts {
    /// The database.
    pub db: Arc<Db>,
    /// Remote write into the database.
    pub receiver: Arc<Receiver>,
    /// PromQL.
    pub engine: Arc<Engine>,
    /// Scraping.
    pub scrape: Arc<ScrapeManager>,
    /// Rules and alerts.
    pub rules: Arc<RuleManager>,
    /// Notifications.
    pub notifier: Arc<Notifier>,
}

/// Shared by all handlers.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

struct Inner {
    options: Options,
    build: BuildInfo,
    facts: ProcessFacts,
    clock: Arc<dyn Clock>,
    commands: mpsc::Sender<Command>,
    pool: QueryPool,
    http: HttpStats,
    replay: Arc<ReplayProgress>,
    stage: RwLock<Stage>,
    config: RwLock<Arc<ConfigView>>,
    reload_succeeded: AtomicBool,
    reload_time: AtomicI64,
}

/// Where in its life the server is.
enum Stage {
    Starting,
    Ready(Parts),
    Stopping,
}

/// Why there are no parts at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotReady {
    Starting,
    Stopping,
}

impl AppState {
    /// A state that is not ready yet. Commands go out through `commands`.
    pub fn new(
        options: Options,
        build: BuildInfo,
        facts: ProcessFacts,
        clock: Arc<dyn Clock>,
        commands: mpsc::Sender<Command>,
    ) -> Self {
        let pool = QueryPool::new(options.max_concurrency, options.max_waiting);
        Self(Arc::new(Inner {
            options,
            build,
            facts,
            clock,
            commands,
            pool,
            http: HttpStats::default(),
            replay: Arc::default(),
            stage: RwLock::new(Stage::Starting),
            config: RwLock::default(),
            reload_succeeded: AtomicBool::new(false),
            reload_time: AtomicI64::new(0),
        }))
    }

    /// Hands over the parts: from now on the server is ready.
    pub fn start(&self, parts: Parts) {
        *self.0.stage.write().unwrap_or_else(PoisonError::into_inner) = Stage::Ready(parts);
    }

    /// Lets go of the parts: from now on the server is not ready.
    pub fn stop(&self) {
        *self.0.stage.write().unwrap_or_else(PoisonError::into_inner) = Stage::Stopping;
    }

    /// Notes that a configuration was applied.
    pub fn config_applied(&self, view: ConfigView, now_ms: Timestamp) {
        *self.0.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
        self.0.reload_succeeded.store(true, Ordering::Relaxed);
        self.0.reload_time.store(now_ms, Ordering::Relaxed);
    }

    /// Notes that a configuration was refused; the one before stays in force.
    pub fn config_refused(&self) {
        self.0.reload_succeeded.store(false, Ordering::Relaxed);
    }

    /// Where the database says, while it opens, how far it is.
    pub fn replay(&self) -> &Arc<ReplayProgress> {
        &self.0.replay
    }

    /// The options it was made with.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    pub(crate) fn parts(&self) -> Result<Parts, NotReady> {
        match &*self.0.stage.read().unwrap_or_else(PoisonError::into_inner) {
            Stage::Starting => Err(NotReady::Starting),
            Stage::Ready(parts) => Ok(parts.clone()),
            Stage::Stopping => Err(NotReady::Stopping),
        }
    }

    pub(crate) fn config(&self) -> Arc<ConfigView> {
        Arc::clone(&self.0.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the last configuration was applied, and when one last was.
    pub(crate) fn reload_status(&self) -> (bool, Timestamp) {
        let time = self.0.reload_time.load(Ordering::Relaxed);
        (self.0.reload_succeeded.load(Ordering::Relaxed), time)
    }

    pub(crate) fn build(&self) -> &BuildInfo {
        &self.0.build
    }

    pub(crate) fn facts(&self) -> &ProcessFacts {
        &self.0.facts
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.0.clock.as_ref()
    }

    pub(crate) fn commands(&self) -> &mpsc::Sender<Command> {
        &self.0.commands
    }

    pub(crate) fn pool(&self) -> &QueryPool {
        &self.0.pool
    }

    /// A query that wants its turn, listed from now on, with all the time a query may take.
    pub(crate) fn ask(
        &self,
        parts: &Parts,
        Client(client): Client,
        kind: &'static str,
        text: &str,
    ) -> Ask {
        let asked = Asked { kind, text: text.into(), client: client.to_string() };
        let tracked = parts.engine.active().begin(asked, &CancelToken::default());
        Ask { tracked, client, timeout: self.0.options.query_timeout }
    }

    pub(crate) fn http(&self) -> &HttpStats {
        &self.0.http
    }
}
