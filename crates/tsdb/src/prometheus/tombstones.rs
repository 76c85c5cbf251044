//! The file `tombstones` of a Prometheus block: which samples of which series are deleted, though
//! their chunks still have them.

#![deny(clippy::indexing_slicing)]

use std::path::Path;

use model::TimeRange;

use super::section::crc32c;
use crate::cursor::{Cursor, put_varint, put_zigzag};
use crate::error::BlockError;
use crate::fs::Files;
use crate::tombstones::Tombstones;
use crate::tombstones::file::{TOMBSTONES_FILE, replace};

const MAGIC: [u8; 4] = 0x0130_BA30u32.to_be_bytes();
const VERSION: u8 = 1;

/// Reads the file in the directory of a block; a block without one has lost nothing.
pub(super) fn read(dir: &Path) -> Result<Tombstones, BlockError> {
    let path = dir.join(TOMBSTONES_FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Tombstones::default()),
        Err(source) => return Err(BlockError::Io { action: "read", path, source }),
    };
    parse(&bytes).ok_or_else(|| BlockError::Damaged {
        path,
        section: TOMBSTONES_FILE,
        offset: 0,
        expected: "magic, version 1, deleted ranges and their checksum".to_owned(),
    })
}

/// Puts tombstones in place of those in the directory of a block, durably; `root` is the database's
/// directory.
pub(crate) fn publish(
    files: &Files,
    root: &Path,
    dir: &Path,
    tombstones: &Tombstones,
) -> Result<(), BlockError> {
    replace(files, root, dir, &encode(tombstones))
}

fn parse(bytes: &[u8]) -> Option<Tombstones> {
    let (magic, rest) = bytes.split_first_chunk::<4>()?;
    let (checked, crc) = rest.split_last_chunk::<4>()?;
    let (version, stones) = checked.split_first()?;
    let is_one = *magic == MAGIC && *version == VERSION;
    if !is_one || crc32c(stones) != u32::from_be_bytes(*crc) {
        return None;
    }
    let mut cursor = Cursor::new(stones);
    let mut tombstones = Tombstones::default();
    while !cursor.is_at_end() {
        let row = cursor.number()?;
        let range = TimeRange::new(cursor.zigzag()?, cursor.zigzag()?)?;
        tombstones.add_row(range, row);
    }
    Some(tombstones)
}

/// The bytes of the file: rows rise, as Prometheus writes them.
pub(super) fn encode(tombstones: &Tombstones) -> Vec<u8> {
    let mut deletions: Vec<(u32, TimeRange)> = Vec::new();
    for (range, rows) in tombstones.iter() {
        deletions.extend(rows.iter().map(|row| (row, range)));
    }
    deletions.sort_unstable_by_key(|(row, range)| (*row, range.min(), range.max()));
    let mut stones = Vec::new();
    for (row, range) in deletions {
        put_varint(&mut stones, u64::from(row));
        put_zigzag(&mut stones, range.min());
        put_zigzag(&mut stones, range.max());
    }
    let crc = crc32c(&stones);
    let mut bytes = MAGIC.to_vec();
    bytes.push(VERSION);
    bytes.extend_from_slice(&stones);
    bytes.extend_from_slice(&crc.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Tombstones {
        let mut tombstones = Tombstones::default();
        tombstones.add_row(TimeRange::new(-5, 10).unwrap(), 300);
        tombstones.add_row(TimeRange::new(2, 3).unwrap(), 7);
        tombstones.add_row(TimeRange::new(2, 3).unwrap(), 300);
        tombstones
    }

    #[test]
    fn bytes_are_as_prometheus_writes_them() {
        let stones = [7, 4, 6, 0xac, 2, 9, 20, 0xac, 2, 4, 6];
        let mut expected = vec![0x01, 0x30, 0xba, 0x30, 1];
        expected.extend(stones);
        expected.extend(crc32c(&stones).to_be_bytes());
        assert_eq!(encode(&some()), expected);
        assert_eq!(parse(&expected), Some(some()));
    }

    #[test]
    fn damage_is_seen() {
        let bytes = encode(&some());
        for cut in testkit::damage::cut_at_every_length(&bytes) {
            assert_eq!(parse(&cut), None, "{} bytes", cut.len());
        }
        for damaged in testkit::damage::flip_every_bit(&bytes) {
            assert_eq!(parse(&damaged), None);
        }
    }
}
