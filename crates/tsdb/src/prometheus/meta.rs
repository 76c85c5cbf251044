//! `meta.json` of a Prometheus block: ours without the format and the files, which are filled in from
//! what lies in the directory.

use std::path::Path;

use model::Timestamp;
use serde::Serialize;

use crate::block::{BlockId, BlockMeta, BlockStats, Compaction};
use crate::error::BlockError;

/// The name of the file.
pub(super) const META_FILE: &str = "meta.json";
/// A `meta.json` may have so many bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Reads and checks `meta.json` in the directory of a block.
pub(super) fn read(dir: &Path) -> Result<BlockMeta, BlockError> {
    let path = dir.join(META_FILE);
    let io = |source| BlockError::Io { action: "read", path: path.clone(), source };
    let size = std::fs::metadata(&path).map_err(io)?.len();
    if size > MAX_BYTES {
        return Err(BlockError::TooLarge { path, what: META_FILE, limit: MAX_BYTES });
    }
    let json = std::fs::read(&path).map_err(io)?;
    let damaged = |expected: String| BlockError::Damaged {
        path: path.clone(),
        section: META_FILE,
        offset: 0,
        expected,
    };
    let meta: BlockMeta = serde_json::from_slice(&json)
        .map_err(|e| damaged(format!("a Prometheus block's meta.json ({e})")))?;
    if meta.version != 1 || !meta.format.is_empty() {
        let found = format!("{} {}", meta.format, meta.version);
        return Err(BlockError::UnknownFormat { path, found, newest: "prometheus 1" });
    }
    if dir.file_name().is_none_or(|name| name != meta.ulid.to_string().as_str()) {
        return Err(damaged(format!("a directory named {}", meta.ulid)));
    }
    if meta.range().is_none() {
        return Err(damaged("minTime before maxTime".to_owned()));
    }
    Ok(meta)
}

/// The text of `meta.json` without our own fields.
pub(super) fn to_json(meta: &BlockMeta) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Meta<'a> {
        ulid: BlockId,
        min_time: Timestamp,
        max_time: Timestamp,
        stats: BlockStats,
        compaction: &'a Compaction,
        version: u32,
    }
    let BlockMeta { ulid, min_time, max_time, stats, compaction, version, .. } = meta;
    let meta = Meta {
        ulid: *ulid,
        min_time: *min_time,
        max_time: *max_time,
        stats: *stats,
        compaction,
        version: *version,
    };
    let mut json = serde_json::to_vec_pretty(&meta).expect("plain fields become JSON");
    json.push(b'\n');
    json
}
