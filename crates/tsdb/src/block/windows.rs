//! Where a series is cut into chunks.
//!
//! At moments that are the same for all series of an interval, so that those of one target share
//! their columns of times.

use std::ops::Range;

use model::Timestamp;

/// Widths of the windows that chunks are cut at, ms. Each divides a day, so that blocks, which begin
/// at hours, are cut in the same places.
const WIDTHS_MS: [i64; 21] = [
    86_400_000, 43_200_000, 28_800_000, 21_600_000, 14_400_000, 10_800_000, 7_200_000, 3_600_000,
    1_800_000, 1_200_000, 900_000, 600_000, 300_000, 120_000, 60_000, 30_000, 20_000, 10_000,
    5_000, 2_000, 1_000,
];
/// So many distances between samples are looked at to find a series' interval.
const LOOKED_AT: usize = 63;

/// The chunks of a series with these rising times, about `wanted` samples to each.
///
/// A chunk holds the samples of one window of the epoch, whose width is the largest in which not more
/// than `wanted` samples fall at the series' usual interval. Where samples come more densely than
/// usual a window makes several chunks.
pub(super) fn chunks(times: &[Timestamp], wanted: usize) -> Vec<Range<usize>> {
    let width = width(times, wanted);
    let mut chunks = Vec::new();
    let mut start = 0;
    while start < times.len() {
        let window = times[start].div_euclid(width);
        let end = window.saturating_add(1).saturating_mul(width);
        let len = times[start..].partition_point(|t| *t < end).max(1);
        let most = len.min(2 * wanted);
        chunks.push(start..start + most);
        start += most;
    }
    chunks
}

/// The width of the windows for a series.
fn width(times: &[Timestamp], wanted: usize) -> i64 {
    let step = (times.len() / LOOKED_AT).max(1);
    let pairs = times.windows(2).step_by(step);
    let mut distances: Vec<i64> = pairs.map(|pair| pair[1].saturating_sub(pair[0])).collect();
    if distances.is_empty() {
        return WIDTHS_MS[0];
    }
    let middle = distances.len() / 2;
    let (_, interval, _) = distances.select_nth_unstable(middle);
    let most = interval.saturating_mul(i64::try_from(wanted).unwrap_or(i64::MAX));
    let fitting = WIDTHS_MS.iter().copied().find(|width| *width <= most);
    fitting.unwrap_or(WIDTHS_MS[WIDTHS_MS.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn every(interval: i64, from: i64, to: i64) -> Vec<i64> {
        (from..to).step_by(usize::try_from(interval).unwrap()).collect()
    }

    #[test]
    fn chunks_are_windows_of_the_epoch() {
        for (interval, from, to, wanted, expected) in [
            // Two hours at 15 s are one chunk, wherever the series begins.
            (15_000, 0, 2 * HOUR, 512, &[480][..]),
            (15_000, 7_000, 2 * HOUR, 512, &[480]),
            (15_000, HOUR, 2 * HOUR, 512, &[240]),
            (15_000, HOUR, 3 * HOUR, 512, &[240, 240]),
            (15_000, 0, 24 * HOUR, 2048, &[1920, 1920, 1920]),
            // A second: 512 of them are more than 5 minutes and less than 10.
            (1_000, 0, 600_000, 512, &[300, 300]),
            (60_000, 0, 24 * HOUR, 2048, &[1440]),
            (3 * HOUR, 0, 48 * HOUR, 512, &[8, 8]),
        ] {
            let times = every(interval, from, to);
            let lens: Vec<usize> = chunks(&times, wanted).iter().map(Range::len).collect();
            assert_eq!(lens, expected, "every {interval} from {from}");
        }
    }

    #[test]
    fn no_chunk_holds_more_than_twice_what_is_wanted() {
        let times = every(1, 0, 3_000);
        let all = chunks(&times, 512);
        assert!(all.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= 1024), "{all:?}");
        assert_eq!(all.iter().map(Range::len).sum::<usize>(), times.len());
    }

    #[test]
    fn any_times_can_be_cut() {
        for times in [vec![], vec![5], vec![i64::MIN, 0, i64::MAX], vec![-1, 0, 1]] {
            let all = chunks(&times, 512);
            assert_eq!(all.iter().map(Range::len).sum::<usize>(), times.len(), "{times:?}");
        }
    }
}
