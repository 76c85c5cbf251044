//! Labels in a record, as their difference to those defined before (`docs/format/wal.md`).

#![deny(clippy::indexing_slicing)]

use std::borrow::Cow;

use model::Labels;

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

/// The mirror image of [`put_labels`]; `None` if the bytes are not what it writes.
pub(crate) fn take_labels(cursor: &mut Cursor<'_>, before: &Labels) -> Option<Labels> {
    let count = cursor.size()?;
    let mut old = before.iter();
    let mut pairs: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(count.min(16));
    while pairs.len() < count {
        let coded = cursor.size()?;
        let number = coded >> 2;
        match coded & 3 {
            SAME => {
                for _ in 0..number {
                    let (name, value) = old.next()?;
                    pairs.push((name, value.into()));
                }
            }
            SAME_NAME => {
                let (name, old) = old.next()?;
                let (front, rest) = (old.as_bytes().get(..number)?, cursor.take_sized()?);
                let value = [front, rest].concat();
                pairs.push((name, String::from_utf8(value).ok()?.into()));
            }
            NEW_NAME => {
                let name = std::str::from_utf8(cursor.take(number)?).ok()?;
                let value = std::str::from_utf8(cursor.take_sized()?).ok()?;
                pairs.push((name, value.into()));
            }
            _ => {
                for _ in 0..number {
                    old.next()?;
                }
            }
        }
    }
    let sorted = pairs.is_sorted_by(|a, b| a.0 < b.0) && pairs.iter().all(|p| !p.1.is_empty());
    (sorted && pairs.len() == count)
        .then(|| Labels::from_sorted(pairs.iter().map(|(n, v)| (*n, &**v))))
}
