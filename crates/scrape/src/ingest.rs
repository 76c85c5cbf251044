//! One scrape's answer into the storage: parse, relabel, append, mark, report, commit.
//!
//! All of it is one commit. If anything in the body is wrong nothing of it is stored, all series of
//! the target are marked stale, and the report says `up 0`. This is work for the processor and the
//! disk: the loop runs it on a thread where waiting is allowed.

use std::sync::Arc;
use std::time::Duration;

use client::{Failure, Response};
use exposition::negotiate::choose;
use exposition::{Entry, LabelPair, Parser, Series, decode};
use model::sample::STALE_NAN;
use model::{Clock, Labels, Timestamp};
use storage::{AppendError, Appendable, Appender, Exemplar, SeriesRef};

use crate::cache::{Cache, Found};
use crate::mutate::series_labels;
use crate::report::{Counts, Report, Reporter};
use crate::scrape_loop::Settings;
use crate::stats::ScrapeStats;
use crate::status::Standing;
use crate::{ScrapeConfig, ScrapeError};

/// A sample further ahead of the scrape than this is refused.
const MAX_AHEAD_MS: i64 = 600_000;

/// What one target's samples go through. Lives as long as its loop.
pub(crate) struct Ingest {
    storage: Arc<dyn Appendable>,
    clock: Arc<dyn Clock>,
    stats: Arc<ScrapeStats>,
    standing: Arc<Standing>,
    cache: Cache,
    reporter: Reporter,
    /// The newest time anything was appended at.
    last_t: Option<Timestamp>,
}

/// One answer, or why there is none.
pub(crate) struct Scrape {
    pub(crate) t: Timestamp,
    /// The clock when the scrape began.
    pub(crate) started: Duration,
    pub(crate) answer: Result<Response, ScrapeError>,
}

impl Ingest {
    pub(crate) fn new(
        storage: Arc<dyn Appendable>,
        clock: Arc<dyn Clock>,
        stats: Arc<ScrapeStats>,
        standing: Arc<Standing>,
        target: &Labels,
    ) -> Self {
        let (cache, reporter) = (Cache::default(), Reporter::new(target));
        Self { storage, clock, stats, standing, cache, reporter, last_t: None }
    }

    /// Series texts may mean other labels from now on.
    pub(crate) fn labels_changed(&mut self) {
        self.cache.forget_texts();
    }

    /// Stores what a scrape brought, and tells the target's standing.
    pub(crate) fn store(&mut self, settings: &Settings, scrape: Scrape) {
        let Scrape { t, started, answer } = scrape;
        let storage = Arc::clone(&self.storage);
        let mut appender = storage.appender();
        let mut counts = Counts::default();
        self.cache.begin();
        let stored =
            answer.and_then(|a| self.store_answer(&mut *appender, settings, t, &a, &mut counts));
        match &stored {
            Ok(()) => self.cache.end(),
            Err(error) => {
                appender = storage.appender();
                let gone = self.cache.fail();
                mark_stale(&mut *appender, &gone, t);
                self.count_failure(error, &mut counts);
            }
        }
        let duration = self.clock.monotonic().saturating_sub(started);
        let report = Report {
            up: stored.is_ok(),
            duration,
            counts,
            timeout_ms: settings.target.timeout_ms,
            sample_limit: settings.config.sample_limit,
        };
        let extra = settings.config.extra_scrape_metrics;
        if let Err(error) = self.reporter.append(&mut *appender, t, &report, extra) {
            tracing::warn!(target = settings.target.url, %error, "Appending scrape report failed");
        }
        let committed = appender.commit().map_err(|error| {
            tracing::error!(target = settings.target.url, %error, "Scrape commit failed");
            error.to_string()
        });
        self.last_t = Some(t);
        let error = stored.map_err(|e| e.to_string()).and(committed.map(|_| ())).err();
        if let Some(error) = &error {
            tracing::debug!(
                scrape_pool = settings.config.job_name,
                target = settings.target.url,
                error,
                "Scrape failed"
            );
        }
        self.standing.set(t, duration, error);
    }

    /// The target is gone: ends all its series.
    pub(crate) fn end_all(&mut self) {
        let Some(last_t) = self.last_t else {
            return;
        };
        let t = self.clock.now_ms().max(last_t + 1);
        let storage = Arc::clone(&self.storage);
        let mut appender = storage.appender();
        self.cache.begin();
        let gone = self.cache.fail();
        mark_stale(&mut *appender, &gone, t);
        let ended = self.reporter.append_stale(&mut *appender, t);
        if let Err(error) = ended {
            tracing::warn!(%error, "Stale report failed");
        }
        if let Err(error) = appender.commit() {
            tracing::warn!(%error, "Stale commit failed");
        }
    }

    fn store_answer(
        &mut self,
        appender: &mut dyn Appender,
        settings: &Settings,
        t: Timestamp,
        answer: &Response,
        counts: &mut Counts,
    ) -> Result<(), ScrapeError> {
        let body = answer.decoded().map_err(ScrapeError::of_failure)?;
        counts.body_bytes = i64::try_from(body.len()).unwrap_or(i64::MAX);
        let mut round = Round {
            appender,
            cache: &mut self.cache,
            standing: &self.standing,
            config: &settings.config,
            target: &settings.target.labels,
            nothing: Labels::empty(),
            t,
            counts,
            tally: Tally::default(),
        };
        let read = round.read(settings, answer.content_type(), &body);
        round.tally.tell(settings, &self.stats);
        read?;
        mark_stale(appender, &self.cache.vanished(), t);
        self.standing.metadata().end_round();
        Ok(())
    }

    fn count_failure(&self, error: &ScrapeError, counts: &mut Counts) {
        match error {
            ScrapeError::BodySizeLimit => {
                counts.body_bytes = -1;
                self.stats.exceeded_body_size_limit.inc();
            }
            ScrapeError::SampleLimit => self.stats.exceeded_sample_limit.inc(),
            ScrapeError::LabelLimit(_) => self.stats.exceeded_label_limits.inc(),
            _ => {}
        }
    }
}

/// Ends series. A store that has newer samples of one keeps those, and that is right: another loop
/// has taken the series over.
fn mark_stale(appender: &mut dyn Appender, gone: &[SeriesRef], t: Timestamp) {
    let nothing = Labels::empty();
    for series in gone {
        // A series that the store has dropped needs no marker either.
        let _ = appender.append(Some(*series), &nothing, t, STALE_NAN);
    }
}

/// Samples that were refused, one by one, without failing the scrape.
#[derive(Debug, Default)]
struct Tally {
    out_of_order: u64,
    exemplars_out_of_order: u64,
    duplicates: u64,
    out_of_bounds: u64,
    /// More samples came than may.
    over_limit: bool,
    /// How many went to the appender.
    offered: u64,
}

impl Tally {
    /// Counts a refusal; an error that is not about time fails the scrape.
    fn count(&mut self, error: AppendError) -> Result<(), ScrapeError> {
        match error {
            AppendError::OutOfOrder => self.out_of_order += 1,
            AppendError::DuplicateTimestamp | AppendError::DuplicateFloat(_) => {
                self.duplicates += 1;
            }
            AppendError::OutOfBounds | AppendError::TooOld => self.out_of_bounds += 1,
            error => return Err(ScrapeError::Append(error)),
        }
        Ok(())
    }

    /// Logs and counts what was refused, once per scrape.
    fn tell(&self, settings: &Settings, stats: &ScrapeStats) {
        let kinds = [
            (
                self.out_of_order,
                &stats.sample_out_of_order,
                "Error on ingesting out-of-order samples",
            ),
            (
                self.duplicates,
                &stats.sample_duplicate_timestamp,
                "Error on ingesting samples with different value but same timestamp",
            ),
            (
                self.out_of_bounds,
                &stats.sample_out_of_bounds,
                "Error on ingesting samples that are too old or are too far into the future",
            ),
            (
                self.exemplars_out_of_order,
                &stats.exemplar_out_of_order,
                "Error on ingesting out-of-order exemplars",
            ),
        ];
        for (num_dropped, counter, message) in kinds {
            if num_dropped > 0 {
                counter.add(num_dropped);
                let pool = &settings.config.job_name;
                let target = &settings.target.url;
                tracing::warn!(scrape_pool = pool, target, num_dropped, "{message}");
            }
        }
    }
}

/// The reading of one body.
struct Round<'r> {
    appender: &'r mut dyn Appender,
    cache: &'r mut Cache,
    standing: &'r Standing,
    config: &'r ScrapeConfig,
    target: &'r Labels,
    /// Stands for the labels of a series the store knows by reference.
    nothing: Labels,
    t: Timestamp,
    counts: &'r mut Counts,
    tally: Tally,
}

impl Round<'_> {
    fn read(
        &mut self,
        settings: &Settings,
        content_type: &str,
        body: &[u8],
    ) -> Result<(), ScrapeError> {
        if body.is_empty() {
            return Ok(());
        }
        let choice = choose(content_type, self.config.fallback_scrape_protocol)?;
        if choice.guessed && self.standing.first_guess() {
            tracing::warn!(
                scrape_pool = self.config.job_name,
                target = settings.target.url,
                content_type,
                "Target does not say which format it speaks; guessing"
            );
        }
        let text = decode(body)?;
        let mut parser = Parser::new(&text, choice.format);
        let mut pairs = Vec::new();
        while let Some(entry) = parser.next() {
            match entry? {
                Entry::Series(series) => self.sample(&parser, &series, &mut pairs)?,
                metadata => self.standing.metadata().note(&metadata),
            }
        }
        if self.tally.over_limit { Err(ScrapeError::SampleLimit) } else { Ok(()) }
    }

    fn sample<'a>(
        &mut self,
        parser: &Parser<'a>,
        series: &Series<'a>,
        pairs: &mut Vec<LabelPair<'a>>,
    ) -> Result<(), ScrapeError> {
        self.counts.scraped += 1;
        let own_time = series.timestamp.filter(|_| self.config.honor_timestamps);
        let tracked = own_time.is_none() || self.config.track_timestamps_staleness;
        let t = own_time.unwrap_or(self.t);
        let appended = match self.cache.find(series.text) {
            Some(Found::Dropped) => return Ok(()),
            Some(Found::Series { again: true, .. }) if own_time.is_none() => {
                Err(AppendError::DuplicateTimestamp)
            }
            Some(Found::Series { slot, series: known, .. }) => {
                let nothing = self.nothing.clone();
                match self.append(Some(known), &nothing, t, series.value) {
                    // The store has dropped the series meanwhile: it wants the labels again.
                    Err(AppendError::InvalidLabels(_)) => {
                        let Some(labels) = self.labels(parser, series, pairs)? else {
                            return Ok(());
                        };
                        self.appender.append(None, &labels, t, series.value).map(Some)
                    }
                    other => other,
                }
                .inspect(|known| {
                    if let Some(known) = *known {
                        self.cache.appended(slot, known, tracked);
                    }
                })
            }
            None => {
                let Some(labels) = self.labels(parser, series, pairs)? else {
                    self.cache.insert(series.text, None);
                    return Ok(());
                };
                let appended = self.append(None, &labels, t, series.value);
                if let Ok(Some(new)) = appended {
                    let slot = self.cache.insert(series.text, Some(new));
                    self.cache.appended(slot, new, tracked);
                    self.counts.new_series += 1;
                }
                appended
            }
        };
        self.counts.kept += 1;
        match appended {
            Ok(Some(stored)) => self.exemplar(stored, series),
            Ok(None) => {}
            Err(error) => self.tally.count(error)?,
        }
        Ok(())
    }

    /// The labels the series is stored under; `None` if it is dropped.
    fn labels<'a>(
        &self,
        parser: &Parser<'a>,
        series: &Series<'a>,
        pairs: &mut Vec<LabelPair<'a>>,
    ) -> Result<Option<Labels>, ScrapeError> {
        parser.labels(series, pairs)?;
        series_labels(pairs, self.target, self.config)
    }

    /// Appends within the limits; `None` if the sample is one too many. The rest of the body is
    /// still read then, so that the report counts all of it.
    fn append(
        &mut self,
        known: Option<SeriesRef>,
        labels: &Labels,
        t: Timestamp,
        value: f64,
    ) -> Result<Option<SeriesRef>, AppendError> {
        self.tally.offered += 1;
        let limit = self.config.sample_limit;
        if limit > 0 && self.tally.offered > limit {
            self.tally.over_limit = true;
            return Ok(None);
        }
        if t > self.t.saturating_add(MAX_AHEAD_MS) {
            return Err(AppendError::OutOfBounds);
        }
        self.appender.append(known, labels, t, value).map(Some)
    }

    fn exemplar(&mut self, stored: SeriesRef, series: &Series<'_>) {
        let Some(exemplar) = &series.exemplar else {
            return;
        };
        let pairs = exemplar.labels.iter().map(|(n, v)| (n.as_ref(), v.as_ref()));
        let exemplar = Exemplar {
            labels: Labels::from_pairs(pairs),
            value: exemplar.value,
            timestamp: exemplar.timestamp,
        };
        match self.appender.append_exemplar(stored, &exemplar) {
            Ok(()) => {}
            Err(AppendError::ExemplarOutOfOrder) => self.tally.exemplars_out_of_order += 1,
            Err(error) => {
                tracing::debug!(series = series.text, %error, "Exemplar was not stored");
            }
        }
    }
}

impl ScrapeError {
    /// A body that could not be had.
    pub(crate) fn of_failure(failure: Failure) -> Self {
        match failure {
            Failure::BodyTooLarge { .. } => Self::BodySizeLimit,
            other => Self::Encoding(other),
        }
    }
}
