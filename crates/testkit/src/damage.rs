//! Damage: bytes cut at every length, bytes with every bit flipped.
//!
//! What reads a file must give an error or fewer records for each of these, never a panic and never
//! a wrong answer.

/// `bytes` cut to each length shorter than their own, the empty one first.
pub fn cut_at_every_length(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).map(|len| bytes[..len].to_vec())
}

/// `bytes` with each bit flipped, one at a time: of the first byte the lowest bit first.
pub fn flip_every_bit(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut damaged = bytes.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        damaged
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shorter_length_occurs_once() {
        let cuts: Vec<_> = cut_at_every_length(b"abc").collect();
        assert_eq!(cuts, [b"".to_vec(), b"a".to_vec(), b"ab".to_vec()]);
        assert_eq!(cut_at_every_length(b"").count(), 0);
    }

    #[test]
    fn every_bit_is_flipped_once_and_alone() {
        let flipped: Vec<_> = flip_every_bit(&[0x00, 0xff]).collect();
        assert_eq!(flipped.len(), 16);
        assert_eq!((&flipped[0], &flipped[7]), (&vec![0x01, 0xff], &vec![0x80, 0xff]));
        assert_eq!((&flipped[8], &flipped[15]), (&vec![0x00, 0xfe], &vec![0x00, 0x7f]));
    }
}
