//! Numbers and bytes of a file, read front to back and never past the end; and how they are written.
//!
//! Reading gives `None` where the bytes do not hold what was asked for: the caller knows which part
//! of which file that is, and says so.

#![deny(clippy::indexing_slicing)]

/// A place in some bytes.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    /// So many bytes as the varint before them says.
    pub(crate) fn take_sized(&mut self) -> Option<&'a [u8]> {
        let len = self.size()?;
        self.take(len)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for (i, &byte) in self.rest.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if i == 9 && bits > 1 {
                return None;
            }
            value |= bits << (7 * i);
            if byte & 0x80 == 0 {
                self.rest = self.rest.get(i + 1..)?;
                return Some(value);
            }
        }
        None
    }

    /// A varint that counts things in memory.
    pub(crate) fn size(&mut self) -> Option<usize> {
        self.varint()?.try_into().ok()
    }

    /// A varint that numbers rows, names or values.
    pub(crate) fn number(&mut self) -> Option<u32> {
        self.varint()?.try_into().ok()
    }

    pub(crate) fn zigzag(&mut self) -> Option<i64> {
        let coded = self.varint()?;
        Some((coded >> 1).cast_signed() ^ -(coded & 1).cast_signed())
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.take(8)?.try_into().ok().map(i64::from_le_bytes)
    }
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).expect("seven bits fit a byte") | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).expect("seven bits fit a byte"));
}

/// A size of something in memory.
pub(crate) fn put_size(out: &mut Vec<u8>, size: usize) {
    put_varint(out, u64::try_from(size).expect("a size fits 64 bits"));
}

pub(crate) fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(unsigned: u64, signed: i64) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, unsigned);
            put_zigzag(&mut bytes, signed);
            let mut cursor = Cursor::new(&bytes);
            prop_assert_eq!(cursor.varint(), Some(unsigned));
            prop_assert_eq!(cursor.zigzag(), Some(signed));
            prop_assert!(cursor.is_at_end());
            for cut in 0..bytes.len() {
                let mut cursor = Cursor::new(&bytes[..cut]);
                prop_assert!(cursor.varint().is_none() || cursor.zigzag().is_none());
            }
        }
    }

    #[test]
    fn varints_beyond_64_bits_are_refused() {
        assert_eq!(Cursor::new(&[0xff; 10]).varint(), None);
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(Cursor::new(&most).varint(), Some(u64::MAX));
        let more = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
        assert_eq!(Cursor::new(&more).varint(), None);
    }
}
