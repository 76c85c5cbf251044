//! Columns of times that were decoded lately: the series of a scrape share theirs.

use std::sync::{Arc, Mutex, PoisonError};

use model::Timestamp;

/// How many columns are kept. A dashboard reads a metric of a few targets at a time; the largest
/// columns take 16 KiB.
const PLACES: usize = 64;

/// A column and where it is stored.
type Known = Option<(u64, Arc<[Timestamp]>)>;

/// What one reading of a block has decoded lately, for all its series. Bounded: a column's place is
/// given by where it is stored, and taken over by the next one for that place.
#[derive(Clone, Debug)]
pub(super) struct RecentTimes(Arc<Mutex<[Known; PLACES]>>);

impl Default for RecentTimes {
    fn default() -> Self {
        Self(Arc::new(Mutex::new([const { None }; PLACES])))
    }
}

impl RecentTimes {
    /// Appends the column stored at `offset`, and says whether it was known.
    pub(super) fn append(&self, offset: u64, times: &mut Vec<Timestamp>) -> bool {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &places[place(offset)] {
            Some((known, column)) if *known == offset => {
                times.extend_from_slice(column);
                true
            }
            _ => false,
        }
    }

    /// Remembers a column.
    pub(super) fn keep(&self, offset: u64, column: &[Timestamp]) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places[place(offset)] = Some((offset, column.into()));
    }
}

/// Columns lie some hundred bytes from one another: Fibonacci hashing spreads them.
fn place(offset: u64) -> usize {
    (offset.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_known_until_another_takes_its_place() {
        let recent = RecentTimes::default();
        let read = |offset| {
            let mut times = vec![0];
            recent.append(offset, &mut times).then_some(times)
        };
        assert_eq!(read(16), None);
        recent.keep(16, &[1, 2]);
        assert_eq!(read(16), Some(vec![0, 1, 2]));
        let rival = (17..).find(|offset| place(*offset) == place(16)).unwrap();
        assert_eq!(read(rival), None);
        recent.keep(rival, &[3]);
        assert_eq!((read(16), read(rival)), (None, Some(vec![0, 3])));
    }
}
