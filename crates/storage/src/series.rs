//! A selected series, as columns.

use model::{Histogram, Labels, TimeRange, Timestamp};

use crate::{QueryError, StartTimestamps, Times};

/// What is known of a run of samples before it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkMeta {
    /// Time of the first sample.
    pub min_t: Timestamp,
    /// Time of the last sample.
    pub max_t: Timestamp,
    /// How many samples; of an open chunk at least so many.
    pub count: u32,
}

/// A caller's reused buffers. Floats and native histograms are columns of their own; each pair of
/// columns has equal lengths, and within a column time strictly increases.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// Times of `values`, ms since 1970.
    pub timestamps: Times,
    /// Float samples; the bits of NaNs are kept.
    pub values: Vec<f64>,
    /// Times of `histograms`.
    pub histogram_timestamps: Vec<Timestamp>,
    /// Native histograms; a stale one has the marker as its sum.
    pub histograms: Vec<Histogram>,
    /// Since when samples of either kind count, of those that say so.
    pub starts: StartTimestamps,
}

impl Columns {
    /// Empties all columns and keeps their memory.
    pub fn clear(&mut self) {
        self.timestamps.clear();
        self.values.clear();
        self.histogram_timestamps.clear();
        self.histograms.clear();
        self.starts.clear();
    }

    /// How many samples there are, of both kinds.
    pub fn len(&self) -> usize {
        self.timestamps.len() + self.histogram_timestamps.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One series of a selection.
pub trait Series: Send {
    /// Its labels.
    fn labels(&self) -> &Labels;

    /// Its chunks within the view, sorted by `min_t`; they may overlap. A caller uses them to choose
    /// the ranges it reads.
    fn chunks(&self) -> &[ChunkMeta];

    /// Appends the samples inside `range`, in order of time, to the caller's columns.
    ///
    /// Samples of equal time occur once. What the columns held before stays; ranges are asked for in
    /// rising order if one series is read in parts.
    fn read(&mut self, range: TimeRange, columns: &mut Columns) -> Result<(), QueryError>;
}

/// Series sorted by labels, each once. After an error there is nothing more.
pub trait SeriesSet<'a>: Iterator<Item = Result<Box<dyn Series + 'a>, QueryError>> + Send {}

impl<'a, T: Iterator<Item = Result<Box<dyn Series + 'a>, QueryError>> + Send> SeriesSet<'a> for T {}
