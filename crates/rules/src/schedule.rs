//! When a group is due: on a grid of its own, so that not all groups are due at once.
//!
//! A group is evaluated at every whole multiple of its interval, shifted by an offset that depends
//! on its name alone: the same after a restart. An evaluation carries the time it was planned for.

use model::Timestamp;

/// The shift of a group's grid, ms.
pub(crate) fn offset_ms(file: &str, name: &str, interval_ms: i64) -> i64 {
    // FNV-1a: spreads names well enough, and stays the same in every version.
    let bytes = file.bytes().chain([b';']).chain(name.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let interval = interval_ms.max(1).unsigned_abs();
    i64::try_from(hash % interval).expect("less than an i64")
}

/// The first time on the grid behind `now`.
pub(crate) fn first_tick(now: Timestamp, interval_ms: i64, offset_ms: i64) -> Timestamp {
    let interval = interval_ms.max(1);
    (now - offset_ms).div_euclid(interval) * interval + offset_ms + interval
}

/// The next time after `planned`, and how many were missed between: those that are over by a whole
/// interval. `None` if the clock was set back, and the plan is void; a timer that only woke a
/// little early is no such thing.
pub(crate) fn tick_behind(
    planned: Timestamp,
    interval_ms: i64,
    now: Timestamp,
) -> Option<(Timestamp, u64)> {
    let interval = interval_ms.max(1);
    let next = planned + interval;
    if next - now > 2 * interval {
        return None;
    }
    let missed = (now - next).max(0) / interval;
    Some((next + missed * interval, missed.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_due_on_its_own_grid() {
        for (now, first) in [(0, 7), (6, 7), (7, 17), (8, 17), (16, 17), (-4, -3), (-3, 7)] {
            assert_eq!(first_tick(now, 10, 7), first, "{now}");
        }
        let offset = offset_ms("r.yml", "g", 60_000);
        assert_eq!(offset, offset_ms("r.yml", "g", 60_000));
        assert_ne!(offset, offset_ms("r.yml", "h", 60_000));
        assert!((0..60_000).contains(&offset));
    }

    #[test]
    fn times_that_are_over_by_a_whole_interval_are_missed() {
        for (now, expected) in [
            (1001, Some((1100, 0))),
            (1199, Some((1100, 0))),
            (1200, Some((1200, 1))),
            (1450, Some((1400, 3))),
            (900, Some((1100, 0))),
            (899, None),
        ] {
            assert_eq!(tick_behind(1000, 100, now), expected, "{now}");
        }
    }
}
