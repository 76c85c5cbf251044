//! What the targets share: a database opened on files of which one is the fuzzer's.
//!
//! Everything there is to read is read, and nothing may panic. Most bytes end at a checksum; seeds
//! from real files, as `docs/fuzzing.md` makes them, get further.

use std::path::{Path, PathBuf};

use model::TimeRange;
use storage::{Columns, Queryable, SelectHints, Stop};
use tsdb::{Db, Options};

/// A block that this repository keeps to test that it can be read.
fn fixture() -> PathBuf {
    let dir =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/tsdb/tests/db/fixtures/native-2");
    let mut blocks = std::fs::read_dir(dir).expect("the fixture is there");
    blocks.next().expect("a block").expect("an entry").path()
}

/// Opens a database on these files and reads all of it.
pub fn open_with(files: &[(&str, &[u8])]) {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, bytes) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        std::fs::write(path, bytes).expect("it is written");
    }
    read_all(dir.path());
}

/// The same on a whole block, in which one file is replaced.
pub fn open_block_with(file: &str, bytes: &[u8]) {
    let block = fixture();
    let name = block.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    let read = |file: &str| std::fs::read(block.join(file)).expect("the fixture is whole");
    let mut meta: serde_json::Value = serde_json::from_slice(&read("meta.json")).expect("JSON");
    if meta["files"].get(file).is_some() {
        meta["files"][file]["size"] = bytes.len().into();
    }
    let (index, data) = (read("index"), read("data"));
    let place = |file: &str| format!("{name}/{file}");
    let meta = serde_json::to_vec(&meta).expect("JSON");
    let mut files =
        vec![(place("meta.json"), &meta[..]), (place("index"), &index), (place("data"), &data)];
    files.retain(|(name, _)| *name != place(file));
    files.push((place(file), bytes));
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    open_with(&files);
}

/// The same on a block of Prometheus.
pub fn open_prometheus_with(file: &str, bytes: &[u8]) {
    let source = tempfile::tempdir().expect("a directory");
    let (native, exported) = (source.path().join("native"), source.path().join("exported"));
    let block = native.join(fixture().file_name().expect("a name"));
    std::fs::create_dir_all(&block).expect("a directory");
    for file in ["meta.json", "index", "data"] {
        std::fs::copy(fixture().join(file), block.join(file)).expect("it is copied");
    }
    let options = Options { path: native, retention_ms: 0, ..Options::default() };
    let db = Db::open(options, 0).expect("it opens");
    let metas = db.export(&exported, TimeRange::ALL, 86_400_000, 0, &mut |_| ()).expect("written");
    let name = metas[0].ulid.to_string();
    std::fs::remove_dir(exported.join("wal")).expect("it is empty");
    let path = exported.join(name).join(file);
    std::fs::remove_file(&path).expect("it is there");
    std::fs::write(path, bytes).expect("it is written");
    read_all(&exported);
}

fn read_all(dir: &Path) {
    let options = Options { path: dir.to_owned(), retention_ms: 0, ..Options::default() };
    let Ok(db) = Db::open(options, 0) else { return };
    let querier = db.querier(TimeRange::ALL).expect("a view");
    for name in querier.label_names(&[], &Stop::default()).unwrap_or_default() {
        let _ = querier.label_values(&name, &[], &Stop::default());
    }
    let mut columns = Columns::default();
    let Ok(set) = querier.select(&[], &SelectHints::default()) else { return };
    for series in set {
        let Ok(mut series) = series else { break };
        columns.clear();
        let _ = series.read(TimeRange::ALL, &mut columns);
        assert_eq!(columns.timestamps.len(), columns.values.len());
        assert_eq!(columns.histogram_timestamps.len(), columns.histograms.len());
    }
}
