//! `ferula tsdb …` on directories of this build's and of Prometheus's format.

use std::fs;
use std::path::{Path, PathBuf};

use model::Labels;
use storage::Appendable;
use tsdb::{Db, Options};

use crate::ferula::run;

/// Two blocks of two hours, two series.
const TEXT: &str = "# TYPE m counter
m_total{a=\"b\"} 1 1600000000
m_total{a=\"b\"} 2.5 1600000015
m_total{a=\"b\"} 2.5 1600000015
m_total{a=\"b\"} 3e9 1600010000
m_total{a=\"c\"} NaN 1600000000.123
# EOF
";

/// What `dump` prints of them.
const DUMP: &str = "{__name__=\"m_total\", a=\"b\"} 1 1600000000000
{__name__=\"m_total\", a=\"b\"} 2.5 1600000015000
{__name__=\"m_total\", a=\"b\"} 3e+09 1600010000000
{__name__=\"m_total\", a=\"c\"} NaN 1600000000123
";

/// Runs a tool in `dir`: exit status, and what it prints.
fn tool(dir: &Path, arguments: &str) -> (i32, String) {
    let arguments: Vec<&str> = std::iter::once("tsdb").chain(arguments.split(' ')).collect();
    let (code, said) = run(dir, &arguments);
    (code.expect("it ends by itself"), said)
}

/// The same, of one that succeeds.
fn done(dir: &Path, arguments: &str) -> String {
    let (code, said) = tool(dir, arguments);
    assert_eq!(code, 0, "{arguments}: {said}");
    said
}

/// A directory where `data` has the blocks of [`TEXT`].
fn backfilled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("in.om"), TEXT).expect("written");
    let said = done(dir.path(), "create-blocks-from openmetrics in.om data");
    assert_eq!(said.lines().count(), 3, "{said}");
    dir
}

fn blocks(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("it is there").map(|e| e.expect("an entry").path());
    let mut blocks: Vec<_> = entries.filter(|path| path.join("meta.json").exists()).collect();
    blocks.sort();
    blocks
}

#[test]
fn text_becomes_blocks_that_give_it_back() {
    let dir = backfilled();
    let listed = done(dir.path(), "list data");
    let row: Vec<&str> = listed.lines().nth(1).expect("two blocks").split_whitespace().collect();
    assert_eq!(row[1..7], ["1600000000000", "1600000015001", "15.001s", "3", "2", "2"]);
    assert!(done(dir.path(), "list -r data").contains("2020-09-13 12:26:40 +0000 UTC"));
    assert_eq!(done(dir.path(), "dump data"), DUMP);
    let part = "dump --min-time=1600000000001 --max-time=1600000015000 data";
    let lines: Vec<&str> = DUMP.lines().collect();
    assert_eq!(done(dir.path(), part), format!("{}\n{}\n", lines[1], lines[3]));
    assert_eq!(done(dir.path(), "dump --match={a=\"c\"} data"), format!("{}\n", lines[3]));
    let text = done(dir.path(), "dump-openmetrics data");
    assert!(text.starts_with("m_total{a=\"b\"} 1 1600000000.000\n"), "{text}");
    assert!(text.ends_with("m_total{a=\"c\"} NaN 1600000000.123\n# EOF\n"), "{text}");
    let analyzed = done(dir.path(), "analyze data");
    assert!(analyzed.contains("Total Series: 1\nLabel names: 2\n"), "{analyzed}");
    // Reading leaves nothing behind.
    assert_eq!(fs::read_dir(dir.path().join("data")).expect("there").count(), 2);
}

#[test]
fn a_database_in_use_is_read_with_its_log_and_not_written() {
    let dir = backfilled();
    let path = dir.path().join("data");
    let db = Db::open(Options { path, ..Options::default() }, 0).expect("it opens");
    let mut appender = db.appender();
    let labels = Labels::from_pairs([("__name__", "new")]);
    appender.append(None, &labels, 1_600_020_000_000, 7.0).expect("appended");
    appender.commit().expect("committed");
    assert_eq!(
        done(dir.path(), "dump data"),
        format!("{DUMP}{{__name__=\"new\"}} 7 1600020000000\n")
    );
    for writing in ["repair data", "migrate data"] {
        let (code, said) = tool(dir.path(), writing);
        assert_eq!((code, said.contains("in use by another process")), (1, true), "{said}");
    }
}

#[test]
fn damage_is_told_with_file_and_offset_and_repaired() {
    let dir = backfilled();
    let whole = done(dir.path(), "verify data");
    assert_eq!(whole.matches("whole").count(), 2, "{whole}");
    let file = blocks(&dir.path().join("data"))[0].join("data");
    let mut bytes = fs::read(&file).expect("read");
    bytes[20] ^= 1;
    fs::write(&file, bytes).expect("written");
    let (code, said) = tool(dir.path(), "verify data");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("/data: ") && said.contains(" at byte "), "{said}");
    let repaired = done(dir.path(), "repair data");
    assert!(repaired.contains("samples now in") && repaired.contains("quarantine"), "{repaired}");
    done(dir.path(), "verify data");
    let dumped = done(dir.path(), "dump data");
    assert!(dumped.lines().count() >= 2, "{dumped}");
    assert!(dumped.lines().all(|line| DUMP.contains(line)), "{dumped}");
}

#[test]
fn what_is_exported_for_prometheus_and_migrated_back_is_the_same() {
    let dir = backfilled();
    let said = done(dir.path(), "export data out");
    assert_eq!(said.lines().count(), 3, "{said}");
    let exported = blocks(&dir.path().join("out"));
    assert!(exported.iter().all(|block| block.join("chunks/000001").exists()));
    assert_eq!(done(dir.path(), "dump out"), DUMP);
    assert_eq!(done(dir.path(), "verify out").matches("whole").count(), 2);
    let said = done(dir.path(), "migrate out");
    assert_eq!(said.lines().count(), 3, "{said}");
    let migrated = blocks(&dir.path().join("out"));
    assert_eq!(migrated.len(), 2);
    assert!(migrated.iter().all(|block| block.join("data").exists()));
    assert_eq!(done(dir.path(), "dump out"), DUMP);
}

#[test]
fn what_makes_no_sense_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let check = |arguments: &str, code: i32, message: &str| {
        let (found, said) = tool(dir.path(), arguments);
        assert_eq!(found, code, "{arguments}: {said}");
        assert!(said.contains(message), "{arguments}: {said}");
    };
    check("lst", 2, "unrecognized subcommand");
    check("dump --min-time=x data", 2, "--min-time takes milliseconds");
    check("list none", 1, "cannot open none");
    for (text, message) in [
        ("m 1\n# EOF\n", "in.om: line 1 at byte 0: expected a timestamp"),
        ("m 1 1\nm 2 1\n# EOF\n", "in.om: line 2 at byte 6: another value at 1000 ms"),
        ("m 1 1\n", "in.om: "),
        ("m 1 1\n1 1\n# EOF\n", "line 2: "),
    ] {
        fs::write(dir.path().join("in.om"), text).expect("written");
        check("create-blocks-from openmetrics in.om data", 1, message);
        assert!(!dir.path().join("data").exists());
    }
}
