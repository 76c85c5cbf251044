//! Times as texts in answers: RFC 3339 in UTC, as Go writes them.

use model::Timestamp;

/// How precisely a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    /// Whole seconds.
    Seconds,
    /// As many decimals as needed, three at most.
    Ms,
}

/// What stands for a time that never was.
pub(crate) const NEVER: &str = "0001-01-01T00:00:00Z";

/// A time as a text. One outside the calendar is the calendar's nearest end.
pub(crate) fn rfc3339(t: Timestamp, precision: Precision) -> String {
    let t = match precision {
        Precision::Seconds => t - t.rem_euclid(1000),
        Precision::Ms => t,
    };
    let end = if t < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_millisecond(t).unwrap_or(end).to_string()
}

/// A time in a name: `20261123T185846Z`.
pub(crate) fn compact(t: Timestamp) -> String {
    rfc3339(t, Precision::Seconds).replace(['-', ':'], "")
}

/// A time that may never have been.
pub(crate) fn rfc3339_or_never(t: Option<Timestamp>) -> String {
    t.map_or_else(|| NEVER.to_owned(), |t| rfc3339(t, Precision::Ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_writes_them() {
        for (t, ms, seconds) in [
            (0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            (1_795_444_492_402, "2026-11-23T14:34:52.402Z", "2026-11-23T14:34:52Z"),
            (1_500, "1970-01-01T00:00:01.5Z", "1970-01-01T00:00:01Z"),
            (-1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(t, Precision::Ms), ms);
            assert_eq!(rfc3339(t, Precision::Seconds), seconds);
        }
        assert_eq!(compact(1_795_444_492_402), "20261123T143452Z");
        assert_eq!(rfc3339_or_never(None), NEVER);
        assert!(rfc3339(Timestamp::MAX, Precision::Ms).starts_with("9999-12-"));
    }
}
