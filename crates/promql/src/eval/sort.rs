//! Sorting that ends when the query does.

use std::cmp::Ordering;

use super::budget::Budget;
use crate::error::EngineError;

/// So many elements are sorted before the budget is looked at.
const RUN: usize = 1 << 15;

/// Sorts, and keeps the order of equals. Fails once the budget is over; the order is any then.
///
/// Equals `all.sort_by(order)`. Long lists are sorted by halves, which the last call merges: what is
/// sorted already costs a comparison for each element.
pub(crate) fn sort<T>(
    all: &mut [T],
    budget: &Budget,
    order: &dyn Fn(&T, &T) -> Ordering,
) -> Result<(), EngineError> {
    if all.len() > RUN {
        let (left, right) = all.split_at_mut(all.len() / 2);
        sort(left, budget, order)?;
        sort(right, budget, order)?;
    }
    budget.check()?;
    all.sort_by(order);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_sorted_and_equals_keep_their_order() {
        let mixed = |i: usize| (i.wrapping_mul(0x9E37_79B9) >> 7) % 1000;
        let mut all: Vec<(usize, usize)> = (0..3 * RUN + 7).map(|i| (mixed(i), i)).collect();
        let mut expected = all.clone();
        expected.sort_by_key(|(key, _)| *key);
        sort(&mut all, &Budget::unlimited(), &|a, b| a.0.cmp(&b.0)).expect("no limit");
        assert_eq!(all, expected);
    }
}
