//! Which blocks go, by age and by bytes. Pure: metas in, names out.

use model::Timestamp;

use crate::block::{BlockId, BlockMeta};

/// How much is kept. 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Retention {
    /// Samples older than this may go, ms.
    pub ms: i64,
    /// The oldest blocks go when all takes more bytes than this.
    pub bytes: u64,
    /// The oldest blocks go when all takes more than so many hundredths of the file system it lies on;
    /// then `bytes` says nothing.
    pub percentage: f64,
}

impl Retention {
    /// How many bytes the percentage is of a disk of so many.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a u64")]
    pub(crate) fn limit_on(self, disk_bytes: u64) -> u64 {
        // At least a byte: 0 would be no limit.
        ((disk_bytes as f64 * (self.percentage / 100.0)) as u64).clamp(1, disk_bytes.max(1))
    }
}

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

/// A block and the bytes it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) ulid: BlockId,
    pub(crate) max_time: Timestamp,
    pub(crate) bytes: u64,
}

/// The oldest blocks, as many as must go for the rest to fit.
///
/// `other_bytes` is what the database takes beside its blocks. `limit_bytes` of 0 keeps everything.
pub(crate) fn too_many(blocks: &[Taken], other_bytes: u64, limit_bytes: u64) -> Vec<BlockId> {
    if limit_bytes == 0 {
        return Vec::new();
    }
    let mut newest_first: Vec<&Taken> = blocks.iter().collect();
    newest_first.sort_by_key(|block| std::cmp::Reverse((block.max_time, block.ulid)));
    let mut total = other_bytes;
    let mut gone = Vec::new();
    for block in newest_first {
        total = total.saturating_add(block.bytes);
        if total > limit_bytes {
            gone.push(block.ulid);
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
        let taken = metas.clone().map(|meta| Taken {
            ulid: meta.ulid,
            max_time: meta.max_time,
            bytes: meta.size_bytes(),
        });
        for (other, limit, gone) in
            [(50, 350, 0), (50, 349, 1), (50, 250, 1), (50, 100, 3), (500, 100, 3), (50, 0, 0)]
        {
            let mut expected: Vec<_> = metas[..gone].iter().map(|m| m.ulid).collect();
            expected.reverse();
            assert_eq!(too_many(&taken, other, limit), expected, "other {other} limit {limit}");
        }
    }

    #[test]
    fn a_percentage_is_a_part_of_the_disk_and_never_no_limit() {
        for (percentage, disk, limit) in [
            (50.0, 1000, 500),
            (0.5, 1000, 5),
            (100.0, u64::MAX, u64::MAX),
            (0.000_1, 1000, 1),
            (50.0, 0, 1),
        ] {
            let retention = Retention { percentage, ..Retention::default() };
            assert_eq!(retention.limit_on(disk), limit, "{percentage} of {disk}");
        }
    }
}
