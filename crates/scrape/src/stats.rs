//! What scraping counts about itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::stat::{Counter, Gauge, Summary};
use model::time::DurationText;

/// Numbers of all scraping; `api` knows what they are called.
#[derive(Debug, Default)]
pub struct ScrapeStats {
    /// Pools that were made.
    pub pools_created: Counter,
    /// Reloads of pools.
    pub pool_reloads: Counter,
    /// How long reloads of all pools took, in seconds.
    pub reload_length: Summary,
    /// Times a job had too many targets.
    pub exceeded_target_limit: Counter,
    /// Scrapes that failed for a limit on labels.
    pub exceeded_label_limits: Counter,
    /// Scrapes that failed for too many samples.
    pub exceeded_sample_limit: Counter,
    /// Scrapes that failed for too large a body.
    pub exceeded_body_size_limit: Counter,
    /// Samples refused because their time had another value.
    pub sample_duplicate_timestamp: Counter,
    /// Samples refused because newer ones were there.
    pub sample_out_of_order: Counter,
    /// Exemplars refused because newer ones were there.
    pub exemplar_out_of_order: Counter,
    /// Samples refused as too old or too far ahead.
    pub sample_out_of_bounds: Counter,
    intervals: Mutex<BTreeMap<i64, Arc<Summary>>>,
    pools: Mutex<BTreeMap<String, Arc<PoolStats>>>,
}

/// Numbers of one pool.
#[derive(Debug, Default)]
pub struct PoolStats {
    /// How long syncs took, in seconds; their count is the number of syncs.
    pub sync_length: Summary,
    /// Discovered targets that could not be made.
    pub sync_failed: Counter,
    /// Targets that are scraped.
    pub targets: Gauge,
    /// The limit on targets; 0 for none.
    pub target_limit: Gauge,
}

impl ScrapeStats {
    /// Actual intervals between scrapes, in seconds, by planned interval (`15s`).
    pub fn interval_lengths(&self) -> Vec<(String, Arc<Summary>)> {
        let intervals = self.intervals.lock().unwrap_or_else(PoisonError::into_inner);
        intervals.iter().map(|(ms, s)| (DurationText(*ms).to_string(), Arc::clone(s))).collect()
    }

    /// The numbers of each pool, by job.
    pub fn pools(&self) -> Vec<(String, Arc<PoolStats>)> {
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.iter().map(|(job, stats)| (job.clone(), Arc::clone(stats))).collect()
    }

    pub(crate) fn interval_length(&self, interval_ms: i64) -> Arc<Summary> {
        let mut intervals = self.intervals.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(intervals.entry(interval_ms).or_default())
    }

    pub(crate) fn pool(&self, job: &str) -> Arc<PoolStats> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(pools.entry(job.to_owned()).or_default())
    }

    pub(crate) fn forget_pool(&self, job: &str) {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).remove(job);
    }
}
