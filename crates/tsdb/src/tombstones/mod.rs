//! Tombstones: what is deleted of a block or of the head, though its chunks still have it.
//!
//! A [`Source`] gives its series as stored and says what of them is deleted; [`visible`] gives the
//! rest. So whoever reads a source, a query, a cut or a compaction, sees nothing deleted. Always true:
//! a deletion covers samples that were there when it was made, and no others.
//!
#![doc = include_str!("../../../../docs/format/tombstones.md")]

pub(crate) mod file;

use std::collections::BTreeMap;

use model::{Labels, TimeRange, Timestamp};
use storage::{ChunkMeta, Columns, QueryError, Series, SeriesSet, Stop};

use crate::index::{Postings, Source};

/// The deleted ranges of a source, each with the rows it is deleted from.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tombstones {
    /// By first and last moment. No entry is without rows.
    deletions: BTreeMap<(Timestamp, Timestamp), Postings>,
}

/// What of some rows is deleted within a range.
#[derive(Debug, Default, PartialEq)]
struct Hidden {
    /// Rows of which nothing is left.
    wholly: Postings,
    /// The deleted ranges of the other rows that have some, rising and apart.
    partly: BTreeMap<u32, Vec<TimeRange>>,
}

impl Tombstones {
    pub(crate) fn is_empty(&self) -> bool {
        self.deletions.is_empty()
    }

    /// The deletions: rising ranges, with their rows.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (TimeRange, &Postings)> {
        self.deletions.iter().map(|(&(min, max), rows)| {
            (TimeRange::new(min, max).expect("a range when it was added"), rows)
        })
    }

    /// Deletes a range of these rows.
    pub(crate) fn add(&mut self, range: TimeRange, rows: &Postings) {
        if !rows.is_empty() {
            *self.deletions.entry((range.min(), range.max())).or_default() |= rows;
        }
    }

    /// Deletes a range of one row.
    pub(crate) fn add_row(&mut self, range: TimeRange, row: u32) {
        self.deletions.entry((range.min(), range.max())).or_default().insert(row);
    }

    /// Forgets rows whose series are gone.
    pub(crate) fn forget(&mut self, rows: &Postings) {
        self.deletions.retain(|_, deleted| {
            *deleted -= rows;
            !deleted.is_empty()
        });
    }

    /// Forgets ranges all of which lie before `t`.
    pub(crate) fn forget_before(&mut self, t: Timestamp) {
        self.deletions.retain(|(_, max), _| *max >= t);
    }

    /// The rows of which something is deleted.
    pub(crate) fn rows(&self) -> Postings {
        self.deletions.values().fold(Postings::new(), |all, rows| all | rows)
    }

    fn hidden(&self, rows: &Postings, range: TimeRange) -> Hidden {
        let mut hidden = Hidden::default();
        let deletions = || self.iter().filter(|(deleted, _)| deleted.overlaps(range));
        for (_, deleted) in deletions().filter(|(d, _)| d.intersect(range) == Some(range)) {
            hidden.wholly |= deleted & rows;
        }
        for (deleted, of) in deletions() {
            for row in (of & rows) - &hidden.wholly {
                add_range(hidden.partly.entry(row).or_default(), deleted);
            }
        }
        hidden
    }
}

/// Adds a range that does not begin before the last one.
fn add_range(ranges: &mut Vec<TimeRange>, range: TimeRange) {
    match ranges.last_mut() {
        Some(last) if range.min() <= last.max().saturating_add(1) => *last = last.union(range),
        _ => ranges.push(range),
    }
}

/// The series of `rows` in `range`, without what is deleted. Series of which no chunk has anything
/// left there are left out.
pub(crate) fn visible<'a, S: Source + ?Sized>(
    source: &'a S,
    rows: Postings,
    range: TimeRange,
    stop: &Stop,
) -> Result<Box<dyn SeriesSet<'a> + 'a>, QueryError> {
    let tombstones = source.tombstones();
    if tombstones.is_empty() {
        return source.stored(rows, range, stop);
    }
    let Hidden { wholly, partly } = tombstones.hidden(&rows, range);
    let whole = rows - wholly - partly.keys().copied().collect::<Postings>();
    let mut sets = vec![source.stored(whole, range, stop)?];
    let mut groups: BTreeMap<Vec<(Timestamp, Timestamp)>, Group<'_>> = BTreeMap::new();
    for (row, deleted) in &partly {
        let key = deleted.iter().map(|range| (range.min(), range.max())).collect();
        groups.entry(key).or_insert_with(|| (deleted, Postings::new())).1.insert(*row);
    }
    if groups.len() <= MAX_GROUPS {
        for (deleted, rows) in groups.into_values() {
            sets.push(left(source.stored(rows, range, stop)?, range, deleted.to_vec()));
        }
    } else {
        sets.push(one_by_one(source, partly, range, stop)?);
    }
    Ok(storage::merge(sets))
}

/// Series are read together if no more than so many lists of ranges are deleted from them; each is a
/// set to merge.
const MAX_GROUPS: usize = 16;

/// Ranges, and the rows that lose just those.
type Group<'a> = (&'a [TimeRange], Postings);

/// What is left of series that lose the same ranges.
fn left<'a>(
    set: Box<dyn SeriesSet<'a> + 'a>,
    range: TimeRange,
    deleted: Vec<TimeRange>,
) -> Box<dyn SeriesSet<'a> + 'a> {
    Box::new(set.filter_map(move |series| match series {
        Ok(series) => {
            let left = Left::of(series, range, deleted.clone())?;
            Some(Ok(Box::new(left) as Box<dyn Series>))
        }
        Err(error) => Some(Err(error)),
    }))
}

/// What is left of series each of which loses other ranges, as in the head, where each range ends with
/// its series. Takes memory for their labels.
fn one_by_one<'a, S: Source + ?Sized>(
    source: &'a S,
    partly: BTreeMap<u32, Vec<TimeRange>>,
    range: TimeRange,
    stop: &Stop,
) -> Result<Box<dyn SeriesSet<'a> + 'a>, QueryError> {
    let mut cut: Vec<(Labels, u32, Vec<TimeRange>)> = Vec::with_capacity(partly.len());
    for (row, deleted) in partly {
        stop.check_at(cut.len())?;
        cut.push((source.labels(row)?, row, deleted));
    }
    storage::sort(&mut cut, &|| stop.is_set(), &|a, b| a.0.cmp(&b.0))?;
    Ok(Box::new(cut.into_iter().filter_map(move |(_, row, deleted)| {
        match source.stored(Postings::from([row]), range, &Stop::default()) {
            Ok(set) => left(set, range, deleted).next(),
            Err(error) => Some(Err(error)),
        }
    })))
}

/// What is left of a series.
struct Left<'a> {
    series: Box<dyn Series + 'a>,
    /// Rising and apart.
    deleted: Vec<TimeRange>,
    chunks: Vec<ChunkMeta>,
}

impl<'a> Left<'a> {
    /// What is left in `range`; `None` if no chunk has anything.
    fn of(series: Box<dyn Series + 'a>, range: TimeRange, deleted: Vec<TimeRange>) -> Option<Self> {
        let is_gone = |chunk: &ChunkMeta| {
            let (min, max) = (chunk.min_t.max(range.min()), chunk.max_t.min(range.max()));
            deleted.iter().any(|range| range.min() <= min && max <= range.max())
        };
        let chunks: Vec<ChunkMeta> =
            series.chunks().iter().filter(|chunk| !is_gone(chunk)).copied().collect();
        (!chunks.is_empty()).then_some(Self { series, deleted, chunks })
    }
}

impl Series for Left<'_> {
    fn labels(&self) -> &Labels {
        self.series.labels()
    }

    fn chunks(&self) -> &[ChunkMeta] {
        &self.chunks
    }

    fn read(&mut self, range: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
        for part in without(range, &self.deleted) {
            self.series.read(part, columns)?;
        }
        Ok(())
    }
}

/// The parts of a range between the deleted ones, which rise and are apart.
fn without(range: TimeRange, deleted: &[TimeRange]) -> Vec<TimeRange> {
    let mut parts = Vec::new();
    let mut from = Some(range.min());
    for deleted in deleted {
        let Some(min) = from else { break };
        if deleted.max() < min {
            continue;
        }
        let before = deleted.min().checked_sub(1).map(|max| max.min(range.max()));
        parts.extend(before.and_then(|max| TimeRange::new(min, max)));
        from = deleted.max().checked_add(1);
    }
    parts.extend(from.and_then(|min| TimeRange::new(min, range.max())));
    parts
}

#[cfg(test)]
mod tests;
