//! Aggregations that choose among their series: `topk`, `bottomk`, `limitk`, `limit_ratio`.
//!
//! They keep labels and names; a series that is chosen at no step goes. For an instant query `topk`
//! and `bottomk` hand their choice on in its order.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher};

use model::Labels;
use model::float::General;
use rustc_hash::FxBuildHasher;

use super::aggregate::{Groups, parameter, unusual};
use super::budget::Budget;
use super::series::EvalSeries;
use super::steps::Steps;
use super::{Collected, Evaluator, Sink};
use crate::ast::AggregateOp;
use crate::error::EngineError;
use crate::plan::AggregateNode;

/// The first number that is too large for a signed 64-bit count.
const TOO_LARGE: f64 = 9_223_372_036_854_775_807.0;

impl Evaluator<'_> {
    /// Hands on the series that are chosen.
    pub(super) fn feed_picked(
        &self,
        node: &AggregateNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let (parameter, span) = parameter(node);
        let (mut parameters, _parameters) = self.scalar(parameter, steps)?;
        if node.op == AggregateOp::LimitRatio {
            refuse_nan(&parameters, "Ratio value is NaN")?;
            for ratio in unusual(&parameters, -1.0, 1.0) {
                let (cap, ratio) = (ratio.clamp(-1.0, 1.0), General(ratio));
                let text = format!(
                    "ratio value should be between -1 and 1, got {ratio}, capping to {cap}"
                );
                self.warn(text, span);
            }
            parameters.iter_mut().for_each(|ratio| *ratio = ratio.clamp(-1.0, 1.0));
        } else {
            check_counts(&parameters)?;
        }
        let mut groups: Groups<'_, Collected> = Groups::new(node);
        self.feed(&node.operand, steps, &mut |mut series| {
            self.take_out_histograms(node, &mut series);
            if series.column.is_empty() {
                return Ok(());
            }
            let (all, held) = groups.of(&series, |labels| {
                let mut held = self.budget.held();
                held.entry(labels)?;
                Ok::<_, EngineError>((Vec::new(), held))
            })?;
            held.series(&series)?;
            all.push(series);
            Ok(())
        })?;
        for (_, (series, mut held)) in groups.into_groups() {
            self.budget.check()?;
            let chosen = match node.op {
                AggregateOp::LimitRatio => by_ratio(series, &parameters),
                AggregateOp::Limitk => first(series, &parameters),
                op => {
                    // As many again, empty at first.
                    series.iter().try_for_each(|one| held.series(one))?;
                    extreme(&series, &parameters, op == AggregateOp::Topk, self.budget)?
                }
            };
            drop(held);
            Self::emit(chosen, sink)?;
        }
        Ok(())
    }
}

fn refuse_nan(parameters: &[f64], text: &str) -> Result<(), EngineError> {
    if parameters.iter().any(|k| k.is_nan()) {
        return Err(EngineError::Execution(text.to_owned()));
    }
    Ok(())
}

fn check_counts(parameters: &[f64]) -> Result<(), EngineError> {
    refuse_nan(parameters, "Parameter value is NaN")?;
    if parameters.iter().all(|k| *k < 1.0) {
        return Ok(());
    }
    for k in parameters {
        let flows = match *k {
            k if k >= TOO_LARGE => "overflows",
            k if k < -TOO_LARGE => "underflows",
            _ => continue,
        };
        let text = format!("Scalar value {} {flows} int64", General(*k));
        return Err(EngineError::Execution(text));
    }
    Ok(())
}

/// A parameter as a count; what is below one counts as none.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the count is cut off at the most there can be"
)]
fn count(k: f64, most: usize) -> usize {
    if k < 1.0 { 0 } else { (k.min(most as f64)) as usize }
}

/// The `k` largest or smallest of each step.
fn extreme(
    series: &[EvalSeries],
    parameters: &[f64],
    largest: bool,
    budget: &Budget,
) -> Result<Vec<EvalSeries>, EngineError> {
    let mut chosen: Vec<EvalSeries> = series.iter().map(emptied).collect();
    let mut ranked: Vec<(f64, usize)> = Vec::new();
    for (step, k) in parameters.iter().enumerate() {
        budget.check()?;
        let k = count(*k, series.len());
        ranked.clear();
        let here = series.iter().enumerate();
        ranked.extend(here.filter_map(|(at, s)| s.column.get(step).map(|value| (value, at))));
        if k < ranked.len() && k > 0 {
            ranked.select_nth_unstable_by(k - 1, |a, b| rank(a, b, largest));
        }
        ranked.truncate(k);
        for (value, at) in &ranked {
            chosen[*at].column.set(step, *value);
        }
    }
    if parameters.len() == 1 {
        ranked.sort_unstable_by(|a, b| rank(a, b, largest));
        return Ok(ranked.iter().map(|(_, at)| chosen[*at].clone()).collect());
    }
    chosen.retain(|series| !series.column.is_empty());
    Ok(chosen)
}

/// Best first, NaN last, equals in the order they came.
fn rank(a: &(f64, usize), b: &(f64, usize), largest: bool) -> Ordering {
    let by_value = match (a.0.is_nan(), b.0.is_nan()) {
        (false, false) if largest => b.0.partial_cmp(&a.0),
        (false, false) => a.0.partial_cmp(&b.0),
        (a, b) => Some(a.cmp(&b)),
    };
    by_value.unwrap_or(Ordering::Equal).then(a.1.cmp(&b.1))
}

/// The first `k` of each step.
fn first(mut series: Vec<EvalSeries>, parameters: &[f64]) -> Vec<EvalSeries> {
    let most = series.len();
    let mut left: Vec<usize> = parameters.iter().map(|k| count(*k, most)).collect();
    for one in &mut series {
        one.column.filter_map_in_place(|step, value| {
            left[step] = left[step].checked_sub(1)?;
            Some(value)
        });
    }
    series.retain(|one| !one.column.is_empty());
    series
}

/// Those whose share of the hash space lies below the ratio; of a negative ratio, the others.
fn by_ratio(mut series: Vec<EvalSeries>, ratios: &[f64]) -> Vec<EvalSeries> {
    for one in &mut series {
        let share = share(&one.labels);
        one.column.filter_map_in_place(|step, value| {
            let ratio = ratios[step];
            let chosen = if ratio >= 0.0 { share < ratio } else { share >= 1.0 + ratio };
            chosen.then_some(value)
        });
    }
    series.retain(|one| !one.column.is_empty());
    series
}

/// Where in [0, 1) the labels hash to; the same in every process.
fn share(labels: &Labels) -> f64 {
    let mut hasher = FxBuildHasher.build_hasher();
    hasher.write(labels.as_bytes());
    // The finisher of splitmix64: near hashes end far apart.
    let mut hash = hasher.finish();
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

fn emptied(series: &EvalSeries) -> EvalSeries {
    EvalSeries {
        labels: series.labels.clone(),
        column: super::column::Column::absent(series.column.steps()),
        histograms: None,
        drop_name: series.drop_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::column::Column;

    fn series(values: &[f64]) -> Vec<EvalSeries> {
        let one = |(at, value): (usize, &f64)| {
            let labels = Labels::from_pairs([("i", at.to_string())]);
            EvalSeries::new(labels, Column::full(vec![*value]))
        };
        values.iter().enumerate().map(one).collect()
    }

    fn extremes(values: &[f64], k: f64, largest: bool) -> Vec<EvalSeries> {
        extreme(&series(values), &[k], largest, &Budget::unlimited()).expect("no limit")
    }

    fn names(series: &[EvalSeries]) -> Vec<String> {
        series.iter().map(|s| s.labels.get("i").to_owned()).collect()
    }

    #[test]
    fn the_best_come_first_and_nan_last() {
        let values = [1.0, f64::NAN, 3.0, 2.0];
        assert_eq!(names(&extremes(&values, 2.0, true)), ["2", "3"]);
        assert_eq!(names(&extremes(&values, 9.0, false)), ["0", "3", "2", "1"]);
        assert!(extremes(&values, 0.9, true).is_empty());
    }

    #[test]
    fn a_ratio_and_its_complement_share_all_series() {
        let all = series(&[0.0; 200]);
        let some = by_ratio(all.clone(), &[0.3]);
        let others = by_ratio(all.clone(), &[-0.7]);
        assert_eq!(some.len() + others.len(), all.len());
        assert!((40..80).contains(&some.len()), "{} of 200", some.len());
    }

    #[test]
    fn counts_that_are_no_numbers_are_refused() {
        assert!(check_counts(&[-1e300]).is_ok(), "nothing is chosen, whatever the number");
        for (k, text) in [
            (f64::NAN, "Parameter value is NaN"),
            (1e300, "Scalar value 1e+300 overflows int64"),
            (-1e300, "Scalar value -1e+300 underflows int64"),
        ] {
            let error = check_counts(&[1.0, k]).expect_err("this is no count");
            assert_eq!(error.to_string(), text);
        }
    }
}
