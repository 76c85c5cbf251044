//! Annotations: what a query's author should know about an answer that is not an error.
//!
//! A warning says that the answer may be wrong, an info that it may not be what was meant. Texts are
//! Prometheus's, with the place of the expression they are about. Equal texts count once, at the
//! place where they came up last.

use std::fmt::Write;

use rustc_hash::FxHashMap;

use crate::ast::Span;

/// What warnings begin with.
const WARNING: &str = "PromQL warning: ";
/// What infos begin with.
const INFO: &str = "PromQL info: ";
/// At most so many of each kind are told; of the others only their number.
const MOST_TOLD: usize = 10;

/// How grave an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The answer may be wrong.
    Warning,
    /// The answer may not be what was meant.
    Info,
}

/// One annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Annotation {
    severity: Severity,
    text: String,
    /// What it is about; `None` if it is about no expression.
    span: Option<Span>,
}

/// The annotations of an answer, each text once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    all: Vec<Annotation>,
    /// Where each text stands.
    places: FxHashMap<String, usize>,
}

impl Annotations {
    /// Adds a warning about the expression at `span`; `text` comes without its prefix.
    pub fn warn(&mut self, text: impl AsRef<str>, span: Span) {
        let text = format!("{WARNING}{}", text.as_ref());
        self.add(Annotation { severity: Severity::Warning, text, span: Some(span) });
    }

    /// Adds an info about the expression at `span`; `text` comes without its prefix.
    pub fn info(&mut self, text: impl AsRef<str>, span: Span) {
        let text = format!("{INFO}{}", text.as_ref());
        self.add(Annotation { severity: Severity::Info, text, span: Some(span) });
    }

    /// Adds a warning that is not about the query's text, such as one of the store.
    pub fn warn_plain(&mut self, text: impl Into<String>) {
        self.add(Annotation { severity: Severity::Warning, text: text.into(), span: None });
    }

    /// Takes over all of `other`.
    pub fn merge(&mut self, other: Self) {
        for annotation in other.all {
            self.add(annotation);
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The warnings, with places in `query`, the text that was evaluated.
    pub fn warnings(&self, query: &str) -> Vec<String> {
        self.told(Severity::Warning, query)
    }

    /// The infos, with places in `query`, the text that was evaluated.
    pub fn infos(&self, query: &str) -> Vec<String> {
        self.told(Severity::Info, query)
    }

    fn add(&mut self, annotation: Annotation) {
        match self.places.get(&annotation.text) {
            Some(place) => self.all[*place] = annotation,
            None => {
                self.places.insert(annotation.text.clone(), self.all.len());
                self.all.push(annotation);
            }
        }
    }

    fn told(&self, severity: Severity, query: &str) -> Vec<String> {
        let all = self.all.iter().filter(|a| a.severity == severity);
        let mut told: Vec<String> =
            all.clone().take(MOST_TOLD).map(|a| with_place(a, query)).collect();
        let count = all.count();
        if count > MOST_TOLD {
            let kind = match severity {
                Severity::Warning => "warning",
                Severity::Info => "info",
            };
            told.push(format!("{} more {kind} annotations omitted", count - MOST_TOLD));
        }
        told
    }
}

fn with_place(annotation: &Annotation, query: &str) -> String {
    let mut text = annotation.text.clone();
    if let Some(span) = annotation.span {
        let (line, column) = place(query, span.start);
        write!(text, " ({line}:{column})").expect("a String takes everything");
    }
    text
}

/// Line and column of a byte, both from 1; the column counts bytes.
fn place(query: &str, at: usize) -> (usize, usize) {
    let before = &query.as_bytes()[..at.min(query.len())];
    let line = 1 + before.iter().filter(|b| **b == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|b| **b != b'\n').count();
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: usize) -> Span {
        Span { start, end: start + 1 }
    }

    #[test]
    fn equal_texts_count_once_where_they_came_up_last() {
        let mut annotations = Annotations::default();
        annotations.warn("odd", at(0));
        annotations.info("odd", at(0));
        annotations.warn("odd", at(5));
        assert_eq!(annotations.warnings("a +\n b"), ["PromQL warning: odd (2:2)"]);
        assert_eq!(annotations.infos("a +\n b"), ["PromQL info: odd (1:1)"]);
    }

    #[test]
    fn what_is_beyond_ten_is_counted() {
        let mut annotations = Annotations::default();
        for i in 0..12 {
            annotations.info(format!("number {i}"), at(0));
        }
        let told = annotations.infos("x");
        assert_eq!((told.len(), told[10].as_str()), (11, "2 more info annotations omitted"));
    }
}
