//! Notifying: alerts go from rules through a bounded queue to every Alertmanager.
//!
//! [`Notifier::send`] relabels, queues and returns at once. One task takes batches from the queue
//! and posts each to all Alertmanagers at the same time; a batch that no Alertmanager of a set
//! took is given up and counted, for the rules send an alert that still fires again. Always true:
//! the queue never holds more than its capacity, and batches arrive in order.

mod alert;
mod config;
mod queue;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client::HttpClient;
use model::relabel::{self, RelabelRule};
use model::stat::{Counter, Summary};
use model::{Clock, Labels};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use alert::Alert;
pub use config::{AlertmanagerConfig, NotifierConfig, NotifierOptions};

use crate::stats::{AlertmanagerStats, NotifierStats};
use queue::Queue;

/// Tells Alertmanagers of alerts.
pub struct Notifier {
    options: NotifierOptions,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    dropped: Counter,
    orders: watch::Sender<Order>,
}

struct State {
    queue: Queue,
    external_labels: Labels,
    alert_relabel_configs: Vec<RelabelRule>,
    sets: Vec<Arc<AlertmanagerSet>>,
    counts: BTreeMap<String, Arc<AlertmanagerCounts>>,
    task: Option<JoinHandle<()>>,
}

/// What the sending task is to do. Sent again whenever something was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Send,
    Stop,
}

/// One set of Alertmanagers with all that sending to it takes.
struct AlertmanagerSet {
    config: AlertmanagerConfig,
    places: config::Places,
    client: Arc<HttpClient>,
}

#[derive(Default)]
struct AlertmanagerCounts {
    sent: Counter,
    errors: Counter,
    latency: Summary,
}

/// Where Alertmanagers are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertmanagersView {
    /// URLs that are sent to.
    pub active: Vec<String>,
    /// URLs that relabelling dropped.
    pub dropped: Vec<String>,
}

/// One request to one Alertmanager.
struct Post {
    client: Arc<HttpClient>,
    counts: Arc<AlertmanagerCounts>,
    /// Which set it belongs to.
    set: usize,
    url: String,
    body: Arc<[u8]>,
    alerts: u64,
    timeout: Duration,
}

impl Notifier {
    /// A notifier that tells nobody until [`Self::apply`], and sends nothing until [`Self::start`].
    pub fn new(options: NotifierOptions, clock: Arc<dyn Clock>) -> Arc<Self> {
        let state = State {
            queue: Queue::new(options.queue_capacity),
            external_labels: Labels::empty(),
            alert_relabel_configs: Vec::new(),
            sets: Vec::new(),
            counts: BTreeMap::new(),
            task: None,
        };
        let (orders, _) = watch::channel(Order::Send);
        let (state, dropped) = (Mutex::new(state), Counter::default());
        Arc::new(Self { options, clock, state, dropped, orders })
    }

    /// Tells those from now on that `config` names. A set that stays keeps its connections, an
    /// Alertmanager that stays its counts; what waits in the queue stays as it is.
    pub fn apply(&self, config: NotifierConfig) {
        let mut state = self.state();
        let old = std::mem::take(&mut state.sets);
        let mut counts = std::mem::take(&mut state.counts);
        for config in config.alertmanagers {
            let known = old.iter().find(|set| set.config == config);
            let set = known.cloned().unwrap_or_else(|| Arc::new(AlertmanagerSet::new(config)));
            for url in &set.places.active {
                let kept = counts.remove(url).unwrap_or_default();
                state.counts.entry(url.clone()).or_insert(kept);
            }
            state.sets.push(set);
        }
        state.external_labels = config.external_labels;
        state.alert_relabel_configs = config.alert_relabel_configs;
    }

    /// Begins sending. Needs a tokio runtime around; a second call does nothing.
    pub fn start(self: &Arc<Self>) {
        let mut state = self.state();
        if state.task.is_none() {
            let inbox = self.orders.subscribe();
            state.task = Some(tokio::spawn(Arc::clone(self).run(inbox)));
        }
    }

    /// Queues alerts: external labels are added, then they are relabelled. Never waits; if the
    /// queue is full, its oldest alerts are given up.
    pub fn send(&self, alerts: Vec<Alert>) {
        let mut state = self.state();
        let State { external_labels, alert_relabel_configs: rules, .. } = &*state;
        let alerts: Vec<Alert> =
            alerts.into_iter().filter_map(|a| relabelled(a, external_labels, rules)).collect();
        if alerts.is_empty() {
            return;
        }
        let dropped = state.queue.push(alerts);
        drop(state);
        if dropped > 0 {
            self.dropped.add(dropped as u64);
            tracing::warn!(
                num_dropped = dropped,
                "Alert notification queue full, dropping the oldest alerts"
            );
        }
        self.orders.send_if_modified(|order| *order == Order::Send);
    }

    /// Ends sending. What waits is sent before, as far as the options say.
    pub async fn shutdown(&self) {
        self.orders.send_replace(Order::Stop);
        let task = self.state().task.take();
        if let Some(mut task) = task {
            let limit = Duration::from_millis(self.options.drain_timeout_ms);
            if tokio::time::timeout(limit, &mut task).await.is_err() {
                task.abort();
            }
        }
        let left = self.state().queue.len();
        if left > 0 {
            self.dropped.add(left as u64);
            tracing::warn!(num_dropped = left, "Alerts were still waiting at shutdown");
        }
    }

    /// Where Alertmanagers are.
    pub fn alertmanagers(&self) -> AlertmanagersView {
        let state = self.state();
        let mut view = AlertmanagersView::default();
        for set in &state.sets {
            view.active.extend(set.places.active.iter().cloned());
            view.dropped.extend(set.places.dropped.iter().cloned());
        }
        view
    }

    /// What notifying has counted so far.
    pub fn stats(&self) -> NotifierStats {
        let state = self.state();
        let one = |(url, counts): (&String, &Arc<AlertmanagerCounts>)| AlertmanagerStats {
            url: url.clone(),
            sent: counts.sent.get(),
            errors: counts.errors.get(),
            latency: (&counts.latency).into(),
        };
        NotifierStats {
            queue_length: state.queue.len(),
            queue_capacity: state.queue.capacity(),
            dropped: self.dropped.get(),
            discovered: state.sets.iter().map(|set| set.places.active.len()).sum(),
            alertmanagers: state.counts.iter().map(one).collect(),
        }
    }

    async fn run(self: Arc<Self>, mut inbox: watch::Receiver<Order>) {
        loop {
            let order = *inbox.borrow_and_update();
            if order == Order::Stop {
                break;
            }
            if !self.send_next().await && inbox.changed().await.is_err() {
                return;
            }
        }
        if self.options.drain_on_shutdown {
            while self.send_next().await {}
        }
    }

    /// Sends the next batch; false if nothing waits.
    async fn send_next(&self) -> bool {
        let (posts, count, sets) = {
            let mut state = self.state();
            let batch = state.queue.take(self.options.max_batch_size);
            (posts(&state, &batch), batch.len(), state.sets.len())
        };
        if count == 0 {
            return false;
        }
        let mut asked = vec![false; sets];
        let mut taken = vec![false; sets];
        let mut running = JoinSet::new();
        for post in posts {
            asked[post.set] = true;
            running.spawn(deliver(post, Arc::clone(&self.clock)));
        }
        while let Some(done) = running.join_next().await {
            if let Ok((set, true)) = done {
                taken[set] = true;
            }
        }
        if asked.iter().zip(&taken).any(|(asked, taken)| *asked && !taken) {
            self.dropped.add(count as u64);
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AlertmanagerSet {
    fn new(config: AlertmanagerConfig) -> Self {
        let client = Arc::new(HttpClient::new(config.http.clone()));
        Self { places: config.places(), client, config }
    }
}

/// The alert as Alertmanager is to see it; `None` if the rules drop it.
fn relabelled(mut alert: Alert, external: &Labels, rules: &[RelabelRule]) -> Option<Alert> {
    let mut labels = alert.labels.to_builder();
    for (name, value) in external {
        if labels.get(name).is_empty() {
            labels.set(name, value);
        }
    }
    let kept = relabel::apply_to(rules, &mut labels);
    alert.labels = labels.build();
    kept.then_some(alert)
}

/// The requests that a batch takes.
fn posts(state: &State, batch: &[Alert]) -> Vec<Post> {
    let mut posts = Vec::new();
    for (number, set) in state.sets.iter().enumerate() {
        let rules = &set.config.alert_relabel_configs;
        let alerts: Vec<Alert> = batch
            .iter()
            .filter_map(|alert| relabelled(alert.clone(), &Labels::empty(), rules))
            .collect();
        if alerts.is_empty() {
            continue;
        }
        let body: Arc<[u8]> = alert::body(&alerts).into();
        for url in &set.places.active {
            let counts = state.counts.get(url).expect("apply counts for every active place");
            posts.push(Post {
                client: Arc::clone(&set.client),
                counts: Arc::clone(counts),
                set: number,
                url: url.clone(),
                body: Arc::clone(&body),
                alerts: alerts.len() as u64,
                timeout: Duration::from_millis(u64::try_from(set.config.timeout_ms).unwrap_or(0)),
            });
        }
    }
    posts
}

/// Sends one request; returns its set and whether the alerts were taken.
async fn deliver(post: Post, clock: Arc<dyn Clock>) -> (usize, bool) {
    let begun = clock.monotonic();
    let body = post.body.to_vec();
    let answer = post.client.post(&post.url, "application/json", body, post.timeout).await;
    let error = match answer {
        Ok(response) if response.status.is_success() => None,
        Ok(response) => Some(format!("bad response status {}", response.status_text())),
        Err(error) => Some(error.to_string()),
    };
    post.counts.sent.add(post.alerts);
    post.counts.latency.observe_duration(clock.monotonic().saturating_sub(begun));
    if let Some(error) = &error {
        post.counts.errors.add(post.alerts);
        let (alertmanager, count) = (&post.url, post.alerts);
        tracing::error!(alertmanager, count, error, "Error sending alerts");
    }
    (post.set, error.is_none())
}
