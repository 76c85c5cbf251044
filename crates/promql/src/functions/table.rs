//! The rows of the table, sorted by name.
//!
//! A row is name, types of the arguments, type of the result, and one line of doc.

use super::Function;
use crate::ast::ValueType::{Matrix, Scalar, String, Vector};

/// Every function there is.
pub(super) const TABLE: &[Function] = &[
    Function::new("abs", &[Vector], Vector, "The value without its sign."),
    Function::new("absent", &[Vector], Vector, "1 where the vector has no element."),
    Function::new("absent_over_time", &[Matrix], Vector, "1 where the range has no sample."),
    Function::new("acos", &[Vector], Vector, "The arc cosine."),
    Function::new("acosh", &[Vector], Vector, "The inverse hyperbolic cosine."),
    Function::new("asin", &[Vector], Vector, "The arc sine."),
    Function::new("asinh", &[Vector], Vector, "The inverse hyperbolic sine."),
    Function::new("atan", &[Vector], Vector, "The arc tangent."),
    Function::new("atanh", &[Vector], Vector, "The inverse hyperbolic tangent."),
    Function::new("avg_over_time", &[Matrix], Vector, "The mean of the range."),
    Function::new("ceil", &[Vector], Vector, "Rounded up to a whole number."),
    Function::new("changes", &[Matrix], Vector, "How often the value changed in the range."),
    Function::new(
        "clamp",
        &[Vector, Scalar, Scalar],
        Vector,
        "The value, no less than the first and no more than the second scalar.",
    ),
    Function::new("clamp_max", &[Vector, Scalar], Vector, "The value, no more than the scalar."),
    Function::new("clamp_min", &[Vector, Scalar], Vector, "The value, no less than the scalar."),
    Function::new("cos", &[Vector], Vector, "The cosine."),
    Function::new("cosh", &[Vector], Vector, "The hyperbolic cosine."),
    Function::new("count_over_time", &[Matrix], Vector, "How many samples the range has."),
    Function::new("day_of_month", &[Vector], Vector, "The day of the month in UTC, from 1.")
        .optional(1),
    Function::new("day_of_week", &[Vector], Vector, "The day of the week in UTC, Sunday is 0.")
        .optional(1),
    Function::new("day_of_year", &[Vector], Vector, "The day of the year in UTC, from 1.")
        .optional(1),
    Function::new("days_in_month", &[Vector], Vector, "How many days the month has in UTC.")
        .optional(1),
    Function::new("deg", &[Vector], Vector, "Radians as degrees."),
    Function::new("delta", &[Matrix], Vector, "How far a gauge moved over the range."),
    Function::new(
        "deriv",
        &[Matrix],
        Vector,
        "The slope of the range per second, by linear regression.",
    ),
    Function::new(
        "double_exponential_smoothing",
        &[Matrix, Scalar, Scalar],
        Vector,
        "The range smoothed, with its trend.",
    )
    .experimental(),
    Function::new("exp", &[Vector], Vector, "e to the power of the value."),
    Function::new("first_over_time", &[Matrix], Vector, "The oldest sample of the range.")
        .keeping_name(),
    Function::new("floor", &[Vector], Vector, "Rounded down to a whole number."),
    Function::new(
        "histogram_avg",
        &[Vector],
        Vector,
        "The mean of what a native histogram observed.",
    ),
    Function::new("histogram_count", &[Vector], Vector, "How much a native histogram observed."),
    Function::new(
        "histogram_fraction",
        &[Scalar, Scalar, Vector],
        Vector,
        "The part of the observations between two bounds.",
    ),
    Function::new(
        "histogram_quantile",
        &[Scalar, Vector],
        Vector,
        "The value below which that part of the observations lies.",
    ),
    Function::new(
        "histogram_quantiles",
        &[
            Vector, String, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar, Scalar,
            Scalar,
        ],
        Vector,
        "Several quantiles at once, told apart by a label.",
    )
    .optional(9)
    .experimental(),
    Function::new(
        "histogram_stddev",
        &[Vector],
        Vector,
        "The standard deviation of what a native histogram observed.",
    ),
    Function::new(
        "histogram_stdvar",
        &[Vector],
        Vector,
        "The variance of what a native histogram observed.",
    ),
    Function::new(
        "histogram_sum",
        &[Vector],
        Vector,
        "The sum of what a native histogram observed.",
    ),
    Function::new("hour", &[Vector], Vector, "The hour of the day in UTC, from 0.").optional(1),
    Function::new("idelta", &[Matrix], Vector, "The difference of the last two samples."),
    Function::new("increase", &[Matrix], Vector, "How much a counter grew over the range."),
    Function::new(
        "irate",
        &[Matrix],
        Vector,
        "The rate of a counter between the last two samples.",
    ),
    Function::new(
        "label_join",
        &[Vector, String, String, String],
        Vector,
        "Values of labels joined into one label.",
    )
    .variadic(),
    Function::new(
        "label_replace",
        &[Vector, String, String, String, String],
        Vector,
        "A label made from another one by a regular expression.",
    ),
    Function::new("last_over_time", &[Matrix], Vector, "The newest sample of the range.")
        .keeping_name(),
    Function::new("ln", &[Vector], Vector, "The natural logarithm."),
    Function::new("log10", &[Vector], Vector, "The decimal logarithm."),
    Function::new("log2", &[Vector], Vector, "The binary logarithm."),
    Function::new(
        "mad_over_time",
        &[Matrix],
        Vector,
        "The median distance from the median of the range.",
    )
    .experimental(),
    Function::new("max_of", &[Scalar, Scalar], Scalar, "The larger of two scalars.").experimental(),
    Function::new("max_over_time", &[Matrix], Vector, "The largest value of the range."),
    Function::new("min_of", &[Scalar, Scalar], Scalar, "The smaller of two scalars.")
        .experimental(),
    Function::new("min_over_time", &[Matrix], Vector, "The smallest value of the range."),
    Function::new("minute", &[Vector], Vector, "The minute of the hour in UTC, from 0.")
        .optional(1),
    Function::new("month", &[Vector], Vector, "The month of the year in UTC, from 1.").optional(1),
    Function::new("pi", &[], Scalar, "The number pi."),
    Function::new(
        "predict_linear",
        &[Matrix, Scalar],
        Vector,
        "The value so many seconds from now, by linear regression.",
    ),
    Function::new("present_over_time", &[Matrix], Vector, "1 where the range has a sample."),
    Function::new(
        "quantile_over_time",
        &[Scalar, Matrix],
        Vector,
        "The quantile of the values in the range.",
    ),
    Function::new("rad", &[Vector], Vector, "Degrees as radians."),
    Function::new("rate", &[Matrix], Vector, "How much a counter grew per second of the range."),
    Function::new("resets", &[Matrix], Vector, "How often a counter fell in the range."),
    Function::new(
        "round",
        &[Vector, Scalar],
        Vector,
        "Rounded to the nearest multiple of the scalar, halves up.",
    )
    .optional(1),
    Function::new(
        "scalar",
        &[Vector],
        Scalar,
        "The value of the only element; NaN if there is not exactly one.",
    ),
    Function::new("sgn", &[Vector], Vector, "1, 0 or -1: the sign of the value."),
    Function::new("sin", &[Vector], Vector, "The sine."),
    Function::new("sinh", &[Vector], Vector, "The hyperbolic sine."),
    Function::new("sort", &[Vector], Vector, "Sorted by value, rising.").keeping_name(),
    Function::new(
        "sort_by_label",
        &[Vector, String],
        Vector,
        "Sorted by the values of labels, rising.",
    )
    .variadic()
    .experimental()
    .keeping_name(),
    Function::new(
        "sort_by_label_desc",
        &[Vector, String],
        Vector,
        "Sorted by the values of labels, falling.",
    )
    .variadic()
    .experimental()
    .keeping_name(),
    Function::new("sort_desc", &[Vector], Vector, "Sorted by value, falling.").keeping_name(),
    Function::new("sqrt", &[Vector], Vector, "The square root."),
    Function::new("stddev_over_time", &[Matrix], Vector, "The standard deviation of the range."),
    Function::new("stdvar_over_time", &[Matrix], Vector, "The variance of the range."),
    Function::new("sum_over_time", &[Matrix], Vector, "The sum of the range."),
    Function::new("tan", &[Vector], Vector, "The tangent."),
    Function::new("tanh", &[Vector], Vector, "The hyperbolic tangent."),
    Function::new("time", &[], Scalar, "The time of evaluation, in seconds."),
    Function::new("timestamp", &[Vector], Vector, "The time of each sample, in seconds."),
    Function::new(
        "ts_of_first_over_time",
        &[Matrix],
        Vector,
        "The time of the oldest sample of the range.",
    )
    .experimental(),
    Function::new(
        "ts_of_last_over_time",
        &[Matrix],
        Vector,
        "The time of the newest sample of the range.",
    )
    .experimental(),
    Function::new(
        "ts_of_max_over_time",
        &[Matrix],
        Vector,
        "When the range had its largest value last.",
    )
    .experimental(),
    Function::new(
        "ts_of_min_over_time",
        &[Matrix],
        Vector,
        "When the range had its smallest value last.",
    )
    .experimental(),
    Function::new("vector", &[Scalar], Vector, "The scalar as a vector without labels."),
    Function::new("year", &[Vector], Vector, "The year in UTC.").optional(1),
];
