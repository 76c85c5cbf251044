//! The head of a Prometheus that ran here before: its write-ahead log, brought in once.
//!
//! A directory with `chunks_head` is one that Prometheus has left. Its `wal`, its `wbl` and then its
//! `chunks_head` move to `prometheus-head/`, where nobody changes them; the samples of both logs go
//! into our head, or into blocks if they are older than it; when those are on the disk, the directory
//! is renamed to `prometheus-head-imported`. A crash on the way begins again, and samples that came
//! twice are there once. What the mapped chunks hold the log holds too.

mod pages;
mod record;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Histogram, Labels, TimeRange, Timestamp};
use rustc_hash::FxHashMap;
use storage::{
    AppendError, Appendable, Appender, ChunkMeta, Columns, QueryError, Series, SeriesRef,
};

use crate::block::writer::{NewBlock, write};
use crate::block::{Block, BlockId};
use crate::compact::plan;
use crate::db::Db;
use crate::error::{BlockError, OpenError};
use crate::fs::Files;
use crate::querier::BlockList;
use record::{LogRef, Record};

/// What a head becomes while it is brought in.
const MOVED: &str = "prometheus-head";
/// What it becomes then.
const IMPORTED: &str = "prometheus-head-imported";
/// What of a data directory is Prometheus's head. The last one tells that nothing was moved yet, or
/// not all.
const PARTS: [&str; 3] = ["wal", "wbl", "chunks_head"];
/// A commit of so many samples, as a scrape of a large target has.
const SAMPLES_PER_COMMIT: usize = 10_000;

/// Moves what Prometheus has left of its head out of the way of ours.
pub(crate) fn move_aside(files: &Files, dir: &Path) -> io::Result<()> {
    let moved = dir.join(MOVED);
    let [.., mark] = PARTS;
    if !dir.join(mark).is_dir() {
        return Ok(());
    }
    for part in PARTS {
        let from = dir.join(part);
        // Crash here: `chunks_head` is still there, and the rest is moved at the next open.
        if from.is_dir() && !moved.join(part).exists() {
            files.move_into(&from, &moved)?;
        }
    }
    Ok(())
}

/// Brings in what was moved aside, into a database just opened. What cannot be read is logged and left
/// out. Takes memory for the samples that Prometheus took out of order, besides what the head takes.
pub(crate) fn import(db: &Db, now_ms: Timestamp) -> Result<(), OpenError> {
    let dir = db.options().path.join(MOVED);
    if !dir.is_dir() {
        return Ok(());
    }
    tracing::info!(dir = %dir.display(), "importing the write-ahead log of Prometheus");
    let list = |part| segments(&dir.join(part)).map_err(OpenError::io("list", &dir));
    let (in_order, out_of_order) = (list("wal")?, list("wbl")?);
    let mut import = Import::new(db);
    for path in &in_order {
        import.read(path, true, Import::learn)?;
    }
    for path in &out_of_order {
        import.read(path, true, Import::keep)?;
    }
    for path in &in_order {
        import.read(path, false, Import::append)?;
    }
    let samples = import.finish(now_ms)?;
    tracing::info!(samples, "the write-ahead log of Prometheus is imported");
    let imported = dir.with_file_name(IMPORTED);
    db.files.publish(&dir, &imported).map_err(OpenError::io("rename", &dir))
}

/// The segments of the newest checkpoint in a log, then those behind it.
fn segments(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let numbered = |dir: &Path, prefix: &str| -> io::Result<BTreeMap<u64, PathBuf>> {
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let number = name.and_then(|name| name.strip_prefix(prefix)?.parse().ok());
            found.extend(number.map(|number| (number, path)));
        }
        Ok(found)
    };
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    let mut after = None;
    if let Some((number, path)) = numbered(dir, "checkpoint.")?.pop_last() {
        all.extend(numbered(&path, "")?.into_values());
        after = Some(number);
    }
    let behind = numbered(dir, "")?.into_iter().filter(|(number, _)| Some(*number) > after);
    all.extend(behind.map(|(_, path)| path));
    Ok(all)
}

/// A sample of the log.
#[derive(Clone, Debug)]
enum Value {
    Float(f64),
    Histogram(Histogram),
}

/// A series of the log.
struct Known {
    labels: Labels,
    /// What our head calls it.
    reference: Option<SeriesRef>,
    /// What of it is deleted.
    deleted: Vec<TimeRange>,
    /// Samples that came out of order and have not found their place yet.
    late: BTreeMap<Timestamp, Value>,
}

/// What came in so far.
struct Import<'a> {
    db: &'a Db,
    series: Vec<Known>,
    /// Places in `series` by what the log calls them. After a restart it may call one otherwise.
    by_ref: FxHashMap<LogRef, usize>,
    by_labels: FxHashMap<Labels, usize>,
    appender: Box<dyn Appender + 'a>,
    staged: usize,
    samples: usize,
    /// Samples older than the head, by series.
    old: BTreeMap<Labels, BTreeMap<Timestamp, Value>>,
}

impl<'a> Import<'a> {
    fn new(db: &'a Db) -> Self {
        Self {
            db,
            series: Vec::new(),
            by_ref: FxHashMap::default(),
            by_labels: FxHashMap::default(),
            appender: db.appender(),
            staged: 0,
            samples: 0,
            old: BTreeMap::new(),
        }
    }

    /// Gives every record of a segment to `take`; tells of damage if `is_first`.
    fn read(
        &mut self,
        path: &Path,
        is_first: bool,
        take: fn(&mut Self, Record) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        let bytes = std::fs::read(path).map_err(OpenError::io("read", path))?;
        let segment = path.display();
        let mut records = pages::Records::new(&bytes);
        let mut bytes = Vec::new();
        loop {
            match records.next(&mut bytes) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(pages::Damaged { at }) => {
                    if is_first {
                        tracing::warn!(%segment, at, "damaged: the rest of the segment is left out");
                    }
                    return Ok(());
                }
            }
            match record::read(&bytes) {
                Some(Record::Unknown(kind)) if is_first => {
                    tracing::warn!(%segment, kind, "a record of an unknown type is left out");
                }
                None if is_first => {
                    tracing::warn!(%segment, "a record that makes no sense is left out");
                }
                Some(record) => take(self, record)?,
                None => {}
            }
        }
    }

    /// Notes which series there are, and what of them is deleted.
    fn learn(&mut self, record: Record) -> Result<(), OpenError> {
        match record {
            Record::Series(all) => {
                for (number, labels) in all {
                    let next = self.series.len();
                    let at = *self.by_labels.entry(labels.clone()).or_insert(next);
                    if at == next {
                        let (deleted, late) = (Vec::new(), BTreeMap::new());
                        self.series.push(Known { labels, reference: None, deleted, late });
                    }
                    self.by_ref.insert(number, at);
                }
            }
            Record::Deletions(all) => {
                for (number, range) in all {
                    if let Some(at) = self.by_ref.get(&number) {
                        self.series[*at].deleted.push(range);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Keeps samples that came out of order.
    fn keep(&mut self, record: Record) -> Result<(), OpenError> {
        for (number, t, value) in samples(record) {
            // A series whose record is damaged has no name any more.
            let Some(at) = self.by_ref.get(&number) else { continue };
            self.series[*at].late.insert(t, value);
        }
        Ok(())
    }

    /// Appends samples that came in order, and before each those that belong there.
    fn append(&mut self, record: Record) -> Result<(), OpenError> {
        for (number, t, value) in samples(record) {
            let Some(&at) = self.by_ref.get(&number) else { continue };
            self.stage_late(at, t);
            self.stage(at, t, value, false);
            if self.staged >= SAMPLES_PER_COMMIT {
                self.commit()?;
            }
        }
        Ok(())
    }

    /// Stages what came out of order and is older than `before`.
    fn stage_late(&mut self, at: usize, before: Timestamp) {
        while let Some(first) = self.series[at].late.first_entry().filter(|e| *e.key() < before) {
            let (t, value) = first.remove_entry();
            self.stage(at, t, value, true);
        }
    }

    fn stage(&mut self, at: usize, t: Timestamp, value: Value, is_late: bool) {
        let known = &mut self.series[at];
        if known.deleted.iter().any(|range| range.contains(t)) {
            return;
        }
        let appended = match &value {
            Value::Float(v) => self.appender.append(known.reference, &known.labels, t, *v),
            Value::Histogram(histogram) => {
                self.appender.append_histogram(known.reference, &known.labels, t, histogram)
            }
        };
        match appended {
            Ok(reference) => {
                known.reference = Some(reference);
                self.staged += 1;
            }
            // In the log only, though older than the head.
            Err(AppendError::OutOfBounds) if is_late => {
                self.old.entry(known.labels.clone()).or_default().insert(t, value);
            }
            // In a block, or here from an import that a crash ended.
            Err(
                AppendError::OutOfBounds
                | AppendError::OutOfOrder
                | AppendError::TooOld
                | AppendError::DuplicateTimestamp,
            ) => {}
            Err(error) => {
                tracing::warn!(series = %known.labels, t, %error, "a sample is left out");
            }
        }
    }

    fn commit(&mut self) -> Result<(), OpenError> {
        let appender = std::mem::replace(&mut self.appender, self.db.appender());
        self.staged = 0;
        self.samples += appender.commit().map_err(|error| self.failed(error))?;
        Ok(())
    }

    /// Puts everything on the disk; returns how many samples came in.
    fn finish(mut self, now_ms: Timestamp) -> Result<usize, OpenError> {
        for at in 0..self.series.len() {
            self.stage_late(at, Timestamp::MAX);
        }
        self.commit()?;
        self.db.head.sync().map_err(|error| self.failed(error))?;
        let old = std::mem::take(&mut self.old);
        self.samples += old.values().map(BTreeMap::len).sum::<usize>();
        self.write_old(old, now_ms).map_err(|error| self.failed(error))?;
        Ok(self.samples)
    }

    /// Writes samples older than the head as blocks of their own.
    fn write_old(
        &self,
        mut old: BTreeMap<Labels, BTreeMap<Timestamp, Value>>,
        now_ms: Timestamp,
    ) -> Result<(), BlockError> {
        let options = self.db.options();
        let width = options.min_block_duration_ms;
        let list = self.db.block_list();
        let mut blocks = list.blocks.clone();
        while let Some(first) = old.values().filter_map(|s| s.keys().next()).min().copied() {
            let end = plan::start_of(first, width).saturating_add(width).min(list.head_from);
            let span = TimeRange::new(first, end - 1).expect("older than the head");
            let mut series = Vec::new();
            for (labels, samples) in &mut old {
                let later = samples.split_off(&end);
                let samples = std::mem::replace(samples, later);
                if !samples.is_empty() {
                    let one = Samples { labels: labels.clone(), samples };
                    series.push(Ok(Box::new(one) as Box<dyn Series>));
                }
            }
            let (parents, sources) = (Vec::new(), Vec::new());
            let new = NewBlock { id: BlockId::fresh(now_ms), span, parents, sources, level: 1 };
            let files = &self.db.files;
            let made = write(files, &options.path, &new, Box::new(series.into_iter()))?;
            if let Some(meta) = made {
                blocks.push(Arc::new(Block::open(&options.path.join(meta.ulid.to_string()))?));
            }
        }
        self.db.replace_list(BlockList::new(blocks, list.head_from));
        Ok(())
    }

    fn failed(&self, error: impl std::fmt::Display) -> OpenError {
        let path = self.db.options().path.join(MOVED);
        OpenError::Io { action: "import", path, source: io::Error::other(error.to_string()) }
    }
}

/// The samples of a record, if that is what it holds.
fn samples(record: Record) -> Vec<(LogRef, Timestamp, Value)> {
    match record {
        Record::Samples(all) => all.into_iter().map(|(s, t, v)| (s, t, Value::Float(v))).collect(),
        Record::Histograms(all) => {
            all.into_iter().map(|(s, t, h)| (s, t, Value::Histogram(h))).collect()
        }
        _ => Vec::new(),
    }
}

/// Samples of one series on their way into a block.
struct Samples {
    labels: Labels,
    samples: BTreeMap<Timestamp, Value>,
}

impl Series for Samples {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn chunks(&self) -> &[ChunkMeta] {
        &[]
    }

    fn read(&mut self, range: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
        for (t, value) in self.samples.range(range.min()..=range.max()) {
            match value {
                Value::Float(v) => {
                    columns.timestamps.push(*t);
                    columns.values.push(*v);
                }
                Value::Histogram(histogram) => {
                    columns.histogram_timestamps.push(*t);
                    columns.histograms.push(histogram.clone());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
