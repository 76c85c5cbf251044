//! The loop of one group: wait, evaluate, again.
//!
//! A loop that takes the place of an older one waits for its last evaluation and takes over what it
//! remembers. A loop whose group is gone waits until nobody can have taken over its series, and
//! ends those that are left.

use std::sync::Arc;
use std::time::Duration;

use model::{Clock, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::group::Group;
use crate::schedule::{first_tick, offset_ms, tick_behind};

/// What a loop is to do, until the next order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Evaluate.
    Run,
    /// The group is gone: end its series, then end.
    Retire,
    /// End after the running evaluation, and leave the series as they are.
    Stop,
}

/// A running loop, from outside.
pub(crate) struct LoopHandle {
    group: Arc<Group>,
    orders: watch::Sender<Order>,
    task: JoinHandle<()>,
}

impl LoopHandle {
    /// Starts a loop, in the place of `old` if there is one. Needs a tokio runtime around.
    pub(crate) fn start(group: Arc<Group>, old: Option<Self>) -> Self {
        let (orders, inbox) = watch::channel(Order::Run);
        if let Some(old) = &old {
            old.order(Order::Stop);
        }
        let task = tokio::spawn(run(Arc::clone(&group), old, inbox));
        Self { group, orders, task }
    }

    /// Tells the loop what to do next.
    pub(crate) fn order(&self, order: Order) {
        self.orders.send_replace(order);
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for the loop's end.
    pub(crate) async fn ended(self) {
        if let Err(error) = self.task.await {
            let (group, error) = (&self.group.plan.definition.name, error.to_string());
            tracing::error!(group, error, "The loop of a rule group broke");
        }
    }
}

async fn run(group: Arc<Group>, old: Option<LoopHandle>, mut inbox: watch::Receiver<Order>) {
    if let Some(old) = old {
        let before = Arc::clone(&old.group);
        old.ended().await;
        group.adopt(&before);
    }
    let shared = Arc::clone(&group.shared);
    let interval_ms = group.plan.interval_ms;
    let offset = offset_ms(&group.plan.file, &group.plan.definition.name, interval_ms);
    let mut planned = first_tick(shared.clock.now_ms(), interval_ms, offset);
    loop {
        let due = async {
            wait_until(&*shared.clock, planned).await;
            shared.permits.acquire().await.expect("nobody closes the semaphore")
        };
        let permit = tokio::select! {
            biased;
            _ = inbox.wait_for(|order| *order != Order::Run) => break,
            permit = due => permit,
        };
        group.counts.iterations.inc();
        evaluate(&group, planned).await;
        drop(permit);
        let now = shared.clock.now_ms();
        planned = match tick_behind(planned, interval_ms, now) {
            Some((next, missed)) => {
                group.counts.iterations.add(missed);
                group.counts.iterations_missed.add(missed);
                next
            }
            None => first_tick(now, interval_ms, offset),
        };
    }
    let order = *inbox.borrow();
    if order == Order::Retire {
        retire(&group, &mut inbox).await;
    }
}

/// One evaluation, on a thread where it hinders nobody.
pub(crate) async fn evaluate(group: &Arc<Group>, t: Timestamp) {
    let evaluated = Arc::clone(group);
    if let Err(error) = tokio::task::spawn_blocking(move || evaluated.evaluate(t)).await {
        let (group, error) = (&group.plan.definition.name, error.to_string());
        tracing::error!(group, error, "The evaluation of a rule group broke");
    }
}

/// Ends the series of a group that is gone. Another group may give them now: it had two intervals
/// to write newer samples, which the markers then cannot end.
async fn retire(group: &Arc<Group>, inbox: &mut watch::Receiver<Order>) {
    let gone_at = group.shared.clock.now_ms();
    let wait_ms = u64::try_from(2 * group.plan.interval_ms).unwrap_or(0);
    tokio::select! {
        biased;
        _ = inbox.wait_for(|order| *order == Order::Stop) => return,
        () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
    }
    let group = Arc::clone(group);
    // A thread that broke has said so itself.
    let _ = tokio::task::spawn_blocking(move || group.end_all(gone_at)).await;
}

async fn wait_until(clock: &dyn Clock, planned: Timestamp) {
    let wait_ms = planned - clock.now_ms();
    let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
    tokio::time::sleep(wait).await;
}
