//! Recording: a query's vector under the rule's name and labels.

use std::collections::HashSet;

use model::Labels;
use model::labels::METRIC_NAME;
use promql::{SampleValue, VectorSample};

use crate::definition::Rule;
use crate::error::EvalError;

/// One sample a rule gives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Output {
    pub(crate) labels: Labels,
    pub(crate) value: SampleValue,
}

/// What a recording rule makes of the vector its expression gave. A `limit` of 0 is none.
pub(crate) fn recorded(
    rule: &Rule,
    vector: Vec<VectorSample>,
    limit: u64,
) -> Result<Vec<Output>, EvalError> {
    let mut seen = HashSet::with_capacity(vector.len());
    let mut outputs = Vec::with_capacity(vector.len());
    for sample in vector {
        let mut labels = sample.labels.to_builder();
        labels.set(METRIC_NAME, rule.name.as_str());
        for (name, value) in &rule.labels {
            labels.set(name, value);
        }
        let labels = labels.build();
        if !seen.insert(labels.clone()) {
            return Err(EvalError::SameSeries);
        }
        outputs.push(Output { labels, value: sample.value });
    }
    let found = outputs.len();
    if limit > 0 && found as u64 > limit {
        return Err(EvalError::TooManySeries { limit, found });
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{RuleAction, RuleExpr};

    fn check(vector: &[&[(&str, &str)]], limit: u64, expected: Result<&[&str], &str>) {
        let rule = Rule {
            name: "r".to_owned(),
            expr: RuleExpr::new(promql::parse("x").expect("a sound expression")),
            labels: Labels::from_pairs([("team", "a")]),
            action: RuleAction::Record,
        };
        let sample = |pairs: &&[(&str, &str)]| VectorSample {
            labels: Labels::from_pairs(pairs.iter().copied()),
            t: 0,
            value: SampleValue::Float(1.0),
        };
        let outputs = recorded(&rule, vector.iter().map(sample).collect(), limit);
        let found = outputs.map(|all| all.iter().map(|o| o.labels.to_string()).collect::<Vec<_>>());
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected),
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn series_get_the_rule_s_name_and_labels() {
        check(
            &[&[("__name__", "x"), ("a", "1")], &[("team", "b"), ("a", "2")]],
            2,
            Ok(&[r#"{__name__="r", a="1", team="a"}"#, r#"{__name__="r", a="2", team="a"}"#]),
        );
    }

    #[test]
    fn series_that_become_equal_and_too_many_are_errors() {
        check(
            &[&[("__name__", "x")], &[("__name__", "y")]],
            0,
            Err("vector contains metrics with the same labelset after applying rule labels"),
        );
        check(&[&[("a", "1")], &[("a", "2")]], 1, Err("exceeded limit of 1 with 2 series"));
    }
}
