//! The configuration as YAML with its defaults filled in: what `/api/v1/status/config` shows.
//!
//! Fields, their order and their layout are Prometheus's, as far as they are served here.

use std::fmt::Write;

use discovery::{ADDRESS, TargetGroup};
use exposition::negotiate::ScrapeProtocol;
use model::Labels;
use model::relabel::{Action, RelabelConfig, RelabelRule};
use model::time::DurationText;
use rules::AlertmanagerConfig;
use scrape::ScrapeConfig;
use tsdb::Retention;

use super::interpret::Global;
use super::units::bytes_text as size;
use super::{Config, StorageConfig};

/// The whole configuration.
pub(super) fn yaml(config: &Config, global: &Global, rule_files: &[&str]) -> String {
    let mut file = Map::default();
    file.map("global", global_map(global));
    let mut alerting = Map::default();
    alerting.list("alert_relabel_configs", relabel_maps(&config.alert_relabel_configs));
    alerting.list("alertmanagers", config.alertmanagers.iter().map(alertmanager_map).collect());
    if !alerting.0.is_empty() {
        file.map("alerting", alerting);
    }
    file.texts("rule_files", rule_files.iter().copied());
    file.list("scrape_configs", config.scrape_configs.iter().map(scrape_map).collect());
    let storage = storage_map(&config.storage);
    if !storage.0.is_empty() {
        file.map("storage", storage);
    }
    let mut out = String::new();
    file.write(&mut out, 0, "");
    out
}

fn storage_map(config: &StorageConfig) -> Map {
    let (mut storage, mut retention) = (Map::default(), Map::default());
    let Retention { ms, bytes, percentage } = config.retention;
    if ms > 0 {
        retention.duration("time", ms);
    }
    if bytes > 0 {
        retention.raw("size", size(bytes));
    }
    if percentage > 0.0 {
        retention.raw("percentage", percentage.to_string());
    }
    let mut tsdb = Map::default();
    if config.out_of_order_window_ms > 0 {
        tsdb.duration("out_of_order_time_window", config.out_of_order_window_ms);
    }
    if !retention.0.is_empty() {
        tsdb.map("retention", retention);
    }
    if !tsdb.0.is_empty() {
        storage.map("tsdb", tsdb);
    }
    if let Some(max) = config.max_exemplars {
        let mut exemplars = Map::default();
        exemplars.raw("max_exemplars", max.to_string());
        storage.map("exemplars", exemplars);
    }
    storage
}

fn global_map(global: &Global) -> Map {
    let mut map = Map::default();
    map.duration("scrape_interval", global.scrape_interval_ms);
    map.duration("scrape_timeout", global.scrape_timeout_ms);
    map.texts("scrape_protocols", global.scrape_protocols.iter().map(|p| p.as_str()));
    map.duration("evaluation_interval", global.evaluation_interval_ms);
    if global.rule_query_offset_ms != 0 {
        map.duration("rule_query_offset", global.rule_query_offset_ms);
    }
    map.labels("external_labels", &global.external_labels);
    limits(&mut map, &global.inherited);
    map
}

fn limits(map: &mut Map, config: &ScrapeConfig) {
    if config.body_size_limit > 0 {
        map.raw("body_size_limit", size(config.body_size_limit));
    }
    for (name, limit) in [
        ("sample_limit", config.sample_limit),
        ("target_limit", config.target_limit),
        ("label_limit", config.label_limit),
        ("label_name_length_limit", config.label_name_length_limit),
        ("label_value_length_limit", config.label_value_length_limit),
        ("keep_dropped_targets", config.keep_dropped_targets),
    ] {
        if limit > 0 {
            map.raw(name, limit.to_string());
        }
    }
    if config.extra_scrape_metrics {
        map.raw("extra_scrape_metrics", "true".to_owned());
    }
}

fn scrape_map(config: &ScrapeConfig) -> Map {
    let mut map = Map::default();
    map.text("job_name", &config.job_name);
    if config.honor_labels {
        map.flag("honor_labels", true);
    }
    map.flag("honor_timestamps", config.honor_timestamps);
    map.flag("track_timestamps_staleness", config.track_timestamps_staleness);
    let mut params = Map::default();
    for (name, values) in &config.params {
        params.texts(name, values.iter().map(String::as_str));
    }
    if !params.0.is_empty() {
        map.map("params", params);
    }
    map.duration("scrape_interval", config.scrape_interval_ms);
    map.duration("scrape_timeout", config.scrape_timeout_ms);
    map.texts("scrape_protocols", config.scrape_protocols.iter().map(|p| p.as_str()));
    if let Some(fallback) = config.fallback_scrape_protocol {
        map.text("fallback_scrape_protocol", ScrapeProtocol::as_str(fallback));
    }
    map.text("metrics_path", &config.metrics_path);
    map.text("scheme", &config.scheme);
    map.flag("enable_compression", config.enable_compression);
    limits(&mut map, config);
    map.flag("follow_redirects", config.follow_redirects);
    map.list("relabel_configs", relabel_maps(&config.relabel_configs));
    map.list("metric_relabel_configs", relabel_maps(&config.metric_relabel_configs));
    map.list("static_configs", config.static_configs.iter().map(group_map).collect());
    map
}

fn alertmanager_map(config: &AlertmanagerConfig) -> Map {
    let mut map = Map::default();
    map.flag("follow_redirects", config.http.follow_redirects);
    map.text("scheme", &config.scheme);
    if !config.path_prefix.is_empty() {
        map.text("path_prefix", &config.path_prefix);
    }
    map.duration("timeout", config.timeout_ms);
    map.text("api_version", "v2");
    map.list("relabel_configs", relabel_maps(&config.relabel_configs));
    map.list("alert_relabel_configs", relabel_maps(&config.alert_relabel_configs));
    map.list("static_configs", config.targets.iter().map(group_map).collect());
    map
}

fn group_map(group: &TargetGroup) -> Map {
    let mut map = Map::default();
    let addresses: Vec<&str> = group.targets.iter().map(|target| target.get(ADDRESS)).collect();
    if addresses.is_empty() {
        map.raw("targets", "[]".to_owned());
    } else {
        map.texts("targets", addresses.into_iter());
    }
    map.labels("labels", &group.labels);
    map
}

fn relabel_maps(rules: &[RelabelRule]) -> Vec<Map> {
    rules.iter().map(|rule| relabel_map(rule.config())).collect()
}

fn relabel_map(config: &RelabelConfig) -> Map {
    let mut map = Map::default();
    if !config.source_labels.is_empty() {
        let names: Vec<String> = config.source_labels.iter().map(|name| quoted(name)).collect();
        map.raw("source_labels", format!("[{}]", names.join(", ")));
    }
    map.text("separator", &config.separator);
    if config.regex != RelabelConfig::default().regex {
        map.text("regex", &config.regex);
    }
    if config.action == Action::HashMod {
        map.raw("modulus", config.modulus.to_string());
    }
    if !config.target_label.is_empty() {
        map.text("target_label", &config.target_label);
    }
    map.text("replacement", &config.replacement);
    map.text("action", &config.action.to_string());
    map
}

/// A mapping, its fields in order.
#[derive(Default)]
struct Map(Vec<(String, Node)>);

enum Node {
    Scalar(String),
    Map(Map),
    List(Vec<Self>),
}

impl Map {
    fn raw(&mut self, name: &str, value: String) {
        self.0.push((quoted(name), Node::Scalar(value)));
    }

    fn text(&mut self, name: &str, value: &str) {
        self.raw(name, quoted(value));
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.raw(name, value.to_string());
    }

    fn duration(&mut self, name: &str, ms: i64) {
        self.raw(name, DurationText(ms).to_string());
    }

    fn map(&mut self, name: &str, map: Self) {
        self.0.push((quoted(name), Node::Map(map)));
    }

    /// A list, unless it is empty.
    fn list(&mut self, name: &str, maps: Vec<Self>) {
        if !maps.is_empty() {
            self.0.push((quoted(name), Node::List(maps.into_iter().map(Node::Map).collect())));
        }
    }

    fn texts<'a>(&mut self, name: &str, texts: impl Iterator<Item = &'a str>) {
        let nodes: Vec<Node> = texts.map(|text| Node::Scalar(quoted(text))).collect();
        if !nodes.is_empty() {
            self.0.push((quoted(name), Node::List(nodes)));
        }
    }

    fn labels(&mut self, name: &str, labels: &Labels) {
        let mut map = Self::default();
        for (label, value) in labels {
            map.text(label, value);
        }
        if !map.0.is_empty() {
            self.map(name, map);
        }
    }

    /// Writes the fields at an indent; `first` stands before the first of them instead.
    fn write(&self, out: &mut String, indent: usize, first: &str) {
        for (at, (name, node)) in self.0.iter().enumerate() {
            let lead = if at == 0 && !first.is_empty() { first } else { &" ".repeat(indent) };
            let _ = write!(out, "{lead}{name}:");
            match node {
                Node::Scalar(text) => {
                    let _ = writeln!(out, " {text}");
                }
                Node::Map(map) => {
                    out.push('\n');
                    map.write(out, indent + 2, "");
                }
                Node::List(nodes) => {
                    out.push('\n');
                    for node in nodes {
                        node.write_item(out, indent);
                    }
                }
            }
        }
    }
}

impl Node {
    fn write_item(&self, out: &mut String, indent: usize) {
        let dash = " ".repeat(indent) + "- ";
        match self {
            Self::Scalar(text) => {
                let _ = writeln!(out, "{dash}{text}");
            }
            Self::Map(map) => map.write(out, indent + 2, &dash),
            Self::List(nodes) => nodes.iter().for_each(|node| node.write_item(out, indent + 2)),
        }
    }
}

/// A text as a YAML scalar: plain where nothing can misread it, otherwise in double quotes.
fn quoted(text: &str) -> String {
    let plain_start = |c: char| c.is_alphanumeric() || "_/.$(;^".contains(c);
    let plain = |c: char| c.is_alphanumeric() || " _-/.$()*+;|^\\@=<>%~?".contains(c) || c == ':';
    let word = !text.is_empty()
        && text.starts_with(plain_start)
        && text.chars().all(plain)
        && !text.contains(": ")
        && !text.ends_with([':', ' ']);
    if word && !is_other_type(text) {
        return text.to_owned();
    }
    model::labels::Quoted(text).to_string()
}

/// Whether YAML 1.1 reads a plain text as a number, a truth value, null or a time.
fn is_other_type(text: &str) -> bool {
    let words =
        ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", ".nan", ".inf"];
    let lower = text.to_ascii_lowercase();
    let numeric = |c: char| c.is_ascii_digit() || "+-._:xobeE".contains(c);
    words.contains(&lower.as_str())
        || text.parse::<f64>().is_ok()
        || (text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && text.chars().all(numeric)
            && text.matches('.').count() < 2)
}
