//! Where queries run: beside the sockets, so many at a time, the others in line.
//!
//! Clients take turns, see [`Line`]. A query whose client has gone is told to end: the handler's
//! future is dropped then, and with it a guard that cancels, or the place in the line. Waiting counts
//! as part of a query's time. Always true: a slot is free, or belongs to one query; if some are free,
//! nobody waits.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use promql::{CancelToken, EngineError, Tracked};
use storage::{QueryError, Stop};
use tokio::sync::oneshot;

use crate::error::{ApiError, ErrorKind};
use crate::line::Line;

/// The pool. Clones are the same one.
#[derive(Clone)]
pub(crate) struct QueryPool(Arc<Mutex<Slots>>);

struct Slots {
    free: usize,
    line: Line<Waiting>,
    max_waiting: usize,
    last_ticket: u64,
}

/// One who waits.
struct Waiting {
    tell: oneshot::Sender<Told>,
    cancel: CancelToken,
}

/// What one who waits is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// A slot is theirs now.
    Run,
    Canceled,
    LineIsFull,
}

/// A query that wants its turn.
pub(crate) struct Ask {
    /// Its place in the list of queries under way.
    pub(crate) tracked: Tracked,
    /// Who asks.
    pub(crate) client: IpAddr,
    /// How long it may wait.
    pub(crate) timeout: Duration,
}

/// A query's turn: it has a slot, and knows how long it waited and how to find out that it is not
/// wanted any more.
pub(crate) struct Turn {
    pub(crate) tracked: Tracked,
    /// How long it stood in line.
    pub(crate) queued: Duration,
    _slot: Slot,
}

impl Turn {
    /// Fails when nobody waits for the answer any more.
    pub(crate) fn still_wanted(&self) -> Result<(), ApiError> {
        match self.tracked.cancel().is_canceled() {
            false => Ok(()),
            true => Err(EngineError::Canceled.into()),
        }
    }

    /// The same for the store, whose errors become those of [`Self::still_wanted`] by
    /// [`Self::answered`].
    pub(crate) fn stop(&self) -> Stop {
        let cancel = self.tracked.cancel().clone();
        Stop::when(move || cancel.is_canceled())
    }

    /// What the store answered; if it stopped because nobody waits, that.
    pub(crate) fn answered<T>(&self, answer: Result<T, QueryError>) -> Result<T, ApiError> {
        if matches!(answer, Err(QueryError::Interrupted)) {
            self.still_wanted()?;
        }
        Ok(answer?)
    }
}

impl QueryPool {
    /// A pool for `concurrent` queries at a time, at least one, and so many in line.
    pub(crate) fn new(concurrent: usize, max_waiting: usize) -> Self {
        let line = Line::new(max_waiting);
        let free = concurrent.max(1);
        Self(Arc::new(Mutex::new(Slots { free, line, max_waiting, last_ticket: 0 })))
    }

    /// Runs `work` as soon as it is its turn; fails if that is not within the time it has, or if too
    /// many others wait.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        ask: Ask,
        work: impl FnOnce(Turn) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let cancel = ask.tracked.cancel().clone();
        let waits = self.enter(ask.client, cancel.clone());
        let slot = match waits {
            Place::Slot(slot) => slot,
            Place::InLine(in_line) => {
                let turn = tokio::time::timeout(ask.timeout, in_line.turn()).await;
                turn.map_err(|_| EngineError::Timeout)??
            }
        };
        let queued = ask.tracked.run();
        let guard = CancelOnDrop(cancel);
        let turn = Turn { tracked: ask.tracked, queued, _slot: slot };
        let result = tokio::task::spawn_blocking(move || work(turn)).await;
        drop(guard);
        result.unwrap_or_else(|broken| {
            tracing::error!(error = %broken, "a query broke");
            Err(ApiError::internal("unexpected error: the query broke; the log says more"))
        })
    }

    /// Ends the waiting of those that were cancelled.
    pub(crate) fn wake_cancelled(&self) {
        let gone = self.lock().line.take_out(|_, waiting| waiting.cancel.is_canceled());
        for waiting in gone {
            // If nobody listens, the client has gone, too.
            let _ = waiting.tell.send(Told::Canceled);
        }
    }

    fn enter(&self, client: IpAddr, cancel: CancelToken) -> Place {
        let mut slots = self.lock();
        if slots.free > 0 {
            slots.free -= 1;
            return Place::Slot(Slot(self.clone()));
        }
        slots.last_ticket += 1;
        let ticket = slots.last_ticket;
        let (tell, told) = oneshot::channel();
        let gone = slots.line.push(client, ticket, Waiting { tell, cancel });
        if let Some(gone) = gone {
            let _ = gone.tell.send(Told::LineIsFull);
        }
        Place::InLine(InLine { pool: self.clone(), ticket, told: Some(told) })
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a slot to whose turn it is, or to nobody.
    fn pass_on(&self) {
        let mut slots = self.lock();
        while let Some(next) = slots.line.pop() {
            if next.tell.send(Told::Run).is_ok() {
                return;
            }
        }
        slots.free += 1;
    }
}

/// Where one who comes is put.
enum Place {
    Slot(Slot),
    InLine(InLine),
}

/// A slot; passed on when dropped.
struct Slot(QueryPool);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

/// A place in line; left when dropped.
struct InLine {
    pool: QueryPool,
    ticket: u64,
    /// Gone once something was said.
    told: Option<oneshot::Receiver<Told>>,
}

impl InLine {
    /// Waits for the turn.
    async fn turn(mut self) -> Result<Slot, ApiError> {
        let told = self.told.as_mut().expect("it is taken only here and when dropped");
        let told = told.await.expect("whoever leaves the line is told why");
        self.told = None;
        match told {
            Told::Run => Ok(Slot(self.pool.clone())),
            Told::Canceled => Err(EngineError::Canceled.into()),
            Told::LineIsFull => {
                let most = self.pool.lock().max_waiting;
                let text = format!(
                    "too many queries are waiting for their turn: {most} at most, see \
                     --query.max-waiting"
                );
                Err(ApiError::new(ErrorKind::Busy, text))
            }
        }
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        let Some(mut told) = self.told.take() else { return };
        let ticket = self.ticket;
        self.pool.lock().line.take_out(|other, _| other == ticket);
        // The turn may have come just before: then the slot is ours to pass on.
        if told.try_recv() == Ok(Told::Run) {
            self.pool.pass_on();
        }
    }
}

/// Ends the query when nobody waits for it any more. When it is done already, nothing happens.
struct CancelOnDrop(CancelToken);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::clock::ManualClock;
    use promql::{ActiveQueries, Asked};
    use std::net::Ipv4Addr;
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_secs(60);

    /// A query of client `n`.
    fn ask(list: &Arc<ActiveQueries>, n: u8, timeout: Duration) -> Ask {
        let asked = Asked { kind: "instant", text: "".into(), client: String::new() };
        let tracked = list.begin(asked, &CancelToken::default());
        Ask { tracked, client: IpAddr::V4(Ipv4Addr::new(10, 0, 0, n)), timeout }
    }

    fn list() -> Arc<ActiveQueries> {
        Arc::new(ActiveQueries::new(Arc::new(ManualClock::at(0))))
    }

    /// Work that goes on until told to end, and the way to tell it.
    fn held() -> (mpsc::Sender<()>, impl FnOnce(Turn) -> Result<(), ApiError> + Send + 'static) {
        let (go_on, wait) = mpsc::channel::<()>();
        (go_on, move |_: Turn| wait.recv().map_err(|_| ApiError::internal("nobody said go")))
    }

    #[tokio::test]
    async fn a_query_that_is_not_its_turn_in_time_times_out() {
        let (pool, list) = (QueryPool::new(1, 10), list());
        let (go_on, work) = held();
        let first = pool.run(ask(&list, 1, LONG), work);
        let second = async {
            let soon = Duration::from_millis(1);
            let late = pool.run(ask(&list, 1, soon), |_| Ok(())).await;
            go_on.send(()).expect("the first query waits");
            late
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!(first, Ok(()));
        let error = second.expect_err("the first query had the only slot");
        assert_eq!(error.message, "query timed out in expression evaluation");
        assert_eq!(pool.run(ask(&list, 1, LONG), |_| Ok(1)).await, Ok(1));
    }

    #[tokio::test]
    async fn clients_take_turns() {
        let (pool, list) = (QueryPool::new(1, 10), list());
        let (go_on, work) = held();
        let first = pool.run(ask(&list, 1, LONG), work);
        let order = Arc::new(Mutex::new(Vec::new()));
        let named = |n, name| {
            let order = Arc::clone(&order);
            pool.run(ask(&list, n, LONG), move |_| {
                order.lock().expect("no test panics with it").push(name);
                Ok(())
            })
        };
        let go = async { go_on.send(()).map_err(|_| ApiError::internal("it is gone")) };
        // Polled in this order: the others are in line before the first may end.
        let done = tokio::join!(
            biased;
            first, named(1, "a"), named(1, "b"), named(1, "c"), named(2, "x"), go
        );
        assert_eq!(done, (Ok(()), Ok(()), Ok(()), Ok(()), Ok(()), Ok(())));
        assert_eq!(*order.lock().expect("all are done"), ["a", "x", "b", "c"]);
    }

    #[tokio::test]
    async fn a_full_line_refuses_with_its_length() {
        let (pool, list) = (QueryPool::new(1, 1), list());
        let (go_on, work) = held();
        let first = pool.run(ask(&list, 1, LONG), work);
        let second = pool.run(ask(&list, 1, LONG), |_| Ok(()));
        let third = async {
            let refused = pool.run(ask(&list, 1, LONG), |_| Ok(())).await;
            go_on.send(()).expect("the first query waits");
            refused
        };
        let (first, second, third) = tokio::join!(biased; first, second, third);
        assert_eq!((first, second), (Ok(()), Ok(())));
        let error = third.expect_err("one waits already");
        assert_eq!(
            error.message,
            "too many queries are waiting for their turn: 1 at most, see --query.max-waiting"
        );
    }

    #[tokio::test]
    async fn a_query_is_cancelled_while_it_waits_or_leaves_the_line_unheard() {
        let (pool, list) = (QueryPool::new(1, 10), list());
        let (go_on, work) = held();
        let first = pool.run(ask(&list, 1, LONG), work);
        let second = pool.run(ask(&list, 1, LONG), |_| Ok(()));
        let mut third = Box::pin(pool.run(ask(&list, 1, LONG), |_| Ok(())));
        let rest = async {
            assert!(futures_pending(&mut third).await, "it waits");
            drop(third);
            assert!(list.cancel(2));
            pool.wake_cancelled();
            assert_eq!(list.list().iter().map(|q| q.is_running).collect::<Vec<_>>(), [true, false]);
            go_on.send(()).expect("the first query waits");
        };
        let (first, second, ()) = tokio::join!(biased; first, second, rest);
        assert_eq!(first, Ok(()));
        let error = second.expect_err("it was cancelled");
        assert_eq!((error.kind, list.list().len()), (ErrorKind::Canceled, 0));
        assert_eq!(pool.lock().free, 1);
    }

    /// Whether a future is not done after being polled once.
    async fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx).is_pending())
        })
        .await
    }

    #[tokio::test]
    async fn a_query_nobody_waits_for_is_cancelled() {
        let (pool, list) = (QueryPool::new(1, 10), list());
        let (begun, has_begun) = oneshot::channel();
        let (ended, has_ended) = oneshot::channel();
        let query = pool.run(ask(&list, 1, LONG), move |turn| {
            begun.send(()).expect("the test waits");
            while turn.still_wanted().is_ok() {
                std::thread::yield_now();
            }
            ended.send(()).expect("the test waits");
            Ok(())
        });
        tokio::select! {
            _ = query => panic!("it ends only when cancelled"),
            begun = has_begun => begun.expect("it began"),
        }
        has_ended.await.expect("it was told to end");
    }

    #[tokio::test]
    async fn a_query_that_panics_is_our_fault_and_frees_its_slot() {
        let (pool, list) = (QueryPool::new(1, 10), list());
        let broken: Result<(), _> = pool.run(ask(&list, 1, LONG), |_| panic!("on purpose")).await;
        assert_eq!(broken.expect_err("it panicked").kind, ErrorKind::Internal);
        assert_eq!(pool.run(ask(&list, 1, LONG), |_| Ok(1)).await, Ok(1));
    }
}
