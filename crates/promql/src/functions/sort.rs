//! The order of an instant vector: by value, or by the values of labels as people read them.

use std::cmp::Ordering;

use crate::eval::series::EvalSeries;

/// `sort` and `sort_desc`: by the value at the first step, NaN last either way.
pub fn by_value(a: &EvalSeries, b: &EvalSeries, falling: bool) -> Ordering {
    let value = |one: &EvalSeries| one.column.get(0).unwrap_or(f64::NAN);
    let (a, b) = (value(a), value(b));
    match (a.is_nan(), b.is_nan()) {
        (false, false) if falling => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (a, b) => a.cmp(&b),
    }
}

/// `sort_by_label` and `sort_by_label_desc`: by these labels, then by all of them.
pub fn by_labels(a: &EvalSeries, b: &EvalSeries, labels: &[&str], falling: bool) -> Ordering {
    let compare = |label: &&str| natural(a.labels.get(label), b.labels.get(label));
    let order = labels.iter().map(compare).find(|order| order.is_ne());
    let order = order.unwrap_or_else(|| a.labels.cmp(&b.labels));
    if falling { order.reverse() } else { order }
}

/// Compares texts so that numbers within them count as numbers: `a9` before `a10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let (run_a, run_b) = (take_run(&mut a), take_run(&mut b));
        let numbers = run_a.parse::<u64>().ok().zip(run_b.parse::<u64>().ok());
        let order = numbers.map_or_else(|| run_a.cmp(run_b), |(a, b)| a.cmp(&b));
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// Takes the digits a text begins with or, if there are none, all up to the first.
fn take_run<'t>(text: &mut &'t str) -> &'t str {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    *text = rest;
    run
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::column::Column;
    use model::Labels;

    fn vector(elements: &[(&str, f64)]) -> Vec<EvalSeries> {
        let one = |(name, value): &(&str, f64)| {
            EvalSeries::new(Labels::from_pairs([("a", *name)]), Column::full(vec![*value]))
        };
        elements.iter().map(one).collect()
    }

    fn names(series: &[EvalSeries]) -> Vec<&str> {
        series.iter().map(|one| one.labels.get("a")).collect()
    }

    #[test]
    fn nan_comes_last_both_ways() {
        let mut series = vector(&[("nan", f64::NAN), ("2", 2.0), ("1", 1.0)]);
        series.sort_by(|a, b| by_value(a, b, false));
        assert_eq!(names(&series), ["1", "2", "nan"]);
        series.sort_by(|a, b| by_value(a, b, true));
        assert_eq!(names(&series), ["2", "1", "nan"]);
    }

    #[test]
    fn numbers_in_labels_count_as_numbers() {
        let mut series = vector(&[("a10", 0.0), ("a9b", 0.0), ("a9", 0.0), ("", 0.0), ("4", 0.0)]);
        series.sort_by(|a, b| by_labels(a, b, &["missing", "a"], false));
        assert_eq!(names(&series), ["", "4", "a9", "a9b", "a10"]);
        series.sort_by(|a, b| by_labels(a, b, &["a"], true));
        assert_eq!(names(&series), ["a10", "a9b", "a9", "4", ""]);
    }
}
