//! Functions, by name.

use std::cmp::Ordering;
use std::collections::HashSet;

use model::{Histogram, Labels, LabelsBuilder, MatchOp, Matcher};
use promql::SampleValue::{self, Float};
use promql::ast::{Call, Expr, Selector, ValueType};
use promql::native;
use regex::Regex;

use super::window::Window;
use super::{
    Literal, LiteralError, Meaning, Moment, Sample, Vector, dates, floats, histogram_window,
};
use super::{nameless, quantile, refused, unknown, window};

impl Literal {
    pub(super) fn call(&self, call: &Call, at: Moment) -> Result<Meaning, LiteralError> {
        let arguments = &call.arguments;
        let now = at.t as f64 / 1000.0;
        Ok(match call.function.name {
            "time" => Meaning::Scalar(now),
            "min_of" | "max_of" => {
                let (a, b) = (self.scalar(&arguments[0], at)?, self.scalar(&arguments[1], at)?);
                let is_least = call.function.name == "min_of";
                Meaning::Scalar(if is_least { smaller(a, b) } else { larger(a, b) })
            }
            "pi" => Meaning::Scalar(std::f64::consts::PI),
            "scalar" => {
                let found = floats(self.vector(&arguments[0], at)?);
                Meaning::Scalar(if let [(_, v)] = found[..] { v } else { f64::NAN })
            }
            "absent_over_time" => {
                let is_absent = self.matrix(&arguments[0], at)?.is_empty();
                Meaning::Vector(absent(&arguments[0], is_absent))
            }
            _ if arguments.iter().any(|a| a.value_type() == ValueType::Matrix) => {
                Meaning::Vector(self.over_ranges(call, at)?)
            }
            name => Meaning::Vector(self.of_vector(name, call, at)?),
        })
    }

    /// Functions that give a vector and take no range.
    fn of_vector(&self, name: &str, call: &Call, at: Moment) -> Result<Vector, LiteralError> {
        let arguments = &call.arguments;
        let now = at.t as f64 / 1000.0;
        let vector = |place: usize| self.vector(&arguments[place], at);
        let scalar = |place: usize| self.scalar(&arguments[place], at);
        Ok(match name {
            "vector" => vec![(Labels::empty(), Float(scalar(0)?))],
            "absent" => absent(&arguments[0], vector(0)?.is_empty()),
            "timestamp" => self.timestamps(&arguments[0], at)?,
            "sort" | "sort_desc" => sorted(vector(0)?, name == "sort_desc"),
            "sort_by_label" | "sort_by_label_desc" => vector(0)?,
            "label_replace" | "label_join" => self.relabelled(name, arguments, at)?,
            "histogram_fraction" => quantile::fractions(scalar(0)?, scalar(1)?, vector(2)?),
            "histogram_quantile" => quantile::of_histograms(scalar(0)?, vector(1)?),
            "histogram_count" => of_natives(vector(0)?, |h| h.count),
            "histogram_sum" => of_natives(vector(0)?, |h| h.sum),
            "histogram_avg" => of_natives(vector(0)?, |h| h.sum / h.count),
            "histogram_stddev" => of_natives(vector(0)?, |h| native::deviation(h).sqrt()),
            "histogram_stdvar" => of_natives(vector(0)?, native::deviation),
            _ if dates::FUNCTIONS.contains(&name) => {
                let times = match arguments.is_empty() {
                    true => vec![(Labels::empty(), Float(now))],
                    false => vector(0)?,
                };
                let part = |v| dates::part(name, v);
                return each(times, part)
                    .ok_or_else(|| LiteralError::Unknown("dates so far away".to_owned()));
            }
            "clamp" => {
                let (of, least, most) = (vector(0)?, scalar(1)?, scalar(2)?);
                if least > most {
                    return Ok(Vec::new());
                }
                each(of, |v| Some(larger(least, smaller(most, v)))).unwrap_or_default()
            }
            "clamp_min" => {
                let least = scalar(1)?;
                each(vector(0)?, |v| Some(larger(least, v))).unwrap_or_default()
            }
            "clamp_max" => {
                let most = scalar(1)?;
                each(vector(0)?, |v| Some(smaller(most, v))).unwrap_or_default()
            }
            "round" => {
                let parts = 1.0 / if arguments.len() > 1 { scalar(1)? } else { 1.0 };
                each(vector(0)?, |v| Some((v * parts + 0.5).floor() / parts)).unwrap_or_default()
            }
            _ => match of_number(name) {
                Some(f) => each(vector(0)?, |v| Some(f(v))).unwrap_or_default(),
                None => return unknown(name),
            },
        })
    }

    /// When each sample was taken: known of a selector's samples; others were made just now.
    fn timestamps(&self, argument: &Expr, at: Moment) -> Result<Vector, LiteralError> {
        if let Expr::Selector(selector) = argument.unwrap_parens() {
            let found = self.instant_of_timestamp(selector, at.t)?;
            let time =
                |(labels, (t, _)): (Labels, Sample)| (nameless(&labels), Float(t as f64 / 1000.0));
            return Ok(found.into_iter().map(time).collect());
        }
        let now = at.t as f64 / 1000.0;
        let vector = self.vector(argument, at)?;
        Ok(vector.into_iter().map(|(labels, _)| (nameless(&labels), Float(now))).collect())
    }

    fn relabelled(
        &self,
        name: &str,
        arguments: &[Expr],
        at: Moment,
    ) -> Result<Vector, LiteralError> {
        let texts = arguments[1..].iter().map(|argument| self.text(argument, at));
        let texts: Vec<String> = texts.collect::<Result<_, _>>()?;
        let target = texts[0].as_str();
        if target.is_empty() {
            return refused("invalid target label name");
        }
        let mut vector = self.vector(&arguments[0], at)?;
        if name == "label_join" {
            for (labels, _) in &mut vector {
                let values: Vec<&str> = texts[2..].iter().map(|name| labels.get(name)).collect();
                *labels = labels.to_builder().set(target, values.join(&texts[1])).build();
            }
            return Ok(vector);
        }
        let Ok(regex) = Regex::new(&format!("^(?s:{})$", texts[3])) else {
            return refused("invalid regular expression");
        };
        for (labels, _) in &mut vector {
            if let Some(found) = regex.captures(labels.get(&texts[2])) {
                let mut value = String::new();
                found.expand(&texts[1], &mut value);
                let relabelled = labels.to_builder().set(target, value).build();
                *labels = relabelled;
            }
        }
        Ok(vector)
    }

    fn matrix(&self, expr: &Expr, at: Moment) -> Result<super::Matrix, LiteralError> {
        match self.meaning(expr, at)? {
            Meaning::Matrix(matrix) => Ok(matrix),
            other => unknown(&format!("{other:?} as a range")),
        }
    }

    /// Functions over ranges: each series that has samples there, and what they come to.
    fn over_ranges(&self, call: &Call, at: Moment) -> Result<Vector, LiteralError> {
        let name = call.function.name;
        let (mut scalars, mut matrix, mut edges) = (Vec::new(), Vec::new(), None);
        for argument in &call.arguments {
            match argument.unwrap_parens() {
                Expr::Range(range) => edges = Some((&range.selector.shift, &range.range)),
                Expr::Subquery(subquery) => edges = Some((&subquery.shift, &subquery.range)),
                _ => {
                    scalars.push(self.scalar(argument, at)?);
                    continue;
                }
            }
            matrix = self.matrix(argument, at)?;
        }
        let Some((shift, range)) = edges else { return unknown("a function without its range") };
        let end_ms = self.looked_at(shift, at.t)?;
        let start_ms = end_ms - self.range_ms(range)?;
        let mut results = Vec::new();
        for (labels, samples) in matrix {
            let window = Window { start_ms, end_ms, now_ms: at.t, scalars: &scalars };
            let value = match window::only_floats(&samples) {
                Some(floats) => window::of(name, &floats, &window)?.map(Float),
                None => histogram_window::of(name, &samples, &window)?,
            };
            let keeps_name = ["last_over_time", "first_over_time"].contains(&name);
            let result = if keeps_name { labels.clone() } else { nameless(&labels) };
            if let Some(value) = value {
                // Two series must not become one, be it at different times.
                let mut origins = self.origins.borrow_mut();
                let origin = origins.entry((call.span, result.clone())).or_insert(labels.clone());
                if *origin != labels {
                    return refused(super::SAME_LABELS);
                }
                results.push((result, value));
            }
        }
        Ok(results)
    }
}

/// One element if nothing is there, with the labels that a selector names by `=`.
fn absent(argument: &Expr, is_absent: bool) -> Vector {
    if !is_absent {
        return Vec::new();
    }
    let matchers: &[Matcher] = match argument.unwrap_parens() {
        Expr::Selector(Selector { matchers, .. }) => matchers,
        Expr::Range(range) => &range.selector.matchers,
        _ => &[],
    };
    let (mut labels, mut named) = (LabelsBuilder::default(), HashSet::new());
    for matcher in matchers.iter().filter(|matcher| matcher.name != "__name__") {
        if matcher.op == MatchOp::Equal && named.insert(&matcher.name) {
            labels.set(matcher.name.as_str(), matcher.value.as_str());
        } else {
            labels.remove(&matcher.name);
        }
    }
    vec![(labels.build(), Float(1.0))]
}

/// Sorted by value, NaN last; without the histograms.
fn sorted(vector: Vector, falling: bool) -> Vector {
    let mut all = floats(vector);
    all.sort_by(|(_, a), (_, b)| {
        let order = if falling { b.partial_cmp(a) } else { a.partial_cmp(b) };
        order.unwrap_or(a.is_nan().cmp(&b.is_nan()))
    });
    all.into_iter().map(|(labels, v)| (labels, Float(v))).collect()
}

/// A number for each histogram; floats are left out.
fn of_natives(vector: Vector, number: impl Fn(&Histogram) -> f64) -> Vector {
    let one = |(labels, value)| match value {
        SampleValue::Histogram(h) => Some((nameless(&labels), Float(number(&h)))),
        Float(_) => None,
    };
    vector.into_iter().filter_map(one).collect()
}

/// A number for each float; histograms are left out. `None` if one has none.
fn each(vector: Vector, number: impl Fn(f64) -> Option<f64>) -> Option<Vector> {
    let one = |(labels, v)| Some((nameless(&labels), Float(number(v)?)));
    floats(vector).into_iter().map(one).collect()
}

/// The smaller of two; NaN if one is, unless the other is the smallest of all.
fn smaller(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    match a.partial_cmp(&b) {
        None => f64::NAN,
        Some(Ordering::Equal) if b.is_sign_negative() => b,
        Some(Ordering::Less | Ordering::Equal) => a,
        Some(Ordering::Greater) => b,
    }
}

/// The larger of two; NaN if one is, unless the other is the largest of all.
fn larger(a: f64, b: f64) -> f64 {
    -smaller(-a, -b)
}

/// Functions of one number.
fn of_number(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "acos" => f64::acos,
        "acosh" => f64::acosh,
        "asin" => f64::asin,
        "asinh" => f64::asinh,
        "atan" => f64::atan,
        "atanh" => f64::atanh,
        "ceil" => f64::ceil,
        "cos" => f64::cos,
        "cosh" => f64::cosh,
        "deg" => |v| v * 180.0 / std::f64::consts::PI,
        "exp" => f64::exp,
        "floor" => f64::floor,
        "ln" => f64::ln,
        "log10" => f64::log10,
        "log2" => f64::log2,
        "rad" => |v| v * std::f64::consts::PI / 180.0,
        "sgn" => |v| {
            if v > 0.0 {
                1.0
            } else if v < 0.0 {
                -1.0
            } else {
                v
            }
        },
        "sin" => f64::sin,
        "sinh" => f64::sinh,
        "sqrt" => f64::sqrt,
        "tan" => f64::tan,
        "tanh" => f64::tanh,
        _ => return None,
    })
}
