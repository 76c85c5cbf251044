//! Whether what is stored is what was stored.

use std::path::{Path, PathBuf};

use model::TimeRange;
use storage::{Columns, Series, Stop};

use super::StoredBlock;
use crate::block::BlockStats;
use crate::error::{BlockError, OpenError};
use crate::index::{Index, Source};
use crate::{mmap, wal};

/// So many mistakes of a block are told.
const MAX_TOLD: usize = 100;

impl StoredBlock {
    /// Reads all of the block, deleted samples too, and tells what is wrong with it; nothing, if it is
    /// whole. `progress` is told how many series were read.
    pub fn verify(&self, progress: &mut dyn FnMut(u64)) -> Vec<BlockError> {
        let mut wrong = self.verify_files();
        if let Err(error) = self.verify_samples(&mut wrong, progress) {
            wrong.push(error);
        }
        wrong
    }

    /// Checks the files of a native block against the checksums in `meta.json`.
    fn verify_files(&self) -> Vec<BlockError> {
        let mut wrong = Vec::new();
        for (name, file) in self.meta().files.iter().filter(|(_, file)| !file.crc32.is_empty()) {
            let path = self.dir().join(name);
            match mmap::open(&path) {
                Ok(bytes) => {
                    let found = format!("{:08x}", crc32fast::hash(&bytes));
                    if found != file.crc32 {
                        let expected = format!("a checksum of {}, not {found}", file.crc32);
                        wrong.push(damaged(path, "file", expected));
                    }
                }
                Err(source) => wrong.push(BlockError::Io { action: "read", path, source }),
            }
        }
        wrong
    }

    /// Reads every chunk. An error of the index ends it, one of a chunk does not.
    fn verify_samples(
        &self,
        wrong: &mut Vec<BlockError>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), BlockError> {
        let mut found = BlockStats::default();
        let mut columns = Columns::default();
        let mut is_whole = true;
        for series in self.block.stored(self.block.all()?, TimeRange::ALL, &Stop::default())? {
            let mut series = series?;
            columns.clear();
            let read = series.read(TimeRange::ALL, &mut columns);
            let read = read.map_err(BlockError::from).and_then(|()| self.check(&*series, &columns));
            if let Err(error) = read {
                is_whole = false;
                if wrong.len() < MAX_TOLD {
                    wrong.push(error);
                }
            }
            found.num_series += 1;
            found.num_chunks += series.chunks().len() as u64;
            found.num_samples += columns.len() as u64;
            progress(found.num_series);
        }
        let said = self.meta().stats;
        if is_whole && found != said {
            let expected = format!("{said:?}, not {found:?}");
            return Err(damaged(self.dir().join("meta.json"), "stats", expected));
        }
        Ok(())
    }

    /// Whether the samples of a series lie in the block's span, each later than the one before.
    fn check(&self, series: &dyn Series, columns: &Columns) -> Result<(), BlockError> {
        for times in [&columns.timestamps[..], &columns.histogram_timestamps[..]] {
            let rises = times.windows(2).all(|pair| pair[0] < pair[1]);
            let ends = times.first().into_iter().chain(times.last());
            if !rises || !ends.into_iter().all(|t| self.block.span().contains(*t)) {
                let expected = format!("rising times within the block for {}", series.labels());
                return Err(damaged(self.dir().to_owned(), "samples", expected));
            }
        }
        Ok(())
    }
}

fn damaged(path: PathBuf, section: &'static str, expected: String) -> BlockError {
    BlockError::Damaged { path, section, offset: 0, expected }
}

/// What is damaged in the log of the database in `dir`; nothing is changed.
pub fn damaged_log(dir: &Path) -> Result<Vec<BlockError>, OpenError> {
    let damaged = wal::damaged(dir)?.into_iter().map(|(path, from, to)| BlockError::Damaged {
        path,
        section: "log",
        offset: from,
        expected: format!("whole commits, not {} bytes without one", to - from),
    });
    Ok(damaged.collect())
}
