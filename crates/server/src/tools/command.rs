//! The arguments of the tools.

use clap::{Arg, ArgAction, Command};

/// `ferula tsdb …`.
pub(super) fn command() -> Command {
    let tsdb = Command::new("tsdb")
        .about("Lists, reads, checks and rewrites data directories.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(tool("list", "List the blocks.").arg(human_readable()).arg(db_path()))
        .subcommand(
            tool("analyze", "Tell what a block is made of.")
                .arg(value("limit", "20", "How many items to show in each list."))
                .arg(value("match", "", "Series selector to analyze."))
                .arg(db_path())
                .arg(Arg::new("block id").help("The block; the newest if it is left out.")),
        )
        .subcommand(reading(tool("dump", "Print all samples.")))
        .subcommand(reading(tool(
            "dump-openmetrics",
            "Print all samples as OpenMetrics text, without native histograms and staleness markers.",
        )))
        .subcommand(
            Command::new("create-blocks-from")
                .about("Make blocks of samples from elsewhere.")
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommand(create_blocks()),
        )
        .subcommand(tool("verify", "Read everything and tell what is damaged.").arg(db_path()))
        .subcommand(
            tool("repair", "Write damaged blocks anew, without what cannot be read.").arg(db_path()),
        )
        .subcommand(
            range(tool("export", "Write blocks that Prometheus reads."))
                .arg(human_readable())
                .arg(sandbox())
                .arg(Arg::new("db path").required(true).help("The database."))
                .arg(Arg::new("output directory").required(true).help("Where the blocks go.")),
        )
        .subcommand(
            tool("migrate", "Rewrite blocks that Prometheus wrote as native ones.")
                .arg(human_readable())
                .arg(db_path()),
        );
    Command::new("ferula").subcommand_required(true).subcommand(tsdb)
}

fn tool(name: &'static str, about: &'static str) -> Command {
    Command::new(name).about(about)
}

fn create_blocks() -> Command {
    tool("openmetrics", "Make blocks of OpenMetrics text with timestamps.")
        .arg(human_readable())
        .arg(
            Arg::new("quiet")
                .short('q')
                .long("quiet")
                .action(ArgAction::SetTrue)
                .help("Do not print the blocks."),
        )
        .arg(
            Arg::new("label")
                .long("label")
                .action(ArgAction::Append)
                .value_name("NAME=VALUE")
                .help("A label for all series; may be repeated."),
        )
        .arg(Arg::new("input file").required(true).help("The text."))
        .arg(Arg::new("output directory").default_value("data/").help("Where the blocks go."))
}

/// A tool that reads samples.
fn reading(command: Command) -> Command {
    range(command)
        .arg(sandbox())
        .arg(
            Arg::new("match")
                .long("match")
                .action(ArgAction::Append)
                .value_name("SELECTOR")
                .default_value("{__name__=~'(?s:.*)'}")
                .help("Series selector; may be repeated."),
        )
        .arg(db_path())
}

fn range(command: Command) -> Command {
    command
        .arg(
            value("min-time", "-9223372036854775808", "The oldest sample, ms since 1970.")
                .allow_hyphen_values(true),
        )
        .arg(
            value("max-time", "9223372036854775807", "The newest sample, ms since 1970.")
                .allow_hyphen_values(true),
        )
}

fn sandbox() -> Arg {
    value(
        "sandbox-dir-root",
        "DIR",
        "Where the log is copied to; the database's directory if left out.",
    )
}

fn human_readable() -> Arg {
    Arg::new("human-readable")
        .short('r')
        .long("human-readable")
        .action(ArgAction::SetTrue)
        .help("Print times and sizes for people.")
}

fn value(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    let arg = Arg::new(name).long(name).action(ArgAction::Set).help(help);
    if default.is_empty() { arg } else { arg.default_value(default) }
}

fn db_path() -> Arg {
    Arg::new("db path").default_value("data/").help("The directory of the database.")
}
