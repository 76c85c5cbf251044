//! The table of functions: name, signature, implementation, one line of doc.
//!
//! Parser, checker, evaluator and documentation read this one table. A [`Body`] says what kind of
//! thing a function is: most look at one value or at one window of one series, and the evaluator
//! needs to know no more of them.

mod clock;
pub(crate) mod extrapolate;
mod extremes;
pub mod histogram;
pub mod labels;
pub mod math;
mod order;
mod over_time;
mod rate;
mod regression;
mod smoothing;
pub mod sort;
mod sum;
mod table;
mod variance;

use crate::ast::ValueType;
use crate::eval::column::Column;
use crate::eval::window::Windows;

/// One function.
#[derive(Debug)]
pub struct Function {
    /// Its name in queries.
    pub name: &'static str,
    /// The types of its arguments.
    pub arguments: &'static [ValueType],
    /// How many of the last arguments may be left out.
    pub optional: usize,
    /// Whether the last argument may come any number of times, also none.
    pub variadic: bool,
    /// What it evaluates to.
    pub returns: ValueType,
    /// Whether it is only there with `--enable-feature=promql-experimental-functions`.
    pub experimental: bool,
    /// Whether its result is still the metric it was.
    pub keeps_name: bool,
    /// What it does, in one line.
    pub doc: &'static str,
    /// How it does it.
    pub body: Body,
}

/// What a function of windows fills its result from: the windows of one series, and its scalar
/// arguments, each with a value for every step.
pub type WindowFn = fn(&Windows<'_>, &[Vec<f64>], &mut Column);

/// The same, where arguments may be refused.
pub type TryWindowFn = fn(&Windows<'_>, &[Vec<f64>], &mut Column) -> Result<(), String>;

/// How a function is evaluated.
#[derive(Clone, Copy, Debug)]
pub enum Body {
    /// Each value of a vector becomes another.
    Map(fn(f64) -> f64),
    /// The same with the scalar arguments at that step; `None` drops the element. Arguments that
    /// were left out are missing from the slice.
    MapWith(fn(f64, &[f64]) -> Option<f64>),
    /// Each value of a vector, a time in seconds, becomes a part of its date. Without an argument
    /// it is the time of evaluation, as an element without labels.
    Date(fn(f64) -> f64),
    /// Each window of a range vector becomes a value.
    Window(WindowFn),
    /// The same, with scalar arguments that may make it fail.
    TryWindow(TryWindowFn),
    /// Whatever the evaluator has to know by name.
    Special(Special),
}

/// Functions that are neither of one value nor of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// `absent(v)`; its labels are [`labels::of_absent`].
    Absent,
    /// `absent_over_time(v[d])`; likewise.
    AbsentOverTime,
    /// `histogram_fraction(lower, upper, b)`: [`histogram::families`].
    HistogramFraction,
    /// Of native histograms alone: floats are left out.
    HistogramOnly,
    /// `histogram_quantile(q, b)`: [`histogram::families`].
    HistogramQuantile,
    /// `histogram_quantiles(b, label, q…)`: [`histogram::families`].
    HistogramQuantiles,
    /// `info(v, {…})`
    Info,
    /// `label_join(v, …)`: [`labels::LabelJoin`].
    LabelJoin,
    /// `label_replace(v, …)`: [`labels::LabelReplace`].
    LabelReplace,
    /// `max_of(a, b)`: [`math::larger`].
    MaxOf,
    /// `min_of(a, b)`: [`math::smaller`].
    MinOf,
    /// `pi()`
    Pi,
    /// `scalar(v)`
    Scalar,
    /// `sort(v)`: [`sort::by_value`].
    Sort,
    /// `sort_by_label(v, …)`: [`sort::by_labels`].
    SortByLabel,
    /// `sort_by_label_desc(v, …)`: the same, falling.
    SortByLabelDesc,
    /// `sort_desc(v)`: [`sort::by_value`], falling.
    SortDesc,
    /// `start_timestamp(v)`
    StartTimestamp,
    /// `start()`
    QueryStart,
    /// `end()`
    QueryEnd,
    /// `step()`
    QueryStep,
    /// `range()`
    QueryRange,
    /// `time()`
    Time,
    /// `timestamp(v)`
    Timestamp,
    /// `vector(s)`
    Vector,
}

impl Function {
    const fn new(
        name: &'static str,
        arguments: &'static [ValueType],
        returns: ValueType,
        body: Body,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            arguments,
            optional: 0,
            variadic: false,
            returns,
            experimental: false,
            keeps_name: false,
            doc,
            body,
        }
    }

    const fn optional(mut self, count: usize) -> Self {
        self.optional = count;
        self
    }

    const fn variadic(mut self) -> Self {
        self.variadic = true;
        self
    }

    const fn experimental(mut self) -> Self {
        self.experimental = true;
        self
    }

    const fn keeping_name(mut self) -> Self {
        self.keeps_name = true;
        self
    }

    /// With how few arguments it can be called.
    pub fn least_arguments(&self) -> usize {
        self.arguments.len() - self.optional - usize::from(self.variadic)
    }

    /// With how many arguments it can be called; `None` if there is no limit.
    pub fn most_arguments(&self) -> Option<usize> {
        (!self.variadic).then_some(self.arguments.len())
    }

    /// The type of argument number `at`, from 0; `None` if there is no such argument.
    pub fn argument(&self, at: usize) -> Option<ValueType> {
        let last = if self.variadic { self.arguments.last() } else { None };
        self.arguments.get(at).or(last).copied()
    }
}

/// Functions are equal if they are the same.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// The function of this name, which is told apart by case.
pub fn lookup(name: &str) -> Option<&'static Function> {
    let at = table::TABLE.binary_search_by(|function| function.name.cmp(name)).ok()?;
    table::TABLE.get(at)
}

/// Every function, sorted by name.
pub fn all() -> &'static [Function] {
    table::TABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_name_is_found() {
        assert!(all().is_sorted_by(|a, b| a.name < b.name));
        for function in all() {
            assert_eq!(lookup(function.name), Some(function));
        }
        assert_eq!((lookup("Rate"), lookup("")), (None, None));
    }

    #[test]
    fn arities_are_those_of_the_signature() {
        for (name, least, most) in [
            ("pi", 0, Some(0)),
            ("hour", 0, Some(1)),
            ("round", 1, Some(2)),
            ("clamp", 3, Some(3)),
            ("label_join", 3, None),
            ("sort_by_label", 1, None),
            ("histogram_quantiles", 3, Some(12)),
        ] {
            let function = lookup(name).expect("it is in the table");
            assert_eq!((function.least_arguments(), function.most_arguments()), (least, most));
        }
        let join = lookup("label_join").expect("it is in the table");
        assert_eq!(join.argument(0), Some(ValueType::Vector));
        assert_eq!(join.argument(9), Some(ValueType::String));
        assert_eq!(lookup("rate").and_then(|f| f.argument(1)), None);
    }
}
