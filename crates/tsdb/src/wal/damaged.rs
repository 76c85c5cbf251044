//! What is damaged in a log, without opening it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{WAL_DIR, header, numbers, reader, segment_path};
use crate::error::OpenError;

/// The damaged parts of the log of the database in `dir`: file, from where, to where. That it ends
/// within a commit is no damage. Files that are no segments are passed over.
pub(crate) fn damaged(dir: &Path) -> Result<Vec<(PathBuf, u64, u64)>, OpenError> {
    let dir = dir.join(WAL_DIR);
    let mut damaged = Vec::new();
    if !dir.exists() {
        return Ok(damaged);
    }
    for number in numbers(&dir).map_err(OpenError::io("list", &dir))? {
        let path = segment_path(&dir, number);
        if !is_segment(&path) {
            continue;
        }
        let file = File::open(&path).map_err(OpenError::io("open", &path))?;
        let size = file.metadata().map_err(OpenError::io("read", &path))?.len();
        let found = reader::read(&file, size, number, &mut |_| ());
        let found = found.map_err(OpenError::io("read", &path))?;
        if let Some(version) = found.unknown {
            let (found, newest) = (version.to_string(), header::VERSION_NAME);
            return Err(OpenError::UnknownFormat { path, found, newest });
        }
        damaged.extend(found.damaged.iter().map(|&(from, to)| (path.clone(), from, to)));
    }
    Ok(damaged)
}

/// Whether a file begins as segments do, or is too short to tell; those of a Prometheus do not.
fn is_segment(path: &Path) -> bool {
    let mut begin = Vec::new();
    let magic = header::of_segment();
    let read = File::open(path).and_then(|file| file.take(8).read_to_end(&mut begin));
    read.is_ok() && magic.starts_with(&begin)
}
