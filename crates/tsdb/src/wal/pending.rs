//! What of the log is not known to be on the disk yet, and what becomes of it when a sync fails.
//!
//! After a failed sync the system may have dropped the pages it could not write, and a second sync of
//! the same file would say that all is well. So the bytes since the last good sync are kept here; a
//! file that fails is given up, with all that came after it, and what they held is written to new
//! ones. Until that has worked, no commit is taken.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use storage::CommitError;

use super::{Wal, segment_path};
use crate::options::WalSync;

/// With so many bytes that are not on the disk, commits wait until they are.
const MAX_UNSYNCED_BYTES: usize = 64 << 20;

/// Memory for so many bytes is kept when they are on the disk.
const KEPT_BYTES: usize = 256 << 10;

/// A segment with bytes that are not known to be on the disk.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) number: u32,
    path: PathBuf,
    file: Arc<File>,
    /// So many bytes of it are on the disk.
    pub(super) synced: u64,
    /// What follows those.
    tail: Vec<u8>,
}

/// The files to sync, so that the first `commits` commits are on the disk.
#[derive(Debug)]
pub(crate) struct Batch {
    files: Vec<ToSync>,
    commits: u64,
}

#[derive(Debug)]
pub(super) struct ToSync {
    pub(super) number: u32,
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    /// What it has now.
    pub(super) size: u64,
}

/// A sync that failed: of which segment, and why.
#[derive(Debug)]
pub(crate) struct Failed {
    number: u32,
    pub(crate) error: CommitError,
}

impl Pending {
    pub(super) fn new(number: u32, path: &Path, file: &Arc<File>) -> Self {
        let (path, file) = (path.to_owned(), Arc::clone(file));
        Self { number, path, file, synced: 0, tail: Vec::new() }
    }

    fn size(&self) -> u64 {
        self.synced + self.tail.len() as u64
    }

    /// The first so many bytes are on the disk.
    fn is_synced(&mut self, size: u64) {
        let done = usize::try_from(size.saturating_sub(self.synced)).unwrap_or(usize::MAX);
        self.tail.drain(..done.min(self.tail.len()));
        self.tail.shrink_to(KEPT_BYTES);
        self.synced = self.synced.max(size);
    }
}

impl Batch {
    /// How many commits are on the disk when it is synced.
    pub(crate) fn commits(&self) -> u64 {
        self.commits
    }

    /// Syncs the files, in order; ends with the first that fails. Needs no log: commits go on.
    pub(crate) fn sync(&self, files: &crate::fs::Files) -> Result<(), Failed> {
        self.files.iter().try_for_each(|it| {
            files.sync_data(&it.file).map_err(|source| Failed {
                number: it.number,
                error: CommitError::Io { path: it.path.clone(), cause: source },
            })
        })
    }
}

impl Wal {
    /// Notes that the buffer was appended to the newest segment.
    pub(super) fn note_appended(&mut self) {
        if let Some(last) = self.pending.last_mut().filter(|_| self.sync != WalSync::Never) {
            last.tail.extend_from_slice(&self.buffer);
        }
    }

    /// How many commits were written since the log was opened.
    pub(crate) fn commits(&self) -> u64 {
        self.commits
    }

    /// Whether there is something to write anew before the next commit.
    pub(crate) fn is_stuck(&self) -> bool {
        !self.given_up.is_empty()
    }

    /// Whether a commit has to wait for a sync: at once, or because memory holds too much.
    pub(crate) fn must_sync(&self) -> bool {
        let unsynced = || self.pending.iter().map(|pending| pending.tail.len()).sum::<usize>();
        self.sync == WalSync::Always || unsynced() > MAX_UNSYNCED_BYTES
    }

    /// What is to be synced now. The caller syncs it without holding the log, one batch at a time, and
    /// then says how it went with [`Wal::end_sync`].
    pub(crate) fn begin_sync(&self) -> Batch {
        let dirty = self.pending.iter().filter(|pending| !pending.tail.is_empty());
        let files = dirty.map(|pending| ToSync {
            number: pending.number,
            path: pending.path.clone(),
            file: Arc::clone(&pending.file),
            size: pending.size(),
        });
        let current = self.current.iter().filter(|_| self.sync == WalSync::Never);
        let files = files.chain(current.map(|current| current.to_sync()));
        Batch { files: files.collect(), commits: self.commits }
    }

    /// How a sync went. If one failed, what it did not bring to the disk is written anew, and so is
    /// all that was committed meanwhile: `Ok` says that everything is on the disk.
    pub(crate) fn end_sync(
        &mut self,
        batch: &Batch,
        synced: Result<(), Failed>,
    ) -> Result<(), CommitError> {
        let Err(failed) = synced else {
            self.counters.wal_syncs.add(batch.files.len() as u64);
            for done in &batch.files {
                let pending = self.pending.iter_mut().find(|it| it.number == done.number);
                pending.into_iter().for_each(|pending| pending.is_synced(done.size));
            }
            self.forget_synced();
            return Ok(());
        };
        self.counters.wal_syncs_failed.inc();
        self.counters.wal_writes_failed.inc();
        tracing::error!(error = %failed.error, "what the log has was not brought to the disk");
        if self.sync == WalSync::Never {
            return Err(failed.error);
        }
        self.retire();
        let from = self.pending.iter().position(|pending| pending.number >= failed.number);
        let given_up = self.pending.split_off(from.unwrap_or(self.pending.len()));
        // Those before it are on the disk, as they were synced in order.
        self.pending.clear();
        self.given_up.extend(given_up);
        self.rewrite()
    }

    /// Forgets old segments that are on the disk as a whole.
    fn forget_synced(&mut self) {
        let newest = self.current.as_ref().map(|current| current.segment.number);
        self.pending.retain(|it| !it.tail.is_empty() || Some(it.number) == newest);
    }

    /// Writes segments that were given up to new ones, synced; nothing if there are none. An error
    /// leaves the others for the next time.
    pub(crate) fn rewrite(&mut self) -> Result<(), CommitError> {
        while let Some(lost) = self.given_up.first() {
            let number = self.next_number;
            let path = segment_path(&self.dir, number);
            if let Err(source) = self.write_anew(lost, &path) {
                let _ = self.files.remove_file(&path);
                return Err(CommitError::Io { path, cause: source });
            }
            tracing::warn!(
                from = %lost.path.display(), to = %path.display(),
                "a segment of the log that could not be synced was written anew"
            );
            // Crash here: both are there, and what is read twice counts once.
            let lost = self.given_up.remove(0);
            self.next_number = number.checked_add(1).expect("segments are fewer than 2^32");
            for segment in self.old.iter_mut().filter(|old| old.number == lost.number) {
                segment.number = number;
            }
            if let Err(error) = self.files.remove(&lost.path) {
                tracing::warn!(segment = %lost.path.display(), %error, "it cannot be removed");
            }
        }
        Ok(())
    }

    fn write_anew(&self, lost: &Pending, path: &Path) -> std::io::Result<()> {
        let mut bytes = vec![0; usize::try_from(lost.synced).unwrap_or(usize::MAX)];
        std::os::unix::fs::FileExt::read_exact_at(&File::open(&lost.path)?, &mut bytes, 0)?;
        bytes.extend_from_slice(&lost.tail);
        self.files.write(path, &bytes)?;
        self.files.sync_dir(&self.dir)
    }
}
