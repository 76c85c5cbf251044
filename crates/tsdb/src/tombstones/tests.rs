//! Tests of what is hidden and what is left.

use super::*;
use proptest::prelude::*;

fn range(min: Timestamp, max: Timestamp) -> TimeRange {
    TimeRange::new(min, max).expect("ordered")
}

proptest! {
    #[test]
    fn what_is_left_and_what_is_deleted_are_all_there_is(
        from in 0i64..40, len in 0i64..40,
        deleted in prop::collection::vec((0i64..60, 0i64..20), 0..6),
    ) {
        let asked = range(from, from + len);
        let mut tombstones = Tombstones::default();
        for &(min, len) in &deleted {
            tombstones.add_row(range(min, min + len), 3);
        }
        let hidden = tombstones.hidden(&Postings::from([3, 4]), asked);
        let ranges = hidden.partly.get(&3).cloned().unwrap_or_default();
        let parts = without(asked, &ranges);
        for t in 0..100 {
            let is_deleted = deleted.iter().any(|&(min, len)| range(min, min + len).contains(t));
            let is_left = parts.iter().any(|part| part.contains(t)) && !hidden.wholly.contains(3);
            prop_assert_eq!(is_left, asked.contains(t) && !is_deleted, "{}", t);
        }
        prop_assert!(parts.windows(2).all(|pair| pair[0].max() < pair[1].min()));
        prop_assert!(!hidden.wholly.contains(4) && !hidden.partly.contains_key(&4));
    }
}

#[test]
fn the_ends_of_time_can_be_deleted() {
    assert_eq!(without(TimeRange::ALL, &[TimeRange::ALL]), []);
    let (first, last) = (range(i64::MIN, i64::MIN), range(i64::MAX, i64::MAX));
    assert_eq!(without(TimeRange::ALL, &[first, last]), [range(i64::MIN + 1, i64::MAX - 1)]);
    let mut ranges = vec![];
    for (min, max) in [(i64::MIN, 0), (1, 1), (3, i64::MAX), (4, i64::MAX)] {
        add_range(&mut ranges, range(min, max));
    }
    assert_eq!(ranges, [range(i64::MIN, 1), range(3, i64::MAX)]);
}

#[test]
fn what_lies_before_a_cut_and_rows_that_go_are_forgotten() {
    let mut tombstones = Tombstones::default();
    tombstones.add(range(0, 9), &Postings::from([1, 2]));
    tombstones.add(range(0, 10), &Postings::from([2]));
    tombstones.add(range(5, 20), &Postings::from([1, 3]));
    tombstones.add(range(5, 21), &Postings::new());
    tombstones.forget_before(10);
    tombstones.forget(&Postings::from([1, 2]));
    let left: Vec<_> = tombstones.iter().collect();
    assert_eq!(left, [(range(5, 20), &Postings::from([3]))]);
    assert_eq!(tombstones.rows(), Postings::from([3]));
}
