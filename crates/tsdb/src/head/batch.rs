//! Samples of many commits of the log on their way into the head, series by series.
//!
//! A commit has one sample of each of many series, and a series is slow to reach. So samples are kept
//! until there are many, and each series is then given all of its own at once. Their order within a series
//! stays; nobody sees the head meanwhile.

use std::num::NonZero;

use model::Timestamp;

use super::series::{Appended, Extended, MemSeries, Value};
use super::stripes::{MAX_ROWS, STRIPES, Stripes, rows_of};
use super::visibility::Viewers;

/// Samples are kept until there are so many, in 24 bytes each.
const MOST: usize = 1 << 20;
/// Or histograms of so many bytes.
const MOST_HISTOGRAM_BYTES: usize = 16 << 20;
/// So few samples are not worth another thread.
const FEW: usize = 1 << 14;
/// More cores than this would wait for memory.
const MOST_CORES: usize = 8;
/// Marks a row if the sample is a histogram; its value is then a place among them, as bits. Rows are fewer.
const HISTOGRAM: u32 = MAX_ROWS;

/// Samples that are not in their series yet, oldest commit first.
#[derive(Debug, Default)]
pub(super) struct Batch {
    rows: Vec<u32>,
    times: Vec<Timestamp>,
    values: Vec<f64>,
    /// The histograms, one behind the other, and where each one ends.
    histograms: Vec<u8>,
    histogram_ends: Vec<usize>,
    /// Places of samples, those of one row together; of no meaning between batches, as what follows.
    order: Vec<u32>,
    /// Of each row, where its places begin, and at last where they end.
    ends: Vec<u32>,
}

impl Batch {
    /// Adds a sample of the series in a row.
    #[inline]
    pub(super) fn push(&mut self, row: u32, t: Timestamp, v: f64) {
        self.rows.push(row);
        self.times.push(t);
        self.values.push(v);
    }

    /// Adds a histogram, as bytes, of the series in a row.
    pub(super) fn push_histogram(&mut self, row: u32, t: Timestamp, histogram: &[u8]) {
        let at = self.histogram_ends.len() as u64;
        self.histograms.extend_from_slice(histogram);
        self.histogram_ends.push(self.histograms.len());
        self.push(row | HISTOGRAM, t, f64::from_bits(at));
    }

    /// Whether it is time to [`Batch::flush`].
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= MOST || self.histograms.len() >= MOST_HISTOGRAM_BYTES
    }

    /// Brings the samples to their series, on all cores if they are many; returns what came of them all.
    ///
    /// Equals appending one after the other, in the order in which they came.
    pub(super) fn flush(&mut self, series: &Stripes) -> Extended {
        let cores = match self.rows.len() {
            0..FEW => 1,
            _ => std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST_CORES),
        };
        self.flush_on(cores, series)
    }

    fn flush_on(&mut self, cores: usize, series: &Stripes) -> Extended {
        self.sort();
        let batch = &*self;
        let done = std::thread::scope(|scope| {
            let others =
                (1..cores).map(|core| scope.spawn(move || batch.fill(series, core, cores)));
            let others: Vec<_> = others.collect();
            let own = batch.fill(series, 0, cores);
            let others = others.into_iter().map(|other| other.join().expect("it appends"));
            others.fold(own, Extended::and)
        });
        self.rows.clear();
        self.times.clear();
        self.values.clear();
        self.histograms.clear();
        self.histogram_ends.clear();
        done
    }

    /// Brings their samples to the series of every stripe that falls to a core.
    fn fill(&self, series: &Stripes, core: usize, cores: usize) -> Extended {
        let mut done = Extended::default();
        let (mut times, mut values) = (Vec::new(), Vec::new());
        for stripe in (core..STRIPES).step_by(cores) {
            let mut series = series.write(stripe);
            let rows = rows_of(stripe).map(|row| row as usize);
            for (at, row) in rows.take_while(|row| *row < self.ends.len()).enumerate() {
                let from = row.checked_sub(1).map_or(0, |before| self.ends[before]);
                let places = &self.order[from as usize..self.ends[row] as usize];
                if places.is_empty() {
                    continue;
                }
                let series = series[at].as_mut().expect("made with its row");
                if !self.histograms.is_empty() && places.iter().any(|at| self.is_histogram(*at)) {
                    let each = places.iter().map(|at| self.append(*at, series));
                    done = each.fold(done, Extended::and);
                    continue;
                }
                times.clear();
                times.extend(places.iter().map(|at| self.times[*at as usize]));
                values.clear();
                values.extend(places.iter().map(|at| self.values[*at as usize]));
                done = done.and(series.extend(&mut times, &mut values));
            }
        }
        done
    }

    fn is_histogram(&self, at: u32) -> bool {
        self.rows[at as usize] & HISTOGRAM != 0
    }

    /// Appends one sample, of whatever kind.
    fn append(&self, at: u32, series: &mut MemSeries) -> Extended {
        let (t, v) = (self.times[at as usize], self.values[at as usize]);
        let value = if self.is_histogram(at) {
            let at = usize::try_from(v.to_bits()).expect("a place in memory");
            let begin = at.checked_sub(1).map_or(0, |before| self.histogram_ends[before]);
            Value::Histogram(&self.histograms[begin..self.histogram_ends[at]])
        } else {
            Value::Float(v)
        };
        let chunks = match series.append(t, value, 0, &Viewers { oldest: None }) {
            Appended::SameTime | Appended::Older => return Extended::default(),
            Appended::ToChunk => 0,
            Appended::ToNewChunk => 1,
        };
        Extended { samples: 1, chunks, min_t: t, max_t: t }
    }

    /// Puts the places of samples in the order of their rows, by counting them.
    fn sort(&mut self) {
        let place = |row: &u32| (row & !HISTOGRAM) as usize;
        self.ends.clear();
        self.ends.resize(self.rows.iter().map(place).max().map_or(0, |last| last + 1), 0);
        self.rows.iter().for_each(|row| self.ends[place(row)] += 1);
        let mut begin = 0;
        for end in &mut self.ends {
            begin += std::mem::replace(end, begin);
        }
        self.order.clear();
        self.order.resize(self.rows.len(), 0);
        for (at, row) in (0..).zip(&self.rows) {
            let next = &mut self.ends[place(row)];
            self.order[*next as usize] = at;
            *next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram;
    use model::{Histogram, TimeRange};
    use proptest::prelude::*;
    use storage::Columns;

    fn read(series: &MemSeries) -> String {
        let mut columns = Columns::default();
        let (_, chunks) = series.read(TimeRange::ALL, 0).unwrap_or((TimeRange::ALL, Vec::new()));
        chunks.iter().for_each(|(meta, chunk)| chunk.decode(*meta, &mut columns));
        format!("{columns:?}")
    }

    fn histogram(v: f64) -> Vec<u8> {
        let mut bytes = Vec::new();
        histogram::put(&mut bytes, &Histogram { count: v, sum: v, ..Histogram::default() });
        bytes
    }

    proptest! {
        #[test]
        fn a_batch_leaves_what_appending_one_by_one_leaves(
            samples in prop::collection::vec((0u32..5, -3i64..40, 0u32..50), 0..1500),
            flushes in prop::collection::vec(0usize..1500, 0..3),
            cores in 1usize..4,
        ) {
            // Each series in a stripe of its own, so that each core has some.
            let row_of = |series: u32| series * 40;
            let (mut batched, mut single) = (Stripes::default(), Stripes::default());
            let mut batch = Batch::default();
            for row in (0..5).map(row_of) {
                batched.place(row, MemSeries::new(0));
                single.place(row, MemSeries::new(0));
            }
            let nobody = Viewers { oldest: None };
            let (mut told, mut expected) = ([0, 0], [0, 0]);
            let mut newest = 0;
            for (at, (row, step, v)) in samples.iter().enumerate() {
                let (t, v) = (newest + step, f64::from(*v) / 8.0);
                newest = newest.max(t - 20);
                let in_row = row_of(*row);
                // One series has both kinds, one nothing but histograms.
                let histogram = (row + u32::from(at % 2 == 1) > 3).then(|| histogram(v));
                match &histogram {
                    Some(bytes) => batch.push_histogram(in_row, t, bytes),
                    None => batch.push(in_row, t, v),
                }
                let value = histogram.as_deref().map_or(Value::Float(v), Value::Histogram);
                let appended = single.get_mut(in_row).unwrap().append(t, value, 0, &nobody);
                match appended {
                    Appended::SameTime | Appended::Older => {}
                    Appended::ToChunk => expected[0] += 1,
                    Appended::ToNewChunk => expected = [expected[0] + 1, expected[1] + 1],
                }
                if flushes.contains(&at) || at + 1 == samples.len() {
                    let done = batch.flush_on(cores, &batched);
                    told = [told[0] + done.samples, told[1] + done.chunks];
                }
            }
            prop_assert_eq!(told, expected);
            for row in (0..5).map(row_of) {
                let (batched, single) = (batched.get_mut(row).unwrap(), single.get_mut(row).unwrap());
                prop_assert_eq!(read(batched), read(single));
                prop_assert_eq!(format!("{batched:?}"), format!("{single:?}"));
            }
        }
    }
}
