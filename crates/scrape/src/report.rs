//! What a loop says about its target: `up` and its siblings.

use std::time::Duration;

use model::{Labels, Timestamp};
use storage::{AppendError, Appender, SeriesRef};

use crate::mutate::report_labels;

/// What one scrape amounted to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    /// Samples in the body.
    pub(crate) scraped: usize,
    /// Samples that relabelling left.
    pub(crate) kept: usize,
    /// Series that were not known before.
    pub(crate) new_series: usize,
    /// Size of the body without compression; -1 if it was too large.
    pub(crate) body_bytes: i64,
}

/// What the reporting series say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) up: bool,
    pub(crate) duration: Duration,
    pub(crate) counts: Counts,
    pub(crate) timeout_ms: i64,
    pub(crate) sample_limit: u64,
}

/// What a reporting series says.
type Value = fn(&Report) -> f64;

/// Every reporting series and what it says.
#[expect(clippy::cast_precision_loss, reason = "counts of things in memory are below 2^53")]
const SERIES: [(&str, Value); 8] = [
    ("up", |r| f64::from(u8::from(r.up))),
    ("scrape_duration_seconds", |r| r.duration.as_secs_f64()),
    ("scrape_samples_scraped", |r| r.counts.scraped as f64),
    ("scrape_samples_post_metric_relabeling", |r| r.counts.kept as f64),
    ("scrape_series_added", |r| r.counts.new_series as f64),
    ("scrape_timeout_seconds", |r| r.timeout_ms as f64 / 1000.0),
    ("scrape_sample_limit", |r| r.sample_limit as f64),
    ("scrape_body_size_bytes", |r| r.counts.body_bytes as f64),
];
/// So many of them are always there; the others are extra.
const ALWAYS: usize = 5;

/// The reporting series of one target.
#[derive(Debug)]
pub(crate) struct Reporter {
    series: Vec<(Labels, Option<SeriesRef>)>,
    /// How many series have a sample, not a marker, as their newest.
    live: usize,
}

impl Reporter {
    /// A reporter for a target with these labels.
    pub(crate) fn new(target: &Labels) -> Self {
        let series = SERIES.iter().map(|(name, _)| (report_labels(name, target), None)).collect();
        Self { series, live: 0 }
    }

    /// Appends what the series say, with the extra ones if asked for. Series that were extra and
    /// are not wanted any more end.
    pub(crate) fn append(
        &mut self,
        appender: &mut dyn Appender,
        t: Timestamp,
        report: &Report,
        extra: bool,
    ) -> Result<(), AppendError> {
        let wanted = if extra { SERIES.len() } else { ALWAYS };
        for (series, (_, value)) in self.series.iter_mut().zip(SERIES).take(wanted) {
            append_one(appender, series, t, value(report))?;
        }
        for series in self.series.iter_mut().take(self.live).skip(wanted) {
            append_one(appender, series, t, model::sample::STALE_NAN)?;
        }
        self.live = wanted;
        Ok(())
    }

    /// Ends all series.
    pub(crate) fn append_stale(
        &mut self,
        appender: &mut dyn Appender,
        t: Timestamp,
    ) -> Result<(), AppendError> {
        for series in self.series.iter_mut().take(std::mem::take(&mut self.live)) {
            append_one(appender, series, t, model::sample::STALE_NAN)?;
        }
        Ok(())
    }
}

fn append_one(
    appender: &mut dyn Appender,
    (labels, known): &mut (Labels, Option<SeriesRef>),
    t: Timestamp,
    value: f64,
) -> Result<(), AppendError> {
    match appender.append(*known, labels, t, value) {
        Ok(series) => *known = Some(series),
        // Expected where a target went away and came back with another loop.
        Err(
            AppendError::OutOfOrder
            | AppendError::DuplicateTimestamp
            | AppendError::DuplicateFloat(_),
        ) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
