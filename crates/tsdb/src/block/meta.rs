//! `meta.json`: what a block is, in Prometheus's words and a few of our own.
//!
//! Written last into a new block's directory and read first. The format is described with the block's,
//! in `docs/format/block.md`.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;

use model::{TimeRange, Timestamp};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::error::BlockError;

/// The format this build writes, and the only native one it reads.
pub(crate) const FORMAT: &str = "native/2";
/// The name of the file.
pub(crate) const META_FILE: &str = "meta.json";
/// A `meta.json` may have so many bytes; a thousand sources take a twentieth of it.
pub(crate) const MAX_META_BYTES: u64 = 1 << 20;

/// A block's name: a ULID, so that names sort by when blocks were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlockId(Ulid);

impl BlockId {
    /// A new name: the time given, and 80 bits from the standard library's hash keys.
    pub fn fresh(now_ms: Timestamp) -> Self {
        let keys = RandomState::new();
        let half = |n: u8| {
            let mut hasher = keys.build_hasher();
            hasher.write_u8(n);
            u128::from(hasher.finish())
        };
        Self(Ulid::from_parts(u64::try_from(now_ms).unwrap_or(0), half(0) << 64 | half(1)))
    }

    /// The name written in 26 characters, if that is one.
    pub fn parse(text: &str) -> Option<Self> {
        Ulid::from_string(text).ok().map(Self).filter(|id| id.to_string() == text)
    }

    /// When the block was made, as its name says.
    pub fn made_at(self) -> Timestamp {
        Timestamp::try_from(self.0.timestamp_ms()).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.array_to_str(&mut [0; ulid::ULID_LEN]))
    }
}

impl From<BlockId> for String {
    fn from(id: BlockId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for BlockId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is not a ULID"))
    }
}

/// What `meta.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockMeta {
    /// The block's name, also of its directory.
    pub ulid: BlockId,
    /// No sample is older, ms.
    pub min_time: Timestamp,
    /// Every sample is older than this, ms: the end does not belong to the block.
    pub max_time: Timestamp,
    /// How much is in it.
    #[serde(default)]
    pub stats: BlockStats,
    /// What it was made of.
    pub compaction: Compaction,
    /// 1, as in Prometheus.
    pub version: u32,
    /// Which encoding the files have; a Prometheus block has no such field.
    #[serde(default)]
    pub format: String,
    /// Size and checksum of each file but this one.
    #[serde(default)]
    pub files: BTreeMap<String, FileMeta>,
}

/// How much is in a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlockStats {
    /// Samples, of all kinds.
    pub num_samples: u64,
    /// Series with at least one sample.
    pub num_series: u64,
    /// Chunks.
    pub num_chunks: u64,
}

/// What a block was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Compaction {
    /// 1 for a block cut from the head, one more than the highest parent otherwise.
    pub level: u32,
    /// The blocks cut from the head that are in it.
    pub sources: Vec<BlockId>,
    /// The blocks it was made of and replaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<Parent>,
    /// What else Prometheus notes of a block.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// A block that another one replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parent {
    /// Its name.
    pub ulid: BlockId,
    /// Its beginning, ms.
    pub min_time: Timestamp,
    /// Its end, ms, not inside.
    pub max_time: Timestamp,
}

/// A file of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileMeta {
    /// Its size.
    pub size: u64,
    /// CRC-32 of all of it, eight hexadecimal digits.
    pub crc32: String,
}

impl Compaction {
    /// Whether the block holds samples that Prometheus took out of order: others of the same time
    /// may be elsewhere.
    pub fn is_out_of_order(&self) -> bool {
        self.hints.iter().any(|hint| hint == "from-out-of-order")
    }
}

impl BlockMeta {
    /// The times a sample of the block may have; `None` if the block's times are inverted.
    pub fn range(&self) -> Option<TimeRange> {
        TimeRange::new(self.min_time, self.max_time.checked_sub(1)?)
    }

    /// Whether this build's own format, not Prometheus's, is what the files have.
    pub fn is_native(&self) -> bool {
        !self.format.is_empty()
    }

    /// As one of the parents of a block made of this one.
    pub fn as_parent(&self) -> Parent {
        Parent { ulid: self.ulid, min_time: self.min_time, max_time: self.max_time }
    }

    /// The bytes of the block's files, this one left out.
    pub fn size_bytes(&self) -> u64 {
        self.files.values().map(|file| file.size).sum()
    }

    /// The text of `meta.json`.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("plain fields become JSON");
        json.push(b'\n');
        json
    }

    /// Reads and checks `meta.json` in the directory of a block.
    pub(crate) fn read(dir: &Path) -> Result<Self, BlockError> {
        let path = dir.join(META_FILE);
        let io = |source| BlockError::Io { action: "read", path: path.clone(), source };
        let size = std::fs::metadata(&path).map_err(io)?.len();
        if size > MAX_META_BYTES {
            let limit = MAX_META_BYTES;
            return Err(BlockError::TooLarge { path, what: "meta.json", limit });
        }
        let json = std::fs::read(&path).map_err(io)?;
        Self::parse(&json, dir)
    }

    fn parse(json: &[u8], dir: &Path) -> Result<Self, BlockError> {
        let path = dir.join(META_FILE);
        let damaged = |expected: String| BlockError::Damaged {
            path: path.clone(),
            section: META_FILE,
            offset: 0,
            expected,
        };
        /// The two fields that decide whether the others are ours to judge.
        #[derive(Deserialize)]
        struct Format {
            version: u32,
            #[serde(default)]
            format: String,
        }
        let json_error = |e: serde_json::Error| damaged(format!("a block's meta.json ({e})"));
        let head: Format = serde_json::from_slice(json).map_err(json_error)?;
        if head.version != 1 || head.format != FORMAT {
            let found = match head.format.as_str() {
                "" => format!("prometheus/{}", head.version),
                format => format.to_owned(),
            };
            return Err(BlockError::UnknownFormat { path, found, newest: FORMAT });
        }
        let meta: Self = serde_json::from_slice(json).map_err(json_error)?;
        if dir.file_name().is_none_or(|name| name != meta.ulid.to_string().as_str()) {
            return Err(damaged(format!("a directory named {}", meta.ulid)));
        }
        if meta.range().is_none() {
            return Err(damaged("minTime before maxTime".to_owned()));
        }
        Ok(meta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> BlockMeta {
        let ulid = BlockId::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap();
        BlockMeta {
            ulid,
            min_time: 0,
            max_time: 7_200_000,
            stats: BlockStats { num_samples: 10, num_series: 2, num_chunks: 3 },
            compaction: Compaction {
                level: 1,
                sources: vec![ulid],
                parents: vec![],
                hints: vec![],
            },
            version: 1,
            format: FORMAT.to_owned(),
            files: [("index".to_owned(), FileMeta { size: 7, crc32: "0000002a".to_owned() })]
                .into(),
        }
    }

    const DIR: &str = "/data/01ARZ3NDEKTSV4RRFFQ69G5FAV";

    #[test]
    fn meta_json_is_what_prometheus_writes_and_three_fields_more() {
        let json: serde_json::Value = serde_json::from_slice(&meta().to_json()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "ulid": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
                "minTime": 0,
                "maxTime": 7_200_000,
                "stats": { "numSamples": 10, "numSeries": 2, "numChunks": 3 },
                "compaction": { "level": 1, "sources": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"] },
                "version": 1,
                "format": "native/2",
                "files": { "index": { "size": 7, "crc32": "0000002a" } },
            })
        );
        assert_eq!(BlockMeta::parse(&meta().to_json(), Path::new(DIR)).unwrap(), meta());
    }

    #[test]
    fn a_format_of_another_build_is_refused_by_name() {
        for (version, format, found) in
            [(1, "native/1", "native/1"), (1, "", "prometheus/1"), (2, "native/2", "native/2")]
        {
            let other = BlockMeta { version, format: format.to_owned(), ..meta() };
            let error = BlockMeta::parse(&other.to_json(), Path::new(DIR)).unwrap_err();
            assert!(
                matches!(&error, BlockError::UnknownFormat { found: f, .. } if f == found),
                "{error}"
            );
        }
    }

    #[test]
    fn a_meta_json_that_contradicts_itself_is_damaged() {
        for (dir, meta) in [
            ("/data/01ARZ3NDEKTSV4RRFFQ69G5FAW", meta()),
            (DIR, BlockMeta { min_time: 8, max_time: 8, ..meta() }),
            (DIR, BlockMeta { max_time: i64::MIN, ..meta() }),
        ] {
            let error = BlockMeta::parse(&meta.to_json(), Path::new(dir)).unwrap_err();
            assert!(matches!(error, BlockError::Damaged { .. }), "{error}");
        }
    }

    #[test]
    fn fresh_names_differ_and_tell_their_time() {
        let (a, b) = (BlockId::fresh(1_700_000_000_000), BlockId::fresh(1_700_000_000_000));
        assert_ne!(a, b);
        assert_eq!(a.made_at(), 1_700_000_000_000);
        assert_eq!(BlockId::parse(&a.to_string()), Some(a));
        assert_eq!(BlockId::parse("01ARZ3NDEKTSV4RRFFQ69G5FA"), None);
    }
}
