//! Postings: the rows that have something in common, sorted, and their bytes in an index file.
//!
//! In memory they are a roaring bitmap, so that intersection, union and subtraction run by words.
//! In a file they are runs (`docs/format/index.md`): rows of a block are numbered by labels, so those
//! of one metric are one run, and most others come in runs too.

use roaring::RoaringBitmap;

use crate::cursor::{Cursor, put_varint};

/// A sorted set of rows.
pub(crate) type Postings = RoaringBitmap;

/// Appends rising `rows` as runs.
pub(crate) fn put(out: &mut Vec<u8>, rows: &[u32]) {
    debug_assert!(rows.is_sorted_by(|a, b| a < b));
    let mut end = 0u64;
    for run in rows.chunk_by(|a, b| b - a == 1) {
        let (first, len) = (u64::from(run[0]), run.len() as u64);
        let distance = (first - end) << 1;
        if len == 1 {
            put_varint(out, distance);
        } else {
            put_varint(out, distance | 1);
            put_varint(out, len - 2);
        }
        end = first + len;
    }
}

/// Adds the rows in `bytes`, all below `limit`, to `rows`. `None` if the bytes are no postings; some
/// rows may have been added then.
pub(crate) fn add(bytes: &[u8], limit: u64, rows: &mut Postings) -> Option<()> {
    let mut cursor = Cursor::new(bytes);
    let mut end = 0u64;
    while !cursor.is_at_end() {
        let head = cursor.varint()?;
        let first = end.checked_add(head >> 1)?;
        let len = if head & 1 == 0 { 1 } else { cursor.varint()?.checked_add(2)? };
        end = first.checked_add(len).filter(|end| *end <= limit)?;
        let (from, to) = (u32::try_from(first).ok()?, u32::try_from(end - 1).ok()?);
        rows.insert_range(from..=to);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn postings_are_runs() {
        for (rows, bytes) in [
            (&[][..], &[][..]),
            (&[0], &[0]),
            (&[5], &[10]),
            (&[5, 6], &[11, 0]),
            (&[5, 6, 7, 9, 12, 13], &[11, 1, 2, 5, 0]),
            (&[u32::MAX - 1], &[0xfc, 0xff, 0xff, 0xff, 0x1f]),
        ] {
            let mut out = Vec::new();
            put(&mut out, rows);
            assert_eq!(out, bytes, "{rows:?}");
        }
    }

    #[test]
    fn rows_beyond_the_limit_are_refused() {
        let mut rows = Postings::new();
        assert_eq!(add(&[10], 5, &mut rows), None);
        assert_eq!(add(&[10], 6, &mut rows), Some(()));
        assert_eq!(add(&[0xff; 30], 6, &mut rows), None);
        assert_eq!(add(&[11], 6, &mut rows), None);
    }

    proptest! {
        #[test]
        fn postings_come_back(set in prop::collection::btree_set(0u32..300, 0..200)) {
            let mut bytes = Vec::new();
            put(&mut bytes, &set.iter().copied().collect::<Vec<_>>());
            let mut rows = Postings::new();
            prop_assert_eq!(add(&bytes, 300, &mut rows), Some(()));
            prop_assert_eq!(rows.iter().collect::<BTreeSet<_>>(), set);
        }

        #[test]
        fn any_bytes_are_postings_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut rows = Postings::new();
            let _ = add(&bytes, 1000, &mut rows);
            prop_assert!(rows.max().is_none_or(|max| max < 1000));
        }
    }
}
