//! What the database counts, and what it can say about its series.
//!
//! Numbers only: `api` knows what they are called outside.

use model::stat::{Counter, Gauge};
use model::{TimeRange, Timestamp};
use storage::QueryError;

use crate::block::BlockMeta;
use crate::exemplars::ExemplarStatus;
use crate::index::Index;

/// Numbers that only grow, and a few that do not; each belongs to the part its comment names.
#[derive(Debug, Default)]
pub struct Counters {
    /// Head: samples committed.
    pub samples_appended: ByKind<Counter>,
    /// Head: samples committed out of order, among the former.
    pub samples_late: ByKind<Counter>,
    /// Head: samples refused because their series has newer ones.
    pub samples_out_of_order: ByKind<Counter>,
    /// Head: samples refused because they are too old for the head.
    pub samples_out_of_bounds: ByKind<Counter>,
    /// Head: samples refused because they are older than the window in which they may come out of order.
    pub samples_too_old: ByKind<Counter>,
    /// Head: samples refused because another value has that time already.
    pub samples_duplicate: Counter,
    /// Head: exemplars taken.
    pub exemplars_appended: Counter,
    /// Head: exemplars refused because their series has newer ones.
    pub exemplars_out_of_order: Counter,
    /// Head: series made.
    pub series_created: Counter,
    /// Head: series dropped because nothing of them is left.
    pub series_removed: Counter,
    /// Head: saved when the database was closed, but not whole when it was opened.
    pub snapshots_refused: Counter,
    /// Head: chunks begun.
    pub chunks_created: Counter,
    /// Head: chunks dropped.
    pub chunks_removed: Counter,
    /// Head: times that old samples were dropped.
    pub head_truncations: Counter,
    /// WAL: records that were damaged and skipped, or cut off.
    pub wal_corruptions: Counter,
    /// WAL: commits that were refused and syncs that failed: nothing is ingested while it grows.
    pub wal_writes_failed: Counter,
    /// WAL: times that its file was synced.
    pub wal_syncs: Counter,
    /// WAL: segments begun.
    pub wal_segments: Counter,
    /// WAL: bytes written.
    pub wal_bytes_written: Counter,
    /// WAL: times that segments were removed whose samples are in blocks.
    pub wal_truncations: Counter,
    /// WAL: segments that could not be removed then.
    pub wal_truncations_failed: Counter,
    /// WAL: syncs that failed.
    pub wal_syncs_failed: Counter,
    /// Blocks: times that blocks were cut from the head or made of others.
    pub compactions: Counter,
    /// Blocks: times that this failed.
    pub compactions_failed: Counter,
    /// Blocks: chunks written into blocks made of others or of the head.
    pub compaction_chunks: Counter,
    /// Blocks: samples written into them.
    pub compaction_samples: Counter,
    /// Blocks: times that the list of blocks changed.
    pub reloads: Counter,
    /// Blocks: removed because of their age.
    pub blocks_gone_by_time: Counter,
    /// Blocks: removed because of the size limit.
    pub blocks_gone_by_size: Counter,
    /// Blocks: that did not open and were moved to quarantine.
    pub blocks_quarantined: Counter,
    /// Blocks: of a format this build does not read, left alone.
    pub blocks_refused: Gauge,
}

/// What a sample or all samples of a chunk are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A float.
    Float,
    /// A native histogram.
    Histogram,
}

/// One of something for each kind of sample.
#[derive(Clone, Debug, Default)]
pub struct ByKind<T>([T; 2]);

impl ByKind<u64> {
    /// Of all kinds together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl<T> std::ops::Index<Kind> for ByKind<T> {
    type Output = T;

    fn index(&self, kind: Kind) -> &T {
        &self.0[kind as usize]
    }
}

impl<T> std::ops::IndexMut<Kind> for ByKind<T> {
    fn index_mut(&mut self, kind: Kind) -> &mut T {
        &mut self.0[kind as usize]
    }
}

/// What the database is like at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Series in the head.
    pub num_series: u64,
    /// Chunks in the head.
    pub num_chunks: u64,
    /// Times of the oldest and the newest sample in the head; `None` if there is none.
    pub head_range: Option<TimeRange>,
    /// The oldest time anywhere, ms; `None` without samples.
    pub lowest_time: Option<Timestamp>,
    /// The blocks, in order of time.
    pub blocks: Vec<BlockMeta>,
    /// Bytes of all blocks.
    pub blocks_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// The exemplars in memory.
    pub exemplars: ExemplarStatus,
}

/// A name with a number, as in the tables of `/api/v1/status/tsdb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// A metric, a label, or a pair written `name=value`.
    pub name: String,
    /// How many, or how large.
    pub value: u64,
}

/// What the head's series and labels are most of: each list is the top so many, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cardinality {
    /// Series in all.
    pub num_series: u64,
    /// Pairs of label name and value in all.
    pub num_label_pairs: u64,
    /// Series of each metric.
    pub series_by_metric: Vec<Ranked>,
    /// Values of each label name.
    pub values_by_label: Vec<Ranked>,
    /// Bytes of the values of each label name, every series counted.
    pub bytes_by_label: Vec<Ranked>,
    /// Series of each pair of label name and value.
    pub series_by_pair: Vec<Ranked>,
}

/// Counts series and labels of an index; the lists have at most `limit` entries.
pub(crate) fn cardinality(index: &dyn Index, limit: usize) -> Result<Cardinality, QueryError> {
    let mut counted = Cardinality { num_series: index.all()?.len(), ..Cardinality::default() };
    for name in index.label_names()? {
        let values = index.label_values(&name)?;
        let (mut pairs, mut bytes) = (0, 0);
        for value in values {
            let series = index.postings(&name, &value)?.len();
            if series == 0 {
                continue;
            }
            pairs += 1;
            bytes += series * value.len() as u64;
            let pair = format!("{name}={value}");
            if name == model::labels::METRIC_NAME {
                counted.series_by_metric.push(Ranked { name: value, value: series });
            }
            counted.series_by_pair.push(Ranked { name: pair, value: series });
        }
        counted.num_label_pairs += pairs;
        counted.values_by_label.push(Ranked { name: name.clone(), value: pairs });
        counted.bytes_by_label.push(Ranked { name, value: bytes });
    }
    for list in [
        &mut counted.series_by_metric,
        &mut counted.values_by_label,
        &mut counted.bytes_by_label,
        &mut counted.series_by_pair,
    ] {
        list.sort_by(|a, b| b.value.cmp(&a.value).then_with(|| a.name.cmp(&b.name)));
        list.truncate(limit);
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::tests::Rows;
    use model::Labels;

    #[test]
    fn series_and_labels_are_ranked_by_how_many_there_are() {
        let series = |name: &str, job: &str| Labels::from_pairs([("__name__", name), ("job", job)]);
        let rows = Rows(vec![series("up", "a"), series("up", "bcd"), series("x", "a")]);
        let ranked = |pairs: &[(&str, u64)]| -> Vec<Ranked> {
            pairs.iter().map(|&(name, value)| Ranked { name: name.to_owned(), value }).collect()
        };
        let expected = Cardinality {
            num_series: 3,
            num_label_pairs: 4,
            series_by_metric: ranked(&[("up", 2), ("x", 1)]),
            values_by_label: ranked(&[("__name__", 2), ("job", 2)]),
            bytes_by_label: ranked(&[("__name__", 5), ("job", 5)]),
            series_by_pair: ranked(&[("__name__=up", 2), ("job=a", 2)]),
        };
        assert_eq!(cardinality(&rows, 2).unwrap(), expected);
    }
}
