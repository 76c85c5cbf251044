//! Sorting that ends when whoever waits for it has gone.

use std::cmp::Ordering;

use crate::QueryError;

/// So many elements are sorted before `is_over` is asked.
const RUN: usize = 1 << 15;

/// Sorts, and keeps the order of equals. Fails once `is_over` says so; the order is any then.
///
/// Equals `all.sort_by(order)`. Long lists are sorted by halves, which the last call merges: what is
/// sorted already costs a comparison for each element.
pub fn sort<T>(
    all: &mut [T],
    is_over: &dyn Fn() -> bool,
    order: &dyn Fn(&T, &T) -> Ordering,
) -> Result<(), QueryError> {
    if all.len() > RUN {
        let (left, right) = all.split_at_mut(all.len() / 2);
        sort(left, is_over, order)?;
        sort(right, is_over, order)?;
    }
    if is_over() {
        return Err(QueryError::Interrupted);
    }
    all.sort_by(order);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of so many whose keys are mixed, with the places they began at.
    fn mixed(count: usize) -> Vec<(usize, usize)> {
        let key = |i: usize| (i.wrapping_mul(0x9E37_79B9) >> 7) % 1000;
        (0..count).map(|i| (key(i), i)).collect()
    }

    #[test]
    fn a_long_list_is_sorted_and_equals_keep_their_order() {
        let mut all = mixed(3 * RUN + 7);
        let mut expected = all.clone();
        expected.sort_by_key(|(key, _)| *key);
        sort(&mut all, &|| false, &|a, b| a.0.cmp(&b.0)).expect("nothing stops it");
        assert_eq!(all, expected);
    }

    #[test]
    fn sorting_ends_when_it_is_told_to() {
        let sorted = sort(&mut mixed(3), &|| true, &Ord::cmp);
        assert!(matches!(sorted, Err(QueryError::Interrupted)));
    }
}
