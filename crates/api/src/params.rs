//! Parameters: those of the URL and those of a form body, as one list.
//!
//! A form body comes before the URL, so that its values win; any other body is not looked at: some
//! clients post nothing and call it JSON. What times, durations and limits look like, and what is
//! said about those that do not, is Prometheus's.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use http::Method;
use http::header::CONTENT_TYPE;
use model::Timestamp;
use model::labels::Quoted;

use crate::body;
use crate::error::ApiError;
use crate::state::{AppState, Options};

/// A form body may not be larger, bytes. As in Go.
pub(crate) const MAX_FORM_BYTES: usize = 10 << 20;

/// The first moment that can be asked for, ms. As in Prometheus: its calendar begins here.
pub(crate) const MIN_TIME: Timestamp = (i64::MIN / 1000 + 62_135_596_801) * 1000;
/// The last moment that can be asked for, ms.
pub(crate) const MAX_TIME: Timestamp = (i64::MAX / 1000 - 62_135_596_801) * 1000 + 999;

/// The parameters of a request, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    /// What is wrong with the first pair that is none.
    malformed: Option<String>,
}

impl FromRequest<AppState> for Params {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let mut params = Self::default();
        if is_form(&request) {
            let body = form(request.into_body(), state.options()).await?;
            params.read(&body)?;
        }
        params.read(&query)?;
        Ok(params)
    }
}

fn is_form(request: &Request) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    let has_form = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    has_form && media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn form(body: Body, options: &Options) -> Result<String, ApiError> {
    let body = body::read(body, MAX_FORM_BYTES, options)
        .await
        .map_err(|error| ApiError::bad_data(format!("cannot read the form: {error}")))?;
    String::from_utf8(body.into())
        .map_err(|_| ApiError::bad_data("error parsing form values: not UTF-8"))
}

impl Params {
    /// The parameters of a URL's query part alone.
    #[cfg(test)]
    pub(crate) fn of(query: &str) -> Self {
        let mut params = Self::default();
        params.read(query).expect("a test's query is UTF-8");
        params
    }

    fn read(&mut self, text: &str) -> Result<(), ApiError> {
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decode(name), decode(value)) {
                (Ok(name), Ok(value)) => {
                    let text = |bytes| {
                        String::from_utf8(bytes).map_err(|error| {
                            let name = String::from_utf8_lossy(error.as_bytes()).into_owned();
                            ApiError::bad_data(format!(
                                "error parsing form values: {name:?} is not UTF-8"
                            ))
                        })
                    };
                    self.pairs.push((text(name)?, text(value)?));
                }
                (Err(bad), _) | (_, Err(bad)) => {
                    self.malformed.get_or_insert_with(|| format!("invalid URL escape {bad:?}"));
                }
            }
        }
        Ok(())
    }

    /// Fails if some pair could not be read. Prometheus looks at that in some places and not in
    /// others.
    pub(crate) fn well_formed(&self) -> Result<&Self, ApiError> {
        match &self.malformed {
            None => Ok(self),
            Some(bad) => Err(ApiError::bad_data(format!("error parsing form values: {bad}"))),
        }
    }

    /// The first value of a parameter; empty if there is none.
    pub(crate) fn first(&self, name: &str) -> &str {
        let first = self.pairs.iter().find(|(n, _)| n == name);
        first.map_or("", |(_, value)| value)
    }

    /// All values of a parameter.
    pub(crate) fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.pairs.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter, for people to read.
    pub(crate) fn joined(&self, name: &str) -> String {
        self.all(name).collect::<Vec<_>>().join(", ")
    }

    /// A moment, or `absent` if it is not given.
    pub(crate) fn time(&self, name: &str, absent: Timestamp) -> Result<Timestamp, ApiError> {
        match self.first(name) {
            "" => Ok(absent),
            text => parse_time(text).map_err(|problem| {
                ApiError::parameter(name, format!("invalid time value for '{name}': {problem}"))
            }),
        }
    }

    /// A moment that must be given.
    pub(crate) fn required_time(&self, name: &str) -> Result<Timestamp, ApiError> {
        parse_time(self.first(name)).map_err(|problem| ApiError::parameter(name, problem))
    }

    /// At most so many results; 0 if there is no limit.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        let text = self.first("limit");
        if text.is_empty() {
            return Ok(0);
        }
        let limit = parse_int(text).map_err(|problem| {
            ApiError::parameter(
                "limit",
                format!("strconv.Atoi: parsing {}: {problem}", Quoted(text)),
            )
        })?;
        usize::try_from(limit)
            .map_err(|_| ApiError::parameter("limit", "limit must be non-negative"))
    }
}

/// Undoes `+` and `%41`; what is no escape is given back.
fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let hex =
                    text.as_bytes().get(at + 1..at + 3).and_then(|two| str::from_utf8(two).ok());
                let digits = hex.filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
                let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
                let bad = || text[at..].chars().take(3).collect::<String>();
                out.push(byte.ok_or_else(bad)?);
                bytes.nth(1);
            }
            byte => out.push(byte),
        }
    }
    Ok(out)
}

/// Why a number is none, in Go's words.
pub(crate) fn parse_int(text: &str) -> Result<i64, &'static str> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse::<i64>().map_err(|error| match error.kind() {
        PosOverflow | NegOverflow => "value out of range",
        _ => "invalid syntax",
    })
}

/// Reads a truth value as Go does; the error is Go's.
pub(crate) fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {}: invalid syntax", Quoted(text))),
    }
}

/// Reads a moment: seconds since 1970, or RFC 3339. What lies outside the calendar becomes its end:
/// some clients take milliseconds for seconds.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    let bad = || format!("cannot parse {} to a valid timestamp", Quoted(text));
    if let Some(seconds) = model::float::parse(text) {
        if seconds.is_nan() {
            return Err(bad());
        }
        return Ok(timestamp(seconds));
    }
    match text {
        "-292273086-05-16T16:47:06Z" => return Ok(MIN_TIME),
        "292277025-08-18T07:12:54.999999999Z" => return Ok(MAX_TIME),
        _ => {}
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| bad())?;
    Ok(time.as_millisecond().saturating_sub(i64::from(time.subsec_nanosecond() % 1_000_000 < 0)))
}

/// Seconds as a timestamp, rounded to ms.
fn timestamp(seconds: f64) -> Timestamp {
    let (whole, fraction) = (seconds.trunc(), seconds - seconds.trunc());
    let fraction_ms = if seconds.is_finite() { (fraction * 1000.0).round() } else { 0.0 };
    let ms = whole * 1000.0 + fraction_ms;
    #[expect(clippy::cast_possible_truncation, reason = "a cast from f64 saturates")]
    let ms = ms as i64;
    ms.clamp(MIN_TIME, MAX_TIME)
}

/// Reads a length of time: seconds, or `1h30m`. In ns, as precise as Prometheus.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    if let Some(seconds) = model::float::parse(text) {
        let ns = seconds * 1e9;
        if ns.is_nan() || ns.abs() > 9_223_372_036_854_775_000.0 {
            return Err(format!(
                "cannot parse {} to a valid duration. It overflows int64",
                Quoted(text)
            ));
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
        return Ok(ns as i64);
    }
    match model::time::parse_duration(text) {
        Ok(ms) => Ok(ms * 1_000_000),
        Err(_) => Err(format!("cannot parse {} to a valid duration", Quoted(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_those_that_are_none_are_left_out() {
        let params = Params::of("a=1&b=x+y%26&a=2&&c&d=%zz&e=%C3%A9&f=%4");
        assert_eq!(params.first("a"), "1");
        assert_eq!(params.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!((params.first("b"), params.first("c"), params.first("e")), ("x y&", "", "é"));
        assert_eq!(params.all("d").count(), 0);
        let error = params.well_formed().expect_err("two escapes are none");
        assert_eq!(error.message, "error parsing form values: invalid URL escape \"%zz\"");
    }

    #[test]
    fn text_that_is_not_utf_8_is_refused() {
        assert!(Params::default().read("a=%ff").is_err());
    }

    #[test]
    fn times_are_read_as_prometheus_reads_them() {
        for (text, ms) in [
            ("0", 0),
            ("-1.5", -1_500),
            ("1.0005", 1_000),
            ("1.00051", 1_001),
            ("1.7e9", 1_700_000_000_000),
            ("0x10p0", 16_000),
            ("1763868000000", 1_763_868_000_000_000),
            ("1e300", MAX_TIME),
            ("-Inf", MIN_TIME),
            ("2025-01-01T00:00:00Z", 1_735_689_600_000),
            ("2025-01-01T00:00:00.123456789+02:00", 1_735_682_400_123),
            ("1969-12-31T23:59:59.9995Z", -1),
            ("-292273086-05-16T16:47:06Z", MIN_TIME),
            ("292277025-08-18T07:12:54.999999999Z", MAX_TIME),
        ] {
            assert_eq!(parse_time(text), Ok(ms), "{text}");
        }
        for text in ["", "abc", "2025-01-01", "NaN", "1 "] {
            let problem = format!("cannot parse {} to a valid timestamp", Quoted(text));
            assert_eq!(parse_time(text), Err(problem));
        }
    }

    #[test]
    fn durations_are_read_as_prometheus_reads_them() {
        for (text, ns) in [
            ("1", 1_000_000_000),
            ("0.5", 500_000_000),
            ("-1", -1_000_000_000),
            ("1m30s", 90_000_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(ns), "{text}");
        }
        for text in ["", "x", "1ns", "-1s"] {
            let problem = format!("cannot parse {} to a valid duration", Quoted(text));
            assert_eq!(parse_duration(text), Err(problem));
        }
        for text in ["1e300", "NaN", "Inf"] {
            let problem =
                format!("cannot parse {} to a valid duration. It overflows int64", Quoted(text));
            assert_eq!(parse_duration(text), Err(problem));
        }
    }

    #[test]
    fn limits_are_whole_and_not_negative() {
        assert_eq!(Params::of("").limit(), Ok(0));
        assert_eq!(Params::of("limit=7").limit(), Ok(7));
        for (text, problem) in [
            ("x", "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax"),
            ("-1", "invalid parameter \"limit\": limit must be non-negative"),
            (
                "99999999999999999999",
                "invalid parameter \"limit\": strconv.Atoi: parsing \"99999999999999999999\": \
                 value out of range",
            ),
        ] {
            let error = Params::of(&format!("limit={text}")).limit().expect_err("no limit");
            assert_eq!(error.message, problem);
        }
    }
}
