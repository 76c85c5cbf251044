//! Go's text/template as alerts use it.
//!
//! An alert's labels and annotations are templates: text with `{{ ... }}` actions that see the
//! labels and value of the alert and may ask further queries. [`expand`] runs one, [`check`] only
//! reads it. In reading order: text becomes tokens (`token`), these become a tree (`tree`, `parse`,
//! `literal`), and `execute` walks the tree over values (`value`) with the `functions`; `format`,
//! `decimal` and `date` write values as Go does.
//!
//! Always true: a template cannot do anything but return text; it ends, because its steps, depth
//! and output are limited ([`Limits`]); the same input gives the same output. This crate asks no
//! clock and no database: the time and the query function are handed in.
//!
//! Differences from Prometheus, on purpose: printing a whole query result shows its elements and
//! not their addresses, imaginary numbers are refused, and the functions of newer versions (`now`,
//! `toDuration`, `urlQueryEscape`) and of console templates (`tmpl`) are there too.

mod date;
mod decimal;
mod execute;
mod format;
mod functions;
mod literal;
mod parse;
mod token;
mod tree;
mod value;

use execute::Executor;
use model::Labels;

/// What a template can see.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// The labels of the alert: `$labels` and `.Labels`.
    pub labels: &'a Labels,
    /// The labels that this server adds to all it sends: `$externalLabels` and `.ExternalLabels`.
    pub external_labels: &'a Labels,
    /// Where this server is seen from outside: `$externalURL` and `.ExternalURL`.
    pub external_url: &'a str,
    /// The value of the alert's expression: `$value` and `.Value`.
    pub value: f64,
}

/// One element of the instant vector that a query returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// The series.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

/// Answers the template's `query` function at the time of the alert. The error is shown as it is.
pub type QueryFn<'a> = dyn FnMut(&str) -> Result<Vec<Element>, String> + 'a;

/// How far a template may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest output, and the longest text that any function may return, in bytes.
    pub output_bytes: usize,
    /// The number of steps. An action or an iteration is a step; a query is 1000; 16 bytes of text
    /// that a function returns are one.
    pub steps: usize,
    /// How deep actions, parentheses and templates may be nested in each other at run time. What is
    /// written deeper than [`Limits::WRITTEN_DEPTH`] is not read at all.
    pub depth: usize,
}

impl Limits {
    /// How deep actions and parentheses may be nested in a template's text.
    pub const WRITTEN_DEPTH: usize = 64;
}

/// 1 MiB of text, a million steps, 64 levels: far more than an alert needs, less than a second.
impl Default for Limits {
    fn default() -> Self {
        Self { output_bytes: 1 << 20, steps: 1_000_000, depth: 64 }
    }
}

/// What an expansion depends on besides its data.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The path part of the external URL: `pathPrefix`.
    pub path_prefix: &'a str,
    /// The time of the evaluation, in ms since 1970: `now`.
    pub now_ms: i64,
    /// How far the template may go.
    pub limits: Limits,
}

/// A template that cannot be read or did not run to its end, in Go's and Prometheus's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// [`check`] found that the text is no template.
    #[error("{0}")]
    Check(String),
    /// [`expand`] was given a text that is no template.
    #[error("error parsing template {name}: {message}")]
    Parse {
        /// The template.
        name: String,
        /// The line and what is wrong there.
        message: String,
    },
    /// The template stopped.
    #[error("error executing template {name}: {message}")]
    Execute {
        /// The template.
        name: String,
        /// The line, the column, the action, and what went wrong there.
        message: String,
    },
}

/// The definitions that stand before each template. Columns in errors count them, as in
/// Prometheus.
const DEFINITIONS: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                           {{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// Runs the template `text` on `data`.
///
/// `name` occurs in errors only. `query` is called for each use of the template's `query` function.
pub fn expand(
    name: &str,
    text: &str,
    data: &Data<'_>,
    options: &Options<'_>,
    query: &mut QueryFn<'_>,
) -> Result<String, TemplateError> {
    // Most labels and many annotations are plain text.
    if !text.contains("{{") && text.len() <= options.limits.output_bytes {
        return Ok(text.to_owned());
    }
    let text = format!("{DEFINITIONS}{text}");
    let templates = parse::parse(name, &text)
        .map_err(|message| TemplateError::Parse { name: name.to_owned(), message })?;
    Executor::new(name, &text, &templates, data, options, query)
        .run()
        .map_err(|message| TemplateError::Execute { name: name.to_owned(), message })
}

/// Whether `text` can be read as a template and names only functions and variables that exist.
pub fn check(name: &str, text: &str) -> Result<(), TemplateError> {
    let text = format!("{DEFINITIONS}{text}");
    parse::parse(name, &text).map(drop).map_err(TemplateError::Check)
}
