//! The columns of times of a block, and which of them its rows have (`docs/format/index.md`).
//!
//! All series of a target are scraped at the same times. So a column of times is stored once, and a
//! row names a group: the columns of its chunks, in order.

#![deny(clippy::indexing_slicing)]

use std::collections::HashMap;
use std::ops::Range;

use storage::ChunkMeta;

use super::slot::{Kind, Stored, TimeColumn};
use crate::cursor::{Cursor, put_size, put_varint, put_zigzag};

/// Bytes of the checksum behind every column.
pub(crate) const CRC_BYTES: u64 = 4;

/// Columns and groups while a block is written.
#[derive(Debug, Default)]
pub(crate) struct GroupWriter {
    groups: Vec<Vec<(u32, Kind)>>,
    numbers: HashMap<Vec<(u32, Kind)>, u32>,
}

impl GroupWriter {
    /// The number of the group with these columns.
    pub(super) fn number(&mut self, columns: Vec<(u32, Kind)>) -> u32 {
        let next = u32::try_from(self.groups.len()).expect("fewer groups than rows");
        let groups = &mut self.groups;
        *self.numbers.entry(columns).or_insert_with_key(|columns| {
            groups.push(columns.clone());
            next
        })
    }

    /// The data of the times frame. `columns` lie one behind the other in the data file.
    pub(super) fn frame(&self, columns: &[TimeColumn]) -> Vec<u8> {
        let mut frame = Vec::new();
        put_size(&mut frame, columns.len());
        put_varint(&mut frame, columns.first().map_or(0, |column| column.stored.offset));
        let mut before = 0i64;
        for TimeColumn { meta, stored } in columns {
            put_varint(&mut frame, u64::from(meta.count));
            put_zigzag(&mut frame, meta.min_t.wrapping_sub(before));
            put_varint(&mut frame, meta.max_t.wrapping_sub(meta.min_t).cast_unsigned());
            put_varint(&mut frame, u64::from(stored.len));
            before = meta.min_t;
        }
        put_size(&mut frame, self.groups.len());
        for group in &self.groups {
            put_size(&mut frame, group.len());
            let mut before = 0i64;
            for &(column, kind) in group {
                let entry = i64::from(column) << 1 | i64::from(kind == Kind::Histograms);
                put_zigzag(&mut frame, entry - before);
                before = entry;
            }
        }
        frame
    }
}

/// The groups of a block.
#[derive(Debug, Default)]
pub(super) struct TimeTable {
    /// Of all groups, one behind the other, when their chunks are.
    metas: Vec<ChunkMeta>,
    /// Likewise where their times lie, and what their values are.
    columns: Vec<(Stored, Kind)>,
    groups: Vec<Range<usize>>,
}

/// The chunks of a row, without their values: as many of one as of the other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Group<'a> {
    /// When they are.
    pub(crate) metas: &'a [ChunkMeta],
    /// Where their times lie, and what their values are.
    pub(crate) columns: &'a [(Stored, Kind)],
}

impl Group<'_> {
    /// The same for these of the chunks, if it has so many.
    pub(super) fn part(self, chunks: Range<usize>) -> Option<Self> {
        let metas = self.metas.get(chunks.clone())?;
        Some(Self { metas, columns: self.columns.get(chunks)? })
    }
}

impl TimeTable {
    /// Reads the data of a times frame.
    pub(super) fn decode(frame: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(frame);
        let columns = decode_columns(&mut cursor)?;
        let mut table = Self::default();
        for _ in 0..cursor.varint()? {
            let start = table.columns.len();
            let mut entry = 0i64;
            for _ in 0..cursor.varint().filter(|entries| *entries > 0)? {
                entry = entry.checked_add(cursor.zigzag()?)?;
                let kind = if entry & 1 == 0 { Kind::Floats } else { Kind::Histograms };
                let TimeColumn { meta, stored } = columns.get(usize::try_from(entry >> 1).ok()?)?;
                table.metas.push(*meta);
                table.columns.push((*stored, kind));
            }
            table.groups.push(start..table.columns.len());
        }
        cursor.is_at_end().then_some(table)
    }

    /// The chunks of a group.
    pub(super) fn group(&self, number: u32) -> Option<Group<'_>> {
        let range = self.groups.get(usize::try_from(number).ok()?)?.clone();
        Group { metas: &self.metas, columns: &self.columns }.part(range)
    }
}

fn decode_columns(cursor: &mut Cursor<'_>) -> Option<Vec<TimeColumn>> {
    let mut columns = Vec::new();
    let count = cursor.varint()?;
    let mut offset = cursor.varint()?;
    let mut min_t = 0i64;
    for _ in 0..count {
        let count = cursor.number().filter(|count| *count > 0)?;
        min_t = min_t.checked_add(cursor.zigzag()?)?;
        let max_t = min_t.checked_add_unsigned(cursor.varint()?)?;
        let len = cursor.number()?;
        let meta = ChunkMeta { min_t, max_t, count };
        columns.push(TimeColumn { meta, stored: Stored { offset, len } });
        offset = offset.checked_add(u64::from(len))?.checked_add(CRC_BYTES)?;
    }
    Some(columns)
}
