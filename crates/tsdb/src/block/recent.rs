//! Columns of times that were decoded lately: the series of a scrape share theirs.

use std::sync::{Arc, Mutex, PoisonError};

use model::Timestamp;

/// How many columns are kept, at most. A dashboard reads a metric of a few targets at a time, and a month of
/// one is a hundred columns; the largest take 16 KiB.
const PLACES: usize = 256;

/// So many of them each offset may be kept at.
const CHOICES: usize = 4;

/// A column and where it is stored.
type Known = Option<(u64, Arc<[Timestamp]>)>;

/// What one reading of a block has decoded lately, for all its series. Bounded: where a column is stored
/// gives it a few places, which later ones take over.
#[derive(Clone, Debug)]
pub(super) struct RecentTimes(Arc<Mutex<[[Known; CHOICES]; PLACES / CHOICES]>>);

impl Default for RecentTimes {
    fn default() -> Self {
        Self(Arc::new(Mutex::new([const { [const { None }; CHOICES] }; PLACES / CHOICES])))
    }
}

impl RecentTimes {
    /// The column stored at `offset`, if it is known.
    pub(super) fn get(&self, offset: u64) -> Option<Arc<[Timestamp]>> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = places[choices(offset)].iter().flatten();
        all.find(|(known, _)| *known == offset).map(|(_, column)| Arc::clone(column))
    }

    /// Remembers a column; gives the one that is remembered already, if there is one.
    pub(super) fn keep(&self, offset: u64, column: Arc<[Timestamp]>) -> Arc<[Timestamp]> {
        if let Some(known) = self.get(offset) {
            return known;
        }
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let choices = &mut places[choices(offset)];
        choices.rotate_right(1);
        choices[0] = Some((offset, Arc::clone(&column)));
        column
    }
}

/// Columns lie some hundred bytes from one another: Fibonacci hashing spreads them.
fn choices(offset: u64) -> usize {
    const BITS: u32 = (PLACES / CHOICES).ilog2();
    (offset.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_known_until_others_have_taken_its_places() {
        let recent = RecentTimes::default();
        let read = |offset| recent.get(offset).map(|column| column.to_vec());
        assert_eq!(read(16), None);
        recent.keep(16, [1, 2].into());
        assert_eq!(read(16), Some(vec![1, 2]));
        // Who comes later gets what all have.
        assert_eq!(recent.keep(16, [1, 2].into()), recent.get(16).expect("known"));
        let rivals = (17..).filter(|offset| choices(*offset) == choices(16)).take(CHOICES);
        for rival in rivals {
            assert_eq!((read(16), read(rival)), (Some(vec![1, 2]), None));
            recent.keep(rival, [3].into());
            assert_eq!(read(rival), Some(vec![3]));
        }
        assert_eq!(read(16), None);
    }
}
