//! A map from texts that come in the same order time and again.
//!
//! The text behind the last one found is tried first: one comparison, no hashing. Only where the
//! order breaks is the index asked. Equals a map from text to `T` that remembers the order in which
//! its keys were inserted.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// A map from texts to `T`.
#[derive(Debug)]
pub(crate) struct Texts<T> {
    entries: Vec<(Box<str>, T)>,
    /// Places in `entries`, by hash of the text. The hash is keyed: texts come from strangers.
    index: HashTable<u32>,
    hasher: RandomState,
    /// Where the next text is expected.
    guess: usize,
}

impl<T> Default for Texts<T> {
    fn default() -> Self {
        let (entries, index) = (Vec::new(), HashTable::new());
        Self { entries, index, hasher: RandomState::new(), guess: 0 }
    }
}

impl<T> Texts<T> {
    /// Expects the first text next.
    pub(crate) fn rewind(&mut self) {
        self.guess = 0;
    }

    /// The place of a text, good until texts are removed.
    pub(crate) fn find(&mut self, text: &str) -> Option<usize> {
        let place = if self.is_at(self.guess, text) {
            self.guess
        } else {
            let hash = self.hasher.hash_one(text);
            *self.index.find(hash, |place| self.is_at(*place as usize, text))? as usize
        };
        self.guess = place + 1;
        Some(place)
    }

    /// Whether this text is at this place.
    pub(crate) fn is_at(&self, place: usize, text: &str) -> bool {
        self.entries.get(place).is_some_and(|(known, _)| **known == *text)
    }

    /// Adds a text that is not there yet. `None`, and no change, if the index can hold no more.
    pub(crate) fn insert(&mut self, text: &str, value: T) -> Option<usize> {
        let place = self.entries.len();
        let small = u32::try_from(place).ok()?;
        let hash = self.hasher.hash_one(text);
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.index.insert_unique(hash, small, |at| hasher.hash_one(&*entries[*at as usize].0));
        self.entries.push((text.into(), value));
        self.guess = place + 1;
        Some(place)
    }

    /// What is at a place that [`Self::find`] or [`Self::insert`] gave.
    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.entries.get_mut(place).map(|(_, value)| value)
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All values, in the order of insertion.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// All values, to change.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    /// All texts with their values, in the order of insertion.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.entries.iter().map(|(text, value)| (&**text, value))
    }

    /// Keeps the texts whose value passes.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let before = self.entries.len();
        self.entries.retain(|(_, value)| keep(value));
        if self.entries.len() != before {
            self.rebuild_index();
        }
    }

    /// Keeps the first `count` texts.
    pub(crate) fn truncate(&mut self, count: usize) {
        if self.entries.len() > count {
            self.entries.truncate(count);
            self.rebuild_index();
        }
    }

    fn rebuild_index(&mut self) {
        self.entries.shrink_to(self.entries.len() * 2);
        let mut index = HashTable::with_capacity(self.entries.len());
        let hash = |place: &u32| self.hasher.hash_one(&*self.entries[*place as usize].0);
        for place in 0..self.entries.len() {
            let place = u32::try_from(place).expect("insert lets no more in");
            index.insert_unique(hash(&place), place, hash);
        }
        self.index = index;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn texts_equal_a_map(
            steps in prop::collection::vec((0..4_u8, "[ab]{0,2}", any::<bool>()), 0..40)
        ) {
            let mut texts: Texts<bool> = Texts::default();
            let mut map = BTreeMap::new();
            for (step, text, value) in steps {
                match step {
                    0 => {
                        texts.retain(|kept| *kept == value);
                        map.retain(|_, kept| *kept == value);
                    }
                    1 => texts.rewind(),
                    _ => {
                        let found = texts.find(&text);
                        let at = found.and_then(|place| texts.get_mut(place).copied());
                        prop_assert_eq!(at, map.get(&text).copied());
                        if found.is_none() {
                            texts.insert(&text, value);
                            map.insert(text, value);
                        }
                    }
                }
                let all: BTreeMap<String, bool> =
                    texts.iter().map(|(text, value)| (text.to_owned(), *value)).collect();
                prop_assert_eq!((&all, texts.len()), (&map, map.len()));
            }
        }
    }
}
