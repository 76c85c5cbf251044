//! Aggregations: elements put into groups, and what becomes of each group.

use std::cmp::Ordering;

use model::float::Plain;
use model::{Histogram, Labels};
use promql::SampleValue::{self, Float};
use promql::ast::{Aggregate, AggregateOp};
use promql::native;

use super::{Literal, LiteralError, Moment, Vector, better, floats, mean, refused, sum, unknown};
use super::{quantile, variance};

impl Literal {
    pub(super) fn aggregate(
        &self,
        aggregate: &Aggregate,
        at: Moment,
    ) -> Result<Vector, LiteralError> {
        let mut vector = self.vector(&aggregate.operand, at)?;
        let mut grouping = aggregate.grouping.clone();
        let mut parameter = f64::NAN;
        if let Some(expr) = &aggregate.parameter {
            if aggregate.op == AggregateOp::CountValues {
                let label = self.text(expr, at)?;
                vector.iter_mut().for_each(|(labels, value)| {
                    *labels = labels.to_builder().set(label.as_str(), written(value)).build();
                });
                if !aggregate.without {
                    grouping.push(label);
                }
            } else {
                parameter = self.scalar(expr, at)?;
            }
        }
        use AggregateOp::{Bottomk, Limitk, Topk};
        let is_count = parameter.is_finite() && parameter.abs() < 9e18;
        if matches!(aggregate.op, Topk | Bottomk | Limitk) && !is_count {
            return refused("a parameter that is no count");
        }
        let mut groups: Vec<(Labels, Vector)> = Vec::new();
        for (labels, value) in vector {
            let key = group(&labels, &grouping, aggregate.without);
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, members)) => members.push((labels, value)),
                None => groups.push((key, vec![(labels, value)])),
            }
        }
        let mut results = Vec::new();
        for (labels, members) in groups {
            results.extend(of_group(aggregate.op, labels, members, parameter)?);
        }
        Ok(results)
    }
}

fn group(labels: &Labels, grouping: &[String], without: bool) -> Labels {
    let listed = |name: &str| grouping.iter().any(|label| label == name);
    if without {
        labels.filtered(|name| name != "__name__" && !listed(name))
    } else {
        labels.filtered(listed)
    }
}

/// How `count_values` writes what it counts.
fn written(value: &SampleValue) -> String {
    match value {
        Float(v) => Plain(*v).to_string(),
        SampleValue::Histogram(h) => h.to_string(),
    }
}

/// What becomes of one group: no element, one with the labels of the group, or some of its members.
fn of_group(
    op: AggregateOp,
    labels: Labels,
    members: Vector,
    parameter: f64,
) -> Result<Vector, LiteralError> {
    let one = |value: Option<SampleValue>| value.map(|value| (labels, value)).into_iter().collect();
    let count = members.len() as f64;
    Ok(match op {
        AggregateOp::Sum => one(total(&members, false)),
        AggregateOp::Avg => one(total(&members, true)),
        AggregateOp::Count | AggregateOp::CountValues => one(Some(Float(count))),
        AggregateOp::Group => one(Some(Float(1.0))),
        AggregateOp::Topk => ranked(floats(members), parameter, |a, b| b.partial_cmp(&a)),
        AggregateOp::Bottomk => ranked(floats(members), parameter, |a, b| a.partial_cmp(&b)),
        AggregateOp::Limitk => members.into_iter().take(whole(parameter)).collect(),
        AggregateOp::LimitRatio => return unknown("which series limit_ratio chooses"),
        _ => {
            let values: Vec<f64> = floats(members).into_iter().map(|(_, v)| v).collect();
            one(of_floats(op, &values, parameter).map(Float))
        }
    })
}

fn of_floats(op: AggregateOp, values: &[f64], parameter: f64) -> Option<f64> {
    let all = values.iter().copied();
    match op {
        AggregateOp::Min => all.reduce(|a, b| better(a, b, |b, a| b < a)),
        AggregateOp::Max => all.reduce(|a, b| better(a, b, |b, a| b > a)),
        _ if values.is_empty() => None,
        AggregateOp::Stddev => Some(variance(values).sqrt()),
        AggregateOp::Stdvar => Some(variance(values)),
        _ => Some(quantile::of_values(parameter, values)),
    }
}

/// The sum or mean of floats alone or of histograms alone.
fn total(members: &Vector, is_mean: bool) -> Option<SampleValue> {
    let histograms: Vec<&Histogram> = members
        .iter()
        .filter_map(|(_, value)| match value {
            SampleValue::Histogram(h) => Some(h.as_ref()),
            Float(_) => None,
        })
        .collect();
    let values: Vec<f64> = floats(members.clone()).into_iter().map(|(_, v)| v).collect();
    match (histograms.is_empty(), values.is_empty()) {
        (true, _) if is_mean => Some(Float(mean(&values))),
        (true, _) => Some(Float(sum(values))),
        (false, true) => {
            let total = native::total(&histograms, is_mean).ok()?;
            Some(SampleValue::Histogram(Box::new(total.histogram)))
        }
        (false, false) => None,
    }
}

/// The first `k` by that order, NaN behind all numbers, equals as they came.
fn ranked(
    mut members: Vec<(Labels, f64)>,
    k: f64,
    order: impl Fn(f64, f64) -> Option<Ordering>,
) -> Vector {
    members.sort_by(|(_, a), (_, b)| order(*a, *b).unwrap_or(a.is_nan().cmp(&b.is_nan())));
    members.into_iter().take(whole(k)).map(|(labels, v)| (labels, Float(v))).collect()
}

/// A parameter as a count.
#[expect(clippy::cast_possible_truncation, reason = "counts of tests are small")]
#[expect(clippy::cast_sign_loss, reason = "what is below zero is zero")]
fn whole(k: f64) -> usize {
    k.max(0.0) as usize
}
