//! The times of a series' samples: a column that series of one scrape have in common.
//!
//! A store that has decoded a column of times lends it to every series that shares it. Whoever reads one
//! series after the other into the same buffers copies it once: what stood here before is looked at
//! again before anything is copied.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use model::Timestamp;

/// Rising times, in memory that is used again.
///
/// Equals a `Vec` to which every lent column was copied.
#[derive(Clone, Default)]
pub struct Times {
    /// The times there are, and behind them what stood there before they were cleared.
    all: Vec<Timestamp>,
    /// How many there are; more than stand in `all`, if those are all.
    len: usize,
    /// What of `all` was lent, in order.
    lent: Vec<Lent>,
    /// How many of `lent` are of the times there are.
    known: usize,
    /// How often `all` has changed.
    changes: u64,
    /// Room for times on their way to `all`.
    own: Vec<Timestamp>,
}

/// A part of a column, and where it was copied to.
#[derive(Clone, Debug)]
struct Lent {
    column: Arc<[Timestamp]>,
    part: Range<usize>,
    start: usize,
}

/// Which times there are: of one [`Times`], what is the same at two moments has equal times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(u64, usize);

impl Times {
    /// No times any more. Their memory stays, and so does what may be lent again.
    pub fn clear(&mut self) {
        (self.len, self.known) = (0, 0);
    }

    /// No times any more, and of lent columns nothing is held. The memory stays.
    pub fn forget(&mut self) {
        self.to_mut().clear();
    }

    /// Appends a part of a column that others may have in common.
    pub fn lend(&mut self, column: &Arc<[Timestamp]>, part: Range<usize>) {
        let start = self.len();
        let end = start + part.len();
        match self.lent.get_mut(self.known) {
            Some(there) if (there.start, there.part.len()) == (start, part.len()) => {
                if !Arc::ptr_eq(&there.column, column) || there.part != part {
                    self.all[start..end].copy_from_slice(&column[part.clone()]);
                    *there = Lent { column: Arc::clone(column), part, start };
                    self.changes += 1;
                }
            }
            _ => {
                self.all.truncate(start);
                self.lent.truncate(self.known);
                self.all.extend_from_slice(&column[part.clone()]);
                self.lent.push(Lent { column: Arc::clone(column), part, start });
                self.changes += 1;
            }
        }
        self.len = end;
        self.known += 1;
    }

    /// Appends a time of this series alone.
    pub fn push(&mut self, t: Timestamp) {
        self.own_from(self.len()).push(t);
    }

    /// Appends times of this series alone.
    pub fn extend_from_slice(&mut self, times: &[Timestamp]) {
        self.own_from(self.len()).extend_from_slice(times);
    }

    /// Appends times of this series alone: those that `fill` puts into an empty vector.
    pub fn extend_with<R>(&mut self, fill: impl FnOnce(&mut Vec<Timestamp>) -> R) -> R {
        let mut own = std::mem::take(&mut self.own);
        own.clear();
        let filled = fill(&mut own);
        self.extend_from_slice(&own);
        self.own = own;
        filled
    }

    /// Drops all times from `from` on but for a part of them.
    pub fn keep(&mut self, from: usize, part: Range<usize>) {
        if part != (0..self.len() - from) {
            let all = self.own_from(from);
            all.truncate(from + part.end);
            all.drain(from..from + part.start);
        }
    }

    /// All times, to be changed in any way; none of them count as lent from now on.
    pub fn to_mut(&mut self) -> &mut Vec<Timestamp> {
        self.own_from(0)
    }

    /// All times, of which those before `from` are to stay as they are.
    fn own_from(&mut self, from: usize) -> &mut Vec<Timestamp> {
        self.all.truncate(self.len);
        self.lent.truncate(self.known);
        let kept = self.lent.partition_point(|lent| lent.start + lent.part.len() <= from);
        self.lent.truncate(kept);
        (self.len, self.known) = (usize::MAX, kept);
        self.changes += 1;
        &mut self.all
    }

    /// Which times these are.
    pub fn version(&self) -> Version {
        Version(self.changes, self.len())
    }

    /// For how many times there is memory.
    pub fn capacity(&self) -> usize {
        self.all.capacity()
    }
}

impl Deref for Times {
    type Target = [Timestamp];

    fn deref(&self) -> &[Timestamp] {
        &self.all[..self.len.min(self.all.len())]
    }
}

/// The times there are, as of a `Vec`.
impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.deref().fmt(f)
    }
}

impl From<Vec<Timestamp>> for Times {
    fn from(all: Vec<Timestamp>) -> Self {
        Self { all, len: usize::MAX, ..Self::default() }
    }
}

impl From<Times> for Vec<Timestamp> {
    fn from(mut times: Times) -> Self {
        std::mem::take(times.to_mut())
    }
}

impl Extend<Timestamp> for Times {
    fn extend<I: IntoIterator<Item = Timestamp>>(&mut self, times: I) {
        self.own_from(self.len()).extend(times);
    }
}

impl IntoIterator for Times {
    type Item = Timestamp;
    type IntoIter = std::vec::IntoIter<Timestamp>;

    fn into_iter(self) -> Self::IntoIter {
        Vec::from(self).into_iter()
    }
}

impl<'a> IntoIterator for &'a Times {
    type Item = &'a Timestamp;
    type IntoIter = std::slice::Iter<'a, Timestamp>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn column(times: &[Timestamp]) -> Arc<[Timestamp]> {
        times.into()
    }

    #[test]
    fn what_is_lent_again_in_the_same_order_does_not_change_the_times() {
        let (a, b, c) = (column(&[1, 2, 3]), column(&[4, 5]), column(&[4, 5]));
        let mut times = Times::default();
        let mut read = |columns: &[&Arc<[Timestamp]>]| {
            times.clear();
            columns.iter().for_each(|column| times.lend(column, 0..column.len()));
            (times.to_vec(), times.version())
        };
        let (first, version) = read(&[&a, &b]);
        assert_eq!(first, [1, 2, 3, 4, 5]);
        assert_eq!(read(&[&a, &b]), (first.clone(), version));
        // A part of them is other times, but back again they are the same.
        let (part, of_part) = read(&[&a]);
        assert_eq!(part, [1, 2, 3]);
        assert_ne!(of_part, version);
        assert_eq!(read(&[&a, &b]).1, version);
        // A tail of its own changes nothing about what stands before it.
        let mut read = |columns: &[&Arc<[Timestamp]>], own: Timestamp| {
            times.clear();
            columns.iter().for_each(|column| times.lend(column, 0..column.len()));
            let changes = times.changes;
            times.push(own);
            changes
        };
        let one = read(&[&a, &b], 6);
        assert_eq!(read(&[&a, &b], 7), one + 1);
        assert_eq!(times[..], [1, 2, 3, 4, 5, 7]);
        let mut read = |columns: &[&Arc<[Timestamp]>]| {
            times.clear();
            columns.iter().for_each(|column| times.lend(column, 0..column.len()));
            (times.to_vec(), times.version())
        };
        let (_, version) = read(&[&a, &b]);
        // Whether others are equal is not looked at.
        let (equal, other) = read(&[&a, &c]);
        assert_eq!(equal, first);
        assert_ne!(other, version);
    }

    proptest! {
        #[test]
        fn times_are_those_of_a_vec(
            steps in prop::collection::vec((0u8..9, 0usize..3, 0usize..4, 0usize..4), 0..60)
        ) {
            let columns = [column(&[1, 2, 3]), column(&[4, 5, 6]), column(&[7, 8, 9])];
            let (mut times, mut vec) = (Times::default(), Vec::new());
            let mut seen: Vec<(Version, Vec<Timestamp>)> = Vec::new();
            for (what, which, one, other) in steps {
                match what {
                    0 => {
                        times.clear();
                        vec.clear();
                    }
                    1 => {
                        times.push(one as i64);
                        vec.push(one as i64);
                    }
                    2 => {
                        times.to_mut().truncate(one);
                        vec.truncate(one);
                    }
                    3 => {
                        let from = one.min(vec.len());
                        let part = other.min(vec.len() - from)..vec.len() - from;
                        times.keep(from, part.clone());
                        vec.drain(from..from + part.start);
                    }
                    4 => {
                        times.extend_with(|own| own.extend([one as i64, other as i64]));
                        vec.extend([one as i64, other as i64]);
                    }
                    _ => {
                        let part = one.min(other)..one.max(other);
                        vec.extend_from_slice(&columns[which][part.clone()]);
                        times.lend(&columns[which], part);
                    }
                }
                prop_assert_eq!(&times[..], &vec[..]);
                let same = seen.iter().find(|(version, _)| *version == times.version());
                prop_assert!(same.is_none_or(|(_, then)| *then == vec));
                seen.push((times.version(), vec.clone()));
            }
        }
    }
}
