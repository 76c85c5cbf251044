//! The command line: Prometheus's flags, in Prometheus's form.
//!
//! `--name=value`, `--name value`, `--switch`, `--no-switch`. What a flag means is in `table`; here
//! the texts become [`Flags`], or one sentence that says which flag is wrong and what was expected.

mod features;
mod table;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use model::time::{DurationText, parse_duration};
use promql::ParserOptions;

use self::table::{FLAGS, Flag, Kind, Meaning};
use crate::config::parse_bytes;

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Flags {
    /// The configuration file.
    pub config_file: PathBuf,
    /// Whether `--config.file` was given.
    pub config_file_given: bool,
    /// The data directory.
    pub storage_path: PathBuf,
    /// How long samples are kept, ms; `None` for as long as the size allows.
    pub retention_ms: Option<i64>,
    /// Whether that was given.
    pub retention_ms_given: bool,
    /// How many bytes are kept; `None` for any number.
    pub retention_bytes: Option<u64>,
    /// Length of the blocks cut from the head, ms.
    pub min_block_duration_ms: i64,
    /// Length up to which blocks are merged, ms.
    pub max_block_duration_ms: i64,
    /// Size of a segment of the log, bytes; `None` for the default.
    pub wal_segment_bytes: Option<u64>,
    /// When the log reaches the disk.
    pub wal_fsync: WalFsync,
    /// Addresses to listen on.
    pub listen_addresses: Vec<String>,
    /// The URL from outside, as given.
    pub external_url: String,
    /// The prefix of all routes, if given.
    pub route_prefix: String,
    /// Which origins may ask from a browser.
    pub cors_origin: String,
    /// Whether reload and quit are served.
    pub enable_lifecycle: bool,
    /// Whether the admin endpoints are served.
    pub enable_admin_api: bool,
    /// Whether remote write is accepted.
    pub enable_remote_write_receiver: bool,
    /// How many connections may be open.
    pub max_connections: usize,
    /// How long a request may take to arrive.
    pub read_timeout: Duration,
    /// How old a sample may be and still count, ms.
    pub lookback_delta_ms: i64,
    /// How long a query may take.
    pub query_timeout: Duration,
    /// How many samples a query may hold.
    pub query_max_samples: usize,
    /// How many queries run at once.
    pub query_max_concurrency: usize,
    /// How many queries wait for their turn.
    pub query_max_waiting: usize,
    /// See `--rules.alert.for-outage-tolerance`, ms.
    pub outage_tolerance_ms: i64,
    /// See `--rules.alert.for-grace-period`, ms.
    pub for_grace_period_ms: i64,
    /// See `--rules.alert.resend-delay`, ms.
    pub resend_delay_ms: i64,
    /// How many notifications may wait.
    pub notification_queue_capacity: usize,
    /// How many notifications go in one request.
    pub notification_batch_size: usize,
    /// Whether notifications are sent before stopping.
    pub drain_notifications: bool,
    /// Whether scrape times are moved to the planned ones.
    pub adjust_timestamps: bool,
    /// By how much at most, ms.
    pub timestamp_tolerance_ms: i64,
    /// The least severe level that is logged.
    pub log_level: LogLevel,
    /// How to log.
    pub log_format: LogFormat,
    /// Enabled features.
    pub features: Vec<String>,
    /// Every flag with its value, as the API shows them.
    pub all: BTreeMap<String, String>,
    /// What to warn of once logging works.
    pub warnings: Vec<String>,
}

impl Flags {
    /// Whether `--enable-feature` names this feature.
    pub fn has_feature(&self, name: &str) -> bool {
        self.features.iter().any(|feature| feature == name)
    }

    /// What PromQL includes.
    pub fn parser_options(&self) -> ParserOptions {
        ParserOptions {
            experimental_functions: self.has_feature("promql-experimental-functions"),
            extended_range_selectors: self.has_feature("promql-extended-range-selectors"),
            fill_modifiers: self.has_feature("promql-binop-fill-modifiers"),
        }
    }
}

/// When the log reaches the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalFsync {
    /// Before a commit is acknowledged.
    Always,
    /// Every so often.
    Every(Duration),
    /// When the system likes.
    Never,
}

/// The least severe level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happens.
    Info,
    /// What may be wrong.
    Warn,
    /// What is wrong.
    Error,
}

/// How to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// `time=… level=… msg=…`
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    /// Run the server.
    Serve(Box<Flags>),
    /// Print this and exit.
    Print(String),
}

/// A command line that makes no sense; the text is one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(String);

/// Reads the arguments behind the program's name.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Request, UsageError> {
    let command = command();
    let arguments = std::iter::once("ferula".to_owned()).chain(arguments);
    let matches = match command.try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() => return Ok(Request::Print(error.to_string())),
        Err(error) => return Err(UsageError(one_sentence(&error.to_string()))),
    };
    Reader { matches, all: BTreeMap::new(), warnings: Vec::new() }
        .flags()
        .map(|flags| Request::Serve(Box::new(flags)))
}

/// The version line, as `--version` prints it.
pub fn version() -> String {
    format!("ferula, version {}", env!("CARGO_PKG_VERSION"))
}

fn command() -> Command {
    let mut command = Command::new("ferula")
        .about("A drop-in replacement for the Prometheus server, for small deployments.")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .arg(
            Arg::new("version")
                .long("version")
                .action(ArgAction::Version)
                .help("Print the version."),
        );
    for flag in FLAGS {
        let arg = Arg::new(flag.name).long(flag.name).help(flag.help).hide(flag.help.is_empty());
        command = match flag.kind {
            Kind::Value(default) => command.arg(
                arg.action(ArgAction::Set)
                    .value_name(if default.is_empty() { "VALUE" } else { default })
                    .allow_hyphen_values(true),
            ),
            Kind::Many(_) => command.arg(arg.action(ArgAction::Append).value_name("VALUE")),
            Kind::Switch(_) => {
                let negative = format!("no-{}", flag.name);
                let no = Arg::new(negative.clone())
                    .long(negative.clone())
                    .action(ArgAction::SetTrue)
                    .overrides_with(flag.name)
                    .hide(true);
                command.arg(arg.action(ArgAction::SetTrue).overrides_with(negative)).arg(no)
            }
        };
    }
    command
}

/// clap explains at length; its first line and its tip say it.
fn one_sentence(text: &str) -> String {
    let line = |prefix: &str| {
        text.lines().find_map(|line| line.trim().strip_prefix(prefix)).map(str::trim)
    };
    let what = line("error:").unwrap_or(text);
    match line("tip: ") {
        Some(tip) if tip.contains("similar") => format!("{what}; {tip}"),
        _ => what.to_owned(),
    }
}

/// Turns texts into values and keeps what the API shows.
struct Reader {
    matches: ArgMatches,
    all: BTreeMap<String, String>,
    warnings: Vec<String>,
}

impl Reader {
    fn flags(mut self) -> Result<Flags, UsageError> {
        self.warn_of_ignored();
        let (retention_ms, retention_bytes) = self.retention()?;
        let min_block_duration_ms = self.positive_duration("storage.tsdb.min-block-duration")?;
        let max_block_duration_ms = self.max_block_duration(retention_ms, min_block_duration_ms)?;
        let features = self.features();
        let flags = Flags {
            config_file: self.text("config.file").into(),
            config_file_given: self.given("config.file"),
            storage_path: self.text("storage.tsdb.path").into(),
            retention_ms,
            retention_ms_given: self.given("storage.tsdb.retention.time"),
            retention_bytes,
            min_block_duration_ms,
            max_block_duration_ms,
            wal_segment_bytes: self.bytes("storage.tsdb.wal-segment-size")?,
            wal_fsync: self.wal_fsync()?,
            listen_addresses: self.many("web.listen-address"),
            external_url: self.text("web.external-url"),
            route_prefix: self.text("web.route-prefix"),
            cors_origin: self.text("web.cors.origin"),
            enable_lifecycle: self.switch("web.enable-lifecycle"),
            enable_admin_api: self.switch("web.enable-admin-api"),
            enable_remote_write_receiver: self.switch("web.enable-remote-write-receiver"),
            max_connections: self.number("web.max-connections")?,
            read_timeout: self.timeout("web.read-timeout")?,
            lookback_delta_ms: self.positive_duration("query.lookback-delta")?,
            query_timeout: self.timeout("query.timeout")?,
            query_max_samples: self.number("query.max-samples")?,
            query_max_concurrency: self.number::<usize>("query.max-concurrency")?.max(1),
            query_max_waiting: self.number("query.max-waiting")?,
            outage_tolerance_ms: self.duration("rules.alert.for-outage-tolerance")?,
            for_grace_period_ms: self.duration("rules.alert.for-grace-period")?,
            resend_delay_ms: self.duration("rules.alert.resend-delay")?,
            notification_queue_capacity: self.number("alertmanager.notification-queue-capacity")?,
            notification_batch_size: self
                .number::<usize>("alertmanager.notification-batch-size")?
                .max(1),
            drain_notifications: self.switch("alertmanager.drain-notification-queue-on-shutdown"),
            adjust_timestamps: self.switch("scrape.adjust-timestamps"),
            timestamp_tolerance_ms: self.duration("scrape.timestamp-tolerance")?,
            log_level: self.log_level()?,
            log_format: self.log_format()?,
            features,
            all: BTreeMap::new(),
            warnings: Vec::new(),
        };
        Ok(Flags { all: self.all, warnings: self.warnings, ..flags })
    }

    /// The other flags of the table: their values are shown, and said to have no effect if given.
    fn warn_of_ignored(&mut self) {
        for flag in FLAGS {
            let Meaning::Ignored(why) = flag.meaning else { continue };
            let value = match flag.kind {
                Kind::Switch(_) => self.switch(flag.name).to_string(),
                Kind::Value(_) => self.text(flag.name),
                Kind::Many(_) => self.many(flag.name).join(","),
            };
            if self.given(flag.name) || self.given(&format!("no-{}", flag.name)) {
                self.warnings.push(format!("flag --{} has no effect: {why}", flag.name));
            }
            self.all.insert(flag.name.to_owned(), value);
        }
    }

    fn given(&self, name: &str) -> bool {
        let source = self.matches.try_contains_id(name).ok().filter(|there| *there);
        source.is_some()
            && self.matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine)
    }

    fn text(&mut self, name: &str) -> String {
        let Kind::Value(default) = flag(name).kind else { unreachable!("--{name} has a value") };
        let value = self.matches.get_one::<String>(name).map_or(default, String::as_str).to_owned();
        self.all.insert(name.to_owned(), value.clone());
        value
    }

    fn many(&mut self, name: &str) -> Vec<String> {
        let Kind::Many(default) = flag(name).kind else { unreachable!("--{name} may be repeated") };
        let values: Vec<String> = match self.matches.get_many::<String>(name) {
            Some(values) => values.cloned().collect(),
            None if default.is_empty() => Vec::new(),
            None => vec![default.to_owned()],
        };
        self.all.insert(name.to_owned(), values.join(","));
        values
    }

    fn switch(&mut self, name: &str) -> bool {
        let Kind::Switch(default) = flag(name).kind else { unreachable!("--{name} is a switch") };
        let on = match (self.matches.get_flag(name), self.matches.get_flag(&format!("no-{name}"))) {
            (true, _) => true,
            (_, true) => false,
            _ => default,
        };
        self.all.insert(name.to_owned(), on.to_string());
        on
    }

    fn number<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<T, UsageError> {
        let text = self.text(name);
        text.parse().map_err(|error| wrong(name, &text, "a whole number", error))
    }

    fn duration(&mut self, name: &str) -> Result<i64, UsageError> {
        let text = self.text(name);
        let ms =
            parse_duration(&text).map_err(|e| wrong(name, &text, "a duration such as 5m", e))?;
        self.all.insert(name.to_owned(), DurationText(ms).to_string());
        Ok(ms)
    }

    fn positive_duration(&mut self, name: &str) -> Result<i64, UsageError> {
        match self.duration(name)? {
            0 => Err(wrong(name, "0", "a duration such as 5m", "it must be more than nothing")),
            ms => Ok(ms),
        }
    }

    fn timeout(&mut self, name: &str) -> Result<Duration, UsageError> {
        Ok(Duration::from_millis(self.duration(name)?.unsigned_abs()))
    }

    /// A size; `None` for zero.
    fn bytes(&mut self, name: &str) -> Result<Option<u64>, UsageError> {
        let text = self.text(name);
        let bytes =
            parse_bytes(&text).map_err(|e| wrong(name, &text, "a size such as 512MB", e))?;
        Ok((bytes > 0).then_some(bytes))
    }

    /// How long and how much to keep. Without either, samples are kept for 15 days.
    fn retention(&mut self) -> Result<(Option<i64>, Option<u64>), UsageError> {
        const NAME: &str = "storage.tsdb.retention.time";
        let bytes = self.bytes("storage.tsdb.retention.size")?;
        let ms = match self.text(NAME).as_str() {
            "" if bytes.is_some() => None,
            "" => Some(15 * 86_400_000),
            _ => Some(self.duration(NAME)?).filter(|ms| *ms > 0),
        };
        self.all.insert(NAME.to_owned(), DurationText(ms.unwrap_or(0)).to_string());
        Ok((ms, bytes))
    }

    /// A tenth of what is kept, at most 31 days, unless said otherwise.
    fn max_block_duration(
        &mut self,
        retention_ms: Option<i64>,
        min_ms: i64,
    ) -> Result<i64, UsageError> {
        const NAME: &str = "storage.tsdb.max-block-duration";
        const LONGEST_MS: i64 = 31 * 86_400_000;
        let ms = match self.text(NAME).as_str() {
            "" => retention_ms.map_or(LONGEST_MS, |ms| (ms / 10).min(LONGEST_MS)).max(min_ms),
            _ => self.positive_duration(NAME)?,
        };
        self.all.insert(NAME.to_owned(), DurationText(ms).to_string());
        if ms < min_ms {
            let shortest = DurationText(min_ms);
            let expected = format!("at least --storage.tsdb.min-block-duration, {shortest}");
            return Err(wrong(NAME, &DurationText(ms).to_string(), &expected, "it is shorter"));
        }
        Ok(ms)
    }

    fn wal_fsync(&mut self) -> Result<WalFsync, UsageError> {
        const NAME: &str = "storage.wal.fsync";
        match self.text(NAME).as_str() {
            "always" => Ok(WalFsync::Always),
            "never" => Ok(WalFsync::Never),
            text => match parse_duration(text) {
                Ok(0) => Ok(WalFsync::Always),
                Ok(ms) => Ok(WalFsync::Every(Duration::from_millis(ms.unsigned_abs()))),
                Err(error) => Err(wrong(NAME, text, "always, never or a duration", error)),
            },
        }
    }

    fn log_level(&mut self) -> Result<LogLevel, UsageError> {
        match self.text("log.level").as_str() {
            "debug" => Ok(LogLevel::Debug),
            "info" => Ok(LogLevel::Info),
            "warn" => Ok(LogLevel::Warn),
            "error" => Ok(LogLevel::Error),
            text => Err(wrong("log.level", text, "debug, info, warn or error", "no such level")),
        }
    }

    fn log_format(&mut self) -> Result<LogFormat, UsageError> {
        match self.text("log.format").as_str() {
            "logfmt" => Ok(LogFormat::Logfmt),
            "json" => Ok(LogFormat::Json),
            text => Err(wrong("log.format", text, "logfmt or json", "no such format")),
        }
    }

    fn features(&mut self) -> Vec<String> {
        let lists = self.many("enable-feature");
        let names = lists.iter().flat_map(|list| list.split(',')).filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(str::to_owned).collect();
        self.warnings.extend(names.iter().filter_map(|name| features::warning(name)));
        names
    }
}

fn flag(name: &str) -> &'static Flag {
    FLAGS.iter().find(|flag| flag.name == name).expect("every flag that is read is in the table")
}

fn wrong(name: &str, value: &str, expected: &str, why: impl Display) -> UsageError {
    UsageError(format!("--{name} takes {expected}, not \"{value}\": {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(arguments: &[&str]) -> Flags {
        match parse(arguments.iter().map(|a| (*a).to_owned())).expect("a valid command line") {
            Request::Serve(flags) => *flags,
            Request::Print(text) => panic!("printed {text}"),
        }
    }

    fn refused(arguments: &[&str]) -> String {
        parse(arguments.iter().map(|a| (*a).to_owned())).expect_err("must be refused").to_string()
    }

    #[test]
    fn values_come_behind_a_sign_or_a_blank() {
        let flags = serve(&["--config.file=a.yml", "--query.timeout", "30s"]);
        assert_eq!(flags.config_file, PathBuf::from("a.yml"));
        assert_eq!(flags.query_timeout, Duration::from_secs(30));
        assert_eq!(flags.all["query.timeout"], "30s");
    }

    #[test]
    fn switches_are_turned_off_with_no() {
        assert!(serve(&["--web.enable-lifecycle"]).enable_lifecycle);
        assert!(!serve(&["--web.enable-lifecycle", "--no-web.enable-lifecycle"]).enable_lifecycle);
        assert!(!serve(&["--no-scrape.adjust-timestamps"]).adjust_timestamps);
        assert!(serve(&[]).adjust_timestamps);
    }

    #[test]
    fn samples_are_kept_for_fifteen_days_unless_something_else_is_said() {
        assert_eq!(serve(&[]).retention_ms, Some(15 * 86_400_000));
        let sized = serve(&["--storage.tsdb.retention.size=1GB"]);
        assert_eq!((sized.retention_ms, sized.retention_bytes), (None, Some(1 << 30)));
        let both =
            serve(&["--storage.tsdb.retention.size=1GB", "--storage.tsdb.retention.time=30d"]);
        assert_eq!(both.retention_ms, Some(30 * 86_400_000));
        assert_eq!(both.max_block_duration_ms, 3 * 86_400_000);
    }

    #[test]
    fn a_flag_without_meaning_is_accepted_with_one_warning() {
        let flags = serve(&["--storage.tsdb.wal-compression", "--web.config.file=x"]);
        assert_eq!(flags.warnings.len(), 2, "{:?}", flags.warnings);
        assert!(flags.warnings[0].starts_with("flag --storage.tsdb.wal-compression has no effect"));
    }

    #[test]
    fn an_unknown_flag_is_an_error_that_suggests_the_nearest() {
        let text = refused(&["--storage.tsdb.pth=x"]);
        assert!(
            text.contains("--storage.tsdb.pth") && text.contains("--storage.tsdb.path"),
            "{text}"
        );
    }

    #[test]
    fn a_bad_value_is_an_error_that_names_the_flag_and_what_it_takes() {
        for (argument, expected) in [
            (
                "--query.timeout=5x",
                r#"--query.timeout takes a duration such as 5m, not "5x": not a valid duration string: "5x""#,
            ),
            (
                "--log.level=loud",
                r#"--log.level takes debug, info, warn or error, not "loud": no such level"#,
            ),
            (
                "--storage.tsdb.max-block-duration=1h",
                "--storage.tsdb.max-block-duration takes at least \
                 --storage.tsdb.min-block-duration, 2h, not \"1h\": it is shorter",
            ),
        ] {
            assert_eq!(refused(&[argument]), expected);
        }
        assert!(refused(&["--query.max-samples=many"]).contains("takes a whole number"));
    }

    #[test]
    fn every_flag_is_shown_by_the_api() {
        let flags = serve(&[]);
        assert_eq!(flags.all.len(), FLAGS.len());
        assert_eq!(flags.all["web.listen-address"], "0.0.0.0:9090");
        assert_eq!(flags.all["storage.tsdb.max-block-duration"], "1d12h");
    }
}
