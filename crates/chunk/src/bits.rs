//! Bits in and out, most significant first.

#![deny(clippy::indexing_slicing)]

/// Appends bits to bytes, eight at a time: what is written already is not touched again.
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// The bits behind `bytes`, fewer than 64; the first is the highest, those that are not there yet
    /// are zero.
    word: u64,
    /// How many bits of `word` are there.
    used: u8,
}

impl BitWriter {
    /// What was written; the last byte is filled up with zeros.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len_bytes());
        bytes.extend_from_slice(&self.bytes);
        bytes.extend(self.word.to_be_bytes().iter().take(usize::from(self.used.div_ceil(8))));
        bytes
    }

    /// How many bytes that is.
    pub(crate) fn len_bytes(&self) -> usize {
        self.bytes.len() + usize::from(self.used.div_ceil(8))
    }

    /// The writer of these [`BitWriter::into_parts`].
    pub(crate) fn from_parts((bytes, word, used): (Vec<u8>, u64, u8)) -> Self {
        Self { bytes, word, used }
    }

    /// Itself in parts, which take less room beside others.
    pub(crate) fn into_parts(self) -> (Vec<u8>, u64, u8) {
        (self.bytes, self.word, self.used)
    }

    /// The lowest `n` bits of `value`; `n` is at most 64.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most 64 bits are used")]
    pub fn put(&mut self, value: u64, n: u32) {
        if n == 0 {
            return;
        }
        let value = value << (64 - n);
        let used = u32::from(self.used);
        self.word |= value >> used;
        if used + n < 64 {
            self.used = (used + n) as u8;
            return;
        }
        if self.bytes.capacity() - self.bytes.len() < 8 {
            self.grow();
        }
        self.bytes.extend_from_slice(&self.word.to_be_bytes());
        self.used = (used + n - 64) as u8;
        // What of the value had no room.
        self.word = value.checked_shl(64 - used).unwrap_or(0);
    }

    /// Not to twice as much: there is one of these for each series of the head. Sizes are just what the
    /// allocator gives out.
    #[cold]
    fn grow(&mut self) {
        let more = if self.bytes.is_empty() { 24 } else { 64 - self.bytes.len() % 8 };
        self.bytes.reserve_exact(self.bytes.capacity() - self.bytes.len() + more);
    }

    /// LEB128, each byte where the last bit ended.
    pub fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.put(value, 8);
    }
}

/// Takes bits from bytes.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    rest: &'a [u8],
    /// Bits taken from `rest` but not given out: the highest `buffered`.
    buffer: u64,
    buffered: u32,
}

impl<'a> BitReader<'a> {
    /// Begins with the first bit of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, buffer: 0, buffered: 0 }
    }

    /// How many bits there are from here on.
    pub(crate) fn left(&self) -> usize {
        self.rest.len() * 8 + self.buffered as usize
    }

    /// Tops the buffer up to more than 56 bits, or as far as the bytes go. Not inlined, so that what
    /// calls it is: several samples come from one fill.
    #[inline(never)]
    fn fill(&mut self) {
        let room = (64 - self.buffered) / 8;
        let (word, bytes) = match self.rest.first_chunk::<8>() {
            Some(eight) => (u64::from_be_bytes(*eight), room),
            None => {
                let last =
                    self.rest.iter().rev().fold(0, |word, byte| word >> 8 | u64::from(*byte) << 56);
                (last, room.min(u32::try_from(self.rest.len()).unwrap_or(0)))
            }
        };
        // Bits behind the last whole byte are those of the next fill, and the same then.
        self.buffer |= word.checked_shr(self.buffered).unwrap_or(0);
        self.rest = self.rest.get(bytes as usize..).unwrap_or_default();
        self.buffered += bytes * 8;
    }

    /// The next `n` bits, at most 56, as the lowest of a number.
    #[inline]
    fn take_short(&mut self, n: u32) -> Option<u64> {
        debug_assert!(n <= 56);
        if n == 0 {
            return Some(0);
        }
        if self.buffered < n {
            self.fill();
            if self.buffered < n {
                return None;
            }
        }
        let bits = self.buffer >> (64 - n);
        self.buffer <<= n;
        self.buffered -= n;
        Some(bits)
    }

    /// The next `n` bits, at most 64.
    #[inline]
    pub fn take(&mut self, n: u32) -> Option<u64> {
        if n <= 56 {
            return self.take_short(n);
        }
        let high = self.take_short(n - 32)?;
        Some(high << 32 | self.take_short(32)?)
    }

    /// The next bit.
    #[inline]
    pub fn take_bit(&mut self) -> Option<bool> {
        Some(self.take_short(1)? == 1)
    }

    /// LEB128, wherever the last bit ended; `None` also if it is more than 64 bits.
    pub fn take_varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.take_short(8)?;
            if shift == 63 && byte > 1 {
                return None;
            }
            value |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bits_fill_bytes_from_the_top() {
        let mut out = BitWriter::default();
        out.put(1, 1);
        out.put(0b01, 2);
        out.put(0x1ff, 9);
        assert_eq!(out.to_bytes(), [0b1011_1111, 0b1111_0000]);
    }

    proptest! {
        #[test]
        fn bits_come_back(parts in prop::collection::vec((any::<u64>(), 0u32..=64), 0..60)) {
            let mut out = BitWriter::default();
            let masked = |value: u64, n: u32| if n == 64 { value } else { value & ((1 << n) - 1) };
            for (value, n) in &parts {
                out.put(*value, *n);
                out.put_varint(*value);
            }
            let bytes = out.to_bytes();
            prop_assert_eq!(bytes.len(), out.len_bytes());
            let mut bits = BitReader::new(&bytes);
            for (value, n) in &parts {
                prop_assert_eq!(bits.take(*n), Some(masked(*value, *n)));
                prop_assert_eq!(bits.take_varint(), Some(*value));
            }
            prop_assert_eq!(bits.take(8), None);
        }
    }
}
