//! The index of a block, as its mapped file has it (`docs/format/index.md`).
//!
//! Opening reads the footer, the label names and the shapes; everything else is read and checked when
//! it is asked for. A byte that is not what was written gives [`BlockError::Damaged`].

#![deny(clippy::indexing_slicing)]

use std::ops::Range;
use std::path::PathBuf;
use std::sync::OnceLock;

use bytes::Bytes;
use model::Labels;
use storage::QueryError;

use super::format::{
    FOOTER_BYTES, Footer, HEADER_BYTES, MAGIC, ROW_ENTRY_BYTES, ROWS_PER_FRAME, VALUE_ENTRY_BYTES,
    VERSION, frame_at, header,
};
use super::rows::RowFrame;
use super::times::TimeTable;
use super::values::{Texts, ValueFrame};
use super::walk::Rows;
use super::{Index, Postings, postings};
use crate::cursor::Cursor;
use crate::error::BlockError;

/// An opened index file.
#[derive(Debug)]
pub(crate) struct IndexReader {
    path: PathBuf,
    file: Bytes,
    footer: Footer,
    /// Sorted by name.
    names: Vec<NameEntry>,
    /// Name ordinals of each shape.
    shapes: Vec<Vec<u32>>,
    /// Read when a row is first asked for.
    times: OnceLock<TimeTable>,
}

#[derive(Debug)]
struct NameEntry {
    name: String,
    values: u32,
    /// Its value frames, by their numbers in the value directory.
    frames: Range<u64>,
    /// Where its presence frame begins.
    presence: u64,
}

impl IndexReader {
    /// Opens the bytes of an index file; `path` is for errors.
    pub(crate) fn open(path: PathBuf, file: Bytes) -> Result<Self, BlockError> {
        let mut index = Self {
            path,
            file,
            footer: Footer::default(),
            names: Vec::new(),
            shapes: Vec::new(),
            times: OnceLock::new(),
        };
        if index.file.get(..HEADER_BYTES) != Some(&header(MAGIC, VERSION)[..]) {
            return Err(index.damaged("header", 0, "FRLINDEX, version 1"));
        }
        let footer_at = (index.file.len() as u64).saturating_sub(FOOTER_BYTES as u64);
        index.footer = Footer::decode(&index.file)
            .filter(|footer| directories_fit(footer, footer_at))
            .ok_or_else(|| index.damaged("footer", footer_at, "a footer"))?;
        index.names = index
            .read_names()
            .ok_or_else(|| index.damaged("names frame", index.footer.names, "label names"))?;
        index.shapes = index
            .read_shapes()
            .ok_or_else(|| index.damaged("shapes frame", index.footer.shapes, "shapes"))?;
        Ok(index)
    }

    pub(crate) fn footer(&self) -> &Footer {
        &self.footer
    }

    fn read_names(&self) -> Option<Vec<NameEntry>> {
        let value_frames = (self.footer.names - self.footer.value_dir) / VALUE_ENTRY_BYTES;
        let mut cursor = Cursor::new(frame_at(&self.file, self.footer.names)?);
        let mut names: Vec<NameEntry> = Vec::new();
        for _ in 0..cursor.varint()? {
            let name = str::from_utf8(cursor.take_sized()?).ok()?.to_owned();
            let values = cursor.number()?;
            let count = cursor.varint()?;
            let first = cursor.varint()?;
            let end = first.checked_add(count).filter(|end| *end <= value_frames)?;
            if names.last().is_some_and(|before| before.name >= name) {
                return None;
            }
            names.push(NameEntry { name, values, frames: first..end, presence: cursor.varint()? });
        }
        cursor.is_at_end().then_some(names)
    }

    fn read_shapes(&self) -> Option<Vec<Vec<u32>>> {
        let mut cursor = Cursor::new(frame_at(&self.file, self.footer.shapes)?);
        let mut shapes = Vec::new();
        for _ in 0..cursor.varint()? {
            let mut shape: Vec<u32> = Vec::new();
            for _ in 0..cursor.varint()? {
                let name = cursor.number()?;
                let known = usize::try_from(name).is_ok_and(|name| name < self.names.len());
                if !known || shape.last().is_some_and(|before| *before >= name) {
                    return None;
                }
                shape.push(name);
            }
            shapes.push(shape);
        }
        cursor.is_at_end().then_some(shapes)
    }

    pub(super) fn times(&self) -> Result<&TimeTable, BlockError> {
        if let Some(times) = self.times.get() {
            return Ok(times);
        }
        let at = self.footer.times;
        let times = frame_at(&self.file, at).and_then(TimeTable::decode);
        let times = times.ok_or_else(|| self.damaged("times frame", at, "columns of times"))?;
        Ok(self.times.get_or_init(|| times))
    }

    pub(super) fn damaged(&self, section: &'static str, offset: u64, expected: &str) -> BlockError {
        let (path, expected) = (self.path.clone(), expected.to_owned());
        BlockError::Damaged { path, section, offset, expected }
    }

    /// The ordinal of a name, if rows have it.
    fn name(&self, name: &str) -> Option<usize> {
        self.names.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()
    }

    /// Of each shape the ordinals of its names.
    pub(super) fn shapes(&self) -> &[Vec<u32>] {
        &self.shapes
    }

    /// The text of a name that a shape gave.
    pub(super) fn name_text(&self, name: usize) -> &str {
        &self.entry(name).name
    }

    /// The entry of a name that [`IndexReader::name`] or a shape gave.
    fn entry(&self, name: usize) -> &NameEntry {
        self.names.get(name).expect("shapes are checked against the names when the file is opened")
    }

    /// The entry of the value directory: first ordinal and offset. Not checked: frames say who they
    /// are.
    fn value_entry(&self, frame: u64) -> Option<(u32, u64)> {
        let at = self.footer.value_dir.checked_add(frame.checked_mul(VALUE_ENTRY_BYTES)?)?;
        let mut cursor = Cursor::new(self.file.get(usize::try_from(at).ok()?..)?);
        Some((cursor.u32()?, cursor.u64()?))
    }

    /// A value frame of the name with the ordinal `name`.
    fn value_frame(&self, name: usize, frame_number: u64) -> Result<ValueFrame<'_>, BlockError> {
        let entry = self.value_entry(frame_number);
        let (_, offset) = entry.ok_or_else(|| {
            self.damaged("value directory", self.footer.value_dir, "the offset of a value frame")
        })?;
        let number = frame_number - self.entry(name).frames.start;
        ValueFrame::open(&self.file, offset, name, number)
            .ok_or_else(|| self.damaged("value frame", offset, "values of a label"))
    }

    /// Shows each value of a name, with its postings, to `visit`; in order, from the first frame that
    /// may hold a value not before `from`, until `visit` returns false.
    fn visit_values(
        &self,
        name: usize,
        from: &str,
        visit: &mut dyn FnMut(&str, &[u8]) -> Option<bool>,
    ) -> Result<(), BlockError> {
        let frames = self.entry(name).frames.clone();
        for number in self.frame_before(name, from)?..frames.end {
            let mut frame = self.value_frame(name, number)?;
            let offset = frame.offset;
            while let Some(item) = frame.next() {
                let seen = item.and_then(|(value, postings)| visit(value, postings));
                match seen {
                    Some(true) => {}
                    Some(false) => return Ok(()),
                    None => return Err(self.damaged("value frame", offset, "values, postings")),
                }
            }
        }
        Ok(())
    }

    /// The last frame of a name whose first value is not behind `value`, else the first.
    fn frame_before(&self, name: usize, value: &str) -> Result<u64, BlockError> {
        let Range { mut start, mut end } = self.entry(name).frames.clone();
        while end.saturating_sub(start) > 1 {
            let middle = start + (end - start) / 2;
            let mut frame = self.value_frame(name, middle)?;
            let offset = frame.offset;
            let first = frame.next().flatten();
            let (first, _) = first.ok_or_else(|| self.damaged("value frame", offset, "a value"))?;
            if first <= value { start = middle } else { end = middle }
        }
        Ok(start)
    }

    /// The texts of the value frame that holds the value with this ordinal.
    pub(super) fn texts(&self, name: usize, ordinal: u32) -> Result<Texts, BlockError> {
        let Range { mut start, mut end } = self.entry(name).frames.clone();
        while end.saturating_sub(start) > 1 {
            let middle = start + (end - start) / 2;
            let first = self.value_entry(middle).map_or(u32::MAX, |(first, _)| first);
            if first <= ordinal { start = middle } else { end = middle }
        }
        let frame = self.value_frame(name, start)?;
        let offset = frame.offset;
        let texts = frame.texts().filter(|texts| texts.get(ordinal).is_some());
        texts.ok_or_else(|| self.damaged("value frame", offset, "the value of a series"))
    }

    /// The rows of one frame, to be read in order.
    pub(super) fn row_frame(&self, group: u32) -> Result<RowFrame<'_>, BlockError> {
        let at = self.footer.row_dir + u64::from(group) * ROW_ENTRY_BYTES;
        let entry = usize::try_from(at).ok().and_then(|at| self.file.get(at..));
        let offset = entry.and_then(|bytes| Cursor::new(bytes).u64()).unwrap_or(u64::MAX);
        RowFrame::open(&self.file, offset, group)
            .ok_or_else(|| self.damaged("row frame", offset, "series"))
    }

    /// The rows `wanted`, in order.
    pub(crate) fn rows(&self, wanted: Postings) -> Rows<'_> {
        Rows::new(self, self.names.len(), wanted)
    }
}

/// Whether the directories and frames a footer speaks of lie in the file, in their order.
fn directories_fit(footer: &Footer, footer_at: u64) -> bool {
    let groups = footer.rows.div_ceil(u64::from(ROWS_PER_FRAME));
    footer.rows <= u64::from(u32::MAX)
        && footer.row_dir.checked_add(groups * ROW_ENTRY_BYTES) == Some(footer.value_dir)
        && footer.value_dir <= footer.names
        && (footer.names - footer.value_dir).is_multiple_of(VALUE_ENTRY_BYTES)
        && footer.names < footer.shapes
        && footer.shapes < footer.times
        && footer.times < footer_at
}

impl Index for IndexReader {
    fn label_names(&self) -> Result<Vec<String>, QueryError> {
        Ok(self.names.iter().map(|entry| entry.name.clone()).collect())
    }

    fn label_values(&self, name: &str) -> Result<Vec<String>, QueryError> {
        let Some(name) = self.name(name) else { return Ok(Vec::new()) };
        let mut values = Vec::with_capacity(self.entry(name).values.min(1 << 16) as usize);
        self.visit_values(name, "", &mut |value, _| {
            values.push(value.to_owned());
            Some(true)
        })?;
        Ok(values)
    }

    fn all(&self) -> Result<Postings, QueryError> {
        let mut rows = Postings::new();
        let count = u32::try_from(self.footer.rows).expect("checked when the file was opened");
        rows.insert_range(0..count);
        Ok(rows)
    }

    fn postings(&self, name: &str, value: &str) -> Result<Postings, QueryError> {
        let mut rows = Postings::new();
        let Some(name) = self.name(name) else { return Ok(rows) };
        self.visit_values(name, value, &mut |found, packed| {
            if found == value {
                postings::add(packed, self.footer.rows, &mut rows)?;
            }
            Some(found < value)
        })?;
        Ok(rows)
    }

    fn postings_where(
        &self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Postings, QueryError> {
        let mut rows = Postings::new();
        let Some(name) = self.name(name) else { return Ok(rows) };
        self.visit_values(name, prefix, &mut |found, packed| {
            if found.starts_with(prefix) {
                if keep(found) {
                    postings::add(packed, self.footer.rows, &mut rows)?;
                }
                return Some(true);
            }
            Some(found < prefix)
        })?;
        Ok(rows)
    }

    fn rows_with(&self, name: &str) -> Result<Postings, QueryError> {
        let mut rows = Postings::new();
        let Some(name) = self.name(name) else { return Ok(rows) };
        let offset = self.entry(name).presence;
        let read = frame_at(&self.file, offset).and_then(|data| {
            let mut cursor = Cursor::new(data);
            if cursor.size()? != name {
                return None;
            }
            postings::add(cursor.rest(), self.footer.rows, &mut rows)
        });
        read.ok_or_else(|| self.damaged("presence frame", offset, "postings"))?;
        Ok(rows)
    }

    fn labels(&self, row: u32) -> Result<Labels, QueryError> {
        let mut rows = self.rows(Postings::from_iter([row]));
        let row = rows.next_with(|_| true)?;
        Ok(row.map(|row| row.labels).unwrap_or_default())
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::index::tests::label_sets;
    use crate::index::{
        ChunkSlot, Column, Group, IndexWriter, Kind, NewChunk, Short, Stored, TimeColumn, Values,
        tests,
    };
    use model::TimeRange;
    use proptest::prelude::*;
    use storage::ChunkMeta;

    fn open(bytes: Vec<u8>) -> Result<IndexReader, BlockError> {
        IndexReader::open(PathBuf::from("index"), Bytes::from(bytes))
    }

    fn span(min: i64, max: i64) -> TimeRange {
        TimeRange::new(min, max).expect("ordered")
    }

    /// The chunks of some rows, as they are written and as they are read.
    #[derive(Default)]
    struct Chunks {
        new: Vec<Vec<NewChunk>>,
        read: Vec<Vec<ChunkSlot>>,
        columns: Vec<TimeColumn>,
    }

    /// Row `i` has `i % 3 + 1` chunks, whose values lie in all places they can lie in.
    fn chunks_of(rows: &[Labels]) -> Chunks {
        let mut all = Chunks::default();
        let columns = (0..9u32).map(|n| {
            let (min_t, count) = (10 + i64::from(n % 3) * 1000 + i64::from(n), 1 + n);
            let meta = ChunkMeta { min_t, max_t: min_t + i64::from(n), count };
            TimeColumn { meta, stored: Stored { offset: 5000 + u64::from(n) * 11, len: 7 } }
        });
        all.columns = columns.collect();
        let mut next = 16;
        let mut before = Stored { offset: 16, len: 0 };
        let mut column = |i: usize| match i % 3 {
            1 => Column::Inline(Short::of(&[7; 9][..i % 10]).unwrap()),
            2 if next > 16 => Column::Stored(before),
            _ => {
                before = Stored { offset: next, len: 6 + u32::try_from(i).unwrap() };
                next += u64::from(before.len) + 4;
                Column::Stored(before)
            }
        };
        let mut relative = |i: usize| match i % 4 {
            3 => Values::Relative { base: Stored { offset: 16, len: 6 }, difference: column(i) },
            _ => Values::Own(column(i)),
        };
        for i in 0..rows.len() {
            let kind = if i % 5 == 4 { Kind::Histograms } else { Kind::Floats };
            let new = (0..=i % 3).map(|n| {
                let column = i % 3 + 3 * n;
                let count = all.columns[column].meta.count;
                let times = u32::try_from(column).unwrap();
                NewChunk { times, kind, count, values: relative(i + n) }
            });
            let new: Vec<NewChunk> = new.collect();
            let read = new.iter().map(|chunk| {
                let times = all.columns[chunk.times as usize];
                ChunkSlot { times, kind, values: chunk.values }
            });
            all.read.push(read.collect());
            all.new.push(new);
        }
        all
    }

    fn written(rows: &[Labels]) -> Vec<u8> {
        let mut writer = IndexWriter::new(16);
        let chunks = chunks_of(rows);
        for (labels, chunks) in rows.iter().zip(&chunks.new) {
            writer.add(labels, chunks).unwrap();
        }
        writer.finish(span(10, 4999), &chunks.columns).unwrap()
    }

    type Answer = Result<String, String>;

    /// All that an index can be asked, answered.
    fn everything(index: &dyn Index) -> Vec<Answer> {
        let mut answers = Vec::new();
        let mut answer = |what: &str, it: Result<String, QueryError>| {
            answers.push(it.map(|it| format!("{what}: {it}")).map_err(|e| e.to_string()));
        };
        answer("names", index.label_names().map(|names| format!("{names:?}")));
        answer("all", index.all().map(|rows| format!("{rows:?}")));
        for name in ["a", "b", "c", "none"] {
            answer(name, index.label_values(name).map(|values| format!("{values:?}")));
            answer(name, index.rows_with(name).map(|rows| format!("{rows:?}")));
            for value in ["x", "y", "z", "xx", "zz", "w", "nothing"] {
                answer(value, index.postings(name, value).map(|rows| format!("{rows:?}")));
            }
            for prefix in ["", "x", "y", "zz", "w"] {
                let kept = index.postings_where(name, prefix, &mut |v| v.len() < 2);
                answer(prefix, kept.map(|rows| format!("{rows:?}")));
            }
        }
        for row in index.all().unwrap_or_default() {
            answer("labels", index.labels(row).map(|labels| labels.to_string()));
        }
        answers
    }

    fn rows_of(index: &IndexReader) -> Result<Vec<(Labels, Vec<ChunkSlot>)>, BlockError> {
        let mut rows = index.rows(index.all().expect("never fails"));
        let mut all = Vec::new();
        while let Some(row) = rows.next_with(|_| true)? {
            let Group { metas, columns } = row.chunks;
            let chunks = metas.iter().zip(columns).zip(row.values);
            let chunks = chunks.map(|((&meta, &(stored, kind)), values)| ChunkSlot {
                times: TimeColumn { meta, stored },
                kind,
                values,
            });
            all.push((row.labels, chunks.collect()));
        }
        Ok(all)
    }

    proptest! {
        #[test]
        fn an_index_answers_as_its_rows_do(rows in label_sets()) {
            prop_assume!(!rows.is_empty());
            let index = open(written(&rows)).unwrap();
            let expected: Vec<_> = rows.iter().cloned().zip(chunks_of(&rows).read).collect();
            prop_assert_eq!(rows_of(&index).unwrap(), expected);
            prop_assert_eq!(everything(&index), everything(&tests::Rows(rows)));
        }
    }

    #[test]
    fn many_values_take_many_frames() {
        let mut rows: Vec<Labels> = (0..5000)
            .map(|i| Labels::from_pairs([("a", format!("value-{i}")), ("b", format!("{}", i % 7))]))
            .collect();
        rows.sort();
        let index = open(written(&rows)).unwrap();
        let slow = tests::Rows(rows.clone());
        assert_eq!(rows_of(&index).unwrap().len(), rows.len());
        assert_eq!(index.label_values("a").unwrap(), slow.label_values("a").unwrap());
        for value in ["value-0", "value-4999", "value-3", "value-", "value-99999", "zzz", "a"] {
            assert_eq!(
                index.postings("a", value).unwrap(),
                slow.postings("a", value).unwrap(),
                "{value}"
            );
        }
        for prefix in ["value-12", "value-4999", "value-5", "w", ""] {
            let keep = |v: &str| v.ends_with('3');
            let found = index.postings_where("a", prefix, &mut { keep }).unwrap();
            assert_eq!(found, slow.postings_where("a", prefix, &mut { keep }).unwrap(), "{prefix}");
        }
        for row in [0, 31, 32, 2500, 4999] {
            assert_eq!(index.labels(row).unwrap(), rows[row as usize]);
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_format() {
        let mut writer = IndexWriter::new(16);
        let (stored, inline) = (Stored { offset: 16, len: 3 }, Short::of(&[0, 5]).unwrap());
        let chunk = |times, count, values| NewChunk { times, kind: Kind::Floats, count, values };
        let own = Values::Own(Column::Stored(stored));
        let x = [chunk(0, 3, own), chunk(1, 1, Values::Own(Column::Inline(inline)))];
        let y = [chunk(0, 3, own)];
        let difference = Column::Stored(Stored { offset: 23, len: 2 });
        let z = [chunk(0, 3, Values::Relative { base: stored, difference })];
        for (value, chunks) in [("x", &x[..]), ("y", &y), ("z", &z)] {
            writer.add(&Labels::from_pairs([("a", value)]), chunks).unwrap();
        }
        let times = |min_t, max_t, count, offset, len| {
            let meta = ChunkMeta { min_t, max_t, count };
            TimeColumn { meta, stored: Stored { offset, len } }
        };
        let columns = [times(10, 30, 3, 29, 4), times(40, 40, 1, 37, 2)];
        let bytes = writer.finish(span(10, 99), &columns).unwrap();
        let frame = |data: &[u8], crc: [u8; 4]| {
            let len = u32::try_from(data.len()).unwrap().to_le_bytes();
            [&len[..], data, &crc].concat()
        };
        let footer = [3u64, 4, 10, 10, 100, 86, 94, 106, 121, 132].map(u64::to_le_bytes).concat();
        let expected: Vec<u8> = [
            b"FRLINDEX\x02\0\0\0\0\0\0\0".to_vec(),
            // At 16, rows: group 0, columns from 16 on.
            frame(
                &[
                    // Shape 0, value 0; times of group 0: 3 bytes at once, and 2 bytes here.
                    &b"\x00\x10\x00\x00\x00\x0e\x08\x00\x05"[..],
                    // Shape 0, one value changed: none passed over, now 1; times of group 1: 3 bytes
                    // that begin 7 earlier.
                    b"\x00\x01\x00\x01\x01\x0d\x07",
                    // The same, now 2; relative to 3 bytes that begin 7 earlier: 2 bytes at once.
                    b"\x00\x01\x00\x02\x01\x0f\x07\x0a",
                ]
                .concat(),
                [0xe4, 0x3e, 0xff, 0xf8],
            ),
            // At 48, values of name 0, frame 0, from ordinal 0, three: x has row 0, and so on.
            frame(
                b"\x00\x00\x00\x03\x00\x01x\x01\x00\x00\x01y\x01\x02\x00\x01z\x01\x04",
                [0xcb, 0x66, 0xd5, 0x7a],
            ),
            // At 75, presence of name 0: from 0 on a run of three.
            frame(b"\x00\x01\x01", [0x34, 0xc4, 0x98, 0xc2]),
            // At 86 and 94, the directories.
            b"\x10\0\0\0\0\0\0\0".to_vec(),
            b"\0\0\0\0\x30\0\0\0\0\0\0\0".to_vec(),
            // At 106, one name: a, three values in one frame, number 0; presence at 75.
            frame(b"\x01\x01a\x03\x01\x00\x4b", [0x42, 0x7f, 0xbc, 0x79]),
            // At 121, one shape of one name, number 0.
            frame(b"\x01\x01\x00", [0x95, 0x9e, 0x5d, 0xb4]),
            // At 132, two columns of times from 29 on: 3 samples from 10 over 20 ms in 4 bytes, 1
            // sample 30 later over 0 ms in 2 bytes. Two groups: columns 0 and 1; column 0.
            frame(
                b"\x02\x1d\x03\x14\x14\x04\x01\x3c\x00\x02\x02\x02\x00\x04\x01\x00",
                [0x39, 0x96, 0x85, 0xfe],
            ),
            footer,
            b"\x8f\x0e\x88\x8eFRLINDEX".to_vec(),
        ]
        .concat();
        assert_eq!(bytes, expected);
    }

    fn small() -> (Vec<u8>, Vec<Labels>) {
        let mut rows: Vec<Labels> = (0..40)
            .map(|i| {
                let pairs = [("a", ["x", "y", "zz"][i % 3].to_owned()), ("b", format!("w{i}"))];
                Labels::from_pairs(pairs.into_iter().take(1 + usize::from(i > 2)))
            })
            .collect();
        rows.sort();
        rows.dedup();
        (written(&rows), rows)
    }

    /// Opens damaged bytes and asks everything: each answer is an error or the true one.
    fn check_damaged(bytes: Vec<u8>, rows: &[Labels], truth: &[Answer], what: &str) {
        let Ok(index) = open(bytes) else { return };
        for (found, expected) in everything(&index).iter().zip(truth) {
            assert!(found.is_err() || found == expected, "{what}: {found:?}, not {expected:?}");
        }
        if let Ok(found) = rows_of(&index) {
            let expected: Vec<_> = rows.iter().cloned().zip(chunks_of(rows).read).collect();
            assert_eq!(found, expected, "{what}");
        }
    }

    #[test]
    fn an_index_cut_at_any_length_does_not_open() {
        let (bytes, _) = small();
        for len in 0..bytes.len() {
            assert!(open(bytes[..len].to_vec()).is_err(), "cut at {len}");
        }
    }

    #[test]
    fn an_index_with_any_bit_flipped_gives_errors_or_the_truth() {
        let (bytes, rows) = small();
        let truth = everything(&tests::Rows(rows.clone()));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            check_damaged(flipped, &rows, &truth, &format!("bit {bit} of {}", bytes.len() * 8));
        }
    }
}
