//! Matchers to postings: one labelled case per kind of matcher, no scan over series.
//!
//! A missing label counts as empty. So a matcher that the empty value passes also selects rows
//! without the label; those cannot be looked up, and such a matcher is answered by taking away the
//! rows it refuses. All others are answered by union and intersection.

use model::Matcher;
use model::matcher::MatchOp;
use storage::{QueryError, Stop};

use super::{Index, Postings};

/// So many values are tried on a matcher before it is asked whether to go on.
const VALUES_AT_A_TIME: u32 = 256;

/// The rows that pass all matchers.
///
/// Equals `index.all()` filtered by [`model::matcher::matches_all`] over the rows' labels.
pub(crate) fn rows(index: &dyn Index, matchers: &[Matcher]) -> Result<Postings, QueryError> {
    rows_until(index, matchers, &Stop::default())
}

/// The same, which fails once `stop` says so.
pub(crate) fn rows_until(
    index: &dyn Index,
    matchers: &[Matcher],
    stop: &Stop,
) -> Result<Postings, QueryError> {
    let mut selected: Option<Postings> = None;
    let (subtracting, adding): (Vec<_>, Vec<_>) = matchers.iter().partition(|m| m.matches_empty());
    // Equalities first: they are the cheapest and cut the most.
    let (equal, other): (Vec<_>, Vec<_>) = adding.into_iter().partition(|m| m.op == MatchOp::Equal);
    for matcher in equal.into_iter().chain(other) {
        let passing = passing(index, matcher, stop)?;
        let both = match selected {
            None => passing,
            Some(so_far) => so_far & passing,
        };
        if both.is_empty() {
            return Ok(both);
        }
        selected = Some(both);
    }
    let mut selected = match selected {
        Some(selected) => selected,
        None => index.all()?,
    };
    for matcher in subtracting {
        if selected.is_empty() {
            break;
        }
        selected -= refused(index, matcher, stop)?;
    }
    Ok(selected)
}

/// The rows that have the matcher's label with a value that passes.
fn passing(index: &dyn Index, matcher: &Matcher, stop: &Stop) -> Result<Postings, QueryError> {
    match matcher.literals() {
        // a="x", a=~"x|y"
        Some(values) if !matcher.is_negative() => union(index, &matcher.name, values),
        // a!="" (which also stands for !~"")
        Some([only]) if only.is_empty() => index.rows_with(&matcher.name),
        // a=~"x.*"
        _ if !matcher.is_negative() => {
            tried(index, &matcher.name, matcher.prefix(), &|v| matcher.matches(v), stop)
        }
        // a!~"x|", a!~".*": negative, and refusing the empty value
        _ => tried(index, &matcher.name, "", &|v| matcher.matches(v), stop),
    }
}

/// The rows that have the matcher's label with a value that does not pass.
fn refused(index: &dyn Index, matcher: &Matcher, stop: &Stop) -> Result<Postings, QueryError> {
    match matcher.literals() {
        // a!="x", a!~"x|y"
        Some(values) if matcher.is_negative() => union(index, &matcher.name, values),
        // a!~"x.*"
        _ if matcher.is_negative() => {
            tried(index, &matcher.name, matcher.prefix(), &|v| !matcher.matches(v), stop)
        }
        // a="", a=~"", a=~"x|", a=~".*"
        _ => tried(index, &matcher.name, "", &|v| !matcher.matches(v), stop),
    }
}

/// The rows whose label has a value that begins with `prefix` and that `keep` keeps.
fn tried(
    index: &dyn Index,
    name: &str,
    prefix: &str,
    keep: &dyn Fn(&str) -> bool,
    stop: &Stop,
) -> Result<Postings, QueryError> {
    let (mut count, mut stopped) = (0_u32, false);
    let rows = index.postings_where(name, prefix, &mut |value| {
        count = count.wrapping_add(1);
        if count.is_multiple_of(VALUES_AT_A_TIME) {
            stopped = stopped || stop.is_set();
        }
        // The rest is walked, but no expression is tried on it.
        !stopped && keep(value)
    })?;
    if stopped { Err(QueryError::Interrupted) } else { Ok(rows) }
}

/// The rows whose label has one of these values; the empty value selects none.
fn union(index: &dyn Index, name: &str, values: &[String]) -> Result<Postings, QueryError> {
    let mut rows = Postings::new();
    for value in values.iter().filter(|value| !value.is_empty()) {
        rows |= index.postings(name, value)?;
    }
    Ok(rows)
}

/// The names of the labels that rows passing all matchers have, sorted.
pub(crate) fn label_names(
    index: &dyn Index,
    matchers: &[Matcher],
    stop: &Stop,
) -> Result<Vec<String>, QueryError> {
    if matchers.is_empty() {
        return index.label_names();
    }
    let rows = rows_until(index, matchers, stop)?;
    let mut kept = Vec::new();
    for name in index.label_names()? {
        stop.check()?;
        if !index.rows_with(&name)?.is_disjoint(&rows) {
            kept.push(name);
        }
    }
    Ok(kept)
}

/// The values that rows passing all matchers have for `name`, sorted.
pub(crate) fn label_values(
    index: &dyn Index,
    name: &str,
    matchers: &[Matcher],
    stop: &Stop,
) -> Result<Vec<String>, QueryError> {
    if matchers.is_empty() {
        return index.label_values(name);
    }
    let rows = rows_until(index, matchers, stop)?;
    let values = index.label_values(name)?;
    if rows.len() < values.len().try_into().unwrap_or(u64::MAX) {
        return values_of(index, name, &rows, stop);
    }
    let mut kept = Vec::new();
    for (at, value) in values.into_iter().enumerate() {
        stop.check_at(at)?;
        if !index.postings(name, &value)?.is_disjoint(&rows) {
            kept.push(value);
        }
    }
    Ok(kept)
}

/// The values that these rows have for `name`, sorted, read from the rows themselves.
fn values_of(
    index: &dyn Index,
    name: &str,
    rows: &Postings,
    stop: &Stop,
) -> Result<Vec<String>, QueryError> {
    let mut values = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        stop.check_at(at)?;
        let labels = index.labels(row)?;
        let value = labels.get(name);
        if !value.is_empty() {
            values.push(value.to_owned());
        }
    }
    values.sort_unstable();
    values.dedup();
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::tests::{Rows, label_sets};
    use model::matcher::matches_all;
    use proptest::prelude::*;

    fn any_matcher() -> impl Strategy<Value = Matcher> {
        let op = prop::sample::select(vec![
            MatchOp::Equal,
            MatchOp::NotEqual,
            MatchOp::Regex,
            MatchOp::NotRegex,
        ]);
        let value = prop::sample::select(vec![
            "", "x", "y", "xy", "x|y", "x|", "|", ".*", ".+", "x.*", ".*y", "x.+", "y?", "[xy]",
            "(x)?",
        ]);
        (op, "[abcz]", value).prop_map(|(op, name, value)| {
            Matcher::new(op, name, value).expect("a valid expression")
        })
    }

    #[test]
    fn a_selection_ends_when_it_is_told_to() {
        let row = |i: u32| model::Labels::from_pairs([("a", format!("x{i}"))]);
        let index = Rows((0..1000).map(row).collect());
        let matcher = |op| Matcher::new(op, "a", "x.*7").expect("a valid expression");
        for op in [MatchOp::Regex, MatchOp::NotRegex] {
            let ended = rows_until(&index, &[matcher(op)], &Stop::when(|| true));
            assert!(matches!(ended, Err(QueryError::Interrupted)), "{ended:?}");
        }
    }

    #[test]
    fn a_lookup_of_labels_ends_when_it_is_told_to() {
        let row =
            |i: u32| model::Labels::from_pairs([("a", format!("x{i}")), ("b", "y".to_owned())]);
        let index = Rows((0..1000).map(row).collect());
        let stop = Stop::when(|| true);
        let matchers = [Matcher::equal("b", "y")];
        let names = label_names(&index, &matchers, &stop);
        assert!(matches!(names, Err(QueryError::Interrupted)), "{names:?}");
        let values = label_values(&index, "a", &matchers, &stop);
        assert!(matches!(values, Err(QueryError::Interrupted)), "{values:?}");
        // Fewer rows than values: these are read from the rows.
        let few = [Matcher::equal("a", "x7")];
        let values = label_values(&index, "a", &few, &stop);
        assert!(matches!(values, Err(QueryError::Interrupted)), "{values:?}");
    }

    proptest! {
        #[test]
        fn matchers_select_what_a_scan_finds(
            rows in label_sets(), matchers in prop::collection::vec(any_matcher(), 0..4)
        ) {
            let index = Rows(rows);
            let passing = |labels: &&model::Labels| matches_all(&matchers, labels);
            let expected: Vec<&model::Labels> = index.0.iter().filter(passing).collect();
            let found = super::rows(&index, &matchers).unwrap();
            let found: Vec<&model::Labels> = found.iter().map(|row| &index.0[row as usize]).collect();
            prop_assert_eq!(&found, &expected);

            let mut names: Vec<&str> = expected.iter().flat_map(|l| l.iter()).map(|(n, _)| n).collect();
            names.sort_unstable();
            names.dedup();
            prop_assert_eq!(label_names(&index, &matchers, &Stop::default()).unwrap(), names);
            let mut values: Vec<&str> =
                expected.iter().map(|l| l.get("a")).filter(|v| !v.is_empty()).collect();
            values.sort_unstable();
            values.dedup();
            let found = label_values(&index, "a", &matchers, &Stop::default());
            prop_assert_eq!(found.unwrap(), values);
        }
    }
}
