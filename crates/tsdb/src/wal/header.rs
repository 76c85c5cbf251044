//! The first bytes of a segment.

#![deny(clippy::indexing_slicing)]

/// What every segment begins with.
const MAGIC: [u8; 8] = *b"FRLWALOG";
/// The version that is written.
const VERSION: u8 = 3;
/// The same, for people.
pub(super) const VERSION_NAME: &str = "3";
/// The version before, which has no decimals; it is read as well.
pub(super) const WITHOUT_DECIMALS: u8 = 2;
/// The size of a header.
pub(super) const LEN: usize = 16;

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Records of ours follow, of a version that is read.
    Segment { version: u8 },
    /// A segment of a version that this build does not read.
    Unknown { version: u8 },
    /// The file ends before its header does.
    Begun,
    /// No segment, or a damaged one.
    Damaged,
}

/// The header of a segment.
pub(super) fn of_segment() -> [u8; LEN] {
    with_checksum(VERSION)
}

fn with_checksum(version: u8) -> [u8; LEN] {
    let [a, b, c, d, e, f, g, h] = MAGIC;
    let checked = [a, b, c, d, e, f, g, h, version, 0, 0, 0];
    let [i, j, k, l] = crc32fast::hash(&checked).to_le_bytes();
    [a, b, c, d, e, f, g, h, version, 0, 0, 0, i, j, k, l]
}

/// What the bytes of a file say, of which there are at least [`LEN`] or all.
pub(super) fn kind(bytes: &[u8]) -> Kind {
    let Some(bytes) = bytes.first_chunk::<LEN>() else {
        let mut versions = [VERSION, WITHOUT_DECIMALS].into_iter();
        let is_begun = versions.any(|version| with_checksum(version).starts_with(bytes));
        return if is_begun { Kind::Begun } else { Kind::Damaged };
    };
    let Some(&[version, ref rest @ ..]) = bytes.strip_prefix(&MAGIC) else { return Kind::Damaged };
    match version {
        // The first version had no checksum here.
        1 if *rest == [0; 7] => Kind::Unknown { version },
        _ if *bytes != with_checksum(version) => Kind::Damaged,
        VERSION | WITHOUT_DECIMALS => Kind::Segment { version },
        _ => Kind::Unknown { version },
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_versions_from_damage() {
        assert_eq!(kind(b"FRLWALOG\x01\0\0\0\0\0\0\0"), Kind::Unknown { version: 1 });
        assert_eq!(kind(b"FRLWALOG\x02\0\0\0\x88\x8b\x9d\x5e"), Kind::Damaged);
        assert_eq!(kind(&with_checksum(4)), Kind::Unknown { version: 4 });
        for version in [WITHOUT_DECIMALS, VERSION] {
            let whole = with_checksum(version);
            assert_eq!(kind(&whole), Kind::Segment { version });
            for len in 0..LEN {
                assert_eq!(kind(&whole[..len]), Kind::Begun);
            }
            for bit in 0..LEN * 8 {
                let mut damaged = whole;
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(kind(&damaged), Kind::Damaged, "bit {bit}");
            }
        }
    }
}
