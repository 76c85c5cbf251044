//! PromQL against scripts: our own in `fixtures/promql`, and whatever folder of acceptance scripts
//! `FERULA_CONFORMANCE` names.
//!
//! Our own scripts pass to the last eval. Of the acceptance suite each file has a floor: how many of
//! its evals pass at least. More is progress, and raises the floor in the same commit. What is missing
//! needs native histograms, or what stands in [`EXPERIMENTAL_FLOORS`] without a line.

use std::fs;
use std::path::{Path, PathBuf};

use promql::ParserOptions;
use testkit::EngineBackend;
use testkit::script::{Report, run};

/// Names the folder that has `promqltest/*.test`.
const CONFORMANCE: &str = "FERULA_CONFORMANCE";

/// Of each file of the suite, how many evals pass at least.
const FLOORS: [(&str, usize); 18] = [
    ("aggregators", 80),
    ("at_modifier", 52),
    ("collision", 1),
    ("duration_expression", 40),
    ("extended_vectors", 18),
    ("fill-modifier", 1),
    ("functions", 154),
    ("histograms", 58),
    ("literals", 18),
    ("name_label_dropping", 14),
    ("native_histograms", 3),
    ("operators", 99),
    ("range_queries", 11),
    ("selectors", 23),
    ("staleness", 10),
    ("subquery", 20),
    ("trig_functions", 13),
    ("type_and_unit", 30),
];

/// The same for scripts that need what is experimental.
const EXPERIMENTAL_FLOORS: [(&str, usize); 8] = [
    ("aggregators", 2),
    ("at_modifier", 1),
    ("functions", 23),
    ("histograms", 7),
    ("limit", 1),
    ("name_label_dropping", 5),
    ("range_queries", 2),
    ("type_and_unit", 2),
];

#[test]
fn our_own_scripts_pass_to_the_last_eval() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/promql");
    let scripts = scripts_in(&folder);
    assert!(scripts.len() >= 8, "{} scripts in {}", scripts.len(), folder.display());
    for (name, text) in scripts {
        let report = report(&name, &text, false);
        assert!(report.failed.is_empty(), "{}", told(&report));
        assert!(report.passed > 0 && report.unsupported == 0, "{name}: {report:?}");
    }
}

#[test]
fn the_acceptance_suite_passes_down_to_its_floors() {
    let Some(folder) = std::env::var_os(CONFORMANCE).map(PathBuf::from) else {
        eprintln!("skipped: {CONFORMANCE} names no folder with promqltest/*.test");
        return;
    };
    let folder = folder.join("promqltest");
    let mut sunk = hold(&folder, &FLOORS, false);
    sunk.extend(hold(&folder.join("experimental"), &EXPERIMENTAL_FLOORS, true));
    assert!(sunk.is_empty(), "below the floor:\n{}", sunk.join("\n"));
}

/// Runs the scripts of a folder and tells how each did; returns those that miss their floor.
fn hold(folder: &Path, floors: &[(&str, usize)], experimental: bool) -> Vec<String> {
    let scripts = scripts_in(folder);
    let known = |name: &str| floors.iter().find(|(other, _)| *other == name);
    let mut sunk: Vec<String> = floors
        .iter()
        .filter(|(name, _)| !scripts.iter().any(|(other, _)| other == name))
        .map(|(name, _)| format!("{name}: there is no such script in {}", folder.display()))
        .collect();
    for (name, text) in &scripts {
        let report = report(name, text, experimental);
        let floor = known(name).map_or(0, |(_, floor)| *floor);
        let failed = report.failed.len();
        let all = report.passed + failed + report.unsupported;
        let line = format!("{name}: {} of {all} pass, {failed} fail", report.passed);
        eprintln!("{line}, floor {floor}\n{}", told(&report));
        if report.passed < floor {
            sunk.push(format!("{line}, the floor is {floor}\n{}", told(&report)));
        }
    }
    sunk
}

fn report(name: &str, text: &str, experimental_functions: bool) -> Report {
    let mut backend = EngineBackend::with_parser(ParserOptions { experimental_functions });
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
