//! Rows by labels, and labels by row.
//!
//! Names and values are kept once each; a row's labels are the numbers of its names and values, in
//! one arena for all rows. Nothing is ever taken out: when series go, [`LabelIndex::of_rows`] makes a
//! new index of those that are left, which renumbers names and values. Rows keep their numbers.
//! [`texts`] gives the numbers, [`numbered`] is how they are saved and come back.

mod numbered;
mod texts;

use hashbrown::HashTable;
use model::Labels;
use storage::AppendError;

use super::row_set::RowSet;
use super::visibility::{CommitNumber, Viewers};
use crate::cursor::{Cursor, put_varint};
use crate::index::{MAX_TEXT_BYTES, Postings};
pub(super) use numbered::Numbering;
use texts::{LabelsHash, Texts, hash_of, spread};

/// A row that has no labels here.
const NOWHERE: u32 = u32::MAX;

/// The labels of all series.
#[derive(Debug, Default)]
pub(super) struct LabelIndex {
    names: Texts,
    /// The values of each name.
    values: Vec<Values>,
    rows: Postings,
    /// Of each row: how many labels, then numbers of names and values in the order of the names; all
    /// varints.
    arena: Vec<u8>,
    /// Where a row's labels begin in the arena.
    starts: Vec<u32>,
    by_labels: HashTable<Entry>,
    /// Rows made by commits that some view does not see.
    unseen: Vec<(CommitNumber, u32)>,
}

/// A row by the hash of its labels.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    row: u32,
}

/// The values of a name.
#[derive(Debug, Default)]
struct Values {
    texts: Texts,
    /// The rows that have each value.
    rows: Vec<RowSet>,
}

impl LabelIndex {
    /// An index of some of these rows.
    pub(super) fn of_rows(&self, kept: &Postings) -> Self {
        let mut index = Self::default();
        for row in kept {
            if let Some(labels) = self.labels(row) {
                index.insert(row, &labels);
            }
        }
        index.arena.shrink_to_fit();
        index.unseen = self.unseen.iter().copied().filter(|(_, row)| kept.contains(*row)).collect();
        index
    }

    /// Makes room for so many series.
    pub(super) fn reserve(&mut self, series: usize) {
        self.starts.reserve_exact(series);
        self.by_labels.reserve(series, |entry| spread(entry.hash));
    }

    /// How many series there are.
    pub(super) fn len(&self) -> usize {
        self.by_labels.len()
    }

    /// The row that has exactly these labels.
    pub(super) fn find(&self, labels: &Labels) -> Option<u32> {
        let mut hash = LabelsHash::default();
        for (name, value) in labels {
            hash.add(hash_of(name));
            hash.add(hash_of(value));
        }
        let hash = hash.end();
        let entry = self
            .by_labels
            .find(spread(hash), |entry| entry.hash == hash && self.has_labels(entry.row, labels));
        entry.map(|entry| entry.row)
    }

    /// Adds a series; neither its row nor its labels are there yet.
    pub(super) fn insert(&mut self, row: u32, labels: &Labels) {
        let start = u32::try_from(self.arena.len()).expect("more room than `is_full` leaves");
        put_varint(&mut self.arena, labels.len() as u64);
        let mut hash = LabelsHash::default();
        for (name, value) in labels {
            let (name, is_new) = self.names.add(name);
            if is_new {
                self.values.push(Values::default());
            }
            let values = &mut self.values[name as usize];
            let (value, is_new) = values.texts.add(value);
            if is_new {
                if values.rows.len() == values.rows.capacity() {
                    values.rows.reserve_exact(values.rows.len() / 4 + 1);
                }
                values.rows.push(RowSet::one(row));
            } else {
                values.rows[value as usize].add(row);
            }
            hash.add(self.names.hash(name));
            hash.add(values.texts.hash(value));
            put_varint(&mut self.arena, u64::from(name));
            put_varint(&mut self.arena, u64::from(value));
        }
        self.rows.insert(row);
        self.place(Entry { hash: hash.end(), row }, start);
    }

    /// Notes where in the arena the labels of a row begin.
    fn place(&mut self, entry: Entry, start: u32) {
        let at = entry.row as usize;
        if self.starts.len() <= at {
            self.starts.resize(at + 1, NOWHERE);
        }
        self.starts[at] = start;
        self.by_labels.insert_unique(spread(entry.hash), entry, |entry| spread(entry.hash));
    }

    /// Whether no series may be added: half of the room is left to what is staged already.
    pub(super) fn is_full(&self) -> bool {
        self.arena.len() >= (NOWHERE / 2) as usize
    }

    /// Notes that `commit` has made these rows.
    pub(super) fn note_new(&mut self, commit: CommitNumber, rows: &[u32], viewers: &Viewers) {
        match viewers.oldest {
            None => self.unseen.clear(),
            Some(oldest) => {
                self.unseen.retain(|(commit, _)| *commit > oldest);
                self.unseen.extend(rows.iter().map(|row| (commit, *row)));
            }
        }
    }

    /// The rows that a view of the commits up to `seen` does not see.
    pub(super) fn unseen(&self, seen: CommitNumber) -> Postings {
        let unseen = self.unseen.iter().filter(|(commit, _)| *commit > seen);
        unseen.map(|(_, row)| *row).collect()
    }

    /// The labels of a row; `None` if it has none.
    pub(super) fn labels(&self, row: u32) -> Option<Labels> {
        Some(Labels::from_sorted(self.pairs(row)?))
    }

    /// How many labels a row has, and the numbers of their names and values.
    fn numbers(&self, row: u32) -> Option<(usize, impl Iterator<Item = (u32, u32)>)> {
        let start = *self.starts.get(row as usize)?;
        let mut cursor = Cursor::new(self.arena.get(start as usize..)?);
        let count = cursor.size()?;
        Some((count, (0..count).map_while(move |_| Some((cursor.number()?, cursor.number()?)))))
    }

    fn pairs(&self, row: u32) -> Option<impl Iterator<Item = (&str, &str)>> {
        let text = |(name, value): (u32, u32)| {
            (self.names.get(name), self.values[name as usize].texts.get(value))
        };
        Some(self.numbers(row)?.1.map(text))
    }

    /// Whether a row has just these labels.
    pub(super) fn has_labels(&self, row: u32, labels: &Labels) -> bool {
        self.pairs(row).is_some_and(|pairs| pairs.eq(labels))
    }

    /// Every row.
    pub(super) fn rows(&self) -> &Postings {
        &self.rows
    }

    /// The names of which some series outside `unseen` has a value, sorted.
    pub(super) fn names(&self, unseen: &Postings) -> Vec<String> {
        let named = self.names.iter().zip(&self.values);
        let seen = named.filter(|(_, v)| {
            unseen.is_empty() || v.rows.iter().any(|rows| !rows.is_within(unseen))
        });
        let mut names: Vec<String> = seen.map(|(name, _)| name.to_string()).collect();
        names.sort_unstable();
        names
    }

    /// The values of a name that begin with `prefix`, sorted, each with the rows that have it.
    pub(super) fn values(&self, name: &str, prefix: &str) -> Vec<(&str, &RowSet)> {
        let Some(values) = self.names.find(name).map(|name| &self.values[name as usize]) else {
            return Vec::new();
        };
        let mut found: Vec<(&str, &RowSet)> = values
            .texts
            .iter()
            .zip(&values.rows)
            .filter(|(text, _)| text.starts_with(prefix))
            .collect();
        found.sort_unstable_by_key(|(text, _)| *text);
        found
    }

    /// The rows whose label `name` is `value`.
    pub(super) fn rows_of(&self, name: &str, value: &str) -> Option<&RowSet> {
        let values = &self.values[self.names.find(name)? as usize];
        values.rows.get(values.texts.find(value)? as usize)
    }
}

/// Whether labels name a series that a block can hold too.
pub(super) fn check_labels(labels: &Labels) -> Result<(), AppendError> {
    if labels.is_empty() {
        return Err(AppendError::InvalidLabels("no labels".to_owned()));
    }
    if labels.as_bytes().len() <= MAX_TEXT_BYTES {
        return Ok(());
    }
    match labels.iter().find(|(n, v)| n.len().max(v.len()) > MAX_TEXT_BYTES) {
        Some((name, _)) => Err(AppendError::InvalidLabels(format!(
            "the label {:.40} is longer than {MAX_TEXT_BYTES} bytes",
            name
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::tests::label_sets;
    use proptest::prelude::*;

    fn rows_of(index: &LabelIndex, name: &str, value: &str) -> Vec<u32> {
        let mut rows = Postings::new();
        if let Some(set) = index.rows_of(name, value) {
            set.add_to(&mut rows);
        }
        rows.into_iter().collect()
    }

    fn check(index: &LabelIndex, series: &[(u32, &Labels)]) {
        assert_eq!(index.len(), series.len());
        for (row, labels) in series {
            assert_eq!(index.labels(*row).as_ref(), Some(*labels));
            assert_eq!(index.find(labels), Some(*row));
        }
        for name in ["a", "b", "c", "d"] {
            for (value, _) in index.values(name, "") {
                let expected: Vec<u32> =
                    series.iter().filter(|(_, l)| l.get(name) == value).map(|(r, _)| *r).collect();
                assert_eq!(rows_of(index, name, value), expected);
                assert!(!expected.is_empty(), "a value that nobody has");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn series_are_found_by_labels_and_by_row(sets in label_sets(), keep: u8) {
            let mut index = LabelIndex::default();
            let series: Vec<(u32, &Labels)> = (0..).step_by(3).zip(&sets).collect();
            for (row, labels) in &series {
                prop_assert_eq!(index.find(labels), None);
                index.insert(*row, labels);
            }
            check(&index, &series);
            let kept: Vec<_> =
                series.iter().copied().filter(|(row, _)| row % 7 < u32::from(keep % 8)).collect();
            check(&index.of_rows(&kept.iter().map(|(row, _)| *row).collect()), &kept);
        }
    }

    #[test]
    fn rows_of_later_commits_are_known_as_such() {
        let mut index = LabelIndex::default();
        index.note_new(5, &[1], &Viewers { oldest: Some(4) });
        index.note_new(6, &[2, 3], &Viewers { oldest: Some(4) });
        let unseen = |index: &LabelIndex, seen| index.unseen(seen).into_iter().collect::<Vec<_>>();
        assert_eq!(unseen(&index, 4), [1, 2, 3]);
        assert_eq!(unseen(&index, 5), [2, 3]);
        assert!(unseen(&index, 6).is_empty());
        index.note_new(7, &[4], &Viewers { oldest: Some(6) });
        assert_eq!(unseen(&index, 6), [4]);
        index.note_new(8, &[5], &Viewers { oldest: None });
        assert!(unseen(&index, 0).is_empty());
    }
}
