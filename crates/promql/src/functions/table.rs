//! The rows of the table, sorted by name.
//!
//! A row is name, types of the arguments, type of the result, body, and one line of doc; the commonest
//! types and bodies have a word of their own.

use super::Body::{Date, Map, MapWith, Special, TryWindow, Window};
use super::{Function, Special as S, WindowFn};
use super::{clock, extremes, math, order, over_time, rate, regression, smoothing, sum, variance};
use crate::ast::ValueType::{Matrix, Scalar, String, Vector};

/// A function of each value of a vector.
const fn of_value(name: &'static str, body: fn(f64) -> f64, doc: &'static str) -> Function {
    Function::new(name, &[Vector], Vector, Map(body), doc)
}

/// A function of each window of a range, which is all it needs.
const fn of_range(name: &'static str, body: WindowFn, doc: &'static str) -> Function {
    Function::new(name, &[Matrix], Vector, Window(body), doc)
}

/// A part of the date of each value, or of the time of evaluation.
const fn of_date(name: &'static str, body: fn(f64) -> f64, doc: &'static str) -> Function {
    Function::new(name, &[Vector], Vector, Date(body), doc).optional(1)
}

/// Every function there is.
pub(super) const TABLE: &[Function] = &[
    of_value("abs", f64::abs, "The value without its sign."),
    Function::new(
        "absent",
        &[Vector],
        Vector,
        Special(S::Absent),
        "1 where the vector has no element.",
    ),
    Function::new(
        "absent_over_time",
        &[Matrix],
        Vector,
        Special(S::AbsentOverTime),
        "1 where the range has no sample.",
    ),
    of_value("acos", f64::acos, "The arc cosine."),
    of_value("acosh", f64::acosh, "The inverse hyperbolic cosine."),
    of_value("asin", f64::asin, "The arc sine."),
    of_value("asinh", f64::asinh, "The inverse hyperbolic sine."),
    of_value("atan", f64::atan, "The arc tangent."),
    of_value("atanh", f64::atanh, "The inverse hyperbolic tangent."),
    of_range("avg_over_time", sum::avg, "The mean of the range."),
    of_value("ceil", f64::ceil, "Rounded up to a whole number."),
    of_range("changes", over_time::changes, "How often the value changed in the range."),
    Function::new(
        "clamp",
        &[Vector, Scalar, Scalar],
        Vector,
        MapWith(math::clamp),
        "The value, no less than the first and no more than the second scalar.",
    ),
    Function::new(
        "clamp_max",
        &[Vector, Scalar],
        Vector,
        MapWith(math::clamp_max),
        "The value, no more than the scalar.",
    ),
    Function::new(
        "clamp_min",
        &[Vector, Scalar],
        Vector,
        MapWith(math::clamp_min),
        "The value, no less than the scalar.",
    ),
    of_value("cos", f64::cos, "The cosine."),
    of_value("cosh", math::cosh, "The hyperbolic cosine."),
    of_range("count_over_time", over_time::count, "How many samples the range has."),
    of_date("day_of_month", clock::day_of_month, "The day of the month in UTC, from 1."),
    of_date("day_of_week", clock::day_of_week, "The day of the week in UTC, Sunday is 0."),
    of_date("day_of_year", clock::day_of_year, "The day of the year in UTC, from 1."),
    of_date("days_in_month", clock::days_in_month, "How many days the month has in UTC."),
    of_value("deg", math::deg, "Radians as degrees."),
    of_range("delta", rate::delta, "How far a gauge moved over the range."),
    of_range(
        "deriv",
        regression::deriv,
        "The slope of the range per second, by linear regression.",
    ),
    Function::new(
        "double_exponential_smoothing",
        &[Matrix, Scalar, Scalar],
        Vector,
        TryWindow(smoothing::double_exponential),
        "The range smoothed, with its trend.",
    )
    .experimental(),
    Function::new(
        "end",
        &[],
        Scalar,
        Special(S::QueryEnd),
        "The time of the last evaluation of the query, in seconds.",
    )
    .experimental(),
    of_value("exp", f64::exp, "e to the power of the value."),
    of_range("first_over_time", over_time::first, "The oldest sample of the range.").keeping_name(),
    of_value("floor", f64::floor, "Rounded down to a whole number."),
    Function::new(
        "histogram_avg",
        &[Vector],
        Vector,
        Special(S::HistogramOnly),
        "The mean of what a native histogram observed.",
    ),
    Function::new(
        "histogram_count",
        &[Vector],
        Vector,
        Special(S::HistogramOnly),
        "How much a native histogram observed.",
    ),
    Function::new(
        "histogram_fraction",
        &[Scalar, Scalar, Vector],
        Vector,
        Special(S::HistogramFraction),
        "The part of the observations between two bounds.",
    ),
    Function::new(
        "histogram_quantile",
        &[Scalar, Vector],
        Vector,
        Special(S::HistogramQuantile),
        "The value below which that part of the observations lies.",
    ),
    Function::new(
        "histogram_quantiles",
        &[
            Vector, String, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar,
            Scalar,
        ],
        Vector,
        Special(S::HistogramQuantiles),
        "Several quantiles at once, told apart by a label.",
    )
    .optional(9)
    .experimental(),
    Function::new(
        "histogram_stddev",
        &[Vector],
        Vector,
        Special(S::HistogramOnly),
        "The standard deviation of what a native histogram observed.",
    ),
    Function::new(
        "histogram_stdvar",
        &[Vector],
        Vector,
        Special(S::HistogramOnly),
        "The variance of what a native histogram observed.",
    ),
    Function::new(
        "histogram_sum",
        &[Vector],
        Vector,
        Special(S::HistogramOnly),
        "The sum of what a native histogram observed.",
    ),
    of_date("hour", clock::hour, "The hour of the day in UTC, from 0."),
    of_range("idelta", rate::idelta, "The difference of the last two samples."),
    of_range("increase", rate::increase, "How much a counter grew over the range."),
    Function::new(
        "info",
        &[Vector, Vector],
        Vector,
        Special(S::Info),
        "With the labels that info metrics of the same instance and job have.",
    )
    .optional(1)
    .experimental()
    .keeping_name(),
    of_range("irate", rate::irate, "The rate of a counter between the last two samples."),
    Function::new(
        "label_join",
        &[Vector, String, String, String],
        Vector,
        Special(S::LabelJoin),
        "Values of labels joined into one label.",
    )
    .variadic(),
    Function::new(
        "label_replace",
        &[Vector, String, String, String, String],
        Vector,
        Special(S::LabelReplace),
        "A label made from another one by a regular expression.",
    ),
    of_range("last_over_time", over_time::last, "The newest sample of the range.").keeping_name(),
    of_value("ln", f64::ln, "The natural logarithm."),
    of_value("log10", f64::log10, "The decimal logarithm."),
    of_value("log2", f64::log2, "The binary logarithm."),
    of_range("mad_over_time", order::mad, "The median distance from the median of the range.")
        .experimental(),
    Function::new(
        "max_of",
        &[Scalar, Scalar],
        Scalar,
        Special(S::MaxOf),
        "The larger of two scalars.",
    )
    .experimental(),
    of_range("max_over_time", extremes::max, "The largest value of the range."),
    Function::new(
        "min_of",
        &[Scalar, Scalar],
        Scalar,
        Special(S::MinOf),
        "The smaller of two scalars.",
    )
    .experimental(),
    of_range("min_over_time", extremes::min, "The smallest value of the range."),
    of_date("minute", clock::minute, "The minute of the hour in UTC, from 0."),
    of_date("month", clock::month, "The month of the year in UTC, from 1."),
    Function::new("pi", &[], Scalar, Special(S::Pi), "The number pi."),
    Function::new(
        "predict_linear",
        &[Matrix, Scalar],
        Vector,
        Window(regression::predict_linear),
        "The value so many seconds from now, by linear regression.",
    ),
    of_range("present_over_time", over_time::present, "1 where the range has a sample."),
    Function::new(
        "quantile_over_time",
        &[Scalar, Matrix],
        Vector,
        Window(order::quantile),
        "The quantile of the values in the range.",
    ),
    of_value("rad", math::rad, "Degrees as radians."),
    Function::new(
        "range",
        &[],
        Scalar,
        Special(S::QueryRange),
        "From the start of the query to its end, in seconds.",
    )
    .experimental(),
    of_range("rate", rate::rate, "How much a counter grew per second of the range."),
    of_range("resets", over_time::resets, "How often a counter fell in the range."),
    Function::new(
        "round",
        &[Vector, Scalar],
        Vector,
        MapWith(math::round),
        "Rounded to the nearest multiple of the scalar, halves up.",
    )
    .optional(1),
    Function::new(
        "scalar",
        &[Vector],
        Scalar,
        Special(S::Scalar),
        "The value of the only element; NaN if there is not exactly one.",
    ),
    of_value("sgn", math::sgn, "1, 0 or -1: the sign of the value."),
    of_value("sin", f64::sin, "The sine."),
    of_value("sinh", math::sinh, "The hyperbolic sine."),
    Function::new("sort", &[Vector], Vector, Special(S::Sort), "Sorted by value, rising.")
        .keeping_name(),
    Function::new(
        "sort_by_label",
        &[Vector, String],
        Vector,
        Special(S::SortByLabel),
        "Sorted by the values of labels, rising.",
    )
    .variadic()
    .experimental()
    .keeping_name(),
    Function::new(
        "sort_by_label_desc",
        &[Vector, String],
        Vector,
        Special(S::SortByLabelDesc),
        "Sorted by the values of labels, falling.",
    )
    .variadic()
    .experimental()
    .keeping_name(),
    Function::new(
        "sort_desc",
        &[Vector],
        Vector,
        Special(S::SortDesc),
        "Sorted by value, falling.",
    )
    .keeping_name(),
    of_value("sqrt", f64::sqrt, "The square root."),
    Function::new(
        "start",
        &[],
        Scalar,
        Special(S::QueryStart),
        "The time of the first evaluation of the query, in seconds.",
    )
    .experimental(),
    Function::new(
        "start_timestamp",
        &[Vector],
        Vector,
        Special(S::StartTimestamp),
        "Since when each sample of a selector counts, in seconds; 0 if it does not say.",
    )
    .experimental(),
    of_range("stddev_over_time", variance::stddev, "The standard deviation of the range."),
    of_range("stdvar_over_time", variance::stdvar, "The variance of the range."),
    Function::new(
        "step",
        &[],
        Scalar,
        Special(S::QueryStep),
        "From one evaluation of the query to the next, in seconds; 0 if there is one only.",
    )
    .experimental(),
    of_range("sum_over_time", sum::sum, "The sum of the range."),
    of_value("tan", f64::tan, "The tangent."),
    of_value("tanh", f64::tanh, "The hyperbolic tangent."),
    Function::new("time", &[], Scalar, Special(S::Time), "The time of evaluation, in seconds."),
    Function::new(
        "timestamp",
        &[Vector],
        Vector,
        Special(S::Timestamp),
        "The time of each sample, in seconds.",
    ),
    of_range(
        "ts_of_first_over_time",
        over_time::ts_of_first,
        "The time of the oldest sample of the range.",
    )
    .experimental(),
    of_range(
        "ts_of_last_over_time",
        over_time::ts_of_last,
        "The time of the newest sample of the range.",
    )
    .experimental(),
    of_range(
        "ts_of_max_over_time",
        extremes::ts_of_max,
        "When the range had its largest value last.",
    )
    .experimental(),
    of_range(
        "ts_of_min_over_time",
        extremes::ts_of_min,
        "When the range had its smallest value last.",
    )
    .experimental(),
    Function::new(
        "vector",
        &[Scalar],
        Vector,
        Special(S::Vector),
        "The scalar as a vector without labels.",
    ),
    of_date("year", clock::year, "The year in UTC."),
];
