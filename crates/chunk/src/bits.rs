//! Bits in and out, most significant first.

#![deny(clippy::indexing_slicing)]

/// Appends bits to bytes.
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are still free.
    free: u32,
}

impl BitWriter {
    /// What was written; the last byte is filled up with zeros.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The lowest `n` bits of `value`; `n` is at most 64.
    #[expect(clippy::cast_possible_truncation, reason = "bits beyond a byte are written in turn")]
    pub fn put(&mut self, value: u64, n: u32) {
        let mut left = n;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let take = left.min(self.free);
            let bits = (value >> (left - take)) & ((1 << take) - 1);
            let last = self.bytes.last_mut().expect("a byte with free bits");
            self.free -= take;
            left -= take;
            *last |= (bits << self.free) as u8;
        }
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

    /// Tops the buffer up to more than 56 bits, or as far as the bytes go.
    fn fill(&mut self) {
        if let Some((eight, _)) = self.rest.split_first_chunk::<8>() {
            let bytes = (64 - self.buffered) / 8;
            let word = u64::from_be_bytes(*eight);
            // Bits behind the last whole byte are those of the next fill, and the same then.
            self.buffer |= word >> self.buffered;
            self.rest = self.rest.get(bytes as usize..).unwrap_or_default();
            self.buffered += bytes * 8;
            return;
        }
        while self.buffered <= 56 {
            let Some((byte, rest)) = self.rest.split_first() else { return };
            self.buffer |= u64::from(*byte) << (56 - self.buffered);
            self.buffered += 8;
            self.rest = rest;
        }
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
        assert_eq!(out.bytes(), [0b1011_1111, 0b1111_0000]);
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
            let mut bits = BitReader::new(out.bytes());
            for (value, n) in &parts {
                prop_assert_eq!(bits.take(*n), Some(masked(*value, *n)));
                prop_assert_eq!(bits.take_varint(), Some(*value));
            }
            prop_assert_eq!(bits.take(8), None);
        }
    }
}
