//! The rule file as it is written: its fields and nothing else. A null is a field left out.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_saphyr::{Spanned, UserMessageFormatter};

use super::error::YamlFault;

/// A text and where it stands.
pub(super) type Text = Spanned<String>;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) groups: Option<Vec<Option<Spanned<Group>>>>,
}

/// One of `groups`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) name: Option<Text>,
    pub(super) interval: Option<Text>,
    pub(super) query_offset: Option<Text>,
    pub(super) limit: Option<Text>,
    #[serde(default)]
    pub(super) labels: Option<Pairs>,
    pub(super) rules: Option<Vec<Option<Spanned<Rule>>>>,
}

/// One of `rules`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) record: Option<Text>,
    pub(super) alert: Option<Text>,
    pub(super) expr: Option<Text>,
    #[serde(rename = "for")]
    pub(super) hold: Option<Text>,
    pub(super) keep_firing_for: Option<Text>,
    #[serde(default)]
    pub(super) labels: Option<Pairs>,
    #[serde(default)]
    pub(super) annotations: Option<Pairs>,
}

/// Names and values in the order of the file, each with its place.
#[derive(Debug, Default)]
pub(super) struct Pairs(pub(super) Vec<(Text, Option<Text>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names with values")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}

/// Reads a file. An empty one has no groups.
pub(super) fn parse(text: &str) -> Result<File, YamlFault> {
    serde_saphyr::from_str::<Option<File>>(text).map(Option::unwrap_or_default).map_err(|error| {
        let error = error.without_snippet();
        let mut message = error.render_with_formatter(&UserMessageFormatter);
        let at = error.location().map(|place| (place.line(), place.column()));
        if let Some((line, column)) = at {
            let place = format!(" at line {line}, column {column}");
            message.truncate(message.strip_suffix(&place).map_or(message.len(), str::len));
        }
        YamlFault { at, message }
    })
}

/// Where a value stands: line and column, from 1.
pub(super) fn place<T>(value: &Spanned<T>) -> (u64, u64) {
    (value.referenced.line(), value.referenced.column())
}
