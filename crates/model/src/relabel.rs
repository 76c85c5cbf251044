//! Relabelling: rules that rewrite, keep or drop a set of labels.
//!
//! One pure function, [`apply`], from labels and rules to labels or nothing. Rules are checked once,
//! by [`RelabelRule::new`], with Prometheus's own complaints.

use std::fmt;
use std::sync::Arc;

use md5::{Digest, Md5};

use crate::Labels;
use crate::LabelsBuilder;
use crate::labels::Quoted;
use crate::re2::{self, RegexError};

/// What a rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Sets the target to the expanded replacement if the expression matches.
    #[default]
    Replace,
    /// Sets the target to the source in lower case.
    Lowercase,
    /// Sets the target to the source in upper case.
    Uppercase,
    /// Keeps only what matches.
    Keep,
    /// Drops what matches.
    Drop,
    /// Keeps only where source and target are equal.
    KeepEqual,
    /// Drops where source and target are equal.
    DropEqual,
    /// Sets the target to the MD5 of the source, modulo `modulus`.
    HashMod,
    /// Copies labels whose name matches to the expanded replacement.
    LabelMap,
    /// Drops labels whose name matches.
    LabelDrop,
    /// Drops labels whose name does not match.
    LabelKeep,
}

/// Every action with its name in the configuration file.
const ACTIONS: [(&str, Action); 11] = [
    ("replace", Action::Replace),
    ("lowercase", Action::Lowercase),
    ("uppercase", Action::Uppercase),
    ("keep", Action::Keep),
    ("drop", Action::Drop),
    ("keepequal", Action::KeepEqual),
    ("dropequal", Action::DropEqual),
    ("hashmod", Action::HashMod),
    ("labelmap", Action::LabelMap),
    ("labeldrop", Action::LabelDrop),
    ("labelkeep", Action::LabelKeep),
];

impl Action {
    /// The action of that name, in any case.
    pub fn parse(name: &str) -> Result<Self, RelabelError> {
        let lower = name.to_lowercase();
        ACTIONS
            .iter()
            .find(|(n, _)| *n == lower)
            .map(|(_, action)| *action)
            .ok_or_else(|| RelabelError::UnknownAction(name.to_owned()))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ACTIONS.iter().find(|(_, action)| action == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// A rule as the configuration file gives it, with Prometheus's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelabelConfig {
    /// Labels whose values, joined, are the source.
    pub source_labels: Vec<String>,
    /// What joins them.
    pub separator: String,
    /// What the source must match, whole.
    pub regex: String,
    /// For [`Action::HashMod`].
    pub modulus: u64,
    /// The label that is set; may refer to groups of `regex`.
    pub target_label: String,
    /// The value it is set to; may refer to groups of `regex`.
    pub replacement: String,
    /// What to do.
    pub action: Action,
}

impl Default for RelabelConfig {
    fn default() -> Self {
        Self {
            source_labels: Vec::new(),
            separator: ";".to_owned(),
            regex: "(.*)".to_owned(),
            modulus: 0,
            target_label: String::new(),
            replacement: "$1".to_owned(),
            action: Action::Replace,
        }
    }
}

/// A rule that makes no sense, in Prometheus's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelabelError {
    /// No such action.
    #[error("unknown relabel action {}", Quoted(.0))]
    UnknownAction(String),
    /// The expression is none.
    #[error(transparent)]
    Regex(#[from] RegexError),
    /// `hashmod` without a modulus.
    #[error("relabel configuration for hashmod requires non-zero modulus")]
    NoModulus,
    /// The action needs a target.
    #[error("relabel configuration for {0} action requires 'target_label' value")]
    NoTarget(Action),
    /// The target can not be a label's name.
    #[error("{} is invalid 'target_label' for {action} action", Quoted(.target))]
    InvalidTarget {
        /// The name.
        target: String,
        /// The action.
        action: Action,
    },
    /// The replacement of `labelmap` can not be a label's name.
    #[error("{} is invalid 'replacement' for {action} action", Quoted(.replacement))]
    InvalidReplacement {
        /// The name.
        replacement: String,
        /// The action.
        action: Action,
    },
    /// `keepequal` and `dropequal` take two fields.
    #[error("{0} action requires only 'source_labels' and `target_label`, and no other fields")]
    OnlySourceAndTarget(Action),
    /// `labeldrop` and `labelkeep` take one field.
    #[error("{0} action requires only 'regex', and no other fields")]
    OnlyRegex(Action),
}

/// A rule that was checked and can be applied. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RelabelRule(Arc<(RelabelConfig, regex::Regex)>);

impl PartialEq for RelabelRule {
    fn eq(&self, other: &Self) -> bool {
        self.config() == other.config()
    }
}

impl RelabelRule {
    /// Checks a rule.
    pub fn new(config: RelabelConfig) -> Result<Self, RelabelError> {
        check(&config)?;
        let regex = re2::compile_anchored(&config.regex)?;
        Ok(Self(Arc::new((config, regex))))
    }

    /// What it was made from.
    pub fn config(&self) -> &RelabelConfig {
        &self.0.0
    }
}

fn check(config: &RelabelConfig) -> Result<(), RelabelError> {
    use Action as A;
    let RelabelConfig { action, target_label: target, replacement, .. } = config;
    let action = *action;
    let default = RelabelConfig::default();
    if action == A::HashMod && config.modulus == 0 {
        return Err(RelabelError::NoModulus);
    }
    let wants_target = matches!(
        action,
        A::Replace | A::HashMod | A::Lowercase | A::Uppercase | A::KeepEqual | A::DropEqual
    );
    if wants_target && target.is_empty() {
        return Err(RelabelError::NoTarget(action));
    }
    // Any non-empty text is a label name since UTF-8 names; only a template may turn out empty.
    if action == A::LabelMap && replacement.is_empty() {
        let replacement = replacement.clone();
        return Err(RelabelError::InvalidReplacement { replacement, action });
    }
    let plain = config.modulus == default.modulus
        && config.separator == default.separator
        && *replacement == default.replacement;
    if matches!(action, A::KeepEqual | A::DropEqual) && !(plain && config.regex == default.regex) {
        return Err(RelabelError::OnlySourceAndTarget(action));
    }
    let only_regex = plain && config.source_labels.is_empty() && target.is_empty();
    if matches!(action, A::LabelDrop | A::LabelKeep) && !only_regex {
        return Err(RelabelError::OnlyRegex(action));
    }
    Ok(())
}

/// The labels after all rules; `None` if one of them drops the set.
pub fn apply(rules: &[RelabelRule], labels: &Labels) -> Option<Labels> {
    if rules.is_empty() {
        return Some(labels.clone());
    }
    let mut builder = labels.to_builder();
    apply_to(rules, &mut builder).then(|| builder.build())
}

/// The same on a builder; `false` if the set is dropped.
pub fn apply_to(rules: &[RelabelRule], labels: &mut LabelsBuilder) -> bool {
    rules.iter().all(|rule| apply_rule(rule, labels))
}

fn apply_rule(rule: &RelabelRule, labels: &mut LabelsBuilder) -> bool {
    let (config, regex) = &*rule.0;
    let source = || {
        let values: Vec<&str> = config.source_labels.iter().map(|name| labels.get(name)).collect();
        values.join(&config.separator)
    };
    let target = config.target_label.as_str();
    match config.action {
        Action::Keep => return regex.is_match(&source()),
        Action::Drop => return !regex.is_match(&source()),
        Action::KeepEqual => return source() == labels.get(target),
        Action::DropEqual => return source() != labels.get(target),
        Action::Replace => {
            let source = source();
            replace(config, regex, &source, labels);
        }
        Action::Lowercase => {
            let lower = source().to_lowercase();
            labels.set(target, lower);
        }
        Action::Uppercase => {
            let upper = source().to_uppercase();
            labels.set(target, upper);
        }
        Action::HashMod => {
            let digest = Md5::digest(source().as_bytes());
            let tail: [u8; 8] = digest[8..].try_into().expect("MD5 has sixteen bytes");
            labels.set(target, (u64::from_be_bytes(tail) % config.modulus).to_string());
        }
        Action::LabelMap => {
            let before: Vec<(String, String)> =
                labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            for (name, value) in before.iter().filter(|(name, _)| regex.is_match(name)) {
                labels.set(regex.replace(name, config.replacement.as_str()), value.as_str());
            }
        }
        Action::LabelDrop => {
            labels.retain(|name| !regex.is_match(name));
        }
        Action::LabelKeep => {
            labels.retain(|name| regex.is_match(name));
        }
    }
    true
}

fn replace(config: &RelabelConfig, regex: &regex::Regex, source: &str, labels: &mut LabelsBuilder) {
    let Some(groups) = regex.captures(source) else {
        return;
    };
    let (mut target, mut value) = (String::new(), String::new());
    groups.expand(&config.target_label, &mut target);
    groups.expand(&config.replacement, &mut value);
    if !target.is_empty() {
        labels.set(target, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(set: impl FnOnce(&mut RelabelConfig)) -> Result<RelabelRule, RelabelError> {
        let mut config = RelabelConfig::default();
        set(&mut config);
        RelabelRule::new(config)
    }

    fn check_rule(set: impl FnOnce(&mut RelabelConfig), before: &str, after: Option<&str>) {
        let labels = |text: &str| {
            Labels::from_pairs(text.split_whitespace().filter_map(|pair| pair.split_once('=')))
        };
        let rule = rule(set).expect("a valid rule");
        assert_eq!(apply(&[rule], &labels(before)), after.map(labels));
    }

    #[test]
    fn replace_expands_groups_in_target_and_value() {
        let set = |c: &mut RelabelConfig| {
            c.source_labels = vec!["a".into(), "b".into()];
            c.regex = "(.+);(?P<x>.+)".into();
            c.target_label = "t_$1".into();
            c.replacement = "${x}!$$".into();
        };
        check_rule(set, "a=foo b=bar", Some("a=foo b=bar t_foo=bar!$"));
        check_rule(set, "a=foo", Some("a=foo"));
    }

    #[test]
    fn an_empty_replacement_removes_the_target() {
        let set = |c: &mut RelabelConfig| {
            c.target_label = "a".into();
            c.replacement = String::new();
        };
        check_rule(set, "a=1 b=2", Some("b=2"));
    }

    #[test]
    fn keep_and_drop_decide_on_the_joined_source() {
        let with = |action| {
            move |c: &mut RelabelConfig| {
                c.source_labels = vec!["a".into(), "b".into()];
                c.separator = "-".into();
                c.regex = "1-2".into();
                c.action = action;
            }
        };
        check_rule(with(Action::Keep), "a=1 b=2", Some("a=1 b=2"));
        check_rule(with(Action::Keep), "a=1 b=3", None);
        check_rule(with(Action::Drop), "a=1 b=2", None);
        check_rule(with(Action::Drop), "b=2", Some("b=2"));
    }

    #[test]
    fn keepequal_and_dropequal_compare_with_the_target() {
        let with = |action| {
            move |c: &mut RelabelConfig| {
                c.source_labels = vec!["a".into()];
                c.target_label = "b".into();
                c.action = action;
            }
        };
        check_rule(with(Action::KeepEqual), "a=1 b=1", Some("a=1 b=1"));
        check_rule(with(Action::KeepEqual), "a=1 b=2", None);
        check_rule(with(Action::DropEqual), "a=1 b=1", None);
    }

    #[test]
    fn hashmod_is_prometheus_s_hash() {
        // Prometheus's own relabel test: md5("baz"), modulo 1000.
        let set = |c: &mut RelabelConfig| {
            c.source_labels = vec!["c".into()];
            c.target_label = "d".into();
            c.separator = ";".into();
            c.action = Action::HashMod;
            c.modulus = 1000;
        };
        check_rule(set, "a=foo b=bar c=baz", Some("a=foo b=bar c=baz d=976"));
    }

    #[test]
    fn label_actions_look_at_names() {
        check_rule(
            |c| {
                c.regex = "__meta_(.+)".into();
                c.action = Action::LabelMap;
            },
            "__meta_x=1 b=2",
            Some("__meta_x=1 x=1 b=2"),
        );
        let named = |action| {
            move |c: &mut RelabelConfig| {
                c.regex = "a.*".into();
                c.action = action;
            }
        };
        check_rule(named(Action::LabelDrop), "a1=1 b=2", Some("b=2"));
        check_rule(named(Action::LabelKeep), "a1=1 b=2", Some("a1=1"));
    }

    #[test]
    fn cases_change_with_the_action() {
        let with = |action| {
            move |c: &mut RelabelConfig| {
                c.source_labels = vec!["a".into()];
                c.target_label = "b".into();
                c.action = action;
            }
        };
        check_rule(with(Action::Lowercase), "a=FoO", Some("a=FoO b=foo"));
        check_rule(with(Action::Uppercase), "a=FoO", Some("a=FoO b=FOO"));
    }

    #[test]
    fn rules_that_make_no_sense_are_refused_in_prometheus_s_words() {
        let message = |set: fn(&mut RelabelConfig)| rule(set).expect_err("must fail").to_string();
        assert_eq!(
            message(|_| {}),
            "relabel configuration for replace action requires 'target_label' value"
        );
        assert_eq!(
            message(|c| {
                c.action = Action::HashMod;
                c.target_label = "a".into();
            }),
            "relabel configuration for hashmod requires non-zero modulus"
        );
        assert_eq!(
            message(|c| {
                c.action = Action::LabelDrop;
                c.source_labels = vec!["a".into()];
            }),
            "labeldrop action requires only 'regex', and no other fields"
        );
        assert_eq!(
            message(|c| {
                c.target_label = "a".into();
                c.regex = "(".into();
            }),
            "error parsing regexp: missing closing ): `^(?s:()$`"
        );
        assert_eq!(
            Action::parse("frob").expect_err("must fail").to_string(),
            "unknown relabel action \"frob\""
        );
    }
}
