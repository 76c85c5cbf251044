//! A row frame: some series of a block, with the values they have and where their chunks lie
//! (`docs/format/index.md`).

#![deny(clippy::indexing_slicing)]

use storage::ChunkMeta;

use super::format::frame_at;
use super::writer::ChunkSlot;
use crate::cursor::Cursor;

/// Rows of one frame, read in order.
pub(super) struct RowFrame<'a> {
    cursor: Cursor<'a>,
    pub(super) group: u32,
    /// How many rows have been read.
    pub(super) read: u32,
    pub(super) offset: u64,
    pub(super) shape: usize,
    pub(super) ordinals: Vec<u32>,
    pub(super) chunks: Vec<ChunkSlot>,
    /// Where the next chunk begins in the data file.
    data_offset: u64,
    /// The block's, which the first time of a row counts from.
    min_time: i64,
}

impl<'a> RowFrame<'a> {
    /// The frame at `offset`, if it is this group's.
    pub(super) fn open(file: &'a [u8], offset: u64, group: u32, min_time: i64) -> Option<Self> {
        let mut cursor = Cursor::new(frame_at(file, offset)?);
        if cursor.number()? != group {
            return None;
        }
        let data_offset = cursor.varint()?;
        let (ordinals, chunks) = (Vec::new(), Vec::new());
        let shape = usize::MAX;
        Some(Self {
            cursor,
            group,
            read: 0,
            offset,
            shape,
            ordinals,
            chunks,
            data_offset,
            min_time,
        })
    }

    /// Reads the next row.
    pub(super) fn advance(&mut self, shapes: &[Vec<u32>]) -> Option<()> {
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
        self.read_chunks()
    }

    fn read_chunks(&mut self) -> Option<()> {
        self.chunks.clear();
        let mut end = self.min_time;
        for _ in 0..self.cursor.varint()? {
            let min_t = end.checked_add(self.cursor.zigzag()?)?;
            let max_t = min_t.checked_add_unsigned(self.cursor.varint()?)?;
            let count = self.cursor.number()?;
            let len = self.cursor.number()?;
            let offset = self.data_offset;
            self.data_offset = offset.checked_add(u64::from(len))?;
            self.chunks.push(ChunkSlot { meta: ChunkMeta { min_t, max_t, count }, offset, len });
            end = max_t;
        }
        Some(())
    }
}
