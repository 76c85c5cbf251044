//! Texts with numbers, and hashes of them.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// Texts with numbers, from 0 in the order of their coming.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: Vec<Box<str>>,
    hashes: Vec<u32>,
    by_text: HashTable<u32>,
}

/// The hash of labels, from those of their names and values in turn: nobody needs the texts again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LabelsHash(u64);

impl Texts {
    pub(super) fn get(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }

    /// The hash of a text.
    pub(super) fn hash(&self, number: u32) -> u32 {
        self.hashes[number as usize]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }

    pub(super) fn find(&self, text: &str) -> Option<u32> {
        self.find_hashed(text, hash_of(text))
    }

    fn find_hashed(&self, text: &str, hash: u32) -> Option<u32> {
        let is_it = |n: &u32| self.hash(*n) == hash && self.get(*n) == text;
        self.by_text.find(spread(hash), is_it).copied()
    }

    /// The number of a text, and whether it is new.
    pub(super) fn add(&mut self, text: &str) -> (u32, bool) {
        let hash = hash_of(text);
        if let Some(number) = self.find_hashed(text, hash) {
            return (number, false);
        }
        let number = u32::try_from(self.texts.len()).expect("fewer texts than bytes of labels");
        if self.texts.len() == self.texts.capacity() {
            self.texts.reserve_exact(self.texts.len() / 4 + 1);
            self.hashes.reserve_exact(self.texts.len() / 4 + 1);
        }
        self.texts.push(text.into());
        self.hashes.push(hash);
        let hashes = &self.hashes;
        self.by_text.insert_unique(spread(hash), number, |&n| spread(hashes[n as usize]));
        (number, true)
    }
}

impl LabelsHash {
    /// Goes on with the hash of a text.
    pub(super) fn add(&mut self, text: u32) {
        let mixed = self.0.rotate_left(26) ^ u64::from(text);
        self.0 = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// The part of it that is kept.
    pub(super) fn end(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// The part of a text's hash that is kept.
pub(super) fn hash_of(text: &str) -> u32 {
    (FxBuildHasher.hash_one(text.as_bytes()) >> 32) as u32
}

/// What is kept of a hash, spread over 64 bits: tables use bits from both ends.
pub(super) fn spread(hash: u32) -> u64 {
    (u64::from(hash) << 32 | u64::from(hash)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
