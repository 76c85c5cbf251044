//! What happens, one line each on standard error: logfmt or JSON, with the fields Prometheus has.

use std::fmt::{self, Write};

use jiff::Timestamp;
use model::Clock;
use model::clock::SystemClock;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::flags::{LogFormat, LogLevel};

/// The crates whose events are logged: what a library below us says is said by whoever called it.
const OURS: [&str; 9] =
    ["ferula", "api", "rules", "scrape", "remote", "client", "discovery", "tsdb", "storage"];

/// Starts logging to standard error. Called once; a second call changes nothing.
pub fn start(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let ours = filter_fn(|metadata| {
        OURS.contains(&metadata.target().split("::").next().unwrap_or_default())
    });
    let lines = Lines { format, clock: SystemClock::new() };
    let layer = tracing_subscriber::fmt::layer()
        .event_format(lines)
        .with_writer(std::io::stderr)
        .with_filter(ours)
        .with_filter(level);
    // Fails only if something else logs already, as in a process that embeds the server.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

struct Lines {
    format: LogFormat,
    clock: SystemClock,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let file = metadata.file().and_then(|path| path.rsplit('/').next()).unwrap_or("?");
        let head = [
            ("time", time_text(self.clock.now_ms())),
            ("level", metadata.level().to_string()),
            ("source", format!("{file}:{}", metadata.line().unwrap_or(0))),
            ("msg", fields.message),
        ];
        let head = head.iter().map(|(name, value)| (*name, value.as_str()));
        let rest = fields.rest.iter().map(|(name, value)| (*name, value.as_str()));
        let line = match self.format {
            LogFormat::Logfmt => logfmt(head.chain(rest)),
            LogFormat::Json => json(head.chain(rest)),
        };
        writer.write_str(&line)
    }
}

/// RFC 3339 in UTC with milliseconds.
fn time_text(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => ms.to_string(),
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: Vec<(&'static str, String)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            name => self.rest.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            let _ = write!(text, ": {cause}");
            source = cause.source();
        }
        self.put(field, text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

fn logfmt<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut line = String::new();
    for (name, value) in fields {
        if !line.is_empty() {
            line.push(' ');
        }
        let plain = |c: char| c > ' ' && !"\"=\\".contains(c) && !c.is_control();
        let _ = if !value.is_empty() && value.chars().all(plain) {
            write!(line, "{name}={value}")
        } else {
            write!(line, "{name}={}", model::labels::Quoted(value))
        };
    }
    line + "\n"
}

fn json<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let fields: Vec<String> = fields.map(|(n, v)| format!("{}:{}", text(n), text(v))).collect();
    format!("{{{}}}\n", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logfmt_quotes_what_needs_it() {
        let fields = [("level", "INFO"), ("msg", "a b"), ("q", "x=\"y\"\n"), ("empty", "")];
        assert_eq!(
            logfmt(fields.into_iter()),
            "level=INFO msg=\"a b\" q=\"x=\\\"y\\\"\\n\" empty=\"\"\n"
        );
    }

    #[test]
    fn json_is_one_object_a_line() {
        let line = json([("level", "INFO"), ("msg", "a \"b\"\n")].into_iter());
        assert_eq!(line, "{\"level\":\"INFO\",\"msg\":\"a \\\"b\\\"\\n\"}\n");
    }

    #[test]
    fn times_are_rfc3339_with_milliseconds() {
        assert_eq!(time_text(1_700_000_000_120), "2023-11-14T22:13:20.120Z");
    }
}
