//! Rule files: what is read, and what is said of those that are wrong.

use std::path::Path;

use super::*;
use crate::definition::RuleAction;
use model::Labels;

fn parse(text: &str) -> Result<RuleFile, Vec<String>> {
    let told = |errors: Vec<RuleFileError>| errors.iter().map(ToString::to_string).collect();
    RuleFile::parse(Path::new("r.yml"), text, ParserOptions::default()).map_err(told)
}

/// What is said of a file with one group `g` with these rules, indented by two.
fn check_rules(rules: &str, expected: &[&str]) {
    let text = format!("groups:\n- name: g\n  rules:\n{rules}");
    assert_eq!(parse(&text).err().unwrap_or_default(), expected, "{text}");
}

#[test]
fn a_file_gives_groups_with_their_labels_in_every_rule() {
    let file = parse(
        "groups:\n\
         - name: g\n\
        \x20 interval: 30s\n\
        \x20 query_offset: 5s\n\
        \x20 limit: 7\n\
        \x20 labels: {team: a, tier: b}\n\
        \x20 rules:\n\
        \x20 - record: job:up:sum\n\
        \x20   expr: sum by(job)(up)\n\
        \x20   labels: {tier: 1}\n\
        \x20 - alert: Down\n\
        \x20   expr: up==0\n\
        \x20   for: 1m\n\
        \x20   keep_firing_for: 2m\n\
        \x20   annotations: {summary: '{{ $labels.job }}', none: }\n\
         - name: h\n\
        \x20 rules:\n",
    )
    .expect("a sound file");
    let [g, h] = &file.groups[..] else { panic!("two groups") };
    assert_eq!((g.interval_ms, g.query_offset_ms, g.limit), (Some(30_000), Some(5000), 7));
    assert_eq!((h.name.as_str(), h.interval_ms, h.rules.len()), ("h", None, 0));
    let [record, alert] = &g.rules[..] else { panic!("two rules") };
    assert_eq!(record.expr.text(), "sum by (job) (up)");
    assert_eq!(record.labels, Labels::from_pairs([("team", "a"), ("tier", "1")]));
    assert_eq!(record.action, RuleAction::Record);
    assert_eq!(alert.labels, Labels::from_pairs([("team", "a"), ("tier", "b")]));
    let annotations = Labels::from_pairs([("summary", "{{ $labels.job }}")]);
    let (for_ms, keep_firing_for_ms) = (60_000, 120_000);
    assert_eq!(alert.action, RuleAction::Alert { for_ms, keep_firing_for_ms, annotations });
}

#[test]
fn files_without_rules_are_sound() {
    for text in ["", "# nothing\n", "groups:\n", "groups: []\n", "groups:\n-\n"] {
        assert_eq!(parse(text).map(|file| file.groups.len()), Ok(0), "{text:?}");
    }
}

#[test]
fn a_file_of_the_wrong_shape_is_refused_with_line_and_column() {
    for (text, expected) in [
        (
            "groups:\n- name: g\n  foo: 1\n",
            "r.yml: 3:3: yaml: unknown field `foo`, expected one of name, interval, query_offset, \
             limit, labels, rules",
        ),
        ("- a\n", "r.yml: 1:1: yaml: expected mapping start"),
        (
            "groups:\n- name: g\n  name: h\n",
            "r.yml: 3:3: yaml: duplicate mapping key `name` is not allowed here",
        ),
        (
            "groups:\n- name: g\n  limit: x\n",
            r#"r.yml: 3:10: invalid field 'limit': not a whole number: "x""#,
        ),
        ("groups:\n- name: [g]\n", "r.yml: 2:9: yaml: expected string scalar"),
        ("groups:\n- name: g\n  rules: [\n", "r.yml: 3:10: yaml: unclosed bracket '['"),
    ] {
        assert_eq!(parse(text).expect_err(text), [expected]);
    }
}

#[test]
fn groups_need_names_of_their_own() {
    let text = "groups:\n- name: g\n- rules: []\n- name: g\n  interval: 5x\n";
    assert_eq!(
        parse(text).expect_err("three faults"),
        [
            r"r.yml: 3:3: Groupname must not be empty",
            r#"r.yml: 5:13: invalid field 'interval': not a valid duration string: "5x""#,
            r#"r.yml: 4:9: groupname: "g" is repeated in the same file"#,
        ]
    );
}

#[test]
fn a_rule_is_of_one_kind_and_has_an_expression() {
    check_rules(
        "  - record: a\n    alert: b\n    expr: x\n",
        &[r#"r.yml: 5:12: group "g", rule 1, "a": only one of 'record' and 'alert' must be set"#],
    );
    check_rules(
        "  - record: a\n    expr: x\n  - expr: x\n",
        &[r#"r.yml: 6:5: group "g", rule 2, "": one of 'record' or 'alert' must be set"#],
    );
    check_rules(
        "  - record: a\n",
        &[r#"r.yml: 4:5: group "g", rule 1, "a": field 'expr' must be set in rule"#],
    );
    check_rules(
        "  - record: a\n    expr: sum(\n",
        &["r.yml: 5:11: group \"g\", rule 1, \"a\": could not parse expression: 1:5: parse \
             error: \
           unclosed left parenthesis"],
    );
}

#[test]
fn a_recording_rule_has_no_fields_of_an_alert() {
    check_rules(
        "  - record: '{a}'\n    expr: x\n    for: 5m\n    keep_firing_for: 5m\n    \
         annotations: {a: b}\n",
        &[
            "r.yml: 4:13: group \"g\", rule 1, \"{a}\": braces present in the recording rule name; \
             should it be in expr?: {a}",
            r#"r.yml: 6:10: group "g", rule 1, "{a}": invalid field 'for' in recording rule"#,
            "r.yml: 7:22: group \"g\", rule 1, \"{a}\": invalid field 'keep_firing_for' in \
             recording rule",
            "r.yml: 8:19: group \"g\", rule 1, \"{a}\": invalid field 'annotations' in recording \
             rule",
        ],
    );
    check_rules("  - record: http.requests\n    expr: 1\n    for: 0s\n", &[]);
}

#[test]
fn names_durations_and_templates_are_checked() {
    check_rules(
        "  - alert: A\n    expr: x\n    for: 5x\n    labels: {__name__: x, a-b: y}\n    \
         annotations: {'': z, x: '{{ if }}'}\n",
        &[
            "r.yml: 6:10: group \"g\", rule 1, \"A\": invalid field 'for': not a valid duration \
             string: \"5x\"",
            r#"r.yml: 7:14: group "g", rule 1, "A": invalid label name: __name__"#,
            r#"r.yml: 8:19: group "g", rule 1, "A": invalid annotation name: "#,
            "r.yml: 8:29: group \"g\", rule 1, \"A\": annotation \"x\": template: __alert_A:1: \
             missing value for if",
        ],
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let errors = RuleFile::read(Path::new("/nowhere/r.yml"), ParserOptions::default())
        .expect_err("there is no such file");
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["/nowhere/r.yml: cannot read rule file: No such file or directory (os error 2)"]
    );
}
