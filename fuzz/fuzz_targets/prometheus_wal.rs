//! A segment of the write-ahead log of Prometheus.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    fuzz::open_with(&[("chunks_head/000001", b""), ("wal/00000000", data)]);
});
