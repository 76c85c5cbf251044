//! Operators: arithmetic, comparisons, sets, and how elements of two vectors find each other.

use std::collections::HashSet;

use model::{Histogram, Labels};
use promql::SampleValue::{self, Float};
use promql::ast::{Binary, BinaryOp, Cardinality, Matching};
use promql::native;

use super::{Literal, LiteralError, Meaning, Moment, Vector, nameless, refused, unknown};

/// Two elements that both could be the one partner.
const MANY_TO_MANY: &str = "many-to-many matching not allowed: matching labels must be unique on \
                            one side";
/// Two elements that share a partner without leave.
const MANY_TO_ONE: &str = "multiple matches for labels: many-to-one matching must be explicit \
                           (group_left/group_right)";
/// Two results that cannot be told apart.
const NOT_UNIQUE: &str = "multiple matches for labels: grouping labels must ensure unique matches";

/// `-x`
pub(super) fn negative(meaning: Meaning) -> Result<Meaning, LiteralError> {
    let negated = |value| match value {
        Float(v) => Float(-v),
        SampleValue::Histogram(h) => times(&h, -1.0),
    };
    match meaning {
        Meaning::Scalar(v) => Ok(Meaning::Scalar(-v)),
        Meaning::Vector(vector) => {
            let negated = vector.into_iter().map(|(l, value)| (nameless(&l), negated(value)));
            Ok(Meaning::Vector(negated.collect()))
        }
        other => unknown(&format!("the negative of {other:?}")),
    }
}

/// A histogram with all it counts multiplied.
pub(super) fn times(h: &Histogram, factor: f64) -> SampleValue {
    SampleValue::Histogram(Box::new(changed(h, |v| v * factor)))
}

/// A histogram with all it counts divided. By zero, nothing can be said of its buckets.
fn divided(h: &Histogram, divisor: f64) -> SampleValue {
    let mut quotient = changed(h, |v| v / divisor);
    if divisor == 0.0 {
        (quotient.positive, quotient.positive_spans) = Default::default();
        (quotient.negative, quotient.negative_spans) = Default::default();
    }
    SampleValue::Histogram(Box::new(quotient))
}

fn changed(h: &Histogram, change: impl Fn(f64) -> f64) -> Histogram {
    let each = |counts: &[f64]| counts.iter().map(|count| change(*count)).collect();
    Histogram {
        count: change(h.count),
        sum: change(h.sum),
        zero_count: change(h.zero_count),
        positive: each(&h.positive),
        negative: each(&h.negative),
        ..h.clone()
    }
}

/// An arithmetic operator.
pub(super) fn calculated(op: BinaryOp, a: f64, b: f64) -> Result<f64, LiteralError> {
    Ok(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Atan2 => a.atan2(b),
        _ => return unknown(op.as_str()),
    })
}

/// Whether a comparison holds.
fn holds(op: BinaryOp, a: f64, b: f64) -> Result<bool, LiteralError> {
    Ok(match op {
        BinaryOp::Eq => a == b,
        BinaryOp::Ne => a != b,
        BinaryOp::Gt => a > b,
        BinaryOp::Lt => a < b,
        BinaryOp::Ge => a >= b,
        BinaryOp::Le => a <= b,
        _ => return unknown(op.as_str()),
    })
}

fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

/// What an operator makes of two samples.
enum Made {
    /// This.
    Value(SampleValue),
    /// Nothing: the comparison does not hold.
    Nothing,
    /// They do not fit together, as if they were not matched.
    Unfit,
}

/// What an operator makes of two samples. A comparison that holds keeps `kept`.
fn of_samples(
    binary: &Binary,
    left: &SampleValue,
    right: &SampleValue,
    kept: &SampleValue,
) -> Result<Made, LiteralError> {
    use SampleValue::Histogram as H;
    let op = binary.op;
    let compared = |holds: bool| match (binary.return_bool, holds) {
        (true, holds) => Made::Value(Float(truth(holds))),
        (false, true) => Made::Value(kept.clone()),
        (false, false) => Made::Nothing,
    };
    let combined = |made: Result<native::Combined, native::Mismatch>| match made {
        Ok(made) => Made::Value(H(Box::new(native::compact(&made.histogram)))),
        Err(native::Mismatch) => Made::Unfit,
    };
    let trimmed =
        |h: &Histogram, at, below| Made::Value(H(Box::new(native::trimmed(h, at, below))));
    Ok(match (left, right) {
        (Float(_), Float(_)) if is_trim(op) => Made::Unfit,
        (Float(a), Float(b)) if op.is_comparison() => compared(holds(op, *a, *b)?),
        (Float(a), Float(b)) => Made::Value(Float(calculated(op, *a, *b)?)),
        (H(a), Float(b)) if op == BinaryOp::Mul => Made::Value(times(a, *b)),
        (H(a), Float(b)) if op == BinaryOp::Div => Made::Value(divided(a, *b)),
        (Float(a), H(b)) if op == BinaryOp::Mul => Made::Value(times(b, *a)),
        (H(a), Float(b)) if op == BinaryOp::TrimUpper => trimmed(a, *b, true),
        (H(a), Float(b)) if op == BinaryOp::TrimLower => trimmed(a, *b, false),
        (H(a), H(b)) if op == BinaryOp::Eq => compared(native::equal(a, b)),
        (H(a), H(b)) if op == BinaryOp::Ne => compared(!native::equal(a, b)),
        (H(a), H(b)) if op == BinaryOp::Add => combined(native::add(a, b)),
        (H(a), H(b)) if op == BinaryOp::Sub => combined(native::subtract(a, b)),
        _ => Made::Unfit,
    })
}

fn is_trim(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
}

/// Whether the operator's results are other metrics than its operands.
fn changes_the_metric(binary: &Binary) -> bool {
    let op = binary.op;
    binary.return_bool || !(op.is_comparison() || op.is_set() || is_trim(op))
}

impl Literal {
    pub(super) fn binary(&self, binary: &Binary, at: Moment) -> Result<Meaning, LiteralError> {
        let (left, right) = (self.meaning(&binary.left, at)?, self.meaning(&binary.right, at)?);
        Ok(match (left, right) {
            (Meaning::Scalar(a), Meaning::Scalar(b)) if binary.op.is_comparison() => {
                Meaning::Scalar(truth(holds(binary.op, a, b)?))
            }
            (Meaning::Scalar(a), Meaning::Scalar(b)) => {
                Meaning::Scalar(calculated(binary.op, a, b)?)
            }
            (Meaning::Vector(vector), Meaning::Scalar(b)) => {
                Meaning::Vector(each(binary, vector, |value| (value.clone(), Float(b)))?)
            }
            (Meaning::Scalar(a), Meaning::Vector(vector)) => {
                Meaning::Vector(each(binary, vector, |value| (Float(a), value.clone()))?)
            }
            (Meaning::Vector(left), Meaning::Vector(right)) => {
                let Some(matching) = &binary.matching else {
                    return unknown("two vectors without matching");
                };
                Meaning::Vector(match binary.op {
                    BinaryOp::And => among(left, &right, matching, true),
                    BinaryOp::Unless => among(left, &right, matching, false),
                    BinaryOp::Or => {
                        let others = among(right, &left, matching, false);
                        left.into_iter().chain(others).collect()
                    }
                    _ => matched(binary, matching, &left, &right)?,
                })
            }
            (left, right) => return unknown(&format!("{left:?} {} {right:?}", binary.op.as_str())),
        })
    }
}

/// An operator between a scalar and each element.
fn each(
    binary: &Binary,
    vector: Vector,
    operands: impl Fn(&SampleValue) -> (SampleValue, SampleValue),
) -> Result<Vector, LiteralError> {
    let mut results = Vec::new();
    for (labels, value) in vector {
        let (left, right) = operands(&value);
        if let Made::Value(result) = of_samples(binary, &left, &right, &value)? {
            let labels = if changes_the_metric(binary) { nameless(&labels) } else { labels };
            results.push((labels, result));
        }
    }
    Ok(results)
}

/// What elements are matched by.
fn signature(labels: &Labels, matching: &Matching) -> Labels {
    let listed = |name: &str| matching.labels.iter().any(|label| label == name);
    if matching.on {
        labels.filtered(listed)
    } else {
        labels.filtered(|name| name != "__name__" && !listed(name))
    }
}

/// The elements whose signature is (`wanted`), or is not, that of one of `others`.
fn among(vector: Vector, others: &Vector, matching: &Matching, wanted: bool) -> Vector {
    let signatures: HashSet<Labels> = others.iter().map(|(l, _)| signature(l, matching)).collect();
    let is_in = |labels: &Labels| signatures.contains(&signature(labels, matching));
    vector.into_iter().filter(|(labels, _)| is_in(labels) == wanted).collect()
}

/// An operator between the elements of two vectors that match.
fn matched(
    binary: &Binary,
    matching: &Matching,
    left: &Vector,
    right: &Vector,
) -> Result<Vector, LiteralError> {
    if matching.fill_left.is_some() || matching.fill_right.is_some() {
        return unknown("fill_left and fill_right");
    }
    let swapped = matching.cardinality == Cardinality::OneToMany;
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    if many.is_empty() || one.is_empty() {
        return Ok(Vec::new());
    }
    let mut signatures = HashSet::new();
    if !one.iter().all(|(labels, _)| signatures.insert(signature(labels, matching))) {
        return refused(MANY_TO_MANY);
    }
    let (mut taken, mut results) = (HashSet::new(), Vec::new());
    for (labels, value) in many {
        let wanted = signature(labels, matching);
        let partner = one.iter().find(|(other, _)| signature(other, matching) == wanted);
        let Some((other, partner)) = partner else { continue };
        let result_labels = joined_labels(binary, matching, labels, other);
        let (left, right) = if swapped { (partner, value) } else { (value, partner) };
        let made = of_samples(binary, left, right, left)?;
        if matches!(made, Made::Unfit) {
            continue;
        }
        let one_to_one = matching.cardinality == Cardinality::OneToOne;
        let told_apart_by = if one_to_one { Labels::empty() } else { result_labels.clone() };
        if !taken.insert((wanted, told_apart_by)) {
            return refused(if one_to_one { MANY_TO_ONE } else { NOT_UNIQUE });
        }
        if let Made::Value(result) = made {
            results.push((result_labels, result));
        }
    }
    Ok(results)
}

/// The labels of a result: those of the many side, and what it takes over from the one side.
fn joined_labels(binary: &Binary, matching: &Matching, many: &Labels, one: &Labels) -> Labels {
    let mut labels = if changes_the_metric(binary) { nameless(many) } else { many.clone() };
    if matching.cardinality == Cardinality::OneToOne {
        let listed = |name: &str| matching.labels.iter().any(|label| label == name);
        labels = labels.filtered(|name| listed(name) == matching.on);
    }
    let mut builder = labels.to_builder();
    for name in &matching.include {
        // A label without a value is no label.
        builder.set(name.as_str(), one.get(name));
    }
    builder.build()
}
