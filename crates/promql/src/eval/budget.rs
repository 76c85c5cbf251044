//! The budget of one query: what it may hold, how long it may take, and whether anyone still waits.
//!
//! What a query holds is charged by [`Held`], in samples.

use std::cmp::Ordering as Order;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use model::Clock;
use storage::Stop;

use super::held::{FREE_BYTES, Held, SAMPLE_BYTES};
use super::steps::Steps;
use crate::error::EngineError;

/// How many cheap elements of a loop go by before the deadline is looked at.
const LOOK_EVERY: usize = 256;

/// Tells a running query that nobody waits for its answer any more. Clones mean the same query.
#[derive(Clone, Debug, Default)]
pub struct CancelToken {
    own: Arc<AtomicBool>,
    /// What ends this query and others with it.
    above: Option<Arc<AtomicBool>>,
}

impl CancelToken {
    /// Ends the query at its next look.
    pub fn cancel(&self) {
        self.own.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to end.
    pub fn is_canceled(&self) -> bool {
        let is_set = |flag: &Arc<AtomicBool>| flag.load(Ordering::Relaxed);
        is_set(&self.own) || self.above.as_ref().is_some_and(is_set)
    }

    /// A token of another query that this one ends, too.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { own: Arc::default(), above: Some(Arc::clone(&self.own)) }
    }
}

/// What a query has used so far. Clones mean the same query; equal if the figures are.
#[derive(Clone, Debug, Default)]
pub struct Usage(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    samples: AtomicUsize,
    bytes: AtomicUsize,
    peak: AtomicUsize,
    read: AtomicU64,
}

impl Usage {
    /// How many samples are held, other memory counted in samples.
    pub fn held(&self) -> usize {
        let bytes = self.0.bytes.load(Ordering::Relaxed).saturating_sub(FREE_BYTES);
        self.0.samples.load(Ordering::Relaxed) + bytes / SAMPLE_BYTES
    }

    pub(super) fn add(&self, samples: usize, bytes: usize) {
        self.0.samples.fetch_add(samples, Ordering::Relaxed);
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.0.peak.fetch_max(self.held(), Ordering::Relaxed);
    }

    pub(super) fn take(&self, samples: usize, bytes: usize) {
        self.0.samples.fetch_sub(samples, Ordering::Relaxed);
        self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// How many samples were held at once at most.
    pub fn peak(&self) -> usize {
        self.0.peak.load(Ordering::Relaxed)
    }

    /// How many samples were looked at, those of a window at each step that saw it.
    pub fn read(&self) -> u64 {
        self.0.read.load(Ordering::Relaxed)
    }
}

impl PartialEq for Usage {
    fn eq(&self, other: &Self) -> bool {
        let figures = |usage: &Self| (usage.held(), usage.peak(), usage.read());
        figures(self) == figures(other)
    }
}

impl Eq for Usage {}

/// The limits of one query and what it has used of them.
pub struct Budget {
    clock: Arc<dyn Clock>,
    deadline: Duration,
    cancel: CancelToken,
    max_samples: usize,
    usage: Usage,
}

impl Budget {
    /// A budget that ends `timeout` from now.
    pub fn new(
        clock: Arc<dyn Clock>,
        timeout: Duration,
        cancel: CancelToken,
        max_samples: usize,
        usage: Usage,
    ) -> Self {
        let deadline = clock.monotonic().saturating_add(timeout);
        Self { clock, deadline, cancel, max_samples, usage }
    }

    /// A budget that never ends, for tests.
    #[cfg(test)]
    pub(crate) fn unlimited() -> Self {
        Self::of(usize::MAX)
    }

    /// One of so many samples, for tests.
    #[cfg(test)]
    pub(crate) fn of(max_samples: usize) -> Self {
        let clock = Arc::new(model::clock::ManualClock::at(0));
        let (cancel, usage) = Default::default();
        Self::new(clock, Duration::from_secs(1), cancel, max_samples, usage)
    }

    /// Fails if the query is to end now.
    pub fn check(&self) -> Result<(), EngineError> {
        if self.cancel.is_canceled() {
            return Err(EngineError::Canceled);
        }
        if self.clock.monotonic() >= self.deadline {
            return Err(EngineError::Timeout);
        }
        Ok(())
    }

    /// The same now and then: for element number `at` of a loop whose elements are cheap.
    pub fn check_at(&self, at: usize) -> Result<(), EngineError> {
        if at.is_multiple_of(LOOK_EVERY) { self.check() } else { Ok(()) }
    }

    /// Whether nobody waits for the answer any more: half of what [`Self::check`] fails for, and cheap.
    pub fn is_canceled(&self) -> bool {
        self.cancel.is_canceled()
    }

    /// Whether the query is to end now: what [`Self::check`] fails for.
    pub fn is_over(&self) -> bool {
        self.check().is_err()
    }

    /// The same for the store.
    pub fn stop(&self) -> Stop {
        let (cancel, clock, deadline) =
            (self.cancel.clone(), Arc::clone(&self.clock), self.deadline);
        Stop::when(move || cancel.is_canceled() || clock.monotonic() >= deadline)
    }

    /// Sorts, and keeps the order of equals; see [`storage::sort`]. Fails once the budget is over.
    pub fn sort<T>(
        &self,
        all: &mut [T],
        order: &dyn Fn(&T, &T) -> Order,
    ) -> Result<(), EngineError> {
        match storage::sort(all, &|| self.is_over(), order) {
            Ok(()) => Ok(()),
            // Once over, it stays over, and this says why.
            Err(_) => self.check(),
        }
    }

    /// Nothing yet, to be charged to this budget.
    pub fn held(&self) -> Held {
        let usage = self.usage.clone();
        Held { usage, max_samples: self.max_samples, samples: 0, bytes: 0 }
    }

    /// Whether less than half of it is held: then more may be held than has to be.
    pub fn has_room(&self) -> bool {
        self.usage.held() < self.max_samples / 2
    }

    /// Refuses a column of so many steps before memory is taken for it.
    pub fn allow_steps(&self, steps: Steps) -> Result<(), EngineError> {
        // Half the steps is what a column is charged at least.
        if steps.count / 2 > self.max_samples { Err(EngineError::TooManySamples) } else { Ok(()) }
    }

    /// Counts samples that were looked at, step by step.
    pub fn count_read(&self, samples: u64) {
        self.usage.0.read.fetch_add(samples, Ordering::Relaxed);
    }

    /// How many samples were held at once at most.
    pub fn peak(&self) -> usize {
        self.usage.peak()
    }

    /// How many samples were looked at, those of a window at each step that saw it.
    pub fn read(&self) -> u64 {
        self.usage.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::clock::ManualClock;

    #[test]
    fn a_budget_ends_by_time_by_cancel_and_by_samples() {
        let clock = Arc::new(ManualClock::at(0));
        let cancel = CancelToken::default();
        let budget = Budget::new(
            Arc::clone(&clock) as _,
            Duration::from_secs(1),
            cancel.clone(),
            10,
            Usage::default(),
        );
        assert!(budget.check().is_ok());
        let mut held = budget.held();
        assert!(held.samples(10).is_ok());
        assert!(matches!(budget.held().samples(1), Err(EngineError::TooManySamples)));
        drop(held);
        assert!(budget.held().samples(10).is_ok());
        assert_eq!(budget.peak(), 11);
        clock.advance(Duration::from_secs(1));
        assert!(matches!(budget.check(), Err(EngineError::Timeout)));
        cancel.cancel();
        assert!(matches!(budget.check(), Err(EngineError::Canceled)));
    }
}
