//! A row frame: some series of a block, with the values they have and where their chunks lie
//! (`docs/format/index.md`). Both directions of a row's chunks stand here, side by side.

#![deny(clippy::indexing_slicing)]

use super::format::frame_at;
use super::slot::{Column, Short, Stored, Values};
use super::times::{CRC_BYTES, Group, TimeTable};
use crate::cursor::{Cursor, put_size, put_varint};

/// In the row itself.
const INLINE: u64 = 0;
/// In the data file, before the place that the rows have come to.
const EARLIER: u64 = 1;
/// In the data file, at the place that the rows have come to.
const NEXT: u64 = 2;
/// Relative to a column of another series.
const RELATIVE: u64 = 3;

/// Appends where the values of a chunk lie. `next` is the place in the data file that the rows have
/// come to.
pub(super) fn put_values(out: &mut Vec<u8>, values: &Values, next: &mut u64) {
    match values {
        Values::Own(column) => put_column(out, column, next),
        Values::Relative { base, difference } => {
            put_varint(out, u64::from(base.len) << 2 | RELATIVE);
            put_varint(out, *next - base.offset);
            put_column(out, difference, next);
        }
    }
}

fn put_column(out: &mut Vec<u8>, column: &Column, next: &mut u64) {
    match column {
        Column::Inline(short) => {
            let bytes = short.as_slice();
            put_size(out, bytes.len() << 2);
            out.extend_from_slice(bytes);
        }
        Column::Stored(stored) if stored.offset == *next => {
            put_varint(out, u64::from(stored.len) << 2 | NEXT);
            *next = stored.offset + u64::from(stored.len) + CRC_BYTES;
        }
        Column::Stored(stored) => {
            put_varint(out, u64::from(stored.len) << 2 | EARLIER);
            put_varint(out, *next - stored.offset);
        }
    }
}

/// Rows of one frame, read in order.
pub(super) struct RowFrame<'a> {
    cursor: Cursor<'a>,
    pub(super) group: u32,
    /// How many rows have been read.
    pub(super) read: u32,
    pub(super) offset: u64,
    pub(super) shape: usize,
    pub(super) ordinals: Vec<u32>,
    /// The chunks of the row last read, and their values.
    pub(super) chunks: Group<'a>,
    pub(super) values: Vec<Values>,
    /// Where the next column begins in the data file.
    next: u64,
}

impl<'a> RowFrame<'a> {
    /// The frame at `offset`, if it is this group's.
    pub(super) fn open(file: &'a [u8], offset: u64, group: u32) -> Option<Self> {
        let mut cursor = Cursor::new(frame_at(file, offset)?);
        if cursor.number()? != group {
            return None;
        }
        let next = cursor.varint()?;
        let (ordinals, chunks, values) = (Vec::new(), Group::default(), Vec::new());
        let shape = usize::MAX;
        Some(Self { cursor, group, read: 0, offset, shape, ordinals, chunks, values, next })
    }

    /// Reads the next row.
    pub(super) fn advance(&mut self, shapes: &[Vec<u32>], times: &'a TimeTable) -> Option<()> {
        let shape = self.cursor.size()?;
        let names = shapes.get(shape)?.len();
        if self.read > 0 && shape == self.shape {
            let mut next = 0usize;
            for _ in 0..self.cursor.varint()? {
                let at = next.checked_add(self.cursor.size()?)?;
                *self.ordinals.get_mut(at)? = self.cursor.number()?;
                next = at + 1;
            }
        } else {
            self.ordinals.clear();
            for _ in 0..names {
                self.ordinals.push(self.cursor.number()?);
            }
        }
        self.shape = shape;
        self.read += 1;
        self.chunks = times.group(self.cursor.number()?)?;
        self.values.clear();
        for _ in self.chunks.columns {
            let values = self.values_of_chunk()?;
            self.values.push(values);
        }
        Some(())
    }

    fn values_of_chunk(&mut self) -> Option<Values> {
        let head = self.cursor.varint()?;
        if head & 3 != RELATIVE {
            return Some(Values::Own(self.column(head)?));
        }
        let len = u32::try_from(head >> 2).ok()?;
        let base = Stored { offset: self.next.checked_sub(self.cursor.varint()?)?, len };
        let head = self.cursor.varint()?;
        Some(Values::Relative { base, difference: self.column(head)? })
    }

    fn column(&mut self, head: u64) -> Option<Column> {
        let len = u32::try_from(head >> 2).ok()?;
        let offset = match head & 3 {
            INLINE => {
                let bytes = self.cursor.take(usize::try_from(len).ok()?)?;
                return Some(Column::Inline(Short::of(bytes)?));
            }
            EARLIER => self.next.checked_sub(self.cursor.varint()?)?,
            NEXT => {
                let offset = self.next;
                self.next = offset.checked_add(u64::from(len))?.checked_add(CRC_BYTES)?;
                offset
            }
            _ => return None,
        };
        Some(Column::Stored(Stored { offset, len }))
    }
}
