//! Queries to trees and back, and what is said about those that are none.

use proptest::prelude::*;

/// Each query, and how it is printed.
const PRINTED: &[(&str, &str)] = &[
    ("-a^2", "-a ^ 2"),
    ("- -1", "1"),
    ("2^3^2", "2 ^ 3 ^ 2"),
    ("a or b and c", "a or b and c"),
    ("1.50e3", "1500"),
    ("0x1f+017", "31 + 15"),
    ("08", "8"),
    ("1h30m * 2", "1h30m * 2"),
    ("'it\\'s'", "\"it's\""),
    ("sum(x)by(job)", "sum by (job) (x)"),
    ("SUM without () (x)", "sum without () (x)"),
    ("topk(5,x)", "topk(5, x)"),
    ("a==bool on() b", "a == bool on () b"),
    ("a*on(x)group_left(y)b", "a * on (x) group_left (y) b"),
    ("a/ignoring(x)group_right b", "a / ignoring (x) group_right () b"),
    ("foo{b='2',a!~\"1|2\"}", "foo{a!~\"1|2\",b=\"2\"}"),
    ("{\"foo.bar\",\"x.y\"='z'}", "{\"x.y\"=\"z\",__name__=\"foo.bar\"}"),
    ("x[300] offset 60 @ 5", "x[5m] @ 5.000 offset 1m"),
    ("x offset -1.5", "x offset -1s500ms"),
    ("rate(x[5m])[1h:] @ start()", "rate(x[5m])[1h:] @ start()"),
    ("max_over_time(x[1h:30s] @ end() offset 1d)", "max_over_time(x[1h:30s] @ end() offset 1d)"),
    ("x[5m*2]", "x[5m * 2s]"),
    ("sum by(by,on,\"c.d\")(offset)", "sum by (by, on, \"c.d\") (offset)"),
    ("sum # a comment\n(x)", "sum(x)"),
];

/// Each text that is no query, and what is said.
const REFUSED: &[(&str, &str)] = &[
    ("", "unknown position: parse error: no expression found in input"),
    ("a +", "1:4: parse error: unexpected end of input"),
    ("a b", "1:3: parse error: unexpected identifier \"b\""),
    ("a\n  +\n  )", "3:4: parse error: unexpected right parenthesis ')'"),
    ("(a", "1:3: parse error: unclosed left parenthesis"),
    ("sum(a b)", "1:7: parse error: unexpected identifier \"b\" in aggregation"),
    ("sum by a", "1:8: parse error: unexpected identifier \"a\" in grouping opts, expected \"(\""),
    ("sum(a,)", "1:6: parse error: trailing commas not allowed in function call args"),
    (
        "a{b}",
        "1:4: parse error: unexpected \"}\" in label matching, expected label matching operator",
    ),
    ("a{b=~\"(\"}", "1:3: parse error: error parsing regexp: missing closing ): `(`"),
    ("a[5m", "1:5: parse error: unclosed left bracket"),
    ("a[5m:1m:1m]", "1:8: parse error: unexpected colon ':'"),
    ("a[5m1h]", "1:3: parse error: not a valid duration string: \"5m1h\""),
    ("a[x]", "1:3: parse error: unexpected character in duration expression: 'x'"),
    ("a[0s]", "1:3: parse error: duration must be greater than 0"),
    ("(a)[5m]", "1:4: parse error: ranges only allowed for vector selectors"),
    ("a offset 1m [5m]", "1:13: parse error: no offset modifiers allowed before range"),
    (
        "sum(a) offset 1m",
        "1:1: parse error: offset modifier must be preceded by an instant vector \
                          selector or range vector selector or a subquery",
    ),
    ("a @ NaN", "1:1: parse error: timestamp out of bounds for @ modifier: NaN"),
    (
        "rate(a)",
        "1:6: parse error: expected type range vector in call to function \"rate\", got \
                 instant vector",
    ),
    ("nope(a)", "1:1: parse error: unknown function with name \"nope\""),
    ("mad_over_time(a[5m])", "1:1: parse error: function \"mad_over_time\" is not enabled"),
    (
        "round(a, 1, 2)",
        "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3",
    ),
    ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
    ("a and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"),
    ("a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"),
    ("{a=\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
    ("a{__name__=\"b\"}", "1:1: parse error: metric name must not be set twice: \"a\" or \"b\""),
    ("\"\\q\"", "1:1: parse error: unknown escape sequence U+0071 'q'"),
    (
        "1e400",
        "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e400\": \
               value out of range",
    ),
];

#[test]
fn queries_are_printed_in_one_form() {
    for (query, printed) in PRINTED {
        let expr = promql::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        assert_eq!(expr.to_string(), *printed, "{query}");
        let again = promql::parse(printed).unwrap_or_else(|error| panic!("{printed}: {error}"));
        assert_eq!(again.to_string(), *printed);
    }
}

#[test]
fn errors_say_where_and_what() {
    for (query, message) in REFUSED {
        let error = promql::parse(query).expect_err(query);
        assert_eq!(error.to_string(), *message, "{query}");
    }
}

#[test]
fn long_queries_are_laid_out_over_lines() {
    let long = "sum by (instance) (rate(node_network_receive_bytes_total{device!~\"lo|veth.*\"}[5m])) \
                / on (instance) node_network_speed_bytes > bool 0.9";
    let lines = "      sum by (instance) (rate(node_network_receive_bytes_total{device!~\"lo|veth.*\"}[5m]))\n  / on (instance)\n    node_network_speed_bytes\n> bool\n  0.9";
    let expr = promql::parse(long).expect("it parses");
    let pretty = promql::pretty(&expr);
    let trimmed = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    assert_eq!(trimmed(&pretty), trimmed(lines));
    assert_eq!(promql::parse(&pretty).map(|e| e.to_string()), Ok(expr.to_string()));
}

#[test]
fn nesting_has_a_limit() {
    let deep = "expression nests deeper than 100 levels";
    let high = "expression has more than 500 levels";
    for (query, message) in [
        ("(".repeat(5000) + "1" + &")".repeat(5000), deep),
        ("-".repeat(5000) + "a", deep),
        ("abs(".repeat(5000) + "a" + &")".repeat(5000), deep),
        ("a[".to_owned() + &"(".repeat(5000) + "1" + &")".repeat(5000) + "]", deep),
        (vec!["1"; 5000].join("+"), high),
        ("a[1".to_owned() + &"+1".repeat(5000) + "]", high),
        ("a".to_owned() + &"[1m:]".repeat(5000), high),
    ] {
        assert_eq!(promql::parse(&query).expect_err(message).message, message);
    }
    let chain = promql::parse(&vec!["1"; 500].join("+")).expect("500 levels are fine");
    assert_eq!(chain.to_string().len(), 500 + 499 * 3);
}

#[test]
fn selectors_alone_give_matchers() {
    let texts = |text: &str| {
        let matchers = promql::parse_matchers(text).map_err(|error| error.to_string())?;
        Ok::<_, String>(matchers.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(
        texts("up{job=~\"a.*\"}"),
        Ok(vec!["job=~\"a.*\"".to_owned(), "__name__=\"up\"".to_owned()])
    );
    assert_eq!(texts("up[5m]"), Err("1:3: parse error: unexpected \"[\"".to_owned()));
    assert_eq!(texts(""), Err("unknown position: parse error: unexpected end of input".to_owned()));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-c(){}\\[\\]+*/^@:,=!~\"'`0-9.smh \\-#\n\\\\]{0,40}") {
        let _ = promql::parse(&text);
        let _ = promql::parse_matchers(&text);
    }

    #[test]
    fn what_is_printed_parses_to_what_was_printed(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "a", "b{x='1'}", "sum", "by", "(x)", "(", ")", "+", "-", "^", "and", "on", "bool",
                "[5m]", "[1h:]", "offset", "5m", "@", "1", "rate", "==", "group_left",
            ]),
            1..12,
        )
    ) {
        if let Ok(expr) = promql::parse(&words.join(" ")) {
            let printed = expr.to_string();
            prop_assert_eq!(promql::parse(&printed).map(|e| e.to_string()), Ok(printed.clone()));
            prop_assert_eq!(promql::parse(&promql::pretty(&expr)).map(|e| e.to_string()), Ok(printed));
        }
    }
}
