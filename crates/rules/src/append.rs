//! Appending what a rule gives, and the end of what it gives no more.
//!
//! What one rule gives is one commit, so that the next rule of the group sees it. A series that was
//! there last time and is not now gets a staleness marker in the same commit.

use std::collections::HashMap;

use model::sample::STALE_NAN;
use model::{Labels, Timestamp};
use promql::SampleValue;
use storage::{AppendError, Appendable, Appender, CommitError, SeriesRef};

use crate::recording::Output;

/// The series a rule gave last time.
pub(crate) type RuleSeries = HashMap<Labels, SeriesRef>;

/// What became of a rule's samples.
#[derive(Debug, Default)]
pub(crate) struct Appended {
    /// How many were taken, staleness markers left out.
    pub(crate) samples: u64,
    /// How many were refused.
    pub(crate) refused: u64,
    /// Why the last refused one was.
    pub(crate) error: Option<AppendError>,
}

/// Appends `outputs` at `t`; `series` becomes what they are. If the commit fails it stays.
pub(crate) fn append(
    store: &dyn Appendable,
    series: &mut RuleSeries,
    outputs: Vec<Output>,
    t: Timestamp,
) -> Result<Appended, CommitError> {
    let mut appender = store.appender();
    let mut appended = Appended::default();
    let mut fresh = RuleSeries::with_capacity(outputs.len());
    for Output { labels, value } in outputs {
        let known = series.get(&labels).copied();
        let taken = match value {
            SampleValue::Float(v) => appender.append(known, &labels, t, v),
            SampleValue::Histogram(h) => appender.append_histogram(known, &labels, t, &h),
        };
        match taken {
            Ok(number) => {
                appended.samples += 1;
                fresh.insert(labels, number);
            }
            Err(error) => {
                appended.refused += 1;
                appended.error = Some(error);
            }
        }
    }
    let gone = series.iter().filter(|(labels, _)| !fresh.contains_key(*labels));
    for (labels, known) in gone {
        end(appender.as_mut(), labels, Some(*known), t);
    }
    appender.commit()?;
    *series = fresh;
    Ok(appended)
}

/// Marks series stale at `t`.
pub(crate) fn end_all<'a>(
    store: &dyn Appendable,
    series: impl Iterator<Item = &'a Labels>,
    t: Timestamp,
) -> Result<(), CommitError> {
    let mut series = series.peekable();
    if series.peek().is_none() {
        return Ok(());
    }
    let mut appender = store.appender();
    for labels in series {
        end(appender.as_mut(), labels, None, t);
    }
    appender.commit().map(|_| ())
}

fn end(appender: &mut dyn Appender, labels: &Labels, known: Option<SeriesRef>, t: Timestamp) {
    // Refused if somebody else has written the series on: then it has not ended.
    let _ = appender.append(known, labels, t, STALE_NAN);
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::TimeRange;
    use model::sample::is_stale;
    use storage::{Columns, Queryable, SelectHints};
    use testkit::MemStorage;

    fn outputs(names: &[&str]) -> Vec<Output> {
        let output = |name: &&str| Output {
            labels: Labels::from_pairs([("__name__", *name)]),
            value: SampleValue::Float(1.0),
        };
        names.iter().map(output).collect()
    }

    /// All samples as text: name, time, and a cross for a staleness marker.
    fn stored(store: &MemStorage) -> Vec<String> {
        let querier = store.querier(TimeRange::ALL).expect("memory");
        let mut all = Vec::new();
        for series in querier.select(&[], &SelectHints::default()).expect("memory") {
            let mut series = series.expect("memory");
            let mut columns = Columns::default();
            series.read(TimeRange::ALL, &mut columns).expect("memory");
            let mut text = series.labels().metric_name().to_owned();
            for (t, v) in columns.timestamps.iter().zip(&columns.values) {
                text += &format!(" {t}{}", if is_stale(*v) { "x" } else { "" });
            }
            all.push(text);
        }
        all
    }

    #[test]
    fn a_series_that_is_not_given_any_more_ends() {
        let store = MemStorage::new();
        let mut series = RuleSeries::new();
        for (t, names) in [(1, &["a", "b"][..]), (2, &["b"]), (3, &["b"]), (4, &["a"])] {
            let appended = append(&store, &mut series, outputs(names), t).expect("memory");
            assert_eq!((appended.samples, appended.refused), (names.len() as u64, 0));
        }
        assert_eq!(stored(&store), ["a 1 2x 4", "b 1 2 3 4x"]);
        end_all(&store, series.keys(), 5).expect("memory");
        assert_eq!(stored(&store), ["a 1 2x 4 5x", "b 1 2 3 4x"]);
    }

    #[test]
    fn what_is_refused_is_counted_and_hinders_nothing_else() {
        let store = MemStorage::new();
        store.insert(&outputs(&["a"])[0].labels, [(9, 1.0)]);
        let appended = append(&store, &mut RuleSeries::new(), outputs(&["a", "b"]), 5);
        let appended = appended.expect("memory");
        assert_eq!((appended.samples, appended.refused), (1, 1));
        assert_eq!(appended.error, Some(AppendError::OutOfOrder));
        assert_eq!(stored(&store), ["a 9", "b 5"]);
    }
}
