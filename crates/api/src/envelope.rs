//! What a good answer is wrapped in: `status`, `data`, and `warnings` and `infos` if there are any.
//!
//! The two lists are left out when empty: a `null` there ends some clients' parsing.

use std::convert::Infallible;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use crate::json::{self, Escape};

/// What a truncated list is marked with.
pub(crate) const TRUNCATED: &str = "results truncated due to limit";

/// A good answer, already written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope(Vec<u8>);

impl Envelope {
    /// An answer whose data says how it is serialized.
    pub(crate) fn of<T: Serialize + ?Sized>(data: &T) -> Self {
        Self::write(|out| json::write(out, data), &[], &[])
    }

    /// An answer whose data `write` writes.
    pub(crate) fn write(
        write: impl FnOnce(&mut Vec<u8>),
        warnings: &[String],
        infos: &[String],
    ) -> Self {
        let write = |out: &mut Vec<u8>| {
            write(out);
            Ok::<_, Infallible>(())
        };
        match Self::try_write(write, warnings, infos) {
            Ok(envelope) => envelope,
            Err(never) => match never {},
        }
    }

    /// The same, where writing may fail.
    pub(crate) fn try_write<E>(
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
        warnings: &[String],
        infos: &[String],
    ) -> Result<Self, E> {
        let mut out = Vec::with_capacity(1024);
        out.extend_from_slice(b"{\"status\":\"success\",\"data\":");
        write(&mut out)?;
        for (name, texts) in [("warnings", warnings), ("infos", infos)] {
            if !texts.is_empty() {
                out.extend_from_slice(b",\"");
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"\":");
                list(&mut out, texts, |out, text| json::text(out, text, Escape::Html));
            }
        }
        out.push(b'}');
        Ok(Self(out))
    }

    /// A list cut to `limit` elements (0: all), with a warning if there were more.
    pub(crate) fn limited<T>(
        mut all: Vec<T>,
        limit: usize,
        element: impl Fn(&mut Vec<u8>, &T),
    ) -> Self {
        let warnings = cut(&mut all, limit);
        Self::write(|out| list(out, &all, element), &warnings, &[])
    }
}

/// Cuts to `limit` elements (0: all); returns what to say about that.
pub(crate) fn cut<T>(all: &mut Vec<T>, limit: usize) -> Vec<String> {
    if limit == 0 || all.len() <= limit {
        return Vec::new();
    }
    all.truncate(limit);
    vec![TRUNCATED.to_owned()]
}

/// Writes an array.
pub(crate) fn list<T>(out: &mut Vec<u8>, all: &[T], element: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (i, one) in all.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        element(out, one);
    }
    out.push(b']');
}

impl IntoResponse for Envelope {
    fn into_response(self) -> Response {
        (StatusCode::OK, [(CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(envelope: Envelope) -> String {
        String::from_utf8(envelope.0).expect("JSON is UTF-8")
    }

    #[test]
    fn warnings_and_infos_are_absent_when_there_are_none() {
        assert_eq!(text(Envelope::of(&[1, 2])), r#"{"status":"success","data":[1,2]}"#);
        let data = |out: &mut Vec<u8>| out.extend_from_slice(b"{}");
        assert_eq!(
            text(Envelope::write(data, &["w".into()], &["i<".into(), "j".into()])),
            r#"{"status":"success","data":{},"warnings":["w"],"infos":["i\u003c","j"]}"#
        );
    }

    #[test]
    fn a_list_is_cut_with_a_warning_and_0_is_no_limit() {
        let answer = |limit| {
            text(Envelope::limited(vec!["a", "b"], limit, |out, s| {
                json::text(out, s, Escape::Html)
            }))
        };
        assert_eq!(answer(0), r#"{"status":"success","data":["a","b"]}"#);
        assert_eq!(answer(2), r#"{"status":"success","data":["a","b"]}"#);
        assert_eq!(
            answer(1),
            r#"{"status":"success","data":["a"],"warnings":["results truncated due to limit"]}"#
        );
    }
}
