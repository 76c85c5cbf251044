//! Functions that are neither of one value nor of one window: of the whole vector, of labels, of time.

use std::cmp::Ordering;

use model::float::Plain;
use model::{Histogram, Labels};
use rustc_hash::FxHashMap;

use super::call::{Range, argument};
use super::column::{Column, Mask};
use super::held::Held;
use super::select::seconds;
use super::series::EvalSeries;
use super::steps::Steps;
use super::{Evaluator, Sink, unlabelled};
use crate::ast::{Expr, Span};
use crate::error::EngineError;
use crate::functions::histogram::{Family, families};
use crate::functions::labels::of_absent;
use crate::functions::{Body, Special};
use crate::functions::{math, sort};
use crate::native;
use crate::plan::{CallNode, Node};

/// What is said if buckets fall.
const NOT_MONOTONIC: &str = "input to histogram_quantile needed to be fixed for monotonicity (see \
     https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) for \
     metric name";

/// What is said if a range query sorts.
const SORT_IN_RANGE: &str =
    "sort is ineffective for range queries since results are always ordered by labels";

impl Evaluator<'_> {
    /// Hands on the result of a special function that gives a vector.
    pub(super) fn feed_special(
        &self,
        special: Special,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        match special {
            Special::Absent => self.feed_absent(node, steps, sink),
            Special::AbsentOverTime => self.feed_absent_over_time(node, steps, sink),
            Special::HistogramFraction => self.feed_histogram_fraction(node, steps, sink),
            Special::HistogramOnly => self.feed_of_histograms(node, steps, sink),
            Special::HistogramQuantile => self.feed_histogram_quantile(node, steps, sink),
            Special::HistogramQuantiles => self.feed_histogram_quantiles(node, steps, sink),
            Special::Info => self.feed_info(node, steps, sink),
            Special::LabelJoin => self.feed_label_join(node, steps, sink),
            Special::LabelReplace => self.feed_label_replace(node, steps, sink),
            Special::Sort => {
                self.feed_sorted(node, steps, sink, &|a, b| sort::by_value(a, b, false))
            }
            Special::SortDesc => {
                self.feed_sorted(node, steps, sink, &|a, b| sort::by_value(a, b, true))
            }
            Special::SortByLabel | Special::SortByLabelDesc => {
                let falling = special == Special::SortByLabelDesc;
                let labels = texts(node);
                let order =
                    |a: &EvalSeries, b: &EvalSeries| sort::by_labels(a, b, &labels, falling);
                self.feed_sorted(node, steps, sink, &order)
            }
            Special::StartTimestamp => self.feed_start_timestamps(node, steps, sink),
            Special::Timestamp => self.feed_timestamps(node, steps, sink),
            Special::Vector => {
                let (values, held) = self.scalar(argument(node, 0), steps)?;
                drop(held);
                sink(unlabelled(values))
            }
            Special::MaxOf
            | Special::MinOf
            | Special::Pi
            | Special::QueryEnd
            | Special::QueryRange
            | Special::QueryStart
            | Special::QueryStep
            | Special::Scalar
            | Special::Time => unreachable!("the table says that it gives a scalar"),
        }
    }

    /// The value of a function that gives a scalar.
    pub(super) fn scalar_call(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
    ) -> Result<Vec<f64>, EngineError> {
        let Body::Special(special) = node.function.body else {
            unreachable!("only special functions give scalars")
        };
        match special {
            Special::Pi => Ok(vec![std::f64::consts::PI; steps.count]),
            Special::Time => Ok(steps.times().map(seconds).collect()),
            Special::Scalar => self.only_elements(argument(node, 0), steps),
            Special::MaxOf => self.pairwise(node, steps, math::larger),
            Special::MinOf => self.pairwise(node, steps, math::smaller),
            _ => unreachable!("the table says that it gives a vector"),
        }
    }

    fn pairwise(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        f: fn(f64, f64) -> f64,
    ) -> Result<Vec<f64>, EngineError> {
        let (left, _left) = self.scalar(argument(node, 0), steps)?;
        let (right, _right) = self.scalar(argument(node, 1), steps)?;
        Ok(left.into_iter().zip(right).map(|(l, r)| f(l, r)).collect())
    }

    /// At each step the value of the only element; NaN if there are none or more.
    fn only_elements(&self, node: &Node<'_>, steps: Steps) -> Result<Vec<f64>, EngineError> {
        let mut values = vec![f64::NAN; steps.count];
        let mut counts = vec![0_u8; steps.count];
        self.feed(node, steps, &mut |series| {
            let mut series = series;
            series.drop_histograms();
            for (step, value) in series.column.iter() {
                counts[step] = counts[step].saturating_add(1);
                values[step] = if counts[step] == 1 { value } else { f64::NAN };
            }
            Ok(())
        })?;
        Ok(values)
    }

    fn feed_absent(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let mut absent = Column::full(vec![1.0; steps.count]);
        self.feed(argument(node, 0), steps, &mut |series| {
            absent.drop_steps(series.column.presence());
            Ok(())
        })?;
        sink(EvalSeries::new(labels_of_absent(node), absent))
    }

    fn feed_absent_over_time(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let mut absent = Column::full(vec![1.0; steps.count]);
        let present = |windows: &super::window::Windows<'_>, column: &mut Column| {
            windows.iter().for_each(|window| column.set(window.step, 1.0));
            Ok(())
        };
        self.feed_ranges(&Range::of(node), steps, &present, &mut |series| {
            absent.drop_steps(series.column.presence());
            Ok(())
        })?;
        sink(EvalSeries::new(labels_of_absent(node), absent))
    }

    /// `histogram_count` and its like: a number for each histogram, nothing for floats.
    fn feed_of_histograms(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let number: fn(&Histogram) -> f64 = match node.function.name {
            "histogram_count" => |h| h.count,
            "histogram_sum" => |h| h.sum,
            "histogram_avg" => |h| h.sum / h.count,
            "histogram_stddev" => |h| native::deviation(h).sqrt(),
            _ => native::deviation,
        };
        self.rejoined(sink, |sink| {
            self.feed(argument(node, 0), steps, &mut |series| {
                let mut column = Column::absent(steps.count);
                for (step, _) in series.column.iter() {
                    if let Some(histogram) = series.histogram(step) {
                        column.set(step, number(histogram));
                    }
                }
                let mut made = EvalSeries { column, histograms: None, ..series };
                self.rename(&mut made);
                sink(made)
            })
        })
    }

    /// The histograms in an argument, classic and native.
    fn all_histograms(
        &self,
        node: &CallNode<'_>,
        at: usize,
        steps: Steps,
    ) -> Result<(Vec<Family>, Vec<EvalSeries>, Held), EngineError> {
        let (mut series, mut held) = self.collect(argument(node, at), steps)?;
        let shared = series.iter().filter(|one| one.histograms.is_some());
        shared.into_iter().try_for_each(|one| held.series(one))?;
        let natives = series.iter().filter(|one| one.histograms.is_some()).cloned().collect();
        series.retain_mut(|one| {
            one.drop_histograms();
            !one.column.is_empty()
        });
        let span = span_of(node, at);
        let series = series.into_iter().enumerate();
        let wanted = series.take_while(|(at, _)| self.budget.check_at(*at).is_ok());
        let families = families(wanted.map(|(_, one)| one), |text| self.warn(text, span));
        self.budget.check()?;
        // A family for each bucket at most, with as many labels.
        families.iter().try_for_each(|family: &Family| held.entry(&family.labels))?;
        Ok((families, natives, held))
    }

    /// What `number` makes of each histogram of a native series.
    fn of_natives(
        &self,
        natives: &[EvalSeries],
        steps: Steps,
        number: &dyn Fn(usize, &Histogram, &str) -> f64,
    ) -> Vec<EvalSeries> {
        let one = |series: &EvalSeries| {
            let mut column = Column::absent(steps.count);
            for (step, _) in series.column.iter() {
                if let Some(histogram) = series.histogram(step) {
                    column.set(step, number(step, histogram, series.labels.metric_name()));
                }
            }
            let drop_name = series.drop_name;
            let mut made =
                EvalSeries { column, ..EvalSeries::new(series.labels.clone(), Column::default()) };
            made.drop_name = drop_name;
            self.rename(&mut made);
            made
        };
        natives.iter().map(one).collect()
    }

    /// Takes away what is there both of a classic and of a native histogram, with a warning.
    fn without_mixed(&self, all: &mut [EvalSeries], classic: usize, span: Span) {
        let (classics, natives) = all.split_at_mut(classic);
        if natives.is_empty() {
            return;
        }
        let mut places: FxHashMap<Labels, Vec<usize>> = FxHashMap::default();
        for (at, classic) in classics.iter().enumerate() {
            places.entry(classic.labels.clone()).or_default().push(at);
        }
        for native in natives {
            for at in places.get(&native.labels).into_iter().flatten() {
                let one = &mut classics[*at];
                if one.column.overlaps(&native.column) {
                    let both = Mask::from(one.column.presence());
                    one.column.drop_steps(native.column.presence());
                    native.column.drop_steps(&both);
                    let name = model::labels::Quoted(native.labels.metric_name());
                    let text = "vector contains a mix of classic and native histograms";
                    self.warn(format!("{text} for metric name {name}"), span);
                }
            }
        }
    }

    fn native_quantile(&self, q: f64, h: &Histogram, metric: &str, span: Span) -> f64 {
        let value = native::quantile(q, h);
        if h.sum.is_nan() && (0.0..=1.0).contains(&q) && h.count != 0.0 {
            let what = if value.is_none() { "result is NaN" } else { "result is skewed higher" };
            let metric = model::labels::Quoted(metric);
            let text = "input to histogram_quantile has NaN observations";
            self.info(format!("{text}, {what} for metric name {metric}"), span);
        }
        value.unwrap_or(f64::NAN)
    }

    fn feed_histogram_quantile(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let (quantiles, _quantiles) = self.scalar(argument(node, 0), steps)?;
        let (families, natives, mut held) = self.all_histograms(node, 1, steps)?;
        self.warn_of_quantiles(quantiles.iter().copied(), span_of(node, 0));
        let mut all = Vec::with_capacity(families.len());
        for family in families {
            self.budget.check()?;
            let column = self.quantiles_of(&family, &quantiles, span_of(node, 1));
            all.push(self.of_family(&family, family.labels.clone(), column));
            all.last().into_iter().try_for_each(|made| held.series(made))?;
        }
        let (classic, span) = (all.len(), span_of(node, 1));
        all.extend(self.of_natives(&natives, steps, &|step, h, metric| {
            self.native_quantile(quantiles[step], h, metric, span)
        }));
        self.without_mixed(&mut all, classic, span);
        self.rejoin((all, held), sink)
    }

    fn feed_histogram_quantiles(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let label = texts(node).first().copied().unwrap_or_default();
        let (families, natives, mut held) = self.all_histograms(node, 0, steps)?;
        let mut all = Vec::new();
        for at in 2..node.arguments.len() {
            let (quantiles, _quantiles) = self.scalar(argument(node, at), steps)?;
            self.warn_of_quantiles(quantiles.iter().copied(), span_of(node, at));
            let value = Plain(quantiles.first().copied().unwrap_or(f64::NAN)).to_string();
            let span = span_of(node, 0);
            let mut made = Vec::with_capacity(families.len() + natives.len());
            for family in &families {
                self.budget.check()?;
                let column = self.quantiles_of(family, &quantiles, span);
                made.push(self.of_family(family, family.labels.clone(), column));
            }
            made.extend(self.of_natives(&natives, steps, &|step, h, metric| {
                self.native_quantile(quantiles[step], h, metric, span)
            }));
            self.without_mixed(&mut made, families.len(), span);
            for series in &mut made {
                held.series(series)?;
                series.labels = series.labels.to_builder().set(label, value.as_str()).build();
            }
            all.append(&mut made);
        }
        self.rejoin((all, held), sink)
    }

    fn quantiles_of(&self, family: &Family, quantiles: &[f64], span: Span) -> Column {
        let (column, corrected) = family.quantiles(quantiles);
        // Prometheus forgets the name behind the first step, where it does not keep it to the end.
        let later = if self.delayed_names { family.labels.metric_name() } else { "" };
        let names = [(corrected.first, family.labels.metric_name()), (corrected.later, later)];
        for (_, name) in names.into_iter().filter(|(is_said, _)| *is_said) {
            let name = model::labels::Quoted(name);
            self.info(format!("{NOT_MONOTONIC} {name}"), span);
        }
        column
    }

    fn feed_histogram_fraction(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let (lower, _lower) = self.scalar(argument(node, 0), steps)?;
        let (upper, _upper) = self.scalar(argument(node, 1), steps)?;
        let (families, natives, held) = self.all_histograms(node, 2, steps)?;
        let classic = families.len();
        let all = families.into_iter().map(|family| {
            let column = family.fractions(&lower, &upper);
            self.of_family(&family, family.labels.clone(), column)
        });
        let (mut all, span) = (all.collect::<Vec<_>>(), span_of(node, 2));
        all.extend(self.of_natives(&natives, steps, &|step, h, metric| {
            if h.sum.is_nan() && h.count != 0.0 {
                let metric = model::labels::Quoted(metric);
                let text = "input to histogram_fraction has NaN observations, which are excluded \
                            from all fractions";
                self.info(format!("{text} for metric name {metric}"), span);
            }
            native::fraction(lower[step], upper[step], h)
        }));
        self.without_mixed(&mut all, classic, span);
        self.rejoin((all, held), sink)
    }

    /// A series made of a histogram, which is another metric.
    fn of_family(&self, family: &Family, labels: Labels, column: Column) -> EvalSeries {
        let mut series = EvalSeries::new(labels, column);
        series.drop_name = family.drop_name;
        self.rename(&mut series);
        series
    }

    /// Sorts an instant vector; the series of a range query are ordered by labels in any case.
    fn feed_sorted(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
        order: &dyn Fn(&EvalSeries, &EvalSeries) -> Ordering,
    ) -> Result<(), EngineError> {
        let (mut all, held) = self.collect(argument(node, 0), steps)?;
        if matches!(node.function.body, Body::Special(Special::Sort | Special::SortDesc)) {
            // Histograms have no order.
            for series in &mut all {
                series.drop_histograms();
            }
        }
        if steps.count == 1 {
            self.budget.sort(&mut all, order)?;
        } else {
            self.warn(SORT_IN_RANGE, node.call.span);
        }
        drop(held);
        all.into_iter().try_for_each(sink)
    }
}

/// The labels of what is absent: those the argument names.
fn labels_of_absent(node: &CallNode<'_>) -> Labels {
    node.call.arguments.first().map_or_else(Labels::empty, of_absent)
}

fn span_of(node: &CallNode<'_>, at: usize) -> Span {
    node.call.arguments.get(at).map_or(node.call.span, Expr::span)
}

/// The arguments that are texts, in order.
pub(super) fn texts<'e>(node: &CallNode<'e>) -> Vec<&'e str> {
    let text = |argument: &'e Expr| match argument.unwrap_parens() {
        Expr::String { value, .. } => Some(value.as_str()),
        _ => None,
    };
    node.call.arguments.iter().filter_map(text).collect()
}
