//! Time: timestamps in milliseconds, closed ranges of them, and durations as Prometheus writes them.

use std::fmt;

/// Milliseconds since 1970, negative before.
pub type Timestamp = i64;

/// A closed range of timestamps: both ends are inside. Never inverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    min: Timestamp,
    max: Timestamp,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { min: Timestamp::MIN, max: Timestamp::MAX };

    /// From `min` to `max`, both inside; `None` if `max` comes before `min`.
    pub fn new(min: Timestamp, max: Timestamp) -> Option<Self> {
        (min <= max).then_some(Self { min, max })
    }

    /// The first moment inside.
    pub fn min(self) -> Timestamp {
        self.min
    }

    /// The last moment inside.
    pub fn max(self) -> Timestamp {
        self.max
    }

    /// Whether `t` lies inside.
    pub fn contains(self, t: Timestamp) -> bool {
        self.min <= t && t <= self.max
    }

    /// Whether some moment lies inside both.
    pub fn overlaps(self, other: Self) -> bool {
        self.min <= other.max && other.min <= self.max
    }

    /// What lies inside both, if anything.
    #[must_use]
    pub fn intersect(self, other: Self) -> Option<Self> {
        Self::new(self.min.max(other.min), self.max.min(other.max))
    }

    /// The smallest range around both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// Units from the longest to the shortest, in ms.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A text that is not a duration, in the words Prometheus uses for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing at all.
    #[error("empty duration string")]
    Empty,
    /// Not numbers with units in falling order.
    #[error("not a valid duration string: {0}")]
    Invalid(String),
    /// Longer than a signed 64-bit count of nanoseconds can hold (292 years).
    #[error("duration out of range")]
    OutOfRange,
}

/// Reads `1h30m`, `15s`, `0`: whole numbers with the units y w d h m s ms, each at most once and in
/// this order. Returns ms.
pub fn parse_duration(text: &str) -> Result<i64, DurationError> {
    match text {
        "" => return Err(DurationError::Empty),
        "0" => return Ok(0),
        _ => {}
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total_ms: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        let &(_, unit_ms) = units
            .find(|(name, _)| *name == unit && digits > 0)
            .ok_or_else(|| DurationError::Invalid(crate::labels::Quoted(text).to_string()))?;
        total_ms = number
            .parse::<i64>()
            .ok()
            .and_then(|n| n.checked_mul(unit_ms))
            .and_then(|ms| ms.checked_add(total_ms))
            .filter(|ms| *ms <= i64::MAX / 1_000_000)
            .ok_or(DurationError::OutOfRange)?;
        rest = after;
    }
    Ok(total_ms)
}

/// A duration in ms, written as Prometheus writes it: `1h30m`, `90d`, `1w`, `0s`.
///
/// Years and weeks only where nothing remains: 90 days are easier to read than 12w6d.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurationText(pub i64);

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut rest = self.0.unsigned_abs();
        for (unit, unit_ms) in UNITS {
            let unit_ms = unit_ms.unsigned_abs();
            let only_exact = matches!(unit, "y" | "w");
            if rest < unit_ms || (only_exact && !rest.is_multiple_of(unit_ms)) {
                continue;
            }
            write!(f, "{}{unit}", rest / unit_ms)?;
            rest %= unit_ms;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_prometheus_reads_them() {
        for (text, ms) in [
            ("0", 0),
            ("0s", 0),
            ("15s", 15_000),
            ("1h30m", 5_400_000),
            ("1m0s", 60_000),
            ("1y2w3d4h5m6s7ms", 33_019_506_007),
            ("30d", 2_592_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(ms), "{text}");
        }
        for text in ["1", "1m1h", "1.5m", "5m5m", "-5m", "m", "1x", "1h 5m"] {
            assert!(matches!(parse_duration(text), Err(DurationError::Invalid(_))), "{text}");
        }
        assert_eq!(parse_duration(""), Err(DurationError::Empty));
        assert_eq!(parse_duration("300y"), Err(DurationError::OutOfRange));
        assert_eq!(parse_duration("99999999999999999999s"), Err(DurationError::OutOfRange));
    }

    #[test]
    fn durations_are_written_as_prometheus_writes_them() {
        for (ms, text) in [
            (0, "0s"),
            (1, "1ms"),
            (90_000, "1m30s"),
            (7 * 86_400_000, "1w"),
            (90 * 86_400_000, "90d"),
            (365 * 86_400_000, "1y"),
            (-300_000, "-5m"),
        ] {
            assert_eq!(DurationText(ms).to_string(), text);
        }
    }

    #[test]
    fn a_range_is_closed_and_never_inverted() {
        let r = TimeRange::new(1, 3).expect("1 comes before 3");
        assert!(r.contains(1) && r.contains(3) && !r.contains(4));
        assert_eq!(TimeRange::new(3, 1), None);
        assert_eq!(r.intersect(TimeRange { min: 3, max: 9 }), TimeRange::new(3, 3));
        assert_eq!(r.intersect(TimeRange { min: 4, max: 9 }), None);
    }
}
