//! A value frame: some values of one label name with their postings (`docs/format/index.md`).

#![deny(clippy::indexing_slicing)]

use super::format::MAX_TEXT_BYTES;
use super::format::frame_at;
use crate::cursor::Cursor;

/// Values of one label name with their postings, read in order.
pub(super) struct ValueFrame<'a> {
    cursor: Cursor<'a>,
    first: u32,
    left: u64,
    text: Vec<u8>,
    /// Where the frame begins, for errors.
    pub(super) offset: u64,
}

impl<'a> ValueFrame<'a> {
    /// The frame at `offset`, if it is this one of this name.
    pub(super) fn open(file: &'a [u8], offset: u64, name: usize, number: u64) -> Option<Self> {
        let mut cursor = Cursor::new(frame_at(file, offset)?);
        if cursor.size()? != name || cursor.varint()? != number {
            return None;
        }
        let (first, left) = (cursor.number()?, cursor.varint()?);
        Some(Self { cursor, first, left, text: Vec::new(), offset })
    }

    /// The next value and its postings; `Some(None)` if the bytes hold none, `None` behind the last.
    pub(super) fn next(&mut self) -> Option<Option<(&str, &'a [u8])>> {
        self.left = self.left.checked_sub(1)?;
        Some(self.entry())
    }

    /// All values from here on.
    pub(super) fn texts(mut self) -> Option<Texts> {
        let mut texts = Texts { first: self.first, text: String::new(), ends: Vec::new() };
        while let Some(item) = self.next() {
            texts.text.push_str(item?.0);
            texts.ends.push(texts.text.len());
        }
        Some(texts)
    }

    fn entry(&mut self) -> Option<(&str, &'a [u8])> {
        let shared = self.cursor.size().filter(|shared| *shared <= self.text.len())?;
        self.text.truncate(shared);
        self.text.extend_from_slice(self.cursor.take_sized()?);
        if self.text.len() > MAX_TEXT_BYTES {
            return None;
        }
        let postings = self.cursor.take_sized()?;
        Some((str::from_utf8(&self.text).ok()?, postings))
    }
}

/// The values of one frame, without their postings.
pub(super) struct Texts {
    /// Ordinal of the first.
    first: u32,
    /// One behind the other.
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Texts {
    /// The value with this ordinal, if the frame holds it.
    pub(super) fn get(&self, ordinal: u32) -> Option<&str> {
        let at = usize::try_from(ordinal.checked_sub(self.first)?).ok()?;
        let from = match at.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(from..*self.ends.get(at)?)
    }
}
