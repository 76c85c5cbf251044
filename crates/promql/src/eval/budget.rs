//! The budget of one query: what it may hold, how long it may take, and whether anyone still waits.
//!
//! Columns that a query holds are charged in samples; a column counts for its values, but at least
//! for half its steps, for it takes that memory even where nothing is present.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use model::Clock;

use super::series::EvalSeries;
use super::steps::Steps;
use crate::error::EngineError;

/// Tells a running query that nobody waits for its answer any more. Clones mean the same query.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Ends the query at its next look.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to end.
    pub fn is_canceled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The limits of one query and what it has used of them.
pub struct Budget<'q> {
    clock: &'q dyn Clock,
    deadline: Duration,
    cancel: CancelToken,
    max_samples: usize,
    held: AtomicUsize,
    peak: AtomicUsize,
    read: AtomicU64,
}

impl<'q> Budget<'q> {
    /// A budget that ends `timeout` from now.
    pub fn new(
        clock: &'q dyn Clock,
        timeout: Duration,
        cancel: CancelToken,
        max_samples: usize,
    ) -> Self {
        let deadline = clock.monotonic().saturating_add(timeout);
        let (held, peak, read) = Default::default();
        Self { clock, deadline, cancel, max_samples, held, peak, read }
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

    /// Charges so many samples.
    pub fn hold(&self, samples: usize) -> Result<(), EngineError> {
        let held = self.held.fetch_add(samples, Ordering::Relaxed) + samples;
        self.peak.fetch_max(held, Ordering::Relaxed);
        if held > self.max_samples { Err(EngineError::TooManySamples) } else { Ok(()) }
    }

    /// Gives back what was charged.
    pub fn release(&self, samples: usize) {
        self.held.fetch_sub(samples, Ordering::Relaxed);
    }

    /// Charges so many samples and gives them back at once: they are held for a moment only.
    pub fn touch(&self, samples: usize) -> Result<(), EngineError> {
        let result = self.hold(samples);
        self.release(samples);
        result
    }

    /// Refuses a column of so many steps before memory is taken for it.
    pub fn allow_steps(&self, steps: Steps) -> Result<(), EngineError> {
        // Half the steps is what a column is charged at least.
        if steps.count / 2 > self.max_samples { Err(EngineError::TooManySamples) } else { Ok(()) }
    }

    /// Counts samples that were looked at, step by step.
    pub fn count_read(&self, samples: u64) {
        self.read.fetch_add(samples, Ordering::Relaxed);
    }

    /// How many samples were held at once at most.
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    /// How many samples were looked at, those of a window at each step that saw it.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

/// A histogram counts for so many samples: it holds about so many numbers.
const HISTOGRAM_COST: usize = 20;

/// What a series is charged for.
pub fn cost(series: &EvalSeries) -> usize {
    let histograms = series.histograms.as_ref().map_or(0, |all| all.len() * HISTOGRAM_COST);
    series.column.count().max(series.column.steps() / 2) + histograms
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::clock::ManualClock;

    #[test]
    fn a_budget_ends_by_time_by_cancel_and_by_samples() {
        let clock = ManualClock::at(0);
        let cancel = CancelToken::default();
        let budget = Budget::new(&clock, Duration::from_secs(1), cancel.clone(), 10);
        assert!(budget.check().is_ok());
        assert!(budget.hold(10).is_ok());
        assert!(matches!(budget.touch(1), Err(EngineError::TooManySamples)));
        budget.release(5);
        assert!(budget.touch(5).is_ok());
        assert_eq!(budget.peak(), 11);
        clock.advance(Duration::from_secs(1));
        assert!(matches!(budget.check(), Err(EngineError::Timeout)));
        cancel.cancel();
        assert!(matches!(budget.check(), Err(EngineError::Canceled)));
    }
}
