//! Many sorted series sets as one.
//!
//! Sets overlap where a series lives in a block and in the head, or in blocks whose times overlap.
//! Series of equal labels become one; of samples of equal time the one of the earliest set wins.

use model::{Labels, TimeRange, Timestamp};

use crate::{ChunkMeta, Columns, QueryError, Series, SeriesSet};

/// The union of `sets`, each sorted by labels. Sets come in order of preference for equal times.
pub fn merge<'a>(mut sets: Vec<Box<dyn SeriesSet<'a> + 'a>>) -> Box<dyn SeriesSet<'a> + 'a> {
    if sets.len() == 1 {
        return sets.pop().expect("there is one");
    }
    let sets = sets.into_iter().map(|rest| Headed { head: None, rest: Some(rest) });
    Box::new(Merge { sets: sets.collect() })
}

/// Sets of which the first series are at hand. Empty after an error.
struct Merge<'a> {
    sets: Vec<Headed<'a>>,
}

/// A set and the series before all that is left of it; neither at its end.
struct Headed<'a> {
    head: Option<Box<dyn Series + 'a>>,
    rest: Option<Box<dyn SeriesSet<'a> + 'a>>,
}

impl<'a> Headed<'a> {
    /// Makes sure that the head is there unless the set is at its end.
    fn fill(&mut self) -> Result<(), QueryError> {
        if self.head.is_none()
            && let Some(rest) = &mut self.rest
        {
            self.head = rest.next().transpose()?;
            if self.head.is_none() {
                self.rest = None;
            }
        }
        Ok(())
    }

    fn labels(&self) -> Option<&Labels> {
        self.head.as_ref().map(|head| head.labels())
    }
}

impl<'a> Iterator for Merge<'a> {
    type Item = Result<Box<dyn Series + 'a>, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.sets.iter_mut().try_for_each(Headed::fill) {
            self.sets.clear();
            return Some(Err(error));
        }
        let heads = self.sets.iter().enumerate();
        let heads = heads.filter_map(|(place, set)| Some((set.labels()?, place)));
        // Of equal ones the first.
        let (_, least) = heads.min_by(|(one, _), (other, _)| one.cmp(other))?;
        let first = self.sets[least].head.take()?;
        let mut others = Vec::new();
        for set in &mut self.sets[least + 1..] {
            if set.labels() == Some(first.labels()) {
                others.extend(set.head.take());
            }
        }
        if others.is_empty() {
            return Some(Ok(first));
        }
        others.insert(0, first);
        Some(Ok(Box::new(Joined::new(others))))
    }
}

/// One series out of several places.
struct Joined<'a> {
    parts: Vec<Box<dyn Series + 'a>>,
    chunks: Vec<ChunkMeta>,
}

impl<'a> Joined<'a> {
    fn new(parts: Vec<Box<dyn Series + 'a>>) -> Self {
        let mut chunks: Vec<ChunkMeta> =
            parts.iter().flat_map(|part| part.chunks().iter().copied()).collect();
        chunks.sort_by_key(|chunk| chunk.min_t);
        Self { parts, chunks }
    }
}

impl Series for Joined<'_> {
    fn labels(&self) -> &Labels {
        self.parts[0].labels()
    }

    fn chunks(&self) -> &[ChunkMeta] {
        &self.chunks
    }

    fn read(&mut self, range: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
        let floats_from = columns.timestamps.len();
        let histograms_from = columns.histogram_timestamps.len();
        for part in &mut self.parts {
            let (floats, histograms) =
                (columns.timestamps.len(), columns.histogram_timestamps.len());
            let known = std::mem::take(&mut columns.starts);
            let read = part.read(range, columns);
            let mut starts = std::mem::replace(&mut columns.starts, known);
            read?;
            if !starts.is_empty() {
                // Of samples of equal time the one that is there stays, and so does what it says.
                let (there, both) = (&columns.timestamps, &columns.histogram_timestamps);
                starts.retain(|t| {
                    there[floats_from..floats].binary_search(&t).is_err()
                        && both[histograms_from..histograms].binary_search(&t).is_err()
                });
                columns.starts.extend(starts.iter());
            }
            let Columns { timestamps, values, histogram_timestamps, histograms: all, .. } = columns;
            let known = &histogram_timestamps[histograms_from..histograms];
            if !known.is_empty() {
                drop_known(timestamps.to_mut(), values, floats, known);
            }
            let known = &timestamps[floats_from..floats];
            if !known.is_empty() {
                drop_known(histogram_timestamps, all, histograms, known);
            }
            if is_behind(timestamps, floats_from, floats) {
                join(timestamps.to_mut(), values, floats_from, floats);
            }
            if is_behind(histogram_timestamps, histograms_from, histograms) {
                join(histogram_timestamps, all, histograms_from, histograms);
            }
        }
        Ok(())
    }
}

/// Drops what came behind `from` at times that are known of the other kind: a sample is of one kind.
fn drop_known<V>(
    times: &mut Vec<Timestamp>,
    values: &mut Vec<V>,
    from: usize,
    known: &[Timestamp],
) {
    let mut kept = from;
    for at in from..times.len() {
        if known.binary_search(&times[at]).is_err() {
            times.swap(kept, at);
            values.swap(kept, at);
            kept += 1;
        }
    }
    times.truncate(kept);
    values.truncate(kept);
}

/// Whether something from `new` on is not newer than all between `old` and there. Mostly all of it is
/// newer, and in its place already.
fn is_behind(times: &[Timestamp], old: usize, new: usize) -> bool {
    old < new && times.get(new).is_some_and(|first| *first <= times[new - 1])
}

/// Merges what a pair of columns has from `new` on with what it has between `old` and there. At equal
/// times what was there stays.
fn join<V>(times: &mut Vec<Timestamp>, values: &mut Vec<V>, old: usize, new: usize) {
    let (new_times, new_values) = (times.split_off(new), values.split_off(new));
    let (old_times, old_values) = (times.split_off(old), values.split_off(old));
    let mut old = old_times.into_iter().zip(old_values).peekable();
    let mut new = new_times.into_iter().zip(new_values).peekable();
    loop {
        let (t, v) = match (old.peek(), new.peek()) {
            (None, None) => break,
            (Some((old_t, _)), Some((new_t, _))) if old_t == new_t => {
                new.next();
                continue;
            }
            (Some((old_t, _)), Some((new_t, _))) if new_t < old_t => {
                new.next().expect("just peeked")
            }
            (Some(_), _) => old.next().expect("just peeked"),
            (None, Some(_)) => new.next().expect("just peeked"),
        };
        times.push(t);
        values.push(v);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain {
        labels: Labels,
        samples: Vec<(i64, f64)>,
    }

    impl Series for Plain {
        fn labels(&self) -> &Labels {
            &self.labels
        }
        fn chunks(&self) -> &[ChunkMeta] {
            &[]
        }
        fn read(&mut self, range: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
            for (t, v) in self.samples.iter().filter(|(t, _)| range.contains(*t)) {
                columns.timestamps.push(*t);
                columns.values.push(*v);
            }
            Ok(())
        }
    }

    fn set(series: &[(&str, &[(i64, f64)])]) -> Box<dyn SeriesSet<'static>> {
        let items: Vec<_> = series
            .iter()
            .map(|(name, samples)| {
                let labels = Labels::from_pairs([("__name__", *name)]);
                Ok(Box::new(Plain { labels, samples: samples.to_vec() }) as Box<dyn Series>)
            })
            .collect();
        Box::new(items.into_iter())
    }

    fn all(sets: Vec<Box<dyn SeriesSet<'static>>>) -> Vec<(String, Vec<(i64, f64)>)> {
        merge(sets)
            .map(|series| {
                let mut series = series.expect("no set fails here");
                let mut columns = Columns::default();
                series.read(TimeRange::ALL, &mut columns).expect("plain series do not fail");
                let samples = columns.timestamps.into_iter().zip(columns.values).collect();
                (series.labels().metric_name().to_owned(), samples)
            })
            .collect()
    }

    #[test]
    fn equal_series_become_one_and_equal_times_one_sample() {
        let a = set(&[("a", &[(1, 1.0), (3, 3.0)]), ("c", &[(1, 1.0)])]);
        let b = set(&[("a", &[(2, 2.0), (3, 30.0), (4, 4.0)]), ("b", &[(1, 1.0)])]);
        assert_eq!(
            all(vec![a, b]),
            [
                ("a".to_owned(), vec![(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]),
                ("b".to_owned(), vec![(1, 1.0)]),
                ("c".to_owned(), vec![(1, 1.0)]),
            ]
        );
    }

    #[test]
    fn columns_that_held_something_before_keep_it() {
        let parts = [&[(5, 5.0), (7, 7.0)][..], &[(6, 6.0), (7, 70.0)], &[(8, 8.0)]];
        let sets = parts.map(|samples| set(&[("a", samples)])).into();
        let mut series = merge(sets).next().expect("one").expect("no set fails here");
        let mut columns = Columns::default();
        columns.timestamps.push(9);
        columns.values.push(9.0);
        series.read(TimeRange::ALL, &mut columns).expect("plain series do not fail");
        assert_eq!(columns.timestamps[..], [9, 5, 6, 7, 8]);
        assert_eq!(columns.values, [9.0, 5.0, 6.0, 7.0, 8.0]);
    }

    /// A histogram at each of these times.
    struct Counted(Labels, Vec<Timestamp>);

    impl Series for Counted {
        fn labels(&self) -> &Labels {
            &self.0
        }
        fn chunks(&self) -> &[ChunkMeta] {
            &[]
        }
        fn read(&mut self, range: TimeRange, columns: &mut Columns) -> Result<(), QueryError> {
            for t in self.1.iter().filter(|t| range.contains(**t)) {
                columns.histogram_timestamps.push(*t);
                columns.histograms.push(model::Histogram::default());
            }
            Ok(())
        }
    }

    #[test]
    fn at_equal_times_the_earlier_set_wins_whatever_the_kind() {
        let floats = || set(&[("a", &[(1, 1.0), (2, 2.0), (3, 3.0)])]);
        let counted = || -> Box<dyn SeriesSet<'static>> {
            let labels = Labels::from_pairs([("__name__", "a")]);
            let one = Counted(labels, vec![2, 4]);
            Box::new(std::iter::once(Ok(Box::new(one) as Box<dyn Series>)))
        };
        for (sets, times, histogram_times) in [
            (vec![floats(), counted()], vec![1, 2, 3], vec![4]),
            (vec![counted(), floats()], vec![1, 3], vec![2, 4]),
        ] {
            let mut columns = Columns::default();
            let mut series = merge(sets).next().expect("one").expect("no set fails here");
            series.read(TimeRange::ALL, &mut columns).expect("plain series do not fail");
            assert_eq!((&columns.timestamps[..], columns.values.len()), (&times[..], times.len()));
            assert_eq!(columns.histogram_timestamps, histogram_times);
            assert_eq!(columns.histograms.len(), histogram_times.len());
        }
    }

    #[test]
    fn an_error_ends_the_iteration() {
        let broken = std::iter::once(Err(QueryError::Source("gone".to_owned())));
        let mut merged = merge(vec![set(&[("a", &[(1, 1.0)])]), Box::new(broken)]);
        assert!(merged.next().is_some_and(|item| item.is_err()));
        assert!(merged.next().is_none());
    }
}
