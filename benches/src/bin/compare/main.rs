//! Ferula beside Prometheus and VictoriaMetrics: the same load to each, one after the other, and one
//! table of what it cost. `docs/benchmarks.md` says what the rows mean and what they do not show.

mod answers;
mod dashboard;
mod load;
mod phases;
mod process;
mod progress;
mod report;
mod server;
mod wire;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Parser;
use model::clock::SystemClock;
use phases::{Part, Round, Sizes};
use progress::Progress;
use report::Rounds;
use server::{Candidate, Kind, Result};

/// Starts each server with fresh directories, feeds it, and prints one table.
#[derive(Debug, Parser)]
#[command(name = "compare")]
struct Arguments {
    /// Little of everything, once: under two minutes
    #[arg(long)]
    quick: bool,
    /// How many rounds; the table shows medians [default: 3, with --quick 1]
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Series at once, for memory and recovery [default: 100000]
    #[arg(long, value_name = "N")]
    series: Option<usize>,
    /// Only these parts; what they do not measure is 0 [default: all]
    #[arg(long, value_name = "PART")]
    only: Vec<Part>,
    /// Also write all figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Ferula's binary [default: built from this workspace]
    #[arg(long, value_name = "FILE")]
    ferula: Option<PathBuf>,
    /// Prometheus's binary [default: on PATH]
    #[arg(long, value_name = "FILE")]
    prometheus: Option<PathBuf>,
    /// VictoriaMetrics's binary [default: on PATH]
    #[arg(long, value_name = "FILE")]
    victoria_metrics: Option<PathBuf>,
    /// Where the servers' directories are made [default: the system's directory for such]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

fn main() -> ExitCode {
    let progress = Progress::new();
    let ended = run(&Arguments::parse(), &progress);
    progress.clear();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn run(arguments: &Arguments, progress: &Progress) -> Result<()> {
    let sizes = sizes(arguments);
    let rounds = arguments.rounds.unwrap_or(if arguments.quick { 1 } else { 3 }).max(1);
    let candidates = candidates(arguments, progress)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let clock = SystemClock::new();
    let mut all: Vec<Rounds> = Vec::new();
    for candidate in &candidates {
        let version = version(candidate)?;
        let (figures, answers) = (Vec::new(), answers::Answers::new());
        all.push(Rounds { kind: candidate.kind, version, figures, answers });
    }
    for _ in 0..rounds {
        for (candidate, rounds) in candidates.iter().zip(&mut all) {
            let dir = match &arguments.dir {
                Some(dir) => tempfile::tempdir_in(dir)?,
                None => tempfile::tempdir()?,
            };
            let (runtime, clock) = (&runtime, &clock);
            let parts = if arguments.only.is_empty() { &Part::ALL[..] } else { &arguments.only };
            let round = Round { candidate, sizes, parts, runtime, clock, progress };
            let (figures, answers) = round.run(dir.path())?;
            rounds.figures.push(figures);
            rounds.answers = answers;
        }
    }
    progress.clear();
    println!("{}", report::table(sizes, &all));
    if let Some(path) = &arguments.json {
        let json = serde_json::to_vec_pretty(&report::as_json(sizes, &all))?;
        std::fs::write(path, json).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

fn sizes(arguments: &Arguments) -> Sizes {
    let mut sizes = if arguments.quick {
        Sizes { history: (500, 1440), wide: (100_000, 8), window_days: 3, rest_seconds: 3 }
    } else {
        // Thirty hours: blocks that will stay small are the lesser part, as in life.
        Sizes { history: (1000, 7200), wide: (100_000, 60), window_days: 30, rest_seconds: 15 }
    };
    if let Some(series) = arguments.series {
        sizes.wide.0 = series;
    }
    sizes
}

/// Whose binaries there are; Ferula's is built if none is given.
fn candidates(arguments: &Arguments, progress: &Progress) -> Result<Vec<Candidate>> {
    let given = [&arguments.ferula, &arguments.prometheus, &arguments.victoria_metrics];
    let mut candidates = Vec::new();
    for (kind, given) in Kind::ALL.into_iter().zip(given) {
        let binary = match (given, kind) {
            (Some(path), _) if path.is_file() => Some(path.clone()),
            (Some(path), _) => return Err(format!("{}: no such file", path.display()).into()),
            (None, Kind::Ferula) => Some(built(progress)?),
            (None, _) => on_path(kind),
        };
        match binary {
            Some(binary) => candidates.push(Candidate { kind, binary }),
            None => progress.say(&format!("{} is not on PATH: not compared", kind.name())),
        }
    }
    Ok(candidates)
}

/// Builds the server of this workspace, next to this program.
fn built(progress: &Progress) -> Result<PathBuf> {
    progress.say("building ferula");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let status = Command::new(cargo)
        .args(["build", "--release", "--quiet", "-p", "ferula", "--bin", "ferula"])
        .args(["--manifest-path", manifest])
        .status()?;
    if !status.success() {
        return Err(format!("building ferula ended with {status}").into());
    }
    let binary = std::env::current_exe()?.with_file_name("ferula");
    if binary.is_file() {
        return Ok(binary);
    }
    Err(format!("{}: not there; name a binary with --ferula", binary.display()).into())
}

fn on_path(kind: Kind) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let dirs = std::env::split_paths(&path);
    dirs.flat_map(|dir| kind.binaries().iter().map(move |name| dir.join(name)))
        .find(|binary| binary.is_file())
}

/// What a binary calls its version: the first word with a digit and a dot; empty if it does not say.
fn version(candidate: &Candidate) -> Result<String> {
    let output = Command::new(&candidate.binary).arg("--version").output()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let is_version =
        |word: &&str| word.contains('.') && word.contains(|c: char| c.is_ascii_digit());
    let word = text.split([' ', ',', '\n', '-']).find(is_version);
    Ok(word.unwrap_or_default().trim_start_matches('v').to_owned())
}
