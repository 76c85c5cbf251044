//! The fixed parts of an index file: header, footer and the numbers both sides must agree on.

use crate::cursor::Cursor;
use crate::frame;

pub(super) const MAGIC: [u8; 8] = *b"FRLINDEX";
pub(super) const VERSION: u8 = 2;
pub(super) const FOOTER_BYTES: usize = 92;
/// Rows to a frame: what reading one row may cost at most.
pub(super) const ROWS_PER_FRAME: u32 = 32;
/// Values to a frame, at most.
pub(super) const VALUES_PER_FRAME: usize = 32;
/// A value frame is closed when it has so many bytes.
pub(super) const VALUE_FRAME_BYTES: usize = 4096;
/// Bytes of a row directory's entry.
pub(super) const ROW_ENTRY_BYTES: u64 = 8;
/// Bytes of a value directory's entry.
pub(super) const VALUE_ENTRY_BYTES: u64 = 12;
/// A label's name or value may have so many bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 16 << 20;

/// What every file of a block but `meta.json` begins with.
pub(super) const HEADER_BYTES: usize = 16;

/// The sixteen bytes a file begins with: eight of magic, the version, seven zeros.
pub(crate) fn header(magic: [u8; 8], version: u8) -> [u8; HEADER_BYTES] {
    let [a, b, c, d, e, f, g, h] = magic;
    [a, b, c, d, e, f, g, h, version, 0, 0, 0, 0, 0, 0, 0]
}

/// The data of the frame that begins at `offset`, if that is one and whole.
pub(super) fn frame_at(file: &[u8], offset: u64) -> Option<&[u8]> {
    let bytes = file.get(usize::try_from(offset).ok()?..)?;
    Some(frame::split(bytes)?.0)
}

/// Appends `data` as a frame; `None` if it is larger than a frame may be.
pub(super) fn put_frame(out: &mut Vec<u8>, data: &[u8]) -> Option<()> {
    let start = frame::begin(out);
    out.extend_from_slice(data);
    frame::end(out, start)
}

/// The end of the file, checked when it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) rows: u64,
    pub(crate) chunks: u64,
    pub(crate) samples: u64,
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    pub(super) row_dir: u64,
    pub(super) value_dir: u64,
    pub(super) names: u64,
    pub(super) shapes: u64,
    pub(super) times: u64,
}

impl Footer {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOTER_BYTES);
        for number in [self.rows, self.chunks, self.samples] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for time in [self.min_time, self.max_time] {
            out.extend_from_slice(&time.to_le_bytes());
        }
        for offset in [self.row_dir, self.value_dir, self.names, self.shapes, self.times] {
            out.extend_from_slice(&offset.to_le_bytes());
        }
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&MAGIC);
        out
    }

    /// The footer of a file, if it ends with a whole one.
    pub(super) fn decode(file: &[u8]) -> Option<Self> {
        let (_, footer) = file.split_at_checked(file.len().checked_sub(FOOTER_BYTES)?)?;
        let mut cursor = Cursor::new(footer);
        let fields = cursor.take(80)?;
        if cursor.u32()? != crc32fast::hash(fields) || cursor.take(8)? != MAGIC {
            return None;
        }
        let mut cursor = Cursor::new(fields);
        Some(Self {
            rows: cursor.u64()?,
            chunks: cursor.u64()?,
            samples: cursor.u64()?,
            min_time: cursor.i64()?,
            max_time: cursor.i64()?,
            row_dir: cursor.u64()?,
            value_dir: cursor.u64()?,
            names: cursor.u64()?,
            shapes: cursor.u64()?,
            times: cursor.u64()?,
        })
    }
}
