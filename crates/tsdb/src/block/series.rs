//! One series after the other into the two files of a block.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chunk::column::{self, Effort};
use model::{Histogram, Labels, TimeRange, Timestamp};
use storage::Columns;

use super::data::{DataWriter, FIRST_COLUMN};
use super::histograms;
use super::meta::{BlockStats, FileMeta};
use super::relative::{Base, Bases, Role, differences};
use super::times::TimesWriter;
use super::windows;
use super::writer::{NewBlock, io};
use super::{DATA_FILE, INDEX_FILE};
use crate::error::BlockError;
use crate::fs::Files;
use crate::index::{Column, IndexWriter, Kind, NewChunk, Short, TooLarge, Values};

/// Samples to a chunk in a block cut from the head: two hours at 15 s.
const SAMPLES_PER_CHUNK: usize = 512;
/// Samples to a chunk in a block made of others. More would save little and make short reads dear.
const SAMPLES_PER_LARGE_CHUNK: usize = 2048;
/// Histograms to a chunk: they are large.
const HISTOGRAMS_PER_CHUNK: usize = 128;
/// Columns of times while the block is written.
const TIMES_FILE: &str = "times";

/// How much is in a block, and its files but for `meta.json`.
pub(super) type Written = (BlockStats, BTreeMap<String, FileMeta>);

/// The files of a block, but for `meta.json`.
pub(super) struct SeriesWriter<'a> {
    files: &'a Files,
    dir: &'a Path,
    span: TimeRange,
    samples_per_chunk: usize,
    data: DataWriter,
    times: TimesWriter,
    index: IndexWriter,
    bases: Bases,
    chunks: Vec<NewChunk>,
    scratch: Vec<u8>,
}

impl<'a> SeriesWriter<'a> {
    /// Begins the files in an empty directory.
    pub(super) fn new(files: &'a Files, dir: &'a Path, new: &NewBlock) -> Result<Self, BlockError> {
        let create = |name: &str| {
            let path = dir.join(name);
            let file = files.create(&path).map_err(io("write", &path))?;
            Ok::<_, BlockError>(files.writer(file))
        };
        let data =
            DataWriter::new(create(DATA_FILE)?).map_err(io("write", &dir.join(DATA_FILE)))?;
        Ok(Self {
            files,
            dir,
            span: new.span,
            samples_per_chunk: match new.level {
                0 | 1 => SAMPLES_PER_CHUNK,
                _ => SAMPLES_PER_LARGE_CHUNK,
            },
            data,
            times: TimesWriter::new(create(TIMES_FILE)?),
            index: IndexWriter::new(FIRST_COLUMN),
            bases: Bases::default(),
            chunks: Vec::new(),
            scratch: Vec::new(),
        })
    }

    /// The next series, with at least one sample. Labels rise.
    pub(super) fn add(&mut self, labels: &Labels, columns: &Columns) -> Result<(), BlockError> {
        self.chunks.clear();
        let role = self.bases.role(labels);
        let mut bases = Vec::new();
        let path = self.dir.join(DATA_FILE);
        let written = self.write_chunks(&role, columns, &mut bases);
        written.map_err(io("write", &path))?;
        if let Role::Base(behind) = role {
            self.bases.hold(behind, bases);
        }
        let index_path = self.dir.join(INDEX_FILE);
        self.index.add(labels, &self.chunks).map_err(too_large(&index_path))
    }

    /// Writes the samples of one series as chunks, in order of time: a chunk holds samples of one
    /// kind that nothing of the other kind stands between.
    fn write_chunks(
        &mut self,
        role: &Role,
        columns: &Columns,
        bases: &mut Vec<Base>,
    ) -> std::io::Result<()> {
        let mut floats = (&columns.timestamps[..], &columns.values[..]);
        let mut histograms = (&columns.histogram_timestamps[..], &columns.histograms[..]);
        while !floats.0.is_empty() || !histograms.0.is_empty() {
            let run = run_before(floats.0, histograms.0);
            let (times, values) = split_off(&mut floats, run);
            for range in windows::chunks(times, self.samples_per_chunk) {
                self.write_floats(role, &times[range.clone()], &values[range], bases)?;
            }
            let run = run_upto(histograms.0, floats.0);
            let (times, all) = split_off(&mut histograms, run);
            for range in windows::chunks(times, HISTOGRAMS_PER_CHUNK) {
                self.write_histograms(&times[range.clone()], &all[range])?;
            }
        }
        Ok(())
    }

    fn write_floats(
        &mut self,
        role: &Role,
        times: &[Timestamp],
        values: &[f64],
        bases: &mut Vec<Base>,
    ) -> std::io::Result<()> {
        let number = self.times.add(times)?;
        let relative = match role {
            Role::Bucket(behind) => self.relative(behind, number, values)?,
            _ => {
                self.encode(values, Effort::Best);
                None
            }
        };
        let values_at = match relative {
            Some(values) => values,
            None => Values::Own(self.column(&self.scratch.clone())?),
        };
        if let (Role::Base(_), Values::Own(Column::Stored(stored))) = (role, values_at) {
            bases.push(Base { times: number, stored, values: values.to_vec() });
        }
        self.push(number, Kind::Floats, times.len(), values_at);
        Ok(())
    }

    /// Encodes values into the scratch.
    fn encode(&mut self, values: &[f64], effort: Effort) {
        self.scratch.clear();
        column::encode_floats(values, effort, &mut self.scratch);
    }

    /// The values as differences to those of the bucket of all observations, if that takes fewer bytes
    /// than the values themselves, which are otherwise left encoded in the scratch.
    fn relative(
        &mut self,
        behind: &[u8],
        times: u32,
        values: &[f64],
    ) -> std::io::Result<Option<Values>> {
        let base = self.bases.find(behind, times);
        let with = base.and_then(|base| Some((base.stored, differences(values, &base.values)?)));
        let Some((base, differences)) = with else {
            self.encode(values, Effort::Best);
            return Ok(None);
        };
        self.encode(values, Effort::Fast);
        if column::is_constant(&self.scratch) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        column::encode_floats(&differences, Effort::Best, &mut bytes);
        // Where the base lies takes a few bytes too.
        let relative_len = bytes.len() + 4;
        // More effort seldom halves a column: it is worth its time only where it might matter.
        if relative_len * 2 >= self.scratch.len() {
            self.encode(values, Effort::Best);
            if relative_len >= self.scratch.len() {
                return Ok(None);
            }
        }
        let difference = self.column(&bytes)?;
        Ok(Some(Values::Relative { base, difference }))
    }

    fn write_histograms(
        &mut self,
        times: &[Timestamp],
        histograms: &[Histogram],
    ) -> std::io::Result<()> {
        let number = self.times.add(times)?;
        let mut bytes = Vec::new();
        histograms::put(&mut bytes, histograms);
        let values = Values::Own(Column::Stored(self.data.add(&bytes)?));
        self.push(number, Kind::Histograms, times.len(), values);
        Ok(())
    }

    /// Where an encoded column of floats lies: in the row if it is constant.
    fn column(&mut self, bytes: &[u8]) -> std::io::Result<Column> {
        let short = Short::of(bytes).filter(|_| column::is_constant(bytes));
        Ok(match short {
            Some(short) => Column::Inline(short),
            None => Column::Stored(self.data.add(bytes)?),
        })
    }

    fn push(&mut self, times: u32, kind: Kind, count: usize, values: Values) {
        let count = u32::try_from(count).expect("a chunk has few samples");
        self.chunks.push(NewChunk { times, kind, count, values });
    }

    /// Ends both files, synced. `None` without series.
    pub(super) fn finish(mut self) -> Result<Option<Written>, BlockError> {
        let (num_series, num_chunks, num_samples) = self.index.counts();
        if num_series == 0 {
            return Ok(None);
        }
        let (data_path, times_path) = (self.dir.join(DATA_FILE), self.dir.join(TIMES_FILE));
        let (times, columns) = self.times.finish().map_err(io("write", &times_path))?;
        drop(times);
        let times = std::fs::File::open(&times_path).map_err(io("read", &times_path))?;
        let write_data = io("write", &data_path);
        let columns = self.data.add_times(times, &columns).map_err(&write_data)?;
        self.files.remove_file(&times_path).map_err(io("remove", &times_path))?;
        let (file, size, crc) = self.data.finish().map_err(&write_data)?;
        self.files.sync(&file).map_err(&write_data)?;
        let index_path: PathBuf = self.dir.join(INDEX_FILE);
        let bytes = self.index.finish(self.span, &columns).map_err(too_large(&index_path))?;
        self.files.write(&index_path, &bytes).map_err(io("write", &index_path))?;
        let files = BTreeMap::from([
            (DATA_FILE.to_owned(), file_meta(size, crc)),
            (INDEX_FILE.to_owned(), file_meta(bytes.len() as u64, crc32fast::hash(&bytes))),
        ]);
        Ok(Some((BlockStats { num_samples, num_series, num_chunks }, files)))
    }
}

fn too_large(path: &Path) -> impl Fn(TooLarge) -> BlockError {
    move |e| BlockError::TooLarge { path: path.to_owned(), what: e.what, limit: e.limit }
}

/// How many of the first `times` come before the first of `others`.
fn run_before(times: &[Timestamp], others: &[Timestamp]) -> usize {
    others.first().map_or(times.len(), |first| times.partition_point(|t| t < first))
}

/// How many of the first `times` come before the first of `others`, or with it: of two samples at one
/// time, which a store should not have, one goes on.
fn run_upto(times: &[Timestamp], others: &[Timestamp]) -> usize {
    others.first().map_or(times.len(), |first| times.partition_point(|t| t <= first))
}

/// Takes the first `count` rows off a column and its times.
fn split_off<'a, T>(
    column: &mut (&'a [Timestamp], &'a [T]),
    count: usize,
) -> (&'a [Timestamp], &'a [T]) {
    let (times, times_left) = column.0.split_at(count);
    let (values, values_left) = column.1.split_at(count);
    *column = (times_left, values_left);
    (times, values)
}

fn file_meta(size: u64, crc: u32) -> FileMeta {
    FileMeta { size, crc32: format!("{crc:08x}") }
}
