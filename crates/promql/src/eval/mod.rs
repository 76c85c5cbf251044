//! Evaluation: a plan's nodes turn series into columns of step values, all steps at once.
//!
//! `Evaluator::feed` hands the series of a vector, one after the other, to a sink; what can be done
//! series by series is done so, and only what needs the whole vector collects it first. Series come
//! in the order of the store, whatever the number of cores: reading is spread over them in runs, the
//! sinks run in order on one thread. No arithmetic stands here.

pub mod aggregate;
pub mod arithmetic;
mod binary;
pub mod budget;
mod buffers;
mod call;
pub mod column;
pub(crate) mod fold;
pub mod held;
mod histogram_sums;
pub mod histograms;
mod info;
mod join;
pub mod looked;
mod pick;
pub(crate) mod power;
pub mod profile;
mod raw;
mod reader;
mod relabel;
mod sample_times;
mod select;
pub mod series;
mod shared;
mod signature;
mod smoothed;
mod special;
pub mod steps;
mod subquery;
pub mod window;

use std::cell::RefCell;

use storage::Querier;

use crate::annotation::{Annotations, Severity};
use crate::ast::Span;
use crate::error::EngineError;
use crate::plan::{Node, Op};
use budget::Budget;
use column::Column;
use held::Held;
use looked::Looked;
use profile::Profile;
use series::{EvalSeries, drop_name, join_equal};
use shared::Kept;
use steps::Steps;

pub use reader::read_ranges;

/// Takes the series of a vector one by one.
pub(crate) type Sink<'s> = &'s mut dyn FnMut(EvalSeries) -> Result<(), EngineError>;

/// A scalar at each step, and what it is charged.
pub type Scalar = (Vec<f64>, Held);

/// The series of a vector, and what they are charged.
pub type Collected = (Vec<EvalSeries>, Held);

/// Evaluates the nodes of one plan.
pub struct Evaluator<'q> {
    /// The view of the store; `None` if the plan reads nothing.
    pub(crate) querier: Option<&'q dyn Querier>,
    /// What the query may use.
    pub(crate) budget: &'q Budget,
    /// Whether names are dropped at the very end only.
    pub(crate) delayed_names: bool,
    /// Whether it matters since when samples count.
    pub(crate) use_start_timestamps: bool,
    /// Where costs are noted, if anybody asks for them.
    pub(crate) profile: Option<&'q Profile<'q>>,
    /// What was looked at so far.
    looked: RefCell<Looked>,
    /// What is kept of vectors that stand in several places.
    kept: RefCell<Kept>,
    annotations: RefCell<Annotations>,
}

impl<'q> Evaluator<'q> {
    /// An evaluator for one query.
    pub fn new(
        querier: Option<&'q dyn Querier>,
        budget: &'q Budget,
        delayed_names: bool,
        use_start_timestamps: bool,
    ) -> Self {
        Self {
            querier,
            budget,
            delayed_names,
            use_start_timestamps,
            profile: None,
            looked: RefCell::default(),
            kept: RefCell::default(),
            annotations: RefCell::default(),
        }
    }

    /// The same, which notes in `profile` what each node costs.
    #[must_use]
    pub fn profiled(self, profile: Option<&'q Profile<'q>>) -> Self {
        Self { profile, ..self }
    }

    /// The same, which counts the samples looked at for each of so many steps.
    #[must_use]
    pub fn counting(self, steps: Option<usize>) -> Self {
        Self { looked: RefCell::new(Looked::none(steps)), ..self }
    }

    /// What came up while evaluating, and how many samples were looked at.
    pub fn finish(self) -> (Annotations, Looked) {
        (self.annotations.into_inner(), self.looked.into_inner())
    }

    /// The whole of a vector, and what it is charged.
    pub fn collect(&self, node: &Node<'_>, steps: Steps) -> Result<Collected, EngineError> {
        let (mut all, mut held) = (Vec::new(), self.budget.held());
        self.feed(node, steps, &mut |series| {
            if !series.column.is_empty() {
                held.series(&series)?;
                all.push(series);
            }
            Ok(())
        })?;
        Ok((all, held))
    }

    /// Hands the series of a vector to `sink`. A series may be without any value.
    pub(crate) fn feed(
        &self,
        node: &Node<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        self.budget.check()?;
        self.budget.allow_steps(steps)?;
        match self.profile {
            // Not through a closure: trees are deep, and stacks are not.
            None => self.feed_op(node, steps, sink),
            Some(_) => self.measured(node, sink, |sink| self.feed_op(node, steps, sink)),
        }
    }

    fn feed_op(&self, node: &Node<'_>, steps: Steps, sink: Sink<'_>) -> Result<(), EngineError> {
        match &node.op {
            Op::Once(inner) => {
                let mut repeat = |series: EvalSeries| sink(series.repeated(steps.count));
                let (result, looked) = self.apart(|| self.feed(inner, steps.first(), &mut repeat));
                self.count_everywhere(looked, steps.count);
                result
            }
            Op::Negate(operand) => self.feed_mapped(operand, steps, sink, &mut |series| {
                series.column.map_in_place(|v| -v);
                series.map_histograms(|_, histogram| histograms::scaled(histogram, -1.0));
                true
            }),
            Op::Binary(binary) => self.feed_binary(binary, steps, sink),
            Op::Aggregate(aggregate) => self.feed_aggregate(aggregate, steps, sink),
            Op::Call(call) => self.feed_call(call, steps, sink),
            Op::Select(select) => self.feed_select(select, steps, sink),
            Op::Shared(shared) => self.feed_shared(shared, steps, sink),
            Op::Number(_) | Op::String(_) | Op::Subquery(_) => {
                unreachable!("the checker lets only vectors stand where vectors are needed")
            }
        }
    }

    /// The value of a scalar at each step.
    pub fn scalar(&self, node: &Node<'_>, steps: Steps) -> Result<Scalar, EngineError> {
        self.budget.check()?;
        self.budget.allow_steps(steps)?;
        match self.profile {
            None => self.scalar_op(node, steps),
            Some(_) => self.timed(node, || self.scalar_op(node, steps)),
        }
    }

    fn scalar_op(&self, node: &Node<'_>, steps: Steps) -> Result<Scalar, EngineError> {
        let mut held = self.budget.held();
        held.samples(steps.count / 2)?;
        match &node.op {
            Op::Number(value) => Ok((vec![*value; steps.count], held)),
            Op::Once(inner) => {
                let (value, looked) = self.apart(|| self.scalar(inner, steps.first()));
                self.count_everywhere(looked, steps.count);
                let (value, _) = value?;
                Ok((value.first().map_or_else(Vec::new, |v| vec![*v; steps.count]), held))
            }
            Op::Negate(operand) => {
                let mut negated = self.scalar(operand, steps)?;
                negated.0.iter_mut().for_each(|v| *v = -*v);
                Ok(negated)
            }
            Op::Binary(binary) => {
                let (left, _left) = self.scalar(&binary.left, steps)?;
                let (right, _right) = self.scalar(&binary.right, steps)?;
                let pairs = left.iter().zip(&right);
                let pairs = pairs.map(|(l, r)| arithmetic::of_scalars(binary.op, *l, *r));
                Ok((pairs.collect(), held))
            }
            Op::Call(call) => Ok((self.scalar_call(call, steps)?, held)),
            Op::Aggregate(_) | Op::Select(_) | Op::Shared(_) | Op::String(_) | Op::Subquery(_) => {
                unreachable!("the checker lets only scalars stand where scalars are needed")
            }
        }
    }

    /// Hands on the series of `node` with their columns changed by `f`, which says whether the series
    /// is another metric now and loses its name.
    pub(crate) fn feed_mapped(
        &self,
        node: &Node<'_>,
        steps: Steps,
        sink: Sink<'_>,
        f: &mut dyn FnMut(&mut EvalSeries) -> bool,
    ) -> Result<(), EngineError> {
        let mut feed = |sink: Sink<'_>| {
            self.feed(node, steps, &mut |mut series| {
                if f(&mut series) {
                    self.rename(&mut series);
                }
                sink(series)
            })
        };
        let are_distinct = self.delayed_names || node.is_distinct_without_names();
        if are_distinct { feed(sink) } else { self.rejoined(sink, feed) }
    }

    /// Hands on the vector that `feed` hands over, series of equal labels made one.
    pub(crate) fn rejoined(
        &self,
        sink: Sink<'_>,
        feed: impl FnOnce(Sink<'_>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let (mut all, mut held) = (Vec::new(), self.budget.held());
        feed(&mut |series| {
            held.series(&series)?;
            all.push(series);
            Ok(())
        })?;
        self.rejoin((all, held), sink)
    }

    /// Hands on what became of a vector that had to be looked at as a whole.
    pub(crate) fn rejoin(
        &self,
        (series, held): Collected,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let series = join_equal(series, self.budget)?;
        // Whoever keeps them charges them anew.
        drop(held);
        series.into_iter().try_for_each(sink)
    }

    /// Takes the name from a series, now or at the end.
    pub(crate) fn rename(&self, series: &mut EvalSeries) {
        if self.delayed_names {
            series.drop_name = true;
        } else {
            series.labels = drop_name(&series.labels);
        }
    }

    pub(crate) fn warn(&self, text: impl AsRef<str>, span: Span) {
        self.say(Severity::Warning, text.as_ref(), span);
    }

    pub(crate) fn info(&self, text: impl AsRef<str>, span: Span) {
        self.say(Severity::Info, text.as_ref(), span);
    }

    /// Hands on what a function made of a whole vector.
    pub(crate) fn emit(series: Vec<EvalSeries>, sink: Sink<'_>) -> Result<(), EngineError> {
        series.into_iter().try_for_each(sink)
    }
}

/// A series that has a value at every step, and no labels.
pub(crate) fn unlabelled(values: Vec<f64>) -> EvalSeries {
    EvalSeries::new(model::Labels::empty(), Column::full(values))
}
