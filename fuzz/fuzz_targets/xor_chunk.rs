//! Chunks of the head and of Prometheus: any bytes decode or are refused.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    let _ = chunk::decode(data, &mut times, &mut values);
    assert_eq!(times.len(), values.len());
});
