//! A database opened without a change to its directory.

use std::io;
use std::ops::Deref;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use model::Timestamp;

use super::keep_all;
use crate::block::BlockId;
use crate::db::Db;
use crate::error::OpenError;
use crate::fs::{TMP_CREATE, TMP_DELETE};

/// What a database has of its own beside blocks and log, and no copy needs.
const LEFT_OUT: [&str; 4] = ["lock", "quarantine", "snapshots", "prometheus-head-imported"];

/// A database as it is at a moment: links to its blocks and a copy of its log, in a directory of its
/// own that goes with it. Whatever opening sets aside or cuts off, is so there.
#[derive(Debug)]
pub struct Sandbox {
    db: Db,
    // Removed when it is dropped, behind the database.
    _dir: TempDir,
}

impl Sandbox {
    /// Opens the database in `dir`, a server may run on it, through a directory made in `root`.
    pub fn open(dir: &Path, root: &Path, now_ms: Timestamp) -> Result<Self, OpenError> {
        let source = dir.canonicalize().map_err(OpenError::io("open", dir))?;
        // Whoever opens the directory next sweeps it away, should this process be killed.
        let name = format!("{}{TMP_CREATE}", BlockId::fresh(now_ms));
        let path = root.join(name);
        std::fs::create_dir(&path).map_err(OpenError::io("create", &path))?;
        let temporary = TempDir { path: path.clone() };
        copy(&source, &path).map_err(OpenError::io("copy", dir))?;
        let db = Db::open(keep_all(&path), now_ms)?;
        Ok(Self { db, _dir: temporary })
    }
}

impl Deref for Sandbox {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

/// A directory that is removed when this is dropped.
#[derive(Debug)]
struct TempDir {
    path: PathBuf,
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What stays is swept away at the next open.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Copies what is no block, then links the blocks: a server that cuts its head meanwhile writes the
/// block first.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let name = name_of(&path);
        let is_temporary = name.ends_with(TMP_CREATE) || name.ends_with(TMP_DELETE);
        if !is_temporary && !LEFT_OUT.contains(&name) && BlockId::parse(name).is_none() {
            copy_tree(&path, to)?;
        }
    }
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        if BlockId::parse(name_of(&path)).is_some() {
            symlink(&path, to.join(name_of(&path)))?;
        }
    }
    Ok(())
}

/// The name of a file; empty if it is none that a database gives.
fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Copies a file, or a directory with what it has, into the directory `to`. What vanishes meanwhile
/// was not needed any more.
fn copy_tree(path: &Path, to: &Path) -> io::Result<()> {
    let target = to.join(path.file_name().unwrap_or_default());
    if path.is_dir() {
        std::fs::create_dir(&target)?;
        for entry in std::fs::read_dir(path)? {
            copy_tree(&entry?.path(), &target)?;
        }
        return Ok(());
    }
    match std::fs::copy(path, &target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
