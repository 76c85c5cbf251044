//! Buckets of classic histograms, relative to the bucket of all observations.
//!
//! A bucket's count moves with that of `le="+Inf"`, so that their difference takes fewer bytes than
//! the bucket. Series come in the order of their labels: those of all `+Inf` buckets under the same
//! labels before `le` come before the others (`+` is less than a digit), and are held until the labels
//! before `le` change.

use std::collections::HashMap;

use model::Labels;

use crate::index::Stored;

/// The label that a bucket's upper bound stands in.
const BOUND: &str = "le";
/// Values of so many samples are held, at most: 32 MiB.
const MAX_HELD: usize = 4 << 20;

/// A chunk that others may be relative to.
#[derive(Clone, Debug)]
pub(super) struct Base {
    /// The number of its column of times.
    pub(super) times: u32,
    /// Where its values lie.
    pub(super) stored: Stored,
    /// What they are.
    pub(super) values: Vec<f64>,
}

/// The chunks of the `+Inf` buckets that are held.
#[derive(Debug, Default)]
pub(super) struct Bases {
    /// The labels before `le` of the buckets held.
    before: Vec<u8>,
    /// By the labels behind `le`.
    chunks: HashMap<Vec<u8>, Vec<Base>>,
    held: usize,
}

/// What a series is to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Others may be relative to it; the labels behind `le`.
    Base(Vec<u8>),
    /// It may be relative to the base with these labels behind `le`.
    Bucket(Vec<u8>),
    /// No bucket.
    Other,
}

impl Bases {
    /// What a series is; those before it in the block have come already.
    pub(super) fn role(&mut self, labels: &Labels) -> Role {
        let bound = labels.get(BOUND);
        if bound.is_empty() {
            return Role::Other;
        }
        let before = text(labels.iter().take_while(|(name, _)| *name < BOUND));
        if before != self.before {
            *self = Self { before, ..Self::default() };
        }
        let behind = text(labels.iter().filter(|(name, _)| *name > BOUND));
        if bound == "+Inf" { Role::Base(behind) } else { Role::Bucket(behind) }
    }

    /// Holds the chunks of a base, if there is room.
    pub(super) fn hold(&mut self, behind: Vec<u8>, chunks: Vec<Base>) {
        let samples: usize = chunks.iter().map(|chunk| chunk.values.len()).sum();
        if self.held + samples <= MAX_HELD {
            self.held += samples;
            self.chunks.insert(behind, chunks);
        }
    }

    /// The chunk with these times that a bucket may be relative to.
    pub(super) fn find(&self, behind: &[u8], times: u32) -> Option<&Base> {
        self.chunks.get(behind)?.iter().find(|base| base.times == times)
    }
}

/// Values less those of `base`, if adding them again gives every bit back.
pub(super) fn differences(values: &[f64], base: &[f64]) -> Option<Vec<f64>> {
    let pairs = || values.iter().zip(base);
    let differences: Vec<f64> = pairs().map(|(value, base)| value - base).collect();
    let exact = pairs()
        .zip(&differences)
        .all(|((value, base), difference)| (base + difference).to_bits() == value.to_bits());
    (values.len() == base.len() && exact).then_some(differences)
}

/// Labels as bytes that are equal only for equal labels: names and values end with a byte that is
/// not in them.
fn text<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in labels {
        text.extend_from_slice(name.as_bytes());
        text.push(0xff);
        text.extend_from_slice(value.as_bytes());
        text.push(0xff);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(before: &str, le: &str, behind: &str) -> Labels {
        Labels::from_pairs([("__name__", before), ("le", le), ("path", behind)])
    }

    #[test]
    fn a_bucket_finds_the_chunk_of_its_own_histogram() {
        let mut bases = Bases::default();
        let stored = Stored { offset: 16, len: 3 };
        let base = |times| Base { times, stored, values: vec![1.0] };
        for (path, times) in [("/a", 7), ("/b", 8)] {
            let Role::Base(behind) = bases.role(&bucket("h", "+Inf", path)) else {
                panic!("a base")
            };
            bases.hold(behind, vec![base(times)]);
        }
        for (name, path, times, found) in [
            ("h", "/a", 7, true),
            ("h", "/a", 8, false),
            ("h", "/b", 8, true),
            ("h", "/c", 8, false),
            // Another name: what was held is let go.
            ("i", "/a", 7, false),
            ("h", "/a", 7, false),
        ] {
            let Role::Bucket(behind) = bases.role(&bucket(name, "0.1", path)) else {
                panic!("a bucket")
            };
            assert_eq!(bases.find(&behind, times).is_some(), found, "{name} {path} {times}");
        }
        assert_eq!(bases.role(&Labels::from_pairs([("a", "b")])), Role::Other);
    }

    #[test]
    fn differences_are_taken_only_if_every_bit_comes_back() {
        for (values, base, exact) in [
            (&[1.0, 2.0][..], &[5.0, 6.0][..], true),
            (&[1.0], &[1.0, 2.0], false),
            (&[0.1], &[1e300], false),
            (&[-0.0], &[0.0], false),
            (&[f64::NAN], &[1.0], false),
        ] {
            let exact_found = differences(values, base).is_some();
            // A NaN may or may not keep its bits; what counts is what comes back.
            assert!(exact_found == exact || values[0].is_nan(), "{values:?} {base:?}");
        }
    }
}
