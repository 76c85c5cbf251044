//! A segment as bytes, read front to back through a buffer that holds little more than one record.

#![deny(clippy::indexing_slicing)]

use std::io::{self, Read};

use super::record::place_mark;
use crate::frame;

/// So many bytes are read at a time.
const CHUNK: usize = 256 << 10;

/// What a segment has at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A whole frame of so many bytes, with a record that belongs here.
    Record(usize),
    /// Nothing: the place is its end.
    End,
    /// The beginning of a record, or of nothing but zeros, that the segment ends in: what a crash
    /// leaves of a commit that was under way.
    Torn,
    /// Bytes that are no whole record.
    Broken,
}

/// A segment, from some place on.
#[derive(Debug)]
pub(super) struct Source<R> {
    from: R,
    buffer: Vec<u8>,
    /// The place, in the buffer and in the segment.
    begin: usize,
    at: u64,
    /// Bytes that were not read into the buffer yet.
    unread: u64,
}

impl<R: Read> Source<R> {
    /// A segment of `len` bytes, from its beginning.
    pub(super) fn new(from: R, len: u64) -> Self {
        Self { from, buffer: Vec::new(), begin: 0, at: 0, unread: len }
    }

    /// The place.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// How many bytes there are from the place on.
    pub(super) fn left(&self) -> u64 {
        self.rest().len() as u64 + self.unread
    }

    /// At least `want` bytes from the place on, or as many as there are.
    pub(super) fn fill(&mut self, want: usize) -> io::Result<&[u8]> {
        let have = self.rest().len();
        if have < want && self.unread > 0 {
            self.buffer.drain(..self.begin);
            self.begin = 0;
            if self.buffer.capacity() > 4 * CHUNK && want < CHUNK {
                // A large record is behind.
                self.buffer.shrink_to(2 * CHUNK);
            }
            let more = ((want - have).max(CHUNK) as u64).min(self.unread);
            // What is asked for is never more than the file has.
            self.buffer.reserve_exact(usize::try_from(more).unwrap_or(CHUNK));
            let read = self.from.by_ref().take(more).read_to_end(&mut self.buffer)? as u64;
            self.unread = if read < more { 0 } else { self.unread - read };
        }
        Ok(self.rest())
    }

    /// What comes next.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        let mark = place_mark(self.at);
        let head = self.fill(8)?;
        if head.is_empty() {
            return Ok(Next::End);
        }
        let Some((len, begun)) = head.split_first_chunk::<4>() else { return Ok(Next::Torn) };
        let len = u64::from(u32::from_le_bytes(*len));
        let is_begun = mark.starts_with(begun.get(..4).unwrap_or(begun));
        let whole = len + frame::OVERHEAD_BYTES;
        if len <= frame::MAX_DATA_BYTES && whole <= self.left() && is_begun {
            let Ok(whole) = usize::try_from(whole) else { return Ok(Next::Broken) };
            let is_whole = frame::split(self.fill(whole)?).is_some();
            return Ok(if is_whole { Next::Record(whole) } else { Next::Broken });
        }
        let is_torn = is_begun && len <= frame::MAX_DATA_BYTES || self.is_zeros()?;
        Ok(if is_torn { Next::Torn } else { Next::Broken })
    }

    /// Whether all that is left is zeros, and is no more than fits into the buffer.
    fn is_zeros(&mut self) -> io::Result<bool> {
        let bytes = self.fill(CHUNK)?;
        let is_zeros = bytes.iter().all(|byte| *byte == 0);
        Ok(is_zeros && self.unread == 0)
    }

    /// The record at the place, which [`Source::next`] has found whole.
    pub(super) fn record(&self) -> &[u8] {
        let (_, rest) = self.rest().split_at_checked(4).unwrap_or_default();
        let len = self.rest().first_chunk::<4>().map_or(0, |len| u32::from_le_bytes(*len));
        rest.get(..len as usize).unwrap_or_default()
    }

    /// Moves the place on by so many bytes, which are in the buffer.
    pub(super) fn skip(&mut self, len: usize) {
        debug_assert!(len <= self.rest().len());
        self.begin += len;
        self.at += len as u64;
    }

    /// Moves the place on to the next whole record; false, and the place at the end, without one.
    pub(super) fn seek_record(&mut self) -> io::Result<bool> {
        loop {
            let at = self.at;
            let bytes = self.fill(CHUNK)?;
            let len = bytes.len();
            let found = bytes
                .windows(8)
                .zip(at..)
                .position(|(window, at)| window.get(4..) == Some(&place_mark(at)[..]));
            match found {
                Some(offset) => {
                    self.skip(offset);
                    if matches!(self.next()?, Next::Record(_)) {
                        return Ok(true);
                    }
                    self.skip(1);
                }
                None if self.unread > 0 => self.skip(len.saturating_sub(7)),
                None => {
                    self.skip(len);
                    return Ok(false);
                }
            }
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.begin..).unwrap_or_default()
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;

    /// Records of these lengths, one after the other.
    fn records(lens: &[usize]) -> Vec<u8> {
        let mut out = Vec::new();
        for len in lens {
            let start = frame::begin(&mut out);
            out.extend_from_slice(&place_mark(start as u64));
            out.resize(out.len() + len, 7);
            frame::end(&mut out, start).unwrap();
        }
        out
    }

    #[test]
    fn records_larger_than_the_buffer_are_read_whole() {
        let lens = [0, 1, 3 * CHUNK, 5, 9 * CHUNK, 2];
        let bytes = records(&lens);
        let mut source = Source::new(&bytes[..], bytes.len() as u64);
        for len in lens {
            assert_eq!(source.next().unwrap(), Next::Record(len + 12));
            assert_eq!(source.record()[4..], vec![7; len]);
            source.skip(len + 12);
        }
        assert_eq!(source.next().unwrap(), Next::End);
        assert!(source.buffer.capacity() < 10 * CHUNK);
    }

    #[test]
    fn a_record_is_found_however_far_away_but_only_where_it_belongs() {
        for gap in [1, 100, CHUNK - 8, CHUNK - 5, CHUNK - 1, CHUNK, CHUNK + 7, 3 * CHUNK + 1] {
            // The first is damaged; the second is not there if the bytes have moved.
            let mut bytes = records(&[gap, 5]);
            bytes[9] ^= 1;
            let mut source = Source::new(&bytes[..], bytes.len() as u64);
            source.fill(1).unwrap();
            source.skip(1);
            assert!(source.seek_record().unwrap(), "{gap}");
            assert_eq!(source.at(), gap as u64 + 12);
            bytes.insert(0, 9);
            let mut source = Source::new(&bytes[..], bytes.len() as u64);
            assert!(!source.seek_record().unwrap(), "{gap}");
            assert_eq!((source.at(), source.left()), (bytes.len() as u64, 0));
        }
    }

    #[test]
    fn what_a_crash_leaves_is_told_from_damage() {
        let next = |bytes: &[u8]| Source::new(bytes, bytes.len() as u64).next().unwrap();
        let whole = records(&[20]);
        for cut in 1..whole.len() {
            assert_eq!(next(&whole[..cut]), Next::Torn, "{cut}");
        }
        assert_eq!(next(&[0; 100]), Next::Torn);
        for at in 4..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            assert_eq!(next(&damaged), Next::Broken, "{at}");
        }
    }
}
