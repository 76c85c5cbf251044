//! Numbers of one width in bits, side by side without gaps, least significant bit first.

#![deny(clippy::indexing_slicing)]

use crate::simd::{self, Work};

/// How many bytes `count` numbers of `width` bits take.
pub(super) fn packed_len(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Appends `values`, each below 2^`width`.
pub(super) fn pack(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let mut bits = BitWriter::new(out);
    values.for_each(|value| bits.put(value, width));
    bits.finish();
}

/// Appends bits to bytes, least significant first.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Bits that are not in `out` yet, fewer than 64.
    buffer: u64,
    buffered: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, buffer: 0, buffered: 0 }
    }

    /// The lowest `width` bits of `value`, which has no others; `width` is at most 64.
    #[inline]
    pub(super) fn put(&mut self, value: u64, width: u32) {
        debug_assert!(width == 64 || value >> width == 0);
        self.buffer |= value << self.buffered;
        let all = self.buffered + width;
        if all < 64 {
            self.buffered = all;
            return;
        }
        self.out.extend_from_slice(&self.buffer.to_le_bytes());
        self.buffer = value.checked_shr(64 - self.buffered).unwrap_or(0);
        self.buffered = all - 64;
    }

    /// The last byte is filled up with zeros.
    pub(super) fn finish(self) {
        let bytes = self.buffer.to_le_bytes();
        self.out.extend(bytes.iter().take(self.buffered.div_ceil(8) as usize));
    }
}

/// Fills `out` with numbers of `width` bits from the front of `bytes`, and adds `base` to each.
/// `None` if the bytes end before, or there is no such width.
pub(super) fn unpack(bytes: &mut &[u8], width: u32, base: i64, out: &mut [i64]) -> Option<()> {
    let rest = bytes.get(packed_len(out.len(), width)..)?;
    if width == 0 {
        out.fill(base);
    } else {
        simd::fastest(Unpacking { bytes, width, base, out })?;
    }
    *bytes = rest;
    Some(())
}

/// What [`unpack`] does for widths from 1 on; `None` if there is no such width.
#[derive(Debug)]
struct Unpacking<'a> {
    bytes: &'a [u8],
    width: u32,
    base: i64,
    out: &'a mut [i64],
}

impl Work for Unpacking<'_> {
    type Output = Option<()>;

    #[inline(always)]
    fn run(self) -> Option<()> {
        let Self { bytes, width, base, out } = self;
        macro_rules! unpack_by_width {
            ($($width:literal)*) => {
                match width {
                    $($width => unpack_width::<$width>(bytes, base, out),)*
                    _ => return None,
                }
            };
        }
        unpack_by_width!(
            1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
            33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61
            62 63 64
        );
        Some(())
    }
}

/// [`unpack`] of a width that the compiler knows: eight numbers are `W` whole bytes, and every shift
/// is a constant. Reads beyond the last number where there are bytes; takes zeros where there are
/// none.
#[inline(always)]
fn unpack_width<const W: usize>(bytes: &[u8], base: i64, out: &mut [i64]) {
    let (eights, last) = out.as_chunks_mut::<8>();
    let mut from = 0;
    for eight in eights {
        match bytes.get(from..from + W + 9) {
            Some(window) => unpack_eight::<W>(window, base, eight),
            None => unpack_eight::<W>(&padded(bytes, from), base, eight),
        }
        from += W;
    }
    if !last.is_empty() {
        let mut eight = [0; 8];
        unpack_eight::<W>(&padded(bytes, from), base, &mut eight);
        last.iter_mut().zip(eight).for_each(|(value, unpacked)| *value = unpacked);
    }
}

/// `window` has `W` + 9 bytes at least.
#[inline(always)]
fn unpack_eight<const W: usize>(window: &[u8], base: i64, eight: &mut [i64; 8]) {
    let mask = u64::MAX >> (64 - W);
    for (k, value) in eight.iter_mut().enumerate() {
        let (byte, shift) = (k * W / 8, k * W % 8);
        let nine = window.get(byte..).and_then(|from| from.first_chunk::<9>());
        let [a, b, c, d, e, f, g, h, ninth] = *nine.expect("the window is wide enough");
        let mut bits = u64::from_le_bytes([a, b, c, d, e, f, g, h]) >> shift;
        if W > 57 {
            // Up to seven bits in front of the number: its last ones are in a ninth byte.
            bits |= u64::from(ninth) << 1 << (63 - shift);
        }
        *value = (bits & mask).cast_signed().wrapping_add(base);
    }
}

/// The bytes from there on, as many as one window needs, with zeros behind the end.
#[cold]
fn padded(bytes: &[u8], from: usize) -> [u8; 73] {
    let mut window = [0; 73];
    let there = bytes.get(from..).unwrap_or_default();
    window.iter_mut().zip(there).for_each(|(to, byte)| *to = *byte);
    window
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_come_back_from_any_count() {
        for width in 0..=64 {
            let mask = u64::MAX.checked_shr(64 - width).unwrap_or(0);
            for count in [0, 1, 7, 8, 9, 64, 100] {
                let values: Vec<u64> = (1..=count)
                    .map(|i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask)
                    .collect();
                for behind in [0, 100] {
                    let mut bytes = Vec::new();
                    pack(values.iter().copied(), width, &mut bytes);
                    assert_eq!(bytes.len(), packed_len(values.len(), width));
                    bytes.resize(bytes.len() + behind, 0xff);
                    let mut out = vec![0; values.len()];
                    let mut rest = bytes.as_slice();
                    assert_eq!(unpack(&mut rest, width, -3, &mut out), Some(()));
                    assert_eq!(rest.len(), behind);
                    let expected: Vec<i64> =
                        values.iter().map(|v| v.cast_signed().wrapping_sub(3)).collect();
                    assert_eq!(out, expected, "width {width}, count {count}");
                    if width > 0 {
                        let (bytes, base) = (bytes.as_slice(), -3);
                        out.fill(0);
                        assert_eq!(Unpacking { bytes, width, base, out: &mut out }.run(), Some(()));
                        assert_eq!(out, expected, "width {width}, count {count}, any processor");
                    }
                }
            }
        }
    }

    #[test]
    fn too_few_bytes_and_too_wide_numbers_are_none() {
        assert_eq!(unpack(&mut [0; 8].as_slice(), 65, 0, &mut [0]), None);
        assert_eq!(unpack(&mut [0; 2].as_slice(), 8, 0, &mut [0; 3]), None);
    }
}
