//! How targets stand: what the API and the pages show.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{Labels, Timestamp};

use crate::MetricMetadata;
use crate::metadata::MetadataCache;

/// Whether a target could be scraped last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It was not scraped yet.
    #[default]
    Unknown,
    /// It could.
    Up,
    /// It could not.
    Down,
}

impl Health {
    /// `unknown`, `up` or `down`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One job and its targets.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolStatus {
    /// The job's name.
    pub name: String,
    /// Targets that are scraped, in the order of the configuration.
    pub active: Vec<TargetStatus>,
    /// Discovered labels of targets that relabelling dropped, as many as the job wants to keep.
    pub dropped: Vec<Labels>,
    /// How many relabelling dropped in all.
    pub dropped_count: usize,
}

/// One target that is scraped.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetStatus {
    /// Its labels before relabelling.
    pub discovered_labels: Labels,
    /// Its labels after relabelling, without those that begin with two underscores.
    pub labels: Labels,
    /// The job.
    pub scrape_pool: String,
    /// What is asked for.
    pub scrape_url: String,
    /// Why the last scrape failed; empty if it did not.
    pub last_error: String,
    /// The time of the last scrape; `None` before the first.
    pub last_scrape: Option<Timestamp>,
    /// How long it took, in seconds.
    pub last_scrape_duration: f64,
    /// How it went.
    pub health: Health,
    /// Time between scrapes, ms.
    pub scrape_interval_ms: i64,
    /// Time for one scrape, ms.
    pub scrape_timeout_ms: i64,
}

/// What one target says about its metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetMetadata {
    /// The job.
    pub scrape_pool: String,
    /// The target's labels, as in [`TargetStatus::labels`].
    pub labels: Labels,
    /// Its metric families, sorted by name.
    pub metadata: Vec<MetricMetadata>,
}

/// How one target stands: the loop writes it, snapshots read it. Locks are held for a moment.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    last: Mutex<Option<LastScrape>>,
    metadata: Mutex<MetadataCache>,
    guessed: AtomicBool,
}

#[derive(Clone, Debug)]
pub(crate) struct LastScrape {
    pub(crate) t: Timestamp,
    pub(crate) duration: Duration,
    pub(crate) error: Option<String>,
}

impl Standing {
    pub(crate) fn set(&self, t: Timestamp, duration: Duration, error: Option<String>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(LastScrape { t, duration, error });
    }

    pub(crate) fn last(&self) -> Option<LastScrape> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn metadata(&self) -> MutexGuard<'_, MetadataCache> {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the target's format is guessed for the first time: that is worth a warning, once.
    pub(crate) fn first_guess(&self) -> bool {
        !self.guessed.swap(true, Ordering::Relaxed)
    }
}
