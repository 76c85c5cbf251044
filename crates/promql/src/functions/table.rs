//! The rows of the table, sorted by name.
//!
//! A row is name, types of the arguments, type of the result, body, and one line of doc.

use super::Body::{Date, Map, MapWith, Special, TryWindow, Window};
use super::{Function, Special as S};
use super::{clock, extremes, math, order, over_time, rate, regression, smoothing, sum, variance};
use crate::ast::ValueType::{Matrix, Scalar, String, Vector};

/// Every function there is.
pub(super) const TABLE: &[Function] = &[
    Function::new("abs", &[Vector], Vector, Map(f64::abs), "The value without its sign."),
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
    Function::new("acos", &[Vector], Vector, Map(f64::acos), "The arc cosine."),
    Function::new("acosh", &[Vector], Vector, Map(f64::acosh), "The inverse hyperbolic cosine."),
    Function::new("asin", &[Vector], Vector, Map(f64::asin), "The arc sine."),
    Function::new("asinh", &[Vector], Vector, Map(f64::asinh), "The inverse hyperbolic sine."),
    Function::new("atan", &[Vector], Vector, Map(f64::atan), "The arc tangent."),
    Function::new("atanh", &[Vector], Vector, Map(f64::atanh), "The inverse hyperbolic tangent."),
    Function::new("avg_over_time", &[Matrix], Vector, Window(sum::avg), "The mean of the range."),
    Function::new("ceil", &[Vector], Vector, Map(f64::ceil), "Rounded up to a whole number."),
    Function::new(
        "changes",
        &[Matrix],
        Vector,
        Window(over_time::changes),
        "How often the value changed in the range.",
    ),
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
    Function::new("cos", &[Vector], Vector, Map(f64::cos), "The cosine."),
    Function::new("cosh", &[Vector], Vector, Map(f64::cosh), "The hyperbolic cosine."),
    Function::new(
        "count_over_time",
        &[Matrix],
        Vector,
        Window(over_time::count),
        "How many samples the range has.",
    ),
    Function::new(
        "day_of_month",
        &[Vector],
        Vector,
        Date(clock::day_of_month),
        "The day of the month in UTC, from 1.",
    )
    .optional(1),
    Function::new(
        "day_of_week",
        &[Vector],
        Vector,
        Date(clock::day_of_week),
        "The day of the week in UTC, Sunday is 0.",
    )
    .optional(1),
    Function::new(
        "day_of_year",
        &[Vector],
        Vector,
        Date(clock::day_of_year),
        "The day of the year in UTC, from 1.",
    )
    .optional(1),
    Function::new(
        "days_in_month",
        &[Vector],
        Vector,
        Date(clock::days_in_month),
        "How many days the month has in UTC.",
    )
    .optional(1),
    Function::new("deg", &[Vector], Vector, Map(math::deg), "Radians as degrees."),
    Function::new(
        "delta",
        &[Matrix],
        Vector,
        Window(rate::delta),
        "How far a gauge moved over the range.",
    ),
    Function::new(
        "deriv",
        &[Matrix],
        Vector,
        Window(regression::deriv),
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
    Function::new("exp", &[Vector], Vector, Map(f64::exp), "e to the power of the value."),
    Function::new(
        "first_over_time",
        &[Matrix],
        Vector,
        Window(over_time::first),
        "The oldest sample of the range.",
    )
    .keeping_name(),
    Function::new("floor", &[Vector], Vector, Map(f64::floor), "Rounded down to a whole number."),
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
    Function::new(
        "hour",
        &[Vector],
        Vector,
        Date(clock::hour),
        "The hour of the day in UTC, from 0.",
    )
    .optional(1),
    Function::new(
        "idelta",
        &[Matrix],
        Vector,
        Window(rate::idelta),
        "The difference of the last two samples.",
    ),
    Function::new(
        "increase",
        &[Matrix],
        Vector,
        Window(rate::increase),
        "How much a counter grew over the range.",
    ),
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
    Function::new(
        "irate",
        &[Matrix],
        Vector,
        Window(rate::irate),
        "The rate of a counter between the last two samples.",
    ),
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
    Function::new(
        "last_over_time",
        &[Matrix],
        Vector,
        Window(over_time::last),
        "The newest sample of the range.",
    )
    .keeping_name(),
    Function::new("ln", &[Vector], Vector, Map(f64::ln), "The natural logarithm."),
    Function::new("log10", &[Vector], Vector, Map(f64::log10), "The decimal logarithm."),
    Function::new("log2", &[Vector], Vector, Map(f64::log2), "The binary logarithm."),
    Function::new(
        "mad_over_time",
        &[Matrix],
        Vector,
        Window(order::mad),
        "The median distance from the median of the range.",
    )
    .experimental(),
    Function::new(
        "max_of",
        &[Scalar, Scalar],
        Scalar,
        Special(S::MaxOf),
        "The larger of two scalars.",
    )
    .experimental(),
    Function::new(
        "max_over_time",
        &[Matrix],
        Vector,
        Window(extremes::max),
        "The largest value of the range.",
    ),
    Function::new(
        "min_of",
        &[Scalar, Scalar],
        Scalar,
        Special(S::MinOf),
        "The smaller of two scalars.",
    )
    .experimental(),
    Function::new(
        "min_over_time",
        &[Matrix],
        Vector,
        Window(extremes::min),
        "The smallest value of the range.",
    ),
    Function::new(
        "minute",
        &[Vector],
        Vector,
        Date(clock::minute),
        "The minute of the hour in UTC, from 0.",
    )
    .optional(1),
    Function::new(
        "month",
        &[Vector],
        Vector,
        Date(clock::month),
        "The month of the year in UTC, from 1.",
    )
    .optional(1),
    Function::new("pi", &[], Scalar, Special(S::Pi), "The number pi."),
    Function::new(
        "predict_linear",
        &[Matrix, Scalar],
        Vector,
        Window(regression::predict_linear),
        "The value so many seconds from now, by linear regression.",
    ),
    Function::new(
        "present_over_time",
        &[Matrix],
        Vector,
        Window(over_time::present),
        "1 where the range has a sample.",
    ),
    Function::new(
        "quantile_over_time",
        &[Scalar, Matrix],
        Vector,
        Window(order::quantile),
        "The quantile of the values in the range.",
    ),
    Function::new("rad", &[Vector], Vector, Map(math::rad), "Degrees as radians."),
    Function::new(
        "range",
        &[],
        Scalar,
        Special(S::QueryRange),
        "From the start of the query to its end, in seconds.",
    )
    .experimental(),
    Function::new(
        "rate",
        &[Matrix],
        Vector,
        Window(rate::rate),
        "How much a counter grew per second of the range.",
    ),
    Function::new(
        "resets",
        &[Matrix],
        Vector,
        Window(over_time::resets),
        "How often a counter fell in the range.",
    ),
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
    Function::new("sgn", &[Vector], Vector, Map(math::sgn), "1, 0 or -1: the sign of the value."),
    Function::new("sin", &[Vector], Vector, Map(f64::sin), "The sine."),
    Function::new("sinh", &[Vector], Vector, Map(f64::sinh), "The hyperbolic sine."),
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
    Function::new("sqrt", &[Vector], Vector, Map(f64::sqrt), "The square root."),
    Function::new(
        "start",
        &[],
        Scalar,
        Special(S::QueryStart),
        "The time of the first evaluation of the query, in seconds.",
    )
    .experimental(),
    Function::new(
        "stddev_over_time",
        &[Matrix],
        Vector,
        Window(variance::stddev),
        "The standard deviation of the range.",
    ),
    Function::new(
        "stdvar_over_time",
        &[Matrix],
        Vector,
        Window(variance::stdvar),
        "The variance of the range.",
    ),
    Function::new(
        "step",
        &[],
        Scalar,
        Special(S::QueryStep),
        "From one evaluation of the query to the next, in seconds; 0 if there is one only.",
    )
    .experimental(),
    Function::new("sum_over_time", &[Matrix], Vector, Window(sum::sum), "The sum of the range."),
    Function::new("tan", &[Vector], Vector, Map(f64::tan), "The tangent."),
    Function::new("tanh", &[Vector], Vector, Map(f64::tanh), "The hyperbolic tangent."),
    Function::new("time", &[], Scalar, Special(S::Time), "The time of evaluation, in seconds."),
    Function::new(
        "timestamp",
        &[Vector],
        Vector,
        Special(S::Timestamp),
        "The time of each sample, in seconds.",
    ),
    Function::new(
        "ts_of_first_over_time",
        &[Matrix],
        Vector,
        Window(over_time::ts_of_first),
        "The time of the oldest sample of the range.",
    )
    .experimental(),
    Function::new(
        "ts_of_last_over_time",
        &[Matrix],
        Vector,
        Window(over_time::ts_of_last),
        "The time of the newest sample of the range.",
    )
    .experimental(),
    Function::new(
        "ts_of_max_over_time",
        &[Matrix],
        Vector,
        Window(extremes::ts_of_max),
        "When the range had its largest value last.",
    )
    .experimental(),
    Function::new(
        "ts_of_min_over_time",
        &[Matrix],
        Vector,
        Window(extremes::ts_of_min),
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
    Function::new("year", &[Vector], Vector, Date(clock::year), "The year in UTC.").optional(1),
];
