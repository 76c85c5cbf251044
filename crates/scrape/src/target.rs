//! One target: what discovery said, what relabelling made of it, where and when it is asked.

use discovery::ADDRESS;
use model::labels::{INSTANCE, JOB, LabelsBuilder};
use model::time::{DurationText, parse_duration};
use model::{Labels, Timestamp, relabel};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{ScrapeConfig, TargetError};

const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM_PREFIX: &str = "__param_";
const META_PREFIX: &str = "__meta_";
const RESERVED_PREFIX: &str = "__";

/// A target as it is to be scraped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    /// The labels before relabelling.
    pub(crate) discovered: Labels,
    /// The labels its series get.
    pub(crate) labels: Labels,
    /// What is asked for.
    pub(crate) url: String,
    /// Time between scrapes.
    pub(crate) interval_ms: i64,
    /// Time for one scrape.
    pub(crate) timeout_ms: i64,
}

/// What becomes of a discovered target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Populated {
    /// It is scraped.
    Active(Target),
    /// Relabelling dropped it; these were its labels.
    Dropped(Labels),
}

/// Completes the labels discovery gave with those of the job, relabels, and reads off the rest.
pub(crate) fn populate(
    config: &ScrapeConfig,
    mut labels: LabelsBuilder,
) -> Result<Populated, TargetError> {
    complete(config, &mut labels);
    let discovered = labels.build();
    if !relabel::apply_to(&config.relabel_configs, &mut labels) {
        return Ok(Populated::Dropped(discovered));
    }
    let address = labels.get(ADDRESS).to_owned();
    if address.is_empty() {
        return Err(TargetError::NoAddress);
    }
    if address.contains('/') {
        return Err(TargetError::Hostname(address));
    }
    let interval_ms = duration(&labels, INTERVAL, "interval")?;
    let timeout_ms = duration(&labels, TIMEOUT, "timeout")?;
    if timeout_ms > interval_ms {
        let (timeout, interval) = (labels.get(TIMEOUT).into(), labels.get(INTERVAL).into());
        return Err(TargetError::TimeoutAboveInterval { timeout, interval });
    }
    if labels.get(INSTANCE).is_empty() {
        labels.set(INSTANCE, address);
    }
    let all = labels.retain(|name| !name.starts_with(META_PREFIX)).build();
    let url = url(config, &all);
    let labels = all.filtered(|name| !name.starts_with(RESERVED_PREFIX));
    Ok(Populated::Active(Target { discovered, labels, url, interval_ms, timeout_ms }))
}

/// Sets what discovery left open.
fn complete(config: &ScrapeConfig, labels: &mut LabelsBuilder) {
    let interval = DurationText(config.scrape_interval_ms).to_string();
    let timeout = DurationText(config.scrape_timeout_ms).to_string();
    for (name, value) in [
        (JOB, config.job_name.as_str()),
        (INTERVAL, &interval),
        (TIMEOUT, &timeout),
        (METRICS_PATH, &config.metrics_path),
        (SCHEME, &config.scheme),
    ] {
        if labels.get(name).is_empty() {
            labels.set(name, value);
        }
    }
    for (name, values) in &config.params {
        let label = format!("{PARAM_PREFIX}{name}");
        if let Some(first) = values.first().filter(|_| labels.get(&label).is_empty()) {
            labels.set(label, first);
        }
    }
}

fn duration(labels: &LabelsBuilder, label: &str, what: &'static str) -> Result<i64, TargetError> {
    let ms = parse_duration(labels.get(label))
        .map_err(|source| TargetError::Duration { what, source })?;
    if ms == 0 { Err(TargetError::Zero(what)) } else { Ok(ms) }
}

/// What a path may hold as it is.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// What a parameter may not hold as it is.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Scheme, address, path, and the parameters sorted by name; a `__param_` label stands for the
/// first value of its parameter.
fn url(config: &ScrapeConfig, labels: &Labels) -> String {
    let mut params: Vec<(String, Vec<String>)> = config.params.clone();
    for (name, value) in labels {
        let Some(name) = name.strip_prefix(PARAM_PREFIX) else {
            continue;
        };
        match params.iter_mut().find(|(n, _)| n == name) {
            Some((_, values)) if !values.is_empty() => value.clone_into(&mut values[0]),
            Some((_, values)) => values.push(value.to_owned()),
            None => params.push((name.to_owned(), vec![value.to_owned()])),
        }
    }
    params.sort_by(|a, b| a.0.cmp(&b.0));
    let path = labels.get(METRICS_PATH);
    let slash = if path.starts_with('/') || path.is_empty() { "" } else { "/" };
    let path = utf8_percent_encode(path, PATH);
    let mut url = format!("{}://{}{slash}{path}", labels.get(SCHEME), labels.get(ADDRESS));
    let mut separator = '?';
    let encoded = |text: &str| utf8_percent_encode(text, QUERY).to_string().replace("%20", "+");
    for (name, value) in params.iter().flat_map(|(n, vs)| vs.iter().map(move |v| (n, v))) {
        url.push(separator);
        url += &format!("{}={}", encoded(name), encoded(value));
        separator = '&';
    }
    url
}

impl Target {
    /// What makes it this target and no other, whatever its settings.
    pub(crate) fn key(&self) -> (Labels, String) {
        (self.labels.clone(), self.url.clone())
    }

    /// The first planned scrape after `now`. Planned times lie on a grid that only the target and
    /// the seed decide, so that targets spread over the interval, and a restart does not move them.
    pub(crate) fn next_tick(&self, now: Timestamp, seed: u64) -> Timestamp {
        let interval = self.interval_ms.max(1);
        let hash = fnv1a(&[self.labels.as_bytes(), self.url.as_bytes()]) ^ seed;
        let offset = i64::try_from(hash % interval.unsigned_abs()).expect("below an i64");
        let passed = (now - offset).rem_euclid(interval);
        now - passed + interval
    }
}

/// A hash that stays the same over restarts and versions.
fn fnv1a(parts: &[&[u8]]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // The low bits of this hash are poor, and the remainder uses them.
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::relabel::{Action, RelabelConfig, RelabelRule};

    fn labels(text: &str) -> Labels {
        Labels::from_pairs(text.split_whitespace().filter_map(|pair| pair.split_once('=')))
    }

    fn rule(set: impl FnOnce(&mut RelabelConfig)) -> RelabelRule {
        let mut config = RelabelConfig::default();
        set(&mut config);
        RelabelRule::new(config).expect("a valid rule")
    }

    fn config() -> ScrapeConfig {
        ScrapeConfig { job_name: "j".into(), ..ScrapeConfig::default() }
    }

    fn active(config: &ScrapeConfig, given: &str) -> Target {
        match populate(config, labels(given).to_builder()) {
            Ok(Populated::Active(target)) => target,
            other => panic!("{given}: {other:?}"),
        }
    }

    #[test]
    fn a_target_is_completed_from_its_job() {
        let target = active(&config(), "__address__=a:1 __meta_x=y env=prod");
        assert_eq!(target.labels, labels("env=prod instance=a:1 job=j"));
        assert_eq!(target.url, "http://a:1/metrics");
        assert_eq!((target.interval_ms, target.timeout_ms), (60_000, 10_000));
        assert_eq!(
            target.discovered,
            labels(
                "__address__=a:1 __meta_x=y env=prod job=j __scheme__=http \
                 __metrics_path__=/metrics __scrape_interval__=1m __scrape_timeout__=10s"
            )
        );
    }

    #[test]
    fn labels_of_the_target_win_over_the_job() {
        let given = "__address__=a:1 job=own instance=i __metrics_path__=p __scheme__=https \
                     __scrape_interval__=5s __scrape_timeout__=1s __tmp=1";
        let target = active(&config(), given);
        assert_eq!(target.labels, labels("instance=i job=own"));
        assert_eq!(target.url, "https://a:1/p");
        assert_eq!((target.interval_ms, target.timeout_ms), (5_000, 1_000));
    }

    #[test]
    fn parameters_are_sorted_and_escaped_as_go_does() {
        let params = vec![
            ("module".to_owned(), vec!["http 2xx".to_owned(), "é&=/".to_owned()]),
            ("a".to_owned(), vec!["~b.c-d_e*".to_owned()]),
        ];
        let config = ScrapeConfig { params, metrics_path: "/a b?c".into(), ..config() };
        let target = active(&config, "__address__=[::1]:80 __param_z=x");
        assert_eq!(
            target.url,
            "http://[::1]:80/a%20b%3Fc?a=~b.c-d_e%2A&module=http+2xx&module=%C3%A9%26%3D%2F&z=x"
        );
        assert_eq!(target.discovered.get("__param_module"), "http 2xx");
        let target = active(&config, "__address__=h __param_module=other");
        assert!(target.url.ends_with("&module=other&module=%C3%A9%26%3D%2F"), "{}", target.url);
    }

    #[test]
    fn relabelling_may_drop_a_target_or_change_all_of_it() {
        let drop = rule(|c| {
            c.source_labels = vec!["__address__".into()];
            c.regex = "a:.*".into();
            c.action = Action::Drop;
        });
        let path = rule(|c| {
            c.source_labels = vec!["__meta_path".into()];
            c.target_label = "__metrics_path__".into();
        });
        let config = ScrapeConfig { relabel_configs: vec![drop, path], ..config() };
        let dropped = populate(&config, labels("__address__=a:1").to_builder());
        let Ok(Populated::Dropped(discovered)) = dropped else { panic!("{dropped:?}") };
        assert_eq!(discovered.get("job"), "j");
        assert_eq!(active(&config, "__address__=b __meta_path=/x").url, "http://b/x");
    }

    #[test]
    fn targets_that_make_no_sense_are_refused_in_prometheus_s_words() {
        for (given, complaint) in [
            ("job=x", "no address"),
            ("__address__=a/b", "\"a/b\" is not a valid hostname"),
            (
                "__address__=a __scrape_interval__=x",
                "error parsing scrape interval: not a valid duration string: \"x\"",
            ),
            ("__address__=a __scrape_timeout__=0s", "scrape timeout cannot be 0"),
            (
                "__address__=a __scrape_timeout__=2m",
                "scrape timeout cannot be greater than scrape interval (\"2m\" > \"1m\")",
            ),
        ] {
            let refused = populate(&config(), labels(given).to_builder()).expect_err("no target");
            assert_eq!(refused.to_string(), complaint);
        }
    }

    #[test]
    fn planned_times_lie_on_one_grid_and_never_in_the_past() {
        let target = active(&config(), "__address__=a:1");
        let first = target.next_tick(1_000_000, 7);
        assert!(first > 1_000_000 && first <= 1_060_000);
        assert_eq!(target.next_tick(first - 1, 7), first);
        assert_eq!(target.next_tick(first, 7), first + 60_000);
        assert_ne!(target.next_tick(1_000_000, 8), first);
        assert_eq!(target.next_tick(-1_000_000, 7).rem_euclid(60_000), first.rem_euclid(60_000));
    }

    #[test]
    fn targets_spread_over_the_interval() {
        let mut ticks: Vec<i64> = (0..60)
            .map(|i| {
                active(&config(), &format!("__address__=host{i}:9100")).next_tick(0, 0) / 10_000
            })
            .collect();
        ticks.sort_unstable();
        ticks.dedup();
        assert_eq!(ticks, [0, 1, 2, 3, 4, 5]);
    }
}
