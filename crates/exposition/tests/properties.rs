//! What holds for every body: what was written is read back, and nothing panics.

use std::collections::BTreeMap;

use exposition::{Encoder, Entry, Escaping, Format, MetricType, Parser, decode};
use proptest::prelude::*;

type Sample = (String, BTreeMap<String, String>, f64, Option<i64>);

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let labels =
        prop::collection::btree_map("[a-z_.é\"\\\\]{1,5}", ".{0,12}|[\n\"\\\\}]{1,3}", 0..4);
    let sample = ("[a-z:.é \"]{1,8}", labels, any::<f64>(), prop::option::of(0..i64::MAX));
    prop::collection::vec(sample, 0..8)
}

/// Reads as much as there is; the answer does not matter.
fn exhaust(format: Format, body: &[u8]) {
    let Ok(text) = decode(body) else { return };
    let mut parser = Parser::new(&text, format);
    let mut pairs = Vec::new();
    while let Some(Ok(entry)) = parser.next() {
        if let Entry::Series(series) = entry {
            assert!(text.contains(series.text));
            let _ = parser.labels(&series, &mut pairs);
        }
    }
}

/// Lines as targets might garble them.
fn garbled() -> impl Strategy<Value = String> {
    let parts = [
        "a",
        "b_total",
        "{",
        "}",
        "\"",
        "=",
        ",",
        " ",
        "\t",
        "\n",
        "#",
        "# TYPE ",
        "# HELP ",
        "# UNIT ",
        "# EOF",
        " # {",
        "\\",
        "1",
        "-1.5e3",
        "NaN",
        "é",
        "histogram",
        "le=\"1\"",
    ];
    prop::collection::vec(prop::sample::select(parts.to_vec()), 0..30).prop_map(|p| p.concat())
}

proptest! {
    #[test]
    fn what_the_encoder_writes_the_parser_reads(samples in samples()) {
        let mut encoder = Encoder::new(Escaping::AllowUtf8);
        for (name, labels, value, t) in &samples {
            let labels = labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            encoder.help(name, "any\\help\n").kind(name, MetricType::Gauge);
            encoder.sample(name, labels, *value, *t);
        }
        let text = encoder.finish();
        let mut parser = Parser::new(&text, Format::Text);
        let mut pairs = Vec::new();
        for (name, labels, value, t) in &samples {
            let help = Entry::Help { family: name.into(), text: "any\\help\n".into() };
            prop_assert_eq!(parser.next(), Some(Ok(help)));
            let kind = Entry::Type { family: name.into(), kind: MetricType::Gauge };
            prop_assert_eq!(parser.next(), Some(Ok(kind)));
            let Some(Ok(Entry::Series(series))) = parser.next() else {
                return Err(TestCaseError::fail("expected a sample"));
            };
            prop_assert!(series.value == *value || (series.value.is_nan() && value.is_nan()));
            prop_assert_eq!(series.timestamp, *t);
            parser.labels(&series, &mut pairs).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let mut found: BTreeMap<String, String> =
                pairs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
            let found_name = found.remove("__name__");
            prop_assert_eq!(found_name.as_ref(), Some(name));
            prop_assert_eq!(&found, labels);
        }
        prop_assert_eq!(parser.next(), None);
    }

    #[test]
    fn no_garbled_body_makes_the_parser_panic(body in garbled()) {
        exhaust(Format::Text, body.as_bytes());
        exhaust(Format::OpenMetrics, body.as_bytes());
    }

    #[test]
    fn no_bytes_make_the_parser_panic(body in prop::collection::vec(any::<u8>(), 0..60)) {
        exhaust(Format::Text, &body);
        exhaust(Format::OpenMetrics, &body);
    }
}

#[test]
fn a_body_cut_anywhere_gives_a_complaint_or_fewer_samples() {
    let body = "# HELP a_s \u{e9}\n# TYPE a_s counter\n# UNIT a_s s\n\
        a_s_total{b=\"\u{e9}\\\"}\"} 1.5 10.25 # {x=\"y\"} 3 4.25\n{\"c.d\"} 2\n# EOF\n";
    let whole = Parser::new(body, Format::OpenMetrics).filter(Result::is_ok).count();
    assert_eq!(whole, 5);
    for end in 0..body.len() {
        let Ok(text) = decode(&body.as_bytes()[..end]) else { continue };
        for format in [Format::Text, Format::OpenMetrics] {
            assert!(Parser::new(&text, format).filter(Result::is_ok).count() <= whole);
        }
    }
}
