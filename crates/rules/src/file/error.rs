//! What is wrong with a rule file, and where. Words are Prometheus's where it has some.

use std::fmt;
use std::path::{Path, PathBuf};

use model::labels::Quoted;
use model::time::DurationError;
use promql::ParseError;
use template::TemplateError;

use super::RULE_FILE_LIMIT_BYTES;

/// One thing that is wrong with a rule file.
#[derive(Debug)]
pub struct RuleFileError {
    /// The file.
    pub path: PathBuf,
    /// Line and column, from 1; `None` if it is about the whole file.
    pub at: Option<(u64, u64)>,
    /// The rule it is about, if it is about one.
    pub rule: Option<RulePlace>,
    /// What is wrong.
    pub fault: RuleFault,
}

/// Which rule of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePlace {
    /// The name of its group.
    pub group: String,
    /// Its number within the group, from 1.
    pub number: usize,
    /// What it records, or the alert; empty if it says neither.
    pub name: String,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum RuleFault {
    /// The file cannot be read.
    #[error("cannot read rule file: {0}")]
    Io(#[source] std::io::Error),
    /// It is too large to be one.
    #[error("rule file has {size} bytes, the limit is {RULE_FILE_LIMIT_BYTES}")]
    TooLarge {
        /// Its bytes.
        size: u64,
    },
    /// It is no YAML, or not of the right shape.
    #[error("yaml: {0}")]
    Yaml(String),
    /// A group without a name.
    #[error("Groupname must not be empty")]
    NoGroupName,
    /// Two groups of the same name.
    #[error("groupname: {} is repeated in the same file", Quoted(.0))]
    RepeatedGroup(String),
    /// Not a duration.
    #[error("invalid field '{field}': {source}")]
    Duration {
        /// Of which field.
        field: &'static str,
        /// What is wrong with it.
        source: DurationError,
    },
    /// Not a whole number.
    #[error("invalid field 'limit': not a whole number: {}", Quoted(.0))]
    Limit(String),
    /// Both kinds of rule at once.
    #[error("only one of 'record' and 'alert' must be set")]
    BothKinds,
    /// No kind of rule at all.
    #[error("one of 'record' or 'alert' must be set")]
    NoKind,
    /// A rule that evaluates nothing.
    #[error("field 'expr' must be set in rule")]
    NoExpr,
    /// The expression does not parse.
    #[error("could not parse expression: {0}")]
    Expr(#[source] ParseError),
    /// A field that a recording rule does not have.
    #[error("invalid field '{0}' in recording rule")]
    NotInRecording(&'static str),
    /// An expression in the place of a name.
    #[error("braces present in the recording rule name; should it be in expr?: {0}")]
    Braces(String),
    /// Not the name of a label of series or alerts.
    #[error("invalid label name: {0}")]
    LabelName(String),
    /// Not the name of an annotation.
    #[error("invalid annotation name: {0}")]
    AnnotationName(String),
    /// A template that does not parse.
    #[error("{kind} {}: {source}", Quoted(.name))]
    Template {
        /// `label` or `annotation`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: TemplateError,
    },
}

/// `rules.yml: 7:11: group "g", rule 2, "High": could not parse expression: ...`
impl fmt::Display for RuleFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        if let Some((line, column)) = self.at {
            write!(f, "{line}:{column}: ")?;
        }
        if let Some(RulePlace { group, number, name }) = &self.rule {
            write!(f, "group {}, rule {number}, {}: ", Quoted(group), Quoted(name))?;
        }
        fmt::Display::fmt(&self.fault, f)
    }
}

impl std::error::Error for RuleFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.fault)
    }
}

/// A fault and its place in the text, before the file is known.
#[derive(Debug)]
pub(super) struct YamlFault {
    pub(super) at: Option<(u64, u64)>,
    pub(super) message: String,
}

impl YamlFault {
    pub(super) fn at(self, path: &Path) -> RuleFileError {
        let fault = RuleFault::Yaml(self.message);
        RuleFileError { path: path.to_owned(), at: self.at, rule: None, fault }
    }
}
