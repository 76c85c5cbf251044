//! Random queries of the right types, as texts.
//!
//! Two evaluators may round differently and both be right. So there are two kinds of vectors: exact
//! ones, whose values have no rounding that depends on an order, and near ones. What is no continuous
//! function of its operand (comparing, counting, rounding, looking for resets) is asked of exact ones
//! alone.

use proptest::prelude::*;
use proptest::sample::select;

type Text = BoxedStrategy<String>;

/// Expressions up to some depth.
#[derive(Clone)]
struct Level {
    /// Vectors whose values are the same however they are computed.
    exact: Text,
    /// Vectors.
    near: Text,
    /// Vectors of native histograms.
    native: Text,
    /// Exact scalars.
    scalar: Text,
}

/// A query for a vector or a scalar.
pub(crate) fn query() -> impl Strategy<Value = String> {
    let mut level =
        Level { exact: selector(), near: selector(), native: native_selector(), scalar: number() };
    for _ in 0..3 {
        level = above(&level);
    }
    prop_oneof![6 => level.near, 5 => level.exact, 2 => level.native, 1 => level.scalar]
}

fn above(below: &Level) -> Level {
    Level { exact: exact(below), near: near(below), native: native(below), scalar: scalar(below) }
}

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = &'static str> + Clone {
    select(texts)
}

const MODIFIERS: &[&str] = &[
    "",
    "",
    "",
    "",
    "",
    " offset 30s",
    " offset -1m",
    " @ 400",
    " @ start()",
    " @ end() offset 45s",
    " offset (1m - 20s)",
];

const METRICS: &[&str] = &[
    "g",
    "g",
    "s",
    "s",
    "c_total",
    r#"g{i="a"}"#,
    r#"g{i!="a"}"#,
    r#"c_total{j=~"u|"}"#,
    r#"{__name__=~"g|s",i="b"}"#,
    r#"{__name__=~"c_total|g"}"#,
    "x",
    "h_bucket",
    r#"g{i="none"}"#,
];

const RANGES: &[&str] =
    &["10s", "15s", "37s", "1m", "90s", "2m30s", "5m", "12m", "30s * 2", "step() + 1m"];
const STEPS: &[&str] = &["5s", "10s", "15s", "20s", "45s", "1m", "2m", ""];
const GROUPINGS: &[&str] = &[
    "",
    "",
    " by (i)",
    " by (i, j)",
    " by (j)",
    " without (i)",
    " without ()",
    " by (__name__)",
    " by (none)",
];
const MATCHINGS: &[&str] = &[
    "",
    "",
    "on (i)",
    "on (i, j)",
    "on ()",
    "ignoring (j)",
    "on (i) group_left ()",
    "on (i) group_left (j)",
    "on (i) group_right ()",
    "ignoring (j) group_left ()",
    "on (i) group_right (k)",
];
const SET_MATCHINGS: &[&str] = &["", "", "on (i)", "on (j)", "ignoring (j)", "on ()"];

/// The form with a vector in the place of `%` and a scalar in that of `$`.
fn filled(form: &str, vector: &str, scalar: &str) -> String {
    let (before, behind) = form.split_once('%').unwrap_or((form, ""));
    let fill = |part: &str| part.replacen('$', scalar, 1);
    format!("{}{vector}{}", fill(before), fill(behind))
}

fn selector() -> Text {
    (one_of(METRICS), one_of(MODIFIERS)).prop_map(|(m, modifier)| format!("{m}{modifier}")).boxed()
}

fn range() -> Text {
    (one_of(METRICS), one_of(RANGES), one_of(MODIFIERS))
        .prop_map(|(metric, range, modifier)| format!("{metric}[{range}]{modifier}"))
        .boxed()
}

fn subquery(operand: &Text) -> Text {
    (operand.clone(), one_of(RANGES), one_of(STEPS), one_of(MODIFIERS))
        .prop_map(|(of, range, step, modifier)| format!("({of})[{range}:{step}]{modifier}"))
        .boxed()
}

fn number() -> Text {
    one_of(&["0", "1", "2", "-1.5", "0.25", "3", "10", "NaN", "Inf", "time()", "1e3", "pi()"])
        .prop_map(str::to_owned)
        .boxed()
}

/// How many are wanted. What is below every count is refused only if another step wants some.
fn count() -> Text {
    prop_oneof![6 => number(), 1 => Just(r#"scalar(s{i="b"})"#.to_owned())].boxed()
}

fn scalar(below: &Level) -> Text {
    let ops = one_of(&["+", "-", "== bool", "> bool", "!= bool", "<= bool"]);
    prop_oneof![
        6 => number(),
        2 => below.exact.clone().prop_map(|v| format!("scalar({v})")),
        2 => below.exact.clone().prop_map(|v| format!("scalar(sum({v}))")),
        1 => below.scalar.clone().prop_map(|s| format!("-{s}")),
        1 => (one_of(&["min_of", "max_of"]), below.scalar.clone(), below.scalar.clone())
            .prop_map(|(name, a, b)| format!("{name}({a}, {b})")),
        2 => (below.scalar.clone(), ops, below.scalar.clone())
            .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
    ]
    .boxed()
}

/// A function of one vector around `of`.
fn call(names: &'static [&'static str], of: &Text) -> Text {
    (one_of(names), of.clone()).prop_map(|(name, of)| format!("{name}({of})")).boxed()
}

/// An aggregation of `of`.
fn aggregate(names: &'static [&'static str], of: &Text) -> Text {
    (one_of(names), one_of(GROUPINGS), of.clone())
        .prop_map(|(name, grouping, of)| format!("{name}{grouping} ({of})"))
        .boxed()
}

/// An operator between two vectors.
fn joined(ops: &'static [&'static str], left: &Text, right: &Text) -> Text {
    let plain = (left.clone(), one_of(ops), one_of(MATCHINGS), right.clone())
        .prop_map(|(l, op, matching, r)| format!("({l}) {op} {matching} ({r})"));
    let grouped = (left.clone(), one_of(ops), right.clone())
        .prop_map(|(l, op, r)| format!("sum by (i, j) ({l}) {op} sum by (i, j) ({r})"));
    let unequal = (left.clone(), one_of(ops), right.clone())
        .prop_map(|(l, op, r)| format!("({l}) {op} on (i) group_left (k) max by (i) ({r})"));
    prop_oneof![2 => plain, 2 => grouped, 2 => unequal].boxed()
}

fn sets(left: &Text, right: &Text) -> Text {
    let ops = one_of(&["and", "or", "unless"]);
    (left.clone(), ops, one_of(SET_MATCHINGS), right.clone())
        .prop_map(|(l, op, matching, r)| format!("({l}) {op} {matching} ({r})"))
        .boxed()
}

/// What changes labels alone.
fn relabelled(of: &Text) -> Text {
    let rules = one_of(&[
        r#"label_replace(%, "k", "x$1", "i", "(a|b)")"#,
        r#"label_replace(%, "i", "$1", "j", "(.*)")"#,
        r#"label_replace(%, "j", "${1}y", "i", "(.).*")"#,
        r#"label_replace(%, "j", "", "i", "b")"#,
        r#"label_replace(%, "__name__", "m", "", "")"#,
        r#"label_join(%, "k", "-", "i", "j")"#,
        r#"label_join(%, "j", "", "i")"#,
        r#"label_join(%, "i", "+")"#,
        r#"sort_by_label(%, "i")"#,
        r#"sort_by_label_desc(%, "j", "i")"#,
    ]);
    (rules, of.clone()).prop_map(|(rule, of)| rule.replacen('%', &of, 1)).boxed()
}

/// What only chooses and moves values.
fn moved(of: &Text) -> Text {
    prop_oneof![
        of.clone().prop_map(|v| format!("-({v})")),
        of.clone().prop_map(|v| format!("+({v})")),
        relabelled(of),
        call(&["abs", "sort", "sort_desc", "absent"], of),
        aggregate(&["min", "max"], of),
        call(
            &["last_over_time", "first_over_time", "max_over_time", "min_over_time"],
            &subquery(of)
        ),
    ]
    .boxed()
}

const EXACT_OVER_TIME: &[&str] = &[
    "absent_over_time",
    "changes",
    "count_over_time",
    "first_over_time",
    "idelta",
    "last_over_time",
    "max_over_time",
    "min_over_time",
    "present_over_time",
    "resets",
    "sum_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
];
const COMPARISONS: &[&str] =
    &["==", "!=", ">", "<", ">=", "<=", "== bool", "!= bool", "> bool", "<= bool"];

fn exact(below: &Level) -> Text {
    let (v, s) = (&below.exact, &below.scalar);
    let with_scalar = one_of(&[
        "(%) + $",
        "$ - (%)",
        "(%) == $",
        "(%) > bool $",
        "$ <= (%)",
        "(%) != $",
        "$ == bool (%)",
        "clamp(%, -3, $)",
        "clamp(%, $, 20)",
        "clamp_min(%, $)",
        "clamp_max(%, $)",
        "(%) * 2",
        "0.5 * (%)",
        "(%) % 4",
        "round(%, 4)",
        "round(%, 0.5)",
    ]);
    let with_scalar =
        (with_scalar, v.clone(), s.clone()).prop_map(|(form, v, s)| filled(form, &v, &s));
    let picked = one_of(&["topk", "bottomk", "limitk"]);
    let picked = (picked.clone(), one_of(GROUPINGS), count(), selector())
        .prop_map(|(op, grouping, k, of)| format!("{op}{grouping} ({k}, {of})"));
    let best = one_of(&["sum(topk", "sum(bottomk", "count(limitk", "max(topk"]);
    let best = (best, one_of(GROUPINGS), count(), v.clone())
        .prop_map(|(op, grouping, k, of)| format!("{op}{grouping} ({k}, {of}))"));
    let counted = (one_of(GROUPINGS), one_of(&["v", "i"]), v.clone())
        .prop_map(|(grouping, label, of)| format!("count_values{grouping} (\"{label}\", {of})"));
    let date = one_of(&[
        "day_of_month",
        "day_of_week",
        "day_of_year",
        "days_in_month",
        "hour",
        "minute",
        "month",
        "year",
    ]);
    let date = (date, one_of(&["s * 1e4", "-s * 1e7", "vector(time() * 1e5)", ""]))
        .prop_map(|(name, of)| format!("{name}({of})"));
    prop_oneof![
        6 => selector(),
        3 => moved(v),
        3 => with_scalar,
        2 => call(&["ceil", "floor", "round", "sgn", "timestamp", "histogram_count"], v),
        4 => aggregate(&["sum", "count", "group", "min", "max"], v),
        2 => picked,
        1 => best,
        1 => counted,
        1 => date,
        1 => s.clone().prop_map(|s| format!("vector({s})")),
        6 => call(EXACT_OVER_TIME, &range()),
        3 => call(EXACT_OVER_TIME, &subquery(v)),
        3 => joined(&["+", "-"], v, v),
        3 => joined(COMPARISONS, v, v),
        3 => sets(v, v),
    ]
    .boxed()
}

const NEAR_OVER_TIME: &[&str] = &[
    "avg_over_time(%)",
    "delta(%)",
    "deriv(%)",
    "double_exponential_smoothing(%, 0.3, 0.6)",
    "increase(%)",
    "irate(%)",
    "mad_over_time(%)",
    "predict_linear(%, 60)",
    "quantile_over_time(0.3, %)",
    "quantile_over_time(1.5, %)",
    "rate(%)",
    "stddev_over_time(%)",
    "stdvar_over_time(%)",
];
/// The same, without what looks for resets.
const NEAR_OVER_NEAR: &[&str] = &[
    "avg_over_time(%)",
    "delta(%)",
    "quantile_over_time(0.3, %)",
    "stddev_over_time(%)",
    "sum_over_time(%)",
    "count_over_time(%)",
];

fn over(forms: &'static [&'static str], of: &Text) -> Text {
    (one_of(forms), of.clone()).prop_map(|(form, of)| form.replacen('%', &of, 1)).boxed()
}

/// Their values may leap, or lie about where they do.
const OF_NUMBERS: &[&str] = &[
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "deg", "exp", "ln", "log10",
    "log2", "rad", "sin", "sinh", "sqrt", "tan", "tanh",
];

fn near(below: &Level) -> Text {
    let (v, near) = (&below.exact, &below.near);
    let quantile = (one_of(GROUPINGS), near.clone())
        .prop_map(|(grouping, of)| format!("quantile{grouping} (0.3, {of})"));
    let scaled = (near.clone(), one_of(&["(%) * 2", "(%) / 8", "1 - (%)", "(%) + 0.25"]))
        .prop_map(|(of, form)| form.replacen('%', &of, 1));
    prop_oneof![
        3 => v.clone(),
        3 => moved(near),
        1 => scaled,
        1 => call(OF_NUMBERS, v),
        1 => quantile,
        4 => aggregate(&["sum", "avg", "stddev", "stdvar"], near),
        8 => over(NEAR_OVER_TIME, &range()),
        3 => over(NEAR_OVER_TIME, &subquery(v)),
        2 => over(NEAR_OVER_NEAR, &subquery(near)),
        2 => joined(&["*", "/", "%", "^", "atan2"], v, v),
        2 => joined(&["+", "-"], near, near),
        1 => sets(near, near),
        2 => classic_quantile(),
        2 => over(NATIVE_NUMBERS, &below.native),
    ]
    .boxed()
}

fn classic_quantile() -> Text {
    let buckets = one_of(&[
        "h_bucket",
        "rate(h_bucket[2m])",
        "sum by (le) (rate(h_bucket[1m]))",
        "increase(h_bucket[5m])",
        r#"h_bucket{le!="+Inf"}"#,
        "max without (i) (h_bucket)",
        "g",
    ]);
    let forms = one_of(&[
        "histogram_quantile(0.37, %)",
        "histogram_quantile(0.913, %)",
        "histogram_quantile(-1, %)",
        "histogram_quantile(2, %)",
        "histogram_quantile(NaN, %)",
        "histogram_fraction(0.3, 1.5, %)",
        "histogram_fraction(-Inf, 0.7, %)",
        "histogram_fraction(-2, Inf, %)",
        "histogram_fraction(1, 1, %)",
    ]);
    (forms, buckets).prop_map(|(form, of)| form.replacen('%', of, 1)).boxed()
}

const NATIVE_NUMBERS: &[&str] = &[
    "histogram_avg(%)",
    "histogram_count(%)",
    "histogram_quantile(0.37, %)",
    "histogram_stddev(%)",
    "histogram_stdvar(%)",
    "histogram_fraction(0.25, 1.7, %)",
    "histogram_sum(%)",
    "count by (i) (%)",
    "timestamp(%)",
    "absent(%)",
];

fn native_selector() -> Text {
    let metrics = one_of(&[
        "n",
        "n",
        "q",
        r#"n{i="a"}"#,
        r#"n{j="v"}"#,
        r#"q{i="b"}"#,
        r#"{__name__=~"n|x"}"#,
        r#"{__name__=~"n|q"}"#,
    ]);
    (metrics, one_of(MODIFIERS)).prop_map(|(m, modifier)| format!("{m}{modifier}")).boxed()
}

fn native(below: &Level) -> Text {
    let of = &below.native;
    let over_time = one_of(&[
        "rate",
        "increase",
        "delta",
        "irate",
        "idelta",
        "sum_over_time",
        "avg_over_time",
        "last_over_time",
        "first_over_time",
        "count_over_time",
        "resets",
        "changes",
        "max_over_time",
    ]);
    let over_time = (over_time, one_of(&["n", "n", "q", "x"]), one_of(RANGES), one_of(MODIFIERS))
        .prop_map(|(name, of, range, modifier)| format!("{name}({of}[{range}]{modifier})"));
    let over_points = one_of(&["sum_over_time(%)", "last_over_time(%)", "avg_over_time(%)"]);
    let over_points = (over_points, subquery(of)).prop_map(|(form, of)| form.replacen('%', &of, 1));
    let scaled = one_of(&[
        "(%) * 2",
        "(%) / 4",
        "3 * (%)",
        "-(%)",
        "(%) / 0",
        "(%) + 1",
        "(%) > 1",
        "(%) </ 0.8",
        "(%) >/ 0.8",
    ]);
    let scaled = (scaled, of.clone()).prop_map(|(form, of)| form.replacen('%', &of, 1));
    prop_oneof![
        3 => native_selector(),
        5 => over_time,
        1 => over_points,
        3 => scaled,
        4 => aggregate(&["sum", "avg", "count", "group"], of),
        2 => joined(&["+", "-"], of, of),
        1 => (native_selector(), one_of(&["==", "!=", "== bool"]), native_selector())
            .prop_map(|(l, op, r)| format!("{l} {op} {r}")),
        1 => sets(of, &below.near),
        1 => relabelled(of),
    ]
    .boxed()
}
