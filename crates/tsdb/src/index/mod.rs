//! Which series match? What a block's index and the head's both answer.
//!
//! A series is a row: a number of its own within one source. [`select`] turns matchers into
//! [`Postings`], the sorted rows, by asking an [`Index`]; a [`Source`] then gives the series of those
//! rows. A block's rows are numbered in the order of their labels; the head's in the order of their
//! making. Neither side scans series to match them: see [`select::rows`].
//!
#![doc = include_str!("../../../../docs/format/index.md")]

mod format;
mod postings;
mod reader;
mod rows;
pub(crate) mod select;
mod slot;
mod times;
mod values;
mod walk;
mod writer;

use std::sync::Arc;

use model::{Labels, TimeRange};
use storage::{QueryError, SeriesSet, Stop};

use crate::tombstones::{self, Tombstones};

pub(crate) use format::{MAX_TEXT_BYTES, header};
pub(crate) use postings::{Postings, add as add_postings, put as put_postings};
pub(crate) use reader::IndexReader;
pub(crate) use slot::{ChunkSlot, Column, Kind, Short, Stored, TimeColumn, Values};
pub(crate) use times::{CRC_BYTES, Group};
pub(crate) use walk::{BlockRow, Rows};
pub(crate) use writer::{IndexWriter, NewChunk, TooLarge};

/// What selecting asks of a source of series.
///
/// A row has each label at most once and never with an empty value. An index is a consistent view:
/// what one method says agrees with what the others say.
pub(crate) trait Index: Send + Sync {
    /// The names of all labels, sorted, each once.
    fn label_names(&self) -> Result<Vec<String>, QueryError>;

    /// The values that rows have for `name`, sorted, each once. None if there is no such label.
    fn label_values(&self, name: &str) -> Result<Vec<String>, QueryError>;

    /// Every row.
    fn all(&self) -> Result<Postings, QueryError>;

    /// The rows whose label `name` has this value, which is not empty.
    fn postings(&self, name: &str, value: &str) -> Result<Postings, QueryError>;

    /// The rows that have a label `name` whose value begins with `prefix` and passes `keep`.
    ///
    /// Equals the union of [`Index::postings`] over such values; values are offered in order.
    fn postings_where(
        &self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Postings, QueryError>;

    /// The rows that have a label `name`. Equals [`Index::postings_where`] that keeps everything.
    fn rows_with(&self, name: &str) -> Result<Postings, QueryError> {
        self.postings_where(name, "", &mut |_| true)
    }

    /// The labels of a row that a method of this index named.
    fn labels(&self, row: u32) -> Result<Labels, QueryError>;
}

/// Series that can be found and read: one block, or a view of the head.
pub(crate) trait Source: Index {
    /// The series of `rows`, sorted by labels, deleted samples among them. Those without a chunk that
    /// overlaps `range` are left out; samples outside `range` are not given. Fails once `stop` says so,
    /// where it takes long until there is a first series.
    fn stored<'a>(
        &'a self,
        rows: Postings,
        range: TimeRange,
        stop: &Stop,
    ) -> Result<Box<dyn SeriesSet<'a> + 'a>, QueryError>;

    /// What is deleted, though it is stored.
    fn tombstones(&self) -> Arc<Tombstones>;

    /// The same as [`Source::stored`], without what is deleted.
    fn series<'a>(
        &'a self,
        rows: Postings,
        range: TimeRange,
        stop: &Stop,
    ) -> Result<Box<dyn SeriesSet<'a> + 'a>, QueryError> {
        tombstones::visible(self, rows, range, stop)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    //! The slow index that the fast ones equal.

    use super::*;
    use proptest::prelude::*;

    /// Rows by number; every question is answered by a scan.
    pub(crate) struct Rows(pub(crate) Vec<Labels>);

    impl Rows {
        fn numbered(&self) -> impl Iterator<Item = (u32, &Labels)> {
            (0..).zip(&self.0)
        }
    }

    fn sorted(mut texts: Vec<String>) -> Vec<String> {
        texts.sort();
        texts.dedup();
        texts
    }

    impl Index for Rows {
        fn label_names(&self) -> Result<Vec<String>, QueryError> {
            let pairs = self.0.iter().flat_map(Labels::iter);
            Ok(sorted(pairs.map(|(name, _)| name.to_owned()).collect()))
        }

        fn label_values(&self, name: &str) -> Result<Vec<String>, QueryError> {
            let values = self.0.iter().map(|labels| labels.get(name)).filter(|v| !v.is_empty());
            Ok(sorted(values.map(str::to_owned).collect()))
        }

        fn all(&self) -> Result<Postings, QueryError> {
            Ok(self.numbered().map(|(row, _)| row).collect())
        }

        fn postings(&self, name: &str, value: &str) -> Result<Postings, QueryError> {
            Ok(self.numbered().filter(|(_, l)| l.get(name) == value).map(|(row, _)| row).collect())
        }

        fn postings_where(
            &self,
            name: &str,
            prefix: &str,
            keep: &mut dyn FnMut(&str) -> bool,
        ) -> Result<Postings, QueryError> {
            let mut rows = Postings::new();
            for value in self.label_values(name)? {
                if value.starts_with(prefix) && keep(&value) {
                    rows |= self.postings(name, &value)?;
                }
            }
            Ok(rows)
        }

        fn labels(&self, row: u32) -> Result<Labels, QueryError> {
            Ok(self.0[row as usize].clone())
        }
    }

    /// Up to 300 label sets, sorted, each once, few names and values so that they meet.
    pub(crate) fn label_sets() -> impl Strategy<Value = Vec<Labels>> {
        let pairs = prop::collection::vec(("[abc]", "[xyz]{0,2}"), 1..4);
        prop::collection::btree_set(pairs.prop_map(Labels::from_pairs), 0..300)
            .prop_map(|sets| sets.into_iter().filter(|set| !set.is_empty()).collect())
    }
}
