//! Labels in a record, as their difference to those defined before (`docs/format/wal.md`).

#![deny(clippy::indexing_slicing)]

use model::Labels;
use model::labels::LabelsSequence;

use crate::cursor::{Cursor, put_size};

/// How a label relates to those of the series defined before, two bits; the rest is a number.
const SAME: usize = 0;
const SAME_NAME: usize = 1;
const NEW_NAME: usize = 2;
const SKIP: usize = 3;

/// Appends labels as their difference to others.
pub(crate) fn put_labels(out: &mut Vec<u8>, labels: &Labels, before: &Labels) {
    let op = |out: &mut Vec<u8>, op: usize, number: usize| put_size(out, (number << 2) | op);
    put_size(out, labels.len());
    let mut old = before.iter().peekable();
    let mut same = 0;
    for (name, value) in labels {
        if old.next_if_eq(&(name, value)).is_some() {
            same += 1;
            continue;
        }
        if same > 0 {
            op(out, SAME, std::mem::take(&mut same));
        }
        let mut skipped = 0;
        while old.next_if(|(old, _)| *old < name).is_some() {
            skipped += 1;
        }
        if skipped > 0 {
            op(out, SKIP, skipped);
            if old.next_if_eq(&(name, value)).is_some() {
                same = 1;
                continue;
            }
        }
        match old.next_if(|(old, _)| *old == name) {
            Some((_, old)) => {
                let shared = shared_bytes(old, value);
                op(out, SAME_NAME, shared);
                put_text(out, value.as_bytes().get(shared..).unwrap_or_default());
            }
            None => {
                op(out, NEW_NAME, name.len());
                out.extend_from_slice(name.as_bytes());
                put_text(out, value.as_bytes());
            }
        }
    }
    if same > 0 {
        op(out, SAME, same);
    }
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_size(out, text.len());
    out.extend_from_slice(text);
}

fn shared_bytes(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// Labels out of a record, one set after the other: the mirror image of [`put_labels`].
#[derive(Debug, Default)]
pub(crate) struct LabelsReader {
    before: Labels,
    // Buffers.
    sequence: LabelsSequence,
    value: Vec<u8>,
}

impl LabelsReader {
    /// The next are written as if there were none before.
    pub(crate) fn restart(&mut self) {
        self.before = Labels::empty();
    }

    /// The next labels; `None` if the bytes are not what is written.
    pub(crate) fn take(&mut self, cursor: &mut Cursor<'_>) -> Option<Labels> {
        let Self { before, sequence, value } = self;
        sequence.truncate(0);
        let (count, mut have, mut last) = (cursor.size()?, 0, None);
        let mut old = before.iter();
        while have < count {
            let coded = cursor.size()?;
            let number = coded >> 2;
            match coded & 3 {
                SAME => {
                    for _ in 0..number {
                        let (name, value) = old.next()?;
                        push(sequence, &mut last, name, value)?;
                    }
                    have += number;
                }
                SAME_NAME => {
                    let (name, old) = old.next()?;
                    value.clear();
                    value.extend_from_slice(old.as_bytes().get(..number)?);
                    value.extend_from_slice(cursor.take_sized()?);
                    push(sequence, &mut last, name, std::str::from_utf8(value).ok()?)?;
                    have += 1;
                }
                NEW_NAME => {
                    let name = std::str::from_utf8(cursor.take(number)?).ok()?;
                    let value = std::str::from_utf8(cursor.take_sized()?).ok()?;
                    push(sequence, &mut last, name, value)?;
                    have += 1;
                }
                _ => {
                    for _ in 0..number {
                        old.next()?;
                    }
                }
            }
        }
        (have == count).then_some(())?;
        self.before = self.sequence.labels();
        Some(self.before.clone())
    }
}

/// Labels that are written by themselves.
pub(crate) fn take_labels(cursor: &mut Cursor<'_>) -> Option<Labels> {
    LabelsReader::default().take(cursor)
}

/// Adds a label; `None` if it cannot follow `last`, or has no value.
fn push<'a>(
    sequence: &mut LabelsSequence,
    last: &mut Option<&'a str>,
    name: &'a str,
    value: &str,
) -> Option<()> {
    let is_rising = last.is_none_or(|last| last < name) && !value.is_empty();
    is_rising.then(|| sequence.push(name, value))?;
    *last = Some(name);
    Some(())
}
