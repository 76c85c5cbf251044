//! All pools: they follow the configuration, show how they stand, and stop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Clock;
use storage::Appendable;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::pool::Pool;
use crate::scrape_loop::{Order, Shared};
use crate::{PoolStatus, ScrapeConfig, ScrapeOptions, ScrapeStats, TargetMetadata};

/// Scrapes what the configuration says, and appends to one storage.
pub struct ScrapeManager {
    shared: Arc<Shared>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pools: BTreeMap<String, Pool>,
    /// Loops that were told to end.
    ending: Vec<JoinHandle<()>>,
    stopped: bool,
}

impl ScrapeManager {
    /// A manager without any job.
    pub fn new(
        storage: Arc<dyn Appendable>,
        clock: Arc<dyn Clock>,
        options: ScrapeOptions,
    ) -> Self {
        let ingests = Semaphore::new(options.concurrent_ingests.max(1));
        let stats = Arc::new(ScrapeStats::default());
        let shared = Arc::new(Shared { storage, clock, options, stats, ingests });
        Self { shared, state: Mutex::default() }
    }

    /// Makes the jobs what `configs` says: new ones start, missing ones end and have their series
    /// marked stale, changed ones change without losing what stays. Job names are unique. Needs a
    /// tokio runtime around, and does not wait; after [`Self::shutdown`] it does nothing.
    pub fn apply(&self, configs: Vec<ScrapeConfig>) {
        let started = self.shared.clock.monotonic();
        let mut state = self.state();
        if state.stopped {
            return;
        }
        let mut old = std::mem::take(&mut state.pools);
        for config in configs {
            let name = config.job_name.clone();
            let mut pool = old.remove(&name).unwrap_or_else(|| {
                self.shared.stats.pools_created.inc();
                Pool::new()
            });
            if *pool.config() != config {
                self.shared.stats.pool_reloads.inc();
                let ended = pool.apply(&self.shared, config);
                state.ending.extend(ended);
            }
            state.pools.insert(name, pool);
        }
        for (name, pool) in old {
            state.ending.extend(pool.end(&Order::Retire));
            self.shared.stats.forget_pool(&name);
        }
        state.ending.retain(|task| !task.is_finished());
        let took = self.shared.clock.monotonic().saturating_sub(started);
        self.shared.stats.reload_length.observe_duration(took);
    }

    /// Stops all scraping; when it returns nothing more is appended. Series are left as they are:
    /// the next start goes on with them.
    pub async fn shutdown(&self) {
        let tasks = {
            let mut state = self.state();
            state.stopped = true;
            let pools = std::mem::take(&mut state.pools);
            let mut tasks = std::mem::take(&mut state.ending);
            tasks.extend(pools.into_values().flat_map(|pool| pool.end(&Order::Stop)));
            tasks
        };
        for task in tasks {
            // A loop that broke has said so itself.
            let _ = task.await;
        }
    }

    /// How all jobs stand, sorted by name.
    pub fn pools(&self) -> Vec<PoolStatus> {
        self.state().pools.values().map(Pool::status).collect()
    }

    /// What all targets say about their metrics, by job.
    pub fn metadata(&self) -> Vec<TargetMetadata> {
        self.state().pools.values().flat_map(Pool::metadata).collect()
    }

    /// Families in the metadata cache of a job, and their bytes; by job.
    pub fn metadata_sizes(&self) -> Vec<(String, (usize, usize))> {
        let state = self.state();
        state.pools.iter().map(|(name, pool)| (name.clone(), pool.metadata_size())).collect()
    }

    /// What scraping counts about itself.
    pub fn stats(&self) -> &ScrapeStats {
        &self.shared.stats
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
