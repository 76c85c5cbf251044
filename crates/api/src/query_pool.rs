//! Where queries run: beside the sockets, so many at a time, the others in line.
//!
//! Whoever waits longest is next. A query whose client has gone is told to end: the handler's future
//! is dropped then, and with it a guard that cancels. Waiting counts as part of a query's time.

use std::sync::Arc;
use std::time::Duration;

use model::Clock;
use promql::{CancelToken, EngineError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// The pool.
pub(crate) struct QueryPool {
    slots: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
}

/// A query's turn: it has a slot, and knows how long it waited and how to find out that it is not
/// wanted any more.
pub(crate) struct Turn {
    pub(crate) cancel: CancelToken,
    /// How long it stood in line.
    pub(crate) queued: Duration,
    _slot: OwnedSemaphorePermit,
}

impl Turn {
    /// Fails when nobody waits for the answer any more.
    pub(crate) fn still_wanted(&self) -> Result<(), ApiError> {
        match self.cancel.is_canceled() {
            false => Ok(()),
            true => Err(EngineError::Canceled.into()),
        }
    }
}

impl QueryPool {
    /// A pool for `concurrent` queries at a time, at least one.
    pub(crate) fn new(concurrent: usize, clock: Arc<dyn Clock>) -> Self {
        let slots = concurrent.clamp(1, Semaphore::MAX_PERMITS);
        Self { slots: Arc::new(Semaphore::new(slots)), clock }
    }

    /// Runs `work` as soon as it is its turn; fails if that is not within `timeout`.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        timeout: Duration,
        work: impl FnOnce(Turn) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let begun = self.clock.monotonic();
        let slot = Arc::clone(&self.slots).acquire_owned();
        let slot = tokio::time::timeout(timeout, slot)
            .await
            .map_err(|_| EngineError::Timeout)?
            .expect("the semaphore is never closed");
        let queued = self.clock.monotonic().saturating_sub(begun);
        let guard = CancelOnDrop(CancelToken::default());
        let turn = Turn { cancel: guard.0.clone(), queued, _slot: slot };
        tokio::task::spawn_blocking(move || work(turn)).await.unwrap_or_else(|broken| {
            tracing::error!(error = %broken, "a query broke");
            Err(ApiError::internal("unexpected error: the query broke; the log says more"))
        })
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

    fn pool(concurrent: usize) -> QueryPool {
        QueryPool::new(concurrent, Arc::new(ManualClock::at(0)))
    }

    #[tokio::test]
    async fn a_query_that_is_not_its_turn_in_time_times_out() {
        let pool = pool(1);
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let first = pool.run(Duration::from_secs(60), move |_| {
            wait.recv().map_err(|_| ApiError::internal("nobody said go"))
        });
        let second = async {
            let late = pool.run(Duration::from_millis(1), |_| Ok(())).await;
            go_on.send(()).expect("the first query waits");
            late
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!(first, Ok(()));
        let error = second.expect_err("the first query had the only slot");
        assert_eq!(error.message, "query timed out in expression evaluation");
    }

    #[tokio::test]
    async fn a_query_nobody_waits_for_is_cancelled() {
        let pool = pool(1);
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (ended, has_ended) = tokio::sync::oneshot::channel();
        let query = pool.run(Duration::from_secs(60), move |turn| {
            begun.send(()).expect("the test waits");
            while !turn.cancel.is_canceled() {
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
        let pool = pool(1);
        let broken: Result<(), _> =
            pool.run(Duration::from_secs(60), |_| panic!("on purpose")).await;
        assert_eq!(broken.expect_err("it panicked").kind, crate::error::ErrorKind::Internal);
        assert_eq!(pool.run(Duration::from_secs(60), |_| Ok(1)).await, Ok(1));
    }
}
