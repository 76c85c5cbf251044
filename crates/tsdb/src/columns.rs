//! Columns cut to a range.

use model::{TimeRange, Timestamp};
use storage::Columns;

/// How many floats and histograms columns hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    floats: usize,
    histograms: usize,
}

impl Marks {
    pub(crate) fn of(columns: &Columns) -> Self {
        Self { floats: columns.timestamps.len(), histograms: columns.histograms.len() }
    }

    /// Drops what came since.
    pub(crate) fn cut(self, columns: &mut Columns) {
        columns.timestamps.truncate(self.floats);
        columns.values.truncate(self.floats);
        columns.histogram_timestamps.truncate(self.histograms);
        columns.histograms.truncate(self.histograms);
    }
}

/// Drops those samples that came behind `from` and lie outside `range`.
pub(crate) fn keep_inside(columns: &mut Columns, from: Marks, range: TimeRange) {
    keep_rows(&mut columns.timestamps, &mut columns.values, from.floats, range);
    keep_rows(&mut columns.histogram_timestamps, &mut columns.histograms, from.histograms, range);
}

/// The same for one column and its times.
fn keep_rows<T>(times: &mut Vec<Timestamp>, values: &mut Vec<T>, from: usize, range: TimeRange) {
    let end = from + times[from..].partition_point(|t| *t <= range.max());
    let start = from + times[from..].partition_point(|t| *t < range.min());
    times.truncate(end);
    values.truncate(end);
    if start > from {
        times.drain(from..start);
        values.drain(from..start);
    }
}
