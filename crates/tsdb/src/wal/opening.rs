//! Opening the log: its segments replayed in order, what is damaged in them set aside.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::reader::{self, Found, Replayed};
use super::{Segment, Wal, header, segment_path};
use crate::error::OpenError;
use crate::fs::size_bytes;

/// Damaged bytes are set aside until there are so many of them.
const MAX_QUARANTINE_BYTES: u64 = 256 << 20;

impl Wal {
    /// Replays a segment and notes it among the old ones.
    pub(super) fn read_segment(
        &mut self,
        number: u32,
        is_last: bool,
        replay: &mut dyn FnMut(&Replayed<'_>),
    ) -> Result<(), OpenError> {
        let path = segment_path(&self.dir, number);
        let file = File::open(&path).map_err(OpenError::io("open", &path))?;
        let size = file.metadata().map_err(OpenError::io("read", &path))?.len();
        let found = reader::read(&file, size, number, replay);
        let found = found.map_err(OpenError::io("read", &path))?;
        if let Some(version) = found.unknown {
            let (found, newest) = (version.to_string(), header::VERSION_NAME);
            return Err(OpenError::UnknownFormat { path, found, newest });
        }
        if found.max_t.is_none() && found.damaged.is_empty() {
            // Made, but a crash came before its first record was whole.
            return self.files.remove(&path).map_err(OpenError::io("remove", &path));
        }
        let is_kept = self.set_aside(&file, &path, &found);
        let mut segment = Segment { number, size, definition_bytes: 0, max_t: found.max_t };
        if !is_kept {
            // For someone to look at, until the next open at least.
            segment.max_t = Some(i64::MAX);
        } else if let Some(end) = found.end.filter(|_| is_last && found.max_t.is_some()) {
            tracing::warn!(
                segment = %path.display(), at = end, bytes = size - end,
                "the log ends in what is no whole commit; it is cut off here"
            );
            self.cut_off(&path, end).map_err(OpenError::io("cut off", &path))?;
            segment.size = end;
        }
        self.old.push(segment);
        Ok(())
    }

    /// Copies what is damaged to the quarantine, counts it and tells of it; false if there is
    /// something that could not be copied.
    fn set_aside(&self, file: &File, path: &Path, found: &Found) -> bool {
        let mut is_whole = true;
        for &(from, to) in &found.damaged {
            self.counters.wal_corruptions.inc();
            let segment = path.file_name().unwrap_or_default().to_string_lossy();
            let copy = self.quarantine.join(format!("wal-{segment}-at-{from}"));
            let copied = self.copy_part(file, from, to - from, &copy);
            tracing::warn!(
                segment = %path.display(), at = from, bytes = to - from, copy = %copy.display(),
                "the log is damaged: no whole commit here, those after it are read"
            );
            if let Err(error) = copied {
                is_whole = false;
                tracing::warn!(copy = %copy.display(), %error, "damaged bytes cannot be set aside");
            }
        }
        if found.without_floats > 0 {
            tracing::warn!(
                segment = %path.display(), commits = found.without_floats,
                "commits cannot be read as they go on from damaged ones"
            );
        }
        is_whole
    }

    fn copy_part(&self, file: &File, from: u64, len: u64, copy: &Path) -> std::io::Result<()> {
        if copy.exists() {
            // Found before; the segment is still needed.
            return Ok(());
        }
        std::fs::create_dir_all(&self.quarantine)?;
        if size_bytes(&self.quarantine).saturating_add(len) > MAX_QUARANTINE_BYTES {
            return Err(std::io::Error::other("the quarantine is full"));
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, from)?;
        self.files.write(copy, &bytes)?;
        self.files.sync_dir(&self.quarantine)
    }

    /// Cuts a file off behind its last whole record, so that the next open does not find it torn.
    fn cut_off(&self, path: &Path, len: u64) -> std::io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        self.files.set_len(&file, len)?;
        self.files.sync(&file)
    }
}
