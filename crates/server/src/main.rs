//! The `ferula` binary.

use std::process::ExitCode;

use ferula::flags::{self, Request};
use ferula::{RunError, logging, tools};

/// Bad usage, or a configuration that cannot be applied.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.peek().is_some_and(|first| first == "tsdb") {
        return tools::run(arguments);
    }
    let flags = match flags::parse(arguments) {
        Ok(Request::Serve(flags)) => flags,
        Ok(Request::Print(text)) => return print(&text),
        Err(error) => return fail(&format!("ferula: {error}; see ferula --help"), USAGE),
    };
    logging::start(flags.log_level, flags.log_format);
    match ferula::run(*flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ RunError::Config(_)) => fail(&format!("ferula: {error}"), USAGE),
        Err(error) => fail(&format!("ferula: {error}"), 1),
    }
}

#[expect(clippy::print_stdout, reason = "this is what was asked for")]
fn print(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

fn fail(sentence: &str, code: u8) -> ExitCode {
    eprintln!("{sentence}");
    ExitCode::from(code)
}
