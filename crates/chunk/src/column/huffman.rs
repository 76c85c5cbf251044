//! Prefix codes of at most eight bits.
//!
//! Lengths are found by package-merge (Larmore and Hirschberg, 1990), which is exact under a limit;
//! codes are canonical, so that lengths say all of them.

#![deny(clippy::indexing_slicing)]

/// The longest code.
pub(super) const MOST_BITS: u32 = 8;

/// For each count how long its code is: from 1 to [`MOST_BITS`], the shortest in all that one can read.
/// Of two counts at least, and 256 at most.
pub(super) fn lengths(counts: &[u32]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..counts.len()).collect();
    let count = |symbol: &usize| counts.get(*symbol).copied().unwrap_or_default();
    order.sort_by_key(count);
    let leaves: Vec<u32> = order.iter().map(count).collect();
    // Of each level, from the longest codes to the shortest: which of its items are leaves.
    let mut levels = Vec::with_capacity(MOST_BITS as usize);
    let mut packages: Vec<u32> = Vec::new();
    for _ in 0..MOST_BITS {
        let (items, is_leaf) = merged(&leaves, &packages);
        packages = items.as_chunks::<2>().0.iter().map(|[a, b]| a.saturating_add(*b)).collect();
        levels.push(is_leaf);
    }
    let mut lengths = vec![0; counts.len()];
    let mut taken = (counts.len() * 2).saturating_sub(2);
    for is_leaf in levels.iter().rev() {
        let of_leaves = is_leaf.iter().take(taken).filter(|is_leaf| **is_leaf).count();
        for symbol in order.iter().take(of_leaves) {
            if let Some(length) = lengths.get_mut(*symbol) {
                *length += 1;
            }
        }
        taken = (taken - of_leaves) * 2;
    }
    lengths
}

/// Both in order of weight, and which are leaves.
fn merged(leaves: &[u32], packages: &[u32]) -> (Vec<u32>, Vec<bool>) {
    let (mut leaves, mut packages) = (leaves.iter().peekable(), packages.iter().peekable());
    let (mut items, mut is_leaf) = (Vec::new(), Vec::new());
    loop {
        let leaf_is_next = match (leaves.peek(), packages.peek()) {
            (Some(leaf), Some(package)) => leaf <= package,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return (items, is_leaf),
        };
        items.extend(if leaf_is_next { leaves.next() } else { packages.next() });
        is_leaf.push(leaf_is_next);
    }
}

/// Puts the code of each of `lengths`, its first bit the lowest, in its place in `codes`, which has as
/// many; `None` if these are not the lengths of codes that leave nothing over.
pub(super) fn codes(lengths: &[u32], codes: &mut [u32]) -> Option<()> {
    debug_assert_eq!(lengths.len(), codes.len());
    // How many codes are so long, and then the next of them, its first bit the highest.
    let mut next = [0u32; MOST_BITS as usize + 1];
    for length in lengths {
        *next.get_mut(1..)?.get_mut(usize::try_from(*length).ok()?.checked_sub(1)?)? += 1;
    }
    let mut first = 0;
    for next in next.iter_mut().skip(1) {
        let count = std::mem::replace(next, first);
        first = (first + count) << 1;
    }
    if first != 2 << MOST_BITS {
        return None;
    }
    for (length, code) in lengths.iter().zip(codes) {
        let next = next.get_mut(*length as usize)?;
        *code = next.reverse_bits() >> (32 - length);
        *next += 1;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn codes(lengths: &[u32]) -> Option<Vec<u32>> {
        let mut codes = vec![0; lengths.len()];
        super::codes(lengths, &mut codes).map(|()| codes)
    }

    #[test]
    fn frequent_ones_get_short_codes() {
        assert_eq!(lengths(&[1, 1]), [1, 1]);
        assert_eq!(lengths(&[100, 1, 30, 1]), [1, 3, 2, 3]);
        assert_eq!(codes(&[1, 3, 2, 3]), Some(vec![0b0, 0b011, 0b01, 0b111]));
    }

    #[test]
    fn lengths_that_leave_codes_over_or_have_too_many_are_none() {
        for wrong in [vec![], vec![1], vec![1, 2], vec![1, 1, 1], vec![0, 1, 1], vec![9, 1]] {
            assert_eq!(codes(&wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn codes_can_be_told_apart(counts in prop::collection::vec(1u32..100_000, 2..64)) {
            let lengths = lengths(&counts);
            let codes = codes(&lengths).expect("they leave nothing over");
            let all: Vec<(u32, u32)> = codes.into_iter().zip(lengths.iter().copied()).collect();
            for (i, (code, length)) in all.iter().enumerate() {
                for (other, other_length) in all.iter().skip(i + 1) {
                    let mask = (1 << length.min(other_length)) - 1;
                    prop_assert_ne!(code & mask, other & mask);
                }
            }
            // Within a bit of what entropy allows, unless the limit is in the way.
            let sum: u64 = counts.iter().map(|count| u64::from(*count)).sum();
            let entropy: f64 = counts
                .iter()
                .map(|count| f64::from(*count) * (sum as f64 / f64::from(*count)).log2())
                .sum();
            let bits: u64 = counts.iter().zip(&lengths).map(|(c, l)| u64::from(c * l)).sum();
            prop_assert!(bits as f64 <= entropy + 1.1 * sum as f64);
        }
    }
}
