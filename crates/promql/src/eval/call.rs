//! Function calls: arguments evaluated, handed to the body the table names, names dropped.
//!
//! Three shapes cover most functions: a number for a number, a number for a number and scalars, and
//! a number for a window of samples. The others are in [`super::special`].

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use model::Labels;
use model::labels::Quoted;
use model::sample::is_stale;
use rustc_hash::FxHashSet;
use storage::Columns;

use super::budget::Budget;
use super::column::{Column, steps_of};
use super::held::Held;
use super::histograms::Histograms;
use super::looked::Looked;
use super::select::seconds;
use super::series::{DuplicateLabelset, EvalSeries};
use super::steps::{Shift, Steps};
use super::window::Windows;
use super::{Evaluator, Sink, unlabelled};
use crate::ast::{Extension, Span, ValueType};
use crate::error::EngineError;
use crate::functions::Body;
use crate::native::{
    NativeWindow, Note, Outcome, looks_at_starts, over_extended, over_started, over_window,
};
use crate::plan::{CallNode, Node, Op};

/// Functions that make sense of counters only.
const WANT_COUNTERS: [&str; 2] = ["rate", "increase"];

/// What names of counters end in.
const COUNTER_SUFFIXES: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

impl Evaluator<'_> {
    /// Hands on the result of a function that gives a vector.
    pub(super) fn feed_call(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        match node.function.body {
            Body::Map(f) => self.feed_values(node, steps, sink, &mut |column| {
                column.map_in_place(f);
            }),
            Body::Date(f) if node.arguments.is_empty() => {
                sink(unlabelled(steps.times().map(|t| f(seconds(t))).collect()))
            }
            Body::Date(f) => self.feed_values(node, steps, sink, &mut |column| {
                column.map_in_place(f);
            }),
            Body::MapWith(f) => {
                let (scalars, _held) = self.scalars(node, steps)?;
                let mut row = vec![0.0; scalars.len()];
                self.feed_values(node, steps, sink, &mut |column| {
                    column.filter_map_in_place(|step, value| {
                        scalars.iter().zip(&mut row).for_each(|(s, r)| *r = s[step]);
                        f(value, &row)
                    });
                })
            }
            Body::Window(f) => self.feed_windows(node, steps, sink, &|windows, scalars, column| {
                f(windows, scalars, column);
                Ok(())
            }),
            Body::TryWindow(f) => self.feed_windows(node, steps, sink, &f),
            Body::Special(special) => self.feed_special(special, node, steps, sink),
        }
    }

    /// Hands on the series of the first argument with their columns changed.
    fn feed_values(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
        f: &mut dyn FnMut(&mut Column),
    ) -> Result<(), EngineError> {
        self.feed_mapped(argument(node, 0), steps, sink, &mut |series| {
            // Functions of numbers leave histograms out.
            series.drop_histograms();
            f(&mut series.column);
            !node.function.keeps_name
        })
    }

    /// The scalar arguments of a call, in order, each over all steps.
    pub(super) fn scalars(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
    ) -> Result<(Vec<Vec<f64>>, Held), EngineError> {
        let (mut scalars, mut held) = (Vec::new(), self.budget.held());
        for (written, argument) in node.call.arguments.iter().zip(&node.arguments) {
            if written.value_type() == ValueType::Scalar {
                let (scalar, more) = self.scalar(argument, steps)?;
                scalars.push(scalar);
                held.absorb(more);
            }
        }
        Ok((scalars, held))
    }

    /// Hands on the result of a function over windows.
    fn feed_windows(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
        f: &TryWindow<'_>,
    ) -> Result<(), EngineError> {
        let (scalars, _held) = self.scalars(node, steps)?;
        let range = Range::of(node);
        let name = node.function.name;
        let (mut distinct, mut names) = (Distinct::default(), self.budget.held());
        // At which steps there was anything.
        let mut seen = vec![0; steps.count.div_ceil(u64::BITS as usize)];
        let make = |windows: &Windows<'_>, column: &mut Column| {
            f(windows, &scalars, column).map_err(EngineError::Execution)
        };
        self.feed_ranges(&range, steps, &make, &mut |mut series| {
            if series.column.is_empty() {
                return Ok(());
            }
            seen.iter_mut().zip(series.column.presence()).for_each(|(all, one)| *all |= one);
            if WANT_COUNTERS.contains(&name) && series.histograms.is_none() {
                self.note_gauge(series.labels.metric_name(), range.span);
            }
            if !node.function.keeps_name {
                self.rename(&mut series);
            }
            if !self.delayed_names {
                names.entry(&series.labels)?;
                distinct.add(&series.labels)?;
            }
            sink(series)
        })?;
        if name == "quantile_over_time" {
            let span = node.call.arguments.first().map_or(node.call.span, |first| first.span());
            let quantiles = scalars.first().map(Vec::as_slice).unwrap_or_default();
            let quantiles = steps_of(&seen).filter_map(|step| quantiles.get(step).copied());
            self.warn_of_quantiles(quantiles, span);
        }
        Ok(())
    }

    /// Lets `run` make a column of the windows of each series of a range, and hands it on with the
    /// labels of the series.
    pub(super) fn feed_ranges(
        &self,
        range: &Range<'_, '_>,
        steps: Steps,
        run: &(dyn Fn(&Windows<'_>, &mut Column) -> Result<(), EngineError> + Sync),
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let notes = Notes::default();
        if let Some(extension) = range.extension {
            extension.check(range.function).map_err(EngineError::Execution)?;
        }
        let budget = self.budget;
        let make = |columns: &Columns, series: &mut EvalSeries, looked: &mut Looked| {
            looked.histograms(columns, range.shift.times(steps), range.range_ms);
            if let Some(extension) = range.extension {
                let notes = (&notes, budget);
                return over_extension(columns, range, extension, steps, series, notes, looked);
            }
            if !columns.starts.is_empty() && looks_at_starts(range.function) {
                let notes = (&notes, budget);
                return over_starts(columns, range, steps, series, notes, looked);
            }
            let windows = Windows::new(columns, range.shift, steps, range.range_ms);
            let windows = windows.under(budget);
            run(&windows, &mut series.column)?;
            budget.check()?;
            if !columns.histograms.is_empty() {
                over_histograms(columns, range, steps, series, (&notes, budget))?;
            }
            looked.windows(&windows);
            Ok(())
        };
        self.measured(range.node, sink, |sink| match &range.node.op {
            Op::Select(select) => self.feed_read(select, steps, &make, sink),
            Op::Subquery(subquery) => self.feed_subquery(subquery, steps, &make, sink),
            _ => unreachable!("the checker lets only ranges stand where ranges are needed"),
        })?;
        self.tell(notes, range.span);
        Ok(())
    }

    /// Says what there is to say about windows.
    pub(super) fn tell(&self, notes: Notes, span: Span) {
        for (note, metric) in notes.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let text = note.text(&metric);
            if note.is_warning() { self.warn(text, span) } else { self.info(text, span) }
        }
    }

    fn note_gauge(&self, name: &str, span: Span) {
        let is_counter = COUNTER_SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
        if !name.is_empty() && !is_counter {
            let text = "metric might not be a counter, name does not end in \
                        _total/_sum/_count/_bucket";
            self.info(format!("{text}: {}", Quoted(name)), span);
        }
    }
}

/// What is to be said about windows, and of which metric; filled from any core.
pub(super) type Notes = Mutex<BTreeSet<(Note, String)>>;

/// Corrects what a function made of the floats at those steps whose window has histograms.
fn over_histograms(
    columns: &Columns,
    range: &Range<'_, '_>,
    steps: Steps,
    series: &mut EvalSeries,
    (notes, budget): (&Notes, &Budget),
) -> Result<(), EngineError> {
    let columns = without_stale(columns);
    let metric = series.labels.metric_name().to_owned();
    let mut note = |note| {
        notes.lock().unwrap_or_else(PoisonError::into_inner).insert((note, metric.clone()));
    };
    let mut all = Histograms::default();
    for (step, end_ms) in range.shift.times(steps).enumerate() {
        budget.check()?;
        let window = NativeWindow::of(&columns, end_ms, range.range_ms);
        if window.histograms.is_empty() {
            continue;
        }
        match over_window(range.function, &window, &mut note) {
            Outcome::OfFloats => {}
            Outcome::Nothing => series.column.unset(step),
            Outcome::Float(value) => series.column.set(step, value),
            Outcome::Histogram(histogram) => {
                series.column.set(step, 0.0);
                all.push(step, Arc::new(*histogram));
            }
        }
    }
    series.histograms = (!all.is_empty()).then(|| Box::new(all));
    Ok(())
}

/// Fills a series from windows with edges, and counts the floats they looked at.
fn over_extension(
    columns: &Columns,
    range: &Range<'_, '_>,
    extension: Extension,
    steps: Steps,
    series: &mut EvalSeries,
    notes: (&Notes, &Budget),
    looked: &mut Looked,
) -> Result<(), EngineError> {
    let ahead_ms = if extension == Extension::Smoothed { range.lookback_ms } else { 0 };
    let around_ms = range.range_ms.saturating_add(range.lookback_ms).saturating_add(ahead_ms);
    let mut step = 0;
    fill(columns, series, notes, &mut range.shift.times(steps), &mut |columns, end_ms, note| {
        let within = NativeWindow::of(columns, end_ms, range.range_ms);
        let around = NativeWindow::of(columns, end_ms.saturating_add(ahead_ms), around_ms);
        looked.at(step, within.floats.len() as u64);
        step += 1;
        over_extended(range.function, extension, &around, &within, note)
    })
}

/// Fills a series from windows of samples some of which say since when they count, and counts the floats
/// they looked at.
fn over_starts(
    columns: &Columns,
    range: &Range<'_, '_>,
    steps: Steps,
    series: &mut EvalSeries,
    notes: (&Notes, &Budget),
    looked: &mut Looked,
) -> Result<(), EngineError> {
    let mut step = 0;
    fill(columns, series, notes, &mut range.shift.times(steps), &mut |columns, end_ms, note| {
        let window = NativeWindow::of(columns, end_ms, range.range_ms);
        looked.at(step, window.floats.len() as u64);
        step += 1;
        over_started(range.function, &window, note)
    })
}

/// What a moment makes of the samples of a series, and says of them.
type MakeAt<'m> = dyn FnMut(&Columns, i64, &mut dyn FnMut(Note)) -> Outcome + 'm;

/// Fills a series with what `make` makes of the samples at each moment, stale markers left out.
pub(super) fn fill(
    columns: &Columns,
    series: &mut EvalSeries,
    (notes, budget): (&Notes, &Budget),
    moments: &mut dyn Iterator<Item = i64>,
    make: &mut MakeAt<'_>,
) -> Result<(), EngineError> {
    let columns = without_stale(columns);
    let metric = series.labels.metric_name().to_owned();
    let mut note = |note| {
        notes.lock().unwrap_or_else(PoisonError::into_inner).insert((note, metric.clone()));
    };
    let mut all = Histograms::default();
    for (step, moment) in moments.enumerate() {
        budget.check()?;
        match make(&columns, moment, &mut note) {
            Outcome::OfFloats | Outcome::Nothing => {}
            Outcome::Float(value) => series.column.set(step, value),
            Outcome::Histogram(histogram) => {
                series.column.set(step, 0.0);
                all.push(step, Arc::new(*histogram));
            }
        }
    }
    series.histograms = (!all.is_empty()).then(|| Box::new(all));
    Ok(())
}

/// The same columns without stale markers, of either kind.
fn without_stale(columns: &Columns) -> Columns {
    let floats = columns.timestamps.iter().zip(&columns.values).filter(|(_, v)| !is_stale(**v));
    let (timestamps, values) = floats.map(|(t, v)| (*t, *v)).unzip();
    let histograms = columns.histogram_timestamps.iter().zip(&columns.histograms);
    let kept = histograms.filter(|(_, h)| !is_stale(h.sum)).map(|(t, h)| (*t, h.clone()));
    let (histogram_timestamps, histograms) = kept.unzip();
    let starts = columns.starts.clone();
    Columns { timestamps, values, histogram_timestamps, histograms, starts }
}

/// Fills a column from the windows of a series and the scalar arguments.
type TryWindow<'f> =
    dyn Fn(&Windows<'_>, &[Vec<f64>], &mut Column) -> Result<(), String> + Sync + 'f;

/// The range argument of a call.
pub(super) struct Range<'n, 'e> {
    node: &'n Node<'e>,
    shift: Shift,
    range_ms: i64,
    span: Span,
    /// The function it is an argument of.
    function: &'static str,
    /// How it treats its edges.
    extension: Option<Extension>,
    /// How far beyond the edges it may look then, ms.
    lookback_ms: i64,
}

impl<'n, 'e> Range<'n, 'e> {
    /// The argument of `node` that is a range.
    pub(super) fn of(node: &'n CallNode<'e>) -> Self {
        let mut arguments = node.call.arguments.iter().zip(&node.arguments);
        let (written, argument) = arguments
            .find(|(written, _)| written.value_type() == ValueType::Matrix)
            .expect("the checker demands a range for a function over windows");
        let (shift, range_ms, span) = match &argument.op {
            Op::Select(select) => (select.shift, select.back_ms, written.span()),
            // What is said of a subquery is said of the begin of the query, as in Prometheus.
            Op::Subquery(subquery) => (subquery.shift, subquery.range_ms, Span::default()),
            _ => unreachable!("only selectors and subqueries are ranges"),
        };
        let (extension, lookback_ms) = match &argument.op {
            Op::Select(select) => (select.extension, select.lookback_ms),
            _ => (None, 0),
        };
        let function = node.function.name;
        Self { node: argument, shift, range_ms, span, function, extension, lookback_ms }
    }
}

/// Refuses series of equal labels, at whatever steps: so Prometheus has it for ranges.
#[derive(Default)]
struct Distinct(FxHashSet<Labels>);

impl Distinct {
    fn add(&mut self, labels: &Labels) -> Result<(), DuplicateLabelset> {
        if self.0.insert(labels.clone()) { Ok(()) } else { Err(DuplicateLabelset) }
    }
}

/// The argument of a call at a place where the table has one.
pub(super) fn argument<'n, 'e>(node: &'n CallNode<'e>, at: usize) -> &'n Node<'e> {
    node.arguments.get(at).expect("the checker counts the arguments")
}
