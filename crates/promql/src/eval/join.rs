//! Two vectors joined by label signatures: one to one, many to one, one to many.
//!
//! Signatures are matched once per query; then each pair of series is one loop over two columns.
//! What Prometheus finds out at each step (two partners at one step are an error, at different steps
//! they are not) is read off the bitmaps.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use model::histogram::CounterResetHint;
use model::{Histogram, Labels};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::Collected;
use super::arithmetic::{calculate_all, compare, drops_name};
use super::budget::Budget;
use super::column::{Column, Mask, Values, steps_of, unite};
use super::held::Held;
use super::histograms::{Histograms, divided, incompatible, scaled};
use super::series::{EvalSeries, drop_name, join_equal, names_the_metric};
use super::signature::{Signatures, signature};
use crate::ast::{BinaryOp, Cardinality, Matching};
use crate::error::EngineError;
use crate::native::{self, Combined, Mismatch};

/// What is done with two vectors.
pub(super) struct Join<'j> {
    pub(super) op: BinaryOp,
    pub(super) return_bool: bool,
    pub(super) matching: &'j Matching,
    pub(super) delayed_names: bool,
    /// What the query may use.
    pub(super) budget: &'j Budget,
    /// What is to be said about samples that do not fit together, and whether it is a warning.
    pub(super) notes: RefCell<BTreeSet<(bool, String)>>,
}

/// What an operator makes of two samples.
enum Made {
    /// The comparison does not hold.
    Nothing,
    /// They do not fit together, and count as not matched.
    Unfit,
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// The series of the one side by signature.
struct Ones<'m> {
    signatures: Signatures<'m>,
    /// Their places in the list, in order, by the number of the signature.
    places: Vec<Places>,
}

type Places = SmallVec<[usize; 2]>;

/// The steps that have a result, so that no other one meets it there.
#[derive(Default)]
struct Joined {
    /// One to one: by the number of the signature.
    by_signature: Vec<Mask>,
    /// Many to one: by the labels of the result, too.
    by_labels: FxHashMap<(usize, Labels), Mask>,
}

impl Join<'_> {
    /// The result, a series for each labels set.
    pub(super) fn run(
        &self,
        left: &[EvalSeries],
        right: &[EvalSeries],
    ) -> Result<Collected, EngineError> {
        let mut held = self.budget.held();
        let swapped = self.matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (right, left) } else { (left, right) };
        let mut ones = self.index(one, &mut held)?;
        self.refuse_many_to_many(many, one, &ones)?;
        let filled = Filled::of(self, many, one, &ones);
        filled.many.iter().try_for_each(|series| held.series(series))?;
        let (mut joined, mut results) = (Joined::default(), Vec::new());
        for series in many.iter().chain(&filled.many) {
            self.budget.check()?;
            let number = match ones.signatures.find(&series.labels) {
                Some(number) => number,
                None if filled.one.is_none() => continue,
                None => ones.signatures.number(&series.labels, &mut held)?,
            };
            let partners = ones.places.get(number).map_or(&[][..], Places::as_slice);
            let fill = filled.one(self.matching, partners, one, series);
            for partner in partners.iter().map(|at| &one[*at]).chain(&fill) {
                let (l, r) = if swapped { (partner, series) } else { (series, partner) };
                let mut matched = intersect(series, partner);
                if matched.iter().all(|word| *word == 0) {
                    continue;
                }
                let labels = self.labels(&series.labels, &partner.labels);
                let column = self.column(l, r, matched.clone());
                let drop_name = self.drops_name_later() || series.drop_name;
                let mut result = EvalSeries { labels, column, drop_name, histograms: None };
                if l.histograms.is_some() || r.histograms.is_some() || self.trims() {
                    self.join_histograms(l, r, &mut matched, &mut result);
                }
                self.refuse_twice(&mut joined, number, &result.labels, &matched)?;
                // With the steps that are taken, beside the column's own.
                held.bytes(size_of::<Mask>() + size_of_val(matched.as_slice()))?;
                held.series(&result)?;
                results.push(result);
            }
        }
        Ok((join_equal(results, self.budget)?, held))
    }

    /// The series of the one side by signature, in order.
    fn index(&self, one: &[EvalSeries], held: &mut Held) -> Result<Ones<'_>, EngineError> {
        let mut ones = Ones { signatures: Signatures::new(self.matching), places: Vec::new() };
        for (at, series) in one.iter().enumerate() {
            self.budget.check_at(at)?;
            held.bytes(size_of::<Places>())?;
            let number = ones.signatures.number(&series.labels, held)?;
            if number == ones.places.len() {
                ones.places.push(Places::new());
            }
            ones.places[number].push(at);
        }
        Ok(ones)
    }

    /// Two series of the one side with equal signatures must not meet at a step, unless the many
    /// side has nothing at all there, and nothing fills it.
    fn refuse_many_to_many(
        &self,
        many: &[EvalSeries],
        one: &[EvalSeries],
        ones: &Ones<'_>,
    ) -> Result<(), EngineError> {
        let mut shared = ones.places.iter().filter(|places| places.len() > 1).peekable();
        let Some(first) = one.first().filter(|_| shared.peek().is_some()) else { return Ok(()) };
        let fills = self.matching.fill_left.is_some() || self.matching.fill_right.is_some();
        let silent = if fills { u64::MAX } else { 0 };
        let mut some_many = Mask::from_elem(silent, first.column.presence().len());
        many.iter().for_each(|series| unite(&mut some_many, series.column.presence()));
        for places in shared {
            let mut seen = Mask::new();
            self.budget.check()?;
            for at in places {
                let mut here = Mask::from(one[*at].column.presence());
                here.iter_mut().zip(&some_many).for_each(|(h, m)| *h &= m);
                if let Some(step) = first_common(&seen, &here) {
                    let twin = places.iter().find(|p| one[**p].column.is_present(step));
                    let twin = twin.expect("some series was seen at this step");
                    return Err(self.many_to_many(&one[*twin].labels, &one[*at].labels));
                }
                unite(&mut seen, &here);
            }
        }
        Ok(())
    }

    fn many_to_many(&self, a: &Labels, b: &Labels) -> EngineError {
        let side = match self.matching.cardinality {
            Cardinality::OneToMany => "left",
            _ => "right",
        };
        let group = signature(a, self.matching);
        let (first, second) = (a.min(b), a.max(b));
        EngineError::Execution(format!(
            "found duplicate series for the match group {group} on the {side} hand-side of the \
             operation: [{first}, {second}];many-to-many matching not allowed: matching labels must \
             be unique on one side"
        ))
    }

    fn refuse_twice(
        &self,
        joined: &mut Joined,
        signature: usize,
        labels: &Labels,
        presence: &[u64],
    ) -> Result<(), EngineError> {
        let (taken, text) = if self.matching.cardinality == Cardinality::OneToOne {
            let text = "many-to-one matching must be explicit (group_left/group_right)";
            let by_signature = &mut joined.by_signature;
            by_signature.resize_with(by_signature.len().max(signature + 1), Mask::new);
            (&mut by_signature[signature], text)
        } else {
            let text = "grouping labels must ensure unique matches";
            (joined.by_labels.entry((signature, labels.clone())).or_default(), text)
        };
        if first_common(taken, presence).is_some() {
            return Err(EngineError::Execution(format!("multiple matches for labels: {text}")));
        }
        unite(taken, presence);
        Ok(())
    }

    fn drops_name_later(&self) -> bool {
        self.delayed_names && self.return_bool
    }

    /// The labels of a result: those of the many side, cut down to the match if it is one to one.
    fn labels(&self, many: &Labels, one: &Labels) -> Labels {
        let Matching { cardinality, labels, on, include, .. } = self.matching;
        let listed = |name: &str| labels.iter().any(|label| label == name);
        let renamed = drops_name(self.op);
        let kept = many.filtered(|name| {
            let matched = *cardinality != Cardinality::OneToOne || listed(name) == *on;
            matched && !(renamed && names_the_metric(name))
        });
        let kept = if include.is_empty() {
            kept
        } else {
            let mut builder = kept.to_builder();
            for name in include {
                builder.set(name, one.get(name));
            }
            builder.build()
        };
        if self.return_bool && !self.delayed_names { drop_name(&kept) } else { kept }
    }

    /// Corrects `result` at the steps at which either side has a histogram, and takes out of
    /// `matched` those at which the samples do not fit together.
    fn join_histograms(
        &self,
        left: &EvalSeries,
        right: &EvalSeries,
        matched: &mut [u64],
        result: &mut EvalSeries,
    ) {
        let mut all = Histograms::default();
        let steps: Vec<usize> = steps_of(matched).collect();
        for step in steps {
            let made = match (left.histogram(step), right.histogram(step)) {
                (None, None) if self.trims() => self.mismatch("float", "float"),
                (None, None) => continue,
                (Some(l), Some(r)) => self.of_two(l, r),
                (Some(l), None) => match (self.op, right.column.get(step)) {
                    (BinaryOp::Mul, Some(r)) => Made::Histogram(Arc::new(scaled(l, r))),
                    (BinaryOp::Div, Some(r)) => Made::Histogram(Arc::new(divided(l, r))),
                    (BinaryOp::TrimUpper, Some(r)) => {
                        Made::Histogram(Arc::new(native::trimmed(l, r, true)))
                    }
                    (BinaryOp::TrimLower, Some(r)) => {
                        Made::Histogram(Arc::new(native::trimmed(l, r, false)))
                    }
                    _ => self.mismatch("histogram", "float"),
                },
                (None, Some(r)) => match (self.op, left.column.get(step)) {
                    (BinaryOp::Mul, Some(l)) => Made::Histogram(Arc::new(scaled(r, l))),
                    _ => self.mismatch("float", "histogram"),
                },
            };
            match made {
                Made::Nothing => result.column.unset(step),
                Made::Unfit => {
                    result.column.unset(step);
                    matched[step / 64] &= !(1 << (step % 64));
                }
                Made::Float(value) => result.column.set(step, value),
                Made::Histogram(histogram) => {
                    result.column.set(step, 0.0);
                    all.push(step, histogram);
                }
            }
        }
        result.histograms = (!all.is_empty()).then(|| Box::new(all));
    }

    fn of_two(&self, left: &Arc<Histogram>, right: &Histogram) -> Made {
        let holds = match self.op {
            BinaryOp::Eq => native::equal(left, right),
            BinaryOp::Ne => !native::equal(left, right),
            BinaryOp::Add => return self.combined(native::add(left, right), "addition"),
            BinaryOp::Sub => return self.combined(native::subtract(left, right), "subtraction"),
            _ => return self.mismatch("histogram", "histogram"),
        };
        match (self.return_bool, holds) {
            (true, holds) => Made::Float(f64::from(u8::from(holds))),
            (false, true) => Made::Histogram(Arc::clone(left)),
            (false, false) => Made::Nothing,
        }
    }

    /// A sum or difference, with what is to be said about it.
    fn combined(&self, made: Result<Combined, Mismatch>, operation: &str) -> Made {
        let Ok(made) = made else {
            let op = self.op.as_str();
            let text = format!("incompatible bucket layout encountered for binary operator {op}");
            self.notes.borrow_mut().insert((true, text));
            return Made::Unfit;
        };
        if made.hints_conflict {
            let text = format!("conflicting counter resets during histogram {operation}");
            self.notes.borrow_mut().insert((true, text));
        }
        if made.bounds_reconciled {
            let text = format!("mismatched custom buckets were reconciled during {operation}");
            self.notes.borrow_mut().insert((false, text));
        }
        let mut histogram = native::compact(&made.histogram);
        if self.op == BinaryOp::Sub {
            histogram.counter_reset_hint = CounterResetHint::Gauge;
        }
        Made::Histogram(Arc::new(histogram))
    }

    /// Whether the operator makes sense of histograms only.
    fn trims(&self) -> bool {
        matches!(self.op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
    }

    fn mismatch(&self, left: &str, right: &str) -> Made {
        self.notes.borrow_mut().insert((false, incompatible(self.op, left, right)));
        Made::Unfit
    }

    /// The operator at each step of `presence`.
    fn column(&self, left: &EvalSeries, right: &EvalSeries, presence: Mask) -> Column {
        let (l, r) = (left.column.values(), right.column.values());
        let op = self.op;
        if self.return_bool {
            let holds = |(l, r): (&f64, &f64)| f64::from(u8::from(compare(op, *l, *r)));
            return Column::masked(l.iter().zip(r).map(holds).collect(), presence);
        }
        if op.is_comparison() {
            let mut column = Column::masked(l.into(), presence);
            column.filter_map_in_place(|step, v| compare(op, v, r[step]).then_some(v));
            return column;
        }
        Column::masked(calculate_all(op, l, r), presence)
    }
}

/// What `fill_left` and `fill_right` put in the place of series that are missing.
struct Filled {
    /// Series of the many side for signatures that only the one side has.
    many: Vec<EvalSeries>,
    /// The value that stands in for the one side.
    one: Option<f64>,
}

impl Filled {
    fn of(join: &Join<'_>, many: &[EvalSeries], one: &[EvalSeries], ones: &Ones<'_>) -> Self {
        let Matching { cardinality, fill_left, fill_right, .. } = join.matching;
        let (fill_many, fill_one) = match cardinality {
            Cardinality::OneToMany => (*fill_right, *fill_left),
            _ => (*fill_left, *fill_right),
        };
        let mut filled = Self { many: Vec::new(), one: fill_one };
        let Some(value) = fill_many else { return filled };
        let mut there = vec![Mask::new(); ones.places.len()];
        for series in many {
            if let Some(number) = ones.signatures.find(&series.labels) {
                unite(&mut there[number], series.column.presence());
            }
        }
        for (places, mask) in ones.places.iter().zip(&there) {
            let mut missing = Mask::new();
            places.iter().for_each(|at| unite(&mut missing, one[*at].column.presence()));
            missing.iter_mut().zip(mask).for_each(|(m, t)| *m &= !t);
            let first = &one[places[0]];
            let values = Values::from_elem(value, first.column.steps());
            let labels = signature(&first.labels, join.matching);
            filled.many.push(EvalSeries::new(labels, Column::masked(values, missing)));
        }
        filled.many.retain(|series| !series.column.is_empty());
        filled
    }

    /// What stands in for the partners of `series` at the steps where there is none.
    fn one(
        &self,
        matching: &Matching,
        partners: &[usize],
        one: &[EvalSeries],
        series: &EvalSeries,
    ) -> Option<EvalSeries> {
        let value = self.one?;
        let mut missing = Mask::from(series.column.presence());
        for at in partners {
            let mask = one[*at].column.presence();
            missing.iter_mut().zip(mask).for_each(|(m, t)| *m &= !t);
        }
        let column = Column::masked(Values::from_elem(value, series.column.steps()), missing);
        Some(EvalSeries::new(signature(&series.labels, matching), column))
    }
}

fn intersect(a: &EvalSeries, b: &EvalSeries) -> Mask {
    a.column.presence().iter().zip(b.column.presence()).map(|(a, b)| a & b).collect()
}

fn first_common(a: &[u64], b: &[u64]) -> Option<usize> {
    let common: Mask = a.iter().zip(b).map(|(a, b)| a & b).collect();
    steps_of(&common).next()
}
