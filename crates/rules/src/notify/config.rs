//! Who is to be told, as configuration says it: sets of Alertmanagers.

use discovery::{ADDRESS, TargetGroup};
use model::Labels;
use model::labels::LabelsBuilder;
use model::relabel::{self, RelabelRule};

const SCHEME: &str = "__scheme__";
const ALERTS_PATH: &str = "__alerts_path__";
/// Where Alertmanager takes alerts, behind its prefix.
const PUSH_ENDPOINT: &str = "api/v2/alerts";

/// How the notifier behaves, whoever is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifierOptions {
    /// So many alerts wait at most; then the oldest are given up. Default 10,000.
    pub queue_capacity: usize,
    /// Whether what waits is still sent at shutdown. Default true.
    pub drain_on_shutdown: bool,
    /// That may take so long, ms. Default 3000: a server is to stop within five seconds.
    pub drain_timeout_ms: u64,
    /// So many alerts go in one request at most. Default 256.
    pub max_batch_size: usize,
}

impl Default for NotifierOptions {
    fn default() -> Self {
        Self {
            queue_capacity: 10_000,
            drain_on_shutdown: true,
            drain_timeout_ms: 3000,
            max_batch_size: 256,
        }
    }
}

/// Who is to be told, and what alerts look like there. `Default` is nobody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NotifierConfig {
    /// Labels that an alert gets where it has none of that name.
    pub external_labels: Labels,
    /// Rules for all alerts.
    pub alert_relabel_configs: Vec<RelabelRule>,
    /// Sets of Alertmanagers; each is told.
    pub alertmanagers: Vec<AlertmanagerConfig>,
}

/// One entry of `alertmanagers`: a set of them, all told alike.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertmanagerConfig {
    /// `http`; `https` is taken and fails each request with a clear error. Default `http`.
    pub scheme: String,
    /// What stands before `/api/v2/alerts`. Default none.
    pub path_prefix: String,
    /// For one request, ms. Default 10 s.
    pub timeout_ms: i64,
    /// Where they are.
    pub targets: Vec<TargetGroup>,
    /// Rules for `targets`.
    pub relabel_configs: Vec<RelabelRule>,
    /// Rules for alerts to this set, after those for all.
    pub alert_relabel_configs: Vec<RelabelRule>,
    /// How requests are made.
    pub http: client::HttpOptions,
}

impl Default for AlertmanagerConfig {
    fn default() -> Self {
        Self {
            scheme: "http".to_owned(),
            path_prefix: String::new(),
            timeout_ms: 10_000,
            targets: Vec::new(),
            relabel_configs: Vec::new(),
            alert_relabel_configs: Vec::new(),
            http: client::HttpOptions::default(),
        }
    }
}

/// Where the Alertmanagers of a set are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Places {
    /// URLs to send to, each once.
    pub(super) active: Vec<String>,
    /// URLs that relabelling dropped.
    pub(super) dropped: Vec<String>,
}

impl AlertmanagerConfig {
    /// Where the Alertmanagers of this set are. A target without address is logged and left out.
    pub(super) fn places(&self) -> Places {
        let mut places = Places::default();
        for labels in self.targets.iter().flat_map(TargetGroup::discovered) {
            let mut labels = self.completed(labels);
            let before = url(&labels);
            if !relabel::apply_to(&self.relabel_configs, &mut labels) {
                places.dropped.push(before);
                continue;
            }
            if labels.get(ADDRESS).is_empty() {
                tracing::error!(target = before, "Alertmanager target has no address");
                continue;
            }
            let url = url(&labels);
            if !places.active.contains(&url) {
                places.active.push(url);
            }
        }
        places
    }

    fn completed(&self, mut labels: LabelsBuilder) -> LabelsBuilder {
        let prefix = self.path_prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        labels.set(SCHEME, self.scheme.as_str());
        labels.set(ALERTS_PATH, format!("/{prefix}{slash}{PUSH_ENDPOINT}"));
        labels
    }
}

fn url(labels: &LabelsBuilder) -> String {
    format!("{}://{}{}", labels.get(SCHEME), labels.get(ADDRESS), labels.get(ALERTS_PATH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::relabel::{Action, RelabelConfig};

    #[test]
    fn a_set_lies_where_its_targets_prefix_and_relabelling_say() {
        let drop_b = RelabelRule::new(RelabelConfig {
            source_labels: vec![ADDRESS.to_owned()],
            regex: "b:.*".to_owned(),
            action: Action::Drop,
            ..RelabelConfig::default()
        });
        let config = AlertmanagerConfig {
            path_prefix: "/am/".to_owned(),
            targets: vec![TargetGroup::of_addresses(
                "0",
                ["a:9093", "b:9093", "a:9093"],
                Labels::empty(),
            )],
            relabel_configs: vec![drop_b.expect("a sound rule")],
            ..AlertmanagerConfig::default()
        };
        assert_eq!(
            config.places(),
            Places {
                active: vec!["http://a:9093/am/api/v2/alerts".to_owned()],
                dropped: vec!["http://b:9093/am/api/v2/alerts".to_owned()],
            }
        );
        let plain = AlertmanagerConfig { path_prefix: "/".to_owned(), ..config };
        assert_eq!(plain.places().active, ["http://a:9093/api/v2/alerts"]);
    }
}
