//! Chunks in and out: any samples come back, golden bytes are those of the format, damage is an error.

use chunk::{ChunkAppender, ChunkError, SampleIter, decode, encode};
use proptest::prelude::*;

type Columns = (Vec<i64>, Vec<u64>);

fn chunk_of(times: &[i64], bits: &[u64]) -> Vec<u8> {
    let values: Vec<f64> = bits.iter().map(|bits| f64::from_bits(*bits)).collect();
    let mut bytes = Vec::new();
    encode(times, &values, &mut bytes);
    bytes
}

fn samples_of(bytes: &[u8]) -> Result<Columns, ChunkError> {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    decode(bytes, &mut times, &mut values)?;
    Ok((times, values.into_iter().map(f64::to_bits).collect()))
}

/// Values as they occur, and hostile ones.
fn any_bits() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (0u32..1000).prop_map(|n| f64::from(n).to_bits()),
        2 => Just(1.5f64.to_bits()),
        1 => any::<u64>(),
        1 => prop::sample::select(vec![
            0x7ff0_0000_0000_0002,
            f64::NAN.to_bits(),
            (-0.0f64).to_bits(),
            f64::NEG_INFINITY.to_bits(),
            f64::MIN_POSITIVE.to_bits() >> 3,
        ]),
    ]
}

fn any_columns() -> impl Strategy<Value = Columns> {
    let step = prop_oneof![4 => Just(15_000u64), 4 => 14_990u64..15_010, 1 => 1u64..1 << 40];
    let start = prop_oneof![0i64..2_000_000_000_000, -5_000i64..5_000, Just(i64::MIN)];
    let rest = prop::collection::vec((step, any_bits()), 0..400);
    (start, any_bits(), rest).prop_map(|(start, first, rest)| {
        let (mut times, mut bits) = (vec![start], vec![first]);
        let mut t = start;
        for (step, next) in rest {
            t = t.checked_add_unsigned(step).expect("far from the end of time");
            times.push(t);
            bits.push(next);
        }
        (times, bits)
    })
}

proptest! {
    #[test]
    fn any_samples_come_back((times, bits) in any_columns()) {
        prop_assert_eq!(samples_of(&chunk_of(&times, &bits)), Ok((times, bits)));
    }

    #[test]
    fn a_growing_chunk_is_whole_after_every_sample((times, bits) in any_columns()) {
        let mut chunk = ChunkAppender::default();
        for n in 0..times.len() {
            prop_assert!(chunk.append(times[n], f64::from_bits(bits[n])));
            prop_assert_eq!(usize::from(chunk.count()), n + 1);
            if n % 37 == 0 {
                let so_far = (times[..=n].to_vec(), bits[..=n].to_vec());
                prop_assert_eq!(samples_of(&chunk.to_bytes()), Ok(so_far));
            }
        }
        prop_assert_eq!(chunk.to_bytes(), chunk_of(&times, &bits));
    }

    #[test]
    fn any_bytes_are_samples_in_order_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let _ = decode(&bytes, &mut times, &mut values);
        prop_assert_eq!(times.len(), values.len());
        prop_assert!(times.is_sorted_by(|a, b| a < b));
    }
}

#[test]
fn the_extremes_of_time_come_back() {
    let columns = (vec![i64::MIN, -1, 0, i64::MAX], vec![0, 1, u64::MAX, 0]);
    assert_eq!(samples_of(&chunk_of(&columns.0, &columns.1)), Ok(columns));
}

#[test]
fn the_bytes_are_those_of_the_format() {
    for (samples, bytes) in [
        // One sample: count 1; time 10 in zigzag; 1.0.
        (&[(10i64, 1.0f64)][..], &[0, 1, 20, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0][..]),
        // The same value 5 ms later: delta 5; a zero bit.
        (&[(10, 1.0), (15, 1.0)], &[0, 2, 20, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 5, 0]),
        // 2.0 is 0x4000..., differs by 0x7ff0...: 11, one zero before (00001), eleven bits wide
        // (001011), eleven ones: 1100 0010 0101 1111 1111 1111.
        (
            &[(10, 1.0), (15, 2.0)],
            &[0, 2, 20, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 5, 0b1100_0010, 0b0101_1111, 0b1111_1111],
        ),
        // Again 5 ms later, back to 1.0: dod 0; 10 and the same window of eleven ones; then 1 ms
        // late: 10 and 1 in fourteen bits; 0 for the same value.
        (
            &[(10, 1.0), (15, 2.0), (20, 1.0), (26, 1.0)],
            &[
                0,
                4,
                20,
                0x3f,
                0xf0,
                0,
                0,
                0,
                0,
                0,
                0,
                5,
                0b1100_0010,
                0b0101_1111,
                0b1111_1111,
                0b0101_1111,
                0b1111_1110,
                0b0000_0000,
                0b0000_0100,
            ],
        ),
    ] {
        let times: Vec<i64> = samples.iter().map(|(t, _)| *t).collect();
        let bits: Vec<u64> = samples.iter().map(|(_, v)| v.to_bits()).collect();
        assert_eq!(chunk_of(&times, &bits), bytes, "{samples:?}");
    }
}

fn some_chunk() -> (Vec<u8>, Columns) {
    let times: Vec<i64> = (0..40).map(|i| i * 15_000 + i % 3).collect();
    let bits: Vec<u64> = (0..40u32).map(|i| (f64::from(i * i) / 8.0).to_bits()).collect();
    (chunk_of(&times, &bits), (times, bits))
}

#[test]
fn a_chunk_cut_at_any_length_is_an_error() {
    let (bytes, (times, bits)) = some_chunk();
    for len in 0..bytes.len() {
        assert!(samples_of(&bytes[..len]).is_err(), "cut at {len}");
        // What comes before the cut is true.
        let Ok(samples) = SampleIter::new(&bytes[..len]) else { continue };
        for (n, sample) in samples.flatten().enumerate() {
            assert_eq!((sample.t, sample.v.to_bits()), (times[n], bits[n]), "cut at {len}");
        }
    }
}

#[test]
fn a_chunk_with_any_bit_flipped_never_panics() {
    let (bytes, _) = some_chunk();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // The file around a chunk has its checksum; here it is enough that time rises.
        if let Ok((times, _)) = samples_of(&flipped) {
            assert!(times.is_sorted_by(|a, b| a < b), "bit {bit}");
        }
    }
}

#[test]
fn a_chunk_is_full_at_its_limit() {
    let mut chunk = ChunkAppender::default();
    for t in 0..i64::from(chunk::MAX_SAMPLES) {
        assert!(chunk.append(t, 0.5));
    }
    assert!(!chunk.append(i64::MAX, 0.5));
    assert_eq!(samples_of(&chunk.to_bytes()).map(|(times, _)| times.len()), Ok(65_535));
}
