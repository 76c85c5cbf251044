//! The window a range function sees of a series with histograms, and what comes of it.

use model::{Histogram, Timestamp};
use storage::{Columns, StartTimestamps};

use super::over_time;

/// The samples one step sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NativeWindow<'a> {
    /// Times of the floats.
    pub(crate) float_times: &'a [Timestamp],
    /// The floats.
    pub(crate) floats: &'a [f64],
    /// Times of the histograms.
    pub(crate) times: &'a [Timestamp],
    /// The histograms; without stale ones.
    pub(crate) histograms: &'a [Histogram],
    /// Since when samples count, of those that say so.
    pub(crate) starts: &'a StartTimestamps,
    /// The moment at which it ends, ms.
    pub(crate) end_ms: Timestamp,
    /// How far it reaches back, ms.
    pub(crate) range_ms: i64,
}

impl<'a> NativeWindow<'a> {
    /// The samples within `range_ms` before `end_ms`.
    pub(crate) fn of(columns: &'a Columns, end_ms: Timestamp, range_ms: i64) -> Self {
        let edge = end_ms.saturating_sub(range_ms);
        let inside = |times: &[Timestamp]| {
            let from = times.partition_point(|t| *t <= edge);
            from..times.partition_point(|t| *t <= end_ms).max(from)
        };
        let (floats, histograms) =
            (inside(&columns.timestamps), inside(&columns.histogram_timestamps));
        Self {
            float_times: &columns.timestamps[floats.clone()],
            floats: &columns.values[floats],
            times: &columns.histogram_timestamps[histograms.clone()],
            histograms: &columns.histograms[histograms],
            starts: &columns.starts,
            end_ms,
            range_ms,
        }
    }
}

/// What a function makes of a window with histograms.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Nothing.
    Nothing,
    /// What it makes of the floats alone.
    OfFloats,
    /// A number.
    Float(f64),
    /// A histogram.
    Histogram(Box<Histogram>),
}

/// What is to be said about a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Note {
    /// Floats and histograms where only one kind makes sense.
    Mixed,
    /// Exponential and custom buckets.
    MixedSchemas,
    /// A gauge where a counter was expected.
    NotACounter,
    /// A counter where a gauge was expected.
    NotAGauge,
    /// Histograms were left out beside floats.
    Ignored,
    /// Hints of resets contradict each other.
    ConflictingHints,
    /// A sample counts since before the sample ahead of it.
    StartsOverlap,
    /// Custom bounds differ.
    Reconciled(&'static str),
}

impl Note {
    /// Whether it is a warning and not an info.
    pub(crate) fn is_warning(self) -> bool {
        !matches!(self, Self::Ignored | Self::Reconciled(_))
    }

    /// Prometheus's text about a metric.
    pub(crate) fn text(self, metric: &str) -> String {
        let metric = model::labels::Quoted(metric);
        match self {
            Self::Mixed => {
                format!("encountered a mix of histograms and floats for metric name {metric}")
            }
            Self::MixedSchemas => format!(
                "vector contains a mix of histograms with exponential and custom buckets schemas \
                 for metric name {metric}"
            ),
            Self::NotACounter => {
                format!("this native histogram metric is not a counter: {metric}")
            }
            Self::NotAGauge => format!("this native histogram metric is not a gauge: {metric}"),
            Self::Ignored => format!(
                "ignored histograms in a range containing both floats and histograms for metric \
                 name {metric}"
            ),
            Self::ConflictingHints => {
                "conflicting counter resets during histogram aggregation".to_owned()
            }
            Self::StartsOverlap => format!(
                "sample has start time that overlaps with previous sample timestamp for metric \
                 {metric}"
            ),
            Self::Reconciled(operation) => {
                format!("mismatched custom buckets were reconciled during {operation}")
            }
        }
    }
}

/// What `function` makes of a window in which there is a histogram.
pub(crate) fn over_window(
    function: &str,
    window: &NativeWindow<'_>,
    note: &mut dyn FnMut(Note),
) -> Outcome {
    match function {
        "rate" => over_time::extrapolated(window, true, true, note),
        "increase" => over_time::extrapolated(window, true, false, note),
        "delta" => over_time::extrapolated(window, false, false, note),
        "irate" => over_time::of_last_two(window, true, note),
        "idelta" => over_time::of_last_two(window, false, note),
        "sum_over_time" => over_time::sum(window, false, note),
        "avg_over_time" => over_time::sum(window, true, note),
        "count_over_time" => Outcome::Float((window.floats.len() + window.histograms.len()) as f64),
        "present_over_time" | "absent_over_time" => Outcome::Float(1.0),
        "first_over_time" => over_time::end(window, false),
        "last_over_time" => over_time::end(window, true),
        "ts_of_first_over_time" => over_time::time_of_end(window, false),
        "ts_of_last_over_time" => over_time::time_of_end(window, true),
        "changes" => over_time::count_pairs(window, over_time::is_change),
        "resets" => over_time::count_pairs(window, over_time::is_fall),
        _ if window.floats.is_empty() => Outcome::Nothing,
        _ => {
            note(Note::Ignored);
            Outcome::OfFloats
        }
    }
}
