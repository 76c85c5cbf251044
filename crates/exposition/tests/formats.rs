//! What each format accepts and what it refuses: every row was asked of Prometheus 3.5.

use exposition::Format::{OpenMetrics, Text};
use exposition::{Entry, Format, Parser, decode};
use model::labels::Quoted;

/// The body's entries, one word or more each, or the complaint.
fn read(format: Format, body: &[u8]) -> Result<Vec<String>, String> {
    let text = decode(body).map_err(|e| e.to_string())?;
    let mut parser = Parser::new(&text, format);
    let mut entries = Vec::new();
    while let Some(entry) = parser.next() {
        entries.push(match entry.map_err(|e| e.to_string())? {
            Entry::Help { family, text } => format!("help {family:?} {text:?}"),
            Entry::Type { family, kind } => format!("type {family:?} {kind}"),
            Entry::Unit { family, unit } => format!("unit {family:?} {unit:?}"),
            Entry::Series(series) => {
                let mut pairs = Vec::new();
                parser.labels(&series, &mut pairs).map_err(|e| e.to_string())?;
                let mut out = String::new();
                for (name, value) in &pairs {
                    out += &format!("{name}={value:?} ");
                }
                out += &series.value.to_string();
                if let Some(t) = series.timestamp {
                    out += &format!(" @{t}");
                }
                if let Some(exemplar) = series.exemplar {
                    let t = exemplar.timestamp;
                    out += &format!(" # {:?} {} {t:?}", exemplar.labels, exemplar.value);
                }
                out
            }
        });
    }
    Ok(entries)
}

fn accepts(format: Format, rows: &[(&str, &[&str])]) {
    for (body, entries) in rows {
        let expected: Vec<String> = entries.iter().map(|e| (*e).to_owned()).collect();
        assert_eq!(read(format, body.as_bytes()), Ok(expected), "{body:?}");
    }
}

/// Rows of body, line, what was due, what stood there, and the entry up to there.
fn expects(format: Format, rows: &[(&str, usize, &str, &str, &str)]) {
    for (body, line, expected, got, text) in rows {
        let (got, text) = (Quoted(got), Quoted(text));
        let complaint =
            format!("line {line}: expected {expected}, got {got} while parsing: {text}");
        refuses(format, &[(body, &complaint)]);
    }
}

fn refuses(format: Format, rows: &[(&str, &str)]) {
    for (body, complaint) in rows {
        let read = read(format, body.as_bytes());
        assert_eq!(read, Err((*complaint).to_owned()), "{body:?}");
    }
}

#[test]
fn text_samples_may_be_spaced_freely() {
    accepts(
        Text,
        &[
            ("a 1", &[r#"__name__="a" 1"#]),
            (" a 1\n", &[r#"__name__="a" 1"#]),
            ("a\t1\t1000\n", &[r#"__name__="a" 1 @1000"#]),
            ("a 1 123 \n\n\n b 2", &[r#"__name__="a" 1 @123"#, r#"__name__="b" 2"#]),
            ("a { b = \"c\" , d = \"e\" , } 1\n", &[r#"__name__="a" b="c" d="e" 1"#]),
            ("a{b=\"c\"d=\"e\"}1\n", &[r#"__name__="a" b="c" d="e" 1"#]),
            ("a{} 1\n", &[r#"__name__="a" 1"#]),
            ("a:b-1", &[r#"__name__="a:b" -1"#]),
            ("", &[]),
        ],
    );
}

#[test]
fn text_names_and_values_may_be_any_utf_8_in_quotes() {
    accepts(
        Text,
        &[
            (r#"{"a.b","l.x"="1",c="2"} 1"#, &[r#"__name__="a.b" l.x="1" c="2" 1"#]),
            (r#"{"l.x"="1","a.b"} 1"#, &[r#"l.x="1" __name__="a.b" 1"#]),
            (r#"{"a\"b\\c","l\"x"="1"} 1"#, &[r#"__name__="a\"b\\c" l"x="1" 1"#]),
            (r#"a{b="x\"y\\z\nw\t\q}"} 1"#, &[r#"__name__="a" b="x\"y\\z\nw\\t\\q}" 1"#]),
            ("a{b=\"x\ny\"} 1", &[r#"__name__="a" b="x\ny" 1"#]),
            ("a{b=\"\"} 1", &[r#"__name__="a" b="" 1"#]),
            (r#"{"",b="c"} 1"#, &[r#"__name__="" b="c" 1"#]),
        ],
    );
}

#[test]
fn text_values_are_go_s_floats_without_hexadecimals() {
    accepts(
        Text,
        &[(
            "a inf\nb +INF\nc -Infinity\nd nan\ne 1e3\nf 0.1\ng 12345678901234567890\n",
            &[
                r#"__name__="a" inf"#,
                r#"__name__="b" inf"#,
                r#"__name__="c" -inf"#,
                r#"__name__="d" NaN"#,
                r#"__name__="e" 1000"#,
                r#"__name__="f" 0.1"#,
                r#"__name__="g" 12345678901234567000"#,
            ],
        )],
    );
    for word in ["1\r", "0x10", "0x1p4", "1_000", "+nan", "1e400", "-b"] {
        let complaint = format!("line 2: {} is not a valid value", Quoted(word));
        refuses(Text, &[(&format!("ok 1\na {word}\n"), &complaint)]);
    }
}

#[test]
fn text_comments_are_metadata_only_in_the_exact_form() {
    accepts(
        Text,
        &[
            ("#\n#x\n# \n# EOF\n#HELP a b\n# TYPE\n# UNIT a s\n", &[]),
            ("#\tTYPE\ta\tcounter", &[r#"type "a" counter"#]),
            ("# TYPE a untyped\n", &[r#"type "a" unknown"#]),
            ("# HELP a\n# HELP b \n", &[r#"help "a" """#, r#"help "b" """#]),
            ("# HELP   a    text  \n", &[r#"help "a" "   text  ""#]),
            (r#"# HELP a x\ny\\z\"q"#, &[r#"help "a" "x\ny\\z\\\"q""#]),
            ("# HELP \"a.b\" text\n", &[r#"help "a.b" "text""#]),
        ],
    );
    for kind in ["foo", "unknown", "counter ", " counter", "", "Counter", "info"] {
        let complaint = format!("line 1: invalid metric type {kind:?}");
        refuses(Text, &[(&format!("# TYPE a {kind}\n"), &complaint)]);
    }
}

#[test]
fn only_comments_may_hold_other_bytes_than_utf_8() {
    let one = Ok(vec![r#"__name__="a" 1"#.to_owned()]);
    assert_eq!(read(Text, b"# h\xff\n# \xfe\na 1\n"), one);
    for body in [&b"x 1\na{b=\"\xff\"} 1\n"[..], b"x 1\n# HELP a \xff\n", b"# \xff\na\xff 1"] {
        let complaint = read(Text, body).expect_err("not UTF-8");
        assert!(complaint.starts_with("line 2: invalid UTF-8 in "), "{complaint}");
    }
}

#[test]
fn a_bad_line_of_text_names_what_was_expected() {
    expects(
        Text,
        &[
            ("a 1 -5\n", 1, "timestamp or new record", "-", "a 1 -"),
            ("a 1 1.5\n", 1, "next entry after timestamp", ".", "a 1 1."),
            ("a 1 2 3\n", 1, "next entry after timestamp", "3", "a 1 2 3"),
            ("a 1{\n", 1, "timestamp or new record", "{", "a 1{"),
            ("a{b=\"c\",,d=\"e\"} 1", 1, "label name", ",", "a{b=\"c\",,"),
            ("\n\na{,} 1", 3, "label name", ",", "a{,"),
            ("{foo} 1", 1, "equal", "}", "{foo}"),
            ("é 1", 1, "a valid start token", "é", "é"),
            ("1a 1", 1, "a valid start token", "1", "1"),
            ("\0b 1", 1, "a valid start token", "\0", "\0"),
            ("a{b:c=\"1\"} 1", 1, "equal", ":", "a{b:"),
            ("a\n", 1, "value after metric", "\n", "a\n"),
            ("a{b=\"c\"}", 1, "value after metric", "", "a{b=\"c\"}"),
            ("a{b=\"c\" 1\n", 1, "label name", "1", "a{b=\"c\" 1"),
            ("a{b=\"c 1\n", 1, "label value", "\"", "a{b=\""),
            ("a{b=\"x\",\nc=\"y\"} 1", 1, "label name", "\n", "a{b=\"x\",\n"),
            ("# TYPE \n", 1, "metric name after TYPE", "\n", "# TYPE \n"),
            ("# HELP 1 x\n", 1, "metric name after HELP", "1", "# HELP 1"),
        ],
    );
    refuses(
        Text,
        &[
            (r#"{"a","b"} 1"#, r#"line 1: metric name already set while parsing: "{\"a\",\"b\"""#),
            (r#"a{"b"} 1"#, r#"line 1: metric name already set while parsing: "a{\"b\"""#),
            (r#"{b="c"} 1"#, r#"line 1: metric name not set while parsing: "{b=\"c\"}""#),
        ],
    );
}

#[test]
fn bucket_bounds_and_quantiles_take_one_form() {
    let body = "# TYPE h histogram\n\
        h_bucket{le=\"1\"} 1\nh_bucket{le=\"10000000\"} 1\nh_bucket{le=\"+Inf\"} 1\n\
        h_bucket{le=\"1e-5\"} 1\nh_bucket{le=\"x\",quantile=\"1\"} 1\n\
        # TYPE s summary\ns{quantile=\"0\"} 1\ns{le=\"3\"} 1\n";
    let expected: &[&str] = &[
        r#"type "h" histogram"#,
        r#"__name__="h_bucket" le="1.0" 1"#,
        r#"__name__="h_bucket" le="1e+07" 1"#,
        r#"__name__="h_bucket" le="+Inf" 1"#,
        r#"__name__="h_bucket" le="1e-05" 1"#,
        r#"__name__="h_bucket" le="x" quantile="1" 1"#,
        r#"type "s" summary"#,
        r#"__name__="s" quantile="0.0" 1"#,
        r#"__name__="s" le="3" 1"#,
    ];
    accepts(Text, &[(body, expected)]);
    accepts(OpenMetrics, &[(&format!("{body}# EOF"), expected)]);
    accepts(Text, &[("h_bucket{le=\"1\"} 1", &[r#"__name__="h_bucket" le="1" 1"#])]);
}

#[test]
fn openmetrics_carries_units_times_in_seconds_and_exemplars() {
    accepts(
        OpenMetrics,
        &[
            ("", &[]),
            ("# EOF\n", &[]),
            ("a 1\n# EOF", &[r#"__name__="a" 1"#]),
            ("a{} -1 1.2345678\n# EOF\n", &[r#"__name__="a" -1 @1234"#]),
            ("a 1 -5\n# EOF\n", &[r#"__name__="a" 1 @-5000"#]),
            ("a{b=\"c\",} 1\n# EOF\n", &[r#"__name__="a" b="c" 1"#]),
            ("{\"a.b\",c=\"2\"} 1\n# EOF\n", &[r#"__name__="a.b" c="2" 1"#]),
            ("# UNIT a_s s\n# UNIT b \n# EOF\n", &[r#"unit "a_s" "s""#, r#"unit "b" """#]),
            ("# HELP a x\\ny\\\\z\\\"q\n# EOF\n", &[r#"help "a" "x\ny\\z\"q""#]),
            ("# TYPE a unknown\n# EOF\n", &[r#"type "a" unknown"#]),
            (
                "a_total 1 1.5 # {x=\"y\"} 3 4.25\n# EOF\n",
                &[r#"__name__="a_total" 1 @1500 # [("x", "y")] 3 Some(4250)"#],
            ),
            (
                "a_total 1 # {\"x.y\"=\"z\"} 3\nb_total 1 # {} 1\n# EOF\n",
                &[
                    r#"__name__="a_total" 1 # [("x.y", "z")] 3 None"#,
                    r#"__name__="b_total" 1 # [] 1 None"#,
                ],
            ),
        ],
    );
}

#[test]
fn openmetrics_is_strict_about_its_spaces() {
    expects(
        OpenMetrics,
        &[
            ("a 1\n\n# EOF", 2, "a valid start token", "\n", "\n"),
            ("# hi\n# EOF", 1, "a valid start token", "#", "#"),
            ("a  1\n# EOF", 1, "value after metric", " ", "a  "),
            ("a\t1\n# EOF", 1, "value after metric", "\t", "a\t"),
            (" a 1\n# EOF", 1, "a valid start token", " ", " "),
            ("1a 1\n# EOF", 1, "a valid start token", "1", "1"),
            ("a{b=\"c\", d=\"e\"} 1\n", 1, "label name", " ", "a{b=\"c\", "),
            ("a{b=\"c\"d=\"e\"} 1\n", 1, "comma or brace close", "d", "a{b=\"c\"d"),
            ("a{b=\"x\ny\"} 1\n", 1, "label value", "\"", "a{b=\""),
            ("# HELP a\n# EOF", 1, "text in HELP", "\n", "# HELP a\n"),
            ("a 1 # {x=\"y\"}\n", 1, "value after exemplar labels", "\n", "a 1 # {x=\"y\"}\n"),
            ("a 1 # {x=y} 3\n", 1, "label value", "y", "a 1 # {x=y"),
            (
                "a 1 # {x=\"y\"} 1 2 3\n",
                1,
                "next entry after the sample",
                " ",
                "a 1 # {x=\"y\"} 1 2 ",
            ),
        ],
    );
}

#[test]
fn openmetrics_is_strict_about_its_numbers_and_its_end() {
    refuses(
        OpenMetrics,
        &[
            ("a 1\n", "data does not end with # EOF"),
            ("a 1", "data does not end with # EOF"),
            ("a 1\n# EOF\nb 1\n", "line 3: unexpected data after # EOF"),
            ("a 1\n# EOF\n\n", "line 3: unexpected data after # EOF"),
            ("a 1\r\n# EOF", r#"line 1: "1\r" is not a valid value"#),
            ("a 1 NaN\n", r#"line 1: "NaN" is not a valid timestamp"#),
            ("# TYPE a untyped\n# EOF", r#"line 1: invalid metric type "untyped""#),
            ("# UNIT a s\n# EOF", r#"line 1: unit "s" not a suffix of metric "a""#),
            ("a 1 # {x=\"y\"} 3 NaN\n", r#"line 1: "NaN" is not a valid exemplar timestamp"#),
            ("a 1# {x=\"y\"} 3\n", r##"line 1: "1#" is not a valid value"##),
        ],
    );
}
