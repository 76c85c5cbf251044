//! From the fields of the file to a configuration that can be applied: defaults, then checks.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use client::HttpOptions;
use discovery::TargetGroup;
use exposition::negotiate::{DEFAULT_SCRAPE_PROTOCOLS, ScrapeProtocol};
use model::Labels;
use model::labels::Quoted;
use model::relabel::{Action, RelabelConfig, RelabelRule};
use promql::ParserOptions;
use rules::{AlertmanagerConfig, RuleFile};
use scrape::ScrapeConfig;
use serde::de::DeserializeOwned;
use tsdb::Retention;

use super::raw::{self, Located, Unserved};
use super::{Config, ConfigError, StorageConfig, emit};

const DEFAULT_INTERVAL_MS: i64 = 60_000;
const DEFAULT_TIMEOUT_MS: i64 = 10_000;

/// Reads the whole file.
pub(super) fn interpret(
    path: &Path,
    text: &str,
    parser: ParserOptions,
) -> Result<Config, ConfigError> {
    let mut reader = Reader { path, parser, warnings: Vec::new() };
    let file: raw::File = reader.yaml(text)?;
    reader.warn(&file, "");
    let global = reader.global(file.global.unwrap_or_default())?;
    let mut scrape_configs = reader.scrape_configs(file.scrape_configs, &global)?;
    for pattern in &file.scrape_config_files {
        scrape_configs.extend(reader.scrape_config_files(pattern, &global)?);
    }
    reader.unique_jobs(&scrape_configs)?;
    let alerting = file.alerting.unwrap_or_default();
    let alert_relabel_configs = reader.relabel(alerting.alert_relabel_configs)?;
    let alertmanagers = reader.alertmanagers(alerting.alertmanagers)?;
    let rule_files = reader.rule_files(&file.rule_files)?;
    let storage = reader.storage(file.storage.unwrap_or_default())?;
    let mut config = Config {
        evaluation_interval_ms: global.evaluation_interval_ms,
        rule_query_offset_ms: global.rule_query_offset_ms,
        external_labels: global.external_labels.clone(),
        scrape_configs,
        alert_relabel_configs,
        alertmanagers,
        rule_files,
        storage,
        yaml: String::new(),
        warnings: reader.warnings,
    };
    let patterns: Vec<&str> = file.rule_files.iter().map(|p| p.value.as_str()).collect();
    config.yaml = emit::yaml(&config, &global, &patterns);
    Ok(config)
}

/// `global` with its defaults.
#[derive(Clone, Debug)]
pub(super) struct Global {
    pub(super) scrape_interval_ms: i64,
    pub(super) scrape_timeout_ms: i64,
    pub(super) scrape_protocols: Vec<ScrapeProtocol>,
    pub(super) evaluation_interval_ms: i64,
    pub(super) rule_query_offset_ms: i64,
    pub(super) external_labels: Labels,
    /// Limits and switches that jobs take over.
    pub(super) inherited: ScrapeConfig,
}

struct Reader<'a> {
    path: &'a Path,
    parser: ParserOptions,
    warnings: Vec<String>,
}

impl Reader<'_> {
    fn yaml<T: DeserializeOwned + Default>(&self, text: &str) -> Result<T, ConfigError> {
        if text.trim().is_empty() {
            return Ok(T::default());
        }
        let parsed: Result<Option<T>, _> = serde_saphyr::from_str(text);
        parsed.map(Option::unwrap_or_default).map_err(|error| {
            let line = error.location().map(|location| location.line());
            let message = error.without_snippet().to_string();
            // The place stands before the message already.
            let message = message.split(" at line ").next().unwrap_or_default();
            self.error(line, message)
        })
    }

    fn error(&self, line: Option<u64>, message: impl Into<String>) -> ConfigError {
        ConfigError { path: self.path.to_owned(), line, message: message.into() }
    }

    fn at<T>(&self, place: &Located<T>, message: impl Into<String>) -> ConfigError {
        self.error(Some(place.referenced.line()), message)
    }

    /// Notes the fields of `part` that have no effect.
    fn warn(&mut self, part: &dyn Unserved, place: &str) {
        for (field, line) in part.unserved() {
            let path = self.path.display();
            self.warnings.push(format!("{path}: line {line}: {place}{field} has no effect yet"));
        }
    }

    fn global(&mut self, raw: raw::Global) -> Result<Global, ConfigError> {
        self.warn(&raw, "global.");
        let ms = |field: &Option<Located<raw::DurationMs>>| field.as_ref().map_or(0, |d| d.value.0);
        let interval_ms = or(ms(&raw.scrape_interval), DEFAULT_INTERVAL_MS);
        let timeout_ms = or(ms(&raw.scrape_timeout), DEFAULT_TIMEOUT_MS.min(interval_ms));
        if timeout_ms > interval_ms {
            let line = raw.scrape_timeout.as_ref().map(|field| field.referenced.line());
            let message = "global scrape timeout greater than scrape interval (scrape_timeout)";
            return Err(self.error(line, message));
        }
        let protocols = raw.scrape_protocols.as_deref();
        let scrape_protocols =
            self.protocols(protocols)?.unwrap_or(DEFAULT_SCRAPE_PROTOCOLS.into());
        let inherited = ScrapeConfig {
            body_size_limit: raw.body_size_limit.unwrap_or_default().0,
            sample_limit: raw.sample_limit.unwrap_or(0),
            label_limit: raw.label_limit.unwrap_or(0),
            label_name_length_limit: raw.label_name_length_limit.unwrap_or(0),
            label_value_length_limit: raw.label_value_length_limit.unwrap_or(0),
            target_limit: raw.target_limit.unwrap_or(0),
            keep_dropped_targets: raw.keep_dropped_targets.unwrap_or(0),
            extra_scrape_metrics: raw.extra_scrape_metrics.unwrap_or(false),
            ..ScrapeConfig::default()
        };
        Ok(Global {
            scrape_interval_ms: interval_ms,
            scrape_timeout_ms: timeout_ms,
            scrape_protocols,
            evaluation_interval_ms: or(ms(&raw.evaluation_interval), DEFAULT_INTERVAL_MS),
            rule_query_offset_ms: raw.rule_query_offset.map_or(0, |d| d.0),
            external_labels: self.external_labels(raw.external_labels)?,
            inherited,
        })
    }

    fn storage(&mut self, raw: raw::Storage) -> Result<StorageConfig, ConfigError> {
        let max = raw.exemplars.map(|exemplars| exemplars.max_exemplars.unwrap_or(0));
        let max_exemplars = max.map(|max| usize::try_from(max).unwrap_or(0));
        let tsdb = raw.tsdb.unwrap_or_default();
        self.warn(&tsdb, "storage.tsdb.");
        let retention = tsdb.retention.unwrap_or_default();
        let percentage = match retention.percentage {
            Some(given) if !(0.0..=100.0).contains(&given.value) => {
                let message = format!(
                    "storage.tsdb.retention.percentage: {} is not between 0 and 100",
                    given.value
                );
                return Err(self.at(&given, message));
            }
            given => given.map_or(0.0, |given| given.value),
        };
        let retention = Retention {
            ms: retention.time.map_or(0, |time| time.0),
            bytes: retention.size.unwrap_or_default().0,
            percentage,
        };
        let out_of_order_window_ms = tsdb.out_of_order_time_window.map_or(0, |window| window.0);
        Ok(StorageConfig { max_exemplars, retention, out_of_order_window_ms })
    }

    /// External labels may name environment variables.
    fn external_labels(&mut self, labels: BTreeMap<String, String>) -> Result<Labels, ConfigError> {
        let mut expanded = Vec::with_capacity(labels.len());
        for (name, value) in labels {
            self.label_name(&name, "external_labels")?;
            let value = expand_env(&value, |variable| {
                std::env::var(variable).unwrap_or_else(|_| {
                    let text = "external_labels: empty environment variable";
                    self.warnings.push(format!("{}: {text} {variable}", self.path.display()));
                    String::new()
                })
            });
            expanded.push((name, value));
        }
        Ok(Labels::from_pairs(expanded))
    }

    fn label_name(&self, name: &str, field: &str) -> Result<(), ConfigError> {
        if name.is_empty() {
            return Err(self.error(None, format!("{field}: \"\" is not a valid label name")));
        }
        Ok(())
    }

    fn protocols(
        &self,
        names: Option<&[Located<String>]>,
    ) -> Result<Option<Vec<ScrapeProtocol>>, ConfigError> {
        let Some(names) = names else { return Ok(None) };
        let mut protocols = Vec::new();
        for name in names {
            let protocol = self.protocol(name, "scrape_protocols")?;
            if protocols.contains(&protocol) {
                let text = "duplicated protocol in scrape_protocols";
                return Err(self.at(name, format!("{text}: {}", name.value)));
            }
            protocols.push(protocol);
        }
        if protocols.is_empty() {
            return Err(self.error(None, "scrape_protocols cannot be empty"));
        }
        Ok(Some(protocols))
    }

    fn protocol(&self, name: &Located<String>, field: &str) -> Result<ScrapeProtocol, ConfigError> {
        ScrapeProtocol::parse(&name.value).ok_or_else(|| {
            let known = DEFAULT_SCRAPE_PROTOCOLS.map(ScrapeProtocol::as_str).join(", ");
            let found = Quoted(&name.value);
            self.at(name, format!("{field}: unknown scrape protocol {found}, supported: {known}"))
        })
    }

    fn scrape_configs(
        &mut self,
        configs: Vec<Option<Located<raw::ScrapeConfig>>>,
        global: &Global,
    ) -> Result<Vec<ScrapeConfig>, ConfigError> {
        let mut all = Vec::with_capacity(configs.len());
        for config in configs {
            let config =
                config.ok_or_else(|| self.error(None, "empty or null scrape config section"))?;
            all.push(self.scrape_config(config, global)?);
        }
        Ok(all)
    }

    fn scrape_config(
        &mut self,
        located: Located<raw::ScrapeConfig>,
        global: &Global,
    ) -> Result<ScrapeConfig, ConfigError> {
        let line = Some(located.referenced.line());
        let raw = located.value;
        let Some(job_name) = raw.job_name.clone().filter(|name| !name.is_empty()) else {
            return Err(self.error(line, "job_name is empty"));
        };
        self.warn(&raw, &format!("scrape config {}: ", Quoted(&job_name)));
        let (interval_ms, timeout_ms) = self.times(&raw, &job_name, global)?;
        let protocols = self.protocols(raw.scrape_protocols.as_deref())?;
        let fallback = raw.fallback_scrape_protocol.as_ref();
        let fallback = fallback.map(|name| self.protocol(name, "fallback_scrape_protocol"));
        let base = &global.inherited;
        Ok(ScrapeConfig {
            job_name,
            scrape_interval_ms: interval_ms,
            scrape_timeout_ms: timeout_ms,
            metrics_path: raw.metrics_path.unwrap_or_else(|| "/metrics".to_owned()),
            scheme: raw.scheme.map_or_else(|| "http".to_owned(), |scheme| scheme.value),
            params: raw.params.into_iter().collect(),
            honor_labels: raw.honor_labels.unwrap_or(false),
            honor_timestamps: raw.honor_timestamps.unwrap_or(true),
            track_timestamps_staleness: raw.track_timestamps_staleness.unwrap_or(false),
            enable_compression: raw.enable_compression.unwrap_or(true),
            follow_redirects: raw.follow_redirects.unwrap_or(true),
            body_size_limit: raw.body_size_limit.map_or(base.body_size_limit, |b| b.0),
            sample_limit: raw.sample_limit.unwrap_or(base.sample_limit),
            label_limit: raw.label_limit.unwrap_or(base.label_limit),
            label_name_length_limit: raw
                .label_name_length_limit
                .unwrap_or(base.label_name_length_limit),
            label_value_length_limit: raw
                .label_value_length_limit
                .unwrap_or(base.label_value_length_limit),
            target_limit: raw.target_limit.unwrap_or(base.target_limit),
            keep_dropped_targets: raw.keep_dropped_targets.unwrap_or(base.keep_dropped_targets),
            fallback_scrape_protocol: fallback.transpose()?,
            scrape_protocols: protocols.unwrap_or_else(|| global.scrape_protocols.clone()),
            extra_scrape_metrics: raw.extra_scrape_metrics.unwrap_or(base.extra_scrape_metrics),
            relabel_configs: self.relabel(raw.relabel_configs)?,
            metric_relabel_configs: self.relabel(raw.metric_relabel_configs)?,
            static_configs: self.static_configs(raw.static_configs)?,
        })
    }

    /// Interval and timeout of a job, ms.
    fn times(
        &self,
        raw: &raw::ScrapeConfig,
        job: &str,
        global: &Global,
    ) -> Result<(i64, i64), ConfigError> {
        let ms = |field: &Option<Located<raw::DurationMs>>| field.as_ref().map_or(0, |d| d.value.0);
        let interval_ms = or(ms(&raw.scrape_interval), global.scrape_interval_ms);
        let timeout_ms = or(ms(&raw.scrape_timeout), global.scrape_timeout_ms.min(interval_ms));
        if timeout_ms > interval_ms {
            let line = raw.scrape_timeout.as_ref().map(|field| field.referenced.line());
            let text =
                "scrape timeout greater than scrape interval for scrape config with job name";
            return Err(self.error(line, format!("{text} {} (scrape_timeout)", Quoted(job))));
        }
        Ok((interval_ms, timeout_ms))
    }

    fn static_configs(
        &self,
        groups: Vec<Option<raw::StaticConfig>>,
    ) -> Result<Vec<TargetGroup>, ConfigError> {
        let mut all = Vec::with_capacity(groups.len());
        for (at, group) in groups.into_iter().enumerate() {
            let group =
                group.ok_or_else(|| self.error(None, "empty or null section in static_configs"))?;
            for name in group.labels.keys() {
                self.label_name(name, "static_configs: labels")?;
            }
            for target in &group.targets {
                if target.value.contains('/') {
                    let found = Quoted(&target.value);
                    return Err(
                        self.at(target, format!("targets: {found} is not a valid hostname"))
                    );
                }
            }
            let targets = group.targets.iter().map(|target| target.value.as_str());
            let labels = Labels::from_pairs(group.labels);
            all.push(TargetGroup::of_addresses(at.to_string(), targets, labels));
        }
        Ok(all)
    }

    fn relabel(
        &self,
        rules: Vec<Option<Located<raw::RelabelConfig>>>,
    ) -> Result<Vec<RelabelRule>, ConfigError> {
        let mut all = Vec::with_capacity(rules.len());
        for rule in rules {
            let rule = rule.ok_or_else(|| self.error(None, "empty or null relabeling rule"))?;
            let built = relabel_rule(rule.value.clone());
            all.push(built.map_err(|message| self.at(&rule, message))?);
        }
        Ok(all)
    }

    fn alertmanagers(
        &mut self,
        raw: Vec<Option<Located<raw::Alertmanager>>>,
    ) -> Result<Vec<AlertmanagerConfig>, ConfigError> {
        let mut all = Vec::with_capacity(raw.len());
        for located in raw {
            let located =
                located.ok_or_else(|| self.error(None, "empty or null alertmanager section"))?;
            let raw = located.value;
            self.warn(&raw, "alertmanagers: ");
            if let Some(version) = raw.api_version.as_ref().filter(|v| v.value != "v2") {
                let text =
                    "api_version: expected Alertmanager api version to be one of [v2] but got";
                return Err(self.at(version, format!("{text} {}", version.value)));
            }
            all.push(AlertmanagerConfig {
                scheme: raw.scheme.map_or_else(|| "http".to_owned(), |scheme| scheme.value),
                path_prefix: raw.path_prefix.unwrap_or_default(),
                timeout_ms: raw.timeout.map_or(DEFAULT_TIMEOUT_MS, |timeout| timeout.0),
                targets: self.static_configs(raw.static_configs)?,
                relabel_configs: self.relabel(raw.relabel_configs)?,
                alert_relabel_configs: self.relabel(raw.alert_relabel_configs)?,
                http: HttpOptions {
                    follow_redirects: raw.follow_redirects.unwrap_or(true),
                    ..HttpOptions::default()
                },
            });
        }
        Ok(all)
    }

    /// The files a pattern names, sorted; relative to the directory of this file.
    fn glob(&self, field: &str, pattern: &Located<String>) -> Result<Vec<PathBuf>, ConfigError> {
        let text = pattern.value.as_str();
        let invalid =
            || self.at(pattern, format!("{field}: invalid rule file path {}", Quoted(text)));
        // Only the last part of a path may have a star, as in Prometheus.
        let starred = text.rsplit_once('/').map_or("", |(directory, _)| directory);
        if starred.contains('*') || text.matches('*').count() > 1 {
            return Err(invalid());
        }
        let directory = self.path.parent().unwrap_or(Path::new(""));
        let full = directory.join(text);
        let full = full.to_str().ok_or_else(invalid)?;
        let found = glob::glob(full).map_err(|_| invalid())?;
        let files: Vec<PathBuf> = found.filter_map(Result::ok).collect();
        if files.is_empty() && !text.contains(['*', '?', '[']) {
            return Err(self.at(pattern, format!("{field}: {full}: no such file")));
        }
        Ok(files)
    }

    fn scrape_config_files(
        &mut self,
        pattern: &Located<String>,
        global: &Global,
    ) -> Result<Vec<ScrapeConfig>, ConfigError> {
        let mut all = Vec::new();
        for path in self.glob("scrape_config_files", pattern)? {
            let text = super::read(&path)?;
            let mut reader = Reader { path: &path, parser: self.parser, warnings: Vec::new() };
            let file: raw::ScrapeConfigFile = reader.yaml(&text)?;
            all.extend(reader.scrape_configs(file.scrape_configs, global)?);
            self.warnings.append(&mut reader.warnings);
        }
        Ok(all)
    }

    fn rule_files(&self, patterns: &[Located<String>]) -> Result<Vec<RuleFile>, ConfigError> {
        let mut all = Vec::new();
        for pattern in patterns {
            for path in self.glob("rule_files", pattern)? {
                let text = super::read(&path)?;
                let parsed = RuleFile::parse(&path, &text, self.parser);
                all.push(parsed.map_err(|errors| self.at(pattern, all_of(&errors)))?);
            }
        }
        Ok(all)
    }

    fn unique_jobs(&self, configs: &[ScrapeConfig]) -> Result<(), ConfigError> {
        let mut names = HashSet::new();
        for config in configs {
            if !names.insert(&config.job_name) {
                let text = "found multiple scrape configs with job name";
                return Err(self.error(None, format!("{text} {}", Quoted(&config.job_name))));
            }
        }
        Ok(())
    }
}

/// All that is wrong with a rule file; each of the errors names the file itself.
fn all_of(errors: &[rules::RuleFileError]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    format!("rule_files: {}", lines.join("; "))
}

fn relabel_rule(raw: raw::RelabelConfig) -> Result<RelabelRule, String> {
    let default = RelabelConfig::default();
    let action = raw.action.as_deref().map_or(Ok(Action::Replace), Action::parse);
    let config = RelabelConfig {
        source_labels: raw.source_labels,
        separator: raw.separator.unwrap_or(default.separator),
        regex: raw.regex.unwrap_or(default.regex),
        modulus: raw.modulus.unwrap_or(default.modulus),
        target_label: raw.target_label.unwrap_or(default.target_label),
        replacement: raw.replacement.unwrap_or(default.replacement),
        action: action.map_err(|error| error.to_string())?,
    };
    RelabelRule::new(config).map_err(|error| error.to_string())
}

/// `value` unless it is zero, which stands for left out.
fn or(value: i64, default: i64) -> i64 {
    if value == 0 { default } else { value }
}

/// Replaces `$NAME` and `${NAME}`; `$$` is a dollar sign.
fn expand_env(text: &str, mut variable: impl FnMut(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some((name, tail)) = after.strip_prefix('{').and_then(|a| a.split_once('}')) {
            out.push_str(&variable(name));
            rest = tail;
        } else {
            let len = after.find(|c| !word(c)).unwrap_or(after.len());
            let (name, tail) = after.split_at(len);
            if name.is_empty() {
                out.push('$');
            } else {
                out.push_str(&variable(name));
            }
            rest = tail;
        }
    }
    out + rest
}
