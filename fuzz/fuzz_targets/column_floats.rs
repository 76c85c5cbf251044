//! Columns of floats: any bytes decode or are refused, any floats come back bit by bit.

#![no_main]

use chunk::column::{self, Effort};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (count, mut bytes) = match data.split_first_chunk::<2>() {
        Some((count, bytes)) => (usize::from(u16::from_le_bytes(*count)), bytes),
        None => return,
    };
    let (words, _) = bytes.as_chunks::<8>();
    let bits: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let values: Vec<f64> = bits.iter().map(|bits| f64::from_bits(*bits)).collect();
    let mut out = Vec::new();
    let _ = column::decode_floats(&mut bytes, count, &mut out);
    assert!(out.len() <= count);
    let (mut encoded, mut decoded) = (Vec::new(), Vec::new());
    column::encode_floats(&values, Effort::Best, &mut encoded);
    let mut rest = &encoded[..];
    column::decode_floats(&mut rest, values.len(), &mut decoded).expect("just encoded");
    assert!(rest.is_empty() && decoded.iter().map(|v| v.to_bits()).eq(bits));
});
