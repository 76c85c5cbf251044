//! The file `index` of a Prometheus block: which series there are, by label, and where their chunks
//! lie. Versions 1 and 2.
//!
//! A row is the reference that postings have: the place of the series in the file, in version 2 in
//! units of 16 bytes. So rows are in the order of the labels. Opening passes once over the symbols
//! and over the table of postings, and remembers every 32nd entry of both; all else is read, and
//! checked, when it is asked for.

#![deny(clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use bytes::Bytes;
use model::Labels;

use super::Version;
use super::section::{be32, be64, crc32c, section_at, sized_at, text};
use super::symbols::Symbols;
use crate::cursor::Cursor;
use crate::error::BlockError;
use crate::index::Postings;

pub(super) const MAGIC: [u8; 4] = 0xBAAA_D700u32.to_be_bytes();
pub(super) const HEADER_BYTES: usize = 5;
/// Six places of eight bytes and a checksum.
const TOC_BYTES: usize = 52;
/// Series of version 2 begin at multiples of this.
pub(super) const SERIES_ALIGNMENT: u64 = 16;
/// Of so many values of a name one is remembered with its place.
const STEP: usize = 32;

/// Where a chunk lies, and its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkPlace {
    pub(super) min_t: i64,
    pub(super) max_t: i64,
    /// The number of the segment in the upper half, the place in it in the lower.
    pub(super) reference: u64,
}

/// An opened index.
#[derive(Debug)]
pub(super) struct IndexReader {
    path: PathBuf,
    file: Bytes,
    version: Version,
    symbols: Symbols,
    /// The bytes of the table of postings, checked.
    table: Bytes,
    names: BTreeMap<Box<str>, Values>,
}

/// The values of one label name.
#[derive(Debug)]
enum Values {
    /// Of version 2, where they are sorted: some of them, the first among them, with the place of
    /// their entry in the table; and where the entry behind the last begins.
    Sampled { places: Vec<(Box<str>, usize)>, end: usize },
    /// Of version 1: all, with the place of their postings.
    All(BTreeMap<Box<str>, u64>),
}

/// An entry of the table of postings.
struct Entry<'a> {
    name: &'a str,
    value: &'a str,
    postings: u64,
}

/// Is offered a value and the place of its postings, and says whether to go on.
type Offer<'a> = dyn FnMut(&str, u64) -> Result<ControlFlow<()>, BlockError> + 'a;

impl IndexReader {
    /// Opens the bytes of an index file; `path` is for errors.
    pub(super) fn open(path: PathBuf, file: Bytes) -> Result<Self, BlockError> {
        let damaged = |section, offset, expected: &str| BlockError::Damaged {
            path: path.clone(),
            section,
            offset,
            expected: expected.to_owned(),
        };
        let (magic, version) = file
            .split_at_checked(HEADER_BYTES)
            .and_then(|(header, _)| header.split_last_chunk::<1>())
            .filter(|(magic, _)| **magic == MAGIC)
            .ok_or_else(|| damaged("header", 0, "a Prometheus index"))?;
        debug_assert_eq!(magic, MAGIC);
        let version = match version {
            [1] => Version::V1,
            [2] => Version::V2,
            [other] => {
                let found = format!("prometheus index version {other}");
                return Err(BlockError::UnknownFormat { path, found, newest: "version 2" });
            }
        };
        let toc_at = file.len().saturating_sub(TOC_BYTES);
        let [symbols, _, _, _, _, table] = toc(&file)
            .ok_or_else(|| damaged("table of contents", toc_at as u64, "six places, whole"))?;
        let whole = "a whole section with its checksum";
        let symbols_at = symbols;
        let symbols = Symbols::open(&file, version, symbols_at)
            .ok_or_else(|| damaged("symbols", symbols_at, whole))?;
        let table_bytes = match table {
            0 => Bytes::new(),
            at => section_at(&file, at)
                .map(|bytes| file.slice_ref(bytes))
                .ok_or_else(|| damaged("postings offset table", at, whole))?,
        };
        let names = names(&table_bytes, version).ok_or_else(|| {
            damaged("postings offset table", table, "names and values in order, each once")
        })?;
        Ok(Self { path, file, version, symbols, table: table_bytes, names })
    }

    /// The names of all labels, sorted.
    pub(super) fn label_names(&self) -> Vec<String> {
        // The empty name has the postings of all series.
        self.names.keys().filter(|name| !name.is_empty()).map(|name| name.to_string()).collect()
    }

    /// The values of a name, sorted.
    pub(super) fn label_values(&self, name: &str) -> Result<Vec<String>, BlockError> {
        let mut values = Vec::new();
        self.each_value_from(name, "", &mut |value, _| {
            values.push(value.to_owned());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(values)
    }

    /// Every row.
    pub(super) fn all(&self) -> Result<Postings, BlockError> {
        self.postings("", "")
    }

    /// The rows that have this label.
    pub(super) fn postings(&self, name: &str, value: &str) -> Result<Postings, BlockError> {
        let mut rows = Postings::new();
        self.each_value_from(name, value, &mut |found, postings| {
            if found == value {
                rows = self.postings_at(postings)?;
            }
            Ok(ControlFlow::Break(()))
        })?;
        Ok(rows)
    }

    /// The rows that have a label `name` whose value begins with `prefix` and passes `keep`.
    pub(super) fn postings_where(
        &self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Postings, BlockError> {
        let mut rows = Postings::new();
        self.each_value_from(name, prefix, &mut |value, postings| {
            if !value.starts_with(prefix) {
                return Ok(ControlFlow::Break(()));
            }
            if keep(value) {
                rows |= self.postings_at(postings)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }

    /// The labels of a row.
    pub(super) fn labels(&self, row: u32) -> Result<Labels, BlockError> {
        let read = self.entry(row).and_then(|mut cursor| {
            let references = take_label_references(&mut cursor)?;
            self.labels_of(&references)
        });
        read.ok_or_else(|| self.damaged_series(row))
    }

    /// Labels and chunks of a row; `None` if no chunk passes `wanted`, and the others left out.
    pub(super) fn series(
        &self,
        row: u32,
        mut wanted: impl FnMut(&ChunkPlace) -> bool,
    ) -> Result<Option<(Labels, Vec<ChunkPlace>)>, BlockError> {
        let read = self.entry(row).and_then(|mut cursor| {
            let references = take_label_references(&mut cursor)?;
            let mut chunks = take_chunks(&mut cursor)?;
            chunks.retain(&mut wanted);
            if chunks.is_empty() {
                return Some(None);
            }
            Some(Some((self.labels_of(&references)?, chunks)))
        });
        read.ok_or_else(|| self.damaged_series(row))
    }

    /// Where the series of a row begins in the file.
    pub(super) fn offset(&self, row: u32) -> u64 {
        match self.version {
            Version::V1 => u64::from(row),
            Version::V2 => u64::from(row) * SERIES_ALIGNMENT,
        }
    }

    pub(super) fn damaged_series(&self, row: u32) -> BlockError {
        BlockError::Damaged {
            path: self.path.clone(),
            section: "series",
            offset: self.offset(row),
            expected: "labels and chunks in order, with their checksum".to_owned(),
        }
    }

    fn entry(&self, row: u32) -> Option<Cursor<'_>> {
        Some(Cursor::new(sized_at(&self.file, self.offset(row))?))
    }

    fn labels_of(&self, references: &[(u32, u32)]) -> Option<Labels> {
        let mut pairs = Vec::with_capacity(references.len());
        for (name, value) in references {
            pairs.push((self.symbols.get(*name)?, self.symbols.get(*value)?));
        }
        let is_sorted = pairs.is_sorted_by(|(a, _), (b, _)| a < b);
        let is_label = |(name, value): &(&str, &str)| !name.is_empty() && !value.is_empty();
        (is_sorted && pairs.iter().all(is_label)).then(|| Labels::from_sorted(pairs))
    }

    /// Offers the values of `name` that are not less than `from`, in order, each with the place of
    /// its postings, until told to stop.
    fn each_value_from(
        &self,
        name: &str,
        from: &str,
        offer: &mut Offer<'_>,
    ) -> Result<(), BlockError> {
        match self.names.get(name) {
            None => {}
            Some(Values::All(values)) => {
                let bounds = (std::ops::Bound::Included(from), std::ops::Bound::Unbounded);
                for (value, postings) in values.range::<str, _>(bounds) {
                    if offer(value, *postings)?.is_break() {
                        break;
                    }
                }
            }
            Some(Values::Sampled { places, end }) => {
                let at = places.partition_point(|(value, _)| **value <= *from).saturating_sub(1);
                let start = places.get(at).map_or(*end, |(_, place)| *place);
                let mut cursor = Cursor::new(self.table.get(start..*end).unwrap_or_default());
                while !cursor.is_at_end() {
                    let entry = take_entry(&mut cursor).expect("read when the index was opened");
                    if entry.value >= from && offer(entry.value, entry.postings)?.is_break() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn postings_at(&self, offset: u64) -> Result<Postings, BlockError> {
        let read = section_at(&self.file, offset).and_then(|section| {
            let mut cursor = Cursor::new(section);
            let count = usize::try_from(be32(&mut cursor)?).ok()?;
            let (rows, rest) = cursor.rest().as_chunks::<4>();
            let rows = rows.iter().map(|row| u32::from_be_bytes(*row));
            if rows.len() != count || !rest.is_empty() {
                return None;
            }
            Postings::from_sorted_iter(rows).ok()
        });
        read.ok_or_else(|| BlockError::Damaged {
            path: self.path.clone(),
            section: "postings",
            offset,
            expected: "series in order, with their checksum".to_owned(),
        })
    }
}

/// The places that the end of the file gives: symbols, series, label indices, their table, postings,
/// their table. 0 where there is no such section.
fn toc(file: &[u8]) -> Option<[u64; 6]> {
    let (_, toc) = file.split_at_checked(file.len().checked_sub(TOC_BYTES)?)?;
    let (checked, crc) = toc.split_last_chunk::<4>()?;
    if crc32c(checked) != u32::from_be_bytes(*crc) {
        return None;
    }
    let mut cursor = Cursor::new(checked);
    let mut places = [0; 6];
    for place in &mut places {
        *place = be64(&mut cursor)?;
    }
    Some(places)
}

/// Passes over the table of postings; `None` if it is not what it should be.
fn names(table: &[u8], version: Version) -> Option<BTreeMap<Box<str>, Values>> {
    let mut names = BTreeMap::new();
    if table.is_empty() {
        return Some(names);
    }
    let mut cursor = Cursor::new(table);
    let count = be32(&mut cursor)?;
    if version == Version::V1 {
        for _ in 0..count {
            let entry = take_entry(&mut cursor)?;
            let values =
                names.entry(Box::from(entry.name)).or_insert_with(|| Values::All(BTreeMap::new()));
            let Values::All(values) = values else { return None };
            values.insert(Box::from(entry.value), entry.postings);
        }
        return Some(names);
    }
    let mut run: Option<Run<'_>> = None;
    for _ in 0..count {
        let place = table.len() - cursor.rest().len();
        let entry = take_entry(&mut cursor)?;
        match &mut run {
            Some(run) if run.name == entry.name => run.add(entry.value, place)?,
            _ => {
                if let Some(done) = run.replace(Run::new(&entry, place)) {
                    done.finish(place, &mut names)?;
                }
            }
        }
    }
    if let Some(done) = run {
        done.finish(table.len() - cursor.rest().len(), &mut names)?;
    }
    Some(names)
}

/// The entries of one name, as far as they were read.
struct Run<'a> {
    name: &'a str,
    last: &'a str,
    count: usize,
    places: Vec<(Box<str>, usize)>,
}

impl<'a> Run<'a> {
    fn new(entry: &Entry<'a>, place: usize) -> Self {
        let places = vec![(Box::from(entry.value), place)];
        Self { name: entry.name, last: entry.value, count: 1, places }
    }

    fn add(&mut self, value: &'a str, place: usize) -> Option<()> {
        if value <= self.last {
            return None;
        }
        if self.count.is_multiple_of(STEP) {
            self.places.push((Box::from(value), place));
        }
        self.last = value;
        self.count += 1;
        Some(())
    }

    fn finish(self, end: usize, names: &mut BTreeMap<Box<str>, Values>) -> Option<()> {
        let values = Values::Sampled { places: self.places, end };
        names.insert(Box::from(self.name), values).is_none().then_some(())
    }
}

fn take_entry<'a>(cursor: &mut Cursor<'a>) -> Option<Entry<'a>> {
    if cursor.varint()? != 2 {
        return None;
    }
    Some(Entry { name: text(cursor)?, value: text(cursor)?, postings: cursor.varint()? })
}

/// The references to names and values that a series begins with.
fn take_label_references(cursor: &mut Cursor<'_>) -> Option<Vec<(u32, u32)>> {
    let mut references = Vec::new();
    for _ in 0..cursor.varint()? {
        references.push((cursor.number()?, cursor.number()?));
    }
    Some(references)
}

/// The chunks of a series, in order of time and without overlap.
fn take_chunks(cursor: &mut Cursor<'_>) -> Option<Vec<ChunkPlace>> {
    let mut chunks: Vec<ChunkPlace> = Vec::new();
    for _ in 0..cursor.varint()? {
        let (min_t, reference) = match chunks.last() {
            None => (cursor.zigzag()?, None),
            Some(last) => {
                let distance = cursor.varint().filter(|distance| *distance > 0)?;
                (last.max_t.checked_add_unsigned(distance)?, Some(last.reference))
            }
        };
        let max_t = min_t.checked_add_unsigned(cursor.varint()?)?;
        let reference = match reference {
            None => cursor.varint()?,
            Some(last) => last.checked_add_signed(cursor.zigzag()?)?,
        };
        chunks.push(ChunkPlace { min_t, max_t, reference });
    }
    Some(chunks)
}
