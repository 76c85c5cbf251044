//! A block: an immutable directory of series and samples, mapped into memory.
//!
#![doc = include_str!("../../../../docs/format/block.md")]

mod data;
mod histograms;
mod meta;
mod native;
mod recent;
mod relative;
mod series;
mod times;
mod windows;
pub(crate) mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use model::{Labels, TimeRange};
use storage::{QueryError, SeriesSet, Stop};

pub use meta::{BlockId, BlockMeta, BlockStats, Compaction, FileMeta, Parent};

use crate::error::BlockError;
use crate::fs::Files;
use crate::index::{Index, Postings, Source};
use crate::prometheus;
use crate::tombstones::{self, Tombstones};
use native::Native;

/// The name of the index file.
const INDEX_FILE: &str = "index";
/// The name of the file with the chunks.
const DATA_FILE: &str = "data";

/// What lies in the files of a block, whoever has written them.
pub(crate) trait Reader: Index + std::fmt::Debug {
    /// The series of `rows`, as [`Source::stored`] gives them.
    fn stored<'a>(
        &'a self,
        rows: Postings,
        range: TimeRange,
    ) -> Result<Box<dyn SeriesSet<'a> + 'a>, QueryError>;
}

/// An opened block.
#[derive(Debug)]
pub(crate) struct Block {
    dir: PathBuf,
    meta: BlockMeta,
    span: TimeRange,
    reader: Box<dyn Reader>,
    /// What was deleted since the block was written.
    tombstones: RwLock<Arc<Tombstones>>,
}

impl Block {
    /// Opens the block in `dir`; a native one in a time that does not depend on its size.
    pub(crate) fn open(dir: &Path) -> Result<Self, BlockError> {
        if prometheus::is_block(dir) {
            let (meta, files, tombstones) = prometheus::open(dir)?;
            return Ok(Self::of(dir, meta, Box::new(files), tombstones));
        }
        let meta = BlockMeta::read(dir)?;
        let files = Native::open(dir, &meta)?;
        let tombstones = tombstones::file::read(dir, meta.stats.num_series)?;
        Ok(Self::of(dir, meta, Box::new(files), tombstones))
    }

    fn of(dir: &Path, meta: BlockMeta, reader: Box<dyn Reader>, tombstones: Tombstones) -> Self {
        let span = meta.range().expect("checked when meta.json was read");
        let tombstones = RwLock::new(Arc::new(tombstones));
        Self { dir: dir.to_owned(), meta, span, reader, tombstones }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn meta(&self) -> &BlockMeta {
        &self.meta
    }

    /// The first and the last moment a sample may have.
    pub(crate) fn span(&self) -> TimeRange {
        self.span
    }

    /// Deletes what these tombstones say instead of what is deleted so far, durably. `root` is the
    /// directory of the database.
    pub(crate) fn publish_tombstones(
        &self,
        files: &Files,
        root: &Path,
        tombstones: Tombstones,
    ) -> Result<(), BlockError> {
        match self.meta.is_native() {
            true => tombstones::file::publish(files, root, &self.dir, &tombstones)?,
            false => prometheus::publish_tombstones(files, root, &self.dir, &tombstones)?,
        }
        let new = Arc::new(tombstones);
        *self.tombstones.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }
}

impl Index for Block {
    fn label_names(&self) -> Result<Vec<String>, QueryError> {
        self.reader.label_names()
    }

    fn label_values(&self, name: &str) -> Result<Vec<String>, QueryError> {
        self.reader.label_values(name)
    }

    fn all(&self) -> Result<Postings, QueryError> {
        self.reader.all()
    }

    fn postings(&self, name: &str, value: &str) -> Result<Postings, QueryError> {
        self.reader.postings(name, value)
    }

    fn postings_where(
        &self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Postings, QueryError> {
        self.reader.postings_where(name, prefix, keep)
    }

    fn rows_with(&self, name: &str) -> Result<Postings, QueryError> {
        self.reader.rows_with(name)
    }

    fn labels(&self, row: u32) -> Result<Labels, QueryError> {
        self.reader.labels(row)
    }
}

impl Source for Block {
    fn tombstones(&self) -> Arc<Tombstones> {
        Arc::clone(&self.tombstones.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn stored<'a>(
        &'a self,
        rows: Postings,
        range: TimeRange,
        _: &Stop,
    ) -> Result<Box<dyn SeriesSet<'a> + 'a>, QueryError> {
        // Its rows are in order already: the first series is there at once.
        self.reader.stored(rows, range)
    }
}

/// The blocks of a directory.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    /// Those that opened.
    pub(crate) blocks: Vec<Arc<Block>>,
    /// The directories of those that did not, and why.
    pub(crate) failed: Vec<(PathBuf, BlockError)>,
}

/// Opens every block in `dir`.
pub(crate) fn open_all(dir: &Path) -> std::io::Result<Opened> {
    let mut opened = Opened::default();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if !path.is_dir() || name.and_then(BlockId::parse).is_none() {
            continue;
        }
        match Block::open(&path) {
            Ok(block) => opened.blocks.push(Arc::new(block)),
            Err(error) => opened.failed.push((path, error)),
        }
    }
    Ok(opened)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::block::writer::{NewBlock, write};
    use crate::fs::Files;
    use chunk::column::{self, Effort};
    use model::Timestamp;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use storage::{ChunkMeta, Columns, Series};

    /// So many hours in ms.
    pub(crate) fn hours(n: i64) -> Timestamp {
        n * 3_600_000
    }

    /// A meta of a block that spans these hours and takes so many bytes.
    pub(crate) fn meta_of(from: i64, to: i64, size: u64) -> BlockMeta {
        let ulid = BlockId::fresh(hours(to));
        BlockMeta {
            ulid,
            min_time: hours(from),
            max_time: hours(to),
            stats: BlockStats::default(),
            compaction: Compaction {
                level: 1,
                sources: vec![ulid],
                parents: vec![],
                hints: vec![],
            },
            version: 1,
            format: "native/2".to_owned(),
            files: BTreeMap::from([("data".to_owned(), FileMeta { size, crc32: String::new() })]),
        }
    }

    /// Series with their samples, values as bits.
    pub(crate) type Samples = BTreeMap<Labels, Vec<(i64, u64)>>;

    /// Series that hold their samples as they are.
    struct Plain {
        labels: Labels,
        samples: Vec<(i64, u64)>,
    }

    impl Series for Plain {
        fn labels(&self) -> &Labels {
            &self.labels
        }
        fn chunks(&self) -> &[ChunkMeta] {
            &[]
        }
        fn read(&mut self, range: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
            for (t, bits) in self.samples.iter().filter(|(t, _)| range.contains(*t)) {
                columns.timestamps.push(*t);
                columns.values.push(f64::from_bits(*bits));
            }
            Ok(())
        }
    }

    /// The samples as a set of series.
    pub(crate) fn set_of(samples: &Samples) -> Box<dyn SeriesSet<'static>> {
        let series: Vec<_> = samples
            .iter()
            .map(|(labels, samples)| {
                let (labels, samples) = (labels.clone(), samples.clone());
                Ok(Box::new(Plain { labels, samples }) as Box<dyn Series>)
            })
            .collect();
        Box::new(series.into_iter())
    }

    /// A block cut from the head, of this span.
    pub(crate) fn new_block(min: Timestamp, max: Timestamp) -> NewBlock {
        let span = TimeRange::new(min, max).expect("ordered");
        let id = BlockId::fresh(max);
        NewBlock { id, span, parents: vec![], sources: vec![], level: 1 }
    }

    /// All samples of a source inside a range.
    pub(crate) fn read_all(source: &dyn Source, range: TimeRange) -> Result<Samples, QueryError> {
        let mut all = Samples::new();
        let mut columns = Columns::default();
        for series in source.series(source.all()?, range, &Stop::default())? {
            let mut series = series?;
            columns.clear();
            series.read(TimeRange::ALL, &mut columns)?;
            let bits = columns.values.iter().map(|v| v.to_bits());
            let samples = columns.timestamps.iter().copied().zip(bits).collect();
            all.insert(series.labels().clone(), samples);
        }
        Ok(all)
    }

    pub(crate) fn written(dir: &Path, new: &NewBlock, samples: &Samples) -> PathBuf {
        write(&Files::default(), dir, new, set_of(samples)).unwrap().expect("there are samples");
        dir.join(new.id.to_string())
    }

    fn some_samples() -> Samples {
        let series = |a: &str, n: i64| {
            let samples = (0..n).map(|i| (i * 15, (i as f64 / 3.0).to_bits())).collect();
            (Labels::from_pairs([("__name__", "m"), ("a", a)]), samples)
        };
        Samples::from([series("x", 2), series("y", 500)])
    }

    fn any_samples() -> impl Strategy<Value = Samples> {
        let samples = prop::collection::btree_map(-500i64..500, any::<u64>(), 1..300);
        let labels = prop::collection::vec(("[abc]", "[xyz]{1,2}"), 1..3);
        prop::collection::btree_map(labels.prop_map(Labels::from_pairs), samples, 1..6)
            .prop_map(|all| all.into_iter().map(|(l, s)| (l, s.into_iter().collect())).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_block_gives_back_what_was_written(
            samples in any_samples(), from in -600i64..600, len in 0i64..600
        ) {
            let dir = tempfile::tempdir().unwrap();
            let block = Block::open(&written(dir.path(), &new_block(-500, 499), &samples)).unwrap();
            prop_assert_eq!(&read_all(&block, TimeRange::ALL).unwrap(), &samples);
            let range = TimeRange::new(from, from + len).unwrap();
            let mut part: Samples = samples;
            part.values_mut().for_each(|samples| samples.retain(|(t, _)| range.contains(*t)));
            let mut found = read_all(&block, range).unwrap();
            // A chunk may reach into the range without having a sample there.
            found.retain(|_, samples| !samples.is_empty());
            part.retain(|_, samples| !samples.is_empty());
            prop_assert_eq!(found, part);
        }
    }

    /// Buckets as a histogram with three of them counts, of two series, with gaps.
    fn any_buckets() -> impl Strategy<Value = Samples> {
        let counts = prop::collection::vec((0u32..5, 0u32..5, 0u32..5, 0u8..20), 1..200);
        prop::collection::vec(counts, 2).prop_map(|all| {
            let mut samples = Samples::new();
            for (path, counts) in ["/a", "/b"].into_iter().zip(all) {
                let mut sums = [0u32; 3];
                for (i, (a, b, c, gap)) in counts.into_iter().enumerate() {
                    sums = [sums[0] + a, sums[1] + a + b, sums[2] + a + b + c];
                    for (le, sum) in ["0.1", "0.5", "+Inf"].into_iter().zip(sums) {
                        let pairs = [("__name__", "h_bucket"), ("le", le), ("path", path)];
                        let series = samples.entry(Labels::from_pairs(pairs)).or_default();
                        if gap > 0 || le == "+Inf" {
                            series.push((i as i64 * 15_000, f64::from(sum).to_bits()));
                        }
                    }
                }
            }
            samples.retain(|_, samples| !samples.is_empty());
            samples
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn buckets_come_back_from_what_they_are_relative_to(
            samples in any_buckets(), level in 1u32..3
        ) {
            let dir = tempfile::tempdir().unwrap();
            let new = NewBlock { level, ..new_block(0, 7_199_999) };
            let block = Block::open(&written(dir.path(), &new, &samples)).unwrap();
            prop_assert_eq!(&read_all(&block, TimeRange::ALL).unwrap(), &samples);
        }
    }

    /// A float and a histogram at the same time, which no store of ours gives.
    struct Twice(Labels);

    impl Series for Twice {
        fn labels(&self) -> &Labels {
            &self.0
        }
        fn chunks(&self) -> &[ChunkMeta] {
            &[]
        }
        fn read(&mut self, _: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
            columns.timestamps.extend([5, 10]);
            columns.values.extend([1.0, 2.0]);
            columns.histogram_timestamps.extend([5, 10]);
            columns.histograms.extend([model::Histogram::default(), model::Histogram::default()]);
            Ok(())
        }
    }

    #[test]
    fn writing_goes_on_at_samples_of_both_kinds() {
        let dir = tempfile::tempdir().unwrap();
        let series = Box::new(Twice(Labels::from_pairs([("a", "x")]))) as Box<dyn Series>;
        let meta = write(
            &Files::default(),
            dir.path(),
            &new_block(0, 99),
            Box::new(std::iter::once(Ok(series))),
        );
        assert_eq!(meta.unwrap().expect("there are samples").stats.num_samples, 4);
    }

    #[test]
    fn only_samples_of_the_span_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let block =
            Block::open(&written(dir.path(), &new_block(15, 1814), &some_samples())).unwrap();
        let read = read_all(&block, TimeRange::ALL).unwrap();
        let counts: Vec<usize> = read.values().map(Vec::len).collect();
        assert_eq!(counts, [1, 120]);
        let stats = BlockStats { num_samples: 121, num_series: 2, num_chunks: 2 };
        assert_eq!(block.meta().stats, stats);
        assert_eq!((block.meta().min_time, block.meta().max_time), (15, 1815));
    }

    #[test]
    fn chunks_are_told_before_they_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let block =
            Block::open(&written(dir.path(), &new_block(0, 9999), &some_samples())).unwrap();
        let range = TimeRange::new(100, 9999).unwrap();
        let set = block.series(block.all().unwrap(), range, &Stop::default()).unwrap();
        let chunks: Vec<Vec<ChunkMeta>> =
            set.map(|series| series.unwrap().chunks().to_vec()).collect();
        // 512 samples at 15 ms take more than 5 s and less than 10 s.
        let first = ChunkMeta { min_t: 0, max_t: 4995, count: 334 };
        assert_eq!(chunks, [vec![first, ChunkMeta { min_t: 5010, max_t: 7485, count: 166 }]]);
    }

    #[test]
    fn nothing_in_the_span_makes_no_block() {
        let dir = tempfile::tempdir().unwrap();
        let new = new_block(100_000, 200_000);
        let made = write(&Files::default(), dir.path(), &new, set_of(&some_samples())).unwrap();
        assert_eq!(made, None);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    /// Opens a block with one file changed and reads it all: an error, or the truth, or less.
    fn check_damaged(path: &Path, truth: &Samples, what: &str) {
        let Ok(block) = Block::open(path) else { return };
        let Ok(set) =
            block.all().and_then(|all| block.series(all, TimeRange::ALL, &Stop::default()))
        else {
            return;
        };
        for series in set {
            let Ok(mut series) = series else { return };
            let mut columns = Columns::default();
            let read = series.read(TimeRange::ALL, &mut columns);
            let bits = columns.values.iter().map(|v| v.to_bits());
            let found: Vec<_> = columns.timestamps.iter().copied().zip(bits).collect();
            let expected = truth.get(series.labels());
            let expected = expected.unwrap_or_else(|| panic!("{what}: {}", series.labels()));
            let right =
                if read.is_ok() { found == *expected } else { expected.starts_with(&found) };
            assert!(right, "{what}: {} {found:?}", series.labels());
        }
    }

    #[test]
    fn a_file_cut_at_any_length_or_with_any_bit_flipped_gives_errors_or_the_truth() {
        let dir = tempfile::tempdir().unwrap();
        let mut truth = some_samples();
        truth.values_mut().for_each(|samples| samples.truncate(5));
        let path = written(dir.path(), &new_block(0, 9999), &truth);
        for name in [INDEX_FILE, DATA_FILE, meta::META_FILE] {
            let file = path.join(name);
            let whole = std::fs::read(&file).unwrap();
            for len in 0..whole.len() {
                std::fs::write(&file, &whole[..len]).unwrap();
                // Without its last byte, a line feed, meta.json is whole.
                let whole_enough = name == meta::META_FILE && len + 1 == whole.len();
                assert!(Block::open(&path).is_err() || whole_enough, "{name} cut at {len}");
            }
            for bit in 0..whole.len() * 8 {
                let mut flipped = whole.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                std::fs::write(&file, &flipped).unwrap();
                check_damaged(&path, &truth, &format!("{name} bit {bit}"));
            }
            std::fs::write(&file, &whole).unwrap();
        }
        assert_eq!(read_all(&Block::open(&path).unwrap(), TimeRange::ALL).unwrap(), truth);
    }

    #[test]
    fn the_data_file_has_the_bytes_of_the_format() {
        let dir = tempfile::tempdir().unwrap();
        let samples = vec![(1000, 1.5f64.to_bits()), (1007, 0.3f64.to_bits())];
        let constant = vec![(1000, 0), (1007, 0)];
        // The second has the columns of the first; that of the third stands in its row.
        let all = [("x", samples.clone()), ("y", samples), ("z", constant)]
            .map(|(a, samples)| (Labels::from_pairs([("a", a)]), samples));
        let path = written(dir.path(), &new_block(0, 9999), &Samples::from(all));
        let (mut values, mut times) = (Vec::new(), Vec::new());
        column::encode_floats(&[1.5, 0.3], Effort::Best, &mut values);
        column::encode_ints(&[1000, 1007], Effort::Best, &mut times);
        let crc = |bytes: &[u8]| crc32fast::hash(bytes).to_le_bytes();
        let expected =
            [&b"FRLCHUNK\x02\0\0\0\0\0\0\0"[..], &values, &crc(&values), &times, &crc(&times)]
                .concat();
        assert_eq!(std::fs::read(path.join(DATA_FILE)).unwrap(), expected);
    }
}
