//! What one target exposed before: series text to [`SeriesRef`], and what is not exposed any more.
//!
//! A target lists its series in the same order at each scrape, which [`Texts`] makes use of. Always
//! true between rounds: `live_before` says of an entry that its series has a sample, not a marker,
//! as its newest. Labels are not kept; whoever needs them again reads the text again.

use std::collections::HashSet;

use storage::SeriesRef;

use crate::texts::Texts;

/// The series of one target.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: Texts<Entry>,
    /// How many entries there were when the round began.
    old_entries: usize,
    /// Live series whose texts were forgotten.
    orphans: Vec<SeriesRef>,
}

#[derive(Debug)]
struct Entry {
    /// `None`: relabelling drops it.
    series: Option<SeriesRef>,
    /// It was exposed in this round.
    seen: bool,
    /// It got a sample in this round that makes a marker due when it vanishes.
    live: bool,
    /// The same for the last round.
    live_before: bool,
}

/// A place in the cache, good for the current round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(usize);

/// A text that was exposed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Relabelling drops it.
    Dropped,
    /// It is stored as this series; `again` if this round had it already.
    Series { slot: Slot, series: SeriesRef, again: bool },
}

impl Cache {
    /// Begins a scrape.
    pub(crate) fn begin(&mut self) {
        self.entries.rewind();
        self.old_entries = self.entries.len();
    }

    /// Looks up a text that is exposed now.
    pub(crate) fn find(&mut self, text: &str) -> Option<Found> {
        let place = self.entries.find(text)?;
        let entry = self.entries.get_mut(place)?;
        let again = std::mem::replace(&mut entry.seen, true);
        Some(match entry.series {
            None => Found::Dropped,
            Some(series) => Found::Series { slot: Slot(place), series, again },
        })
    }

    /// Remembers a text that was not found, and the series it names unless it is dropped.
    pub(crate) fn insert(&mut self, text: &str, series: Option<SeriesRef>) -> Slot {
        let entry = Entry { series, seen: true, live: false, live_before: false };
        // Four thousand million series of one target do not fit; the rest is not remembered.
        Slot(self.entries.insert(text, entry).unwrap_or(usize::MAX))
    }

    /// The series got a sample: `series` is what it is known as now, and a marker is due once it
    /// vanishes if `tracked`.
    pub(crate) fn appended(&mut self, slot: Slot, series: SeriesRef, tracked: bool) {
        if let Some(entry) = self.entries.get_mut(slot.0) {
            entry.series = Some(series);
            entry.live |= tracked;
        }
    }

    /// The series that were live before this round and are not now.
    pub(crate) fn vanished(&self) -> Vec<SeriesRef> {
        let gone = |e: &&Entry| e.live_before && !e.live;
        let gone = self.entries.values().filter(gone).filter_map(|e| e.series);
        let mut gone: Vec<SeriesRef> = gone.chain(self.orphans.iter().copied()).collect();
        if !gone.is_empty() {
            // Two texts may name one series, and one of them may still be there.
            let live: HashSet<SeriesRef> =
                self.entries.values().filter(|e| e.live).filter_map(|e| e.series).collect();
            gone.retain(|series| !live.contains(series));
        }
        gone
    }

    /// Ends a good scrape: what was not exposed is forgotten.
    pub(crate) fn end(&mut self) {
        self.orphans.clear();
        self.entries.retain(|entry| entry.seen);
        for entry in self.entries.values_mut() {
            entry.seen = false;
            entry.live_before = std::mem::take(&mut entry.live);
        }
    }

    /// Ends a failed scrape as if nothing had been exposed: returns all series that were live
    /// before it. Texts are remembered, except those that were new.
    pub(crate) fn fail(&mut self) -> Vec<SeriesRef> {
        self.entries.truncate(self.old_entries);
        let mut gone = std::mem::take(&mut self.orphans);
        for entry in self.entries.values_mut() {
            if entry.live_before {
                gone.extend(entry.series);
            }
            (entry.seen, entry.live, entry.live_before) = (false, false, false);
        }
        gone
    }

    /// Forgets all texts, since they mean other series from now on. The live series are remembered
    /// until the next scrape.
    pub(crate) fn forget_texts(&mut self) {
        let live = self.entries.values().filter(|e| e.live_before).filter_map(|e| e.series);
        self.orphans.extend(live);
        self.entries = Texts::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::num::NonZeroU64;

    fn series(n: u64) -> SeriesRef {
        SeriesRef(NonZeroU64::new(n).expect("not zero"))
    }

    /// A round that exposes these texts; each new one becomes the series of its length.
    fn expose(cache: &mut Cache, texts: &[&str]) {
        cache.begin();
        for text in texts {
            let slot = match cache.find(text) {
                Some(Found::Series { slot, .. }) => slot,
                Some(Found::Dropped) => continue,
                None if text.starts_with('!') => {
                    cache.insert(text, None);
                    continue;
                }
                None => cache.insert(text, Some(series(text.len() as u64))),
            };
            cache.appended(slot, series(text.len() as u64), !text.contains('@'));
        }
    }

    fn good(cache: &mut Cache, texts: &[&str]) -> Vec<SeriesRef> {
        expose(cache, texts);
        let mut gone = cache.vanished();
        cache.end();
        gone.sort_unstable();
        gone
    }

    #[test]
    fn what_was_exposed_last_time_and_is_not_now_has_vanished() {
        let mut cache = Cache::default();
        assert_eq!(good(&mut cache, &["a", "bb", "!", "ccc", "@@@@"]), []);
        assert_eq!(good(&mut cache, &["ccc", "new55", "a"]), [series(2)]);
        assert_eq!(good(&mut cache, &["bb", "a"]), [series(3), series(5)]);
        assert_eq!(good(&mut cache, &[]), [series(1), series(2)]);
        assert_eq!(good(&mut cache, &[]), []);
    }

    #[test]
    fn a_series_with_another_text_that_is_still_there_has_not_vanished() {
        let mut cache = Cache::default();
        good(&mut cache, &["a", "b", "cc"]);
        assert_eq!(good(&mut cache, &["b", "cc"]), []);
        assert_eq!(good(&mut cache, &["cc"]), [series(1)]);
    }

    #[test]
    fn a_failed_scrape_ends_all_series_once_and_keeps_the_texts() {
        let mut cache = Cache::default();
        good(&mut cache, &["a", "bb"]);
        expose(&mut cache, &["bb", "ccc"]);
        assert_eq!(cache.fail(), [series(1), series(2)]);
        cache.begin();
        assert_eq!(cache.fail(), []);
        cache.begin();
        assert!(matches!(cache.find("a"), Some(Found::Series { again: false, .. })));
        assert_eq!(cache.find("ccc"), None);
    }

    #[test]
    fn a_text_exposed_twice_is_known_again() {
        let mut cache = Cache::default();
        expose(&mut cache, &["a"]);
        assert!(matches!(cache.find("a"), Some(Found::Series { again: true, .. })));
    }

    /// What the cache says must equal what sets of live series say.
    #[derive(Clone, Debug)]
    enum Round {
        Good(Vec<String>),
        Failed(Vec<String>),
        Forget,
    }

    fn rounds() -> impl Strategy<Value = Vec<Round>> {
        // Lengths are series, so `a` and `b` are two texts of one series.
        let texts = || prop::collection::vec("[ab!@]{1,3}", 0..7);
        let round = prop_oneof![
            6 => texts().prop_map(Round::Good),
            2 => texts().prop_map(Round::Failed),
            1 => Just(Round::Forget),
        ];
        prop::collection::vec(round, 0..8)
    }

    proptest! {
        #[test]
        fn markers_are_due_for_what_was_live_and_is_not(rounds in rounds()) {
            let mut cache = Cache::default();
            let mut live = BTreeSet::new();
            for round in rounds {
                let (texts, ended) = match &round {
                    Round::Forget => {
                        cache.forget_texts();
                        continue;
                    }
                    Round::Good(texts) => {
                        let tracked = |t: &&String| !t.starts_with('!') && !t.contains('@');
                        let now = texts.iter().filter(tracked).map(|t| series(t.len() as u64));
                        (texts, now.collect())
                    }
                    Round::Failed(texts) => (texts, BTreeSet::new()),
                };
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                expose(&mut cache, &texts);
                let gone: BTreeSet<SeriesRef> = match round {
                    Round::Failed(_) => cache.fail().into_iter().collect(),
                    _ => {
                        let gone = cache.vanished().into_iter().collect();
                        cache.end();
                        gone
                    }
                };
                prop_assert_eq!(&gone, &live.difference(&ended).copied().collect());
                live = ended;
            }
        }
    }

    #[test]
    fn forgotten_texts_leave_their_series_to_the_next_scrape() {
        let mut cache = Cache::default();
        good(&mut cache, &["a", "bb"]);
        cache.forget_texts();
        assert_eq!(good(&mut cache, &["x"]), [series(2)]);
        cache.forget_texts();
        cache.begin();
        assert_eq!(cache.fail(), [series(1)]);
    }
}
