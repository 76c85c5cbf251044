//! Scrape bodies of OpenMetrics.

#![no_main]

use exposition::{Entry, Format, Parser};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = exposition::decode(data) else { return };
    let mut parser = Parser::new(&text, Format::OpenMetrics);
    let mut pairs = Vec::new();
    while let Some(Ok(entry)) = parser.next() {
        if let Entry::Series(series) = entry {
            let _ = parser.labels(&series, &mut pairs);
        }
    }
});
