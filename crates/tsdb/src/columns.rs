//! Columns cut to a range.

use std::ops::Range;

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
        columns.timestamps.keep(self.floats, 0..0);
        columns.values.truncate(self.floats);
        columns.histogram_timestamps.truncate(self.histograms);
        columns.histograms.truncate(self.histograms);
    }
}

/// Drops those samples that came behind `from` and lie outside `range`.
pub(crate) fn keep_inside(columns: &mut Columns, from: Marks, range: TimeRange) {
    let part = inside(&columns.timestamps[from.floats..], range);
    columns.timestamps.keep(from.floats, part.clone());
    keep(&mut columns.values, from.floats, part);
    let part = inside(&columns.histogram_timestamps[from.histograms..], range);
    keep(&mut columns.histogram_timestamps, from.histograms, part.clone());
    keep(&mut columns.histograms, from.histograms, part);
}

/// Where those of `times` stand that are inside `range`.
pub(crate) fn inside(times: &[Timestamp], range: TimeRange) -> Range<usize> {
    let end = times.partition_point(|t| *t <= range.max());
    times[..end].partition_point(|t| *t < range.min())..end
}

/// Drops all of a column from `from` on but for a part of it.
pub(crate) fn keep<T>(column: &mut Vec<T>, from: usize, part: Range<usize>) {
    column.truncate(from + part.end);
    column.drain(from..from + part.start);
}
