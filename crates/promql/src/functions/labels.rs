//! Functions that rewrite labels, and the labels of what is absent.

use std::collections::{BTreeMap, BTreeSet};

use model::labels::METRIC_NAME;
use model::{Labels, MatchOp, Matcher, re2};

use crate::ast::Expr;

/// `label_replace(v, target, replacement, source, regex)`
#[derive(Clone, Debug)]
pub struct LabelReplace<'q> {
    target: &'q str,
    replacement: &'q str,
    source: &'q str,
    regex: regex::Regex,
}

impl<'q> LabelReplace<'q> {
    /// Fails on a bad expression or target, whether or not there will be any series.
    pub fn new([target, replacement, source, regex]: [&'q str; 4]) -> Result<Self, String> {
        let regex = re2::compile_anchored(regex)
            .map_err(|_| format!("invalid regular expression in label_replace(): {regex}"))?;
        if !is_name(target) {
            return Err(format!("invalid destination label name in label_replace(): {target}"));
        }
        Ok(Self { target, replacement, source, regex })
    }

    /// The label it sets.
    pub fn target(&self) -> &'q str {
        self.target
    }

    /// The labels with the target set; `None` if the expression does not match the source.
    pub fn apply(&self, labels: &Labels) -> Option<Labels> {
        let groups = self.regex.captures(labels.get(self.source))?;
        let mut value = String::new();
        groups.expand(self.replacement, &mut value);
        Some(labels.to_builder().set(self.target, value).build())
    }
}

/// `label_join(v, target, separator, sources…)`
#[derive(Clone, Debug)]
pub struct LabelJoin<'q> {
    target: &'q str,
    separator: &'q str,
    sources: &'q [&'q str],
}

impl<'q> LabelJoin<'q> {
    /// Fails on bad names, whether or not there will be any series.
    pub fn new(
        target: &'q str,
        separator: &'q str,
        sources: &'q [&'q str],
    ) -> Result<Self, String> {
        if let Some(source) = sources.iter().find(|source| !is_name(source)) {
            return Err(format!("invalid source label name in label_join(): {source}"));
        }
        if !is_name(target) {
            return Err(format!("invalid destination label name in label_join(): {target}"));
        }
        Ok(Self { target, separator, sources })
    }

    /// The label it sets.
    pub fn target(&self) -> &'q str {
        self.target
    }

    /// The labels with the target set.
    pub fn apply(&self, labels: &Labels) -> Labels {
        let values: Vec<&str> = self.sources.iter().map(|source| labels.get(source)).collect();
        labels.to_builder().set(self.target, values.join(self.separator)).build()
    }
}

/// Whether a label may be called so: anything that is UTF-8.
///
/// What a query's text has in escapes that is not UTF-8 was replaced when the text was read.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::REPLACEMENT_CHARACTER)
}

/// The labels `absent` and `absent_over_time` give for their argument, if it is a plain selector: of
/// each name what its first `=` matcher says, unless another matcher of that name comes behind.
///
/// "Behind" is meant as in Prometheus, where the lookup moves matchers that only take away to the end:
/// `a=~"b.*", a="bc"` gives `a`, the other way round it does not, and with `a!="q"` it never does.
pub fn of_absent(argument: &Expr) -> Labels {
    let matchers = match argument.unwrap_parens() {
        Expr::Selector(selector) => &selector.matchers,
        Expr::Range(range) => &range.selector.matchers,
        _ => return Labels::empty(),
    };
    let (taking, leaving): (Vec<&Matcher>, Vec<&Matcher>) =
        matchers.iter().partition(|matcher| takes_away(matcher, matchers));
    let mut named: BTreeMap<&str, &str> = BTreeMap::new();
    let mut said: BTreeSet<&str> = BTreeSet::new();
    for matcher in leaving.into_iter().chain(taking) {
        let name = matcher.name.as_str();
        if matcher.op == MatchOp::Equal && said.insert(name) {
            named.insert(name, &matcher.value);
        } else {
            named.remove(name);
        }
    }
    let is_label = |(name, value): &(&str, &str)| *name != METRIC_NAME && !value.is_empty();
    Labels::from_pairs(named.into_iter().filter(is_label))
}

/// Whether a matcher chooses no series by itself: a series without the label passes it, and it is a
/// negative one or alone with its label.
fn takes_away(matcher: &Matcher, all: &[Matcher]) -> bool {
    let is_needed = |other: &Matcher| other.name == matcher.name && !other.matches("");
    let is_negative = matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRegex);
    !all.iter().any(is_needed) || (is_negative && matcher.matches(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::from_pairs(pairs.iter().copied())
    }

    #[test]
    fn replacing_expands_groups_and_needs_a_match_of_the_whole() {
        let before = labels(&[("__name__", "m"), ("a", "foo-1")]);
        for (arguments, expected) in [
            (["b", "$2.$1", "a", "(.*)-(.*)"], Some(("b", "1.foo"))),
            (["b", "${1}x", "a", "(.*)-.*"], Some(("b", "foox"))),
            (["b", "$1x$$", "a", "(.*)-.*"], Some(("b", "$"))),
            (["b", "$what", "a", "(?P<what>f).*"], Some(("b", "f"))),
            (["a", "", "a", ".*"], Some(("a", ""))),
            (["b", "c", "missing", ""], Some(("b", "c"))),
            (["b", "c", "a", "foo"], None),
        ] {
            let replace = LabelReplace::new(arguments).expect("valid arguments");
            let expected =
                expected.map(|(name, value)| before.to_builder().set(name, value).build());
            assert_eq!(replace.apply(&before), expected, "{arguments:?}");
        }
    }

    #[test]
    fn bad_arguments_are_refused_in_prometheus_s_words() {
        assert_eq!(
            LabelReplace::new(["a", "", "", "(.*"]).expect_err("not an expression"),
            "invalid regular expression in label_replace(): (.*"
        );
        assert_eq!(
            LabelReplace::new(["", "", "a", ""]).expect_err("no name"),
            "invalid destination label name in label_replace(): "
        );
        assert_eq!(
            LabelJoin::new("\u{fffd}", "", &["b"]).expect_err("no name"),
            "invalid destination label name in label_join(): \u{fffd}"
        );
        assert_eq!(
            LabelJoin::new("a", "", &["b", ""]).expect_err("no name"),
            "invalid source label name in label_join(): "
        );
    }

    #[test]
    fn what_is_absent_has_the_labels_that_nothing_behind_takes_away() {
        for (argument, expected) in [
            ("m{a=\"1\", b!=\"2\", c=~\"3\"}", &[("a", "1")][..]),
            ("m{a=\"1\", a=\"1\"}", &[]),
            ("m{a=\"1\", a=\"2\", a=\"3\"}", &[]),
            ("m{a=\"1\", a!=\"2\"}", &[]),
            ("m{a!=\"2\", a=\"1\"}", &[]),
            ("m{a!~\"2\", b=\"2\", a=\"1\"}", &[("b", "2")]),
            ("m{a=\"12\", a=~\"1.*\"}", &[]),
            ("m{a=~\"1.*\", a=\"12\"}", &[("a", "12")]),
            ("m{a=~\".*\", a=\"1\"}", &[("a", "1")]),
            ("m{a=~\"1.*\", a=\"12\", a=~\".*\"}", &[]),
            ("m{a=\"\"}", &[]),
            ("(m{a=\"1\"}[5m])", &[("a", "1")]),
            ("sum(m{a=\"1\"})", &[]),
        ] {
            let argument = crate::parse(argument).expect(argument);
            assert_eq!(of_absent(&argument), labels(expected), "{argument}");
        }
    }

    #[test]
    fn joining_counts_missing_labels_as_empty() {
        let join = LabelJoin::new("c", "-", &["a", "b", "a"]).expect("valid arguments");
        assert_eq!(join.apply(&labels(&[("a", "1")])), labels(&[("a", "1"), ("c", "1--1")]));
        let nothing = LabelJoin::new("a", "-", &[]).expect("valid arguments");
        assert_eq!(nothing.apply(&labels(&[("a", "1")])), Labels::empty());
    }
}
