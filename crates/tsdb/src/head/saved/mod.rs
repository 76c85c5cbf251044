//! The head on the disk, so that a database that was closed opens at once.
//!
//! [`write`] saves it when the database closes, and while it runs each time the log has grown by so much,
//! [`read`] brings it back. It is a shortcut and never the
//! only copy: until the head is cut, the log has all of it, and is replayed if anything is wrong here.
//!
#![doc = include_str!("../../../../../docs/format/snapshot.md")]

mod read;
mod write;

use std::io;
use std::path::{Path, PathBuf};

pub(super) use read::Saved;

const MAGIC: [u8; 8] = *b"FRLSNAPS";
const VERSION: u8 = 2;
/// The version whose series have their labels in full; it is read, too.
const WITH_LABELS: u8 = 1;
/// What names begin with; the number of a segment follows.
const PREFIX: &str = "snapshot-";

/// What a frame holds.
const BEGIN: u8 = 1;
const SERIES: u8 = 2;
const DELETIONS: u8 = 3;
const EXEMPLARS: u8 = 4;
const END: u8 = 5;

/// Set in the kind of a chunk if its samples came out of order.
const LATE: u8 = 0x80;

fn header(version: u8) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h] = MAGIC;
    let checked = [a, b, c, d, e, f, g, h, version, 0, 0, 0];
    let [i, j, k, l] = crc32fast::hash(&checked).to_le_bytes();
    [a, b, c, d, e, f, g, h, version, 0, 0, 0, i, j, k, l]
}

/// The snapshot that covers the segments before this one.
fn path(dir: &Path, segment: u32) -> PathBuf {
    dir.join(format!("{PREFIX}{segment:08}"))
}

/// The snapshots in a directory, the newest first.
pub(super) fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let is_number = |text: &str| text.len() >= 8 && text.bytes().all(|b| b.is_ascii_digit());
        if let Some(number) = number.filter(|text| is_number(text)) {
            found.extend(number.parse::<u32>().ok().map(|number| (number, dir.join(&name))));
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests;
