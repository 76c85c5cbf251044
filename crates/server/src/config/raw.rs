//! The configuration file as it is written: its fields and nothing else.
//!
//! Strict as Prometheus: an unknown or repeated field is an error, a null is a field left out. Fields
//! of Prometheus that Ferula can not serve yet are known by name, so that they end in a warning
//! that says what is missing instead of an error.

use std::collections::BTreeMap;
use std::fmt;

use model::time::parse_duration;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, Visitor};
use serde_saphyr::Spanned;

use super::units::parse_bytes;

/// A value with the line it stands on.
pub(super) type Located<T> = Spanned<T>;

/// A field that is known, not served, and so warned of.
pub(super) type NotYet = Option<Spanned<IgnoredAny>>;

/// A duration, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DurationMs(pub(super) i64);

/// A size, in bytes; 0 for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) u64);

impl<'de> Deserialize<'de> for DurationMs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;
        impl Visitor<'_> for TextOrNumber {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as 10MB")
            }
            fn visit_u64<E: Error>(self, bytes: u64) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
                parse_bytes(text).map(Bytes).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(TextOrNumber)
    }
}

/// A field that may be null, which is the same as left out.
pub(super) fn or_null<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Declares a struct with the given fields and, behind them, those that are not served yet, which
/// [`Unserved::unserved`] lists.
macro_rules! with_unserved {
    (
        $(#[$meta:meta])*
        struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }
        unserved { $($unserved:ident,)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$field_meta])* #[serde(default)] pub(super) $field: $type,)*
            $(#[serde(default)] $unserved: NotYet,)*
        }
        impl Unserved for $name {
            fn unserved(&self) -> Vec<(&'static str, u64)> {
                let mut found = Vec::new();
                $(if let Some(node) = &self.$unserved {
                    found.push((stringify!($unserved), node.referenced.line()));
                })*
                found
            }
        }
    };
}

/// Something with fields that are known and not served yet.
pub(super) trait Unserved {
    /// The names of such fields that are there, with their lines.
    fn unserved(&self) -> Vec<(&'static str, u64)>;
}

with_unserved! {
    /// The whole file.
    struct File {
        global: Option<Global>,
        #[serde(deserialize_with = "or_null")]
        rule_files: Vec<Located<String>>,
        #[serde(deserialize_with = "or_null")]
        scrape_config_files: Vec<Located<String>>,
        #[serde(deserialize_with = "or_null")]
        scrape_configs: Vec<Option<Located<ScrapeConfig>>>,
        alerting: Option<Alerting>,
        storage: Option<Storage>,
    }
    unserved { remote_write, remote_read, runtime, tracing, otlp, }
}

/// `storage`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Storage {
    #[serde(default)]
    pub(super) exemplars: Option<Exemplars>,
    #[serde(default)]
    pub(super) tsdb: Option<Tsdb>,
}

with_unserved! {
    /// `storage.tsdb`.
    struct Tsdb {
        retention: Option<Retention>,
        out_of_order_time_window: Option<DurationMs>,
    }
    unserved { stale_series_compaction_threshold, chunk_encoding, }
}

/// `storage.tsdb.retention`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Retention {
    #[serde(default)]
    pub(super) time: Option<DurationMs>,
    #[serde(default)]
    pub(super) size: Option<Bytes>,
    #[serde(default)]
    pub(super) percentage: Option<Located<f64>>,
}

/// `storage.exemplars`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exemplars {
    #[serde(default)]
    pub(super) max_exemplars: Option<i64>,
}

/// The part of a file named in `scrape_config_files`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScrapeConfigFile {
    #[serde(default, deserialize_with = "or_null")]
    pub(super) scrape_configs: Vec<Option<Located<ScrapeConfig>>>,
}

with_unserved! {
    /// `global`.
    struct Global {
        scrape_interval: Option<Located<DurationMs>>,
        scrape_timeout: Option<Located<DurationMs>>,
        scrape_protocols: Option<Vec<Located<String>>>,
        evaluation_interval: Option<Located<DurationMs>>,
        rule_query_offset: Option<DurationMs>,
        #[serde(deserialize_with = "or_null")]
        external_labels: BTreeMap<String, String>,
        body_size_limit: Option<Bytes>,
        sample_limit: Option<u64>,
        label_limit: Option<u64>,
        label_name_length_limit: Option<u64>,
        label_value_length_limit: Option<u64>,
        target_limit: Option<u64>,
        keep_dropped_targets: Option<u64>,
        extra_scrape_metrics: Option<bool>,
    }
    unserved {
        metric_name_validation_scheme, metric_name_escaping_scheme,
        query_log_file, scrape_failure_log_file, scrape_native_histograms,
        convert_classic_histograms_to_nhcb, always_scrape_classic_histograms,
    }
}

with_unserved! {
    /// One of `scrape_configs`.
    struct ScrapeConfig {
        job_name: Option<String>,
        honor_labels: Option<bool>,
        honor_timestamps: Option<bool>,
        track_timestamps_staleness: Option<bool>,
        #[serde(deserialize_with = "or_null")]
        params: BTreeMap<String, Vec<String>>,
        scrape_interval: Option<Located<DurationMs>>,
        scrape_timeout: Option<Located<DurationMs>>,
        scrape_protocols: Option<Vec<Located<String>>>,
        fallback_scrape_protocol: Option<Located<String>>,
        metrics_path: Option<String>,
        scheme: Option<Located<String>>,
        enable_compression: Option<bool>,
        follow_redirects: Option<bool>,
        body_size_limit: Option<Bytes>,
        sample_limit: Option<u64>,
        target_limit: Option<u64>,
        label_limit: Option<u64>,
        label_name_length_limit: Option<u64>,
        label_value_length_limit: Option<u64>,
        keep_dropped_targets: Option<u64>,
        extra_scrape_metrics: Option<bool>,
        #[serde(deserialize_with = "or_null")]
        static_configs: Vec<Option<StaticConfig>>,
        #[serde(deserialize_with = "or_null")]
        relabel_configs: Vec<Option<Located<RelabelConfig>>>,
        #[serde(deserialize_with = "or_null")]
        metric_relabel_configs: Vec<Option<Located<RelabelConfig>>>,
    }
    unserved {
        metric_name_validation_scheme, metric_name_escaping_scheme,
        enable_http2, basic_auth, authorization, oauth2, tls_config, proxy_url, no_proxy,
        proxy_from_environment, proxy_connect_header, http_headers, scrape_failure_log_file,
        native_histogram_bucket_limit, native_histogram_min_bucket_factor,
        scrape_native_histograms, convert_classic_histograms_to_nhcb,
        always_scrape_classic_histograms, aws_sd_configs, azure_sd_configs, consul_sd_configs,
        digitalocean_sd_configs, dns_sd_configs, docker_sd_configs, dockerswarm_sd_configs,
        ec2_sd_configs, eureka_sd_configs, file_sd_configs, gce_sd_configs, hetzner_sd_configs,
        http_sd_configs, ionos_sd_configs, kubernetes_sd_configs, kuma_sd_configs,
        lightsail_sd_configs, linode_sd_configs, marathon_sd_configs, nerve_sd_configs,
        nomad_sd_configs, oci_sd_configs, openstack_sd_configs, outscale_sd_configs,
        ovhcloud_sd_configs, puppetdb_sd_configs, scaleway_sd_configs, serverset_sd_configs,
        stackit_sd_configs, triton_sd_configs, uyuni_sd_configs, vultr_sd_configs,
    }
}

/// One of `static_configs`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StaticConfig {
    #[serde(default, deserialize_with = "or_null")]
    pub(super) targets: Vec<Located<String>>,
    #[serde(default, deserialize_with = "or_null")]
    pub(super) labels: BTreeMap<String, String>,
}

/// One of `relabel_configs` and the like.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RelabelConfig {
    #[serde(default, deserialize_with = "or_null")]
    pub(super) source_labels: Vec<String>,
    #[serde(default)]
    pub(super) separator: Option<String>,
    #[serde(default)]
    pub(super) regex: Option<String>,
    #[serde(default)]
    pub(super) modulus: Option<u64>,
    #[serde(default)]
    pub(super) target_label: Option<String>,
    #[serde(default)]
    pub(super) replacement: Option<String>,
    #[serde(default)]
    pub(super) action: Option<String>,
}

/// `alerting`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alerting {
    #[serde(default, deserialize_with = "or_null")]
    pub(super) alert_relabel_configs: Vec<Option<Located<RelabelConfig>>>,
    #[serde(default, deserialize_with = "or_null")]
    pub(super) alertmanagers: Vec<Option<Located<Alertmanager>>>,
}

with_unserved! {
    /// One of `alertmanagers`.
    struct Alertmanager {
        timeout: Option<DurationMs>,
        api_version: Option<Located<String>>,
        path_prefix: Option<String>,
        scheme: Option<Located<String>>,
        follow_redirects: Option<bool>,
        #[serde(deserialize_with = "or_null")]
        static_configs: Vec<Option<StaticConfig>>,
        #[serde(deserialize_with = "or_null")]
        relabel_configs: Vec<Option<Located<RelabelConfig>>>,
        #[serde(deserialize_with = "or_null")]
        alert_relabel_configs: Vec<Option<Located<RelabelConfig>>>,
    }
    unserved {
        enable_http2, basic_auth, authorization, oauth2, sigv4, tls_config, proxy_url, no_proxy,
        proxy_from_environment, proxy_connect_header, http_headers, aws_sd_configs,
        azure_sd_configs, consul_sd_configs, digitalocean_sd_configs, dns_sd_configs,
        docker_sd_configs, dockerswarm_sd_configs, ec2_sd_configs, eureka_sd_configs,
        file_sd_configs, gce_sd_configs, hetzner_sd_configs, http_sd_configs, ionos_sd_configs,
        kubernetes_sd_configs, kuma_sd_configs, lightsail_sd_configs, linode_sd_configs,
        marathon_sd_configs, nerve_sd_configs, nomad_sd_configs, oci_sd_configs,
        openstack_sd_configs, outscale_sd_configs, ovhcloud_sd_configs, puppetdb_sd_configs,
        scaleway_sd_configs, serverset_sd_configs, stackit_sd_configs, triton_sd_configs,
        uyuni_sd_configs, vultr_sd_configs,
    }
}
