//! Which blocks to make one of next. Pure: metas in, names out.
//!
//! Blocks grow by levels: the widths rise, each a multiple of the one before, and the windows of a
//! width are aligned to the epoch. The blocks of a window become one when time has passed it. The
//! newest block is left alone, so that a backup has time to take it as it was cut.

use model::Timestamp;

use crate::block::{BlockId, BlockMeta};

/// Widths of blocks: as cut from the head, twelve times that (a day), and the widest.
///
/// `max_ms` is rounded down to a multiple of the width before it; one that is not wider adds none.
pub(crate) fn widths(min_ms: i64, max_ms: i64) -> Vec<i64> {
    let mut widths = vec![min_ms.max(1)];
    for wanted in [min_ms.saturating_mul(12).min(max_ms), max_ms] {
        let last = widths[widths.len() - 1];
        let width = wanted - wanted.rem_euclid(last);
        if width > last {
            widths.push(width);
        }
    }
    widths
}

/// The blocks that should become one next; none if all is well.
///
/// Overlapping blocks come first, whatever their widths: they cost every query a merge.
pub(crate) fn next(metas: &[BlockMeta], widths: &[i64]) -> Vec<BlockId> {
    let mut sorted: Vec<&BlockMeta> = metas.iter().collect();
    sorted.sort_by_key(|meta| (meta.min_time, meta.max_time, meta.ulid));
    let overlapping = overlapping(&sorted);
    if !overlapping.is_empty() {
        return overlapping;
    }
    let newest = sorted.pop();
    let high = newest.map_or(Timestamp::MIN, |meta| meta.min_time);
    for &width in widths.iter().skip(1) {
        for window in windows(&sorted, width) {
            // No block to come can fall into a window that the newest one begins behind.
            let end = start_of(window[0].min_time, width).saturating_add(width);
            if window.len() > 1 && end <= high {
                return window.iter().map(|meta| meta.ulid).collect();
            }
        }
    }
    Vec::new()
}

/// The block to write anew without what is deleted of it; none if that is worth it for none.
///
/// `deleted` tells of how many series of a block something is deleted: of one in twenty is enough for
/// a block so wide that it is not soon merged with others, of all of them for any. The newest block
/// is left alone.
pub(crate) fn next_to_clean(
    metas: &[BlockMeta],
    widths: &[i64],
    deleted: impl Fn(&BlockMeta) -> u64,
) -> Vec<BlockId> {
    let wide_ms = widths.get(widths.len() / 2).copied().unwrap_or(0);
    let newest = metas.iter().map(|meta| meta.min_time).max();
    let is_worth_it = |meta: &&BlockMeta| {
        let (deleted, series) = (deleted(meta), meta.stats.num_series);
        let is_wide = meta.max_time.saturating_sub(meta.min_time) >= wide_ms;
        let is_much = if is_wide { deleted.saturating_mul(20) > series } else { deleted >= series };
        deleted > 0 && is_much && Some(meta.min_time) < newest
    };
    metas.iter().find(is_worth_it).map(|meta| meta.ulid).into_iter().collect()
}

/// The first run of blocks each of which overlaps one before it; empty if none do.
fn overlapping(sorted: &[&BlockMeta]) -> Vec<BlockId> {
    let mut run: Vec<&BlockMeta> = Vec::new();
    let mut end = Timestamp::MIN;
    for &meta in sorted {
        if meta.min_time >= end {
            if run.len() > 1 {
                break;
            }
            run.clear();
        }
        end = end.max(meta.max_time);
        run.push(meta);
    }
    if run.len() > 1 { run.iter().map(|meta| meta.ulid).collect() } else { Vec::new() }
}

/// The blocks that fall wholly into each aligned window of `width`, in order of time.
fn windows<'a>(sorted: &[&'a BlockMeta], width: i64) -> Vec<Vec<&'a BlockMeta>> {
    let mut windows: Vec<(Timestamp, Vec<&BlockMeta>)> = Vec::new();
    for &meta in sorted {
        let start = start_of(meta.min_time, width);
        if meta.max_time > start.saturating_add(width) {
            continue;
        }
        match windows.last_mut() {
            Some((at, window)) if *at == start => window.push(meta),
            _ => windows.push((start, vec![meta])),
        }
    }
    windows.into_iter().map(|(_, window)| window).collect()
}

/// Where the aligned window around `t` begins.
pub(crate) fn start_of(t: Timestamp, width: i64) -> Timestamp {
    t.saturating_sub(t.rem_euclid(width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::tests::{hours, meta_of};

    fn planned(blocks: &[(i64, i64)]) -> Vec<(i64, i64)> {
        let metas: Vec<_> = blocks.iter().map(|&(min, max)| meta_of(min, max, 1)).collect();
        let ids = next(&metas, &[hours(2), hours(6), hours(24)]);
        let times = |meta: &BlockMeta| (meta.min_time / hours(1), meta.max_time / hours(1));
        metas.iter().filter(|meta| ids.contains(&meta.ulid)).map(times).collect()
    }

    #[test]
    fn a_full_window_becomes_one_block() {
        for (blocks, expected) in [
            (&[][..], &[][..]),
            (&[(0, 2), (2, 4), (4, 6)], &[]),
            (&[(0, 2), (2, 4), (4, 6), (6, 8)], &[(0, 2), (2, 4), (4, 6)]),
            (&[(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)], &[(0, 2), (2, 4), (4, 6)]),
            // A gap in a window that time has passed.
            (&[(0, 2), (4, 6), (12, 14)], &[(0, 2), (4, 6)]),
            (&[(2, 4), (4, 6), (6, 8)], &[(2, 4), (4, 6)]),
            // One block alone stays as it is.
            (&[(0, 2), (6, 8), (12, 14)], &[]),
            // The next level.
            (
                &[(0, 6), (6, 12), (12, 18), (18, 24), (24, 26)],
                &[(0, 6), (6, 12), (12, 18), (18, 24)],
            ),
            (&[(0, 6), (6, 12), (12, 18), (18, 20)], &[]),
            // Blocks that straddle windows are left alone.
            (&[(4, 8), (8, 10), (12, 14)], &[]),
        ] {
            assert_eq!(planned(blocks), expected, "{blocks:?}");
        }
    }

    #[test]
    fn overlapping_blocks_come_first() {
        for (blocks, expected) in [
            (&[(0, 2), (0, 2)][..], &[(0, 2), (0, 2)][..]),
            (&[(0, 2), (2, 4), (3, 5), (4, 6), (8, 10)], &[(2, 4), (3, 5), (4, 6)]),
            (&[(0, 10), (2, 4), (5, 7), (10, 12)], &[(0, 10), (2, 4), (5, 7)]),
        ] {
            assert_eq!(planned(blocks), expected, "{blocks:?}");
        }
    }

    #[test]
    fn blocks_of_which_much_is_deleted_are_written_anew() {
        for (from, to, deleted, expected) in [
            (0, 24, 5, false),
            (0, 24, 6, true),
            (0, 24, 100, true),
            (0, 2, 99, false),
            (0, 2, 100, true),
            (0, 24, 0, false),
            // The newest.
            (30, 60, 100, false),
        ] {
            let mut metas = [meta_of(from, to, 1), meta_of(26, 28, 1)];
            metas[0].stats.num_series = 100;
            let of_block = |meta: &BlockMeta| if meta.ulid == metas[0].ulid { deleted } else { 0 };
            let chosen = next_to_clean(&metas, &[hours(2), hours(24), hours(72)], of_block);
            assert_eq!(chosen == [metas[0].ulid], expected, "{from} to {to}: {deleted}");
        }
    }

    #[test]
    fn widths_are_multiples_of_each_other() {
        for (min, max, expected) in [
            (2, 36, &[2, 24][..]),
            (2, 48, &[2, 24, 48]),
            (2, 744, &[2, 24, 744]),
            (2, 2, &[2]),
            (2, 1, &[2]),
            (2, 9, &[2, 8]),
        ] {
            assert_eq!(widths(min, max), expected, "{min} to {max}");
        }
    }

    #[test]
    fn windows_are_aligned_before_the_epoch_too() {
        assert_eq!(start_of(-1, 10), -10);
        assert_eq!(start_of(-10, 10), -10);
        assert_eq!(start_of(9, 10), 0);
    }
}
