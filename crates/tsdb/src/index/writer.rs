//! One sorted pass over series to the bytes of an index file (`docs/format/index.md`).
//!
//! Rows are kept as numbers until the end, because ordinals are known only when all values are.
//! [`super::reader`] is the mirror image.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use model::{Labels, TimeRange};
use rustc_hash::FxHashMap;

use super::format::{
    Footer, MAGIC, MAX_TEXT_BYTES, ROWS_PER_FRAME, VALUE_FRAME_BYTES, VALUES_PER_FRAME, VERSION,
    header, put_frame,
};
use super::slot::{Kind, TimeColumn, Values};
use super::times::GroupWriter;
use super::{postings, rows};
use crate::cursor::{put_size, put_varint};
use crate::frame::MAX_DATA_BYTES;

/// A chunk of a new row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewChunk {
    /// The number of its column of times.
    pub(crate) times: u32,
    /// What its samples are.
    pub(crate) kind: Kind,
    /// How many there are.
    pub(crate) count: u32,
    /// Where its values lie.
    pub(crate) values: Values,
}

/// What an index cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge {
    pub(crate) what: &'static str,
    pub(crate) limit: u64,
}

/// Collects rows in the order of their labels.
#[derive(Default)]
pub(crate) struct IndexWriter {
    names: Vec<NameRows>,
    name_ids: HashMap<String, u32>,
    /// Shapes are lists of name ids in the order of the names.
    shapes: Vec<Vec<u32>>,
    shape_ids: HashMap<Vec<u32>, u32>,
    rows: Vec<Row>,
    /// The value ids of all rows, one after the other.
    values: Vec<u32>,
    groups: GroupWriter,
    /// Of each row: its group and where its chunks lie, as bytes; one row after the other.
    chunks: Vec<u8>,
    /// Where in the data file the rows have come to.
    next: u64,
    /// The same, at the beginning of each row frame.
    frame_starts: Vec<u64>,
    num_chunks: u64,
    samples: u64,
    previous: Labels,
}

/// A label name, its values, and who has them; ids by first use.
struct NameRows {
    name: String,
    value_ids: FxHashMap<String, u32>,
    rows_of_value: Vec<Vec<u32>>,
}

struct Row {
    shape: u32,
    first_value: usize,
    first_chunk: usize,
}

impl IndexWriter {
    /// A writer for a data file whose columns begin at `data_from`.
    pub(crate) fn new(data_from: u64) -> Self {
        Self { next: data_from, ..Self::default() }
    }

    /// The next series. Labels rise; columns of values that were not there before lie one behind the
    /// other in the data file.
    pub(crate) fn add(&mut self, labels: &Labels, chunks: &[NewChunk]) -> Result<(), TooLarge> {
        debug_assert!(self.rows.is_empty() || self.previous < *labels);
        debug_assert!(!chunks.is_empty());
        let row = u32::try_from(self.rows.len())
            .ok()
            .filter(|row| *row < u32::MAX)
            .ok_or(TooLarge { what: "number of series", limit: u64::from(u32::MAX) })?;
        let first_value = self.values.len();
        let mut shape = Vec::with_capacity(16);
        for (name, value) in labels {
            if name.len() > MAX_TEXT_BYTES || value.len() > MAX_TEXT_BYTES {
                let limit = MAX_TEXT_BYTES as u64;
                return Err(TooLarge { what: "length of a label", limit });
            }
            let name = self.name_id(name);
            shape.push(name);
            self.values.push(self.names[name as usize].add(value, row));
        }
        let shape = self.shape_id(shape);
        if row.is_multiple_of(ROWS_PER_FRAME) {
            self.frame_starts.push(self.next);
        }
        self.rows.push(Row { shape, first_value, first_chunk: self.chunks.len() });
        self.add_chunks(chunks);
        self.previous = labels.clone();
        Ok(())
    }

    fn add_chunks(&mut self, chunks: &[NewChunk]) {
        let columns = chunks.iter().map(|chunk| (chunk.times, chunk.kind)).collect();
        put_varint(&mut self.chunks, u64::from(self.groups.number(columns)));
        for chunk in chunks {
            rows::put_values(&mut self.chunks, &chunk.values, &mut self.next);
            self.samples += u64::from(chunk.count);
        }
        self.num_chunks += chunks.len() as u64;
    }

    fn name_id(&mut self, name: &str) -> u32 {
        if let Some(id) = self.name_ids.get(name) {
            return *id;
        }
        let id = u32::try_from(self.names.len()).expect("fewer names than labels in memory");
        self.name_ids.insert(name.to_owned(), id);
        let (value_ids, rows_of_value) = (FxHashMap::default(), Vec::new());
        self.names.push(NameRows { name: name.to_owned(), value_ids, rows_of_value });
        id
    }

    fn shape_id(&mut self, shape: Vec<u32>) -> u32 {
        let next = u32::try_from(self.shapes.len()).expect("fewer shapes than rows");
        match self.shape_ids.entry(shape) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                self.shapes.push(entry.key().clone());
                *entry.insert(next)
            }
        }
    }

    /// How many rows, chunks and samples there are.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        (self.rows.len() as u64, self.num_chunks, self.samples)
    }

    /// The bytes of the file. `columns` are those of the times, by their numbers.
    pub(crate) fn finish(
        self,
        span: TimeRange,
        columns: &[TimeColumn],
    ) -> Result<Vec<u8>, TooLarge> {
        let too_large = TooLarge { what: "frame", limit: MAX_DATA_BYTES };
        let max_time = span.max() + 1;
        let sorted = Sorted::of(&self.names);
        let mut file = header(MAGIC, VERSION).to_vec();
        let row_frames = self.put_rows(&mut file, &sorted).ok_or(too_large)?;
        let mut tables = Tables::default();
        for (ordinal, &id) in sorted.names.iter().enumerate() {
            let values = &sorted.values[id as usize];
            self.names[id as usize]
                .put(&mut file, ordinal, values, &mut tables)
                .ok_or(too_large)?;
        }
        for (ordinal, &id) in sorted.names.iter().enumerate() {
            tables.presence.push(file.len() as u64);
            let frame = self.names[id as usize].presence(ordinal);
            put_frame(&mut file, &frame).ok_or(too_large)?;
        }
        let (rows, chunks, samples) = self.counts();
        let mut footer =
            Footer { rows, chunks, samples, min_time: span.min(), max_time, ..Footer::default() };
        footer.row_dir = file.len() as u64;
        for offset in row_frames {
            file.extend_from_slice(&offset.to_le_bytes());
        }
        footer.value_dir = file.len() as u64;
        for (first, offset) in &tables.value_frames {
            file.extend_from_slice(&first.to_le_bytes());
            file.extend_from_slice(&offset.to_le_bytes());
        }
        footer.names = file.len() as u64;
        put_frame(&mut file, &self.names_frame(&sorted, &tables)).ok_or(too_large)?;
        footer.shapes = file.len() as u64;
        put_frame(&mut file, &self.shapes_frame(&sorted)).ok_or(too_large)?;
        footer.times = file.len() as u64;
        put_frame(&mut file, &self.groups.frame(columns)).ok_or(too_large)?;
        file.extend_from_slice(&footer.encode());
        Ok(file)
    }

    /// Writes the row frames and returns where each begins.
    fn put_rows(&self, file: &mut Vec<u8>, sorted: &Sorted) -> Option<Vec<u64>> {
        let mut offsets = Vec::new();
        let mut frame = Vec::new();
        for (group, rows) in self.rows.chunks(ROWS_PER_FRAME as usize).enumerate() {
            frame.clear();
            put_size(&mut frame, group);
            put_varint(&mut frame, self.frame_starts[group]);
            let mut previous: Option<(u32, &[u32])> = None;
            for (i, row) in rows.iter().enumerate() {
                let at = group * ROWS_PER_FRAME as usize + i;
                let (values, chunks) = self.parts(at);
                put_varint(&mut frame, u64::from(row.shape));
                let shape = &self.shapes[row.shape as usize];
                let ordinal = |i: usize| sorted.value_ordinal(shape[i], values[i]);
                match previous {
                    Some((same, before)) if same == row.shape => {
                        put_changes(&mut frame, before, values, ordinal);
                    }
                    _ => (0..values.len()).for_each(|i| put_varint(&mut frame, ordinal(i))),
                }
                previous = Some((row.shape, values));
                frame.extend_from_slice(chunks);
            }
            offsets.push(file.len() as u64);
            put_frame(file, &frame)?;
        }
        Some(offsets)
    }

    /// The value ids and the chunks of a row.
    fn parts(&self, row: usize) -> (&[u32], &[u8]) {
        let from = &self.rows[row];
        let (values_end, chunks_end) = match self.rows.get(row + 1) {
            Some(next) => (next.first_value, next.first_chunk),
            None => (self.values.len(), self.chunks.len()),
        };
        (&self.values[from.first_value..values_end], &self.chunks[from.first_chunk..chunks_end])
    }

    fn names_frame(&self, sorted: &Sorted, tables: &Tables) -> Vec<u8> {
        let mut frame = Vec::new();
        put_size(&mut frame, self.names.len());
        for (ordinal, &id) in sorted.names.iter().enumerate() {
            let name = &self.names[id as usize];
            put_size(&mut frame, name.name.len());
            frame.extend_from_slice(name.name.as_bytes());
            put_size(&mut frame, name.rows_of_value.len());
            let (first, count) = tables.frames_of_name[ordinal];
            put_size(&mut frame, count);
            put_size(&mut frame, first);
            put_varint(&mut frame, tables.presence[ordinal]);
        }
        frame
    }

    fn shapes_frame(&self, sorted: &Sorted) -> Vec<u8> {
        let mut frame = Vec::new();
        put_size(&mut frame, self.shapes.len());
        for shape in &self.shapes {
            put_size(&mut frame, shape.len());
            for &name in shape {
                put_varint(&mut frame, u64::from(sorted.name_ordinals[name as usize]));
            }
        }
        frame
    }
}

/// Writes the values that differ from those of the row before.
fn put_changes(
    frame: &mut Vec<u8>,
    before: &[u32],
    values: &[u32],
    ordinal: impl Fn(usize) -> u64,
) {
    let changed = || (0..values.len()).filter(|&i| values[i] != before[i]);
    put_size(frame, changed().count());
    let mut next = 0;
    for i in changed() {
        put_size(frame, i - next);
        put_varint(frame, ordinal(i));
        next = i + 1;
    }
}

/// Where things came to lie.
#[derive(Default)]
struct Tables {
    /// First ordinal and offset of each value frame.
    value_frames: Vec<(u32, u64)>,
    /// Of each name: its first value frame and how many there are.
    frames_of_name: Vec<(usize, usize)>,
    /// Of each name: where its presence frame begins.
    presence: Vec<u64>,
}

/// The order of names and values.
struct Sorted {
    /// Name ids in the order of the names.
    names: Vec<u32>,
    /// The ordinal of each name id.
    name_ordinals: Vec<u32>,
    /// Of each name id: value ids in the order of the values.
    values: Vec<Vec<u32>>,
    /// Of each name id: the ordinal of each value id.
    value_ordinals: Vec<Vec<u32>>,
}

impl Sorted {
    fn of(names: &[NameRows]) -> Self {
        let texts: Vec<&str> = names.iter().map(|name| name.name.as_str()).collect();
        let order = in_order(&texts);
        let values: Vec<Vec<u32>> = names.iter().map(|name| in_order(&name.texts())).collect();
        Self {
            name_ordinals: inverse(&order),
            names: order,
            value_ordinals: values.iter().map(|order| inverse(order)).collect(),
            values,
        }
    }

    fn value_ordinal(&self, name: u32, value: u32) -> u64 {
        u64::from(self.value_ordinals[name as usize][value as usize])
    }
}

impl NameRows {
    /// Notes that `row` has `value`, and returns the value's id.
    fn add(&mut self, value: &str, row: u32) -> u32 {
        if let Some(&id) = self.value_ids.get(value) {
            self.rows_of_value[id as usize].push(row);
            return id;
        }
        let id = u32::try_from(self.rows_of_value.len()).expect("fewer values than rows");
        self.value_ids.insert(value.to_owned(), id);
        self.rows_of_value.push(vec![row]);
        id
    }

    /// The values by id.
    fn texts(&self) -> Vec<&str> {
        let mut texts = vec![""; self.value_ids.len()];
        for (text, &id) in &self.value_ids {
            texts[id as usize] = text;
        }
        texts
    }

    /// Writes the value frames of this name, whose values have the `order`.
    fn put(
        &self,
        file: &mut Vec<u8>,
        ordinal: usize,
        order: &[u32],
        tables: &mut Tables,
    ) -> Option<()> {
        let texts = self.texts();
        let first_frame = tables.value_frames.len();
        let mut number = 0;
        let mut at = 0;
        while at < order.len() {
            let (entries, count) = self.entries(&order[at..], &texts);
            let mut frame = Vec::with_capacity(entries.len() + 16);
            for head in [ordinal, number, at, count] {
                put_size(&mut frame, head);
            }
            frame.extend_from_slice(&entries);
            let first = u32::try_from(at).expect("fewer values than rows");
            tables.value_frames.push((first, file.len() as u64));
            put_frame(file, &frame)?;
            number += 1;
            at += count;
        }
        tables.frames_of_name.push((first_frame, number));
        Some(())
    }

    /// As many values as one frame takes, and how many that are.
    fn entries(&self, order: &[u32], texts: &[&str]) -> (Vec<u8>, usize) {
        let mut out = Vec::new();
        let mut packed = Vec::new();
        let mut before = "";
        let mut count = 0;
        for &id in order.iter().take(VALUES_PER_FRAME) {
            if out.len() >= VALUE_FRAME_BYTES {
                break;
            }
            let text = texts[id as usize];
            let shared = text.bytes().zip(before.bytes()).take_while(|(a, b)| a == b).count();
            put_size(&mut out, shared);
            put_size(&mut out, text.len() - shared);
            out.extend_from_slice(&text.as_bytes()[shared..]);
            packed.clear();
            postings::put(&mut packed, &self.rows_of_value[id as usize]);
            put_size(&mut out, packed.len());
            out.extend_from_slice(&packed);
            before = text;
            count += 1;
        }
        (out, count)
    }

    /// The presence frame: every row that has this name.
    fn presence(&self, ordinal: usize) -> Vec<u8> {
        let mut rows: Vec<u32> = self.rows_of_value.iter().flatten().copied().collect();
        rows.sort_unstable();
        let mut frame = Vec::new();
        put_size(&mut frame, ordinal);
        postings::put(&mut frame, &rows);
        frame
    }
}

/// The numbers of `texts` in the order of the texts.
fn in_order(texts: &[&str]) -> Vec<u32> {
    let count = u32::try_from(texts.len()).expect("ids are 32 bits wide");
    let mut order: Vec<u32> = (0..count).collect();
    order.sort_unstable_by_key(|&id| texts[id as usize]);
    order
}

/// Where each number stands in `order`.
fn inverse(order: &[u32]) -> Vec<u32> {
    let mut inverse = vec![0; order.len()];
    for (ordinal, &id) in (0u32..).zip(order) {
        inverse[id as usize] = ordinal;
    }
    inverse
}
