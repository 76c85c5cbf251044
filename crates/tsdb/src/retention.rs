//! Which blocks go, by age and by bytes. Pure: metas in, names out.

use model::Timestamp;

use crate::block::{BlockId, BlockMeta};

/// The blocks that lie wholly before the retention's window.
///
/// Age counts from the end of the newest block, as in Prometheus, and not from the time of day: a
/// clock that jumps ahead, or a load of old samples, deletes nothing. Where that end is still to come,
/// age counts from `now_ms`: samples from the future delete nothing either. `retention_ms` of 0 keeps
/// everything.
pub(crate) fn too_old(metas: &[BlockMeta], now_ms: Timestamp, retention_ms: i64) -> Vec<BlockId> {
    let Some(newest) = metas.iter().map(|meta| meta.max_time).max() else { return Vec::new() };
    if retention_ms <= 0 {
        return Vec::new();
    }
    let oldest_kept = newest.min(now_ms).saturating_sub(retention_ms);
    metas.iter().filter(|meta| meta.max_time <= oldest_kept).map(|meta| meta.ulid).collect()
}

/// The oldest blocks, as many as must go for the rest to fit.
///
/// `other_bytes` is what the database takes beside its blocks. `limit_bytes` of 0 keeps everything.
pub(crate) fn too_many(metas: &[BlockMeta], other_bytes: u64, limit_bytes: u64) -> Vec<BlockId> {
    if limit_bytes == 0 {
        return Vec::new();
    }
    let mut newest_first: Vec<&BlockMeta> = metas.iter().collect();
    newest_first.sort_by_key(|meta| std::cmp::Reverse((meta.max_time, meta.ulid)));
    let mut total = other_bytes;
    let mut gone = Vec::new();
    for meta in newest_first {
        total = total.saturating_add(meta.size_bytes());
        if total > limit_bytes {
            gone.push(meta.ulid);
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::tests::{hours, meta_of};

    #[test]
    fn a_block_goes_when_all_of_it_is_older_than_the_retention() {
        let metas = [meta_of(0, 2, 1), meta_of(2, 4, 1), meta_of(4, 6, 1)];
        for (now, retention, gone) in [
            (hours(8), hours(2), 2),
            (hours(8), hours(2) + 1, 1),
            (hours(8), hours(4) + 1, 0),
            // The clock jumped ten years ahead, or there is old data only.
            (hours(90_000), hours(4), 1),
            // The newest block reaches into the future.
            (hours(5), hours(2), 1),
            (hours(5), hours(4), 0),
            (hours(8), 0, 0),
        ] {
            let expected: Vec<_> = metas[..gone].iter().map(|m| m.ulid).collect();
            assert_eq!(too_old(&metas, now, retention), expected, "now {now} keep {retention}");
        }
        assert_eq!(too_old(&[], hours(8), 1), []);
    }

    #[test]
    fn the_oldest_blocks_go_until_the_rest_fits() {
        let metas = [meta_of(0, 2, 100), meta_of(2, 4, 100), meta_of(4, 6, 100)];
        for (other, limit, gone) in
            [(50, 350, 0), (50, 349, 1), (50, 250, 1), (50, 100, 3), (500, 100, 3), (50, 0, 0)]
        {
            let mut expected: Vec<_> = metas[..gone].iter().map(|m| m.ulid).collect();
            expected.reverse();
            assert_eq!(too_many(&metas, other, limit), expected, "other {other} limit {limit}");
        }
    }
}
