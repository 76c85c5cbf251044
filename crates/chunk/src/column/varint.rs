//! Numbers of as many bytes as they need: LEB128, signed ones as zigzag.

#![deny(clippy::indexing_slicing)]

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
#[expect(clippy::cast_possible_truncation, reason = "the byte keeps the seven lowest bits")]
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Small numbers of either sign in few bytes.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, zigzag(value));
}

/// A length or a place.
pub(super) fn put_size(out: &mut Vec<u8>, size: usize) {
    put(out, size as u64);
}

/// 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4.
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// How many bytes [`put`] takes for it.
pub(super) fn len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Reads what [`put`] has written; `None` if the bytes end, or the number is beyond 64 bits.
#[inline]
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let byte = take_byte(bytes)?;
        if shift == 63 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Reads what [`put_signed`] has written.
#[inline]
pub(super) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let coded = take(bytes)?;
    Some((coded >> 1).cast_signed() ^ -(coded & 1).cast_signed())
}

/// Reads a number that is at most `limit`.
#[inline]
pub(super) fn take_size(bytes: &mut &[u8], limit: usize) -> Option<usize> {
    usize::try_from(take(bytes)?).ok().filter(|size| *size <= limit)
}

#[inline]
pub(super) fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*byte)
}

/// Eight bytes, the lowest first.
pub(super) fn take_word(bytes: &mut &[u8]) -> Option<u64> {
    let (word, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*word))
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_in_as_many_bytes_as_said() {
        for value in (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) - 1, !(1 << bit)]) {
            let mut out = Vec::new();
            put(&mut out, value);
            assert_eq!(out.len(), len(value), "{value}");
            assert_eq!(take(&mut out.as_slice()), Some(value));
            out.clear();
            put_signed(&mut out, value.cast_signed());
            assert_eq!(take_signed(&mut out.as_slice()), Some(value.cast_signed()));
            assert_eq!(take_signed(&mut &out[..out.len() - 1]), None);
        }
    }

    #[test]
    fn a_number_beyond_64_bits_is_none() {
        assert_eq!(take(&mut [0xff; 11].as_slice()), None);
        assert_eq!(
            take(&mut [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2].as_slice()),
            None
        );
    }
}
