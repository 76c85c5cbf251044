//! The time column: how much the distance of two samples differs from that of the two before.

use crate::bits::{BitReader, BitWriter};

/// Prefix, its bits, and the bits behind it; the prefix of one 1 less and the number 0 comes before.
const CLASSES: [(u64, u32, u32); 3] = [(0b10, 2, 14), (0b110, 3, 17), (0b1110, 4, 20)];

/// Writes the change of a delta.
pub(crate) fn put(out: &mut BitWriter, dod: i64) {
    if dod == 0 {
        return out.put(0, 1);
    }
    for (prefix, prefix_bits, bits) in CLASSES {
        let half = 1i64 << (bits - 1);
        if 1 - half <= dod && dod <= half {
            out.put(prefix, prefix_bits);
            return out.put(dod.cast_unsigned(), bits);
        }
    }
    out.put(0b1111, 4);
    out.put(dod.cast_unsigned(), 64);
}

/// Reads the change of a delta.
#[inline]
pub(crate) fn take(bits: &mut BitReader) -> Option<i64> {
    if !bits.take_bit()? {
        return Some(0);
    }
    for (_, _, width) in CLASSES {
        if !bits.take_bit()? {
            let number = bits.take(width)?.cast_signed();
            let half = 1i64 << (width - 1);
            return Some(if number > half { number - 2 * half } else { number });
        }
    }
    Some(bits.take(64)?.cast_signed())
}
