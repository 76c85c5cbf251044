//! `create-blocks-from openmetrics`: text with timestamps as blocks.
//!
//! The text is read more than once, so that no more samples are in memory than fit: once to see
//! which blocks there will be, and once for each few of them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use exposition::{Entry, Format, MetricType, Parser};
use model::{Clock, Labels, LabelsBuilder, TimeRange, Timestamp};
use storage::{ChunkMeta, Columns, QueryError, Series, SeriesSet};
use tsdb::fs::size_bytes;
use tsdb::offline;

use super::list::table;
use super::{Bench, ToolError};

/// The width of a block, ms.
const WIDTH_MS: i64 = 2 * 3_600_000;
/// So many samples are in memory at a time, or those of one block; each takes 16 bytes.
const MAX_SAMPLES: usize = 16 << 20;

/// Makes blocks of a file.
pub(super) fn run(bench: &mut Bench<'_>) -> Result<(), ToolError> {
    let (path, dir) = (bench.text("input file"), bench.text("output directory"));
    let (path, dir) = (PathBuf::from(path), PathBuf::from(dir));
    let more = labels(&bench.many("label"))?;
    let io = |source| ToolError::Io { action: "read", path: path.clone(), source };
    let bytes = std::fs::read(&path).map_err(io)?;
    let error = |error: exposition::ParseError| input(&path, error.to_string());
    let text = exposition::decode(&bytes).map_err(error)?;
    let source = Source { path: &path, text: &text, more };
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    source.each(bench, |_, _, t, _| {
        *counts.entry(t.div_euclid(WIDTH_MS)).or_default() += 1;
        Ok(())
    })?;
    let mut made = Vec::new();
    let mut counts = counts.into_iter().peekable();
    while let Some((first, mut samples)) = counts.next() {
        let mut last = first;
        while let Some((window, count)) =
            counts.next_if(|(_, count)| samples + count <= MAX_SAMPLES)
        {
            (last, samples) = (window, samples + count);
        }
        for (span, series) in source.blocks(bench, first, last)? {
            let set = series.into_iter().map(|series| Ok(Box::new(series) as Box<dyn Series>));
            let set: Box<dyn SeriesSet<'_>> = Box::new(set);
            made.extend(offline::write_block(&dir, span, set, bench.clock.now_ms())?);
        }
    }
    bench.progress.clear();
    if bench.is_set("quiet") {
        return Ok(());
    }
    let size = |id: String| size_bytes(&dir.join(id));
    let rows: Vec<_> = made.iter().map(|meta| (meta, size(meta.ulid.to_string()))).collect();
    let is_human = bench.is_set("human-readable");
    Ok(table(bench.out, &rows, is_human)?)
}

/// The labels of `--label`.
fn labels(given: &[&str]) -> Result<Vec<(String, String)>, ToolError> {
    let pair = |text: &&str| {
        let message = || format!("--label takes NAME=VALUE, not {text:?}");
        let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) = pair.ok_or_else(|| ToolError::Usage(message()))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    given.iter().map(pair).collect()
}

fn input(path: &Path, message: String) -> ToolError {
    ToolError::Input { path: path.to_owned(), message }
}

/// The text, and where it is from.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
    /// Labels for all series.
    more: Vec<(String, String)>,
}

/// Series of a block with their samples, where each was said, and the block's span.
type Window = (TimeRange, Vec<Plain>);

impl Source<'_> {
    /// Calls `take` for each sample: the parser, the series, time and value.
    fn each<'a>(
        &'a self,
        bench: &mut Bench<'_>,
        mut take: impl FnMut(
            &Parser<'a>,
            &exposition::Series<'a>,
            Timestamp,
            f64,
        ) -> Result<(), ToolError>,
    ) -> Result<(), ToolError> {
        let mut parser = Parser::new(self.text, Format::OpenMetrics);
        let mut done: u64 = 0;
        while let Some(entry) = parser.next() {
            let entry = entry.map_err(|error| input(self.path, error.to_string()))?;
            let Entry::Series(series) = entry else { continue };
            let Some(t) = series.timestamp else {
                return Err(self.wrong(series.text, "expected a timestamp, got none"));
            };
            take(&parser, &series, t, series.value)?;
            done += 1;
            if done.is_multiple_of(4096) {
                let bytes = self.offset(series.text);
                let percent = bytes * 100 / self.text.len().max(1);
                bench.progress.show(|| format!("{done} samples read, {percent} %"));
            }
        }
        Ok(())
    }

    /// The blocks from the window `first` to the window `last`.
    fn blocks(
        &self,
        bench: &mut Bench<'_>,
        first: i64,
        last: i64,
    ) -> Result<Vec<Window>, ToolError> {
        let mut known: HashMap<(&str, MetricType), Labels> = HashMap::new();
        let mut windows: BTreeMap<i64, BTreeMap<Labels, Vec<Sample<'_>>>> = BTreeMap::new();
        self.each(bench, |parser, series, t, value| {
            let window = t.div_euclid(WIDTH_MS);
            if !(first..=last).contains(&window) {
                return Ok(());
            }
            let key = (series.text, series.kind);
            let labels = match known.get(&key) {
                Some(labels) => labels.clone(),
                None => known.entry(key).or_insert(self.labels(parser, series)?).clone(),
            };
            let series_of = windows.entry(window).or_default();
            series_of.entry(labels).or_default().push(Sample { t, value, text: series.text });
            Ok(())
        })?;
        windows.into_values().map(|all| self.window(all)).collect()
    }

    fn labels<'a>(
        &'a self,
        parser: &Parser<'a>,
        series: &exposition::Series<'a>,
    ) -> Result<Labels, ToolError> {
        let mut pairs = Vec::new();
        let read = parser.labels(series, &mut pairs);
        read.map_err(|error| input(self.path, error.to_string()))?;
        let mut labels = LabelsBuilder::default();
        for (name, value) in pairs {
            labels.set(name, value);
        }
        for (name, value) in &self.more {
            labels.set(name, value);
        }
        Ok(labels.build())
    }

    /// Sorts the samples of a window; the same one twice counts once.
    fn window(&self, all: BTreeMap<Labels, Vec<Sample<'_>>>) -> Result<Window, ToolError> {
        let mut span: Option<TimeRange> = None;
        let mut series = Vec::with_capacity(all.len());
        for (labels, mut samples) in all {
            samples.sort_by_key(|sample| sample.t);
            let (mut timestamps, mut values) = (Vec::new(), Vec::new());
            for sample in samples {
                if timestamps.last() != Some(&sample.t) {
                    timestamps.push(sample.t);
                    values.push(sample.value);
                } else if values.last().map(|v: &f64| v.to_bits()) != Some(sample.value.to_bits()) {
                    let message = format!("another value at {} ms was given before", sample.t);
                    return Err(self.wrong(sample.text, &message));
                }
            }
            let ends = timestamps.first().zip(timestamps.last());
            let ends = ends.and_then(|(min, max)| TimeRange::new(*min, *max));
            span = span.into_iter().chain(ends).reduce(TimeRange::union);
            series.push(Plain { labels, timestamps, values });
        }
        Ok((span.expect("a window has samples"), series))
    }

    /// Where a part of the text begins.
    fn offset(&self, part: &str) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    /// What is wrong at a part of the text.
    fn wrong(&self, part: &str, message: &str) -> ToolError {
        let before = self.text.get(..self.offset(part)).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let offset = before.len();
        input(self.path, format!("line {line} at byte {offset}: {message} while reading {part:?}"))
    }
}

/// A sample, and the text it is from.
struct Sample<'a> {
    t: Timestamp,
    value: f64,
    text: &'a str,
}

/// A series with its samples in memory.
struct Plain {
    labels: Labels,
    timestamps: Vec<Timestamp>,
    values: Vec<f64>,
}

impl Series for Plain {
    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn chunks(&self) -> &[ChunkMeta] {
        &[]
    }

    fn read(&mut self, range: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
        let from = self.timestamps.partition_point(|t| *t < range.min());
        let to = self.timestamps.partition_point(|t| *t <= range.max());
        columns.timestamps.extend_from_slice(&self.timestamps[from..to]);
        columns.values.extend_from_slice(&self.values[from..to]);
        Ok(())
    }
}
