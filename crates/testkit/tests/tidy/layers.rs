//! Which crate may use which, and what the pure ones may take from others.

use std::fs;
use std::path::Path;

/// A crate, which of ours it may use, and which of others' if that is laid down.
type Row = (&'static str, &'static [&'static str], Option<&'static [&'static str]>);

/// The layers. A line drawn here is the reason a crate is there at all.
const ALLOWED: [Row; 15] = [
    ("model", &[], Some(&["md-5", "regex", "thiserror"])),
    ("chunk", &["model"], Some(&["thiserror"])),
    ("storage", &["model"], Some(&["thiserror"])),
    ("tsdb", &["model", "chunk", "storage"], Some(TSDB)),
    ("exposition", &["model"], Some(&["memchr", "nom", "thiserror"])),
    ("promql", &["model", "storage"], Some(PROMQL)),
    ("template", &["model"], Some(&["jiff", "percent-encoding", "thiserror"])),
    ("client", &[], None),
    ("discovery", &["model", "client"], None),
    ("scrape", &["model", "storage", "exposition", "discovery", "client"], None),
    ("rules", &["model", "storage", "promql", "template", "discovery", "client"], None),
    ("remote", &["model", "storage", "client"], None),
    ("api", API, None),
    ("server", SERVER, None),
    ("testkit", &["model", "storage", "promql"], None),
];

const PROMQL: &[&str] = &["nom", "rayon", "regex", "rustc-hash", "smallvec", "thiserror"];

const TSDB: &[&str] = &[
    "bytes",
    "crc32c",
    "crc32fast",
    "hashbrown",
    "libc",
    "memmap2",
    "roaring",
    "rustc-hash",
    "ruzstd",
    "rustix",
    "serde",
    "serde_json",
    "snap",
    "thiserror",
    "tracing",
    "ulid",
];

const API: &[&str] = &[
    "model",
    "storage",
    "tsdb",
    "exposition",
    "promql",
    "template",
    "client",
    "discovery",
    "scrape",
    "rules",
    "remote",
];

const SERVER: &[&str] = &[
    "model",
    "chunk",
    "storage",
    "tsdb",
    "exposition",
    "promql",
    "template",
    "client",
    "discovery",
    "scrape",
    "rules",
    "remote",
    "api",
];

/// What is wrong with the crate in `dir`.
pub(crate) fn offences(root: &Path, name: &str) -> Vec<String> {
    let path = format!("crates/{name}/Cargo.toml");
    let manifest = fs::read_to_string(root.join(&path)).unwrap_or_default();
    let Some((_, ours, theirs)) = ALLOWED.iter().find(|(row, _, _)| *row == name) else {
        return vec![format!("{path}: the crate has no row in the table of layers")];
    };
    let mut offences = Vec::new();
    for dependency in dependencies(&manifest) {
        let is_ours = ALLOWED.iter().any(|(row, _, _)| *row == dependency);
        let allowed = if is_ours {
            ours.contains(&dependency)
        } else {
            theirs.is_none_or(|theirs| theirs.contains(&dependency))
        };
        if !allowed {
            offences.push(format!("{path}: {name} may not depend on {dependency}"));
        }
    }
    if !manifest.contains("[lints]\nworkspace = true") {
        offences.push(format!("{path}: does not take the lints of the workspace"));
    }
    offences
}

/// The names in the section `[dependencies]`.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut section = "";
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]" && !line.starts_with('#') {
            names.extend(line.split(['.', ' ', '=']).next().filter(|name| !name.is_empty()));
        }
    }
    names
}

#[test]
fn only_the_dependencies_of_the_crate_itself_count() {
    let manifest = "[package]\nname = \"x\"\n\n[dependencies]\na.workspace = true\n\
                    # c.workspace = true\nb-c = { workspace = true }\n\n\
                    [dev-dependencies]\nd.workspace = true\n";
    assert_eq!(dependencies(manifest), ["a", "b-c"]);
}
