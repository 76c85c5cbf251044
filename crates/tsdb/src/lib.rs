//! The database: head, WAL, blocks, compaction, retention.
//!
//! A [`Db`] is one directory, opened by one process:
//!
//! ```text
//! data/
//!   lock                            held while the database is open
//!   wal/                            every commit since the last cut, replayed at the next open
//!   snapshot-00000012               the head as it was when the database was closed
//!   01ARZ3NDEKTSV4RRFFQ69G5FAV/     a block: meta.json, index, data; never changed
//!                                   tombstones: what was deleted of it; replaced whole
//!   snapshots/NAME/                 a copy as of a moment: a database of its own
//!   quarantine/                     blocks that did not open, for someone to look at
//! ```
//!
//! Samples are appended to the head, in memory, once the log has them. [`Db::maintain`] cuts the
//! oldest window of the head into a block, merges small blocks into larger ones, and removes those
//! beyond the retention. Queries see head and blocks as one.
//!
//! Always true: what a commit made visible is in the log or in a block, whatever crashes; a
//! published file never changes, tombstones excepted; every byte read back is checked; nothing here asks the time.
//!
//! In reading order: `db` joins the parts and `maintain` moves samples between them; `head` and
//! `wal` hold the newest, `block` and `index` the others; `querier` reads both; `compact` and
//! `retention` decide what becomes of blocks; `fs` and `mmap` are the way to the disk;
//! [`offline`] is for tools.

mod block;
mod columns;
mod compact;
mod cursor;
mod db;
mod deletion;
mod error;
mod exemplars;
mod frame;
pub mod fs;
mod head;
mod histogram;
mod index;
mod maintain;
mod mmap;
pub mod offline;
mod options;
pub mod prometheus;
mod querier;
mod retention;
mod room;
mod snapshot;
mod stats;
mod tombstones;
mod wal;

pub use block::{BlockId, BlockMeta, BlockStats, Compaction, FileMeta, Parent};
pub use db::Db;
pub use error::{BlockError, ChangeError, OpenError};
pub use exemplars::{ExemplarStatus, SeriesExemplars};
pub use options::{Options, WalSync};
pub use retention::Retention;
pub use stats::{ByKind, Cardinality, Counters, Kind, Ranked, Status};
pub use wal::{ReplayProgress, ReplayStatus};
