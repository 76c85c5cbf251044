//! What the configuration says about one job, already parsed and checked.

use discovery::TargetGroup;
use exposition::negotiate::{DEFAULT_SCRAPE_PROTOCOLS, ScrapeProtocol};
use model::relabel::RelabelRule;

/// One entry of `scrape_configs`. Of all limits 0 means none.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapeConfig {
    /// Names the pool and becomes the `job` label. Unique among all configurations.
    pub job_name: String,
    /// Time between two scrapes of a target, ms. Default 1 min.
    pub scrape_interval_ms: i64,
    /// A scrape must be done by then, ms; not above the interval. Default 10 s.
    pub scrape_timeout_ms: i64,
    /// Path to ask for. Default `/metrics`.
    pub metrics_path: String,
    /// `http`; `https` is taken and fails each scrape with a clear error. Default `http`.
    pub scheme: String,
    /// URL parameters, in the order of the file, each with its values. Default none.
    pub params: Vec<(String, Vec<String>)>,
    /// Whether labels the target exposes win over those it was given; otherwise they are kept
    /// under `exported_`. Default false.
    pub honor_labels: bool,
    /// Whether timestamps the target gives are used. Default true.
    pub honor_timestamps: bool,
    /// Whether series with timestamps of their own get staleness markers. Default false.
    pub track_timestamps_staleness: bool,
    /// Whether to ask for gzip. Default true.
    pub enable_compression: bool,
    /// Whether redirects are followed. Default true.
    pub follow_redirects: bool,
    /// A body of so many bytes or more fails the scrape. Default 0; [`ScrapeOptions`] has the last
    /// word.
    pub body_size_limit: u64,
    /// More samples than this, after relabelling, fail the scrape. Default 0.
    pub sample_limit: u64,
    /// A series with more labels than this fails the scrape. Default 0.
    pub label_limit: u64,
    /// A label name longer than this, in bytes, fails the scrape. Default 0.
    pub label_name_length_limit: u64,
    /// A label value longer than this, in bytes, fails the scrape. Default 0.
    pub label_value_length_limit: u64,
    /// With more targets than this no target of the job is scraped. Default 0.
    pub target_limit: u64,
    /// So many targets that relabelling dropped are remembered for display. Default 0: all.
    pub keep_dropped_targets: u64,
    /// What to take an answer for that does not say what it is. Default none.
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// What to ask for, best first. Default: OpenMetrics, then text.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// Whether to report timeout, sample limit and body size as series, too. Default false.
    pub extra_scrape_metrics: bool,
    /// Rules for targets.
    pub relabel_configs: Vec<RelabelRule>,
    /// Rules for series.
    pub metric_relabel_configs: Vec<RelabelRule>,
    /// Targets named in the file.
    pub static_configs: Vec<TargetGroup>,
}

impl Default for ScrapeConfig {
    fn default() -> Self {
        Self {
            job_name: String::new(),
            scrape_interval_ms: 60_000,
            scrape_timeout_ms: 10_000,
            metrics_path: "/metrics".to_owned(),
            scheme: "http".to_owned(),
            params: Vec::new(),
            honor_labels: false,
            honor_timestamps: true,
            track_timestamps_staleness: false,
            enable_compression: true,
            follow_redirects: true,
            body_size_limit: 0,
            sample_limit: 0,
            label_limit: 0,
            label_name_length_limit: 0,
            label_value_length_limit: 0,
            target_limit: 0,
            keep_dropped_targets: 0,
            fallback_scrape_protocol: None,
            scrape_protocols: DEFAULT_SCRAPE_PROTOCOLS.to_vec(),
            extra_scrape_metrics: false,
            relabel_configs: Vec::new(),
            metric_relabel_configs: Vec::new(),
            static_configs: Vec::new(),
        }
    }
}

impl ScrapeConfig {
    /// Whether a series text has the same labels under both, given the same target.
    pub(crate) fn labels_series_as(&self, other: &Self) -> bool {
        self.honor_labels == other.honor_labels
            && self.metric_relabel_configs == other.metric_relabel_configs
            && self.label_limit == other.label_limit
            && self.label_name_length_limit == other.label_name_length_limit
            && self.label_value_length_limit == other.label_value_length_limit
            && self.scrape_protocols == other.scrape_protocols
            && self.fallback_scrape_protocol == other.fallback_scrape_protocol
    }
}

/// How all scraping behaves, whatever the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrapeOptions {
    /// Whether a scrape that begins nearly on time gets the planned time as its timestamp, so that
    /// timestamps compress to nothing. Default true.
    pub align_timestamps: bool,
    /// What "nearly" means, ms; never more than a hundredth of the interval. Default 2.
    pub timestamp_tolerance_ms: i64,
    /// Shifts all schedules, so that two servers do not scrape at the same moment. Default 0.
    pub offset_seed: u64,
    /// The `User-Agent` header. Default: that of [`client::HttpOptions`].
    pub user_agent: String,
    /// No body may have so many bytes, whatever the job's own limit. Default: that of
    /// [`client::HttpOptions`].
    pub max_body_bytes: usize,
    /// So many scrapes are parsed and appended at the same time; the others wait. Default 4.
    pub concurrent_ingests: usize,
}

impl Default for ScrapeOptions {
    fn default() -> Self {
        let http = client::HttpOptions::default();
        Self {
            align_timestamps: true,
            timestamp_tolerance_ms: 2,
            offset_seed: 0,
            user_agent: http.user_agent,
            max_body_bytes: http.max_body_bytes,
            concurrent_ingests: 4,
        }
    }
}
