//! What to ask a target for, and in which language its answer is.

use crate::Format;

/// A language a target may be asked to speak, under its name in the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScrapeProtocol {
    /// Protocol buffers. Known by name, never asked for: the parser for it is not there yet.
    PrometheusProto,
    /// OpenMetrics 0.0.1.
    OpenMetricsText0_0_1,
    /// OpenMetrics 1.0.0.
    OpenMetricsText1_0_0,
    /// The text format as it always was.
    PrometheusText0_0_4,
    /// The text format with quoted names.
    PrometheusText1_0_0,
}

use ScrapeProtocol as P;

/// Every protocol: its name in the configuration file, and how a request asks for it.
const PROTOCOLS: [(ScrapeProtocol, &str, &str); 5] = [
    (P::PrometheusProto, "PrometheusProto", ""),
    (P::OpenMetricsText0_0_1, "OpenMetricsText0.0.1", "application/openmetrics-text;version=0.0.1"),
    (P::OpenMetricsText1_0_0, "OpenMetricsText1.0.0", "application/openmetrics-text;version=1.0.0"),
    (P::PrometheusText0_0_4, "PrometheusText0.0.4", "text/plain;version=0.0.4"),
    (P::PrometheusText1_0_0, "PrometheusText1.0.0", "text/plain;version=1.0.0"),
];

/// What a target is asked for unless the configuration says otherwise, best first.
pub const DEFAULT_SCRAPE_PROTOCOLS: [ScrapeProtocol; 4] = [
    P::OpenMetricsText1_0_0,
    P::OpenMetricsText0_0_1,
    P::PrometheusText1_0_0,
    P::PrometheusText0_0_4,
];

impl ScrapeProtocol {
    /// The protocol of that name in the configuration file.
    pub fn parse(name: &str) -> Option<Self> {
        PROTOCOLS.iter().find(|(_, n, _)| *n == name).map(|(protocol, ..)| *protocol)
    }

    /// The name in the configuration file.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// Which parser reads it, if there is one.
    pub fn format(self) -> Option<Format> {
        match self {
            Self::PrometheusProto => None,
            Self::OpenMetricsText0_0_1 | Self::OpenMetricsText1_0_0 => Some(Format::OpenMetrics),
            Self::PrometheusText0_0_4 | Self::PrometheusText1_0_0 => Some(Format::Text),
        }
    }

    fn row(self) -> &'static (Self, &'static str, &'static str) {
        PROTOCOLS.iter().find(|(p, ..)| *p == self).expect("the table lists every protocol")
    }
}

/// The `Accept` header that asks for `protocols`, best first, and for anything else last.
pub fn accept_header(protocols: &[ScrapeProtocol]) -> String {
    let mut weight = PROTOCOLS.len() + 1;
    let mut header = String::new();
    for protocol in protocols.iter().filter(|p| p.format().is_some()) {
        let quoted_names = match protocol {
            P::OpenMetricsText1_0_0 | P::PrometheusText1_0_0 => ";escaping=allow-utf-8",
            _ => "",
        };
        header += &format!("{}{quoted_names};q=0.{weight},", protocol.row().2);
        weight -= 1;
    }
    header + &format!("*/*;q=0.{weight}")
}

/// An answer in a language nobody here speaks. The text is Prometheus's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentTypeError {
    /// Neither text nor OpenMetrics, and nothing said what else to take it for.
    #[error(
        "received unsupported Content-Type \"{0}\" and no fallback_scrape_protocol specified for \
         target"
    )]
    Unsupported(String),
    /// Protocol buffers.
    #[error("received Content-Type \"{0}\", and protocol buffers cannot be read yet")]
    Proto(String),
}

/// How an answer is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The parser.
    pub format: Format,
    /// Whether it is a guess: the answer carried no usable `Content-Type`.
    pub guessed: bool,
}

/// The parser for an answer with this `Content-Type` (blank if there was none).
///
/// Where the header does not help, `fallback` decides. Without a fallback a blank header is taken
/// for the text format, so that targets written for Prometheus 2 keep working.
pub fn choose(
    content_type: &str,
    fallback: Option<ScrapeProtocol>,
) -> Result<Choice, ContentTypeError> {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let sure = |format| Ok(Choice { format, guessed: false });
    if media_type.eq_ignore_ascii_case("text/plain") {
        return sure(Format::Text);
    }
    if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
        return sure(Format::OpenMetrics);
    }
    if media_type.eq_ignore_ascii_case("application/vnd.google.protobuf") {
        return Err(ContentTypeError::Proto(content_type.to_owned()));
    }
    let guess = |format| Ok(Choice { format, guessed: true });
    match fallback.and_then(ScrapeProtocol::format) {
        Some(format) => guess(format),
        None if content_type.trim().is_empty() => guess(Format::Text),
        None => Err(ContentTypeError::Unsupported(content_type.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_header_is_prometheus_s() {
        assert_eq!(
            accept_header(&DEFAULT_SCRAPE_PROTOCOLS),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        );
        assert_eq!(
            accept_header(&[P::PrometheusProto, P::PrometheusText0_0_4]),
            "text/plain;version=0.0.4;q=0.6,*/*;q=0.5"
        );
    }

    #[test]
    fn the_content_type_or_the_fallback_chooses_the_parser() {
        let om = Some(P::OpenMetricsText1_0_0);
        for (content_type, fallback, format, guessed) in [
            ("text/plain; version=0.0.4; charset=utf-8", om, Format::Text, false),
            ("Text/Plain", None, Format::Text, false),
            ("application/openmetrics-text; version=1.0.0", None, Format::OpenMetrics, false),
            ("", None, Format::Text, true),
            ("", om, Format::OpenMetrics, true),
            ("text/html", om, Format::OpenMetrics, true),
        ] {
            assert_eq!(choose(content_type, fallback), Ok(Choice { format, guessed }));
        }
        let refused = choose("text/html", None).expect_err("nobody speaks HTML");
        assert_eq!(
            refused.to_string(),
            "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol \
             specified for target"
        );
    }

    #[test]
    fn every_protocol_is_found_under_its_own_name() {
        for (protocol, name, _) in PROTOCOLS {
            assert_eq!(ScrapeProtocol::parse(name), Some(protocol));
            assert_eq!(protocol.as_str(), name);
        }
        assert_eq!(ScrapeProtocol::parse("prometheustext0.0.4"), None);
    }
}
