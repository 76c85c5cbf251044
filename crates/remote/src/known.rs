//! Series that came before: the bytes of their labels to what the store calls them.
//!
//! A sender repeats the labels of a series with every sample, and always in the same bytes. They are
//! known again by a keyed 128-bit hash, so that neither are the labels decoded nor their bytes kept.
//! The key is drawn at random: nobody can make two series whose hashes are the same.

use std::hash::{BuildHasher, RandomState};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use rustc_hash::FxHashMap;
use siphasher::sip128::SipHasher13;
use storage::SeriesRef;

/// With more series than this all are forgotten, and learned anew: 24 bytes each, and some room.
const MAX_SERIES: usize = 1 << 20;

/// A hash of label bytes.
pub(crate) type Key = (u64, u64);

/// What the store calls series, by the hash of their labels.
pub(crate) type Refs = FxHashMap<Key, SeriesRef>;

/// What is known.
#[derive(Debug)]
pub(crate) struct Known {
    hasher: SipHasher13,
    series: RwLock<Refs>,
}

impl Default for Known {
    fn default() -> Self {
        let random = RandomState::new();
        let hasher = SipHasher13::new_with_keys(random.hash_one(0), random.hash_one(1));
        Self { hasher, series: RwLock::default() }
    }
}

impl Known {
    /// The key of a series whose labels are these bytes.
    pub(crate) fn key(&self, labels: &[u8]) -> Key {
        self.hasher.hash(labels).as_u64()
    }

    /// What the store calls series, or called them once. Nobody learns while it is held.
    pub(crate) fn series(&self) -> RwLockReadGuard<'_, Refs> {
        self.series.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns what the store calls series.
    pub(crate) fn learn(&self, new: &[(Key, SeriesRef)]) {
        if new.is_empty() {
            return;
        }
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        if series.len() + new.len() > MAX_SERIES {
            series.clear();
        }
        series.extend(new.iter().copied());
    }
}
