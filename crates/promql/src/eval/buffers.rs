//! Columns that series are decoded into, for one query, and their memory for those behind it.
//!
//! A month of a series at 15 s takes almost 3 MiB. That much memory taken anew for each query costs a tenth
//! of what decoding into it costs: the system has to clear it. What is kept between queries is bounded.

use std::sync::{Mutex, MutexGuard, PoisonError};

use storage::Columns;

/// Columns with room for more samples than these are not kept: 4 MiB.
const MOST_SAMPLES: usize = 1 << 18;

/// Of queries that have ended; as many as there are cores, at most.
static KEPT: Mutex<Vec<Columns>> = Mutex::new(Vec::new());

/// The columns of one query. Times that were lent to one series stay there for the next.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Columns>>);

impl Buffers {
    /// Columns to be cleared and filled.
    pub(super) fn take(&self) -> Columns {
        let used = locked(&self.0).pop();
        used.or_else(|| locked(&KEPT).pop()).unwrap_or_default()
    }

    /// Columns that are not needed any more.
    pub(super) fn give(&self, columns: Columns) {
        locked(&self.0).push(columns);
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        let (cores, mut kept) = (rayon::current_num_threads(), locked(&KEPT));
        for mut columns in locked(&self.0).drain(..) {
            let room = columns.timestamps.capacity().max(columns.values.capacity());
            if kept.len() < cores && room <= MOST_SAMPLES {
                columns.clear();
                columns.timestamps.forget();
                // Histograms are large, and few are there at a time.
                let Columns { timestamps, values, .. } = columns;
                kept.push(Columns { timestamps, values, ..Columns::default() });
            }
        }
    }
}

fn locked(columns: &Mutex<Vec<Columns>>) -> MutexGuard<'_, Vec<Columns>> {
    columns.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_empty_and_bounded() {
        let cores = rayon::current_num_threads();
        for samples in [10, MOST_SAMPLES + 1] {
            let buffers = Buffers::default();
            for _ in 0..2 * cores {
                let mut columns = Columns::default();
                columns.timestamps.to_mut().resize(samples, 7);
                columns.values.resize(samples, 7.0);
                buffers.give(columns);
            }
        }
        let kept = locked(&KEPT);
        assert!(kept.len() <= cores);
        for columns in kept.iter() {
            assert!(columns.is_empty() && columns.values.is_empty());
            assert!(columns.values.capacity() <= MOST_SAMPLES);
        }
    }
}
