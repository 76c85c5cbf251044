//! What configuration may say about outgoing requests.

/// How an [`crate::HttpClient`] behaves. Authentication, TLS and proxies will be fields here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// Whether a redirect leads on or is the answer. Default: it leads on, as in Prometheus.
    pub follow_redirects: bool,
    /// At most so many redirects are followed. Default 10, as in Go.
    pub max_redirects: usize,
    /// The `User-Agent` header. Default: `Ferula/` and the version.
    pub user_agent: String,
    /// An answer of so many bytes or more is an error, before and after decompression. A request
    /// may ask for less. Default 512 MiB: nothing sane is larger, and memory is finite.
    pub max_body_bytes: usize,
    /// At most so many idle connections are kept open to one host and port. Default 4.
    pub max_idle_per_host: usize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            follow_redirects: true,
            max_redirects: 10,
            user_agent: concat!("Ferula/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_body_bytes: 512 << 20,
            max_idle_per_host: 4,
        }
    }
}
