//! Columns of integers: any bytes decode or are refused, any integers come back.

#![no_main]

use chunk::column::{self, Effort};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (count, mut bytes) = match data.split_first_chunk::<2>() {
        Some((count, bytes)) => (usize::from(u16::from_le_bytes(*count)), bytes),
        None => return,
    };
    let (words, _) = bytes.as_chunks::<8>();
    let values: Vec<i64> = words.iter().map(|word| i64::from_le_bytes(*word)).collect();
    let mut out = Vec::new();
    let _ = column::decode_ints(&mut bytes, count, &mut out);
    assert!(out.len() <= count);
    for effort in [Effort::Fast, Effort::Best] {
        let (mut encoded, mut decoded) = (Vec::new(), Vec::new());
        column::encode_ints(&values, effort, &mut encoded);
        let mut rest = &encoded[..];
        column::decode_ints(&mut rest, values.len(), &mut decoded).expect("just encoded");
        assert!(rest.is_empty() && decoded == values);
    }
});
