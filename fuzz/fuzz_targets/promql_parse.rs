//! Queries: parsed or refused; what is printed of one parses to the same.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(query) = str::from_utf8(data) else { return };
    if let Ok(expr) = promql::parse(query) {
        let printed = expr.to_string();
        let again = promql::parse(&printed).expect("what is printed parses");
        assert_eq!(again.to_string(), printed);
    }
});
