//! Snapshots: the database as it is at a moment, beside itself, at almost no cost.
//!
//! Blocks never change, and their tombstones are replaced whole; so a snapshot shares their files by
//! hard links, and is not changed by what becomes of them. The head is written as one more block.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use model::{TimeRange, Timestamp};

use crate::block::BlockId;
use crate::block::writer::{NewBlock, write};
use crate::db::Db;
use crate::error::{BlockError, ChangeError};
use crate::fs::{TMP_CREATE, with_suffix};
use crate::index::{Index, Source};
use crate::querier::BlockList;

/// The directory of the snapshots below that of the database.
pub(crate) const SNAPSHOTS_DIR: &str = "snapshots";

impl Db {
    /// Makes the directory `snapshots/NAME` in the database's: all blocks, and with `with_head` what
    /// the head has. A database opened there answers as this one did. Returns the directory.
    ///
    /// It is there whole or, after an error or a crash, not at all. Waits for heavy work to end.
    pub fn snapshot(
        &self,
        name: &str,
        with_head: bool,
        now_ms: Timestamp,
    ) -> Result<PathBuf, ChangeError> {
        let _maintenance = self.maintenance.lock().unwrap_or_else(PoisonError::into_inner);
        self.head.check_open()?;
        let snapshots = self.options.path.join(SNAPSHOTS_DIR);
        std::fs::create_dir_all(&snapshots).map_err(io("create", &snapshots))?;
        let dir = snapshots.join(name);
        let is_free = !dir.exists() && dir.parent() == Some(&snapshots);
        if !is_free {
            let source = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            return Err(io("create", &dir)(source).into());
        }
        let tmp = with_suffix(&dir, TMP_CREATE);
        let made = self.copy_to(&tmp, with_head, now_ms).and_then(|()| {
            // Crash here: the next open sweeps `tmp` away.
            self.files.publish(&tmp, &dir).map_err(io("publish", &dir))
        });
        if let Err(error) = made {
            let _ = std::fs::remove_dir_all(&tmp);
            return Err(error.into());
        }
        self.files.sync_dir(&self.options.path).map_err(io("sync", &self.options.path))?;
        Ok(dir)
    }

    fn copy_to(&self, tmp: &Path, with_head: bool, now_ms: Timestamp) -> Result<(), BlockError> {
        self.files.create_dir(tmp).map_err(io("create", tmp))?;
        let list = self.block_list();
        for block in &list.blocks {
            let dir = tmp.join(block.meta().ulid.to_string());
            self.files.link_tree(block.dir(), &dir).map_err(io("link", block.dir()))?;
        }
        if with_head {
            self.write_head(&list, tmp, now_ms)?;
        }
        self.files.sync_dir(tmp).map_err(io("sync", tmp))
    }

    /// Writes all that is in the head only as a block in `dir`.
    fn write_head(
        &self,
        list: &BlockList,
        dir: &Path,
        now_ms: Timestamp,
    ) -> Result<(), BlockError> {
        let Some(view) = self.head.view_from(TimeRange::ALL, list.head_from) else {
            return Ok(());
        };
        let range = self.head.range();
        let span = range.and_then(|r| TimeRange::new(r.min().max(list.head_from), r.max()));
        let Some(span) = span.into_iter().chain(view.late_range()).reduce(TimeRange::union) else {
            return Ok(());
        };
        let new = NewBlock {
            id: BlockId::fresh(now_ms),
            span,
            parents: Vec::new(),
            sources: Vec::new(),
            level: 1,
        };
        write(&self.files, dir, &new, view.series(view.all()?, span, &storage::Stop::default())?)?;
        Ok(())
    }
}

fn io(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> BlockError {
    let path = path.to_owned();
    move |source| BlockError::Io { action, path: path.clone(), source }
}
