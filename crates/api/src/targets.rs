//! `/api/v1/targets`, `/api/v1/targets/metadata`, `/api/v1/scrape_pools`, `/api/v1/metadata`.

use std::collections::BTreeMap;

use axum::extract::State;
use model::time::DurationText;
use model::{Labels, Matcher};
use scrape::{MetricMetadata, PoolStatus, TargetStatus};
use serde::{Serialize, Serializer};
use url::Url;

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::params::{Params, parse_int};
use crate::ready::Ready;
use crate::state::{AppState, Options};
use crate::time_text::rfc3339_or_never;

/// Labels as an object.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LabelsObject(pub(crate) Labels);

impl LabelsObject {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for LabelsObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Targets {
    active_targets: Vec<ActiveTarget>,
    dropped_targets: Vec<DroppedTarget>,
    /// `None`, written as null, if the dropped targets were not asked for.
    dropped_target_counts: Option<BTreeMap<String, usize>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActiveTarget {
    discovered_labels: LabelsObject,
    labels: LabelsObject,
    scrape_pool: String,
    scrape_url: String,
    global_url: String,
    last_error: String,
    last_scrape: String,
    last_scrape_duration: f64,
    health: &'static str,
    scrape_interval: String,
    scrape_timeout: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DroppedTarget {
    discovered_labels: LabelsObject,
    scrape_pool: String,
}

pub(crate) async fn targets(
    State(state): State<AppState>,
    Ready(parts): Ready,
    params: Params,
) -> Envelope {
    let wanted = params.first("state").to_ascii_lowercase();
    let (active, dropped) = match wanted.as_str() {
        "" | "any" => (true, true),
        "active" => (true, false),
        "dropped" => (false, true),
        _ => (false, false),
    };
    let pool_wanted = params.first("scrapePool");
    let mut answer = Targets {
        active_targets: Vec::new(),
        dropped_targets: Vec::new(),
        dropped_target_counts: dropped.then(BTreeMap::new),
    };
    for pool in parts.scrape.pools() {
        if let Some(counts) = &mut answer.dropped_target_counts {
            counts.insert(pool.name.clone(), pool.dropped_count);
        }
        if pool_wanted.is_empty() || pool_wanted == pool.name {
            answer.add(pool, active, dropped, state.options());
        }
    }
    Envelope::of(&answer)
}

impl Targets {
    fn add(&mut self, pool: PoolStatus, active: bool, dropped: bool, options: &Options) {
        if active {
            let targets = pool.active.into_iter().map(|target| active_target(target, options));
            self.active_targets.extend(targets);
        }
        if dropped {
            self.dropped_targets.extend(pool.dropped.into_iter().map(|labels| DroppedTarget {
                discovered_labels: LabelsObject(labels),
                scrape_pool: pool.name.clone(),
            }));
        }
    }
}

fn active_target(target: TargetStatus, options: &Options) -> ActiveTarget {
    ActiveTarget {
        discovered_labels: LabelsObject(target.discovered_labels),
        labels: LabelsObject(target.labels),
        scrape_pool: target.scrape_pool,
        global_url: global_url(&target.scrape_url, options),
        scrape_url: target.scrape_url,
        last_error: target.last_error,
        last_scrape: rfc3339_or_never(target.last_scrape),
        last_scrape_duration: target.last_scrape_duration,
        health: target.health.as_str(),
        scrape_interval: DurationText(target.scrape_interval_ms).to_string(),
        scrape_timeout: DurationText(target.scrape_timeout_ms).to_string(),
    }
}

/// The URL of a target as seen from elsewhere. On this machine that is another host; and if the port
/// is our own, the target is this server, which has an external URL.
fn global_url(scrape_url: &str, options: &Options) -> String {
    let Ok(mut url) = Url::parse(scrape_url) else {
        return scrape_url.to_owned();
    };
    if !matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        return scrape_url.to_owned();
    }
    let external = &options.external_url;
    let is_own = url.port_or_known_default().is_some_and(|p| options.listen_ports.contains(&p));
    // None of these can fail: both URLs have a host, and both schemes are http or https.
    let _ = url.set_host(external.host_str());
    if is_own {
        let _ = url.set_scheme(external.scheme());
        let _ = url.set_port(external.port());
    }
    url.to_string()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScrapePools {
    scrape_pools: Vec<String>,
}

pub(crate) async fn scrape_pools(Ready(parts): Ready) -> Envelope {
    let scrape_pools = parts.scrape.pools().into_iter().map(|pool| pool.name).collect();
    Envelope::of(&ScrapePools { scrape_pools })
}

/// What one metric is said to be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Metadata {
    #[serde(rename = "type")]
    kind: &'static str,
    unit: String,
    help: String,
}

impl Metadata {
    fn of(metadata: MetricMetadata) -> (String, Self) {
        let MetricMetadata { metric, kind, help, unit } = metadata;
        (metric, Self { kind: kind.as_str(), unit, help })
    }
}

pub(crate) async fn metadata(Ready(parts): Ready, params: Params) -> Result<Envelope, ApiError> {
    let limit = number(&params, "limit")?;
    let per_metric = number(&params, "limit_per_metric")?.filter(|limit| *limit > 0);
    let wanted = params.first("metric");
    let mut metrics: BTreeMap<String, Vec<Metadata>> = BTreeMap::new();
    let all = parts.scrape.metadata().into_iter().flat_map(|target| target.metadata);
    for (metric, metadata) in all.map(Metadata::of) {
        if !wanted.is_empty() && wanted != metric {
            continue;
        }
        let said = metrics.entry(metric).or_default();
        if !said.contains(&metadata) && per_metric.is_none_or(|limit| said.len() < limit) {
            said.push(metadata);
        }
    }
    if let Some(limit) = limit {
        metrics = metrics.into_iter().take(limit).collect();
    }
    Ok(Envelope::of(&metrics))
}

#[derive(Serialize)]
struct TargetMetadata {
    target: LabelsObject,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
    #[serde(rename = "type")]
    kind: &'static str,
    help: String,
    unit: String,
}

pub(crate) async fn target_metadata(
    Ready(parts): Ready,
    params: Params,
) -> Result<Envelope, ApiError> {
    let limit = number(&params, "limit")?;
    let matchers: Vec<Matcher> = match params.first("match_target") {
        "" => Vec::new(),
        text => promql::parse_matchers(text)
            .map_err(|error| ApiError::parameter("match_target", error))?,
    };
    let wanted = params.first("metric");
    let mut all = Vec::new();
    for target in parts.scrape.metadata() {
        if !model::matcher::matches_all(&matchers, &target.labels) {
            continue;
        }
        for (metric, metadata) in target.metadata.into_iter().map(Metadata::of) {
            if wanted.is_empty() || wanted == metric {
                all.push(TargetMetadata {
                    target: LabelsObject(target.labels.clone()),
                    metric: wanted.is_empty().then_some(metric),
                    kind: metadata.kind,
                    help: metadata.help,
                    unit: metadata.unit,
                });
            }
        }
    }
    if let Some(limit) = limit {
        all.truncate(limit);
    }
    Ok(Envelope::of(&all))
}

/// A number that limits; a negative one does not, but 0 does.
fn number(params: &Params, name: &str) -> Result<Option<usize>, ApiError> {
    match params.first(name) {
        "" => Ok(None),
        text => {
            let number = parse_int(text)
                .map_err(|_| ApiError::bad_data(format!("{name} must be a number")))?;
            Ok(usize::try_from(number).ok())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_on_this_machine_are_shown_as_seen_from_elsewhere() {
        let options = Options {
            external_url: Url::parse("https://example.org/prom/").expect("a URL"),
            listen_ports: vec![9090],
            ..Options::default()
        };
        for (scrape, global) in [
            ("http://127.0.0.1:9090/metrics", "https://example.org/metrics"),
            ("http://localhost:9100/metrics?a=b", "http://example.org:9100/metrics?a=b"),
            ("http://[::1]:9100/metrics", "http://example.org:9100/metrics"),
            ("http://other:9090/metrics", "http://other:9090/metrics"),
            ("not a URL", "not a URL"),
        ] {
            assert_eq!(global_url(scrape, &options), global);
        }
    }
}
