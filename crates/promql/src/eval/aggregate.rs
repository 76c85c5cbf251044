//! Aggregations that make one series of each group.
//!
//! `sum` and its like fold series as they come: what is held is groups times steps. `quantile` and
//! `count_values` hold what they must. Those that choose among their series are in `pick`.

use model::Labels;
use model::float::Plain;
use model::labels::METRIC_NAME;
use rustc_hash::{FxHashMap, FxHashSet};

use super::column::Column;
use super::fold::{Avg, Cell, Count, Fold, Group, Max, Min, Sum, Variance};
use super::held::SAMPLE_BYTES;
use super::histogram_sums::HistogramSums;
use super::series::EvalSeries;
use super::steps::Steps;
use super::{Evaluator, Sink};
use crate::ast::{AggregateOp, Span};
use crate::error::EngineError;
use crate::native::Note;
use crate::plan::{AggregateNode, Node, Op};

/// What is kept of a group that is folded: its floats, and the sums of its histograms.
struct Kept<C> {
    fold: Fold<C>,
    sums: HistogramSums,
    /// The metric that histograms were of last.
    metric: String,
}

impl<C: Cell> Kept<C> {
    fn new(steps: usize) -> Self {
        Self { fold: Fold::new(steps), sums: HistogramSums::default(), metric: String::new() }
    }
}

/// Groups in the order they came up, each with what is kept of it.
pub(super) struct Groups<'n, S> {
    key: Key<'n>,
    places: FxHashMap<Labels, usize>,
    groups: Vec<(EvalGroup, S)>,
}

/// Which labels make a group.
enum Key<'n> {
    /// All of them.
    All,
    /// These.
    By(&'n [String]),
    /// All but these and the name.
    Without(&'n [String]),
}

/// What every group has.
pub(super) struct EvalGroup {
    /// The labels of the result.
    pub(super) labels: Labels,
    /// Whether some series of it is to lose its name at the end.
    pub(super) drop_name: bool,
}

impl<'n, S> Groups<'n, S> {
    pub(super) fn new(node: &AggregateNode<'n>) -> Self {
        let labels = node.grouping;
        Self::keyed(if node.without { Key::Without(labels) } else { Key::By(labels) })
    }

    fn keyed(key: Key<'n>) -> Self {
        let (places, groups) = Default::default();
        Self { key, places, groups }
    }

    /// What is kept of the group of `series`; `make` makes it if the series is the first.
    pub(super) fn of<E>(
        &mut self,
        series: &EvalSeries,
        make: impl FnOnce(&Labels) -> Result<S, E>,
    ) -> Result<&mut S, E> {
        let labels = self.key(&series.labels);
        let at = match self.places.get(&labels) {
            Some(at) => *at,
            None => {
                let at = self.groups.len();
                let made = make(&labels)?;
                self.groups.push((EvalGroup { labels: labels.clone(), drop_name: false }, made));
                self.places.insert(labels, at);
                at
            }
        };
        let (group, kept) = &mut self.groups[at];
        group.drop_name |= series.drop_name;
        Ok(kept)
    }

    /// All groups.
    pub(super) fn into_groups(self) -> Vec<(EvalGroup, S)> {
        self.groups
    }

    fn key(&self, labels: &Labels) -> Labels {
        let listed = |list: &[String], name: &str| list.iter().any(|label| label == name);
        match self.key {
            Key::All => labels.clone(),
            Key::By([]) => Labels::empty(),
            Key::By(list) => labels.filtered(|name| listed(list, name)),
            Key::Without(list) => {
                labels.filtered(|name| name != METRIC_NAME && !listed(list, name))
            }
        }
    }
}

impl Evaluator<'_> {
    /// Hands on the groups of an aggregation.
    pub(super) fn feed_aggregate(
        &self,
        node: &AggregateNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        match node.op {
            AggregateOp::Sum => self.fold::<Sum>(node, steps, sink),
            AggregateOp::Avg => self.fold::<Avg>(node, steps, sink),
            AggregateOp::Count => self.fold::<Count>(node, steps, sink),
            AggregateOp::Min => self.fold::<Min>(node, steps, sink),
            AggregateOp::Max => self.fold::<Max>(node, steps, sink),
            AggregateOp::Group => self.fold::<Group>(node, steps, sink),
            AggregateOp::Stddev => self.fold::<Variance<true>>(node, steps, sink),
            AggregateOp::Stdvar => self.fold::<Variance<false>>(node, steps, sink),
            AggregateOp::Quantile => self.feed_quantile(node, steps, sink),
            AggregateOp::CountValues => self.feed_count_values(node, steps, sink),
            AggregateOp::Topk
            | AggregateOp::Bottomk
            | AggregateOp::Limitk
            | AggregateOp::LimitRatio => self.feed_picked(node, steps, sink),
        }
    }

    fn fold<C: Cell>(
        &self,
        node: &AggregateNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let mut groups: Groups<'_, Kept<C>> = Groups::new(node);
        let mut held = self.budget.held();
        let cells = (size_of::<C>() * steps.count).div_ceil(SAMPLE_BYTES) + steps.count / 2;
        let mean = node.op == AggregateOp::Avg;
        self.feed(&node.operand, steps, &mut |mut series| {
            self.take_out_histograms(node, &mut series);
            if series.column.is_empty() {
                return Ok(());
            }
            let kept = groups.of(&series, |labels| {
                held.entry(labels)?;
                held.samples(cells)?;
                Ok::<_, EngineError>(Kept::new(steps.count))
            })?;
            if matches!(node.op, AggregateOp::Sum | AggregateOp::Avg) {
                if series.histograms.is_some() {
                    kept.metric = series.labels.metric_name().to_owned();
                }
                kept.sums.add(&series, &mut held)?;
                series.drop_histograms();
            }
            kept.fold.add(&series.column);
            Ok(())
        })?;
        groups.into_groups().into_iter().try_for_each(|(group, kept)| {
            let EvalGroup { labels, drop_name } = group;
            let mut column = kept.fold.finish();
            let mut note = |note| self.note(note, &kept.metric, node.span);
            let (histograms, mixed) = kept.sums.finish(mean, &mut column, &mut note);
            if mixed {
                let text = "encountered a mix of histograms and floats for aggregation";
                self.warn(text, node.span);
            }
            sink(EvalSeries { labels, column, drop_name, histograms })
        })
    }

    /// Says what is to be said about histograms.
    fn note(&self, note: Note, metric: &str, span: Span) {
        let text = note.text(metric);
        if note.is_warning() { self.warn(text, span) } else { self.info(text, span) }
    }

    /// Leaves out histograms where an aggregation takes only numbers, with an info that says so.
    pub(super) fn take_out_histograms(&self, node: &AggregateNode<'_>, series: &mut EvalSeries) {
        use AggregateOp::{Avg, Count, CountValues, Group, LimitRatio, Limitk, Sum};
        let takes_them =
            matches!(node.op, Count | Group | Limitk | LimitRatio | Sum | Avg | CountValues);
        if !takes_them && series.drop_histograms() {
            let name = node.op.as_str();
            self.info(format!("ignored histogram in {name} aggregation"), node.span);
        }
    }

    /// Warns of parameters that are no quantiles: an aggregation of the most unusual, a function of each.
    pub(super) fn warn_of_quantiles(&self, quantiles: impl IntoIterator<Item = f64>, span: Span) {
        let mut warned = FxHashSet::default();
        for q in quantiles.into_iter().filter(|q| !(0.0..=1.0).contains(q)) {
            if warned.insert(q.to_bits()) {
                let q = model::float::General(q);
                self.warn(format!("quantile value should be between 0 and 1, got {q}"), span);
            }
        }
    }

    fn feed_quantile(
        &self,
        node: &AggregateNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let (parameter, span) = parameter(node);
        let (quantiles, _quantiles) = self.scalar(parameter, steps)?;
        let mut groups: Groups<'_, Vec<Column>> = Groups::new(node);
        let mut held = self.budget.held();
        self.feed(&node.operand, steps, &mut |mut series| {
            self.take_out_histograms(node, &mut series);
            if series.column.is_empty() {
                return Ok(());
            }
            held.series(&series)?;
            let make = |labels: &Labels| held.entry(labels).map(|()| Vec::new());
            groups.of(&series, make)?.push(series.column);
            Ok(())
        })?;
        self.budget.check()?;
        self.warn_of_quantiles(unusual(&quantiles, 0.0, 1.0), span);
        let mut values = Vec::new();
        groups.into_groups().into_iter().try_for_each(|(group, columns)| {
            let mut column = Column::absent(steps.count);
            for (step, q) in quantiles.iter().enumerate() {
                self.budget.check()?;
                values.clear();
                values.extend(columns.iter().filter_map(|column| column.get(step)));
                if !values.is_empty() {
                    column.set(step, quantile(*q, &mut values));
                }
            }
            let EvalGroup { labels, drop_name } = group;
            sink(EvalSeries { labels, column, drop_name, histograms: None })
        })
    }

    fn feed_count_values(
        &self,
        node: &AggregateNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let label = match parameter(node).0.op {
            Op::String(label) => label,
            _ => unreachable!("the checker lets only a text name the label of count_values"),
        };
        let mut groups: Groups<'_, FxHashMap<Counted, Column>> = Groups::new(node);
        let mut held = self.budget.held();
        self.feed(&node.operand, steps, &mut |mut series| {
            self.take_out_histograms(node, &mut series);
            if series.column.is_empty() {
                return Ok(());
            }
            let make = |labels: &Labels| held.entry(labels).map(|()| FxHashMap::default());
            let counts = groups.of(&series, make)?;
            for (step, value) in series.column.iter() {
                let counted = match series.histogram(step) {
                    Some(histogram) => Counted::Histogram(histogram.to_string()),
                    None => Counted::Float(value.to_bits()),
                };
                let column = match counts.entry(counted) {
                    std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
                    std::collections::hash_map::Entry::Vacant(place) => {
                        held.bytes(COUNTED_BYTES + place.key().bytes())?;
                        held.samples(steps.count / 2)?;
                        place.insert(Column::absent(steps.count))
                    }
                };
                column.set(step, column.get(step).unwrap_or(0.0) + 1.0);
            }
            Ok(())
        })?;
        let mut totals: Groups<'_, Fold<Sum>> = Groups::keyed(Key::All);
        for (group, counts) in groups.into_groups() {
            let mut counts: Vec<(Counted, Column)> = counts.into_iter().collect();
            counts.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            for (at, (counted, column)) in counts.into_iter().enumerate() {
                self.budget.check_at(at)?;
                let value = match counted {
                    Counted::Float(bits) => Plain(f64::from_bits(bits)).to_string(),
                    Counted::Histogram(text) => text,
                };
                let left_out = node.without && node.grouping.iter().any(|name| name == label);
                let labels = if left_out {
                    // What was to be left out is left out, and all values count together.
                    group.labels.clone()
                } else {
                    group.labels.to_builder().set(label, value).build()
                };
                let drop_name = group.drop_name;
                let series = EvalSeries { labels, column, drop_name, histograms: None };
                let make = |labels: &Labels| {
                    held.entry(labels)?;
                    held.samples(steps.count)?;
                    Ok::<_, EngineError>(Fold::new(steps.count))
                };
                totals.of(&series, make)?.add(&series.column);
            }
        }
        drop(held);
        totals.into_groups().into_iter().try_for_each(|(group, fold)| {
            let EvalGroup { labels, drop_name } = group;
            sink(EvalSeries { labels, column: fold.finish(), drop_name, histograms: None })
        })
    }
}

/// What a value that is counted takes beside its column.
const COUNTED_BYTES: usize = 2 * (size_of::<Counted>() + size_of::<Column>());

/// A value that `count_values` counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Counted {
    /// The bits of a float; different bits may still be written alike (NaNs).
    Float(u64),
    /// A histogram, as it is written.
    Histogram(String),
}

impl Counted {
    /// What it takes beside itself.
    fn bytes(&self) -> usize {
        match self {
            Self::Float(_) => 0,
            Self::Histogram(text) => text.len(),
        }
    }
}

/// The parameter of an aggregation that has one.
pub(super) fn parameter<'n, 'e>(node: &'n AggregateNode<'e>) -> (&'n Node<'e>, Span) {
    let (parameter, span) = node.parameter.as_ref().expect("the parser demands the parameter");
    (parameter, *span)
}

/// Those parameters that deserve a warning: NaN, which hides the others as in Prometheus, else the
/// largest above `most` and the smallest below `least`.
pub(super) fn unusual(values: &[f64], least: f64, most: f64) -> Vec<f64> {
    if let Some(nan) = values.iter().copied().find(|v| v.is_nan()) {
        return vec![nan];
    }
    let largest = values.iter().copied().filter(|v| *v > most).reduce(f64::max);
    let smallest = values.iter().copied().filter(|v| *v < least).reduce(f64::min);
    largest.into_iter().chain(smallest).collect()
}

/// The quantile of values in any order, NaN counted as the lowest; linear between neighbours.
///
/// `values` is sorted on the way. Empty values have the quantile NaN.
pub fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (false, false) => a.total_cmp(b),
        (a, b) => b.cmp(&a),
    });
    let last = values.len() - 1;
    let rank = q * last as f64;
    #[expect(clippy::cast_possible_truncation, reason = "rank lies between 0 and `last`")]
    let (lower, weight) = (rank.floor() as usize, rank - rank.floor());
    let upper = (lower + 1).min(last);
    values[lower] * (1.0 - weight) + values[upper] * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours_and_nan_is_lowest() {
        for (q, values, expected) in [
            (0.5, vec![3.0, 1.0, 2.0], 2.0),
            (0.75, vec![1.0, 2.0], 1.75),
            (1.0, vec![f64::NAN, 1.0], 1.0),
            (-0.1, vec![1.0], f64::NEG_INFINITY),
            (1.1, vec![1.0], f64::INFINITY),
        ] {
            let found = quantile(q, &mut values.clone());
            assert_eq!(found.to_bits(), f64::to_bits(expected), "{q} of {values:?} is {found}");
        }
        assert!(quantile(0.0, &mut [1.0, f64::NAN]).is_nan());
        assert!(quantile(f64::NAN, &mut [1.0]).is_nan());
    }
}
