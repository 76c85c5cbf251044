//! The head as an index and a source of series: what all commits up to a moment have brought.
//!
//! A view holds no lock and copies nothing until a series is read. Series that later commits make
//! are left out, and of others the samples that later commits add. What is dropped from the head while
//! a view looks at it is gone from the view too; the database drops nothing that a view may read.

use std::sync::{Arc, PoisonError, RwLockReadGuard};

use model::{Labels, TimeRange};
use storage::{ChunkMeta, Columns, QueryError, Series, SeriesSet, Stop};

use super::Head;
use super::labels::LabelIndex;
use super::series::ChunkBytes;
use super::visibility::CommitNumber;
use crate::columns::{Marks, keep_inside};
use crate::index::{Index, Postings, Source};
use crate::tombstones::{self, Tombstones};

/// A range of the head at a moment.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(super) head: &'a Head,
    pub(super) range: TimeRange,
    /// The part of it in which samples that came in order are shown.
    in_order: Option<TimeRange>,
    pub(super) seen: CommitNumber,
}

impl<'a> View<'a> {
    pub(super) fn new(head: &'a Head, range: TimeRange, in_order: Option<TimeRange>) -> Self {
        let mut visibility = head.visibility.lock().unwrap_or_else(PoisonError::into_inner);
        Self { head, range, in_order, seen: visibility.begin_view() }
    }

    /// The last commit it sees.
    pub(crate) fn seen(&self) -> CommitNumber {
        self.seen
    }

    /// Rows with their labels, sorted by these.
    pub(super) fn labelled(
        &self,
        rows: Postings,
        stop: &Stop,
    ) -> Result<Vec<(Labels, u32)>, QueryError> {
        let index = self.head.labels.read().unwrap_or_else(PoisonError::into_inner);
        let mut series: Vec<(Labels, u32)> = Vec::new();
        for row in rows {
            stop.check_at(series.len())?;
            series.extend(index.labels(row).map(|labels| (labels, row)));
        }
        drop(index);
        storage::sort(&mut series, &|| stop.is_set(), &Ord::cmp)?;
        Ok(series)
    }

    /// The labels, and the rows of those that this view does not see.
    fn labels_and_unseen(&self) -> (RwLockReadGuard<'_, LabelIndex>, Postings) {
        let index = self.head.labels.read().unwrap_or_else(PoisonError::into_inner);
        let unseen = index.unseen(self.seen);
        (index, unseen)
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        let mut visibility = self.head.visibility.lock().unwrap_or_else(PoisonError::into_inner);
        visibility.end_view(self.seen);
    }
}

impl Index for View<'_> {
    fn label_names(&self) -> Result<Vec<String>, QueryError> {
        let (index, unseen) = self.labels_and_unseen();
        Ok(index.names(&unseen))
    }

    fn label_values(&self, name: &str) -> Result<Vec<String>, QueryError> {
        let (index, unseen) = self.labels_and_unseen();
        let values = index.values(name, "").into_iter();
        let seen = values.filter(|(_, rows)| unseen.is_empty() || !rows.is_within(&unseen));
        Ok(seen.map(|(value, _)| value.to_owned()).collect())
    }

    fn all(&self) -> Result<Postings, QueryError> {
        let (index, unseen) = self.labels_and_unseen();
        Ok(index.rows() - unseen)
    }

    fn postings(&self, name: &str, value: &str) -> Result<Postings, QueryError> {
        let (index, unseen) = self.labels_and_unseen();
        let mut rows = Postings::new();
        if let Some(with_value) = index.rows_of(name, value) {
            with_value.add_to(&mut rows);
        }
        Ok(rows - unseen)
    }

    fn postings_where(
        &self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Postings, QueryError> {
        let (index, unseen) = self.labels_and_unseen();
        let mut rows = Postings::new();
        for (value, with_value) in index.values(name, prefix) {
            if keep(value) {
                with_value.add_to(&mut rows);
            }
        }
        Ok(rows - unseen)
    }

    fn labels(&self, row: u32) -> Result<Labels, QueryError> {
        let (index, unseen) = self.labels_and_unseen();
        // The row may have been dropped, and even be another series' now.
        let labels = if unseen.contains(row) { None } else { index.labels(row) };
        Ok(labels.unwrap_or_default())
    }
}

impl Source for View<'_> {
    fn tombstones(&self) -> Arc<Tombstones> {
        self.head.tombstones()
    }

    fn stored<'a>(
        &'a self,
        rows: Postings,
        range: TimeRange,
        stop: &Stop,
    ) -> Result<Box<dyn SeriesSet<'a> + 'a>, QueryError> {
        let Some(range) = self.in_order.and_then(|in_order| in_order.intersect(range)) else {
            return Ok(Box::new(std::iter::empty()));
        };
        let series = self.labelled(rows, stop)?.into_iter();
        Ok(Box::new(HeadSet { view: self, range, series }))
    }

    fn series<'a>(
        &'a self,
        rows: Postings,
        range: TimeRange,
        stop: &Stop,
    ) -> Result<Box<dyn SeriesSet<'a> + 'a>, QueryError> {
        let late = self.late_series(&rows, range, stop)?;
        let in_order = tombstones::visible(self, rows, range, stop)?;
        Ok(match late {
            Some(late) => storage::merge(vec![in_order, late]),
            None => in_order,
        })
    }
}

/// Some series of the head, in the order of their labels.
struct HeadSet<'a> {
    view: &'a View<'a>,
    range: TimeRange,
    series: std::vec::IntoIter<(Labels, u32)>,
}

impl<'a> Iterator for HeadSet<'a> {
    type Item = Result<Box<dyn Series + 'a>, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (range, seen) = (self.range, self.view.seen);
        self.series.find_map(|(labels, row)| {
            let all = &self.view.head.series;
            let (range, chunks) = all.with(row, |series| series.read(range, seen))??;
            let (chunks, bytes) = chunks.into_iter().unzip();
            let series: Box<dyn Series> = Box::new(HeadSeries { labels, range, chunks, bytes });
            Some(Ok(series))
        })
    }
}

/// One series of the head, as it was when it was asked for.
struct HeadSeries {
    labels: Labels,
    /// What the view shows.
    range: TimeRange,
    chunks: Vec<ChunkMeta>,
    bytes: Vec<ChunkBytes>,
}

impl Series for HeadSeries {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn chunks(&self) -> &[ChunkMeta] {
        &self.chunks
    }

    fn read(&mut self, range: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
        let Some(range) = self.range.intersect(range) else { return Ok(()) };
        for (chunk, bytes) in self.chunks.iter().zip(&self.bytes) {
            if chunk.max_t < range.min() || range.max() < chunk.min_t {
                continue;
            }
            let from = Marks::of(columns);
            bytes.decode(*chunk, columns);
            keep_inside(columns, from, range);
        }
        Ok(())
    }
}
