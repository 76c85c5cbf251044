//! A request's body becomes one commit.
//!
//! Series whose labels make no sense are left out and counted, as Prometheus does; the first sample
//! that the store refuses ends the request, and then nothing of it is stored.

use std::sync::RwLockReadGuard;

use model::labels::METRIC_NAME;
use model::{Labels, Timestamp};
use storage::{AppendError, Appendable, Appender, CommitError, Exemplar, SeriesRef};

use crate::histogram;
use crate::known::{Key, Known, Refs};
use crate::proto::ProtoError;
use crate::request::{RawExemplar, RawLabel, RawSeries, Request};

/// No request may be larger than this when unpacked, in bytes. As in Prometheus.
pub const MAX_DECODED_BYTES: usize = 32 << 20;

/// Samples further ahead than this are refused, ms: a sender whose clock is wrong would shut out
/// all that comes after. As in Prometheus.
pub const MAX_AHEAD_MS: i64 = 10 * 60_000;

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Samples stored.
    pub samples: usize,
    /// Exemplars taken.
    pub exemplars: usize,
    /// Exemplars the store did not want.
    pub exemplars_refused: usize,
    /// Series left out because of their labels.
    pub invalid_series: usize,
    /// Why the first of them was.
    pub first_invalid: Option<String>,
}

/// Why nothing of a request was stored.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Not snappy's block format.
    #[error("snappy: corrupt input")]
    Snappy,
    /// Too large.
    #[error("snappy: decoded length {length} exceeds limit {MAX_DECODED_BYTES}")]
    TooLarge {
        /// What the body says of itself.
        length: u64,
    },
    /// Not a request.
    #[error(transparent)]
    Proto(#[from] ProtoError),
    /// The store refused a sample. The text names no series: a sender's log would hold one line
    /// for each.
    #[error("{source}")]
    Append {
        /// Why.
        source: AppendError,
        /// Of which series.
        series: Labels,
        /// Its time.
        timestamp: Timestamp,
    },
    /// A sample from the future.
    #[error("out of bounds: timestamp is too far in the future")]
    TooFarAhead {
        /// Of which series.
        series: Labels,
        /// Its time.
        timestamp: Timestamp,
    },
    /// The store could not write. This is not the sender's fault: it may try again.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl WriteError {
    /// Whether the sender may try the same request again: otherwise it is to blame.
    pub fn may_retry(&self) -> bool {
        matches!(self, Self::Commit(_))
    }

    /// The same error, which says of which series it is.
    fn of_series(mut self, raw: &RawSeries<'_>) -> Self {
        if let Self::Append { series, .. } | Self::TooFarAhead { series, .. } = &mut self {
            // They made a series before, so they make one now.
            let pairs = raw.labels().unwrap_or_default();
            *series = labels(&pairs).unwrap_or_else(|_| Labels::empty());
        }
        self
    }
}

/// Takes requests for one store, and remembers the series that came before. A receiver belongs to its
/// store: give another store another one.
#[derive(Debug, Default)]
pub struct Receiver {
    known: Known,
}

impl Receiver {
    /// Stores what `body`, a snappy-packed `prometheus.WriteRequest`, says; `now_ms` is the time of
    /// day.
    pub fn receive(
        &self,
        store: &dyn Appendable,
        body: &[u8],
        now_ms: Timestamp,
    ) -> Result<Written, WriteError> {
        let body = unpack(body)?;
        let mut request = Request::new(&body);
        let mut batch = Batch {
            known: &self.known,
            refs: self.known.series(),
            new: Vec::new(),
            appender: store.appender(),
            latest: now_ms.saturating_add(MAX_AHEAD_MS),
            written: Written::default(),
        };
        let mut series = RawSeries::default();
        while request.next(&mut series)? {
            batch.series(&series)?;
        }
        let Batch { refs, new, appender, written, .. } = batch;
        drop(refs);
        appender.commit()?;
        self.known.learn(&new);
        Ok(written)
    }
}

fn unpack(body: &[u8]) -> Result<Vec<u8>, WriteError> {
    let length = snap::raw::decompress_len(body).map_err(|error| match error {
        snap::Error::TooBig { given, .. } => WriteError::TooLarge { length: given },
        _ => WriteError::Snappy,
    })?;
    if body.is_empty() {
        return Err(WriteError::Snappy);
    }
    if length > MAX_DECODED_BYTES {
        return Err(WriteError::TooLarge { length: length as u64 });
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(|_| WriteError::Snappy)
}

/// A request on its way into the store.
struct Batch<'s> {
    known: &'s Known,
    refs: RwLockReadGuard<'s, Refs>,
    /// Series to be known from now on.
    new: Vec<(Key, SeriesRef)>,
    appender: Box<dyn Appender + 's>,
    latest: Timestamp,
    written: Written,
}

impl Batch<'_> {
    fn series(&mut self, series: &RawSeries<'_>) -> Result<(), WriteError> {
        let key = series.label_bytes().map(|bytes| self.known.key(bytes));
        if let Some(known) = key.and_then(|key| self.refs.get(&key).copied()) {
            match self.samples(Some(known), &Labels::empty(), series) {
                // The store has dropped the series meanwhile: it wants the labels again.
                Err(WriteError::Append { source: AppendError::InvalidLabels(_), .. }) => {}
                Err(error) => return Err(error.of_series(series)),
                Ok(_) => return Ok(()),
            }
        }
        let labels = match labels(&series.labels()?) {
            Ok(labels) => labels,
            Err(reason) => {
                self.written.invalid_series += 1;
                self.written.first_invalid.get_or_insert(reason);
                return Ok(());
            }
        };
        let stored = self.samples(None, &labels, series)?;
        self.new.extend(key.zip(stored));
        Ok(())
    }

    /// Stages all samples of a series, and returns what the store calls it if there are any.
    fn samples(
        &mut self,
        mut known: Option<SeriesRef>,
        labels: &Labels,
        series: &RawSeries<'_>,
    ) -> Result<Option<SeriesRef>, WriteError> {
        let mut staged = None;
        for &(t, v) in &series.samples {
            if t > self.latest {
                return Err(WriteError::TooFarAhead { series: labels.clone(), timestamp: t });
            }
            let appended = self.appender.append(known, labels, t, v);
            known = Some(appended.map_err(|e| refused(e, labels, t))?);
            staged = known;
            self.written.samples += 1;
        }
        for message in &series.histograms {
            let (t, histogram) = histogram::decode(message)?;
            if t > self.latest {
                return Err(WriteError::TooFarAhead { series: labels.clone(), timestamp: t });
            }
            let appended = histogram
                .map_err(AppendError::InvalidHistogram)
                .and_then(|h| self.appender.append_histogram(known, labels, t, &h));
            known = Some(appended.map_err(|e| refused(e, labels, t))?);
            staged = known;
            self.written.samples += 1;
        }
        if let Some(staged) = staged {
            for exemplar in &series.exemplars {
                self.exemplar(staged, exemplar);
            }
        }
        Ok(staged)
    }

    /// Exemplars are worth less than samples: one that is refused is counted, no more.
    fn exemplar(&mut self, series: SeriesRef, raw: &RawExemplar<'_>) {
        let taken = pairs(&raw.labels).is_ok_and(|pairs| {
            let exemplar = Exemplar {
                labels: Labels::from_pairs(pairs),
                value: raw.value,
                timestamp: Some(raw.timestamp),
            };
            self.appender.append_exemplar(series, &exemplar).is_ok()
        });
        match taken {
            true => self.written.exemplars += 1,
            false => self.written.exemplars_refused += 1,
        }
    }
}

fn refused(source: AppendError, series: &Labels, timestamp: Timestamp) -> WriteError {
    WriteError::Append { source, series: series.clone(), timestamp }
}

/// The labels of a series, or why they are none. They may come in any order; an empty value is no
/// label.
fn labels(raw: &[RawLabel<'_>]) -> Result<Labels, String> {
    let mut pairs = pairs(raw)?;
    if !pairs.is_sorted_by(|a, b| a.0 < b.0) {
        pairs.sort_unstable();
        if let Some(twice) = pairs.windows(2).find(|two| two[0].0 == two[1].0) {
            return Err(format!("duplicate label {:?}", twice[0].0));
        }
    }
    pairs.retain(|(_, value)| !value.is_empty());
    if pairs.iter().any(|(name, _)| name.is_empty()) {
        return Err("a label without a name".to_owned());
    }
    let labels = Labels::from_sorted(pairs);
    match labels.has(METRIC_NAME) {
        true => Ok(labels),
        false => Err(format!("no metric name in {labels}")),
    }
}

fn pairs<'a>(raw: &[RawLabel<'a>]) -> Result<Vec<(&'a str, &'a str)>, String> {
    let text = |bytes: &'a [u8]| {
        str::from_utf8(bytes)
            .map_err(|_| format!("{:?} is not UTF-8", String::from_utf8_lossy(bytes)))
    };
    raw.iter().map(|(name, value)| Ok((text(name)?, text(value)?))).collect()
}
