//! Vectors that stand in several places: made in the first that is evaluated, kept for the others.
//!
//! What is kept are the series and, between them, what was said while they were made, so that each
//! place says it of its own text, in the order it would say it in. What is kept is charged, and not
//! kept at all if the query holds much already: then each place makes it anew.

use rustc_hash::FxHashMap;

use super::held::Held;
use super::looked::Looked;
use super::series::EvalSeries;
use super::steps::Steps;
use super::{Evaluator, Sink};
use crate::annotation::Severity;
use crate::ast::Span;
use crate::error::EngineError;
use crate::plan::Shared;

/// What came of a shared vector, in order.
pub(super) enum Item {
    Series(EvalSeries),
    Note(Severity, String, Span),
}

/// What is kept of the shared vectors, by their nodes, and what is being recorded, innermost last.
#[derive(Default)]
pub(super) struct Kept {
    vectors: FxHashMap<usize, Vector>,
    recording: Vec<Recording>,
}

/// A vector that is kept.
struct Vector {
    items: Vec<Item>,
    looked: Looked,
    /// For how many places yet.
    places: usize,
    _held: Held,
}

/// A vector that is being made.
struct Recording {
    /// None if too much would be held.
    items: Option<Vec<Item>>,
    /// What stands where in the place that makes it, if that is not the first.
    spans: Vec<(Span, Span)>,
}

impl Evaluator<'_> {
    /// Hands on the series of a vector that stands in several places.
    pub(super) fn feed_shared(
        &self,
        shared: &Shared<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let id = shared.node.id;
        let kept = self.kept.borrow_mut().vectors.remove(&id);
        match kept {
            Some(vector) => self.replay(vector, shared, sink),
            None => self.record(shared, steps, sink),
        }
    }

    fn record(&self, shared: &Shared<'_>, steps: Steps, sink: Sink<'_>) -> Result<(), EngineError> {
        let begun = Recording { items: Some(Vec::new()), spans: shared.spans.clone() };
        self.kept.borrow_mut().recording.push(begun);
        let around = self.looked.replace(self.nothing_looked_at(steps.count));
        let mut held = self.budget.held();
        let result = self.feed(&shared.node, steps, &mut |series| {
            let mut recording = self.kept.borrow_mut().recording.pop();
            if let Some(Recording { items: items @ Some(_), .. }) = &mut recording {
                if self.budget.has_room() && held.series(&series).is_ok() {
                    items.iter_mut().for_each(|all| all.push(Item::Series(series.clone())));
                } else {
                    *items = None;
                    held = self.budget.held();
                }
            }
            // What the node above says while it takes the series is not said of this one.
            let result = sink(series);
            self.kept.borrow_mut().recording.extend(recording);
            result
        });
        let looked = self.looked.replace(around);
        self.looked.borrow_mut().absorb(&looked);
        let recorded = self.kept.borrow_mut().recording.pop();
        result?;
        if let Some(Recording { items: Some(items), .. }) = recorded {
            let places = shared.places - 1;
            let vector = Vector { items, looked, places, _held: held };
            self.kept.borrow_mut().vectors.insert(shared.node.id, vector);
        }
        Ok(())
    }

    fn replay(
        &self,
        mut vector: Vector,
        shared: &Shared<'_>,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        self.looked.borrow_mut().absorb(&vector.looked);
        self.budget.count_read(vector.looked.total);
        vector.places -= 1;
        let is_last = vector.places == 0;
        let items = if is_last { std::mem::take(&mut vector.items) } else { Vec::new() };
        for (at, item) in items.into_iter().enumerate() {
            self.budget.check_at(at)?;
            match item {
                Item::Series(series) => sink(series)?,
                Item::Note(severity, text, span) => self.say(severity, &text, shared.place(span)),
            }
        }
        for (at, item) in vector.items.iter().enumerate() {
            self.budget.check_at(at)?;
            match item {
                Item::Series(series) => sink(series.clone())?,
                Item::Note(severity, text, span) => self.say(*severity, text, shared.place(*span)),
            }
        }
        if !is_last {
            self.kept.borrow_mut().vectors.insert(shared.node.id, vector);
        }
        Ok(())
    }

    /// Notes what is to be said of the expression at `span`, and records it with what is being made.
    pub(super) fn say(&self, severity: Severity, text: &str, mut span: Span) {
        for recording in self.kept.borrow_mut().recording.iter_mut().rev() {
            if let Some(items) = &mut recording.items {
                items.push(Item::Note(severity, text.to_owned(), span));
            }
            let moved = recording.spans.iter().find(|(first, _)| *first == span);
            span = moved.map_or(span, |(_, here)| *here);
        }
        let mut annotations = self.annotations.borrow_mut();
        match severity {
            Severity::Warning => annotations.warn(text, span),
            Severity::Info => annotations.info(text, span),
        }
    }
}
