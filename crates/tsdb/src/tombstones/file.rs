//! Tombstones as the file of a block (`docs/format/tombstones.md`).

#![deny(clippy::indexing_slicing)]

use std::path::Path;

use model::TimeRange;

use super::Tombstones;
use crate::cursor::{Cursor, put_size};
use crate::error::BlockError;
use crate::frame;
use crate::fs::{Files, TMP_CREATE};
use crate::index::{Postings, add_postings, header, put_postings};

/// The name of the file.
pub(crate) const TOMBSTONES_FILE: &str = "tombstones";
const MAGIC: [u8; 8] = *b"FRLTOMBS";
const VERSION: u8 = 1;
/// What the file of a version this build knows begins with.
const HEADER: &str = "tombstones of version 1";

/// The tombstones in the directory of a block with so many series; none without the file.
pub(crate) fn read(dir: &Path, num_series: u64) -> Result<Tombstones, BlockError> {
    let path = dir.join(TOMBSTONES_FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Tombstones::default());
        }
        Err(source) => return Err(BlockError::Io { action: "read", path, source }),
    };
    parse(&bytes, num_series, &path)
}

/// Puts tombstones in place of those in the directory of a block, durably; `data_dir` is the
/// database's.
pub(crate) fn publish(
    files: &Files,
    data_dir: &Path,
    block_dir: &Path,
    tombstones: &Tombstones,
) -> Result<(), BlockError> {
    let bytes = encode(tombstones).ok_or_else(|| BlockError::TooLarge {
        path: block_dir.join(TOMBSTONES_FILE),
        what: "the deletions",
        limit: frame::MAX_DATA_BYTES,
    })?;
    replace(files, data_dir, block_dir, &bytes)
}

/// Puts a file in place of the one in the directory of a block, durably.
pub(crate) fn replace(
    files: &Files,
    data_dir: &Path,
    block_dir: &Path,
    bytes: &[u8],
) -> Result<(), BlockError> {
    let path = block_dir.join(TOMBSTONES_FILE);
    let io = |source| BlockError::Io { action: "write", path: path.clone(), source };
    let mut name = block_dir.file_name().unwrap_or_default().to_owned();
    name.push("-tombstones");
    name.push(TMP_CREATE);
    let tmp = data_dir.join(name);
    files.write(&tmp, bytes).map_err(io)?;
    // Crash here: the next open sweeps `tmp` away; the deletion was not acknowledged.
    files.publish(&tmp, &path).map_err(io)
}

/// The bytes of the file; `None` if they are more than a frame may have.
fn encode(tombstones: &Tombstones) -> Option<Vec<u8>> {
    let mut out = header(MAGIC, VERSION).to_vec();
    let start = frame::begin(&mut out);
    put_size(&mut out, tombstones.iter().len());
    let mut postings = Vec::new();
    for (range, rows) in tombstones.iter() {
        out.extend_from_slice(&range.min().to_le_bytes());
        out.extend_from_slice(&range.max().to_le_bytes());
        let rows: Vec<u32> = rows.iter().collect();
        postings.clear();
        put_postings(&mut postings, &rows);
        put_size(&mut out, postings.len());
        out.extend_from_slice(&postings);
    }
    frame::end(&mut out, start)?;
    Some(out)
}

fn parse(bytes: &[u8], num_series: u64, path: &Path) -> Result<Tombstones, BlockError> {
    let damaged = |offset, expected: &str| BlockError::Damaged {
        path: path.to_owned(),
        section: TOMBSTONES_FILE,
        offset,
        expected: expected.to_owned(),
    };
    let (found, rest) = bytes.split_first_chunk::<16>().ok_or_else(|| damaged(0, HEADER))?;
    if *found != header(MAGIC, VERSION) {
        let [.., version, 0, 0, 0, 0, 0, 0, 0] = *found else { return Err(damaged(0, HEADER)) };
        if *found != header(MAGIC, version) {
            return Err(damaged(0, HEADER));
        }
        let found = format!("tombstones/{version}");
        return Err(BlockError::UnknownFormat {
            path: path.to_owned(),
            found,
            newest: "tombstones/1",
        });
    }
    let (data, rest) = frame::split(rest).ok_or_else(|| damaged(16, "a whole frame"))?;
    if !rest.is_empty() {
        return Err(damaged(16, "nothing behind the frame"));
    }
    deletions(data, num_series).ok_or_else(|| damaged(20, "deletions of the block's series"))
}

fn deletions(data: &[u8], num_series: u64) -> Option<Tombstones> {
    let mut cursor = Cursor::new(data);
    let count = cursor.varint().filter(|count| *count > 0)?;
    let mut tombstones = Tombstones::default();
    let mut last = None;
    for _ in 0..count {
        let range = TimeRange::new(cursor.i64()?, cursor.i64()?)?;
        let place = (range.min(), range.max());
        if last.replace(place).is_some_and(|last| last >= place) {
            return None;
        }
        let mut rows = Postings::new();
        add_postings(cursor.take_sized()?, num_series, &mut rows)?;
        if rows.is_empty() {
            return None;
        }
        tombstones.add(range, &rows);
    }
    cursor.is_at_end().then_some(tombstones)
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(deletions: &[(i64, i64, &[u32])]) -> Tombstones {
        let mut tombstones = Tombstones::default();
        for (min, max, rows) in deletions {
            let rows: Postings = rows.iter().copied().collect();
            tombstones.add(TimeRange::new(*min, *max).unwrap(), &rows);
        }
        tombstones
    }

    fn parsed(bytes: &[u8]) -> Result<Tombstones, BlockError> {
        parse(bytes, 100, Path::new("tombstones"))
    }

    proptest! {
        #[test]
        fn deletions_come_back(deletions in prop::collection::vec(
            (any::<i64>(), any::<i64>(), prop::collection::vec(0u32..100, 1..40)), 1..8)
        ) {
            let mut tombstones = Tombstones::default();
            for (a, b, rows) in deletions {
                let range = TimeRange::new(a.min(b), a.max(b)).unwrap();
                tombstones.add(range, &rows.into_iter().collect());
            }
            prop_assert_eq!(parsed(&encode(&tombstones).unwrap()).unwrap(), tombstones);
        }
    }

    /// Rows 3, 5, 6 and 7 lose one range, row 0 another.
    fn some() -> Tombstones {
        of(&[(-1, 2, &[3, 5, 6, 7]), (-1, 256, &[0])])
    }

    #[test]
    fn bytes_are_as_documented() {
        let mut expected = b"FRLTOMBS\x01\0\0\0\0\0\0\0".to_vec();
        let mut data = vec![2];
        data.extend([0xff; 8]);
        data.extend([2, 0, 0, 0, 0, 0, 0, 0]);
        // Three rows are passed over, then one; one is passed over, then three.
        data.extend([3, 3 << 1, 1 << 1 | 1, 1]);
        data.extend([0xff; 8]);
        data.extend([0, 1, 0, 0, 0, 0, 0, 0]);
        data.extend([1, 0]);
        expected.extend([u8::try_from(data.len()).unwrap(), 0, 0, 0]);
        expected.extend(&data);
        let crc = crc32fast::hash(&expected[16..]);
        expected.extend(crc.to_le_bytes());
        assert_eq!(encode(&some()).unwrap(), expected);
    }

    #[test]
    fn a_file_cut_at_any_length_is_damaged() {
        let bytes = encode(&some()).unwrap();
        for len in 0..bytes.len() {
            let error = parsed(&bytes[..len]).unwrap_err();
            assert!(matches!(error, BlockError::Damaged { .. }), "{len}: {error}");
        }
        let longer = [&bytes[..], b"\0"].concat();
        assert!(parsed(&longer).is_err());
    }

    #[test]
    fn a_file_with_any_bit_flipped_is_refused() {
        let bytes = encode(&some()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let error = parsed(&flipped).unwrap_err();
            let is_version = bit / 8 == 8;
            assert_eq!(matches!(error, BlockError::UnknownFormat { .. }), is_version, "bit {bit}");
        }
    }

    #[test]
    fn whole_bytes_that_make_no_sense_are_damaged() {
        let deletion = |min: i64, max: i64, rows: &[u8]| {
            let mut bytes = [min.to_le_bytes(), max.to_le_bytes()].concat();
            put_size(&mut bytes, rows.len());
            bytes.extend(rows);
            bytes
        };
        let data = |count: u8, parts: &[Vec<u8>]| [vec![count], parts.concat()].concat();
        let one = || deletion(0, 5, &[0]);
        assert!(deletions(&data(2, &[one(), deletion(0, 6, &[0])]), 100).is_some());
        for (bad, what) in [
            (data(0, &[]), "no deletion"),
            (data(2, &[one()]), "one too few"),
            (data(1, &[one(), one()]), "one too many"),
            (data(2, &[one(), one()]), "twice the same range"),
            (data(2, &[deletion(0, 6, &[0]), one()]), "falling ranges"),
            (data(1, &[deletion(6, 5, &[0])]), "an inverted range"),
            (data(1, &[deletion(0, 5, &[])]), "no rows"),
            (data(1, &[deletion(0, 5, &[0xc8, 1])]), "row 100 of 100"),
            (data(1, &[deletion(0, 5, &[1, 0xff, 0xff, 0xff, 0xff, 0x0f])]), "very many rows"),
        ] {
            assert!(deletions(&bad, 100).is_none(), "{what}");
        }
    }
}
