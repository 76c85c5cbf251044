//! Sections of an index file: a length, bytes, and their CRC-32C; and the numbers inside.
//!
//! Prometheus writes fixed-width numbers big-endian, the length of a section in four bytes (a
//! varint before series and chunks), and the checksum, which does not cover the length, behind it.

#![deny(clippy::indexing_slicing)]

use crate::cursor::Cursor;

/// The checksum of all that Prometheus writes.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// The bytes of the section at `offset`, which its length in four bytes comes before, if they are
/// whole and undamaged.
pub(super) fn section_at(file: &[u8], offset: u64) -> Option<&[u8]> {
    let mut cursor = Cursor::new(file.get(usize::try_from(offset).ok()?..)?);
    let len = be32(&mut cursor)?;
    checked(&mut cursor, usize::try_from(len).ok()?)
}

/// The same, where the length is a varint.
pub(super) fn sized_at(file: &[u8], offset: u64) -> Option<&[u8]> {
    let mut cursor = Cursor::new(file.get(usize::try_from(offset).ok()?..)?);
    let len = cursor.size()?;
    checked(&mut cursor, len)
}

/// The next `len` bytes, if the checksum behind them is theirs.
pub(super) fn checked<'a>(cursor: &mut Cursor<'a>, len: usize) -> Option<&'a [u8]> {
    let bytes = cursor.take(len)?;
    (be32(cursor)? == crc32c(bytes)).then_some(bytes)
}

pub(super) fn be32(cursor: &mut Cursor<'_>) -> Option<u32> {
    cursor.take(4)?.try_into().ok().map(u32::from_be_bytes)
}

pub(super) fn be64(cursor: &mut Cursor<'_>) -> Option<u64> {
    cursor.take(8)?.try_into().ok().map(u64::from_be_bytes)
}

/// A text that the varint before it gives the length of.
pub(super) fn text<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    str::from_utf8(cursor.take_sized()?).ok()
}
