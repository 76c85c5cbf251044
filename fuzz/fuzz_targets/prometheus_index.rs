//! The index of a block of Prometheus.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    fuzz::open_prometheus_with("index", data);
});
