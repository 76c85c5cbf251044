//! Whatever a template says, it ends: with its text, or with an error that names the limit.

use model::Labels;
use proptest::prelude::*;
use template::{Data, Element, Limits, Options, check, expand};

fn run_with(text: &str, limits: Limits) -> Result<String, String> {
    let data = Data {
        labels: &Labels::from_pairs([("instance", "h:1")]),
        external_labels: &Labels::empty(),
        external_url: "http://localhost:9090",
        value: 7.0,
    };
    let options = Options { path_prefix: "", now_ms: 1_435_065_584_128, limits };
    let mut query =
        |_: &str| Ok(vec![Element { labels: Labels::from_pairs([("x", "a")]), value: 1.0 }]);
    expand("t", text, &data, &options, &mut query).map_err(|error| error.to_string())
}

fn run(text: &str) -> Result<String, String> {
    run_with(text, Limits::default())
}

#[test]
fn a_template_beyond_a_limit_is_an_error_that_names_it() {
    let deep_text = "{{ if true }}".repeat(70) + &"{{ end }}".repeat(70);
    let deep_parens = format!("{{{{ {}1{} }}}}", "(".repeat(2000), ")".repeat(2000));
    for (text, part) in [
        ("{{ range 2000000 }}{{ end }}", "takes more than 1000000 steps"),
        ("{{ range 20000 }}{{ query \"m\" }}{{ end }}", "takes more than 1000000 steps"),
        ("{{ range 200000 }}abcdefgh{{ end }}", "the output is longer than 1048576 bytes"),
        ("{{ $x := \"ab\" }}{{ range 99 }}{{ $x = print $x $x }}{{ end }}", "longer than 1048576"),
        (
            "{{ $x := \"ab\" }}{{ range 99 }}{{ $x = reReplaceAll `.` $x $x }}{{ end }}",
            "longer than 1048576 bytes",
        ),
        (
            "{{ $x := 1 }}{{ range 99 }}{{ $x = args $x }}{{ end }}",
            "error calling args: nested deeper than 64 levels",
        ),
        ("{{ define \"r\" }}{{ template \"r\" }}{{ end }}{{ template \"r\" }}", "deeper than 64"),
        (
            "{{ define \"r\" }}{{ tmpl \"r\" 1 }}{{ end }}{{ template \"r\" }}",
            "deeper than 64 levels",
        ),
        (&deep_text, "nested deeper than 64 levels"),
        (&deep_parens, "nested deeper than 64 levels"),
    ] {
        let error = run(text).expect_err("the template is beyond a limit");
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn plain_text_is_its_own_result_unless_it_is_too_long() {
    let limits = Limits { output_bytes: 5, ..Limits::default() };
    assert_eq!(
        run_with("a }} b", limits),
        Err("error executing template t: template: t:1:104: executing \"t\" at <.Value>: \
         the output is longer than 5 bytes"
            .to_owned())
    );
    assert_eq!(run_with("a }}b", limits), Ok("a }}b".to_owned()));
}

#[test]
fn functions_of_newer_versions_are_there() {
    for (text, expected) in [
        ("{{ now }}", "1.435065584128e+09"),
        ("{{ now | toTime }}", "2015-06-23 13:19:44.128 +0000 UTC"),
        ("{{ toDuration 5400.5 }}", "1h30m0.5s"),
        ("{{ (toDuration 90).Minutes }} {{ toDuration 0.0015 }}", "1.5 1.5ms"),
        ("{{ urlQueryEscape \"a b&é\" }}", "a+b%26%C3%A9"),
        ("{{ define \"d\" }}<{{ . }}>{{ end }}{{ tmpl \"d\" 1 }}", "<1>"),
        (
            "{{ (now | toTime).Format \"Mon Jan _2 3:04:05.000PM 06 MST -07:00 Z07:00\" }}",
            "Tue Jun 23 1:19:44.128PM 15 UTC +00:00 Z",
        ),
    ] {
        assert_eq!(run(text), Ok(expected.to_owned()), "{text}");
    }
}

#[test]
fn a_width_or_precision_beyond_ten_thousand_is_refused_in_place() {
    assert_eq!(run("{{ printf \"%10000d\" 1 | len }}"), Ok("10000".to_owned()));
    assert_eq!(run("{{ printf \"%010000d\" 1 | len }}"), Ok("10000".to_owned()));
    assert_eq!(run("{{ printf \"%.10000f\" 1.0 | len }}"), Ok("10002".to_owned()));
    assert_eq!(run("{{ printf \"%*d\" 10001 1 }}"), Ok("%!(BADWIDTH)1".to_owned()));
}

/// Pieces that templates are made of, so that random ones are often nearly right.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "{{",
            "}}",
            "{{-",
            " -}}",
            " ",
            "if",
            "else",
            "end",
            "range",
            "with",
            "define",
            "template",
            "block",
            "break",
            "$x",
            ":=",
            "=",
            "|",
            "(",
            ")",
            ".",
            ".Labels",
            "$value",
            "\"a\"",
            "`b`",
            "'c'",
            "1",
            "-2.5",
            "0x1p4",
            "true",
            "nil",
            "query",
            "first",
            "printf",
            "\"%08.3[1]*x\"",
            "index",
            "slice",
            "len",
            "args",
            "humanize",
            "humanizeDuration",
            "toTime",
            ".Format",
            "eq",
            "and",
            "title",
            "reReplaceAll",
            "stripDomain",
            ",",
            "\n",
            "/*",
            "*/",
            "é",
            "\"\\x80\"",
            "print",
            "js",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ]
}

proptest! {
    #[test]
    fn no_text_makes_a_template_panic(
        pieces in prop::collection::vec(piece(), 0..24), spaced in any::<bool>()
    ) {
        let text = pieces.join(if spaced { " " } else { "" });
        let limits = Limits { steps: 10_000, ..Limits::default() };
        let ran = run_with(&text, limits);
        // What can be read runs or fails on its values; what cannot never runs.
        if check("t", &text).is_err() {
            prop_assert!(ran.is_err());
        }
        let _ = run_with(&format!("{{{{ {text} }}}}"), limits);
    }

    #[test]
    fn no_format_makes_printf_panic(format in "[%# 0+\\-.*\\[\\]0-9a-zA-Zé]{0,24}") {
        let text = format!(
            "{{{{ printf `{format}` 1 2.5 \"x\" .Labels (query \"m\") nil true -7 1e300 }}}}"
        );
        let _ = run(&text);
    }
}
