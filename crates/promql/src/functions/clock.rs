//! Functions of a time: parts of the date in UTC, of seconds since 1970.
//!
//! The calendar is the Gregorian one, before its time too, and without leap seconds. Seconds no
//! 64-bit integer can hold, and NaN, are its largest, as in Prometheus.

const DAY: i64 = 86_400;

/// `minute(v)`, 0 to 59
pub(super) fn minute(v: f64) -> f64 {
    float(seconds(v).rem_euclid(3_600) / 60)
}

/// `hour(v)`, 0 to 23
pub(super) fn hour(v: f64) -> f64 {
    float(seconds(v).rem_euclid(DAY) / 3_600)
}

/// `day_of_week(v)`, 0 (Sunday) to 6
pub(super) fn day_of_week(v: f64) -> f64 {
    // The first of January 1970 was a Thursday.
    float((seconds(v).div_euclid(DAY) + 4).rem_euclid(7))
}

/// `day_of_month(v)`, 1 to 31
pub(super) fn day_of_month(v: f64) -> f64 {
    float(Date::of(v).day)
}

/// `day_of_year(v)`, 1 to 366
pub(super) fn day_of_year(v: f64) -> f64 {
    let date = Date::of(v);
    let before: i64 = (1..date.month).map(|month| length(date.year, month)).sum();
    float(before + date.day)
}

/// `days_in_month(v)`, 28 to 31
pub(super) fn days_in_month(v: f64) -> f64 {
    let date = Date::of(v);
    float(length(date.year, date.month))
}

/// `month(v)`, 1 to 12
pub(super) fn month(v: f64) -> f64 {
    float(Date::of(v).month)
}

/// `year(v)`
pub(super) fn year(v: f64) -> f64 {
    float(Date::of(v).year)
}

struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// The day on which this second lies.
    ///
    /// Counts in years that begin in March, so that the leap day is the last of its year, and in
    /// eras of 400 years, which all have equally many days.
    fn of(v: f64) -> Self {
        const ERA: i64 = 146_097;
        const FROM_MARCH_0000_TO_1970: i64 = 719_468;
        let days = seconds(v).div_euclid(DAY) + FROM_MARCH_0000_TO_1970;
        let (era, day_of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
        let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
        let year_of_era = (day_of_era - leap_days) / 365;
        let first_day = 365 * year_of_era + year_of_era / 4 - year_of_era / 100;
        let day_of_year = day_of_era - first_day;
        // From March on, five months have 153 days.
        let months_since_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * months_since_march + 2) / 5 + 1;
        let month = (months_since_march + 2) % 12 + 1;
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Self { year, month, day }
    }
}

/// How many days a month has.
fn length(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "only what fits is cast")]
fn seconds(v: f64) -> i64 {
    let fits = -(2.0_f64.powi(63)) <= v && v < 2.0_f64.powi(63);
    if fits { v as i64 } else { i64::MAX }
}

fn float(number: i64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (v, date, week_day, year_day, time) in [
            (0.0, (1970.0, 1.0, 1.0), 4.0, 1.0, (0.0, 0.0)),
            (-1.0, (1969.0, 12.0, 31.0), 3.0, 365.0, (23.0, 59.0)),
            (951_782_400.0, (2000.0, 2.0, 29.0), 2.0, 60.0, (0.0, 0.0)),
            (1_709_251_199.9, (2024.0, 2.0, 29.0), 4.0, 60.0, (23.0, 59.0)),
            (4_107_542_400.0, (2100.0, 3.0, 1.0), 1.0, 60.0, (0.0, 0.0)),
            (1_136_239_445.0, (2006.0, 1.0, 2.0), 1.0, 2.0, (22.0, 4.0)),
            (-1e12, (-29_719.0, 4.0, 5.0), 2.0, 95.0, (22.0, 13.0)),
        ] {
            assert_eq!((year(v), month(v), day_of_month(v)), date, "{v}");
            assert_eq!((day_of_week(v), day_of_year(v)), (week_day, year_day), "{v}");
            assert_eq!((hour(v), minute(v)), time, "{v}");
        }
    }

    #[test]
    fn months_know_leap_years() {
        for (v, days) in [(951_782_400.0, 29.0), (4_105_123_200.0, 28.0), (0.0, 31.0)] {
            assert_eq!(days_in_month(v), days, "{v}");
        }
    }

    #[test]
    fn what_is_no_time_is_the_end_of_time() {
        for v in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            assert_eq!((year(v), month(v), day_of_month(v)), (292_277_026_596.0, 12.0, 4.0));
        }
    }
}
