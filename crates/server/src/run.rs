//! The life of the server: bind, answer, open, apply, run, stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::{AppState, Command};
use model::Clock;
use model::clock::SystemClock;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tsdb::{Db, OpenError};

use crate::config::{Config, ConfigError};
use crate::flags::{Flags, WalFsync};
use crate::wiring::{self, Front, Server};
use crate::{reload, shutdown};

/// How often the database is given its turn.
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(1);

/// Requests under way get so long when the server stops.
const REQUESTS_DEADLINE: Duration = Duration::from_millis(1500);

/// Why the server did not run, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A flag that only makes no sense together with something else.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be applied.
    #[error("error loading config: {0}")]
    Config(#[from] ConfigError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The database does not open.
    #[error("cannot open the database: {0}")]
    Open(#[from] OpenError),
    /// The system refuses threads or signals.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// Runs the server until it is told to stop.
pub fn run(flags: Flags) -> Result<(), RunError> {
    for warning in &flags.warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "starting Ferula");
    let config = reload::read(&flags)?;
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(serve(flags, config));
    // A query that does not look at its cancellation must not hold the process.
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

async fn serve(flags: Flags, config: Config) -> Result<(), RunError> {
    let mut signals = Signals::new()?;
    let listeners = listen(&flags.listen_addresses).await?;
    let ports = listeners.iter().filter_map(|l| l.local_addr().ok()).map(|a| a.port()).collect();
    let mut front = wiring::front(&flags, &config.storage, ports)?;
    let (stop_serving, serving_stopped) = watch::channel(false);
    let mut tasks = answer(&front.state, listeners, &serving_stopped)?;

    let opened = tokio::select! {
        opened = open(&flags, &config, &front) => opened?,
        () = signals.stop() => return Ok(()),
    };
    let server = Arc::new(wiring::build(&flags, &front, opened));
    reload::apply(&server, &front.state, &flags, config, front.clock.as_ref());
    server.notifier.start();
    server.rules.start();
    front.state.start(server.parts());
    say_where(&front.state);

    let interval = maintenance_interval(&flags);
    let (db, clock) = (Arc::clone(&server.db), Arc::clone(&front.clock));
    let maintenance = tokio::spawn(maintain(db, clock, interval));
    main_loop(&flags, &mut front, &server, &mut signals).await;

    tracing::info!("stopping");
    maintenance.abort();
    stop_serving.send_replace(true);
    let finished = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(REQUESTS_DEADLINE, finished).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
    front.state.stop();
    shutdown::stop(&server).await;
    Ok(())
}

async fn listen(addresses: &[String]) -> Result<Vec<TcpListener>, RunError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        // `:9090` means every address, as in Go.
        let full = address.strip_prefix(':').map_or(address.clone(), |p| format!("0.0.0.0:{p}"));
        let bound = TcpListener::bind(&full).await;
        let error = |source| RunError::Listen { address: address.clone(), source };
        listeners.push(bound.map_err(error)?);
    }
    Ok(listeners)
}

/// Begins to answer on all listeners.
fn answer(
    state: &AppState,
    listeners: Vec<TcpListener>,
    stopped: &watch::Receiver<bool>,
) -> Result<JoinSet<()>, RunError> {
    let router = api::router(state.clone())
        .map_err(|error| RunError::Usage(format!("--web.cors.origin: {error}")))?;
    let mut tasks = JoinSet::new();
    for listener in listeners {
        let (router, options) = (router.clone(), state.options().clone());
        let mut stopped = stopped.clone();
        tasks.spawn(async move {
            // The sender lives as long as the main loop.
            let stop = async move { drop(stopped.wait_for(|stop| *stop).await) };
            if let Err(error) = api::serve(listener, router, &options, stop).await {
                tracing::error!(%error, "serving ended");
            }
        });
    }
    Ok(tasks)
}

async fn open(flags: &Flags, config: &Config, front: &Front) -> Result<Db, RunError> {
    let (flags, storage) = (flags.clone(), config.storage.clone());
    let clock = Arc::clone(&front.clock);
    let started = clock.monotonic();
    let opened = tokio::task::spawn_blocking({
        let (clock, replay) = (Arc::clone(&clock), Arc::clone(front.state.replay()));
        move || wiring::open(&flags, &storage, clock.as_ref(), replay)
    });
    let db = opened.await.map_err(io::Error::other)??;
    let took = clock.monotonic().saturating_sub(started);
    tracing::info!(took_ms = took.as_millis(), series = db.status().num_series, "database open");
    Ok(db)
}

/// Tells the person at the terminal where to look.
fn say_where(state: &AppState) {
    let options = state.options();
    let port = options.listen_ports.first().copied().unwrap_or(9090);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let url = format!("http://{address}{}/", options.route_prefix);
    tracing::info!(url, "server is ready to receive web requests");
}

/// How often the database gets its turn: once a second, or as often as the log is to be synced.
fn maintenance_interval(flags: &Flags) -> Duration {
    match flags.wal_fsync {
        WalFsync::Every(span) => span.min(MAINTENANCE_INTERVAL),
        WalFsync::Always | WalFsync::Never => MAINTENANCE_INTERVAL,
    }
}

/// Gives the database its turn, on a thread of its own, so that a long turn does not keep the log
/// from being synced.
async fn maintain(db: Arc<Db>, clock: Arc<SystemClock>, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (db, now_ms) = (Arc::clone(&db), clock.now_ms());
        tokio::task::spawn_blocking(move || db.maintain(now_ms));
    }
}

async fn main_loop(flags: &Flags, front: &mut Front, server: &Server, signals: &mut Signals) {
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Asked::Stop => return,
                // What came of it is logged.
                Asked::Reload => drop(reload_now(flags, front, server).await),
            },
            command = front.commands.recv() => match command {
                Some(Command::Reload(answer)) => {
                    let result = reload_now(flags, front, server).await;
                    // Whoever asked may have gone.
                    let _ = answer.send(result.map_err(|error| error.to_string()));
                }
                Some(Command::Quit) | None => return,
            },
        }
    }
}

async fn reload_now(flags: &Flags, front: &Front, server: &Server) -> Result<(), ConfigError> {
    let read = tokio::task::spawn_blocking({
        let flags = flags.clone();
        move || reload::read(&flags)
    });
    let read = read.await.unwrap_or_else(|error| {
        let path = flags.config_file.clone();
        Err(ConfigError { path, line: None, message: error.to_string() })
    });
    match read {
        Ok(config) => {
            reload::apply(server, &front.state, flags, config, front.clock.as_ref());
            tracing::info!("configuration applied");
            Ok(())
        }
        Err(error) => {
            front.state.config_refused();
            tracing::error!(%error, "configuration refused; the one before stays in force");
            Err(error)
        }
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Stop,
    Reload,
}

/// What the system may tell the process.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    /// Waits until the process is asked to stop; until then a reload has nothing to apply to.
    async fn stop(&mut self) {
        while self.next().await != Asked::Stop {}
    }
}
