//! Columns cut to a range.

use model::TimeRange;
use storage::Columns;

/// Drops those float samples behind the first `from` that lie outside `range`.
pub(crate) fn keep_inside(columns: &mut Columns, from: usize, range: TimeRange) {
    let times = &columns.timestamps[from..];
    let end = from + times.partition_point(|t| *t <= range.max());
    let start = from + times.partition_point(|t| *t < range.min());
    columns.timestamps.truncate(end);
    columns.values.truncate(end);
    if start > from {
        columns.timestamps.drain(from..start);
        columns.values.drain(from..start);
    }
}
