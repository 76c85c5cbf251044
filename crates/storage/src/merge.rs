//! Many sorted series sets as one.
//!
//! Sets overlap where a series lives in a block and in the head, or in blocks whose times overlap.
//! Series of equal labels become one; of samples of equal time the one of the earliest set wins.

use std::iter::Peekable;

use model::{Labels, TimeRange};

use crate::{ChunkMeta, Columns, QueryError, Series, SeriesSet};

/// The union of `sets`, each sorted by labels. Sets come in order of preference for equal times.
pub fn merge<'a>(mut sets: Vec<Box<dyn SeriesSet<'a> + 'a>>) -> Box<dyn SeriesSet<'a> + 'a> {
    if sets.len() == 1 {
        return sets.pop().expect("there is one");
    }
    Box::new(Merge { sets: sets.into_iter().map(Iterator::peekable).collect(), failed: false })
}

struct Merge<'a> {
    sets: Vec<Peekable<Box<dyn SeriesSet<'a> + 'a>>>,
    failed: bool,
}

impl<'a> Iterator for Merge<'a> {
    type Item = Result<Box<dyn Series + 'a>, QueryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let mut least: Option<Labels> = None;
        for set in &mut self.sets {
            match set.peek() {
                None => {}
                Some(Err(_)) => {
                    self.failed = true;
                    return set.next();
                }
                Some(Ok(series)) if least.as_ref().is_none_or(|l| series.labels() < l) => {
                    least = Some(series.labels().clone());
                }
                Some(Ok(_)) => {}
            }
        }
        let least = least?;
        let mut equal: Vec<Box<dyn Series + 'a>> = Vec::new();
        for set in &mut self.sets {
            let same = |item: &Self::Item| item.as_ref().is_ok_and(|s| *s.labels() == least);
            equal.extend(set.next_if(same).and_then(Result::ok));
        }
        if equal.len() == 1 {
            return equal.pop().map(Ok);
        }
        Some(Ok(Box::new(Joined::new(equal))))
    }
}

/// One series out of several places.
struct Joined<'a> {
    parts: Vec<Box<dyn Series + 'a>>,
    chunks: Vec<ChunkMeta>,
    scratch: Columns,
}

impl<'a> Joined<'a> {
    fn new(parts: Vec<Box<dyn Series + 'a>>) -> Self {
        let mut chunks: Vec<ChunkMeta> =
            parts.iter().flat_map(|part| part.chunks().iter().copied()).collect();
        chunks.sort_by_key(|chunk| chunk.min_t);
        Self { parts, chunks, scratch: Columns::default() }
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
            self.scratch.clear();
            part.read(range, &mut self.scratch)?;
            let Columns { timestamps, values, histogram_timestamps, histograms, starts } =
                &mut self.scratch;
            if !starts.is_empty() {
                // Of samples of equal time the one that is there stays, and so does what it says.
                starts.retain(|t| {
                    columns.timestamps.binary_search(&t).is_err()
                        && columns.histogram_timestamps.binary_search(&t).is_err()
                });
                columns.starts.extend(starts.iter());
            }
            join(&mut columns.timestamps, &mut columns.values, floats_from, timestamps, values);
            join(
                &mut columns.histogram_timestamps,
                &mut columns.histograms,
                histograms_from,
                histogram_timestamps,
                histograms,
            );
        }
        Ok(())
    }
}

/// Merges a pair of columns into the part of another pair that begins at `from`. At equal times what
/// is there stays. Appending what is newer than everything there, the common case, copies once.
fn join<V: Clone>(
    times: &mut Vec<i64>,
    values: &mut Vec<V>,
    from: usize,
    new_times: &mut Vec<i64>,
    new_values: &mut Vec<V>,
) {
    let newest = if times.len() > from { times.last() } else { None };
    if newest.is_none_or(|newest| new_times.first().is_none_or(|t| t > newest)) {
        times.append(new_times);
        values.append(new_values);
        return;
    }
    let (old_times, old_values) = (times.split_off(from), values.split_off(from));
    let mut old = old_times.into_iter().zip(old_values).peekable();
    let mut new = new_times.drain(..).zip(new_values.drain(..)).peekable();
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
    fn an_error_ends_the_iteration() {
        let broken = std::iter::once(Err(QueryError::Source("gone".to_owned())));
        let mut merged = merge(vec![set(&[("a", &[(1, 1.0)])]), Box::new(broken)]);
        assert!(merged.next().is_some_and(|item| item.is_err()));
        assert!(merged.next().is_none());
    }
}
