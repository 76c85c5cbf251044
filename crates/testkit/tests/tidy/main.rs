//! The tidy test: what must be true of the tree, wherever a machine can tell.
//!
//! Each test names all offenders at once, as `path:line: what is wrong`. The rules are those of
//! docs/ARCHITECTURE.md and docs/STYLE.md; what clippy checks is not repeated here.

mod code;
mod layers;

use std::fs;
use std::path::{Path, PathBuf};

use code::Source;

/// Lines of a file before its tests.
const LINES_LIMIT: usize = 500;
/// Lines of a file that is all tests.
const TEST_LINES_LIMIT: usize = 1000;
/// Columns of a line of code. Comments and texts may be longer: no one can break a text.
const COLUMNS_LIMIT: usize = 100;

/// Crates that are plain functions: no waiting, no sockets.
const CORE: [&str; 7] = ["chunk", "exposition", "model", "promql", "storage", "template", "tsdb"];

/// What lies at the top of the repository. All of it must be there, and nothing else.
const TOP: [&str; 14] = [
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "clippy.toml",
    "crates",
    "deny.toml",
    "docs",
    "fixtures",
    "rustfmt.toml",
];

/// What may lie there: scripts for people, and what git does not keep.
const TOP_OPTIONAL: [&str; 5] = [".git", "data", "fuzz", "scripts", "target"];

/// Names that say nothing about what a file holds.
const EMPTY_NAMES: [&str; 7] = ["common", "helper", "helpers", "misc", "types", "util", "utils"];

fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).expect("crates/testkit lies two levels down").to_owned()
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let name = |e: std::io::Result<fs::DirEntry>| {
        e.expect("a directory can be listed").file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

/// Every Rust file of the workspace.
fn sources() -> Vec<Source> {
    let root = root();
    let mut sources = Vec::new();
    let mut dirs = vec![root.join("benches"), root.join("crates")];
    while let Some(dir) = dirs.pop() {
        for name in names_in(&dir) {
            let path = dir.join(&name);
            if path.is_dir() {
                dirs.push(path);
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path).expect("a source file is text");
                let path = path.strip_prefix(&root).expect("it lies below the root");
                sources.push(Source::new(path.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 100, "found only {} source files", sources.len());
    sources
}

/// Fails if there is an offence, and names all.
fn check(offences: &[String]) {
    assert!(offences.is_empty(), "{} offences:\n{}", offences.len(), offences.join("\n"));
}

/// The lines of shipped code that offend.
fn offending_lines(mut offends: impl FnMut(&Source, &str) -> bool, what: &str) -> Vec<String> {
    let mut offences = Vec::new();
    for source in sources() {
        for (number, line) in source.shipped() {
            if offends(&source, line) {
                offences.push(format!("{}:{}: {what}", source.path, number + 1));
            }
        }
    }
    offences
}

fn is_core(path: &str) -> bool {
    CORE.iter().any(|name| path.starts_with(&format!("crates/{name}/")))
}

#[test]
fn crates_use_only_what_lies_below_them() {
    let root = root();
    let crates = names_in(&root.join("crates"));
    let offences: Vec<String> =
        crates.iter().flat_map(|name| layers::offences(&root, name)).collect();
    check(&offences);
}

#[test]
fn the_core_does_not_wait() {
    let waits = |line: &str| ["async", "await", "tokio"].iter().any(|w| Source::has_word(line, w));
    check(&offending_lines(
        |source, line| is_core(&source.path) && waits(line),
        "the core knows neither async nor tokio",
    ));
}

#[test]
fn only_the_system_clock_reads_the_clock() {
    check(&offending_lines(
        |source, line| {
            let reads = line.contains("SystemTime::now") || line.contains("Instant::now");
            reads && source.path != "crates/model/src/clock.rs"
        },
        "take the time as an argument; see model::clock",
    ));
}

#[test]
fn unsafe_code_has_two_places() {
    check(&offending_lines(
        |source, line| {
            let allowed = ["crates/tsdb/src/mmap.rs", "crates/chunk/src/simd.rs"];
            Source::has_word(line, "unsafe") && !allowed.contains(&source.path.as_str())
        },
        "unsafe code lives in tsdb::mmap and chunk::simd",
    ));
}

#[test]
fn files_are_renamed_in_one_place() {
    check(&offending_lines(
        |source, line| line.contains("fs::rename") && source.path != "crates/tsdb/src/fs.rs",
        "tsdb::fs renames, and syncs the directory",
    ));
}

#[test]
fn yaml_is_known_to_the_configuration_and_to_rule_files() {
    check(&offending_lines(
        |source, line| {
            let allowed = ["crates/server/src/config/", "crates/rules/src/file/"];
            line.contains("saphyr") && !allowed.iter().any(|dir| source.path.starts_with(dir))
        },
        "YAML is read in server::config and rules::file",
    ));
}

#[test]
fn code_is_ascii_and_no_wider_than_a_hundred_columns() {
    let mut offences = offending_lines(|_, line| !line.is_ascii(), "code is ASCII");
    let wide = |line: &str| line.chars().count() > COLUMNS_LIMIT;
    offences.extend(offending_lines(|_, line| wide(line), "more than 100 columns of code"));
    check(&offences);
}

#[test]
fn every_file_says_what_it_is_and_is_not_long() {
    let mut offences = Vec::new();
    for source in sources() {
        let (path, lines) = (&source.path, source.code.len());
        if !source.text.starts_with("//! ") {
            offences.push(format!("{path}: does not open with a module doc"));
        }
        if source.lines_before_tests > LINES_LIMIT {
            let found = source.lines_before_tests;
            offences.push(format!("{path}: {found} lines before its tests, limit {LINES_LIMIT}"));
        }
        if source.lines_before_tests == 0 && lines > TEST_LINES_LIMIT {
            offences.push(format!("{path}: {lines} lines, limit {TEST_LINES_LIMIT}"));
        }
        let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rs");
        if EMPTY_NAMES.contains(&name) {
            offences.push(format!("{path}: the name says nothing; name the noun it holds"));
        }
    }
    check(&offences);
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let macros = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[", "ignore")];
    let mut offences = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            let marked = marks.iter().any(|mark| Source::has_word(line, mark));
            if marked || macros.iter().any(|left| line.contains(left)) {
                offences.push(format!("{}:{}: something is left", source.path, number + 1));
            }
        }
    }
    check(&offences);
}

#[test]
fn the_top_of_the_repository_holds_what_is_known() {
    let found = names_in(&root());
    let unknown = found
        .iter()
        .filter(|name| !TOP.contains(&name.as_str()) && !TOP_OPTIONAL.contains(&name.as_str()))
        .map(|name| format!("{name}: does not belong at the top"));
    let missing = TOP
        .iter()
        .filter(|name| !found.iter().any(|found| found == *name))
        .map(|name| format!("{name}: is missing"));
    check(&unknown.chain(missing).collect::<Vec<_>>());
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Fails if one of `words` does not stand in the document, in backquotes.
fn check_named(document: &str, words: impl Iterator<Item = String>) {
    let text = read(document);
    let words: Vec<String> = words.collect();
    assert!(words.len() > 10, "found only {words:?} to look for in {document}");
    let unnamed = words.iter().filter(|word| !text.contains(&format!("`{word}`")));
    check(&unnamed.map(|word| format!("{document}: does not name `{word}`")).collect::<Vec<_>>());
}

#[test]
fn the_architecture_names_every_crate() {
    check_named("docs/ARCHITECTURE.md", names_in(&root().join("crates")).into_iter());
}

#[test]
fn the_configuration_reference_names_every_flag() {
    let table = read("crates/server/src/flags/table.rs");
    let name = |line: &str| {
        let row = line.trim().strip_prefix("used(").or(line.trim().strip_prefix("ignored("))?;
        Some(format!("--{}", row.split('"').nth(1)?))
    };
    check_named("docs/configuration.md", table.lines().filter_map(name));
}

#[test]
fn the_configuration_reference_names_every_field() {
    let fields = read("crates/server/src/config/raw.rs");
    let name = |line: &str| {
        let (name, kind) = line.trim().trim_start_matches("pub(super) ").split_once(": ")?;
        let is_field = ["Option<", "Vec<", "BTreeMap<"].iter().any(|k| kind.starts_with(k));
        (is_field && line.ends_with(',')).then(|| name.to_owned())
    };
    check_named("docs/configuration.md", fields.lines().filter_map(name));
}

/// The targets of links: `[text](target)`.
fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|behind| behind.split(')').next()).collect()
}

#[test]
fn documents_link_to_what_is_there() {
    let root = root();
    let mut documents = vec!["README.md".to_owned(), "CHANGELOG.md".to_owned()];
    for dir in ["docs", "docs/decisions", "docs/format"] {
        let names = names_in(&root.join(dir)).into_iter().filter(|name| name.ends_with(".md"));
        documents.extend(names.map(|name| format!("{dir}/{name}")));
    }
    let mut offences = Vec::new();
    for document in &documents {
        let text = read(document);
        let dir = root.join(document);
        let dir = dir.parent().expect("a file lies in a directory");
        let local = |link: &&str| !link.contains("://") && !link.starts_with('#');
        for link in links(&text).into_iter().filter(local) {
            if !dir.join(link.split('#').next().unwrap_or(link)).exists() {
                offences.push(format!("{document}: {link} is not there"));
            }
        }
    }
    check(&offences);
}
