//! SPARSE: one number that nearly all are, and the places and values of those that differ.

#![deny(clippy::indexing_slicing)]

use super::{Effort, Room, pfor, varint};

/// Fewer than one in so many numbers may differ.
const MOST_OTHERS: usize = 3;

/// Appends `values`; false, and nothing appended, if too many differ.
pub(super) fn put(values: &[i64], effort: Effort, room: &mut Room, out: &mut Vec<u8>) -> bool {
    let Room { scratch, places, others, .. } = room;
    let Some(mode) = majority(values) else { return false };
    places.clear();
    others.clear();
    let mut last = 0i64;
    for (place, value) in (0i64..).zip(values).filter(|(_, value)| **value != mode) {
        if others.len() * MOST_OTHERS >= values.len() {
            return false;
        }
        places.push(place - last);
        others.push(value.wrapping_sub(mode));
        last = place;
    }
    varint::put_signed(out, mode);
    varint::put_size(out, others.len());
    for column in [places, others] {
        let plan = pfor::plan(column, effort, scratch);
        pfor::put(column, &plan, out);
    }
    true
}

/// The number that more than half of them are, if there is one; else any, or `None` of none.
///
/// Each that differs takes one away from those before: who has the majority is what is left.
fn majority(values: &[i64]) -> Option<i64> {
    let (mut candidate, mut lead) = (*values.first()?, 0usize);
    for value in values {
        if *value == candidate {
            lead += 1;
        } else if lead > 0 {
            lead -= 1;
        } else {
            (candidate, lead) = (*value, 1);
        }
    }
    Some(candidate)
}

/// Fills `out` with what [`put`] has written.
pub(super) fn take(bytes: &mut &[u8], room: &mut Room, out: &mut [i64]) -> Option<()> {
    let mode = varint::take_signed(bytes)?;
    let count = varint::take_size(bytes, out.len())?;
    let Room { places, others, .. } = room;
    for column in [&mut *places, &mut *others] {
        column.resize(count, 0);
        pfor::take(bytes, column)?;
    }
    out.fill(mode);
    let mut left = out;
    for (place, other) in places.iter().zip(others) {
        left = left.get_mut(usize::try_from(*place).ok()?..)?;
        *left.first_mut()? = mode.wrapping_add(*other);
    }
    Some(())
}
