//! Samples of many commits of the log on their way into the head, series by series.
//!
//! A commit has one sample of each of many series, and a series is slow to reach. So samples are kept
//! until there are many, and each series is then given all of its own at once. Their order within a series
//! stays; nobody sees the head meanwhile.

use model::Timestamp;

use super::series::Extended;
use super::stripes::Stripes;

/// Samples are kept until there are so many, in 24 bytes each.
const MOST: usize = 1 << 20;

/// Samples that are not in their series yet, oldest commit first.
#[derive(Debug, Default)]
pub(super) struct Batch {
    rows: Vec<u32>,
    times: Vec<Timestamp>,
    values: Vec<f64>,
    /// Places of samples, those of one row together; of no meaning between batches, as all below.
    order: Vec<u32>,
    /// Of each row, where its places begin, and at last where they end.
    ends: Vec<u32>,
    row_times: Vec<Timestamp>,
    row_values: Vec<f64>,
}

impl Batch {
    /// Adds a sample of the series in a row.
    #[inline]
    pub(super) fn push(&mut self, row: u32, t: Timestamp, v: f64) {
        self.rows.push(row);
        self.times.push(t);
        self.values.push(v);
    }

    /// Whether it is time to [`Batch::flush`].
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= MOST
    }

    /// Brings the samples to their series, and tells of each series what came of it.
    ///
    /// Equals appending one after the other, in the order in which they came.
    pub(super) fn flush(&mut self, series: &mut Stripes, mut tell: impl FnMut(Extended)) {
        self.sort();
        let mut from = 0;
        for (row, end) in (0..).zip(&self.ends) {
            let places = &self.order[from as usize..*end as usize];
            from = *end;
            if places.is_empty() {
                continue;
            }
            self.row_times.clear();
            self.row_times.extend(places.iter().map(|at| self.times[*at as usize]));
            self.row_values.clear();
            self.row_values.extend(places.iter().map(|at| self.values[*at as usize]));
            let series = series.get_mut(row).expect("made with its row");
            tell(series.extend(&mut self.row_times, &mut self.row_values));
        }
        self.rows.clear();
        self.times.clear();
        self.values.clear();
    }

    /// Puts the places of samples in the order of their rows, by counting them.
    fn sort(&mut self) {
        let num_rows = self.rows.iter().max().map_or(0, |row| *row as usize + 1);
        self.ends.clear();
        self.ends.resize(num_rows, 0);
        self.rows.iter().for_each(|row| self.ends[*row as usize] += 1);
        let mut begin = 0;
        for end in &mut self.ends {
            begin += std::mem::replace(end, begin);
        }
        self.order.clear();
        self.order.resize(self.rows.len(), 0);
        for (at, row) in (0..).zip(&self.rows) {
            let next = &mut self.ends[*row as usize];
            self.order[*next as usize] = at;
            *next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::series::{Appended, MemSeries, Value};
    use crate::head::visibility::Viewers;
    use model::TimeRange;
    use proptest::prelude::*;
    use storage::Columns;

    fn read(series: &MemSeries) -> Vec<(i64, u64)> {
        let mut columns = Columns::default();
        let (_, chunks) = series.read(TimeRange::ALL, 0).unwrap_or((TimeRange::ALL, Vec::new()));
        chunks.iter().for_each(|(meta, chunk)| chunk.decode(*meta, &mut columns));
        let bits = columns.values.iter().map(|v| v.to_bits());
        columns.timestamps.iter().copied().zip(bits).collect()
    }

    proptest! {
        #[test]
        fn a_batch_leaves_what_appending_one_by_one_leaves(
            samples in prop::collection::vec((0u32..4, -3i64..40, 0u32..50), 0..1500),
            flushes in prop::collection::vec(0usize..1500, 0..3),
        ) {
            let (mut batched, mut single) = (Stripes::default(), Stripes::default());
            for row in 0..4 {
                batched.place(row, MemSeries::new(0));
                single.place(row, MemSeries::new(0));
            }
            let nobody = Viewers { oldest: None };
            let mut batch = Batch::default();
            let (mut told, mut expected) = ([0, 0], [0, 0]);
            let mut newest = 0;
            for (at, (row, step, v)) in samples.iter().enumerate() {
                let (t, v) = (newest + step, f64::from(*v) / 8.0);
                newest = newest.max(t - 20);
                batch.push(*row, t, v);
                let appended = single.get_mut(*row).unwrap().append(t, Value::Float(v), 0, &nobody);
                match appended {
                    Appended::SameTime | Appended::Older => {}
                    Appended::ToChunk => expected[0] += 1,
                    Appended::ToNewChunk => expected = [expected[0] + 1, expected[1] + 1],
                }
                if flushes.contains(&at) || at + 1 == samples.len() {
                    batch.flush(&mut batched, |it| told = [told[0] + it.samples, told[1] + it.chunks]);
                }
            }
            prop_assert_eq!(told, expected);
            for row in 0..4 {
                let (batched, single) = (batched.get_mut(row).unwrap(), single.get_mut(row).unwrap());
                prop_assert_eq!(read(batched), read(single));
                prop_assert_eq!(format!("{batched:?}"), format!("{single:?}"));
            }
        }
    }
}
