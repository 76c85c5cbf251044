//! A segment of the write-ahead log.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    fuzz::open_with(&[("wal/00000001", data)]);
});
