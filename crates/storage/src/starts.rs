//! Start timestamps: since when a sample counts what it counts.
//!
//! Few sources send them, so they stand apart from the columns, for those samples alone that have one.

use model::Timestamp;

/// The start timestamps of some samples, by the times of these samples, rising.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartTimestamps(Vec<(Timestamp, Timestamp)>);

impl StartTimestamps {
    /// Notes that the sample at `t` counts since `start`, both in ms since 1970. Replaces what was known
    /// of that sample. A start of 0 says nothing, as in Prometheus, and is not kept.
    pub fn insert(&mut self, t: Timestamp, start: Timestamp) {
        if start == 0 {
            return;
        }
        match self.0.binary_search_by_key(&t, |(t, _)| *t) {
            Ok(at) => self.0[at].1 = start,
            Err(at) => self.0.insert(at, (t, start)),
        }
    }

    /// Since when the sample at `t` counts, if that is known.
    pub fn get(&self, t: Timestamp) -> Option<Timestamp> {
        let at = self.0.binary_search_by_key(&t, |(t, _)| *t).ok()?;
        self.0.get(at).map(|(_, start)| *start)
    }

    /// Whether nothing is known of any sample.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The times of samples and since when these count, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        self.0.iter().copied()
    }

    /// Forgets the samples for which `keep` is false.
    pub fn retain(&mut self, keep: impl Fn(Timestamp) -> bool) {
        self.0.retain(|(t, _)| keep(*t));
    }
}

impl Extend<(Timestamp, Timestamp)> for StartTimestamps {
    fn extend<I: IntoIterator<Item = (Timestamp, Timestamp)>>(&mut self, pairs: I) {
        pairs.into_iter().for_each(|(t, start)| self.insert(t, start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_has_the_start_noted_last_and_none_of_zero() {
        let mut starts = StartTimestamps::default();
        starts.extend([(20, 15), (10, 5), (20, 16), (30, 0)]);
        assert_eq!(starts.iter().collect::<Vec<_>>(), [(10, 5), (20, 16)]);
        assert_eq!((starts.get(20), starts.get(30), starts.get(15)), (Some(16), None, None));
        starts.retain(|t| t > 10);
        assert_eq!((starts.get(10), starts.is_empty()), (None, false));
        starts.clear();
        assert!(starts.is_empty());
    }
}
