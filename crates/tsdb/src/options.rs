//! Options: every limit and window of the database.

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::OpenError;
use crate::fs::Files;
use crate::wal::ReplayProgress;

/// What a database is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory. Default: `data`.
    pub path: PathBuf,
    /// Samples older than this may go, ms; 0 keeps them forever. Default: 15 days, as in Prometheus.
    pub retention_ms: i64,
    /// The oldest blocks go when all takes more bytes than this; 0 is no limit. Default: 0.
    pub retention_bytes: u64,
    /// The oldest blocks go when all takes more than so many hundredths of its file system; then
    /// `retention_bytes` says nothing. Default: 0, no limit.
    pub retention_percentage: f64,
    /// Width of the blocks that are cut from the head, ms. Default: 2 hours, as in Prometheus.
    pub min_block_duration_ms: i64,
    /// Width of the widest blocks, ms; 0 for a tenth of the retention, 31 days at most. Default: 0.
    pub max_block_duration_ms: i64,
    /// A segment of the write-ahead log ends when its samples take so many bytes. Default: 32 MiB,
    /// which replays in a second or two.
    pub wal_segment_bytes: u64,
    /// When commits are on the disk, safe from a power cut. Default: within a second.
    pub wal_sync: WalSync,
    /// So many exemplars are kept in memory; 0 for none. Default: 0, as in Prometheus without its
    /// feature `exemplar-storage`.
    pub max_exemplars: usize,
    /// Where to look how far the replay of the log is while the database opens.
    pub replay: Arc<ReplayProgress>,
    /// A sample may come so late behind the newest of all, ms; 0 for none out of order. Default: 0, as in
    /// Prometheus.
    pub out_of_order_window_ms: i64,
    #[doc(hidden)]
    pub files: Files,
}

/// When the write-ahead log is synced to the disk. Whatever it says, a commit is with the operating
/// system before it is acknowledged, so that the death of the process loses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalSync {
    /// Before a commit is acknowledged; commits at the same time share one sync.
    Always,
    /// By [`Db::maintain`](crate::Db::maintain), when so many ms have passed since the last time.
    Every(i64),
    /// When the operating system thinks fit.
    Never,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path: PathBuf::from("data"),
            retention_ms: 15 * DAY_MS,
            retention_bytes: 0,
            retention_percentage: 0.0,
            min_block_duration_ms: 2 * 3_600_000,
            max_block_duration_ms: 0,
            wal_segment_bytes: 32 << 20,
            wal_sync: WalSync::Every(1_000),
            max_exemplars: 0,
            replay: Arc::default(),
            out_of_order_window_ms: 0,
            files: Files::default(),
        }
    }
}

const DAY_MS: i64 = 86_400_000;

impl Options {
    /// The width of the widest blocks.
    pub(crate) fn widest_block_ms(&self) -> i64 {
        match self.max_block_duration_ms {
            0 if self.retention_ms > 0 => (self.retention_ms / 10).min(31 * DAY_MS),
            0 => 31 * DAY_MS,
            wanted => wanted,
        }
    }

    /// Whether the options make sense together.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        if self.min_block_duration_ms < 1 {
            let problem = format!("{} ms is no duration", self.min_block_duration_ms);
            return Err(OpenError::Options { option: "min_block_duration_ms", problem });
        }
        if self.wal_segment_bytes == 0 {
            let problem = "a segment of 0 bytes holds nothing".to_owned();
            return Err(OpenError::Options { option: "wal_segment_bytes", problem });
        }
        Ok(())
    }
}
