//! What can go wrong with a database and with one block of it.

use std::path::{Path, PathBuf};

use storage::{CommitError, QueryError};

/// Why a database does not open, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another `Db` of this one, holds the directory.
    #[error("{path} is in use by another process")]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Whole perhaps, but not ours to read.
    #[error("{path}: written in format {found}, this build reads {newest}")]
    UnknownFormat {
        /// The file that says so.
        path: PathBuf,
        /// The format it names.
        found: String,
        /// The newest format this build reads.
        newest: &'static str,
    },
    /// Options that contradict each other.
    #[error("{option}: {problem}")]
    Options {
        /// Which option.
        option: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl OpenError {
    /// For `map_err`: the file system refused `action` on `path`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path: path.clone(), source }
    }
}

/// Why a block cannot be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// Bytes that are not what was written.
    #[error("{path}: {section} at byte {offset} is damaged: expected {expected}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        section: &'static str,
        /// Where the part begins.
        offset: u64,
        /// What should have been there.
        expected: String,
    },
    /// Whole perhaps, but not ours to read.
    #[error("{path}: written in format {found}, this build reads {newest}")]
    UnknownFormat {
        /// The file that says so.
        path: PathBuf,
        /// The format it names.
        found: String,
        /// The newest format this build reads.
        newest: &'static str,
    },
    /// More than a format can hold.
    #[error("{path}: {what} exceeds {limit}")]
    TooLarge {
        /// The file being written.
        path: PathBuf,
        /// What is too large.
        what: &'static str,
        /// How large it may be.
        limit: u64,
    },
    /// The file system refuses.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The series that were to be written could not be read.
    #[error(transparent)]
    Read(#[from] QueryError),
}

/// Why what is stored could not be changed or copied.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A block could not be read or written.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The log did not take it, or the database is closed.
    #[error(transparent)]
    Log(#[from] CommitError),
}

impl From<QueryError> for ChangeError {
    fn from(error: QueryError) -> Self {
        Self::Block(error.into())
    }
}

impl From<BlockError> for QueryError {
    fn from(error: BlockError) -> Self {
        match error {
            BlockError::Damaged { path, section, offset, .. } => {
                Self::Damaged { path, what: section, offset }
            }
            BlockError::Read(error) => error,
            other => Self::Source(other.to_string()),
        }
    }
}
