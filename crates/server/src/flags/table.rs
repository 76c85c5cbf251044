//! Every flag of the Prometheus server: its name, kind, default, and what it means here.
//!
//! One table, read by the parser, by `--help` and by `/api/v1/status/flags`. A flag that has no
//! meaning here is still in it, so that a command line moves over unchanged; it says why.

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One value, with its default.
    Value(&'static str),
    /// Any number of values, with the default for none.
    Many(&'static str),
    /// Nothing: `--x` turns it on, `--no-x` off.
    Switch(bool),
}

/// Whether a flag does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It does what it does in Prometheus.
    Used,
    /// It is accepted with a warning that gives this reason.
    Ignored(&'static str),
}

/// One flag.
#[derive(Debug)]
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) meaning: Meaning,
    /// One line for `--help`; empty for a flag that is not listed there.
    pub(super) help: &'static str,
}

const fn used(name: &'static str, kind: Kind, help: &'static str) -> Flag {
    Flag { name, kind, meaning: Meaning::Used, help }
}

const fn ignored(name: &'static str, kind: Kind, why: &'static str) -> Flag {
    Flag { name, kind, meaning: Meaning::Ignored(why), help: "" }
}

const AGENT: &str = "there is no agent mode";
const GO_RUNTIME: &str = "there is no Go runtime to tune";
const CONSOLES: &str = "console templates are not supported";
const OWN_WAL: &str = "the write-ahead log has a format of its own";
const OWN_HEAD: &str = "the head has a format of its own";
const NO_REMOTE: &str = "remote storage is not supported yet";
const GONE: &str = "Prometheus 3 has no such flag any more";

/// All of them, sorted by name.
#[rustfmt::skip]
pub(super) const FLAGS: &[Flag] = &[
    ignored("agent", Kind::Switch(false), AGENT),
    used("alertmanager.drain-notification-queue-on-shutdown", Kind::Switch(true), "Send what is queued for Alertmanagers before stopping."),
    used("alertmanager.notification-batch-size", Kind::Value("256"), "How many notifications go in one request."),
    used("alertmanager.notification-queue-capacity", Kind::Value("10000"), "How many notifications may wait."),
    ignored("alertmanager.timeout", Kind::Value(""), GONE),
    ignored("auto-gomaxprocs", Kind::Switch(true), GO_RUNTIME),
    ignored("auto-gomemlimit", Kind::Switch(true), GO_RUNTIME),
    ignored("auto-gomemlimit.ratio", Kind::Value("0.9"), GO_RUNTIME),
    ignored("config.auto-reload-interval", Kind::Value("30s"), "the configuration is reloaded on SIGHUP and POST /-/reload"),
    used("config.file", Kind::Value("prometheus.yml"), "The configuration file."),
    used("enable-feature", Kind::Many(""), "Features to enable, separated by commas."),
    used("log.format", Kind::Value("logfmt"), "How to log: logfmt or json."),
    used("log.level", Kind::Value("info"), "What to log: debug, info, warn or error, and what is worse."),
    used("query.lookback-delta", Kind::Value("5m"), "How old a sample may be and still count as current."),
    used("query.max-concurrency", Kind::Value("20"), "How many queries run at once."),
    used("query.max-samples", Kind::Value("50000000"), "How many samples one query may hold in memory."),
    used("query.max-waiting", Kind::Value("256"), "How many queries wait for their turn; further ones are refused."),
    used("query.timeout", Kind::Value("2m"), "How long a query may take."),
    used("rules.alert.for-grace-period", Kind::Value("10m"), "Restored alerts are pending at least this long after a restart."),
    used("rules.alert.for-outage-tolerance", Kind::Value("1h"), "After an outage up to this long the pending time of alerts is restored."),
    used("rules.alert.resend-delay", Kind::Value("1m"), "How long to wait before sending a firing alert again."),
    ignored("rules.max-concurrent-evals", Kind::Value("4"), "the rules of a group are evaluated in order"),
    used("scrape.adjust-timestamps", Kind::Switch(true), ""),
    ignored("scrape.discovery-reload-interval", Kind::Value("5s"), "static targets change with the configuration only"),
    used("scrape.timestamp-tolerance", Kind::Value("2ms"), ""),
    ignored("storage.agent.no-lockfile", Kind::Switch(false), AGENT),
    ignored("storage.agent.path", Kind::Value("data-agent/"), AGENT),
    ignored("storage.agent.retention.max-time", Kind::Value("0s"), AGENT),
    ignored("storage.agent.retention.min-time", Kind::Value("0s"), AGENT),
    ignored("storage.agent.wal-compression", Kind::Switch(true), AGENT),
    ignored("storage.agent.wal-compression-type", Kind::Value("snappy"), AGENT),
    ignored("storage.agent.wal-segment-size", Kind::Value("0B"), AGENT),
    ignored("storage.agent.wal-truncate-frequency", Kind::Value("0s"), AGENT),
    ignored("storage.remote.flush-deadline", Kind::Value("1m"), NO_REMOTE),
    ignored("storage.remote.read-concurrent-limit", Kind::Value("10"), NO_REMOTE),
    ignored("storage.remote.read-max-bytes-in-frame", Kind::Value("1048576"), NO_REMOTE),
    ignored("storage.remote.read-sample-limit", Kind::Value("50000000"), NO_REMOTE),
    ignored("storage.tsdb.allow-overlapping-blocks", Kind::Switch(false), GONE),
    ignored("storage.tsdb.allow-overlapping-compaction", Kind::Switch(true), "overlapping blocks are always merged"),
    ignored("storage.tsdb.delayed-compaction.max-percent", Kind::Value("10"), "compaction is not delayed"),
    ignored("storage.tsdb.head-chunks-write-queue-size", Kind::Value("0"), OWN_HEAD),
    ignored("storage.tsdb.max-block-chunk-segment-size", Kind::Value("0B"), "blocks have a format of their own"),
    used("storage.tsdb.max-block-duration", Kind::Value(""), ""),
    used("storage.tsdb.min-block-duration", Kind::Value("2h"), ""),
    ignored("storage.tsdb.no-lockfile", Kind::Switch(false), "the data directory is always locked, or two servers would spoil it"),
    used("storage.tsdb.path", Kind::Value("data/"), "Where the data is kept."),
    ignored("storage.tsdb.retention", Kind::Value(""), GONE),
    used("storage.tsdb.retention.size", Kind::Value("0B"), "How many bytes to keep: B, KB, MB, GB, TB, PB, EB."),
    used("storage.tsdb.retention.time", Kind::Value(""), "How long to keep samples; 15d if no size is given either."),
    ignored("storage.tsdb.samples-per-chunk", Kind::Value("120"), OWN_HEAD),
    ignored("storage.tsdb.wal-compression", Kind::Switch(true), OWN_WAL),
    ignored("storage.tsdb.wal-compression-type", Kind::Value("snappy"), OWN_WAL),
    used("storage.tsdb.wal-segment-size", Kind::Value("0B"), ""),
    used("storage.wal.fsync", Kind::Value("1s"), "When the log reaches the disk: always, never, or a duration. A power cut loses at most that much."),
    ignored("web.config.file", Kind::Value(""), "TLS and authentication of the server are not supported yet"),
    ignored("web.console.libraries", Kind::Value("console_libraries"), CONSOLES),
    ignored("web.console.templates", Kind::Value("consoles"), CONSOLES),
    used("web.cors.origin", Kind::Value(".*"), "Which origins may ask from a browser, as an anchored expression."),
    used("web.enable-admin-api", Kind::Switch(false), "Enable the endpoints that change the database."),
    used("web.enable-lifecycle", Kind::Switch(false), "Enable reload and shutdown by HTTP."),
    ignored("web.enable-otlp-receiver", Kind::Switch(false), "OTLP is not supported yet"),
    used("web.enable-remote-write-receiver", Kind::Switch(false), "Accept samples at /api/v1/write."),
    used("web.external-url", Kind::Value(""), "The URL under which this server is reached from outside."),
    used("web.listen-address", Kind::Many("0.0.0.0:9090"), "Where to listen; may be repeated."),
    ignored("web.local-assets", Kind::Value(""), "the pages are built in"),
    used("web.max-connections", Kind::Value("512"), "How many connections may be open at once."),
    ignored("web.max-notifications-subscribers", Kind::Value("16"), "there are no live notifications"),
    ignored("web.page-title", Kind::Value("Prometheus Time Series Collection and Processing Server"), "there are no pages with a title"),
    used("web.read-timeout", Kind::Value("5m"), "How long a request may take to arrive."),
    ignored("web.remote-write-receiver.accepted-protobuf-messages", Kind::Many("prometheus.WriteRequest"), "remote write 1.0 is what is accepted"),
    used("web.route-prefix", Kind::Value(""), "The prefix of all paths; that of the external URL if left out."),
    ignored("web.user-assets", Kind::Value(""), "the pages are built in"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_are_unique() {
        assert!(FLAGS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
