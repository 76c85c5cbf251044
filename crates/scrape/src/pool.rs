//! The loops of one job, and how they follow its configuration.

use std::collections::HashMap;
use std::sync::Arc;

use exposition::negotiate::accept_header;
use model::Labels;
use tokio::task::JoinHandle;

use crate::scrape_loop::{LoopHandle, Order, Settings, Shared};
use crate::status::Health;
use crate::target::{Populated, Target, populate};
use crate::{PoolStatus, ScrapeConfig, TargetMetadata, TargetStatus};

/// The loops of one job.
pub(crate) struct Pool {
    config: Arc<ScrapeConfig>,
    loops: Vec<LoopHandle>,
    dropped: Vec<Labels>,
    dropped_count: usize,
}

/// What a job's targets come down to.
#[derive(Default)]
struct Targets {
    active: Vec<Target>,
    dropped: Vec<Labels>,
    dropped_count: usize,
    failed: u64,
}

impl Pool {
    /// A pool without loops; [`Pool::apply`] starts them.
    pub(crate) fn new() -> Self {
        let config = Arc::new(ScrapeConfig::default());
        Self { config, loops: Vec::new(), dropped: Vec::new(), dropped_count: 0 }
    }

    pub(crate) fn config(&self) -> &ScrapeConfig {
        &self.config
    }

    /// Makes the loops what the configuration says. A target that stays keeps its loop, and with it
    /// its schedule, its connection and its series. Returns the loops that end.
    pub(crate) fn apply(
        &mut self,
        shared: &Arc<Shared>,
        config: ScrapeConfig,
    ) -> Vec<JoinHandle<()>> {
        let started = shared.clock.monotonic();
        self.config = Arc::new(config);
        let targets = discover(&self.config);
        (self.dropped, self.dropped_count) = (targets.dropped, targets.dropped_count);
        let accept: Arc<str> = accept_header(&self.config.scrape_protocols).into();
        let forced_error = over_limit(&self.config, targets.active.len());
        let mut old: HashMap<(Labels, String), LoopHandle> =
            self.loops.drain(..).map(|l| (l.settings.target.key(), l)).collect();
        for target in targets.active {
            let known = old.remove(&target.key());
            let config = Arc::clone(&self.config);
            let forced_error = forced_error.clone();
            let accept = Arc::clone(&accept);
            let settings = Arc::new(Settings { config, target, accept, forced_error });
            self.loops.push(match known {
                Some(mut running) => {
                    running.update(settings);
                    running
                }
                None => LoopHandle::start(shared, settings),
            });
        }
        let stats = shared.stats.pool(&self.config.job_name);
        stats.sync_failed.add(targets.failed);
        #[expect(clippy::cast_precision_loss, reason = "counts of things in memory")]
        {
            stats.targets.set(self.loops.len() as f64);
            stats.target_limit.set(self.config.target_limit as f64);
        }
        if forced_error.is_some() {
            shared.stats.exceeded_target_limit.inc();
        }
        stats.sync_length.observe_duration(shared.clock.monotonic().saturating_sub(started));
        old.into_values().map(|gone| gone.end(Order::Retire)).collect()
    }

    /// Ends all loops.
    pub(crate) fn end(self, order: &Order) -> Vec<JoinHandle<()>> {
        self.loops.into_iter().map(|running| running.end(order.clone())).collect()
    }

    pub(crate) fn status(&self) -> PoolStatus {
        PoolStatus {
            name: self.config.job_name.clone(),
            active: self.loops.iter().map(|l| self.target_status(l)).collect(),
            dropped: self.dropped.clone(),
            dropped_count: self.dropped_count,
        }
    }

    pub(crate) fn metadata(&self) -> impl Iterator<Item = TargetMetadata> + '_ {
        self.loops.iter().map(|running| TargetMetadata {
            scrape_pool: self.config.job_name.clone(),
            labels: running.settings.target.labels.clone(),
            metadata: running.standing.metadata().snapshot(),
        })
    }

    /// Families in the metadata caches, and their bytes.
    pub(crate) fn metadata_size(&self) -> (usize, usize) {
        let sizes = self.loops.iter().map(|running| running.standing.metadata().size());
        sizes.fold((0, 0), |(families, bytes), (f, b)| (families + f, bytes + b))
    }

    fn target_status(&self, running: &LoopHandle) -> TargetStatus {
        let target = &running.settings.target;
        let last = running.standing.last();
        let error = last.as_ref().and_then(|last| last.error.clone());
        let health = match (&last, &error) {
            (None, _) => Health::Unknown,
            (Some(_), None) => Health::Up,
            (Some(_), Some(_)) => Health::Down,
        };
        TargetStatus {
            discovered_labels: target.discovered.clone(),
            labels: target.labels.clone(),
            scrape_pool: self.config.job_name.clone(),
            scrape_url: target.url.clone(),
            last_error: error.unwrap_or_default(),
            last_scrape: last.as_ref().map(|last| last.t),
            last_scrape_duration: last.map_or(0.0, |last| last.duration.as_secs_f64()),
            health,
            scrape_interval_ms: target.interval_ms,
            scrape_timeout_ms: target.timeout_ms,
        }
    }
}

/// The targets of all groups, each once.
fn discover(config: &ScrapeConfig) -> Targets {
    let mut targets = Targets::default();
    let mut seen = std::collections::HashSet::new();
    for group in &config.static_configs {
        for (i, labels) in group.discovered().enumerate() {
            match populate(config, labels) {
                Ok(Populated::Active(target)) => {
                    if seen.insert(target.key()) {
                        targets.active.push(target);
                    }
                }
                Ok(Populated::Dropped(labels)) => {
                    let limit = usize::try_from(config.keep_dropped_targets).unwrap_or(usize::MAX);
                    targets.dropped_count += 1;
                    if limit == 0 || targets.dropped.len() < limit {
                        targets.dropped.push(labels);
                    }
                }
                Err(error) => {
                    targets.failed += 1;
                    tracing::error!(
                        scrape_pool = config.job_name,
                        error = format!("instance {i} in group {}: {error}", group.source),
                        "Creating target failed"
                    );
                }
            }
        }
    }
    targets
}

fn over_limit(config: &ScrapeConfig, targets: usize) -> Option<String> {
    let limit = config.target_limit;
    let over = limit > 0 && targets as u64 > limit;
    over.then(|| format!("target_limit exceeded (number of targets: {targets}, limit: {limit})"))
}
