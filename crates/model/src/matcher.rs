//! Matchers: which series a selector selects.
//!
//! A label that is not there counts as empty. Expressions match whole values ([`crate::re2`]); the
//! shapes that dashboards send most, `a|b|c`, `5.*`, `.+`, are recognised and need no automaton.

use std::fmt;

use crate::Labels;
use crate::labels::{METRIC_NAME, Quoted, is_legacy_label_name};
use crate::re2::{self, RegexError};

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl MatchOp {
    /// The operator as PromQL writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// One condition on one label.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// How to compare.
    pub op: MatchOp,
    /// The label.
    pub name: String,
    /// The text or expression to compare with.
    pub value: String,
    pattern: Pattern,
}

/// What an expression comes down to.
#[derive(Clone, Debug)]
enum Pattern {
    /// One of these texts, sorted.
    OneOf(Vec<String>),
    /// Anything that begins so.
    Prefix(String),
    /// Anything that contains this.
    Contains(String),
    /// Anything, and whether that includes nothing.
    Any { or_empty: bool },
    /// Only the automaton knows.
    Regex(regex::Regex),
}

impl Matcher {
    /// A matcher; fails only if `op` takes an expression and `value` is not one.
    pub fn new(
        op: MatchOp,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, RegexError> {
        let value = value.into();
        let pattern = match op {
            MatchOp::Equal | MatchOp::NotEqual => Pattern::OneOf(vec![value.clone()]),
            MatchOp::Regex | MatchOp::NotRegex => Pattern::of_regex(&value)?,
        };
        Ok(Self { op, name: name.into(), value, pattern })
    }

    /// `name="value"`.
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(MatchOp::Equal, name, value).expect("equality takes any text")
    }

    /// Whether a label of this value passes. A missing label has the empty value.
    pub fn matches(&self, value: &str) -> bool {
        self.pattern.matches(value) != self.is_negative()
    }

    /// Whether a series with these labels passes.
    pub fn matches_labels(&self, labels: &Labels) -> bool {
        self.matches(labels.get(&self.name))
    }

    /// Whether the operator is `!=` or `!~`.
    pub fn is_negative(&self) -> bool {
        matches!(self.op, MatchOp::NotEqual | MatchOp::NotRegex)
    }

    /// Whether series without this label pass.
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }

    /// The only values the pattern can equal, if it is a list of texts. For a negative matcher these
    /// are the values that do not pass.
    pub fn literals(&self) -> Option<&[String]> {
        match &self.pattern {
            Pattern::OneOf(texts) => Some(texts),
            _ => None,
        }
    }

    /// A text that every value the pattern equals begins with; empty where there is none.
    pub fn prefix(&self) -> &str {
        match &self.pattern {
            Pattern::Prefix(prefix) => prefix,
            _ => "",
        }
    }
}

/// Equal operator, name and text.
impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (self.op, &self.name, &self.value) == (other.op, &other.name, &other.value)
    }
}

impl Eq for Matcher {}

/// As in a selector: `job=~"a|b"`.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_legacy_label_name(&self.name) {
            f.write_str(&self.name)?;
        } else {
            write!(f, "{}", Quoted(&self.name))?;
        }
        write!(f, "{}{}", self.op.as_str(), Quoted(&self.value))
    }
}

/// The metric's name that matchers ask for by equality, if they do.
pub fn metric_name(matchers: &[Matcher]) -> Option<&str> {
    matchers
        .iter()
        .find(|m| m.op == MatchOp::Equal && m.name == METRIC_NAME)
        .map(|m| m.value.as_str())
}

/// Whether labels pass all matchers.
pub fn matches_all(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|m| m.matches_labels(labels))
}

impl Pattern {
    fn of_regex(text: &str) -> Result<Self, RegexError> {
        // Compiled even where a simpler shape is found: the shapes below are valid by construction.
        if let Some(simple) = Self::of_simple_regex(text) {
            return Ok(simple);
        }
        // By itself first, so that an error shows the pattern as it was written.
        re2::translate(text)?;
        Ok(Self::Regex(re2::compile_anchored(text)?))
    }

    fn of_simple_regex(text: &str) -> Option<Self> {
        match text {
            ".*" => return Some(Self::Any { or_empty: true }),
            ".+" => return Some(Self::Any { or_empty: false }),
            _ => {}
        }
        if let Some(texts) = text.split('|').map(literal).collect::<Option<Vec<_>>>() {
            let mut texts = texts;
            texts.sort_unstable();
            texts.dedup();
            return Some(Self::OneOf(texts));
        }
        let head = text.strip_suffix(".*")?;
        match head.strip_prefix(".*") {
            Some(middle) => literal(middle).map(Self::Contains),
            None => literal(head).map(Self::Prefix),
        }
    }

    fn matches(&self, value: &str) -> bool {
        match self {
            Self::OneOf(texts) if texts.len() <= 8 => texts.iter().any(|t| t == value),
            Self::OneOf(texts) => texts.binary_search_by(|t| t.as_str().cmp(value)).is_ok(),
            Self::Prefix(prefix) => value.starts_with(prefix.as_str()),
            Self::Contains(part) => value.contains(part.as_str()),
            Self::Any { or_empty } => *or_empty || !value.is_empty(),
            Self::Regex(regex) => regex.is_match(value),
        }
    }
}

/// The text that a pattern without operators stands for; `\.` and the like are undone.
fn literal(pattern: &str) -> Option<String> {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c) if c.is_ascii_punctuation() => text.push(c),
                _ => return None,
            },
            '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => {
                return None;
            }
            c => text.push(c),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn regex(value: &str) -> Matcher {
        Matcher::new(MatchOp::Regex, "a", value).expect("a valid expression")
    }

    #[test]
    fn a_missing_label_counts_as_empty() {
        let none = Labels::empty();
        for (op, value, passes) in [
            (MatchOp::NotEqual, "x", true),
            (MatchOp::Regex, ".*", true),
            (MatchOp::Regex, ".+", false),
            (MatchOp::Equal, "", true),
            (MatchOp::NotRegex, "x|", false),
        ] {
            let m = Matcher::new(op, "a", value).expect("a valid expression");
            assert_eq!(m.matches_labels(&none), passes, "{m}");
        }
    }

    #[test]
    fn escaped_bars_are_text() {
        let m = regex(r"a\|b|c");
        assert!(m.matches("a|b") && m.matches("c") && !m.matches("a"));
    }

    #[test]
    fn a_matcher_prints_as_in_a_selector() {
        assert_eq!(regex("a|b").to_string(), r#"a=~"a|b""#);
        assert_eq!(Matcher::equal("l.d", "x\"").to_string(), r#""l.d"="x\"""#);
    }

    proptest! {
        #[test]
        fn simple_shapes_equal_the_automaton(
            pattern in r"(\.\*)?[ab|]{0,4}(\\\.)?(\.\*|\.\+)?", value in "[ab.\n]{0,4}"
        ) {
            let automaton = re2::compile_anchored(&pattern).expect("a valid expression");
            prop_assert_eq!(regex(&pattern).matches(&value), automaton.is_match(&value));
        }
    }
}
