//! Exemplars: the newest ones of all series, in a ring.
//!
//! A new one takes the place of the oldest. Always true: of one series they are in order of time; two
//! in a row are never the same. They are in the log, and in no block.

use std::cmp::Ordering;

use model::matcher::matches_all;
use model::{Labels, Matcher, TimeRange, Timestamp};
use rustc_hash::FxHashMap;
use storage::{AppendError, Exemplar};

/// Names and values of an exemplar's labels may have so many characters together, as in OpenMetrics.
const MAX_LABEL_CHARACTERS: usize = 128;

/// The exemplars of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesExemplars {
    /// The series.
    pub labels: Labels,
    /// Its exemplars, in order of time; each has one.
    pub exemplars: Vec<Exemplar>,
}

/// What the ring is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExemplarStatus {
    /// How many exemplars there may be.
    pub max: usize,
    /// How many there are.
    pub num_exemplars: usize,
    /// How many series have one.
    pub num_series: usize,
    /// The time of the one that goes next, ms; 0 if there is none.
    pub oldest_t: Timestamp,
}

/// An exemplar with the time it is kept under.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) labels: Labels,
    pub(crate) value: f64,
    pub(crate) t: Timestamp,
    /// Whether the time was told with it. If not, the same one comes again with every scrape, and
    /// each time with another time.
    pub(crate) has_t: bool,
}

/// Why an exemplar is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unkept {
    /// None are.
    Off,
    /// It is the same as the newest of its series.
    Same,
    /// It is older than that.
    OutOfOrder,
}

/// The ring.
#[derive(Debug, Default)]
pub(crate) struct Exemplars {
    max: usize,
    /// Grows up to `max`.
    slots: Vec<Slot>,
    /// Where the next one goes: behind the newest; on the oldest once all slots are taken.
    next: usize,
    series: FxHashMap<Labels, Ends>,
}

#[derive(Debug)]
struct Slot {
    series: Labels,
    kept: Kept,
    /// The slot of the next one of the series.
    newer: Option<usize>,
}

/// The slots of a series' oldest and newest exemplar.
#[derive(Clone, Copy, Debug)]
struct Ends {
    oldest: usize,
    newest: usize,
}

impl Kept {
    /// An exemplar that comes with a sample of the time `t`. The error says what is wrong with it.
    pub(crate) fn new(exemplar: &Exemplar, t: Timestamp) -> Result<Self, AppendError> {
        let labels = &exemplar.labels;
        let characters = labels.iter().map(|(n, v)| n.chars().count() + v.chars().count());
        if characters.sum::<usize>() > MAX_LABEL_CHARACTERS {
            return Err(AppendError::ExemplarTooLong);
        }
        let (t, has_t) = (exemplar.timestamp.unwrap_or(t), exemplar.timestamp.is_some());
        Ok(Self { labels: labels.clone(), value: exemplar.value, t, has_t })
    }

    fn is_same(&self, other: &Self) -> bool {
        let same_t = self.t == other.t || !(self.has_t || other.has_t);
        same_t && self.value.to_bits() == other.value.to_bits() && self.labels == other.labels
    }

    /// By time; several of one time by value, then by labels.
    fn order(&self, other: &Self) -> Ordering {
        let by_value = self.value.partial_cmp(&other.value).unwrap_or(Ordering::Equal);
        self.t.cmp(&other.t).then(by_value).then_with(|| self.labels.cmp(&other.labels))
    }
}

impl Exemplars {
    /// A ring of so many exemplars; 0 for none.
    pub(crate) fn new(max: usize) -> Self {
        Self { max, ..Self::default() }
    }

    /// Whether the ring would take an exemplar of a series.
    pub(crate) fn check(&self, series: &Labels, new: &Kept) -> Result<(), Unkept> {
        if self.max == 0 {
            return Err(Unkept::Off);
        }
        match self.series.get(series).and_then(|ends| self.slots.get(ends.newest)) {
            Some(newest) if newest.kept.is_same(new) => Err(Unkept::Same),
            Some(newest) if new.order(&newest.kept).is_lt() => Err(Unkept::OutOfOrder),
            _ => Ok(()),
        }
    }

    /// Takes an exemplar of a series.
    pub(crate) fn add(&mut self, series: &Labels, new: Kept) -> Result<(), Unkept> {
        self.check(series, &new)?;
        self.put(series.clone(), new);
        Ok(())
    }

    fn put(&mut self, series: Labels, kept: Kept) {
        let at = self.next;
        self.next = (at + 1) % self.max;
        if at < self.slots.len() {
            self.forget_oldest(at);
        }
        match self.series.get_mut(&series) {
            Some(ends) => {
                self.slots[ends.newest].newer = Some(at);
                ends.newest = at;
            }
            None => {
                self.series.insert(series.clone(), Ends { oldest: at, newest: at });
            }
        }
        let slot = Slot { series, kept, newer: None };
        match self.slots.get_mut(at) {
            Some(old) => *old = slot,
            None => self.slots.push(slot),
        }
    }

    /// Takes the exemplar in a slot, the oldest of all, from its series.
    fn forget_oldest(&mut self, at: usize) {
        let Slot { series, newer, .. } = &self.slots[at];
        match (self.series.get_mut(series), newer) {
            (Some(ends), Some(newer)) => ends.oldest = *newer,
            _ => {
                self.series.remove(series);
            }
        }
    }

    /// All there are with their series, the oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Labels, &Kept)> {
        // Where the next one goes is the oldest, once the ring is full.
        let (newer, older) = self.slots.split_at(self.next.min(self.slots.len()));
        older.iter().chain(newer).map(|slot| (&slot.series, &slot.kept))
    }

    /// Makes the ring one of `max`; the oldest go if it shrinks.
    pub(crate) fn resize(&mut self, max: usize) {
        if max == self.max {
            return;
        }
        let mut slots = std::mem::take(&mut self.slots);
        if slots.len() == self.max {
            slots.rotate_left(self.next);
        }
        *self = Self::new(max);
        let gone = slots.len().saturating_sub(max);
        for slot in slots.into_iter().skip(gone) {
            self.put(slot.series, slot.kept);
        }
    }

    /// The exemplars in `range` of series that pass all matchers of one of the selectors, sorted by
    /// labels. Series without any are left out.
    pub(crate) fn select(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Vec<SeriesExemplars> {
        let passes = |series: &Labels| selectors.iter().any(|s| matches_all(s, series));
        let mut selected: Vec<SeriesExemplars> = Vec::new();
        for (series, ends) in self.series.iter().filter(|(series, _)| passes(series)) {
            let slots = std::iter::successors(self.slots.get(ends.oldest), |slot| {
                slot.newer.and_then(|newer| self.slots.get(newer))
            });
            let inside = slots.map(|slot| &slot.kept).filter(|kept| range.contains(kept.t));
            let exemplars: Vec<Exemplar> = inside.map(Exemplar::from).collect();
            if !exemplars.is_empty() {
                selected.push(SeriesExemplars { labels: series.clone(), exemplars });
            }
        }
        selected.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        selected
    }

    pub(crate) fn status(&self) -> ExemplarStatus {
        // Where the next one goes is the oldest, once the ring is full.
        let oldest = self.slots.get(self.next).or(self.slots.first());
        ExemplarStatus {
            max: self.max,
            num_exemplars: self.slots.len(),
            num_series: self.series.len(),
            oldest_t: oldest.map_or(0, |slot| slot.kept.t),
        }
    }
}

impl From<&Kept> for Exemplar {
    fn from(kept: &Kept) -> Self {
        Self { labels: kept.labels.clone(), value: kept.value, timestamp: Some(kept.t) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series(name: &str) -> Labels {
        Labels::from_pairs([("__name__", name)])
    }

    fn kept(t: Timestamp, value: f64, trace: &str) -> Kept {
        Kept { labels: Labels::from_pairs([("trace_id", trace)]), value, t, has_t: true }
    }

    /// Series and times of all there are.
    fn all(ring: &Exemplars) -> Vec<(String, Vec<Timestamp>)> {
        let all = ring.select(&[vec![]], TimeRange::ALL).into_iter();
        all.map(|found| {
            let times = found.exemplars.iter().filter_map(|exemplar| exemplar.timestamp).collect();
            (found.labels.metric_name().to_owned(), times)
        })
        .collect()
    }

    proptest! {
        #[test]
        fn the_ring_has_the_newest_of_what_it_was_given(
            added in prop::collection::vec("[abc]", 0..60),
            first in 1usize..12, then in 0usize..12, more in prop::collection::vec("[ab]", 0..20),
        ) {
            let mut ring = Exemplars::new(first);
            let mut given: Vec<(String, Timestamp)> = Vec::new();
            let add = |ring: &mut Exemplars, given: &mut Vec<_>, name: &str, t: i64| {
                if ring.add(&series(name), kept(t, 1.0, "x")).is_ok() {
                    given.push((name.to_owned(), t));
                }
            };
            for (t, name) in (0..).zip(&added) {
                add(&mut ring, &mut given, name, t);
            }
            given.drain(..given.len().saturating_sub(first.min(then)));
            ring.resize(then);
            for (t, name) in (100..).zip(&more) {
                add(&mut ring, &mut given, name, t);
            }
            given.drain(..given.len().saturating_sub(then));
            let status = ring.status();
            prop_assert_eq!((status.max, status.num_exemplars), (then, given.len()));
            prop_assert_eq!(status.oldest_t, given.first().map_or(0, |oldest| oldest.1));
            let mut expected: Vec<(String, Vec<Timestamp>)> = Vec::new();
            given.sort();
            for (name, t) in given {
                match expected.last_mut() {
                    Some(last) if last.0 == name => last.1.push(t),
                    _ => expected.push((name, vec![t])),
                }
            }
            prop_assert_eq!(status.num_series, expected.len());
            prop_assert_eq!(all(&ring), expected);
        }
    }

    #[test]
    fn the_same_again_and_what_is_older_is_not_kept() {
        let mut ring = Exemplars::new(10);
        assert_eq!(ring.add(&series("a"), kept(10, 2.0, "x")), Ok(()));
        for (t, value, trace, expected) in [
            (10, 2.0, "x", Err(Unkept::Same)),
            (9, 2.0, "x", Err(Unkept::OutOfOrder)),
            (10, 1.0, "x", Err(Unkept::OutOfOrder)),
            (10, 2.0, "w", Err(Unkept::OutOfOrder)),
            (10, 2.0, "y", Ok(())),
            (10, 3.0, "a", Ok(())),
            (11, 0.0, "a", Ok(())),
        ] {
            assert_eq!(
                ring.add(&series("a"), kept(t, value, trace)),
                expected,
                "{t} {value} {trace}"
            );
        }
        assert_eq!(ring.add(&series("b"), kept(1, 0.0, "x")), Ok(()), "each series for itself");
        assert_eq!(Exemplars::new(0).add(&series("a"), kept(1, 0.0, "x")), Err(Unkept::Off));
    }

    #[test]
    fn without_a_time_of_its_own_it_is_the_same_in_every_scrape() {
        let untimed = |t| Kept { has_t: false, ..kept(t, 2.0, "x") };
        let mut ring = Exemplars::new(10);
        assert_eq!(ring.add(&series("a"), untimed(10)), Ok(()));
        assert_eq!(ring.add(&series("a"), untimed(20)), Err(Unkept::Same));
        assert_eq!(ring.add(&series("a"), kept(20, 2.0, "x")), Ok(()));
    }

    #[test]
    fn labels_are_counted_in_characters() {
        let of = |len: usize| Exemplar {
            labels: Labels::from_pairs([("trace_id", "\u{e4}".repeat(len))]),
            value: 1.0,
            timestamp: None,
        };
        assert_eq!(Kept::new(&of(120), 7).map(|kept| (kept.t, kept.has_t)), Ok((7, false)));
        assert_eq!(Kept::new(&of(121), 7).map(|_| ()), Err(AppendError::ExemplarTooLong));
    }

    #[test]
    fn exemplars_are_selected_by_series_and_time() {
        let mut ring = Exemplars::new(10);
        for (name, t) in [("b", 1), ("a", 2), ("b", 3), ("c", 4), ("b", 5)] {
            ring.add(&series(name), kept(t, 1.0, "x")).unwrap();
        }
        let named =
            |name| vec![Matcher::new(model::MatchOp::Equal, "__name__", name).expect("valid")];
        let range = TimeRange::new(2, 4).expect("ordered");
        let found = ring.select(&[named("b"), named("a"), named("none")], range);
        let times: Vec<_> = found
            .iter()
            .map(|f| (f.labels.metric_name(), f.exemplars.iter().map(|e| e.timestamp).collect()))
            .collect();
        assert_eq!(times, [("a", vec![Some(2)]), ("b", vec![Some(3)])]);
        assert_eq!(ring.select(&[], TimeRange::ALL), []);
    }
}
