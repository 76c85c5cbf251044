//! Binary operators: a vector with a scalar, and the set operators.
//!
//! Vectors matched one to one or many to one are joined in [`super::join`]. Set operators look at
//! label signatures step by step, as bitmaps, and never touch labels.

use std::cell::RefCell;

use super::arithmetic::{calculate_all, compare, drops_name};
use super::histograms::{divided, incompatible, scaled};
use super::series::EvalSeries;
use super::signature::Occurrence;
use super::steps::Steps;
use super::{Evaluator, Sink, join};
use crate::ast::{BinaryOp, Matching};
use crate::error::EngineError;
use crate::native::trimmed;
use crate::plan::{BinaryNode, Node};

impl Evaluator<'_> {
    /// Hands on the result of a binary operator with at least one vector.
    pub(super) fn feed_binary(
        &self,
        node: &BinaryNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        match (node.scalars, node.matching) {
            ((_, true), _) => {
                let (scalar, _held) = self.scalar(&node.right, steps)?;
                self.feed_with_scalar(node, &node.left, &scalar, false, steps, sink)
            }
            ((true, _), _) => {
                let (scalar, _held) = self.scalar(&node.left, steps)?;
                self.feed_with_scalar(node, &node.right, &scalar, true, steps, sink)
            }
            (_, Some(matching)) => match node.op {
                BinaryOp::And => self.feed_and(node, matching, true, steps, sink),
                BinaryOp::Unless => self.feed_and(node, matching, false, steps, sink),
                BinaryOp::Or => self.feed_or(node, matching, steps, sink),
                _ => self.feed_joined(node, matching, steps, sink),
            },
            (_, None) => unreachable!("the parser gives two vectors a matching"),
        }
    }

    fn feed_with_scalar(
        &self,
        node: &BinaryNode<'_>,
        vector: &Node<'_>,
        scalar: &[f64],
        scalar_is_left: bool,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let op = node.op;
        let holds = |value: f64, scalar: f64| {
            if scalar_is_left { compare(op, scalar, value) } else { compare(op, value, scalar) }
        };
        self.feed_mapped(vector, steps, sink, &mut |series| {
            if series.histograms.is_some() {
                self.scale_histograms(node, series, scalar, scalar_is_left);
            }
            if matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower) {
                self.drop_floats(node, series);
                return false;
            }
            let column = &mut series.column;
            if node.return_bool {
                column.filter_map_in_place(|step, v| {
                    Some(f64::from(u8::from(holds(v, scalar[step]))))
                });
            } else if op.is_comparison() {
                column.filter_map_in_place(|step, v| holds(v, scalar[step]).then_some(v));
            } else {
                let (left, right) = match scalar_is_left {
                    true => (scalar, column.values()),
                    false => (column.values(), scalar),
                };
                let values = calculate_all(op, left, right);
                column.replace_values(values);
            }
            node.return_bool || drops_name(op)
        })
    }

    /// Multiplies or divides the histograms of a series; any other operator leaves them out.
    fn scale_histograms(
        &self,
        node: &BinaryNode<'_>,
        series: &mut EvalSeries,
        scalar: &[f64],
        scalar_is_left: bool,
    ) {
        match node.op {
            BinaryOp::Mul => series.map_histograms(|step, h| scaled(h, scalar[step])),
            BinaryOp::Div if !scalar_is_left => {
                series.map_histograms(|step, h| divided(h, scalar[step]));
            }
            BinaryOp::TrimUpper if !scalar_is_left => {
                series.map_histograms(|step, h| trimmed(h, scalar[step], true));
            }
            BinaryOp::TrimLower if !scalar_is_left => {
                series.map_histograms(|step, h| trimmed(h, scalar[step], false));
            }
            op => {
                if series.drop_histograms() {
                    let (histogram, float) = ("histogram", "float");
                    let (left, right) =
                        if scalar_is_left { (float, histogram) } else { (histogram, float) };
                    self.info(incompatible(op, left, right), node.span);
                }
            }
        }
    }

    /// Leaves floats out where an operator makes sense of histograms only.
    fn drop_floats(&self, node: &BinaryNode<'_>, series: &mut EvalSeries) {
        let histograms: Vec<usize> =
            series.histograms.iter().flat_map(|all| all.iter().map(|(step, _)| step)).collect();
        let mut any = false;
        series.column.filter_map_in_place(|step, value| {
            let is_histogram = histograms.binary_search(&step).is_ok();
            any |= !is_histogram;
            is_histogram.then_some(value)
        });
        if any {
            self.info(incompatible(node.op, "float", "float"), node.span);
        }
    }

    /// `and` (`keep`), `unless` (not `keep`).
    fn feed_and(
        &self,
        node: &BinaryNode<'_>,
        matching: &Matching,
        keep: bool,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let (mut right, mut held) = (Occurrence::new(matching), self.budget.held());
        self.feed(&node.right, steps, &mut |series| right.note(&series, &mut held))?;
        self.feed(&node.left, steps, &mut |mut series| {
            match (right.of(&series.labels), keep) {
                (Some(mask), true) => series.column.keep(mask),
                (Some(mask), false) => series.column.drop_steps(mask),
                (None, true) => return Ok(()),
                (None, false) => {}
            }
            sink(series)
        })
    }

    fn feed_or(
        &self,
        node: &BinaryNode<'_>,
        matching: &Matching,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let mut left = Occurrence::new(matching);
        let (mut all, mut held) = self.collect(&node.left, steps)?;
        for (at, series) in all.iter().enumerate() {
            self.budget.check_at(at)?;
            left.note(series, &mut held)?;
        }
        let (right, right_held) = self.collect(&node.right, steps)?;
        held.absorb(right_held);
        for (at, mut series) in right.into_iter().enumerate() {
            self.budget.check_at(at)?;
            if let Some(mask) = left.of(&series.labels) {
                series.column.drop_steps(mask);
            }
            all.push(series);
        }
        self.rejoin((all, held), sink)
    }

    fn feed_joined(
        &self,
        node: &BinaryNode<'_>,
        matching: &Matching,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let (left, left_held) = self.collect(&node.left, steps)?;
        let (right, right_held) = self.collect(&node.right, steps)?;
        self.budget.check()?;
        let join = join::Join {
            op: node.op,
            return_bool: node.return_bool,
            matching,
            delayed_names: self.delayed_names,
            budget: self.budget,
            notes: RefCell::default(),
        };
        let (joined, held) = join.run(&left, &right)?;
        for (is_warning, text) in join.notes.take() {
            if is_warning { self.warn(text, node.span) } else { self.info(text, node.span) }
        }
        drop((left, left_held, right, right_held, held));
        Self::emit(joined, sink)
    }
}
