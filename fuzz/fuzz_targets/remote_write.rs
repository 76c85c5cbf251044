//! Bodies of remote write requests, as they are before they are packed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use remote::Receiver;
use testkit::MemStorage;

fuzz_target!(|data: &[u8]| {
    let mut packed = Vec::new();
    // Snappy's own form for bytes that it could not pack: their number, then one literal.
    let mut len = data.len();
    while len >= 0x80 {
        packed.push(len as u8 | 0x80);
        len >>= 7;
    }
    packed.push(len as u8);
    if !data.is_empty() {
        packed.push(62 << 2);
        packed.extend(&(data.len() as u32 - 1).to_le_bytes()[..3]);
        packed.extend_from_slice(data);
    }
    let _ = Receiver::default().receive(&MemStorage::new(), &packed, 0);
});
