//! Label signatures: what two series must share to match.
//!
//! Equal signatures get equal numbers, from 0 in the order they came up. No signature is written out for
//! that: it is hashed and compared where it lies, in the labels of a series that has it.

use std::hash::{Hash, Hasher};

use model::Labels;
use model::labels::METRIC_NAME;
use rustc_hash::{FxHashMap, FxHasher};
use smallvec::SmallVec;

use super::column::{Mask, unite};
use super::held::Held;
use super::series::EvalSeries;
use crate::ast::Matching;
use crate::error::EngineError;

/// What a signature takes: its number by its hash, and who has it.
const SIGNATURE_BYTES: usize = 2 * (size_of::<(u64, Numbers)>() + size_of::<Labels>());

/// The numbers of signatures with equal hashes: hardly ever more than one.
type Numbers = SmallVec<[usize; 2]>;

/// The labels two series must share to match.
pub(super) fn signature(labels: &Labels, matching: &Matching) -> Labels {
    labels.filtered(|name| matches_by(matching, name))
}

fn matches_by(matching: &Matching, name: &str) -> bool {
    let is_named = matching.labels.iter().any(|label| label == name);
    if matching.on { is_named } else { name != METRIC_NAME && !is_named }
}

/// Signatures, and their numbers.
pub(super) struct Signatures<'m> {
    matching: &'m Matching,
    by_hash: FxHashMap<u64, Numbers>,
    /// By number, labels that have the signature.
    labels: Vec<Labels>,
}

impl<'m> Signatures<'m> {
    /// None yet.
    pub(super) fn new(matching: &'m Matching) -> Self {
        Self { matching, by_hash: FxHashMap::default(), labels: Vec::new() }
    }

    /// The number of the signature of these labels, if it came up before.
    pub(super) fn find(&self, labels: &Labels) -> Option<usize> {
        self.find_hashed(self.hash(labels), labels)
    }

    /// The number of the signature of these labels.
    pub(super) fn number(
        &mut self,
        labels: &Labels,
        held: &mut Held,
    ) -> Result<usize, EngineError> {
        let hash = self.hash(labels);
        if let Some(number) = self.find_hashed(hash, labels) {
            return Ok(number);
        }
        held.bytes(SIGNATURE_BYTES)?;
        let number = self.labels.len();
        self.labels.push(labels.clone());
        self.by_hash.entry(hash).or_default().push(number);
        Ok(number)
    }

    fn find_hashed(&self, hash: u64, labels: &Labels) -> Option<usize> {
        let numbers = self.by_hash.get(&hash)?;
        let is_equal = |number: &&usize| self.of(&self.labels[**number]).eq(self.of(labels));
        numbers.iter().find(is_equal).copied()
    }

    fn hash(&self, labels: &Labels) -> u64 {
        let mut hasher = FxHasher::default();
        self.of(labels).for_each(|pair| pair.hash(&mut hasher));
        hasher.finish()
    }

    /// The pairs of a signature.
    fn of<'l>(&self, labels: &'l Labels) -> impl Iterator<Item = (&'l str, &'l str)> {
        let matching = self.matching;
        labels.iter().filter(move |(name, _)| matches_by(matching, name))
    }
}

/// At which steps each signature occurs.
pub(super) struct Occurrence<'m> {
    signatures: Signatures<'m>,
    masks: Vec<Mask>,
}

impl<'m> Occurrence<'m> {
    /// None occurs yet.
    pub(super) fn new(matching: &'m Matching) -> Self {
        Self { signatures: Signatures::new(matching), masks: Vec::new() }
    }

    /// Notes the steps of a series.
    pub(super) fn note(&mut self, series: &EvalSeries, held: &mut Held) -> Result<(), EngineError> {
        let presence = series.column.presence();
        let number = self.signatures.number(&series.labels, held)?;
        if number == self.masks.len() {
            held.bytes(size_of::<Mask>() + size_of_val(presence))?;
            self.masks.push(Mask::new());
        }
        unite(&mut self.masks[number], presence);
        Ok(())
    }

    /// At which steps the signature of these labels occurs, if it ever does.
    pub(super) fn of(&self, labels: &Labels) -> Option<&[u64]> {
        self.signatures.find(labels).map(|number| self.masks[number].as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::budget::Budget;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equal_signatures_have_equal_numbers(
            on in any::<bool>(),
            names in prop::collection::btree_set("[abc]", 0..3),
            all in prop::collection::vec(
                prop::collection::btree_map("[abc]|__name__", "[12]", 0..4), 0..12)
        ) {
            let labels = names.into_iter().collect();
            let matching = Matching { on, labels, ..Matching::default() };
            let (mut signatures, mut held) = (Signatures::new(&matching), Budget::unlimited().held());
            let all: Vec<Labels> = all.into_iter().map(Labels::from_pairs).collect();
            let mut expected: Vec<Labels> = Vec::new();
            for labels in &all {
                let written = signature(labels, &matching);
                let known = expected.iter().position(|one| *one == written);
                prop_assert_eq!(signatures.find(labels), known);
                if known.is_none() {
                    expected.push(written);
                }
                let number = signatures.number(labels, &mut held).expect("there is room");
                prop_assert_eq!(number, known.unwrap_or(expected.len() - 1));
            }
        }
    }
}
