//! Frames: length, data, checksum. What everything is wrapped in that is read back from a file.
//!
//! | offset  | bytes | field  | meaning                                   |
//! |--------:|------:|--------|-------------------------------------------|
//! |       0 |     4 | `len`  | size of `data`, little-endian             |
//! |       4 | `len` | `data` | what the frame is for                     |
//! | 4+`len` |     4 | `crc`  | CRC-32 (ISO-HDLC) of `len` and `data`     |

#![deny(clippy::indexing_slicing)]

/// A frame's data may have so many bytes.
pub(crate) const MAX_DATA_BYTES: u64 = 1 << 28;
/// A frame has so many bytes more than its data.
pub(crate) const OVERHEAD_BYTES: u64 = 8;

/// Begins a frame at the end of `out`; returns where, for [`end`].
pub(crate) fn begin(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    start
}

/// Ends the frame that [`begin`] has begun at `start`, with all that was appended since. `None`, and
/// the frame gone, if that is more than a frame may have.
pub(crate) fn end(out: &mut Vec<u8>, start: usize) -> Option<()> {
    let len = out.len().checked_sub(start)?.checked_sub(4)?;
    let len = u32::try_from(len).ok().filter(|len| u64::from(*len) <= MAX_DATA_BYTES);
    let Some(len) = len else {
        out.truncate(start);
        return None;
    };
    out.get_mut(start..)?.first_chunk_mut::<4>()?.copy_from_slice(&len.to_le_bytes());
    let crc = crc32fast::hash(out.get(start..)?);
    out.extend_from_slice(&crc.to_le_bytes());
    Some(())
}

/// The data of the frame that `bytes` begin with, and what follows it. `None` if there is no whole
/// and undamaged frame.
pub(crate) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, _) = bytes.split_first_chunk::<4>()?;
    let len = u32::from_le_bytes(*len);
    if u64::from(len) > MAX_DATA_BYTES {
        return None;
    }
    let (checked, rest) = bytes.split_at_checked(usize::try_from(len).ok()?.checked_add(4)?)?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    if crc32fast::hash(checked) != u32::from_le_bytes(*crc) {
        return None;
    }
    Some((checked.get(4..)?, rest))
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_whole_or_not_there() {
        let mut file = b"xyz".to_vec();
        let start = begin(&mut file);
        file.extend_from_slice(b"data");
        end(&mut file, start).unwrap();
        assert_eq!(file[3..11], *b"\x04\0\0\0data");
        let crc = crc32fast::hash(b"\x04\0\0\0data");
        assert_eq!(file[11..], crc.to_le_bytes());
        file.push(b'!');
        assert_eq!(split(&file[3..]), Some((&b"data"[..], &b"!"[..])));
        for cut in 3..file.len() - 1 {
            assert_eq!(split(&file[3..cut]), None);
        }
        for bit in 24..(file.len() - 1) * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(split(&flipped[3..]), None, "bit {bit}");
        }
    }

    #[test]
    fn zeros_are_no_frame() {
        assert_eq!(split(&[0; 64]), None);
    }
}
