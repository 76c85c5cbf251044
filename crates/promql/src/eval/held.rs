//! What a query holds, charged to its budget for as long as it is held.
//!
//! The values of series are charged in samples of 16 bytes, as many as Prometheus counts: a column
//! counts for its values, but at least for half its steps, for it takes that memory even where nothing
//! is present; a histogram counts for its size. Everything else (labels, maps, decoded columns, the
//! written answer) is charged by bytes, 16 to a sample; of those the first [`FREE_BYTES`] are free, so
//! that small limits mean samples, as in Prometheus. Always true: what was charged is given back when
//! the [`Held`] is dropped, whatever became of it in between.

use model::{Histogram, Labels};
use storage::Columns;

use super::budget::Usage;
use super::series::EvalSeries;
use crate::error::EngineError;

/// What a sample takes: a time and a value.
pub const SAMPLE_BYTES: usize = 16;

/// So much memory that is not samples a query may hold besides.
pub const FREE_BYTES: usize = 4 << 20;

/// What a histogram without buckets and its time take in Prometheus, whose counts these are.
const HISTOGRAM_BYTES: usize = 168 + 8;

/// What an entry in a map of labels takes beside the labels.
const ENTRY_BYTES: usize = 64;

/// Something held, and charged.
#[must_use = "what is dropped is not charged any more"]
pub struct Held {
    pub(super) usage: Usage,
    pub(super) max_samples: usize,
    pub(super) samples: usize,
    pub(super) bytes: usize,
}

impl Held {
    /// Charges so many samples more.
    pub fn samples(&mut self, samples: usize) -> Result<(), EngineError> {
        self.charge(samples, 0)
    }

    /// Charges so many bytes more of what is not samples.
    pub fn bytes(&mut self, bytes: usize) -> Result<(), EngineError> {
        self.charge(0, bytes)
    }

    /// Charges a series more, with its labels.
    pub fn series(&mut self, series: &EvalSeries) -> Result<(), EngineError> {
        let histograms = series.histograms.as_ref();
        let histograms: usize =
            histograms.map_or(0, |all| all.iter().map(|(_, h)| histogram_samples(h)).sum());
        let column = series.column.count().max(series.column.steps() / 2);
        // A list of series has room for as many again.
        let around = 2 * size_of::<EvalSeries>() + series.column.steps() / 8;
        self.charge(column + histograms, around + labels_bytes(&series.labels))
    }

    /// Charges an entry more of a map whose keys are labels.
    pub(super) fn entry(&mut self, labels: &Labels) -> Result<(), EngineError> {
        self.bytes(ENTRY_BYTES + labels_bytes(labels))
    }

    /// Charges a series of samples as they are stored, and the columns they were decoded to.
    pub(super) fn matrix(&mut self, columns: &Columns, labels: &Labels) -> Result<(), EngineError> {
        let histograms: usize = columns.histograms.iter().map(histogram_samples).sum();
        self.entry(labels)?;
        self.samples(columns.timestamps.len() + histograms)
    }

    /// Charges decoded columns, and as much again for what is made of them on the way.
    pub(super) fn columns(&mut self, columns: &Columns) -> Result<(), EngineError> {
        let histograms: usize = columns.histograms.iter().map(histogram_samples).sum();
        self.bytes(2 * SAMPLE_BYTES * (columns.len() + histograms))
    }

    /// Charges from now on with the other one.
    pub(super) fn absorb(&mut self, mut other: Self) {
        self.samples += std::mem::take(&mut other.samples);
        self.bytes += std::mem::take(&mut other.bytes);
    }

    fn charge(&mut self, samples: usize, bytes: usize) -> Result<(), EngineError> {
        self.samples += samples;
        self.bytes += bytes;
        self.usage.add(samples, bytes);
        match self.usage.held() > self.max_samples {
            true => Err(EngineError::TooManySamples),
            false => Ok(()),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.usage.take(self.samples, self.bytes);
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({} samples, {} bytes)", self.samples, self.bytes)
    }
}

/// What a histogram counts for: Prometheus's size of one and of its time, in samples.
pub(super) fn histogram_samples(h: &Histogram) -> usize {
    let numbers = h.positive.len() + h.negative.len() + h.custom_values.len();
    let spans = h.positive_spans.len() + h.negative_spans.len();
    (HISTOGRAM_BYTES + 8 * (numbers + spans)) / SAMPLE_BYTES
}

/// What labels take, with the counts of who has them.
fn labels_bytes(labels: &Labels) -> usize {
    2 * size_of::<usize>() + labels.as_bytes().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::budget::Budget;

    #[test]
    fn bytes_count_as_samples_beyond_those_that_are_free() {
        let budget = Budget::of(10);
        let mut held = budget.held();
        assert!(held.samples(4).is_ok() && held.bytes(FREE_BYTES + 6 * SAMPLE_BYTES).is_ok());
        assert!(matches!(budget.held().bytes(SAMPLE_BYTES), Err(EngineError::TooManySamples)));
        let mut other = budget.held();
        other.absorb(held);
        assert!(matches!(budget.held().samples(1), Err(EngineError::TooManySamples)));
        drop(other);
        assert!(budget.held().samples(10).is_ok());
        assert_eq!(budget.peak(), 11);
    }

    #[test]
    fn a_histogram_counts_for_its_buckets() {
        let of = |buckets| Histogram { positive: vec![1.0; buckets], ..Histogram::default() };
        assert_eq!(histogram_samples(&of(160)) - histogram_samples(&of(0)), 80);
    }
}
