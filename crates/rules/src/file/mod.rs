//! The rule file: YAML to groups of rules, checked on the way.
//!
//! Strict as Prometheus: an unknown or repeated field, an expression or template that does not
//! parse, a group's name given twice are errors, and all of them are told, each with file, line,
//! column and field. (Only what is no YAML, or not of the right shape, ends the reading at once.)
//! A file has at most [`RULE_FILE_LIMIT_BYTES`]. This is the only place that knows YAML.

mod check;
mod error;
mod yaml;

use std::path::{Path, PathBuf};

pub use error::{RuleFault, RuleFileError, RulePlace};

use promql::ParserOptions;

use crate::definition::RuleGroup;

/// A rule file may have so many bytes, 64 MiB: enough for a hundred thousand rules.
pub const RULE_FILE_LIMIT_BYTES: u64 = 64 << 20;

/// A file of rules, parsed and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its groups, in order.
    pub groups: Vec<RuleGroup>,
}

impl RuleFile {
    /// The rules in `text`, which stands in the file at `path`. Expressions are of the language that
    /// `parser` says.
    pub fn parse(
        path: &Path,
        text: &str,
        parser: ParserOptions,
    ) -> Result<Self, Vec<RuleFileError>> {
        let fail = |error: RuleFileError| vec![error];
        let file = yaml::parse(text).map_err(|fault| fail(fault.at(path)))?;
        let mut checker = check::Checker::new(path, parser);
        let groups = checker.groups(file);
        let errors = checker.into_errors();
        if errors.is_empty() { Ok(Self { path: path.to_owned(), groups }) } else { Err(errors) }
    }

    /// The rules in the file at `path`.
    pub fn read(path: &Path, parser: ParserOptions) -> Result<Self, Vec<RuleFileError>> {
        let fail =
            |fault| vec![RuleFileError { path: path.to_owned(), at: None, rule: None, fault }];
        let size = std::fs::metadata(path).map_err(|e| fail(RuleFault::Io(e)))?.len();
        if size > RULE_FILE_LIMIT_BYTES {
            return Err(fail(RuleFault::TooLarge { size }));
        }
        let text = std::fs::read_to_string(path).map_err(|e| fail(RuleFault::Io(e)))?;
        Self::parse(path, &text, parser)
    }
}

#[cfg(test)]
mod tests;
