//! The parts, built bottom-up; the only place where concrete types meet.

use std::sync::Arc;

use api::{AppState, BuildInfo, Command, Parts, ProcessFacts};
use model::Clock;
use model::clock::SystemClock;
use model::time::DurationText;
use promql::{Engine, EngineOptions};
use remote::Receiver;
use rules::{Notifier, NotifierOptions, RuleManager, RuleOptions};
use scrape::{ScrapeManager, ScrapeOptions};
use tokio::sync::mpsc;
use tsdb::{Db, OpenError, Options, ReplayProgress, Retention, WalSync};
use url::Url;

use crate::config::{StorageConfig, bytes_text};
use crate::flags::{Flags, WalFsync};
use crate::run::RunError;

/// How many commands may wait for the main loop.
const COMMAND_QUEUE: usize = 16;
/// How many exemplars are kept if the configuration does not say, as in Prometheus.
const DEFAULT_MAX_EXEMPLARS: usize = 100_000;

/// What the server is before its database is open: it answers that it is not ready yet.
pub struct Front {
    /// What handlers see.
    pub state: AppState,
    /// What they ask of the main loop.
    pub commands: mpsc::Receiver<Command>,
    /// The clock of the process.
    pub clock: Arc<SystemClock>,
}

/// Everything that runs.
pub struct Server {
    /// The database.
    pub db: Arc<Db>,
    /// PromQL.
    pub engine: Arc<Engine>,
    /// Scraping.
    pub scrape: Arc<ScrapeManager>,
    /// Rules.
    pub rules: Arc<RuleManager>,
    /// Notifications.
    pub notifier: Arc<Notifier>,
}

impl Server {
    /// What handlers may touch of it.
    pub fn parts(&self) -> Parts {
        Parts {
            db: Arc::clone(&self.db),
            receiver: Arc::new(Receiver::default()),
            engine: Arc::clone(&self.engine),
            scrape: Arc::clone(&self.scrape),
            rules: Arc::clone(&self.rules),
            notifier: Arc::clone(&self.notifier),
        }
    }
}

/// Makes what can answer before the database is open. `ports` are those listened on.
pub fn front(flags: &Flags, storage: &StorageConfig, ports: Vec<u16>) -> Result<Front, RunError> {
    let clock = Arc::new(SystemClock::new());
    let (sender, commands) = mpsc::channel(COMMAND_QUEUE);
    let external_url = external_url(flags, ports.first().copied().unwrap_or(9090))?;
    let route_prefix = route_prefix(flags, &external_url);
    let options = api::Options {
        external_url,
        route_prefix,
        listen_ports: ports,
        cors_origin: flags.cors_origin.clone(),
        enable_lifecycle: flags.enable_lifecycle,
        enable_admin_api: flags.enable_admin_api,
        enable_remote_write: flags.enable_remote_write_receiver,
        max_concurrency: flags.query_max_concurrency,
        max_waiting: flags.query_max_waiting,
        query_timeout: flags.query_timeout,
        read_timeout: flags.read_timeout,
        max_connections: flags.max_connections,
    };
    let build = BuildInfo::of_release(env!("CARGO_PKG_VERSION"));
    let facts = facts(flags, storage, clock.now_ms());
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as _;
    let state = AppState::new(options, build, facts, shared, sender);
    Ok(Front { state, commands, clock })
}

/// Opens the database: locks the directory and replays the log, which `replay` follows. Blocks.
pub fn open(
    flags: &Flags,
    storage: &StorageConfig,
    clock: &dyn Clock,
    replay: Arc<ReplayProgress>,
) -> Result<Db, OpenError> {
    let defaults = Options::default();
    let retention = retention(flags, storage);
    let options = Options {
        path: flags.storage_path.clone(),
        retention_ms: retention.ms,
        retention_bytes: retention.bytes,
        retention_percentage: retention.percentage,
        min_block_duration_ms: flags.min_block_duration_ms,
        max_block_duration_ms: widest_block_ms(flags, storage),
        wal_segment_bytes: flags.wal_segment_bytes.unwrap_or(defaults.wal_segment_bytes),
        wal_sync: match flags.wal_fsync {
            WalFsync::Always => WalSync::Always,
            WalFsync::Every(span) => {
                WalSync::Every(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
            }
            WalFsync::Never => WalSync::Never,
        },
        max_exemplars: max_exemplars(flags, storage),
        replay,
        out_of_order_window_ms: storage.out_of_order_window_ms,
        ..defaults
    };
    Db::open(options, clock.now_ms())
}

/// How much is kept: what the configuration says goes before the flags. Without any limit, that is 15
/// days.
pub fn retention(flags: &Flags, storage: &StorageConfig) -> Retention {
    let Retention { ms, bytes, percentage } = storage.retention;
    let bytes = if bytes > 0 { bytes } else { flags.retention_bytes.unwrap_or(0) };
    let is_limited = bytes > 0 || percentage > 0.0;
    let ms = match flags.retention_ms {
        _ if ms > 0 => ms,
        Some(_) if is_limited && !flags.retention_ms_given => 0,
        given => given.unwrap_or(0),
    };
    Retention { ms, bytes, percentage }
}

/// As the flags say; but no more than a tenth of what the configuration says is kept.
fn widest_block_ms(flags: &Flags, storage: &StorageConfig) -> i64 {
    match storage.retention.ms {
        0 => flags.max_block_duration_ms,
        ms => flags.max_block_duration_ms.min((ms / 10).max(flags.min_block_duration_ms)),
    }
}

/// How many exemplars are kept: as many as the configuration says, if the feature is on.
pub fn max_exemplars(flags: &Flags, storage: &StorageConfig) -> usize {
    match flags.has_feature("exemplar-storage") {
        true => storage.max_exemplars.unwrap_or(DEFAULT_MAX_EXEMPLARS),
        false => 0,
    }
}

/// Builds what stands on an open database. Nothing runs yet.
pub fn build(flags: &Flags, front: &Front, db: Db) -> Server {
    let db = Arc::new(db);
    let clock: Arc<dyn Clock> = Arc::clone(&front.clock) as _;
    let engine = Arc::new(Engine::new(engine_options(flags), Arc::clone(&clock)));
    let scrape_options = ScrapeOptions {
        align_timestamps: flags.adjust_timestamps,
        timestamp_tolerance_ms: flags.timestamp_tolerance_ms,
        ..ScrapeOptions::default()
    };
    let appendable: Arc<dyn storage::Appendable> = Arc::clone(&db) as _;
    let queryable: Arc<dyn storage::Queryable> = Arc::clone(&db) as _;
    let scrape = ScrapeManager::new(Arc::clone(&appendable), Arc::clone(&clock), scrape_options);
    let notifier = Notifier::new(
        NotifierOptions {
            queue_capacity: flags.notification_queue_capacity,
            drain_on_shutdown: flags.drain_notifications,
            max_batch_size: flags.notification_batch_size,
            ..NotifierOptions::default()
        },
        Arc::clone(&clock),
    );
    let rules = RuleManager::new(
        appendable,
        queryable,
        Arc::clone(&engine),
        Arc::clone(&notifier),
        clock,
        RuleOptions {
            external_url: front
                .state
                .options()
                .external_url
                .as_str()
                .trim_end_matches('/')
                .to_owned(),
            resend_delay_ms: flags.resend_delay_ms,
            for_outage_tolerance_ms: flags.outage_tolerance_ms,
            for_grace_period_ms: flags.for_grace_period_ms,
            ..RuleOptions::default()
        },
    );
    Server { db, engine, scrape: Arc::new(scrape), rules: Arc::new(rules), notifier }
}

fn engine_options(flags: &Flags) -> EngineOptions {
    EngineOptions {
        lookback_delta_ms: flags.lookback_delta_ms,
        max_samples: flags.query_max_samples,
        timeout: flags.query_timeout,
        parser: flags.parser_options(),
        delayed_name_removal: flags.has_feature("promql-delayed-name-removal"),
        use_start_timestamps: flags.has_feature("use-start-timestamps"),
        per_step_stats: flags.has_feature("promql-per-step-stats"),
        ..EngineOptions::default()
    }
}

fn facts(flags: &Flags, storage: &StorageConfig, now_ms: i64) -> ProcessFacts {
    let directory = std::env::current_dir().map(|path| path.display().to_string());
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname");
    ProcessFacts {
        start_time: now_ms,
        working_directory: directory.unwrap_or_default(),
        hostname: hostname.unwrap_or_default().trim().to_owned(),
        storage_retention: retention_text(retention(flags, storage)),
        flags: flags.all.clone(),
    }
}

/// `15d`, `1GiB`, `50%`, or several of them: `15d or 1GiB`.
fn retention_text(retention: Retention) -> String {
    let Retention { ms, bytes, percentage } = retention;
    let time = (ms > 0).then(|| DurationText(ms).to_string());
    let size = (bytes > 0).then(|| bytes_text(bytes));
    let part = (percentage > 0.0).then(|| format!("{percentage}%"));
    let all: Vec<String> = time.into_iter().chain(size).chain(part).collect();
    all.join(" or ")
}

/// The URL under which the server is reached: as given, or made of host and port.
fn external_url(flags: &Flags, port: u16) -> Result<Url, RunError> {
    let given = flags.external_url.trim();
    let text = match given {
        "" => format!("http://{}:{port}/", hostname()),
        text if text.contains("://") => text.to_owned(),
        text => format!("http://{text}"),
    };
    let refuse = |why: String| {
        RunError::Usage(format!("--web.external-url takes a URL, not \"{given}\": {why}"))
    };
    let mut url = Url::parse(&text).map_err(|error| refuse(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse(format!("scheme {} is neither http nor https", url.scheme())));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

/// The prefix of all routes, with a slash before and none behind; empty for none.
fn route_prefix(flags: &Flags, external_url: &Url) -> String {
    let given =
        if flags.route_prefix.is_empty() { external_url.path() } else { &flags.route_prefix };
    match given.trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{Request, parse};

    #[test]
    fn what_the_file_says_is_kept_goes_before_the_flags() {
        const DAY: i64 = 86_400_000;
        let (time, size) =
            ("--storage.tsdb.retention.time=7d", "--storage.tsdb.retention.size=1KB");
        let of = |ms, bytes, percentage| Retention { ms, bytes, percentage };
        for (flags, file, expected, text) in [
            (&[][..], of(0, 0, 0.0), of(15 * DAY, 0, 0.0), "15d"),
            (&[size], of(0, 0, 0.0), of(0, 1024, 0.0), "1KiB"),
            (&[time, size], of(0, 0, 0.0), of(7 * DAY, 1024, 0.0), "1w or 1KiB"),
            (&[time, size], of(DAY, 1, 0.0), of(DAY, 1, 0.0), "1d or 1B"),
            (&[], of(0, 0, 50.0), of(0, 0, 50.0), "50%"),
            (&[time], of(0, 0, 50.5), of(7 * DAY, 0, 50.5), "1w or 50.5%"),
            (&[], of(0, 1, 0.0), of(0, 1, 0.0), "1B"),
        ] {
            let request = parse(flags.iter().map(|flag| (*flag).to_owned())).expect("they parse");
            let Request::Serve(flags) = request else { panic!("it serves") };
            let storage = StorageConfig { retention: file, ..StorageConfig::default() };
            let found = retention(&flags, &storage);
            assert_eq!(found, expected);
            assert_eq!(retention_text(found), text);
        }
    }
}
