//! PromQL against scripts: our own in `fixtures/promql`, and whatever folder of acceptance scripts
//! `FERULA_CONFORMANCE` names.
//!
//! All pass to the last eval.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use promql::ParserOptions;
use promql::ast::AggregateOp;
use testkit::EngineBackend;
use testkit::script::{Report, run};

/// Names the folder that has `promqltest/*.test`.
const CONFORMANCE: &str = "FERULA_CONFORMANCE";

#[test]
fn our_own_scripts_pass_to_the_last_eval() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/promql");
    for (folder, least, experimental) in
        [(folder.clone(), 8, false), (folder.join("experimental"), 4, true)]
    {
        let scripts = scripts_in(&folder);
        assert!(scripts.len() >= least, "{} scripts in {}", scripts.len(), folder.display());
        for (name, text) in scripts {
            let report = report(&name, &text, experimental);
            assert!(report.failed.is_empty(), "{}", told(&report));
            assert!(report.passed > 0, "{name}: {report:?}");
        }
    }
}

#[test]
fn our_own_scripts_ask_every_function_and_aggregation() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/promql");
    let mut asked = HashSet::new();
    let scripts = [scripts_in(&folder), scripts_in(&folder.join("experimental"))].concat();
    for line in scripts.iter().flat_map(|(_, text)| text.lines()) {
        let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        asked.extend(words.filter(|_| line.trim_start().starts_with("eval")));
    }
    let functions = promql::functions::all().iter().map(|function| function.name);
    let aggregations = AggregateOp::ALL.iter().map(|op| op.as_str());
    let all: Vec<&str> =
        functions.chain(aggregations).filter(|name| !asked.contains(name)).collect();
    assert!(all.is_empty(), "no script asks {}", all.join(", "));
}

#[test]
fn the_acceptance_suite_passes() {
    let Some(folder) = std::env::var_os(CONFORMANCE).map(PathBuf::from) else {
        eprintln!("skipped: {CONFORMANCE} names no folder with promqltest/*.test");
        return;
    };
    let folder = folder.join("promqltest");
    let mut sunk = hold(&folder, false);
    sunk.extend(hold(&folder.join("experimental"), true));
    assert!(sunk.is_empty(), "not passed:\n{}", sunk.join("\n"));
}

/// Runs the scripts of a folder and tells how each did; returns those that miss what they should.
fn hold(folder: &Path, experimental: bool) -> Vec<String> {
    let scripts = scripts_in(folder);
    assert!(scripts.len() >= 10, "{} scripts in {}", scripts.len(), folder.display());
    let mut sunk = Vec::new();
    for (name, text) in &scripts {
        let report = report(name, text, experimental);
        let failed = report.failed.len();
        let all = report.passed + failed;
        let line = format!("{name}: {} of {all} pass", report.passed);
        eprintln!("{line}\n{}", told(&report));
        if failed > 0 || all == 0 {
            sunk.push(format!("{line}\n{}", told(&report)));
        }
    }
    sunk
}

fn report(name: &str, text: &str, experimental: bool) -> Report {
    let parser = if experimental { ParserOptions::ALL } else { ParserOptions::default() };
    let mut backend = EngineBackend::with_parser(parser);
    run(name, text, &mut backend).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The failures, one a line.
fn told(report: &Report) -> String {
    let lines = report.failed.iter().map(|f| format!("  {}: {}", f.place, f.message));
    lines.collect::<Vec<_>>().join("\n")
}

/// Name and text of each script of a folder, in order of names.
fn scripts_in(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut scripts: Vec<(String, String)> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "test"))
        .map(|path| {
            let name = path.file_stem().expect("it has an extension").to_string_lossy();
            let text = fs::read_to_string(&path).expect("a readable script");
            (name.into_owned(), text)
        })
        .collect();
    scripts.sort_unstable();
    scripts
}
