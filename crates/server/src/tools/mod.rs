//! `ferula tsdb …`: a data directory listed, read, checked and rewritten from the command line.
//!
//! The names, arguments and output are promtool's where promtool has the like. Results go to standard
//! output, everything else to standard error; on a terminal there is progress. The exit status is 0, 1
//! if something failed or was found wrong, 2 for bad usage.

mod analyze;
mod backfill;
mod command;
mod convert;
mod dump;
mod list;
mod progress;
mod verify;

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ArgMatches;
use clap::parser::ValueSource;
use model::clock::SystemClock;
use model::{Clock, Matcher, TimeRange};
use storage::QueryError;
use tsdb::offline::RepairError;
use tsdb::{BlockError, OpenError};

use progress::Progress;

/// Why a tool stopped.
#[derive(Debug, thiserror::Error)]
enum ToolError {
    /// Arguments that make no sense.
    #[error("{0}")]
    Usage(String),
    /// A file or directory cannot be read.
    #[error("cannot {action} {path}: {source}")]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// A file that is not what it should be.
    #[error("{path}: {message}")]
    Input { path: PathBuf, message: String },
    /// What was found is wrong; it has been said.
    #[error("{0}")]
    Found(String),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Block(#[from] BlockError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// Standard output takes no more.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

/// What a tool has at hand.
struct Bench<'a> {
    arguments: &'a ArgMatches,
    out: &'a mut dyn Write,
    progress: Progress,
    clock: &'a SystemClock,
}

impl<'a> Bench<'a> {
    /// An argument as text; empty if it is left out.
    fn text(&self, name: &str) -> &'a str {
        self.arguments.get_one::<String>(name).map_or("", String::as_str)
    }

    fn many(&self, name: &str) -> Vec<&'a str> {
        let values = self.arguments.get_many::<String>(name);
        values.into_iter().flatten().map(String::as_str).collect()
    }

    fn is_set(&self, name: &str) -> bool {
        self.arguments.get_flag(name)
    }

    /// The directory of the database, which must be there.
    fn dir(&self) -> Result<&'a Path, ToolError> {
        let path = Path::new(self.text("db path"));
        let io = |source| ToolError::Io { action: "open", path: path.to_owned(), source };
        std::fs::read_dir(path).map_err(io)?;
        Ok(path)
    }

    /// From `--min-time` to `--max-time`.
    fn range(&self) -> Result<TimeRange, ToolError> {
        let time = |name: &str| {
            let text = self.text(name);
            let message = || format!("--{name} takes milliseconds since 1970, not {text:?}");
            text.parse::<i64>().map_err(|_| ToolError::Usage(message()))
        };
        let (min, max) = (time("min-time")?, time("max-time")?);
        let message = || format!("--min-time={min} is later than --max-time={max}");
        TimeRange::new(min, max).ok_or_else(|| ToolError::Usage(message()))
    }

    /// The selectors of `--match`.
    fn selectors(&self) -> Result<Vec<Vec<Matcher>>, ToolError> {
        let parse = |text: &str| {
            let message = |error| format!("--match={text}: {error}");
            promql::parse_matchers(text).map_err(|error| ToolError::Usage(message(error)))
        };
        self.many("match").into_iter().map(parse).collect()
    }

    /// The database as it is, opened beside it.
    fn sandbox(&self) -> Result<tsdb::offline::Sandbox, ToolError> {
        let dir = self.dir()?;
        let given = self.arguments.value_source("sandbox-dir-root");
        let root = match given {
            Some(ValueSource::CommandLine) => Path::new(self.text("sandbox-dir-root")),
            _ => dir,
        };
        Ok(tsdb::offline::Sandbox::open(dir, root, self.clock.now_ms())?)
    }
}

/// Runs the tool that the arguments behind `ferula` name.
pub fn run(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let arguments = std::iter::once("ferula".to_owned()).chain(arguments);
    let matches = match command::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            // Nothing is left to say it to.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let clock = SystemClock::new();
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let result = dispatch(&matches, &mut out, &clock);
    let result = result.and_then(|()| Ok(out.flush()?));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read it has read enough.
        Err(ToolError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            // What was found so far stands before the error.
            let _ = out.flush();
            eprintln!("ferula: {error}");
            ExitCode::from(if matches!(error, ToolError::Usage(_)) { 2 } else { 1 })
        }
    }
}

fn dispatch(
    matches: &ArgMatches,
    out: &mut dyn Write,
    clock: &SystemClock,
) -> Result<(), ToolError> {
    let mut path = Vec::new();
    let mut arguments = matches;
    while let Some((name, inner)) = arguments.subcommand() {
        path.push(name);
        arguments = inner;
    }
    let mut bench = Bench { arguments, out, progress: Progress::new(), clock };
    match path[..] {
        ["tsdb", "list"] => list::run(&mut bench),
        ["tsdb", "analyze"] => analyze::run(&mut bench),
        ["tsdb", "dump"] => dump::run(&mut bench, dump::Form::Samples),
        ["tsdb", "dump-openmetrics"] => dump::run(&mut bench, dump::Form::OpenMetrics),
        ["tsdb", "create-blocks-from", "openmetrics"] => backfill::run(&mut bench),
        ["tsdb", "verify"] => verify::verify(&mut bench),
        ["tsdb", "repair"] => verify::repair(&mut bench),
        ["tsdb", "export"] => convert::export(&mut bench),
        ["tsdb", "migrate"] => convert::migrate(&mut bench),
        _ => Err(ToolError::Usage("there is no such tool; see ferula tsdb --help".to_owned())),
    }
}
