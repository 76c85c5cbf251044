//! Series by row, behind striped locks; and which rows are free.
//!
//! A row is a place for a series. When a series goes, its row is used again, by another generation:
//! a [`SeriesRef`] names both, and so never two series.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU64;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use storage::SeriesRef;

use super::series::MemSeries;

/// There are so many rows, and so series at a time, at most.
pub(super) const MAX_ROWS: u32 = 1 << 31;
/// How many stripes there are.
pub(super) const STRIPES: usize = 64;
/// So many rows in a row share a stripe: one scrape's series are near each other.
const ROWS_TOGETHER: usize = 32;

/// The reference of the series of this generation in this row.
pub(super) fn reference(row: u32, generation: u32) -> SeriesRef {
    let low = u64::from(row) + 1;
    SeriesRef(NonZeroU64::MIN.saturating_add((low - 1) | (u64::from(generation) << 32)))
}

/// Row and generation of a reference.
#[expect(clippy::cast_possible_truncation, reason = "two halves of 64 bits")]
pub(super) fn place_of(reference: SeriesRef) -> (u32, u32) {
    let number = reference.0.get() - 1;
    (number as u32, (number >> 32) as u32)
}

/// Hands out rows.
#[derive(Debug, Default)]
pub(super) struct RowNumbers {
    next: u32,
    /// Lowest first, so that rows stay near each other.
    free: BinaryHeap<Reverse<u32>>,
    /// Of rows handed out now; greater than that of any series that had one of the free rows.
    generation: u32,
}

impl RowNumbers {
    /// A row that nobody has, and its generation; `None` if there is none.
    pub(super) fn take(&mut self) -> Option<(u32, u32)> {
        let row = match self.free.pop() {
            Some(Reverse(row)) => row,
            None if self.next < MAX_ROWS => {
                self.next += 1;
                self.next - 1
            }
            None => return None,
        };
        Some((row, self.generation))
    }

    /// These rows are free again.
    pub(super) fn give_back(&mut self, rows: impl IntoIterator<Item = u32>) {
        let before = self.free.len();
        self.free.extend(rows.into_iter().map(Reverse));
        if self.free.len() > before {
            // After 2^32 times a reference could come again; each time frees a row.
            self.generation = self.generation.wrapping_add(1);
        }
    }
}

/// The series of some rows.
pub(super) type Stripe = Vec<Option<MemSeries>>;

/// All series.
#[derive(Debug)]
pub(super) struct Stripes(Box<[RwLock<Stripe>]>);

impl Default for Stripes {
    fn default() -> Self {
        Self((0..STRIPES).map(|_| RwLock::default()).collect())
    }
}

/// The stripe that has a row, and where in it.
pub(super) fn stripe_of(row: u32) -> (usize, usize) {
    let row = row as usize;
    let (block, within) = (row / ROWS_TOGETHER, row % ROWS_TOGETHER);
    (block % STRIPES, block / STRIPES * ROWS_TOGETHER + within)
}

/// The rows of a stripe, in the order of their places, with no end.
pub(super) fn rows_of(stripe: usize) -> impl Iterator<Item = u32> {
    (0..).map(move |at| row_of(stripe, at))
}

/// The row at a place in a stripe.
fn row_of(stripe: usize, at: usize) -> u32 {
    let (block, within) = (at / ROWS_TOGETHER, at % ROWS_TOGETHER);
    u32::try_from((block * STRIPES + stripe) * ROWS_TOGETHER + within).expect("rows are 32 bits")
}

impl Stripes {
    pub(super) fn read(&self, stripe: usize) -> RwLockReadGuard<'_, Stripe> {
        self.0[stripe].read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self, stripe: usize) -> RwLockWriteGuard<'_, Stripe> {
        self.0[stripe].write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `read` sees of the series in `row`, if there is one.
    pub(super) fn with<R>(&self, row: u32, read: impl FnOnce(&MemSeries) -> R) -> Option<R> {
        let (stripe, at) = stripe_of(row);
        self.read(stripe).get(at)?.as_ref().map(read)
    }

    /// Puts a series into a row that has none.
    pub(super) fn insert(&self, row: u32, series: MemSeries) {
        let (stripe, at) = stripe_of(row);
        put(&mut self.write(stripe), at, series);
    }

    /// Makes room for so many rows, for one who has all of them alone.
    pub(super) fn reserve(&mut self, rows: usize) {
        for stripe in &mut self.0 {
            let stripe = stripe.get_mut().unwrap_or_else(PoisonError::into_inner);
            stripe.reserve_exact(rows / STRIPES + ROWS_TOGETHER);
        }
    }

    /// Puts a series into a row that has none, by one who has all of them alone.
    pub(super) fn place(&mut self, row: u32, series: MemSeries) {
        let (stripe, at) = stripe_of(row);
        let stripe = self.0[stripe].get_mut().unwrap_or_else(PoisonError::into_inner);
        put(stripe, at, series);
    }

    /// The series of a row, for one who has all of them alone.
    #[cfg(test)]
    pub(super) fn get_mut(&mut self, row: u32) -> Option<&mut MemSeries> {
        let (stripe, at) = stripe_of(row);
        let stripe = self.0[stripe].get_mut().unwrap_or_else(PoisonError::into_inner);
        stripe.get_mut(at)?.as_mut()
    }

    /// Takes out the series for which `keep` is false, stripe by stripe, and returns their rows.
    pub(super) fn retain(&self, mut keep: impl FnMut(u32, &mut MemSeries) -> bool) -> Vec<u32> {
        let mut gone = Vec::new();
        for stripe in 0..STRIPES {
            let mut series = self.write(stripe);
            for (at, slot) in series.iter_mut().enumerate() {
                let row = row_of(stripe, at);
                if slot.as_mut().is_some_and(|series| !keep(row, series)) {
                    *slot = None;
                    gone.push(row);
                }
            }
        }
        gone
    }
}

fn put(stripe: &mut Stripe, at: usize, series: MemSeries) {
    if stripe.len() <= at {
        stripe.resize_with(at + 1, || None);
    }
    debug_assert!(stripe[at].is_none());
    stripe[at] = Some(series);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_spread_over_stripes_and_come_back() {
        for row in (0..100_000).chain([MAX_ROWS - 1]) {
            let (stripe, at) = stripe_of(row);
            assert_eq!(row_of(stripe, at), row);
        }
    }

    #[test]
    fn a_row_used_again_has_another_reference() {
        let mut rows = RowNumbers::default();
        let (first, second) = (rows.take().unwrap(), rows.take().unwrap());
        assert_eq!((first, second), ((0, 0), (1, 0)));
        rows.give_back([1, 0]);
        let again = rows.take().unwrap();
        assert_eq!(again, (0, 1));
        assert_ne!(reference(again.0, again.1), reference(first.0, first.1));
        for place in [(0, 0), (5, 7), (MAX_ROWS - 1, u32::MAX)] {
            assert_eq!(place_of(reference(place.0, place.1)), place);
        }
    }
}
