//! Records of a Prometheus log, from the pages of its segments.
//!
//! A segment is pages of 32 KiB. A record is one fragment or, across pages, several: type and
//! compression (1 byte), length (2), CRC-32C (4), bytes. What is left of a page is zeros.

#![deny(clippy::indexing_slicing)]

use std::io::Read;

use super::super::section::crc32c;

/// No fragment goes beyond a multiple of this.
const PAGE_BYTES: usize = 32 << 10;
const HEADER_BYTES: usize = 7;
/// A record may have so many bytes when unpacked: more is no record.
const MAX_RECORD_BYTES: usize = 256 << 20;

/// Of the first byte of a fragment: which part of a record it is.
const PART: u8 = 0b0000_0111;
const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;
const SNAPPY: u8 = 0b0000_1000;
const ZSTD: u8 = 0b0001_0000;

/// The records of one segment, in order.
pub(super) struct Records<'a> {
    segment: &'a [u8],
    at: usize,
    /// Of a record whose end is still to come.
    begun: Vec<u8>,
}

/// Where a segment stops making sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged {
    /// The place of the fragment.
    pub(super) at: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(segment: &'a [u8]) -> Self {
        Self { segment, at: 0, begun: Vec::new() }
    }

    /// The next record, unpacked, in `record`; false at the end. After an error nothing more comes:
    /// the log is not read on behind it, as Prometheus does not.
    pub(super) fn next(&mut self, record: &mut Vec<u8>) -> Result<bool, Damaged> {
        let damaged = Damaged { at: self.at };
        while let Some(&head) = self.segment.get(self.at) {
            let part = head & PART;
            if part == 0 {
                // The rest of the page is empty.
                let next = (self.at / PAGE_BYTES + 1) * PAGE_BYTES;
                let rest = self.segment.get(self.at..next.min(self.segment.len()));
                if rest.is_some_and(|rest| rest.iter().any(|byte| *byte != 0)) {
                    return self.fail(damaged);
                }
                self.at = next;
                continue;
            }
            let Some((bytes, end)) = self.fragment() else { return self.fail(damaged) };
            let follows = matches!(part, MIDDLE | LAST);
            if follows == self.begun.is_empty() || part > LAST {
                return self.fail(damaged);
            }
            self.at = end;
            self.begun.extend_from_slice(bytes);
            if matches!(part, FULL | LAST) {
                record.clear();
                let whole = std::mem::take(&mut self.begun);
                return match unpack(head, &whole, record) {
                    Some(()) => Ok(true),
                    None => self.fail(damaged),
                };
            }
            debug_assert!(matches!(part, FIRST | MIDDLE));
        }
        match self.begun.is_empty() {
            true => Ok(false),
            // Its end was never written.
            false => self.fail(damaged),
        }
    }

    fn fail(&mut self, damaged: Damaged) -> Result<bool, Damaged> {
        self.at = self.segment.len();
        self.begun.clear();
        Err(damaged)
    }

    /// The bytes of the fragment here, if they are whole and lie in one page, and where they end.
    fn fragment(&self) -> Option<(&'a [u8], usize)> {
        let header = self.segment.get(self.at..)?.first_chunk::<HEADER_BYTES>()?;
        let [_, len_high, len_low, a, b, c, d] = *header;
        let len = usize::from(u16::from_be_bytes([len_high, len_low]));
        let start = self.at + HEADER_BYTES;
        let end = start + len;
        if self.at / PAGE_BYTES != (end - 1) / PAGE_BYTES {
            return None;
        }
        let bytes = self.segment.get(start..end)?;
        (crc32c(bytes) == u32::from_be_bytes([a, b, c, d])).then_some((bytes, end))
    }
}

fn unpack(head: u8, bytes: &[u8], record: &mut Vec<u8>) -> Option<()> {
    match head & !PART {
        0 => record.extend_from_slice(bytes),
        SNAPPY => {
            let len =
                snap::raw::decompress_len(bytes).ok().filter(|len| *len <= MAX_RECORD_BYTES)?;
            record.resize(len, 0);
            let unpacked = snap::raw::Decoder::new().decompress(bytes, record).ok()?;
            record.truncate(unpacked);
        }
        ZSTD => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(bytes).ok()?;
            let limit = MAX_RECORD_BYTES as u64 + 1;
            decoder.take(limit).read_to_end(record).ok()?;
            if record.len() > MAX_RECORD_BYTES {
                return None;
            }
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
pub(super) mod tests {
    use super::*;

    /// A segment as Prometheus writes it: records cut into the fragments that their pages have room
    /// for.
    pub(in super::super) fn segment(records: &[Vec<u8>], compression: u8) -> Vec<u8> {
        let mut out = Vec::new();
        for record in records {
            let packed = match compression {
                SNAPPY => snap::raw::Encoder::new().compress_vec(record).unwrap(),
                _ => record.clone(),
            };
            let mut rest = &packed[..];
            let mut is_first = true;
            loop {
                let room = PAGE_BYTES - out.len() % PAGE_BYTES;
                if room < HEADER_BYTES + 1 {
                    out.resize(out.len() + room, 0);
                    continue;
                }
                let len = rest.len().min(room - HEADER_BYTES);
                let (bytes, left) = rest.split_at(len);
                let part = match (is_first, left.is_empty()) {
                    (true, true) => FULL,
                    (true, false) => FIRST,
                    (false, false) => MIDDLE,
                    (false, true) => LAST,
                };
                out.push(part | compression);
                out.extend(u16::try_from(len).unwrap().to_be_bytes());
                out.extend(crc32c(bytes).to_be_bytes());
                out.extend_from_slice(bytes);
                (rest, is_first) = (left, false);
                if rest.is_empty() {
                    break;
                }
            }
        }
        out
    }

    fn all(segment: &[u8]) -> (Vec<Vec<u8>>, Result<bool, Damaged>) {
        let mut records = Records::new(segment);
        let (mut found, mut record) = (Vec::new(), Vec::new());
        loop {
            match records.next(&mut record) {
                Ok(true) => found.push(record.clone()),
                end => return (found, end),
            }
        }
    }

    #[test]
    fn records_come_back_across_pages() {
        let records: Vec<Vec<u8>> = [1, 100, 32_700, 32_768, 100_000, 5]
            .into_iter()
            .map(|len: u32| (0..len).map(|i| (i % 251) as u8).collect())
            .collect();
        for compression in [0, SNAPPY] {
            assert_eq!(all(&segment(&records, compression)), (records.clone(), Ok(false)));
        }
    }

    #[test]
    fn what_comes_before_damage_is_read() {
        let records = vec![vec![7; 20], vec![8; 30]];
        let bytes = segment(&records, 0);
        for cut in 0..bytes.len() {
            let (found, end) = all(&bytes[..cut]);
            let whole = usize::from(cut >= 27);
            assert_eq!(found, records[..whole], "cut at {cut}");
            assert_eq!(end.is_ok(), cut == 0 || cut == 27, "cut at {cut}");
        }
        for damaged in testkit::damage::flip_every_bit(&bytes) {
            let (found, _) = all(&damaged);
            assert!(found.iter().all(|record| records.contains(record)));
        }
    }

    #[test]
    fn records_packed_by_zstd_are_unpacked() {
        // A frame of one raw block with the three bytes 1, 2, 3.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x19, 0, 0, 1, 2, 3];
        let mut bytes = vec![FULL | ZSTD, 0, 12];
        bytes.extend(crc32c(&frame).to_be_bytes());
        bytes.extend(frame);
        assert_eq!(all(&bytes), (vec![vec![1, 2, 3]], Ok(false)));
    }
}
