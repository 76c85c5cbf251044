//! Columns in and out: any numbers come back, golden bytes are those of the format, damage is an
//! error or other numbers, never more of them.

use chunk::column::{
    Damaged, Effort, decode_floats, decode_ints, encode_floats, encode_ints, is_constant,
};
use proptest::prelude::*;

const STALE: u64 = 0x7ff0_0000_0000_0002;

fn ints_as_bytes(values: &[i64], effort: Effort) -> Vec<u8> {
    let mut out = Vec::new();
    encode_ints(values, effort, &mut out);
    out
}

fn floats_as_bytes(bits: &[u64], effort: Effort) -> Vec<u8> {
    let values: Vec<f64> = bits.iter().map(|bits| f64::from_bits(*bits)).collect();
    let mut out = Vec::new();
    encode_floats(&values, effort, &mut out);
    out
}

/// The numbers, and how many bytes are left.
fn ints_of(bytes: &[u8], count: usize) -> Result<(Vec<i64>, usize), Damaged> {
    let (mut rest, mut out) = (bytes, vec![7]);
    let read = decode_ints(&mut rest, count, &mut out);
    assert_eq!(out.remove(0), 7);
    if read.is_err() {
        assert!(out.is_empty() && rest == bytes, "an error leaves everything as it was");
    }
    read.map(|()| (out, rest.len()))
}

/// The bits of the floats, and how many bytes are left.
fn floats_of(bytes: &[u8], count: usize) -> Result<(Vec<u64>, usize), Damaged> {
    let (mut rest, mut out) = (bytes, vec![7.0]);
    let read = decode_floats(&mut rest, count, &mut out);
    assert_eq!(out.remove(0), 7.0);
    if read.is_err() {
        assert!(out.is_empty() && rest == bytes, "an error leaves everything as it was");
    }
    read.map(|()| (out.into_iter().map(f64::to_bits).collect(), rest.len()))
}

fn any_ints() -> impl Strategy<Value = Vec<i64>> {
    let len = 0..700usize;
    let walk = |values: Vec<i64>| {
        let mut last = 1_700_000_000_000i64;
        values
            .into_iter()
            .map(|step| {
                last = last.wrapping_add(step);
                last
            })
            .collect::<Vec<i64>>()
    };
    let rarely = |often: i64, other: BoxedStrategy<i64>| prop_oneof![30 => Just(often), 1 => other];
    prop_oneof![
        prop::collection::vec(any::<i64>(), len.clone()),
        prop::collection::vec(-5i64..5, len.clone()),
        prop::collection::vec((0i64..100).prop_map(|n| n * 4096 + 17), len.clone()),
        prop::collection::vec(14_990i64..15_010, len.clone()).prop_map(walk),
        prop::collection::vec(rarely(15_000, any::<i64>().boxed()), len.clone()).prop_map(walk),
        prop::collection::vec(rarely(3, (-100i64..100).boxed()), len.clone()),
        prop::collection::vec(skewed(), len.clone()),
        prop::collection::vec(skewed(), len.clone()).prop_map(walk),
        prop::collection::vec(rarely(1 << 40, (0i64..1 << 50).boxed()), len.clone()).prop_map(walk),
        prop::collection::vec(
            prop::sample::select(vec![i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX]),
            len
        ),
    ]
}

/// Numbers of many sizes, small ones more often, and some beyond what a bin may hold.
fn skewed() -> impl Strategy<Value = i64> {
    prop_oneof![
        16 => 0i64..3,
        8 => -40i64..40,
        4 => 1000i64..5000,
        2 => (0i64..1 << 30).prop_map(|n| n - (1 << 40)),
        1 => 0i64..1 << 52,
    ]
}

/// Values as they occur, and hostile ones.
fn any_bits() -> impl Strategy<Value = Vec<u64>> {
    let hostile = || {
        prop_oneof![
            any::<u64>(),
            prop::sample::select(vec![
                STALE,
                0x7ff8_0000_0000_0001,
                f64::NAN.to_bits(),
                (-0.0f64).to_bits(),
                0,
                f64::INFINITY.to_bits(),
                f64::NEG_INFINITY.to_bits(),
                f64::MIN_POSITIVE.to_bits() >> 3,
                f64::MAX.to_bits(),
                u64::MAX,
            ])
        ]
    };
    let with = move |value: BoxedStrategy<f64>| {
        let bits = value.prop_map(f64::to_bits);
        prop_oneof![40 => bits.clone(), 1 => hostile()].boxed()
    };
    let all = |value: BoxedStrategy<u64>| prop::collection::vec(value, 0..700);
    let sums = |values: Vec<u64>| {
        let mut sum = 0.0;
        values
            .into_iter()
            .map(|bits| {
                sum += f64::from_bits(bits);
                f64::to_bits(sum)
            })
            .collect::<Vec<u64>>()
    };
    let digits = |n: i32| (0i64..100_000).prop_map(move |m| m as f64 / 10f64.powi(n)).boxed();
    prop_oneof![
        all(hostile().boxed()),
        all(with(digits(0))),
        all(with(digits(2))),
        all(with(digits(9))),
        all(digits(3).prop_map(f64::to_bits).boxed()).prop_map(sums),
        all(with(digits(6))).prop_map(sums),
        all(with((0u32..300).prop_map(|k| f64::from(k) / 285.0).boxed())),
        all(with((0u32..300).prop_map(|k| f64::from(k) * (300.0 / 285.0 / 300.0)).boxed())),
        all(with((0.0..1.0f64).boxed())),
        all(prop_oneof![50 => Just(42.0f64.to_bits()), 1 => hostile()].boxed()),
        (hostile(), 0usize..700).prop_map(|(bits, count)| vec![bits; count]),
        all((i64::MIN..i64::MAX).prop_map(|m| (m as f64).to_bits()).boxed()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_ints_come_back(values in any_ints(), behind in 0usize..20) {
        for effort in [Effort::Fast, Effort::Best] {
            let mut bytes = ints_as_bytes(&values, effort);
            bytes.resize(bytes.len() + behind, 0xa5);
            let count = values.len();
            prop_assert_eq!(ints_of(&bytes, count), Ok((values.clone(), behind)));
        }
    }

    #[test]
    fn any_floats_come_back_bit_for_bit(bits in any_bits(), behind in 0usize..20) {
        let is_one = !bits.is_empty() && bits.iter().all(|one| *one == bits[0]);
        for effort in [Effort::Fast, Effort::Best] {
            let mut bytes = floats_as_bytes(&bits, effort);
            prop_assert!(bytes.len() <= 1 + 8 * bits.len());
            prop_assert_eq!(is_constant(&bytes), is_one);
            bytes.resize(bytes.len() + behind, 0xa5);
            prop_assert_eq!(floats_of(&bytes, bits.len()), Ok((bits.clone(), behind)));
        }
    }

    #[test]
    fn any_bytes_are_as_many_numbers_as_asked_for_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..300), count in 0usize..300,
    ) {
        if let Ok((values, _)) = ints_of(&bytes, count) {
            prop_assert_eq!(values.len(), count);
        }
        if let Ok((values, _)) = floats_of(&bytes, count) {
            prop_assert_eq!(values.len(), count);
        }
    }
}

/// Columns that take every codec, predictor and packer.
fn samples_of_every_kind() -> Vec<Vec<u64>> {
    let mut state = 9u64;
    let mut random = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut column = |f: &mut dyn FnMut(u64, u64) -> f64| -> Vec<u64> {
        (0..150).map(|i| f(i, random(1000)).to_bits()).collect()
    };
    let mut sum = 0.0;
    let mut kinds = vec![
        column(&mut |_, _| 0.25),
        column(&mut |_, _| 1.0 / 3.0),
        column(&mut |i, r| (i * 1000 + r) as f64),
        column(&mut |i, _| (i * i * 7) as f64),
        column(&mut |_, r| r as f64 / 100.0),
        column(&mut |_, r| (r * 4096) as f64),
        column(&mut |_, r| if r < 30 { r as f64 } else { 5.0 }),
        column(&mut |_, r| if r < 30 { 1e9 + r as f64 } else { (r % 7) as f64 }),
        column(&mut |_, r| {
            sum += r as f64 / 1000.0;
            sum
        }),
        column(&mut |_, r| (r as f64).sqrt()),
        column(&mut |_, r| r as f64 / 285.0),
        column(&mut |_, r| (1u64 << (r % 4 * (r % 5))) as f64),
        column(&mut |i, r| f64::from_bits(i.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ r)),
    ];
    let mut with_exceptions = kinds[4].clone();
    with_exceptions[0] = f64::NEG_INFINITY.to_bits();
    with_exceptions[70..80].fill(0x7ff8_0000_0000_0001);
    with_exceptions[81] = 1;
    with_exceptions[149] = STALE;
    kinds.push(with_exceptions);
    kinds
}

#[test]
fn a_column_cut_at_any_length_is_an_error() {
    for bits in samples_of_every_kind() {
        let bytes = floats_as_bytes(&bits, Effort::Best);
        for len in 0..bytes.len() {
            let read = floats_of(&bytes[..len], bits.len());
            assert!(read.is_err_and(|damaged| damaged.at <= len), "cut at {len}");
        }
    }
}

#[test]
fn a_column_with_any_bit_flipped_never_panics() {
    for bits in samples_of_every_kind() {
        let bytes = floats_as_bytes(&bits, Effort::Best);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // The file around a column has its checksum; here it is enough that there are not more.
            if let Ok((values, _)) = floats_of(&flipped, bits.len()) {
                assert_eq!(values.len(), bits.len(), "bit {bit}");
            }
        }
    }
}

#[test]
fn integers_are_written_as_documented() {
    let mut patched = vec![3i64, 1, 2, 0, 3, 1, 2, 0, 3, 1];
    patched[6] = 1000;
    let mut sparse = vec![6i64; 40];
    (sparse[9], sparse[19], sparse[29]) = (-994, -993, -994);
    for (values, bytes) in [
        (&[][..], &[][..]),
        // Predictor 0, PFOR: base -1 in zigzag, width 0.
        (&[-1], &[0b00_000, 1, 0]),
        // Predictor 1: first 10, no residual but 3 (base 3 as zigzag 6, width 0).
        (&[10, 13, 16, 19], &[0b00_001, 20, 6, 0]),
        // Predictor 0, divisor 100, offset 7; 0, 1, 3, 2 in two bits each: 00, 01, 11, 10.
        (&[7, 107, 307, 207], &[0b00_100, 100, 14, 0, 2, 0b10_11_01_00]),
        // Ten numbers in two bits; the one at place 6 is patched: 0 stands for it.
        (
            &patched,
            &[0b00_000, 0, 0x80 | 2, 0b00_10_01_11, 0b00_00_01_11, 0b01_11, 1, 6, 0xd0, 0x0f],
        ),
        // SPARSE: mode 6; three others. Gaps 9, 10, 10 and distances -1000, -999, -1000, both with
        // a base and one bit each.
        (&sparse, &[0b01_000, 12, 3, 18, 1, 0b110, 0xcf, 0x0f, 1, 0b010]),
    ] {
        assert_eq!(ints_as_bytes(values, Effort::Best), bytes, "{values:?}");
        assert_eq!(ints_of(bytes, values.len()), Ok((values.to_vec(), 0)));
    }
}

#[test]
fn numbers_of_many_sizes_are_packed_by_how_frequent_they_are() {
    let values: Vec<i64> = (0..200).map(|i| 1i64 << (i % 4 * (i % 5))).collect();
    let (fast, best) = (ints_as_bytes(&values, Effort::Fast), ints_as_bytes(&values, Effort::Best));
    assert!(best.len() < fast.len(), "{} of {} bytes", best.len(), fast.len());
    assert_eq!(best[0] & 0b11_000, 0b10_000);
    assert_eq!(ints_of(&best, values.len()), Ok((values, 0)));
}

#[test]
#[expect(clippy::unusual_byte_groupings, reason = "grouped by field")]
fn bins_that_make_no_sense_are_damaged() {
    let whole = [0b10_000, 2, 0, 0, 16, 14, 1, 1, 1, 0b00_1_0, 0b01_1, 0, 0b11_1];
    assert_eq!(ints_of(&whole, 5), Ok((vec![0, 9, 0, 11, 8], 0)));
    for (at, byte, why) in [
        (1, 0, "no bins"),
        (1, 1, "a single bin"),
        (1, 65, "too many bins"),
        (2, 1, "codes that leave some over"),
        (4, 31 << 3, "a width of 14 in a byte of its own, and then no lengths"),
        (6, 0, "a string that ends behind its end"),
        (7, 2, "a string that ends before its end"),
        (8, 5, "a string that begins behind the end"),
    ] {
        let mut damaged = whole;
        damaged[at] = byte;
        assert!(ints_of(&damaged, 5).is_err(), "{why}");
    }
}

#[test]
#[expect(clippy::unusual_byte_groupings, reason = "grouped by field")]
fn codings_that_the_writer_passes_over_are_read() {
    for (bytes, values) in [
        // Predictor 2: first 1, delta 2, changes 1 and 1.
        (&[0b00_010, 2, 4, 2, 0][..], &[1i64, 3, 6, 10][..]),
        // Predictor 2, divisor 10.
        (&[0b00_110, 10, 2, 4, 2, 0], &[1, 3, 15, 37]),
        // ENT of two bins, 0 with the code 0 and 8 to 11 with the code 1. Strings of one byte each:
        // the first has 0 and 8, the others one number each.
        (&[0b10_000, 2, 0, 0, 16, 14, 1, 1, 1, 0b00_1_0, 0b01_1, 0, 0b11_1], &[0, 9, 0, 11, 8]),
        // Predictor 1, SPARSE without others.
        (&[0b01_001, 2, 4, 0], &[1, 3, 5, 7]),
    ] {
        assert_eq!(ints_of(bytes, values.len()), Ok((values.to_vec(), 0)));
    }
}

#[test]
#[expect(clippy::unusual_byte_groupings, reason = "grouped by field")]
fn floats_are_written_as_documented() {
    let third = (1.0f64 / 3.0).to_bits();
    let raw = [&[0b000_0_1111][..], &third.to_le_bytes()].concat();
    // MULT, over 3: 1, a difference of 1, and seven changes of it by 0.
    let over = [&[0b101_0_0000][..], &3.0f64.to_bits().to_le_bytes(), &[2, 2, 2, 0, 0]].concat();
    let thirds: Vec<u64> = (1..10).map(|m| (f64::from(m) / 3.0).to_bits()).collect();
    for (values, bytes) in [
        (&[2.5f64.to_bits(); 9][..], &[0b000_0_0001, 50][..]),
        (&[third; 3], &raw),
        (&thirds, &over),
        // INT, e = 1: 5, 7, 6 as base 5 and 0, 2, 1 in two bits each.
        (&[0.5f64, 0.7, 0.6].map(f64::to_bits), &[0b001_0_0001, 0, 10, 2, 0b01_10_00]),
        // INT, e = 0, one run of exceptions: gap 1, length 2, a staleness marker.
        (
            &[1.0f64.to_bits(), STALE, STALE, 1.0f64.to_bits()],
            &[0b001_1_0000, 0, 2, 0, 1, 1, 1 << 3],
        ),
    ] {
        assert_eq!(floats_as_bytes(values, Effort::Best), bytes, "{values:?}");
        assert_eq!(floats_of(bytes, values.len()), Ok((values.to_vec(), 0)));
    }
    let next = f64::from_bits(0.5f64.to_bits() + 1);
    // MULT, times 0.7: 3 and 3.
    let times = [&[0b101_0_0001][..], &0.7f64.to_bits().to_le_bytes(), &[0, 6, 0]].concat();
    for (bytes, values) in [
        (&times[..], &[3.0 * 0.7, 3.0 * 0.7][..]),
        // DECU, e = 1: m is 5, 5; u is 1, 0.
        (&[0b010_0_0001, 0, 10, 0, 0, 0, 1, 0b01][..], &[next, 0.5][..]),
        // BITS: the floats of the places 1 and -1, the smallest above 0 and -0.
        (&[0b011_0_0000, 0, 1, 2, 0b10_00], &[-0.0, f64::from_bits(1)]),
        // RAW.
        (&[0b100_0_0000, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f], &[1.0]),
        // An exception with bits of its own.
        (&[0b001_1_0000, 0, 2, 0, 1, 0, 7, 9, 0, 0, 0, 0, 0, 0, 0], &[f64::from_bits(9), 1.0]),
    ] {
        let bits: Vec<u64> = values.iter().map(|value| value.to_bits()).collect();
        assert_eq!(floats_of(bytes, bits.len()), Ok((bits, 0)));
    }
}

#[test]
fn units_that_make_no_sense_are_damaged() {
    for (tag, unit) in [
        (0b1010_0000, 0.0),
        (0b1010_0000, -3.0),
        (0b1010_0001, f64::INFINITY),
        (0b1010_0001, f64::NAN),
        (0b1010_0010, 3.0),
        (0b1010_1111, 3.0),
    ] {
        let bytes = [&[tag][..], &f64::to_bits(unit).to_le_bytes(), &[0, 6, 0]].concat();
        assert!(floats_of(&bytes, 2).is_err(), "{tag:08b} {unit}");
    }
}

#[test]
fn an_error_says_where_and_what_was_expected() {
    let damaged = ints_of(&[0b00_011, 1], 3).expect_err("there is no predictor 3");
    assert_eq!(
        damaged.to_string(),
        "the column's bytes end or make no sense at byte 1, expected 3 numbers"
    );
}
