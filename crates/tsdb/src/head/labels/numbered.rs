//! Labels as numbers: how a saved head has them.
//!
//! A name and a value are told by their numbers; a number that is used for the first time is followed by
//! its text. What is read has the same numbers in the new index, so that a series takes no search for
//! texts, and its labels are copied as they are (`docs/format/snapshot.md`).

#![deny(clippy::indexing_slicing)]

use super::{Entry, LabelIndex, LabelsHash, NOWHERE, RowSet, Values, spread};
use crate::cursor::{Cursor, put_size, put_varint};
use crate::index::Postings;

/// The number of what was not written yet.
const UNWRITTEN: u32 = u32::MAX;

/// The numbers that names and values have in what is written.
#[derive(Debug, Default)]
pub(in crate::head) struct Numbering {
    names: Numbers,
    /// Those of the values of each name, by the name's number in the index.
    values: Vec<Numbers>,
}

/// By number in the index, the number in what is written.
#[derive(Debug, Default)]
struct Numbers {
    written: Vec<u32>,
    count: u32,
}

impl Numbers {
    /// The number, and whether it is used for the first time.
    fn of(&mut self, number: u32) -> (u32, bool) {
        let at = number as usize;
        if self.written.len() <= at {
            self.written.resize(at + 1, UNWRITTEN);
        }
        match self.written.get_mut(at) {
            Some(written) if *written == UNWRITTEN => {
                *written = self.count;
                self.count += 1;
                (*written, true)
            }
            written => (written.map_or(UNWRITTEN, |written| *written), false),
        }
    }
}

impl LabelIndex {
    /// Appends the labels of a row as numbers; `None`, and nothing appended, if it has none.
    ///
    /// All that is written with one numbering is to be read in the same order.
    pub(in crate::head) fn put_numbered(
        &self,
        row: u32,
        numbering: &mut Numbering,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let (count, numbers) = self.numbers(row)?;
        put_size(out, count);
        for (name, value) in numbers {
            let put = |out: &mut Vec<u8>, (number, is_first): (u32, bool), text: &str| {
                put_varint(out, number.into());
                if is_first {
                    put_size(out, text.len());
                    out.extend_from_slice(text.as_bytes());
                }
            };
            put(out, numbering.names.of(name), self.names.get(name));
            let at = name as usize;
            if numbering.values.len() <= at {
                numbering.values.resize_with(at + 1, Numbers::default);
            }
            if let (Some(numbers), Some(values)) =
                (numbering.values.get_mut(at), self.values.get(at))
            {
                put(out, numbers.of(value), values.texts.get(value));
            }
        }
        Some(())
    }

    /// Adds a series in a row that is higher than all others, whose labels stand where the cursor is;
    /// `None` if these are none, or a series has them. Then the index is of no use any more. When all
    /// are there, [`LabelIndex::loaded`] makes it ready.
    pub(in crate::head) fn load(&mut self, row: u32, cursor: &mut Cursor<'_>) -> Option<()> {
        let begin = self.arena.len();
        let start = u32::try_from(begin).ok()?;
        let count = cursor.size().filter(|count| *count > 0)?;
        put_size(&mut self.arena, count);
        let mut hash = LabelsHash::default();
        let mut before = None;
        for _ in 0..count {
            let name = self.load_name(cursor)?;
            let values = self.values.get_mut(name as usize)?;
            let value = values.load(row, cursor)?;
            hash.add(self.names.hash(name));
            hash.add(values.texts.hash(value));
            let is_rising = before.is_none_or(|b| self.names.get(b) < self.names.get(name));
            is_rising.then_some(())?;
            before = Some(name);
            put_varint(&mut self.arena, name.into());
            put_varint(&mut self.arena, value.into());
        }
        let entry = Entry { hash: hash.end(), row };
        let numbers = self.arena.get(begin..)?;
        let has_numbers = |other: &Entry| {
            let start = self.starts.get(other.row as usize).map(|start| *start as usize);
            let other = start.and_then(|start| self.arena.get(start..start + numbers.len()));
            other == Some(numbers)
        };
        let is_same = |other: &Entry| other.hash == entry.hash && has_numbers(other);
        if self.by_labels.find(spread(entry.hash), is_same).is_some() {
            return None;
        }
        self.place(entry, start);
        Some(())
    }

    /// No more series will be loaded.
    pub(in crate::head) fn loaded(&mut self) {
        self.values.iter_mut().flat_map(|values| &mut values.rows).for_each(RowSet::pack);
        let placed = (0..).zip(&self.starts).filter(|(_, start)| **start != NOWHERE);
        let rows = Postings::from_sorted_iter(placed.map(|(row, _)| row));
        self.rows = rows.expect("rows rise");
        self.arena.shrink_to_fit();
    }

    fn load_name(&mut self, cursor: &mut Cursor<'_>) -> Option<u32> {
        let name = cursor.number()?;
        if name as usize >= self.names.len() {
            let added = self.names.add(std::str::from_utf8(cursor.take_sized()?).ok()?);
            (added == (name, true)).then_some(())?;
            self.values.push(Values::default());
        }
        Some(name)
    }
}

impl Values {
    /// The number of a value of the series in `row`, which has it from now on.
    fn load(&mut self, row: u32, cursor: &mut Cursor<'_>) -> Option<u32> {
        let value = cursor.number()?;
        match self.rows.get_mut(value as usize) {
            Some(rows) => rows.push(row),
            None => {
                let text = std::str::from_utf8(cursor.take_sized()?).ok();
                let added = self.texts.add(text.filter(|text| !text.is_empty())?);
                (added == (value, true)).then_some(())?;
                self.rows.push(RowSet::one(row));
            }
        }
        Some(value)
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;
    use crate::index::tests::label_sets;
    use model::Labels;
    use proptest::prelude::*;

    /// What the rows of an index are written as.
    fn written(index: &LabelIndex, rows: &[u32]) -> Vec<u8> {
        let (mut numbering, mut bytes) = (Numbering::default(), Vec::new());
        for row in rows {
            index.put_numbered(*row, &mut numbering, &mut bytes).expect("it has labels");
        }
        bytes
    }

    fn loaded(bytes: &[u8]) -> Option<LabelIndex> {
        let (mut index, mut cursor) = (LabelIndex::default(), Cursor::new(bytes));
        for row in 0.. {
            if cursor.is_at_end() {
                break;
            }
            index.load(row, &mut cursor)?;
        }
        index.loaded();
        Some(index)
    }

    proptest! {
        #[test]
        fn an_index_comes_back_as_if_it_was_filled_anew(sets in label_sets(), keep: u8) {
            let mut index = LabelIndex::default();
            (0..).zip(&sets).for_each(|(row, labels)| index.insert(row, labels));
            // Not all of them, and not in the order in which they came.
            let all = 0..u32::try_from(sets.len()).unwrap();
            let rows: Vec<u32> = all.rev().filter(|row| row % 3 != u32::from(keep % 4)).collect();
            let kept: Vec<&Labels> = rows.iter().map(|row| &sets[*row as usize]).collect();
            let loaded = loaded(&written(&index, &rows)).expect("what was written is read");
            let mut expected = LabelIndex::default();
            (0..).zip(kept).for_each(|(row, labels)| expected.insert(row, labels));
            prop_assert_eq!(format!("{:?}", loaded.rows), format!("{:?}", expected.rows));
            prop_assert_eq!(&loaded.arena, &expected.arena);
            for row in 0..expected.len() {
                let row = u32::try_from(row).unwrap();
                let labels = expected.labels(row).unwrap();
                prop_assert_eq!(loaded.find(&labels), Some(row));
                for (name, value) in &labels {
                    let of = |index: &LabelIndex| format!("{:?}", index.rows_of(name, value));
                    prop_assert_eq!(of(&loaded), of(&expected));
                }
            }
        }

        #[test]
        fn bytes_that_were_not_written_are_refused(bytes in prop::collection::vec(0u8..6, 0..40)) {
            if let Some(index) = loaded(&bytes) {
                for row in 0..u32::try_from(index.len()).unwrap() {
                    let labels = index.labels(row).expect("each row has labels");
                    prop_assert_eq!(index.find(&labels), Some(row));
                }
            }
        }
    }

    #[test]
    fn labels_that_cannot_be_are_refused() {
        let known = [1, 0, 1, b'b', 0, 1, b'x'];
        let cases: [(&str, &[u8]); 7] = [
            ("none", &[0]),
            ("a series twice", &[1, 0, 0]),
            ("a name twice", &[2, 0, 0, 0, 0]),
            ("names that fall", &[2, 0, 0, 1, 1, b'a', 0, 1, b'y']),
            ("a number left out", &[1, 2, 1, b'c', 0, 1, b'x']),
            ("a text twice", &[1, 0, 1, 1, b'x']),
            ("an empty value", &[1, 0, 1, 0]),
        ];
        assert!(loaded(&known).is_some());
        for (what, bytes) in cases {
            assert!(loaded(&[&known[..], bytes].concat()).is_none(), "{what}");
        }
    }
}
