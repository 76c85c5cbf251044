//! The database: one directory, opened by one process, appended to and queried by many threads.
//!
//! [`Db`] joins the head and the blocks: appends go to the head, queries see both, and
//! [`Db::maintain`] (in `maintain.rs`) moves samples from the one to the other. It never asks the
//! time; whoever calls it says what time it is.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use model::{Matcher, TimeRange, Timestamp};
use storage::{Appendable, Appender, CommitError, Querier, QueryError, Queryable};

use crate::block::{self, Block, BlockId, BlockMeta, Opened};
use crate::error::{BlockError, OpenError};
use crate::exemplars::SeriesExemplars;
use crate::fs::{DirLock, Files, size_bytes};
use crate::head::Head;
use crate::maintain::Maintenance;
use crate::options::Options;
use crate::prometheus;
use crate::querier::{BlockList, DbQuerier};
use crate::retention::Retention;
use crate::snapshot::SNAPSHOTS_DIR;
use crate::stats::{Cardinality, Counters, Status, cardinality};

/// Where blocks go that do not open, and damaged bytes of the log.
pub(crate) const QUARANTINE: &str = "quarantine";

/// An open database. Shared by reference; dropped without [`Db::close`] it loses nothing that was
/// committed, but leaves the last second unsynced.
#[derive(Debug)]
pub struct Db {
    pub(crate) options: Options,
    pub(crate) files: Files,
    pub(crate) head: Head,
    pub(crate) counters: Arc<Counters>,
    /// Heavy work, one at a time.
    pub(crate) maintenance: Mutex<Maintenance>,
    list: RwLock<Arc<BlockList>>,
    /// Lists that were replaced; queries may still hold them.
    retired: Mutex<Vec<Weak<BlockList>>>,
    /// What is kept; the options say what it is at first.
    pub(crate) retention: Mutex<Retention>,
    lock: Mutex<Option<DirLock>>,
}

impl Db {
    /// Opens the directory that `options` name, making it if need be: locks it, sweeps up what a
    /// crash has left, opens the blocks and replays the write-ahead log.
    ///
    /// `now_ms` is the time of day. A block that does not open is moved aside, logged and counted;
    /// it does not keep the database from opening.
    pub fn open(options: Options, now_ms: Timestamp) -> Result<Self, OpenError> {
        options.check()?;
        let dir = options.path.clone();
        std::fs::create_dir_all(&dir).map_err(OpenError::io("create", &dir))?;
        let lock = DirLock::acquire(&dir).map_err(OpenError::io("lock", &dir))?;
        let lock = lock.ok_or_else(|| OpenError::Locked { path: dir.clone() })?;
        let files = options.files.clone();
        files.sweep(&dir).map_err(OpenError::io("sweep", &dir))?;
        let snapshots = dir.join(SNAPSHOTS_DIR);
        if snapshots.exists() {
            files.sweep(&snapshots).map_err(OpenError::io("sweep", &snapshots))?;
        }
        prometheus::log::move_aside(&files, &dir).map_err(OpenError::io("move aside", &dir))?;
        let counters = Arc::new(Counters::default());
        let blocks = open_blocks(&files, &dir, &counters)?;
        // Where samples came out of order, the head has others of the same time.
        let in_order = blocks.iter().filter(|block| !block.meta().compaction.is_out_of_order());
        let head_from = in_order.map(|block| block.meta().max_time).max();
        let head_from = head_from.unwrap_or(Timestamp::MIN);
        let head = Head::open(&options, Arc::clone(&counters), head_from)?;
        let list = BlockList::new(blocks, head.sealed());
        let retention = Retention {
            ms: options.retention_ms,
            bytes: options.retention_bytes,
            percentage: options.retention_percentage,
        };
        let db = Self {
            options,
            files,
            head,
            counters,
            maintenance: Mutex::default(),
            list: RwLock::new(Arc::new(list)),
            retired: Mutex::default(),
            retention: Mutex::new(retention),
            lock: Mutex::new(Some(lock)),
        };
        prometheus::log::import(&db, now_ms)?;
        db.remove_old_blocks(now_ms);
        Ok(db)
    }

    /// Syncs the log and lets go of the directory. Later commits fail; queries still answer.
    pub fn close(&self) -> Result<(), CommitError> {
        // Waits for heavy work to end, so that nothing writes into a directory another may lock.
        let _maintenance = self.maintenance.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = self.head.close();
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        closed
    }

    /// What the database counts.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The options it was opened with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What the database is like now.
    pub fn status(&self) -> Status {
        let list = self.block_list();
        let blocks: Vec<BlockMeta> = list.blocks.iter().map(|b| b.meta().clone()).collect();
        let head = self.head.status();
        let lowest = list.blocks.iter().map(|block| block.meta().min_time).min();
        Status {
            num_series: head.num_series,
            num_chunks: head.num_chunks,
            head_range: head.range,
            lowest_time: lowest.into_iter().chain(head.range.map(TimeRange::min)).min(),
            blocks_bytes: blocks.iter().map(BlockMeta::size_bytes).sum(),
            blocks,
            exemplars: self.head.exemplar_status(),
            wal_bytes: size_bytes(&self.options.path.join("wal")),
        }
    }

    /// The exemplars in `range` of series that pass all matchers of one of the selectors, sorted by
    /// labels.
    pub fn exemplars(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Vec<SeriesExemplars> {
        self.head.select_exemplars(selectors, range)
    }

    /// From now on there may be so many exemplars; the oldest go if there are more.
    pub fn set_max_exemplars(&self, max: usize) {
        self.head.resize_exemplars(max);
    }

    /// From now on samples may come so late behind the newest of all, ms; 0 for none out of order. Those
    /// that there are stay.
    pub fn set_out_of_order_window(&self, window_ms: i64) {
        self.head.set_late_window(window_ms);
    }

    /// What the head's series and labels are most of; each list has at most `limit` entries.
    pub fn cardinality(&self, limit: usize) -> Result<Cardinality, QueryError> {
        cardinality(&self.head.view(TimeRange::ALL), limit)
    }

    /// The blocks of this moment.
    pub(crate) fn block_list(&self) -> Arc<BlockList> {
        Arc::clone(&self.list.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a new list in place of the blocks.
    pub(crate) fn replace_list(&self, new: BlockList) {
        self.counters.reloads.inc();
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *list, Arc::new(new));
        drop(list);
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.push(Arc::downgrade(&old));
    }

    /// Whether some query holds a list that looks for samples before `t` in the head.
    pub(crate) fn is_read_before(&self, t: Timestamp) -> bool {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.retain(|list| list.strong_count() > 0);
        retired.iter().filter_map(Weak::upgrade).any(|list| list.head_from < t)
    }
}

impl Appendable for Db {
    fn appender(&self) -> Box<dyn Appender + '_> {
        self.head.appender()
    }
}

impl Queryable for Db {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, QueryError> {
        // The list first: what it does not have, the head keeps as long as the list is held.
        let list = self.block_list();
        let head = self.head.view_from(range, list.head_from);
        let head = head.map(|view| Box::new(view) as Box<_>);
        Ok(Box::new(DbQuerier::new(range, list, head)))
    }
}

/// Opens the blocks of a directory. Moves aside those that are damaged, leaves alone those of a
/// foreign format, and removes those that another block replaces.
fn open_blocks(
    files: &Files,
    dir: &Path,
    counters: &Counters,
) -> Result<Vec<Arc<Block>>, OpenError> {
    let Opened { blocks, failed } = block::open_all(dir).map_err(OpenError::io("list", dir))?;
    for (path, error) in failed {
        match error {
            // Prometheus's own blocks stay where they are, whatever they are like.
            error if prometheus::is_block(&path) => refuse(&path, &error, counters),
            BlockError::Damaged { .. } | BlockError::TooLarge { .. } => {
                quarantine(files, dir, &path, &error, counters)?;
            }
            BlockError::Io { ref source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                quarantine(files, dir, &path, &error, counters)?;
            }
            error => refuse(&path, &error, counters),
        }
    }
    let replaced = replaced(&blocks);
    let (gone, kept): (Vec<_>, Vec<_>) =
        blocks.into_iter().partition(|block| replaced.contains(&block.meta().ulid));
    for block in gone.into_iter().filter(|block| block.meta().is_native()) {
        files.remove(block.dir()).map_err(OpenError::io("remove", block.dir()))?;
    }
    Ok(kept)
}

fn refuse(path: &Path, error: &BlockError, counters: &Counters) {
    counters.blocks_refused.add(1.0);
    tracing::warn!(block = %path.display(), %error, "block left alone and not served");
}

fn quarantine(
    files: &Files,
    dir: &Path,
    path: &Path,
    error: &BlockError,
    counters: &Counters,
) -> Result<PathBuf, OpenError> {
    let moved = files.move_into(path, &dir.join(QUARANTINE));
    let moved = moved.map_err(OpenError::io("move aside", path))?;
    counters.blocks_quarantined.inc();
    tracing::error!(block = %path.display(), to = %moved.display(), %error, "block moved aside");
    Ok(moved)
}

/// The blocks that a whole block names as parents within its own span: a crash came between its
/// publication and their removal.
fn replaced(blocks: &[Arc<Block>]) -> Vec<BlockId> {
    let parents = blocks.iter().flat_map(|block| {
        let meta = block.meta();
        let within = |parent: &&block::Parent| {
            parent.ulid != meta.ulid
                && meta.min_time <= parent.min_time
                && parent.max_time <= meta.max_time
        };
        meta.compaction.parents.iter().filter(within).map(|parent| parent.ulid)
    });
    parents.collect()
}
