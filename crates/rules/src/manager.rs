//! All groups: they follow the configuration, show how they stand, and stop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{Clock, Labels, Timestamp};
use promql::Engine;
use storage::{Appendable, Queryable};

use crate::file::RuleFile;
use crate::group::{Group, GroupCounts, GroupPlan};
use crate::group_loop::{LoopHandle, Order, evaluate};
use crate::notify::Notifier;
use crate::shared::Shared;
use crate::stats::RuleStats;
use crate::view::{AlertView, GroupView};

/// At shutdown, running queries are ended after so long.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// How rules are evaluated, whatever the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleOptions {
    /// Where this server is seen from outside, without a slash at the end. Default empty.
    pub external_url: String,
    /// An alert that still fires is sent again after so long, ms. Default 1 min.
    pub resend_delay_ms: i64,
    /// After an outage of at most so long, ms, pending alerts go on where they were. Default 1 h.
    pub for_outage_tolerance_ms: i64,
    /// An alert that was pending before an outage stays so at least this long after it, ms, so
    /// that it does not fire on first sight. Default 10 min.
    pub for_grace_period_ms: i64,
    /// So many groups are evaluated at the same time; the others wait. Default 4.
    pub max_concurrent_evals: usize,
}

impl Default for RuleOptions {
    fn default() -> Self {
        Self {
            external_url: String::new(),
            resend_delay_ms: 60_000,
            for_outage_tolerance_ms: 3_600_000,
            for_grace_period_ms: 600_000,
            max_concurrent_evals: 4,
        }
    }
}

/// Evaluates groups of rules.
pub struct RuleManager {
    shared: Arc<Shared>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By file and name.
    groups: BTreeMap<(String, String), Entry>,
    /// Loops that were told to end.
    ending: Vec<LoopHandle>,
    /// Whether there was a configuration before: groups of the first one restore their alerts.
    configured: bool,
    started: bool,
    stopped: bool,
}

struct Entry {
    group: Arc<Group>,
    /// `None` before the start.
    running: Option<LoopHandle>,
}

impl RuleManager {
    /// A manager without any group.
    pub fn new(
        appendable: Arc<dyn Appendable>,
        queryable: Arc<dyn Queryable>,
        engine: Arc<Engine>,
        notifier: Arc<Notifier>,
        clock: Arc<dyn Clock>,
        options: RuleOptions,
    ) -> Self {
        let shared = Shared::new(appendable, queryable, engine, notifier, clock, options);
        Self { shared: Arc::new(shared), state: Mutex::default() }
    }

    /// Makes the groups what `files` say. A group that is the same as before goes on as if nothing
    /// had happened; one that changed keeps the alerts and series of rules whose name and labels
    /// stay; what is gone has its series marked stale. Needs a tokio runtime around, and does not
    /// wait; after [`Self::shutdown`] it does nothing.
    pub fn apply(
        &self,
        files: Vec<RuleFile>,
        default_interval_ms: i64,
        default_query_offset_ms: i64,
        external_labels: Labels,
    ) {
        let mut state = self.state();
        if state.stopped {
            return;
        }
        self.shared.set_external_labels(external_labels);
        let restores = !std::mem::replace(&mut state.configured, true);
        let mut old = std::mem::take(&mut state.groups);
        for (path, definition) in
            files.into_iter().flat_map(|f| f.groups.into_iter().map(move |g| (f.path.clone(), g)))
        {
            let key = (path.display().to_string(), definition.name.clone());
            if state.groups.contains_key(&key) {
                continue;
            }
            let plan = GroupPlan {
                file: key.0.clone(),
                interval_ms: definition.interval_ms.unwrap_or(default_interval_ms).max(1),
                query_offset_ms: definition.query_offset_ms.unwrap_or(default_query_offset_ms),
                definition,
            };
            let entry = match old.remove(&key) {
                Some(same) if same.group.plan == plan => same,
                previous => self.entry(plan, previous, restores, state.started),
            };
            state.groups.insert(key, entry);
        }
        let gone = old.into_values().filter_map(|entry| entry.running);
        let gone = gone.inspect(|running| running.order(Order::Retire));
        state.ending.extend(gone);
        state.ending.retain(|running| !running.is_finished());
    }

    fn entry(
        &self,
        plan: GroupPlan,
        previous: Option<Entry>,
        restores: bool,
        started: bool,
    ) -> Entry {
        let counts = match &previous {
            Some(previous) => Arc::clone(&previous.group.counts),
            None => Arc::new(GroupCounts::default()),
        };
        let group = Arc::new(Group::new(Arc::clone(&self.shared), plan, counts, restores));
        let running = match previous {
            Some(Entry { running: Some(running), .. }) => {
                Some(LoopHandle::start(Arc::clone(&group), Some(running)))
            }
            Some(previous) => {
                group.adopt(&previous.group);
                None
            }
            None => started.then(|| LoopHandle::start(Arc::clone(&group), None)),
        };
        Entry { group, running }
    }

    /// Begins evaluating; call it when the storage is ready. After the second evaluation of a group
    /// its alerts are pending since when they were before the server was away. Needs a tokio
    /// runtime around; a second call does nothing.
    pub fn start(&self) {
        let mut state = self.state();
        if state.stopped || std::mem::replace(&mut state.started, true) {
            return;
        }
        for entry in state.groups.values_mut() {
            entry.running = Some(LoopHandle::start(Arc::clone(&entry.group), None));
        }
    }

    /// Evaluates every group once, at `t`, in order of file and name. For those who drive the time
    /// themselves, such as tests of rules, in place of [`Self::start`].
    pub async fn evaluate_at(&self, t: Timestamp) {
        let groups: Vec<Arc<Group>> =
            self.state().groups.values().map(|entry| Arc::clone(&entry.group)).collect();
        for group in groups {
            group.counts.iterations.inc();
            evaluate(&group, t).await;
        }
    }

    /// Ends evaluating; when it returns nothing more is appended. Evaluations that run are
    /// finished, but not for longer than two seconds. Series are left as they are: the next start
    /// goes on with them.
    pub async fn shutdown(&self) {
        let loops: Vec<LoopHandle> = {
            let mut state = self.state();
            state.stopped = true;
            let ending = std::mem::take(&mut state.ending);
            let running = state.groups.values_mut().filter_map(|entry| entry.running.take());
            running.chain(ending).inspect(|running| running.order(Order::Stop)).collect()
        };
        let all = async {
            for running in loops {
                running.ended().await;
            }
        };
        tokio::pin!(all);
        if tokio::time::timeout(SHUTDOWN_GRACE, &mut all).await.is_err() {
            self.shared.cancel.cancel();
            all.await;
        }
    }

    /// How all groups stand, sorted by file and name.
    pub fn groups(&self) -> Vec<GroupView> {
        self.state().groups.values().map(|entry| entry.group.view()).collect()
    }

    /// All alerts that are pending or firing, in order of their rules.
    pub fn active_alerts(&self) -> Vec<AlertView> {
        self.state().groups.values().flat_map(|entry| entry.group.active_alerts()).collect()
    }

    /// What rules have counted so far.
    pub fn stats(&self) -> RuleStats {
        RuleStats {
            rule_evaluations: (&self.shared.rule_durations).into(),
            group_evaluations: (&self.shared.group_durations).into(),
            groups: self.state().groups.values().map(|entry| entry.group.stats()).collect(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
