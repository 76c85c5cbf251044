//! What a file means, what is shown of it, and what is said about a bad one.

use super::*;

fn read(text: &str) -> Result<Config, ConfigError> {
    parse(Path::new("prometheus.yml"), text, ParserOptions::default())
}

fn refused(text: &str) -> String {
    read(text).expect_err(text).to_string()
}

#[test]
fn an_empty_file_is_a_configuration() {
    for text in ["", "\n# nothing\n", "global:\n", "scrape_configs:\nrule_files:\n"] {
        let config = read(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(config.evaluation_interval_ms, 60_000);
        assert!(config.scrape_configs.is_empty());
    }
}

#[test]
fn nulls_are_fields_left_out() {
    let config = read(
        "alerting:\n  alertmanagers:\n    - static_configs:\n        - targets:\n\
         rule_files:\n  # - a.yml\nscrape_configs:\n  - job_name: a\n    static_configs:\n",
    )
    .expect("nulls are allowed");
    assert_eq!(config.alertmanagers.len(), 1);
    assert_eq!(config.scrape_configs[0].static_configs.len(), 0);
}

#[test]
fn jobs_take_intervals_and_limits_from_global() {
    let config = read(
        "global: {scrape_interval: 5s, sample_limit: 7, external_labels: {a: b}}\n\
         scrape_configs:\n- job_name: a\n- job_name: b\n  scrape_interval: 1m\n  sample_limit: 9\n",
    )
    .expect("it is valid");
    let times: Vec<_> = config
        .scrape_configs
        .iter()
        .map(|job| (job.scrape_interval_ms, job.scrape_timeout_ms, job.sample_limit))
        .collect();
    assert_eq!(times, [(5_000, 5_000, 7), (60_000, 5_000, 9)]);
    assert_eq!(config.external_labels.to_string(), r#"{a="b"}"#);
}

#[test]
fn mistakes_are_named_with_file_line_and_field() {
    let mut wrong = String::new();
    for (text, message) in [
        ("global: [\n", "line 1: expected mapping"),
        ("global:\n  foo: 1\n", "line 2: unknown field `foo`"),
        ("global:\n  scrape_interval: 1m\n  scrape_interval: 2m\n", "line 3"),
        ("global:\n  scrape_interval: 15\n", "line 2"),
        ("global:\n  scrape_interval: 15x\n", "not a valid duration string: \"15x\""),
        (
            "global:\n  scrape_interval: 5s\n  scrape_timeout: 10s\n",
            "line 3: global scrape timeout greater than scrape interval (scrape_timeout)",
        ),
        (
            "scrape_configs:\n- job_name: a\n  scrape_interval: 5s\n  scrape_timeout: 6s\n",
            "line 4: scrape timeout greater than scrape interval for scrape config with job name \
             \"a\" (scrape_timeout)",
        ),
        ("scrape_configs:\n- metrics_path: /x\n", "line 2: job_name is empty"),
        (
            "scrape_configs:\n- job_name: a\n- job_name: a\n",
            "found multiple scrape configs with job name \"a\"",
        ),
        (
            "scrape_configs:\n- job_name: a\n  relabel_configs:\n  - action: foo\n",
            "line 4: unknown relabel action \"foo\"",
        ),
        (
            "scrape_configs:\n- job_name: a\n  metric_relabel_configs:\n  - {action: drop, regex: '('}\n",
            "line 4: error parsing regexp: missing closing )",
        ),
        (
            "scrape_configs:\n- job_name: a\n  static_configs:\n  - targets: ['http://a:1/x']\n",
            "line 4: targets: \"http://a:1/x\" is not a valid hostname",
        ),
        (
            "scrape_configs:\n- job_name: a\n  scrape_protocols: [Foo]\n",
            "line 3: scrape_protocols: unknown scrape protocol \"Foo\"",
        ),
        ("scrape_configs:\n- job_name: a\n  body_size_limit: 10XB\n", "unknown unit \"XB\""),
        ("scrape_configs:\n-\n", "empty or null scrape config section"),
        ("rule_files:\n- 'a*b/*'\n", "line 2: rule_files: invalid rule file path \"a*b/*\""),
        ("rule_files:\n- none.yml\n", "line 2: rule_files: none.yml: no such file"),
        (
            "alerting:\n  alertmanagers:\n  - api_version: v1\n",
            "line 3: api_version: expected Alertmanager api version to be one of [v2] but got v1",
        ),
    ] {
        let found = refused(text);
        let named = found.starts_with("prometheus.yml: ") && found.contains(message);
        wrong += &if named { String::new() } else { format!("{text}\n{found}\n{message}\n\n") };
    }
    assert_eq!(wrong, "");
}

#[test]
fn fields_that_have_no_effect_are_named() {
    let config = read(
        "scrape_configs:\n- job_name: a\n  basic_auth: {username: x}\nremote_write:\n- url: http://a\n",
    )
    .expect("it is valid");
    assert_eq!(
        config.warnings,
        [
            "prometheus.yml: line 5: remote_write has no effect yet",
            "prometheus.yml: line 3: scrape config \"a\": basic_auth has no effect yet",
        ]
    );
}

#[test]
fn how_many_exemplars_are_kept_is_said_or_left_to_the_default() {
    for (text, max, shown) in [
        ("", None, false),
        ("storage:\n  exemplars:\n    max_exemplars: 50\n", Some(50), true),
        ("storage:\n  exemplars:\n    max_exemplars: -1\n", Some(0), true),
        ("storage:\n  exemplars: {}\n", Some(0), true),
        ("storage:\n", None, false),
    ] {
        let config = read(text).expect("it is valid");
        assert_eq!(config.storage.max_exemplars, max, "{text}");
        assert_eq!(
            config.yaml.contains("storage:\n  exemplars:\n    max_exemplars: "),
            shown,
            "{text}"
        );
        assert_eq!(config.warnings, [] as [String; 0]);
    }
    assert!(read("storage:\n  exemplars: {max: 1}\n").is_err());
}

#[test]
fn what_is_kept_is_said_or_left_to_the_flags() {
    let retention = "storage:\n  tsdb:\n    retention:\n      ";
    let given = "time: 30d\n      size: 512MB\n      percentage: 62.5\n    chunk_encoding: x\n";
    let config = read(&format!("{retention}{given}")).expect("it is valid");
    let expected = Retention { ms: 30 * 86_400_000, bytes: 512 << 20, percentage: 62.5 };
    assert_eq!(config.storage.retention, expected);
    assert_eq!(
        config.warnings,
        ["prometheus.yml: line 7: storage.tsdb.chunk_encoding has no effect yet"]
    );
    let shown = "time: 30d\n      size: 512MiB\n      percentage: 62.5\n";
    assert!(config.yaml.ends_with(&format!("{retention}{shown}")), "{}", config.yaml);
    for (percentage, text) in [("101", "101"), ("-1", "-1"), (".nan", "NaN")] {
        assert_eq!(
            refused(&format!("{retention}percentage: {percentage}\n")),
            format!(
                "prometheus.yml: line 4: storage.tsdb.retention.percentage: {text} is not between 0 and 100"
            )
        );
    }
}

#[test]
fn the_window_for_samples_out_of_order_is_read_and_shown() {
    let text = "storage:\n  tsdb:\n    out_of_order_time_window: 1h30m\n";
    let config = read(text).expect("it is valid");
    assert_eq!(config.storage.out_of_order_window_ms, 5_400_000);
    assert!(config.warnings.is_empty() && config.yaml.ends_with(text), "{}", config.yaml);
}

#[test]
fn rule_files_are_read_from_beside_the_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("prometheus.yml");
    let rules = "groups:\n- name: g\n  rules:\n  - record: a\n    expr: sum(b)\n";
    std::fs::write(dir.path().join("r1.yml"), rules).expect("written");
    std::fs::write(&path, "rule_files: ['r*.yml']\n").expect("written");
    let config = load(&path, ParserOptions::default()).expect("it is valid");
    assert_eq!(config.rule_files.len(), 1);
    std::fs::write(dir.path().join("r2.yml"), rules.replace("sum(b)", "sum(")).expect("written");
    let error = load(&path, ParserOptions::default()).expect_err("a rule is broken").to_string();
    assert!(error.contains("r2.yml") && error.contains("unclosed left parenthesis"), "{error}");
}

#[test]
fn the_embedded_configuration_scrapes_the_server_itself() {
    let config = embedded("localhost:1234").expect("it is valid");
    let group = &config.scrape_configs[0].static_configs[0];
    assert_eq!(group.targets[0].get("__address__"), "localhost:1234");
    assert_eq!(config.scrape_configs[0].scrape_interval_ms, 15_000);
}

#[test]
fn what_is_shown_reads_back_the_same() {
    let text = r#"
global:
  scrape_interval: 15s
  external_labels: {cluster: 'a b', n: "1", t: "true", e: ""}
alerting:
  alert_relabel_configs:
  - {action: labeldrop, regex: x}
  alertmanagers:
  - static_configs:
    - targets: ['127.0.0.1:9093']
    path_prefix: /am
scrape_configs:
- job_name: a
  params: {m: [x, y]}
  sample_limit: 10
  body_size_limit: 10MB
  honor_labels: true
  static_configs:
  - targets: ['h:1', 'h2:1']
    labels: {x: "y", z: "5"}
  relabel_configs:
  - source_labels: [a, b]
    regex: '(.*);x'
    target_label: t
    replacement: '$1'
  metric_relabel_configs:
  - {action: drop, source_labels: [__name__], regex: 'go_.*', separator: '@'}
"#;
    let shown = read(text).expect("it is valid").yaml;
    assert_eq!(shown, SHOWN);
    assert_eq!(read(&shown).expect("it reads back").yaml, SHOWN);
}

const SHOWN: &str = r#"global:
  scrape_interval: 15s
  scrape_timeout: 10s
  scrape_protocols:
  - OpenMetricsText1.0.0
  - OpenMetricsText0.0.1
  - PrometheusText1.0.0
  - PrometheusText0.0.4
  evaluation_interval: 1m
  external_labels:
    cluster: a b
    "n": "1"
    t: "true"
alerting:
  alert_relabel_configs:
  - separator: ;
    regex: x
    replacement: $1
    action: labeldrop
  alertmanagers:
  - follow_redirects: true
    scheme: http
    path_prefix: /am
    timeout: 10s
    api_version: v2
    static_configs:
    - targets:
      - 127.0.0.1:9093
scrape_configs:
- job_name: a
  honor_labels: true
  honor_timestamps: true
  track_timestamps_staleness: false
  params:
    m:
    - x
    - "y"
  scrape_interval: 15s
  scrape_timeout: 10s
  scrape_protocols:
  - OpenMetricsText1.0.0
  - OpenMetricsText0.0.1
  - PrometheusText1.0.0
  - PrometheusText0.0.4
  metrics_path: /metrics
  scheme: http
  enable_compression: true
  body_size_limit: 10MiB
  sample_limit: 10
  follow_redirects: true
  relabel_configs:
  - source_labels: [a, b]
    separator: ;
    regex: (.*);x
    target_label: t
    replacement: $1
    action: replace
  metric_relabel_configs:
  - source_labels: [__name__]
    separator: "@"
    regex: go_.*
    replacement: $1
    action: drop
  static_configs:
  - targets:
    - h:1
    - h2:1
    labels:
      x: "y"
      z: "5"
"#;
