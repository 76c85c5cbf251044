//! The times of a series' samples: a column that series of one scrape have in common.
//!
//! A store that has decoded a column of times lends it to every series that shares it. Whoever reads one
//! series after the other into the same buffers copies it once: what stood here before is looked at
//! again before anything is copied.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use model::Timestamp;

/// Columns of other series are kept beside those of this one, but not more of them than this, nor more times in
/// all: 2 MiB.
const MOST_OTHERS: usize = 16;
const MOST_TIMES: usize = 1 << 18;

/// Rising times, in memory that is used again.
///
/// Equals a `Vec` to which every lent column was copied.
#[derive(Clone, Default)]
pub struct Times {
    here: Copied,
    /// How many times there are; more than were copied, if those are all.
    len: usize,
    /// How many of the parts that were lent are of the times there are.
    known: usize,
    /// What began with other columns: series of different targets come by turns.
    others: Vec<Copied>,
    /// Room for times on their way to all others.
    own: Vec<Timestamp>,
}

/// Times one behind the other, some of them lent.
#[derive(Clone, Default)]
struct Copied {
    all: Vec<Timestamp>,
    /// What of `all` was lent, in order.
    lent: Vec<Lent>,
}

/// A part of a column, and where it was copied to.
#[derive(Clone)]
struct Lent {
    column: Arc<[Timestamp]>,
    part: Range<usize>,
    start: usize,
}

impl Lent {
    fn times(&self) -> &[Timestamp] {
        &self.column[self.part.clone()]
    }
}

/// Whether they are the same, not whether their times are equal.
impl PartialEq for Lent {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.column, &other.column)
            && (self.start, &self.part) == (other.start, &other.part)
    }
}

impl Times {
    /// No times any more. Their memory stays, and so does what may be lent again.
    pub fn clear(&mut self) {
        (self.len, self.known) = (0, 0);
    }

    /// No times any more, and of lent columns nothing is held. Memory for one series stays.
    pub fn forget(&mut self) {
        self.to_mut().clear();
        self.others = Vec::new();
    }

    /// Appends a part of a column that others may have in common.
    pub fn lend(&mut self, column: Arc<[Timestamp]>, part: Range<usize>) {
        let start = self.len();
        let end = start + part.len();
        let lent = Lent { column, part, start };
        if start == 0 {
            self.find(&lent);
        }
        let Copied { all, lent: known } = &mut self.here;
        match known.get_mut(self.known) {
            Some(there) if *there == lent => {}
            Some(there) if (there.start, there.part.len()) == (start, lent.part.len()) => {
                all[start..end].copy_from_slice(lent.times());
                *there = lent;
            }
            _ => {
                all.truncate(start);
                all.extend_from_slice(lent.times());
                known.truncate(self.known);
                known.push(lent);
            }
        }
        self.len = end;
        self.known += 1;
    }

    /// Takes up what begins with `first`, if it was kept, and keeps what is here, if that is not too much.
    fn find(&mut self, first: &Lent) {
        let begins = |copied: &Copied| copied.lent.first() == Some(first);
        if begins(&self.here) || self.here.lent.is_empty() {
            return;
        }
        if let Some(other) = self.others.iter_mut().find(|other| begins(other)) {
            std::mem::swap(&mut self.here, other);
            return;
        }
        let others: usize = self.others.iter().map(|other| other.all.len()).sum();
        if self.others.len() < MOST_OTHERS && others + self.here.all.len() <= MOST_TIMES {
            self.others.push(std::mem::take(&mut self.here));
        }
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
        let Copied { all, lent } = &mut self.here;
        all.truncate(self.len);
        lent.truncate(self.known);
        lent.truncate(lent.partition_point(|lent| lent.start + lent.part.len() <= from));
        (self.len, self.known) = (usize::MAX, lent.len());
        all
    }

    /// For how many times there is memory.
    pub fn capacity(&self) -> usize {
        self.here.all.capacity()
    }
}

impl Deref for Times {
    type Target = [Timestamp];

    fn deref(&self) -> &[Timestamp] {
        let all = &self.here.all;
        &all[..self.len.min(all.len())]
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
        let here = Copied { all, ..Copied::default() };
        Self { here, len: usize::MAX, ..Self::default() }
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
    fn what_is_lent_again_is_not_copied() {
        let (a, b, c) = (column(&[1, 2, 3]), column(&[4, 5]), column(&[1, 2]));
        let mut times = Times::default();
        let mut read = |columns: &[&Arc<[Timestamp]>], own: Timestamp| {
            times.clear();
            columns.iter().for_each(|column| times.lend(Arc::clone(column), 0..column.len()));
            // It shows from now on whether a time is copied again.
            let read = times.to_vec();
            times.here.all[0] = -1;
            times.push(own);
            (read, times[times.len() - 1])
        };
        assert_eq!(read(&[&a, &b], 6), (vec![1, 2, 3, 4, 5], 6));
        assert_eq!(read(&[&a, &b], 7), (vec![-1, 2, 3, 4, 5], 7));
        // Nor if another target's series come between, or fewer columns are read.
        assert_eq!(read(&[&c, &b], 8), (vec![1, 2, 4, 5], 8));
        assert_eq!(read(&[&a], 9), (vec![-1, 2, 3], 9));
        assert_eq!(read(&[&c, &b], 8), (vec![-1, 2, 4, 5], 8));
    }

    #[test]
    fn what_others_have_is_kept_up_to_a_bound() {
        let columns: Vec<_> = (0..100).map(|at| column(&[at; MOST_TIMES / 4])).collect();
        let mut times = Times::default();
        for column in &columns {
            times.clear();
            times.lend(Arc::clone(column), 0..column.len());
            assert!(times.others.len() <= 4);
        }
        times.forget();
        assert!(times.is_empty() && times.others.is_empty() && times.capacity() > 0);
    }

    proptest! {
        #[test]
        fn times_are_those_of_a_vec(
            steps in prop::collection::vec((0u8..9, 0usize..3, 0usize..4, 0usize..4), 0..60)
        ) {
            let columns = [&[1, 2, 3], &[4, 5, 6], &[7, 8, 9]].map(|times| column(times));
            let (mut times, mut vec) = (Times::default(), Vec::new());
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
                        times.lend(Arc::clone(&columns[which]), part);
                    }
                }
                prop_assert_eq!(&times[..], &vec[..]);
            }
        }
    }
}
