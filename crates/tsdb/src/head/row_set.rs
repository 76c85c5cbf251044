//! The rows that have one value: few in a list, many in a bitmap.

use crate::index::Postings;

/// A list longer than this becomes a bitmap.
const MOST_IN_LIST: usize = 32;

/// Some rows. Most values have few.
#[derive(Clone, Debug)]
pub(super) enum RowSet {
    /// In the order of their coming.
    List(Vec<u32>),
    Bitmap(Box<Postings>),
}

impl RowSet {
    pub(super) fn one(row: u32) -> Self {
        Self::List(vec![row])
    }

    /// Adds a row that is not in it.
    pub(super) fn add(&mut self, row: u32) {
        match self {
            Self::List(rows) if rows.len() < MOST_IN_LIST => {
                if rows.len() == rows.capacity() {
                    rows.reserve_exact(rows.len().max(1));
                }
                rows.push(row);
            }
            Self::List(rows) => {
                let mut bitmap: Postings = rows.iter().copied().collect();
                bitmap.insert(row);
                *self = Self::Bitmap(Box::new(bitmap));
            }
            Self::Bitmap(rows) => {
                rows.insert(row);
            }
        }
    }

    /// Adds a row higher than all others, to be followed by more: a list may be long until it is
    /// [packed](Self::pack).
    pub(super) fn push(&mut self, row: u32) {
        match self {
            Self::List(rows) => rows.push(row),
            Self::Bitmap(_) => self.add(row),
        }
    }

    /// Makes a bitmap of a long list, which rises.
    pub(super) fn pack(&mut self) {
        if let Self::List(rows) = self {
            if rows.len() > MOST_IN_LIST {
                let bitmap = Postings::from_sorted_iter(rows.iter().copied());
                *self = Self::Bitmap(Box::new(bitmap.expect("rows were pushed in their order")));
            } else {
                rows.shrink_to_fit();
            }
        }
    }

    /// Adds these rows to others.
    pub(super) fn add_to(&self, all: &mut Postings) {
        match self {
            Self::List(rows) => all.extend(rows.iter().copied()),
            Self::Bitmap(rows) => *all |= &**rows,
        }
    }

    /// Whether every row is in `others`.
    pub(super) fn is_within(&self, others: &Postings) -> bool {
        match self {
            Self::List(rows) => rows.iter().all(|row| others.contains(*row)),
            Self::Bitmap(rows) => rows.is_subset(others),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_whatever_their_number_and_order() {
        for n in [1u32, 2, 31, 32, 33, 1000] {
            let rows: Vec<u32> = (0..n).map(|i| (i * 7919) % 10_007).collect();
            let mut set = RowSet::one(rows[0]);
            rows[1..].iter().for_each(|row| set.add(*row));
            let mut all = Postings::new();
            set.add_to(&mut all);
            let mut packed = RowSet::one(0);
            all.iter().filter(|row| *row > 0).for_each(|row| packed.push(row));
            packed.pack();
            assert_eq!(matches!(packed, RowSet::List(_)), matches!(set, RowSet::List(_)), "{n}");
            assert!(packed.is_within(&all) && set.is_within(&all));
            let mut expected = rows.clone();
            expected.sort_unstable();
            assert_eq!(all.iter().collect::<Vec<_>>(), expected, "{n}");
            assert!(set.is_within(&all));
            all.remove(rows[0]);
            assert!(!set.is_within(&all));
        }
    }
}
