//! What the calendar in UTC says of a time in seconds, counted year by year and month by month.

/// The functions of a date.
pub(super) const FUNCTIONS: [&str; 8] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "year",
];

/// One of [`FUNCTIONS`] of a time; `None` so far from 1970 that counting would take long.
pub(super) fn part(function: &str, seconds: f64) -> Option<f64> {
    if seconds.is_nan() || seconds.abs() > 1e12 {
        return None;
    }
    let seconds = seconds.trunc();
    let mut day = (seconds / 86_400.0).floor();
    let second = seconds - day * 86_400.0;
    // The first of January 1970 was a Thursday.
    let week_day = (day + 4.0).rem_euclid(7.0) + 0.0;
    let mut year = 1970.0;
    while day < 0.0 {
        year -= 1.0;
        day += days_in_year(year);
    }
    while day >= days_in_year(year) {
        day -= days_in_year(year);
        year += 1.0;
    }
    let day_of_year = day + 1.0;
    let mut month = 1;
    while day >= days_in_month(year, month) {
        day -= days_in_month(year, month);
        month += 1;
    }
    Some(match function {
        "day_of_month" => day + 1.0,
        "day_of_week" => week_day,
        "day_of_year" => day_of_year,
        "days_in_month" => days_in_month(year, month),
        "hour" => (second / 3600.0).floor(),
        "minute" => (second % 3600.0 / 60.0).floor(),
        "month" => f64::from(month),
        _ => year,
    })
}

fn is_leap(year: f64) -> bool {
    year % 4.0 == 0.0 && (year % 100.0 != 0.0 || year % 400.0 == 0.0)
}

fn days_in_year(year: f64) -> f64 {
    if is_leap(year) { 366.0 } else { 365.0 }
}

fn days_in_month(year: f64, month: u8) -> f64 {
    match month {
        2 if is_leap(year) => 29.0,
        2 => 28.0,
        4 | 6 | 9 | 11 => 30.0,
        _ => 31.0,
    }
}
