//! How far the replay of the log is, for whoever waits for it.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far the replay of a log is: shared by the database, which counts, and whoever looks.
#[derive(Debug, Default)]
pub struct ReplayProgress {
    min: AtomicU64,
    max: AtomicU64,
    current: AtomicU64,
}

/// How far the replay of a log was at a moment. All zero before it begins, and without a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayStatus {
    /// The number of the first segment.
    pub min: u64,
    /// The number of the last segment.
    pub max: u64,
    /// The segment that is read, and at last the one that was read last.
    pub current: u64,
}

impl ReplayProgress {
    /// How far it is.
    pub fn status(&self) -> ReplayStatus {
        ReplayStatus {
            min: self.min.load(Ordering::Relaxed),
            max: self.max.load(Ordering::Relaxed),
            current: self.current.load(Ordering::Relaxed),
        }
    }

    /// A replay of these segments begins.
    pub(super) fn begin(&self, numbers: &[u32]) {
        let (Some(min), Some(max)) = (numbers.first(), numbers.last()) else { return };
        self.current.store(u64::from(*min), Ordering::Relaxed);
        self.min.store(u64::from(*min), Ordering::Relaxed);
        self.max.store(u64::from(*max), Ordering::Relaxed);
    }

    /// It has come to this segment.
    pub(super) fn at(&self, number: u32) {
        self.current.store(u64::from(number), Ordering::Relaxed);
    }
}
