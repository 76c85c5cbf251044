//! Series to the bytes of an index file, version 2, as today's Prometheus writes it: without label
//! indices, which nobody reads any more.

use std::collections::BTreeMap;

use model::Labels;
use rustc_hash::FxHashMap;

use super::index::{ChunkPlace, HEADER_BYTES, MAGIC, SERIES_ALIGNMENT};
use super::section::crc32c;
use crate::cursor::{put_size, put_varint, put_zigzag};

/// The number of a symbol in the order in which they came.
type Symbol = u32;

/// An index in the making.
#[derive(Debug, Default)]
pub(super) struct IndexWriter {
    symbols: FxHashMap<Box<str>, Symbol>,
    series: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    labels: Vec<(Symbol, Symbol)>,
    chunks: Vec<ChunkPlace>,
}

/// More than an index file can refer to.
#[derive(Debug)]
pub(super) struct TooLarge;

impl IndexWriter {
    /// Adds a series; they come in the order of their labels.
    pub(super) fn add(&mut self, labels: &Labels, chunks: &[ChunkPlace]) {
        let labels =
            labels.iter().map(|(name, value)| (self.symbol(name), self.symbol(value))).collect();
        self.series.push(Entry { labels, chunks: chunks.to_vec() });
    }

    /// How many series and chunks there are.
    pub(super) fn counts(&self) -> (u64, u64) {
        let chunks: usize = self.series.iter().map(|entry| entry.chunks.len()).sum();
        (self.series.len() as u64, chunks as u64)
    }

    /// The file.
    pub(super) fn finish(self) -> Result<Vec<u8>, TooLarge> {
        let mut sorted: Vec<(&str, Symbol)> =
            self.symbols.iter().map(|(text, symbol)| (&**text, *symbol)).collect();
        sorted.sort_unstable();
        let mut texts = vec![""; sorted.len()];
        let mut order = vec![0u64; sorted.len()];
        for (place, (text, symbol)) in (0..).zip(&sorted) {
            texts[*symbol as usize] = text;
            order[*symbol as usize] = place;
        }
        let mut out = MAGIC.to_vec();
        out.push(2);
        debug_assert_eq!(out.len(), HEADER_BYTES);
        let symbols_at = out.len();
        put_section(&mut out, |out| {
            put_count(out, sorted.len())?;
            sorted.iter().for_each(|(text, _)| put_text(out, text));
            Ok(())
        })?;
        let series_at = out.len();
        let mut rows = Vec::with_capacity(self.series.len());
        for entry in &self.series {
            rows.push(put_series(&mut out, entry, &order)?);
        }
        let label_indices_at = out.len();
        pad(&mut out, 4);
        let postings_at = out.len();
        let table = self.put_postings(&mut out, &rows, &texts)?;
        let tables_at = out.len();
        put_section(&mut out, |out| {
            put_count(out, table.len())?;
            for ((name, value), place) in &table {
                put_varint(out, 2);
                put_text(out, name);
                put_text(out, value);
                put_size(out, *place);
            }
            Ok(())
        })?;
        let toc_at = out.len();
        let places = [symbols_at, series_at, label_indices_at, tables_at, postings_at, tables_at];
        for place in places {
            out.extend_from_slice(&(place as u64).to_be_bytes());
        }
        let crc = crc32c(&out[toc_at..]);
        out.extend_from_slice(&crc.to_be_bytes());
        Ok(out)
    }

    fn symbol(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.symbols.get(text) {
            return *symbol;
        }
        let symbol = Symbol::try_from(self.symbols.len()).expect("they do not fit in memory");
        self.symbols.insert(Box::from(text), symbol);
        symbol
    }

    /// Writes the postings of every label, those of all series first; returns their places by name
    /// and value.
    fn put_postings<'a>(
        &self,
        out: &mut Vec<u8>,
        rows: &[u32],
        texts: &[&'a str],
    ) -> Result<BTreeMap<(&'a str, &'a str), usize>, TooLarge> {
        let mut by_label: BTreeMap<(&str, &str), Vec<u32>> = BTreeMap::new();
        by_label.insert(("", ""), rows.to_vec());
        for (entry, row) in self.series.iter().zip(rows) {
            for (name, value) in &entry.labels {
                let label = (texts[*name as usize], texts[*value as usize]);
                by_label.entry(label).or_default().push(*row);
            }
        }
        let mut places = BTreeMap::new();
        for (label, rows) in by_label {
            places.insert(label, out.len());
            put_section(out, |out| {
                put_count(out, rows.len())?;
                rows.iter().for_each(|row| out.extend_from_slice(&row.to_be_bytes()));
                Ok(())
            })?;
        }
        Ok(places)
    }
}

/// Writes a series; returns its row.
fn put_series(out: &mut Vec<u8>, entry: &Entry, order: &[u64]) -> Result<u32, TooLarge> {
    pad(out, SERIES_ALIGNMENT);
    let row = u32::try_from(out.len() as u64 / SERIES_ALIGNMENT).map_err(|_| TooLarge)?;
    let mut bytes = Vec::new();
    put_size(&mut bytes, entry.labels.len());
    for (name, value) in &entry.labels {
        put_varint(&mut bytes, order[*name as usize]);
        put_varint(&mut bytes, order[*value as usize]);
    }
    put_size(&mut bytes, entry.chunks.len());
    let mut last: Option<&ChunkPlace> = None;
    for chunk in &entry.chunks {
        match last {
            None => put_zigzag(&mut bytes, chunk.min_t),
            Some(last) => put_varint(&mut bytes, chunk.min_t.abs_diff(last.max_t)),
        }
        put_varint(&mut bytes, chunk.max_t.abs_diff(chunk.min_t));
        match last {
            None => put_varint(&mut bytes, chunk.reference),
            Some(last) => {
                let distance = chunk.reference.wrapping_sub(last.reference).cast_signed();
                put_zigzag(&mut bytes, distance);
            }
        }
        last = Some(chunk);
    }
    put_size(out, bytes.len());
    out.extend_from_slice(&bytes);
    out.extend_from_slice(&crc32c(&bytes).to_be_bytes());
    Ok(row)
}

/// Writes what `fill` appends as a section.
fn put_section(
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut Vec<u8>) -> Result<(), TooLarge>,
) -> Result<(), TooLarge> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    fill(out)?;
    let (head, section) = out[start..].split_at_mut(4);
    let len = u32::try_from(section.len()).map_err(|_| TooLarge)?;
    head.copy_from_slice(&len.to_be_bytes());
    let crc = crc32c(section);
    out.extend_from_slice(&crc.to_be_bytes());
    Ok(())
}

fn put_count(out: &mut Vec<u8>, count: usize) -> Result<(), TooLarge> {
    let count = u32::try_from(count).map_err(|_| TooLarge)?;
    out.extend_from_slice(&count.to_be_bytes());
    Ok(())
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_size(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Zeros up to the next multiple of `alignment`.
fn pad(out: &mut Vec<u8>, alignment: u64) {
    let padded = (out.len() as u64).next_multiple_of(alignment);
    out.resize(usize::try_from(padded).expect("a few bytes more than it has"), 0);
}
