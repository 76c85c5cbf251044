//! Why a request got no answer.

use std::fmt;
use std::io;

use http::Method;

/// A request without an answer: which one, and why.
#[derive(Debug)]
pub struct ClientError {
    method: Method,
    url: String,
    /// What went wrong.
    pub failure: Failure,
}

impl ClientError {
    pub(crate) fn new(method: &Method, url: &str, failure: Failure) -> Self {
        Self { method: method.clone(), url: without_password(url), failure }
    }

    /// Whether the deadline passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self.failure, Failure::Timeout)
    }
}

/// As Go prints it: `Get "http://a/": dial tcp …`.
impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.method.as_str();
        let (first, rest) = method.split_at(method.len().min(1));
        write!(f, "{first}{} {:?}: {}", rest.to_lowercase(), self.url, self.failure)
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.failure)
    }
}

/// What went wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The text is no URL this client can ask.
    #[error("{0}")]
    Url(String),
    /// The URL begins with another scheme than `http`.
    #[error("unsupported protocol scheme \"{0}\": only http is supported, not yet https")]
    Scheme(String),
    /// A header that HTTP has no room for.
    #[error("invalid header {0}")]
    Header(String),
    /// The name leads nowhere.
    #[error("dial tcp: lookup {host}: {}", dial_words(.source))]
    Lookup {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nobody answers at the address.
    #[error("dial tcp {address}: connect: {}", dial_words(.source))]
    Connect {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The deadline passed.
    #[error("context deadline exceeded")]
    Timeout,
    /// The other side hung up before the answer was whole.
    #[error("EOF")]
    Closed,
    /// The exchange broke: not HTTP, or the connection was reset.
    #[error("{}", http_words(.0))]
    Http(#[source] hyper::Error),
    /// Redirects without end.
    #[error("stopped after {0} redirects")]
    Redirects(usize),
    /// A redirect that says not where to, or nowhere useful.
    #[error("{status} response with an unusable Location header {location:?}")]
    Location {
        /// The status.
        status: u16,
        /// The header.
        location: String,
    },
    /// The answer has as many bytes as the limit, or more.
    #[error("body size limit exceeded")]
    BodyTooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The answer claims to be gzip and is not.
    #[error("gzip: {0}")]
    Gzip(#[source] io::Error),
}

/// The system's words for a failed connection, as Go gives them.
fn dial_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset by peer".to_owned(),
        io::ErrorKind::HostUnreachable => "no route to host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network is unreachable".to_owned(),
        io::ErrorKind::TimedOut => "connection timed out".to_owned(),
        io::ErrorKind::NotFound => "no such host".to_owned(),
        _ => {
            let text = error.to_string();
            let failed_lookup = text.contains("failed to lookup address");
            if failed_lookup { "no such host".to_owned() } else { text }
        }
    }
}

fn http_words(error: &hyper::Error) -> String {
    use std::error::Error;
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    match io {
        Some(io) => format!("read: {}", dial_words(io)),
        None if error.is_parse() => format!("malformed HTTP response: {error}"),
        None => error.to_string(),
    }
}

/// The URL with any password hidden.
fn without_password(url: &str) -> String {
    let Ok(mut parsed) = url::Url::parse(url) else {
        return url.to_owned();
    };
    if parsed.password().is_none() || parsed.set_password(Some("xxxxx")).is_err() {
        return url.to_owned();
    }
    parsed.into()
}
