//! The loop of one target: wait, fetch, store, again.
//!
//! Planned times lie on the target's grid ([`Target::next_tick`]). A scrape that begins within the
//! tolerance of its planned time carries that time. A loop obeys its orders between scrapes, and
//! gives up a fetch for one to end.

use std::sync::Arc;
use std::time::Duration;

use client::{HttpClient, HttpOptions};
use model::{Clock, Timestamp};
use storage::Appendable;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::fetch::fetch;
use crate::ingest::{Ingest, Scrape};
use crate::stats::ScrapeStats;
use crate::status::Standing;
use crate::target::Target;
use crate::{ScrapeConfig, ScrapeError, ScrapeOptions};

/// What all loops share.
pub(crate) struct Shared {
    pub(crate) storage: Arc<dyn Appendable>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: ScrapeOptions,
    pub(crate) stats: Arc<ScrapeStats>,
    /// Who may parse and append.
    pub(crate) ingests: Semaphore,
}

/// What a loop is to do, until the next order.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// Scrape so.
    Scrape(Arc<Settings>),
    /// The target is gone: end its series, then end.
    Retire,
    /// The server stops: end at once, and leave the series as they are.
    Stop,
}

/// Everything a scrape depends on.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Arc<ScrapeConfig>,
    pub(crate) target: Target,
    /// The `Accept` header.
    pub(crate) accept: Arc<str>,
    /// Why the target must not be scraped.
    pub(crate) forced_error: Option<String>,
}

/// A running loop, from outside.
pub(crate) struct LoopHandle {
    pub(crate) settings: Arc<Settings>,
    pub(crate) standing: Arc<Standing>,
    orders: watch::Sender<Order>,
    task: JoinHandle<()>,
}

impl LoopHandle {
    /// Starts a loop. Needs a tokio runtime around.
    pub(crate) fn start(shared: &Arc<Shared>, settings: Arc<Settings>) -> Self {
        let (orders, inbox) = watch::channel(Order::Scrape(Arc::clone(&settings)));
        let standing = Arc::new(Standing::default());
        let scrape_loop = ScrapeLoop {
            client: http_client(shared, &settings.config),
            ingest: Some(new_ingest(shared, &standing, &settings)),
            shared: Arc::clone(shared),
            standing: Arc::clone(&standing),
            settings: Arc::clone(&settings),
            inbox,
            last_start: None,
        };
        let task = tokio::spawn(scrape_loop.run());
        Self { settings, standing, orders, task }
    }

    /// Scrapes with other settings from the next scrape on.
    pub(crate) fn update(&mut self, settings: Arc<Settings>) {
        self.settings = Arc::clone(&settings);
        // A loop that has ended has nothing to update.
        let _ = self.orders.send(Order::Scrape(settings));
    }

    /// Tells the loop to end and returns its task, for whoever wants to wait.
    pub(crate) fn end(self, order: Order) -> JoinHandle<()> {
        let _ = self.orders.send(order);
        self.task
    }
}

fn http_client(shared: &Shared, config: &ScrapeConfig) -> HttpClient {
    HttpClient::new(HttpOptions {
        follow_redirects: config.follow_redirects,
        user_agent: shared.options.user_agent.clone(),
        max_body_bytes: shared.options.max_body_bytes,
        max_idle_per_host: 1,
        ..HttpOptions::default()
    })
}

fn new_ingest(shared: &Shared, standing: &Arc<Standing>, settings: &Settings) -> Box<Ingest> {
    Box::new(Ingest::new(
        Arc::clone(&shared.storage),
        Arc::clone(&shared.clock),
        Arc::clone(&shared.stats),
        Arc::clone(standing),
        &settings.target.labels,
    ))
}

struct ScrapeLoop {
    shared: Arc<Shared>,
    standing: Arc<Standing>,
    settings: Arc<Settings>,
    inbox: watch::Receiver<Order>,
    client: HttpClient,
    /// Away while a scrape is being stored.
    ingest: Option<Box<Ingest>>,
    /// The monotonic clock when the last scrape began.
    last_start: Option<Duration>,
}

impl ScrapeLoop {
    async fn run(mut self) {
        let mut planned = self.first_tick();
        loop {
            let wait = wait_until(&*self.shared.clock, planned);
            let changed = tokio::select! {
                biased;
                changed = self.inbox.changed() => Some(changed.is_ok()),
                () = wait => None,
            };
            let Some(in_charge) = changed else {
                self.scrape(planned).await;
                planned = self.tick_after(planned);
                continue;
            };
            let order = self.inbox.borrow_and_update().clone();
            match order {
                Order::Scrape(settings) if in_charge => planned = self.obey(settings, planned),
                Order::Retire => return self.retire().await,
                Order::Scrape(_) | Order::Stop => return,
            }
        }
    }

    fn first_tick(&self) -> Timestamp {
        let now = self.shared.clock.now_ms();
        self.settings.target.next_tick(now, self.shared.options.offset_seed)
    }

    /// The next planned time.
    fn tick_after(&self, planned: Timestamp) -> Timestamp {
        let now = self.shared.clock.now_ms();
        let next = tick_behind(planned, self.settings.target.interval_ms, now);
        next.unwrap_or_else(|| self.first_tick())
    }

    /// Takes over new settings; returns when to scrape next.
    fn obey(&mut self, settings: Arc<Settings>, planned: Timestamp) -> Timestamp {
        let old = std::mem::replace(&mut self.settings, settings);
        let new = &self.settings;
        if old.config.follow_redirects != new.config.follow_redirects {
            self.client = http_client(&self.shared, &new.config);
        }
        if let Some(ingest) = &mut self.ingest
            && !old.config.labels_series_as(&new.config)
        {
            ingest.labels_changed();
        }
        if old.target.interval_ms == new.target.interval_ms { planned } else { self.first_tick() }
    }

    async fn scrape(&mut self, planned: Timestamp) {
        let clock = &self.shared.clock;
        let interval_ms = self.settings.target.interval_ms;
        let t = timestamp(&self.shared.options, interval_ms, planned, clock.now_ms());
        let started = clock.monotonic();
        if let Some(last) = self.last_start.replace(started) {
            let lengths = self.shared.stats.interval_length(interval_ms);
            lengths.observe_duration(started.saturating_sub(last));
        }
        let settings = Arc::clone(&self.settings);
        let answer = match &settings.forced_error {
            Some(error) => Some(Err(ScrapeError::TargetLimit(error.clone()))),
            None => tokio::select! {
                answer = fetch(&self.client, &settings) => Some(answer),
                _ = self.inbox.wait_for(|order| !matches!(order, Order::Scrape(_))) => None,
            },
        };
        // Whatever order came meanwhile was looked at here, and is still for `run` to obey.
        self.inbox.mark_changed();
        let Some(answer) = answer else {
            return;
        };
        let shared = Arc::clone(&self.shared);
        let _permit = shared.ingests.acquire().await.expect("nobody closes the semaphore");
        let scrape = Scrape { t, started, answer };
        self.on_ingest(move |ingest| ingest.store(&settings, scrape)).await;
    }

    async fn retire(mut self) {
        self.on_ingest(Ingest::end_all).await;
    }

    /// Runs work that may wait for the disk on a thread where that hinders nobody.
    async fn on_ingest(&mut self, work: impl FnOnce(&mut Ingest) + Send + 'static) {
        let Some(mut ingest) = self.ingest.take() else {
            return;
        };
        let done = tokio::task::spawn_blocking(move || {
            work(&mut ingest);
            ingest
        });
        match done.await {
            Ok(ingest) => self.ingest = Some(ingest),
            Err(error) => {
                let error = ScrapeError::Broken(error.to_string()).to_string();
                tracing::error!(target = self.settings.target.url, error, "Scrape loop broke");
                let now = self.shared.clock.now_ms();
                self.standing.set(now, Duration::ZERO, Some(error));
                self.ingest = Some(new_ingest(&self.shared, &self.standing, &self.settings));
            }
        }
    }
}

async fn wait_until(clock: &dyn Clock, planned: Timestamp) {
    let wait_ms = planned - clock.now_ms();
    let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
    tokio::time::sleep(wait).await;
}

/// The planned time behind `planned`, without those that are over by a whole interval: the one that
/// is late is made up for at once. `None` if the clock was set back, and the plan is void; a timer
/// that only woke a little early is no such thing.
fn tick_behind(planned: Timestamp, interval_ms: i64, now: Timestamp) -> Option<Timestamp> {
    let interval = interval_ms.max(1);
    let next = planned + interval;
    (next - now <= 2 * interval).then(|| next + (now - next).max(0) / interval * interval)
}

/// The planned time if `now` is near enough to it.
fn timestamp(
    options: &ScrapeOptions,
    interval_ms: i64,
    planned: Timestamp,
    now: Timestamp,
) -> Timestamp {
    let tolerance = options.timestamp_tolerance_ms.min(interval_ms / 100);
    let near = (now - planned).abs() <= tolerance;
    if options.align_timestamps && near { planned } else { now }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_nearly_on_time_carries_the_planned_time() {
        let options = ScrapeOptions::default();
        for (interval, planned, now, t) in [
            (15_000, 1000, 1000, 1000),
            (15_000, 1000, 1002, 1000),
            (15_000, 1000, 998, 1000),
            (15_000, 1000, 1003, 1003),
            (100, 1000, 1001, 1000),
            (100, 1000, 1002, 1002),
        ] {
            assert_eq!(timestamp(&options, interval, planned, now), t, "{interval} {now}");
        }
        let as_is = ScrapeOptions { align_timestamps: false, ..options };
        assert_eq!(timestamp(&as_is, 15_000, 1000, 1001), 1001);
    }

    #[test]
    fn the_next_tick_is_one_interval_on_unless_time_has_run_away() {
        for (now, next) in [
            (1001, Some(1100)),
            (1100, Some(1100)),
            (1150, Some(1100)),
            (1199, Some(1100)),
            (1200, Some(1200)),
            (1950, Some(1900)),
            (1000, Some(1100)),
            (998, Some(1100)),
            (899, None),
        ] {
            assert_eq!(tick_behind(1000, 100, now), next, "{now}");
        }
    }
}
