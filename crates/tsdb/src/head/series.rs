//! The samples of one series: closed chunks, and one that grows.

use std::sync::atomic::{AtomicU32, Ordering};

use chunk::ChunkAppender;
use model::{TimeRange, Timestamp};
use storage::{ChunkMeta, Columns};

use super::coding::Coding;
use super::open_chunk::OpenChunk;
pub(super) use super::open_chunk::{Mark, Value};
use super::sealed::Sealed;
use super::visibility::{CommitNumber, Viewers};
use crate::histogram::{self, HistogramChunk};
pub(super) use crate::stats::Kind;

/// A chunk is closed when it has so many samples, as in Prometheus, or fewer if it is the first.
const SAMPLES_PER_CHUNK: u16 = 120;
/// Or so many bytes: samples that do not compress should not make it costly to read one.
const BYTES_PER_CHUNK: usize = 1024;

/// A series. Time strictly increases from sample to sample.
#[derive(Debug)]
pub(super) struct MemSeries {
    /// Which of the series that had this row it is.
    generation: u32,
    /// Samples staged for it by commits under way: it must not go meanwhile.
    staged: AtomicU32,
    closed: Sealed,
    /// Time of the first sample of the open chunk.
    open_min_t: Timestamp,
    /// Never empty once the series has a sample.
    open: OpenChunk,
    /// Of commits that some view does not see: the time of the newest sample before each.
    #[expect(clippy::box_collection, reason = "eight bytes in every series, used by few")]
    unseen: Option<Box<Vec<Unseen>>>,
}

/// A chunk that was stored elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredChunk<'a> {
    pub(super) meta: ChunkMeta,
    pub(super) coding: Coding,
    pub(super) bytes: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
struct Unseen {
    commit: CommitNumber,
    /// `None` if this commit made the series.
    newest_before: Option<Timestamp>,
}

/// A copy of a chunk, as a view reads it.
#[derive(Debug)]
pub(super) struct ChunkBytes {
    pub(super) coding: Coding,
    pub(super) bytes: Vec<u8>,
}

impl StoredChunk<'_> {
    /// Hands each sample to `take`, which says whether it is well; `None` if one is not, or the bytes
    /// are no such chunk.
    pub(super) fn each(
        &self,
        columns: &mut Columns,
        take: &mut dyn FnMut(Timestamp, Value<'_>) -> bool,
    ) -> Option<()> {
        self.check(columns)?;
        for (t, v) in columns.timestamps.iter().zip(&columns.values) {
            take(*t, Value::Float(*v)).then_some(())?;
        }
        let mut bytes = Vec::new();
        for (t, histogram) in columns.histogram_timestamps.iter().zip(&columns.histograms) {
            bytes.clear();
            histogram::put(&mut bytes, histogram);
            take(*t, Value::Histogram(&bytes)).then_some(())?;
        }
        Some(())
    }

    /// Reads the samples into columns, which are emptied first; `None` if they are not what is said.
    fn check(&self, columns: &mut Columns) -> Option<()> {
        columns.clear();
        self.coding.decode(self.meta, self.bytes, columns)?;
        let times = match self.coding {
            Coding::Bits | Coding::Columns => &columns.timestamps[..],
            Coding::Histograms => &columns.histogram_timestamps[..],
        };
        let is_right = times.first() == Some(&self.meta.min_t)
            && times.last() == Some(&self.meta.max_t)
            && times.len() == self.meta.count as usize
            && times.is_sorted_by(|a, b| a < b);
        is_right.then_some(())
    }
}

impl ChunkBytes {
    /// What a chunk has up to `t`; `None` if that is nothing.
    pub(super) fn up_to(self, meta: ChunkMeta, t: Timestamp) -> Option<(ChunkMeta, Self)> {
        if meta.max_t <= t {
            return Some((meta, self));
        }
        let mut columns = Columns::default();
        self.decode(meta, &mut columns);
        let (mut floats, mut histograms) = (ChunkAppender::default(), HistogramChunk::default());
        for (at, v) in columns.timestamps.iter().zip(&columns.values).filter(|(at, _)| **at <= t) {
            floats.append(*at, *v);
        }
        let mut bytes = Vec::new();
        let of_histograms = columns.histogram_timestamps.iter().zip(&columns.histograms);
        for (at, histogram) in of_histograms.filter(|(at, _)| **at <= t) {
            bytes.clear();
            histogram::put(&mut bytes, histogram);
            histograms.append(*at, &bytes);
        }
        let open = match floats.count() {
            0 => OpenChunk::Histograms(Box::new(histograms)),
            _ => OpenChunk::Floats(floats),
        };
        let (max_t, _) = open.newest()?;
        let meta = ChunkMeta { min_t: meta.min_t, max_t, count: open.count().into() };
        Some((meta, Self { coding: open.coding(), bytes: open.to_bytes() }))
    }

    /// Appends the samples to columns; `meta` is that of this chunk.
    pub(super) fn decode(&self, meta: ChunkMeta, columns: &mut Columns) {
        self.coding.decode(meta, &self.bytes, columns).expect("the head's own chunk");
    }
}

/// What came of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Appended {
    /// The series' newest sample has that time.
    SameTime,
    /// The series has newer samples.
    Older,
    ToChunk,
    ToNewChunk,
}

/// What came of several samples at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extended {
    /// How many were newer than those before.
    pub(super) samples: usize,
    /// How many chunks they have begun.
    pub(super) chunks: usize,
    /// Times of the first and the last of those, if there are any.
    pub(super) min_t: Timestamp,
    pub(super) max_t: Timestamp,
}

impl Extended {
    /// What came of these and of others, too.
    pub(super) fn and(self, other: Self) -> Self {
        if self.samples == 0 || other.samples == 0 {
            return if self.samples == 0 { other } else { self };
        }
        Self {
            samples: self.samples + other.samples,
            chunks: self.chunks + other.chunks,
            min_t: self.min_t.min(other.min_t),
            max_t: self.max_t.max(other.max_t),
        }
    }
}

/// What a truncation has left of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// The oldest sample that counts; `None` if there is none.
    pub(super) min_t: Option<Timestamp>,
    /// The newest sample there is, if one counts.
    pub(super) chunks_dropped: usize,
}

impl MemSeries {
    pub(super) fn new(generation: u32) -> Self {
        Self {
            generation,
            staged: AtomicU32::new(0),
            closed: Sealed::default(),
            open_min_t: Timestamp::MIN,
            open: OpenChunk::Floats(ChunkAppender::default()),
            unseen: None,
        }
    }

    /// A series of stored chunks, the last of which is open again, or of none; `None` if they are not of
    /// one series. `columns` are for use meanwhile.
    pub(super) fn restore(chunks: &[StoredChunk<'_>], columns: &mut Columns) -> Option<Self> {
        let mut series = Self::new(0);
        let Some((last, closed)) = chunks.split_last() else { return Some(series) };
        for chunk in closed {
            chunk.check(columns)?;
            series.closed.push(chunk.meta, chunk.coding, chunk.bytes);
        }
        let is_rising = chunks.is_sorted_by(|a, b| a.meta.max_t < b.meta.min_t);
        is_rising.then_some(())?;
        if last.coding == Coding::Bits {
            let (open, min_t) = ChunkAppender::resume(last.bytes)?;
            (series.open, series.open_min_t) = (OpenChunk::Floats(open), min_t);
            return (series.open_meta() == Some(last.meta)).then_some(series);
        }
        let nobody = Viewers { oldest: None };
        last.each(columns, &mut |t, value| {
            matches!(series.append(t, value, 0, &nobody), Appended::ToChunk | Appended::ToNewChunk)
        })?;
        Some(series)
    }

    /// Says which of the series that had its row it is.
    pub(super) fn set_generation(&mut self, generation: u32) {
        self.generation = generation;
    }

    pub(super) fn generation(&self) -> u32 {
        self.generation
    }

    /// Time and mark of the newest sample.
    pub(super) fn newest(&self) -> Option<(Timestamp, Mark)> {
        self.open.newest()
    }

    /// Notes that a commit under way has a sample for this series.
    pub(super) fn stage(&self) {
        self.staged.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes back one [`MemSeries::stage`].
    pub(super) fn unstage(&self) {
        self.staged.fetch_sub(1, Ordering::Relaxed);
    }

    /// The same, by whoever has it alone: an atomic operation would wait for every store before it.
    pub(super) fn unstage_alone(&mut self) {
        let staged = self.staged.get_mut();
        *staged = staged.wrapping_sub(1);
    }

    /// Adds a sample that `commit` brings, if it is newer than all there are.
    pub(super) fn append(
        &mut self,
        t: Timestamp,
        value: Value<'_>,
        commit: CommitNumber,
        viewers: &Viewers,
    ) -> Appended {
        let newest = self.newest();
        match newest {
            Some((newest, _)) if newest > t => return Appended::Older,
            Some((newest, _)) if newest == t => return Appended::SameTime,
            _ => {}
        }
        if viewers.oldest.is_some() || self.unseen.is_some() {
            self.note_unseen(commit, newest.map(|(t, _)| t), viewers);
        }
        let is_full =
            self.open.count() >= self.most_samples() || self.open.len_bytes() >= BYTES_PER_CHUNK;
        if is_full || (self.open.kind() != value.kind() && self.open.count() > 0) {
            self.close_chunk();
        }
        let is_new = self.open.count() == 0;
        if is_new {
            self.open_min_t = t;
        }
        match (&mut self.open, value) {
            (_, Value::Float(v)) => self.push_floats(&[t], &[v]),
            (OpenChunk::Histograms(chunk), Value::Histogram(bytes)) => chunk.append(t, bytes),
            (open, Value::Histogram(bytes)) => {
                let mut chunk = HistogramChunk::default();
                chunk.append(t, bytes);
                *open = OpenChunk::Histograms(Box::new(chunk));
            }
        }
        if is_new { Appended::ToNewChunk } else { Appended::ToChunk }
    }

    /// Adds floats in their order, by one who has the series alone; those that are not newer than the ones
    /// before are passed over. The columns are for use meanwhile.
    ///
    /// Equals [`MemSeries::append`] of each, but a chunk that is filled here is not closed early for its
    /// bytes; it is never written bit by bit.
    pub(super) fn extend(&mut self, times: &mut Vec<Timestamp>, values: &mut Vec<f64>) -> Extended {
        keep_rising(self.newest().map(|(t, _)| t), times, values);
        let (Some(&min_t), Some(&max_t)) = (times.first(), times.last()) else {
            return Extended::default();
        };
        let mut extended = Extended { samples: times.len(), chunks: 0, min_t, max_t };
        self.unseen = None;
        if self.open.kind() != Kind::Float && self.open.count() > 0 {
            self.close_chunk();
        }
        let (mut times, mut values) = (&times[..], &values[..]);
        loop {
            let count = self.open.count();
            if count == 0 {
                self.open_min_t = times[0];
                extended.chunks += 1;
            }
            let room = match self.open.len_bytes() {
                ..BYTES_PER_CHUNK => usize::from(self.most_samples().saturating_sub(count)),
                _ => 0,
            };
            if times.len() <= room {
                break;
            }
            let (more, rest) = times.split_at(room);
            let (more_values, rest_values) = values.split_at(room);
            self.close_with(more, more_values);
            (times, values) = (rest, rest_values);
        }
        self.push_floats(times, values);
        extended
    }

    /// How many samples the open chunk takes. The first chunk takes fewer, how many fewer depends on
    /// when it began: else all series would be long and closed at the same time.
    fn most_samples(&self) -> u16 {
        if !self.closed.is_empty() {
            return SAMPLES_PER_CHUNK;
        }
        let spread = self.open_min_t.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let fewer = spread % u64::from(SAMPLES_PER_CHUNK / 4 * 3);
        SAMPLES_PER_CHUNK - u16::try_from(fewer).expect("fewer than a chunk takes")
    }

    #[inline]
    fn push_floats(&mut self, times: &[Timestamp], values: &[f64]) {
        if !matches!(self.open, OpenChunk::Floats(_)) {
            self.open = OpenChunk::Floats(ChunkAppender::default());
        }
        if let OpenChunk::Floats(chunk) = &mut self.open {
            let has_room = chunk.extend(times, values);
            debug_assert!(has_room, "closed long before it is full");
        }
    }

    /// Closes the open chunk of floats, or of nothing, with more samples at its end.
    fn close_with(&mut self, times: &[Timestamp], values: &[f64]) {
        let bits = if self.open.count() > 0 { self.open.to_bytes() } else { Vec::new() };
        self.closed.push_floats(self.open_min_t, &bits, times, values);
        self.open = OpenChunk::Floats(ChunkAppender::default());
    }

    fn close_chunk(&mut self) {
        let Some(meta) = self.open_meta() else { return };
        let empty = OpenChunk::Floats(ChunkAppender::default());
        match std::mem::replace(&mut self.open, empty) {
            OpenChunk::Floats(chunk) => {
                self.closed.push_floats(meta.min_t, &chunk.to_bytes(), &[], &[]);
            }
            OpenChunk::Histograms(chunk) => {
                self.closed.push(meta, Coding::Histograms, chunk.bytes())
            }
        }
    }

    fn open_meta(&self) -> Option<ChunkMeta> {
        let (max_t, _) = self.newest()?;
        let count = u32::from(self.open.count());
        Some(ChunkMeta { min_t: self.open_min_t, max_t, count })
    }

    fn note_unseen(
        &mut self,
        commit: CommitNumber,
        newest_before: Option<Timestamp>,
        viewers: &Viewers,
    ) {
        let Some(oldest) = viewers.oldest else {
            self.unseen = None;
            return;
        };
        let unseen = self.unseen.get_or_insert_default();
        unseen.retain(|unseen| unseen.commit > oldest);
        if unseen.last().is_none_or(|last| last.commit != commit) {
            unseen.push(Unseen { commit, newest_before });
        }
    }

    /// The newest time that a view of all commits up to `seen` may show; `None` if it shows nothing.
    fn newest_seen(&self, seen: CommitNumber) -> Option<Timestamp> {
        let unseen = self.unseen.iter().flat_map(|unseen| unseen.iter());
        match unseen.into_iter().find(|unseen| unseen.commit > seen) {
            Some(first) => first.newest_before,
            None => Some(Timestamp::MAX),
        }
    }

    /// The chunks that overlap `range`, and the part of it that a view of the commits up to `seen`
    /// may show. `None` if that is nothing.
    pub(super) fn read(
        &self,
        range: TimeRange,
        seen: CommitNumber,
    ) -> Option<(TimeRange, Vec<(ChunkMeta, ChunkBytes)>)> {
        let range = TimeRange::new(range.min(), range.max().min(self.newest_seen(seen)?))?;
        let mut chunks: Vec<(ChunkMeta, ChunkBytes)> = self
            .closed
            .iter()
            .skip_while(|chunk| chunk.meta.max_t < range.min())
            .take_while(|chunk| chunk.meta.min_t <= range.max())
            .map(|chunk| {
                let (coding, bytes) = (chunk.coding, chunk.bytes.to_vec());
                (chunk.meta, ChunkBytes { coding, bytes })
            })
            .collect();
        let open = self.open_meta();
        if let Some(meta) = open.filter(|m| m.min_t <= range.max() && range.min() <= m.max_t) {
            let (coding, bytes) = (self.open.coding(), self.open.to_bytes());
            chunks.push((meta, ChunkBytes { coding, bytes }));
        }
        (!chunks.is_empty()).then_some((range, chunks))
    }

    /// Drops chunks all of whose samples are before `t`.
    pub(super) fn truncate(&mut self, t: Timestamp) -> Left {
        let dropped = self.closed.drop_before(t);
        let oldest = match self.closed.iter().next() {
            Some(first) => first_at_or_after(first.meta, t, |columns| {
                first.coding.decode(first.meta, first.bytes, columns)
            }),
            None => self.open_meta().and_then(|meta| {
                first_at_or_after(meta, t, |columns| {
                    self.open.coding().decode(meta, &self.open.to_bytes(), columns)
                })
            }),
        };
        Left { min_t: oldest, chunks_dropped: dropped }
    }

    /// Whether a commit under way has samples for it.
    pub(super) fn is_staged(&mut self) -> bool {
        *self.staged.get_mut() > 0
    }

    /// How many chunks there are, the open one included.
    pub(super) fn num_chunks(&self) -> usize {
        self.closed.iter().count() + usize::from(self.open.count() > 0)
    }
}

/// Drops samples that are not newer than those before, and than `newest`.
fn keep_rising(newest: Option<Timestamp>, times: &mut Vec<Timestamp>, values: &mut Vec<f64>) {
    let is_newer = newest.is_none_or(|newest| times.first().is_some_and(|first| *first > newest));
    if is_newer && times.is_sorted_by(|a, b| a < b) {
        return;
    }
    let (mut newest, mut kept) = (newest, 0);
    for at in 0..times.len() {
        if newest.is_none_or(|newest| times[at] > newest) {
            newest = Some(times[at]);
            (times[kept], values[kept]) = (times[at], values[at]);
            kept += 1;
        }
    }
    times.truncate(kept);
    values.truncate(kept);
}

/// The first time in a chunk of ours that is not before `t`; it is decoded only if it has to be.
fn first_at_or_after(
    meta: ChunkMeta,
    t: Timestamp,
    decode: impl FnOnce(&mut Columns) -> Option<()>,
) -> Option<Timestamp> {
    if meta.min_t >= t {
        return Some(meta.min_t);
    }
    if meta.max_t < t {
        return None;
    }
    let mut columns = Columns::default();
    decode(&mut columns).expect("the head's own chunk");
    let mut times = columns.timestamps.iter().chain(&columns.histogram_timestamps);
    times.find(|at| **at >= t).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Viewers = Viewers { oldest: None };

    fn filled(n: i64) -> MemSeries {
        let mut series = MemSeries::new(0);
        for i in 0..n {
            series.append(i * 10, Value::Float(i as f64), 1, &NOBODY);
        }
        series
    }

    fn times(series: &MemSeries, range: TimeRange, seen: CommitNumber) -> Vec<i64> {
        let Some((range, chunks)) = series.read(range, seen) else { return vec![] };
        let mut columns = Columns::default();
        chunks.iter().for_each(|(meta, bytes)| bytes.decode(*meta, &mut columns));
        columns.timestamps.into_iter().filter(|t| range.contains(*t)).collect()
    }

    #[test]
    fn chunks_are_closed_at_120_samples() {
        let series = filled(250);
        let (_, chunks) = series.read(TimeRange::ALL, 1).unwrap();
        let counts: Vec<u32> = chunks.iter().map(|(meta, _)| meta.count).collect();
        assert_eq!(counts, [120, 120, 10]);
        assert_eq!(times(&series, TimeRange::ALL, 1), (0..250).map(|i| i * 10).collect::<Vec<_>>());
    }

    #[test]
    fn first_chunks_are_closed_after_fewer_samples_and_not_all_at_once() {
        let lens: std::collections::BTreeSet<u32> = (0..100)
            .map(|start| {
                let mut series = MemSeries::new(0);
                for i in 0..300 {
                    let t = start * 37 + i * 15_000;
                    series.append(t, Value::Float(i as f64), 1, &NOBODY);
                }
                let (_, chunks) = series.read(TimeRange::ALL, 1).unwrap();
                assert_eq!(chunks[1].0.count, 120);
                chunks[0].0.count
            })
            .collect();
        assert!(lens.len() > 20 && lens.iter().all(|len| (31..=120).contains(len)), "{lens:?}");
    }

    #[test]
    fn only_newer_samples_are_taken() {
        let mut series = filled(3);
        assert_eq!(series.append(20, Value::Float(2.0), 1, &NOBODY), Appended::SameTime);
        assert_eq!(series.append(5, Value::Float(2.0), 1, &NOBODY), Appended::Older);
        assert_eq!(series.append(21, Value::Float(2.0), 1, &NOBODY), Appended::ToChunk);
    }

    #[test]
    fn a_view_does_not_see_later_commits() {
        let mut series = MemSeries::new(0);
        let viewed = |oldest| Viewers { oldest: Some(oldest) };
        series.append(1, Value::Float(0.0), 1, &NOBODY);
        series.append(2, Value::Float(0.0), 2, &viewed(1));
        series.append(3, Value::Float(0.0), 2, &viewed(1));
        series.append(4, Value::Float(0.0), 3, &viewed(1));
        for (seen, expected) in
            [(0, vec![]), (1, vec![1]), (2, vec![1, 2, 3]), (3, vec![1, 2, 3, 4])]
        {
            // Nobody was told of a view of no commits: it cannot be there.
            if seen > 0 {
                assert_eq!(times(&series, TimeRange::ALL, seen), expected, "{seen}");
            }
        }
        series.append(5, Value::Float(0.0), 4, &viewed(3));
        assert_eq!(times(&series, TimeRange::ALL, 3), [1, 2, 3, 4]);
        series.append(6, Value::Float(0.0), 5, &NOBODY);
        assert!(series.unseen.is_none());
    }

    #[test]
    fn a_series_made_by_a_later_commit_shows_nothing() {
        let mut series = MemSeries::new(0);
        series.append(1, Value::Float(0.0), 2, &Viewers { oldest: Some(1) });
        assert!(series.read(TimeRange::ALL, 1).is_none());
        assert_eq!(times(&series, TimeRange::ALL, 2), [1]);
    }

    #[test]
    fn truncating_drops_whole_chunks_and_tells_what_is_oldest() {
        for (t, min_t, chunks) in [
            (0, Some(0), 3),
            (1, Some(10), 3),
            (1190, Some(1190), 3),
            (1191, Some(1200), 2),
            (2395, Some(2400), 1),
            (2490, Some(2490), 1),
            (2491, None, 1),
        ] {
            let mut series = filled(250);
            let left = series.truncate(t);
            assert_eq!((left.min_t, series.num_chunks()), (min_t, chunks), "{t}");
            assert_eq!(left.chunks_dropped, 3 - chunks, "{t}");
        }
    }
}
