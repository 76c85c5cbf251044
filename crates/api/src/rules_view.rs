//! `/api/v1/rules`, `/api/v1/alerts`, `/api/v1/alertmanagers`.

use std::fmt::Write;

use axum::extract::State;
use model::Matcher;
use model::matcher::matches_all;
use rules::{AlertView, GroupView, RuleKind, RuleView};
use serde::Serialize;

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::params::{Params, parse_bool, parse_int};
use crate::ready::Ready;
use crate::state::AppState;
use crate::targets::LabelsObject;
use crate::time_text::{Precision, rfc3339, rfc3339_or_never};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    groups: Vec<Group>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    file: String,
    rules: Vec<Rule>,
    interval: f64,
    limit: u64,
    evaluation_time: f64,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Rule {
    Alerting(AlertingRule),
    Recording(RecordingRule),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordingRule {
    name: String,
    query: String,
    #[serde(skip_serializing_if = "LabelsObject::is_empty")]
    labels: LabelsObject,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    evaluation_time: f64,
    last_evaluation: String,
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertingRule {
    state: &'static str,
    name: String,
    query: String,
    duration: f64,
    keep_firing_for: f64,
    labels: LabelsObject,
    annotations: LabelsObject,
    /// `None`, written as null, if alerts were not asked for.
    alerts: Option<Vec<Alert>>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    evaluation_time: f64,
    last_evaluation: String,
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    labels: LabelsObject,
    annotations: LabelsObject,
    state: &'static str,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    value: String,
}

#[derive(Serialize)]
struct Alerts {
    alerts: Vec<Alert>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alertmanagers {
    active_alertmanagers: Vec<Alertmanager>,
    dropped_alertmanagers: Vec<Alertmanager>,
}

#[derive(Serialize)]
struct Alertmanager {
    url: String,
}

pub(crate) async fn rules(
    State(_): State<AppState>,
    Ready(parts): Ready,
    params: Params,
) -> Result<Envelope, ApiError> {
    let filter = Filter::of(&params)?;
    let page = Page::of(&params)?;
    let groups = parts.rules.groups();
    let start = page.start(&groups)?;
    let mut answer = Groups { groups: Vec::new(), group_next_token: None };
    for group in groups.iter().skip(start) {
        let shown = filter.group(group);
        // A group of which nothing is left is not there, unless it was empty from the beginning.
        if shown.rules.is_empty() && !(filter.is_open() && group.rules.is_empty()) {
            continue;
        }
        if page.limit.is_some_and(|limit| answer.groups.len() >= limit) {
            let last = answer.groups.last();
            answer.group_next_token = last.map(|last| token(&last.file, &last.name));
            break;
        }
        answer.groups.push(shown);
    }
    Ok(Envelope::of(&answer))
}

pub(crate) async fn alerts(Ready(parts): Ready) -> Envelope {
    let alerts = parts.rules.active_alerts().into_iter().map(Alert::of).collect();
    Envelope::of(&Alerts { alerts })
}

pub(crate) async fn alertmanagers(Ready(parts): Ready) -> Envelope {
    let view = parts.notifier.alertmanagers();
    let list = |urls: Vec<String>| urls.into_iter().map(|url| Alertmanager { url }).collect();
    Envelope::of(&Alertmanagers {
        active_alertmanagers: list(view.active),
        dropped_alertmanagers: list(view.dropped),
    })
}

/// Which rules are shown.
struct Filter {
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    matchers: Vec<Vec<Matcher>>,
    recording: bool,
    alerting: bool,
    with_alerts: bool,
}

impl Filter {
    fn of(params: &Params) -> Result<Self, ApiError> {
        let all = |name: &str| params.all(name).map(str::to_owned).collect::<Vec<_>>();
        let matchers: Result<Vec<_>, _> =
            params.all("match[]").map(promql::parse_matchers).collect();
        let (recording, alerting) = match params.first("type").to_lowercase().as_str() {
            "" => (true, true),
            "record" => (true, false),
            "alert" => (false, true),
            other => {
                let problem = format!("not supported value \"{other}\"");
                return Err(ApiError::parameter("type", problem));
            }
        };
        let without = match params.first("exclude_alerts") {
            "" => false,
            text => parse_bool(text).map_err(|error| {
                let problem = format!("error converting exclude_alerts: {error}");
                ApiError::parameter("exclude_alerts", problem)
            })?,
        };
        Ok(Self {
            names: all("rule_name[]"),
            groups: all("rule_group[]"),
            files: all("file[]"),
            matchers: matchers.map_err(|error| ApiError::bad_data(error.to_string()))?,
            recording,
            alerting,
            with_alerts: !without,
        })
    }

    /// Whether all rules pass.
    fn is_open(&self) -> bool {
        self.names.is_empty()
            && self.groups.is_empty()
            && self.files.is_empty()
            && self.matchers.is_empty()
            && self.recording
            && self.alerting
    }

    fn group(&self, group: &GroupView) -> Group {
        let named = |wanted: &[String], name: &String| wanted.is_empty() || wanted.contains(name);
        let here = named(&self.groups, &group.name) && named(&self.files, &group.file);
        let rules = group.rules.iter().filter(|rule| here && self.passes(rule));
        Group {
            name: group.name.clone(),
            file: group.file.clone(),
            rules: rules.map(|rule| self.rule(rule)).collect(),
            interval: group.interval_ms as f64 / 1000.0,
            limit: group.limit,
            evaluation_time: group.evaluation_time_s,
            last_evaluation: rfc3339_or_never(group.last_evaluation_ms),
        }
    }

    fn passes(&self, rule: &RuleView) -> bool {
        let kind = match rule.kind {
            RuleKind::Recording => self.recording,
            RuleKind::Alerting { .. } => self.alerting,
        };
        let named = self.names.is_empty() || self.names.contains(&rule.name);
        let matches = |matchers: &Vec<Matcher>| matches_all(matchers, &rule.labels);
        kind && named && (self.matchers.is_empty() || self.matchers.iter().any(matches))
    }

    fn rule(&self, rule: &RuleView) -> Rule {
        let rule = rule.clone();
        let (health, labels) = (rule.health.as_str(), LabelsObject(rule.labels));
        let last_evaluation = rfc3339_or_never(rule.last_evaluation_ms);
        match rule.kind {
            RuleKind::Recording => Rule::Recording(RecordingRule {
                name: rule.name,
                query: rule.query,
                labels,
                health,
                last_error: rule.last_error,
                evaluation_time: rule.evaluation_time_s,
                last_evaluation,
                r#type: "recording",
            }),
            RuleKind::Alerting { for_ms, keep_firing_for_ms, annotations, state, alerts } => {
                let alerts = || alerts.into_iter().map(Alert::of).collect();
                Rule::Alerting(AlertingRule {
                    state: state.as_str(),
                    name: rule.name,
                    query: rule.query,
                    duration: for_ms as f64 / 1000.0,
                    keep_firing_for: keep_firing_for_ms as f64 / 1000.0,
                    labels,
                    annotations: LabelsObject(annotations),
                    alerts: self.with_alerts.then(alerts),
                    health,
                    last_error: rule.last_error,
                    evaluation_time: rule.evaluation_time_s,
                    last_evaluation,
                    r#type: "alerting",
                })
            }
        }
    }
}

impl Alert {
    fn of(alert: AlertView) -> Self {
        let time = |t| rfc3339(t, Precision::Ms);
        Self {
            labels: LabelsObject(alert.labels),
            annotations: LabelsObject(alert.annotations),
            state: alert.state.as_str(),
            active_at: time(alert.active_at_ms),
            keep_firing_since: alert.keep_firing_since_ms.map(time),
            value: model::float::Exponent(alert.value).to_string(),
        }
    }
}

/// Which groups are shown at a time.
struct Page {
    limit: Option<usize>,
    token: String,
}

impl Page {
    fn of(params: &Params) -> Result<Self, ApiError> {
        let token = params.first("group_next_token").to_owned();
        let limit = match params.first("group_limit") {
            "" if token.is_empty() => return Ok(Self { limit: None, token }),
            "" => {
                let problem =
                    "group_limit needs to be present in order to paginate over the groups";
                return Err(ApiError::parameter("group_next_token", problem));
            }
            text => parse_int(text).map_err(|why| {
                let text = model::labels::Quoted(text);
                let why = format!("strconv.ParseInt: parsing {text}: {why}");
                let problem = format!("group_limit needs to be a valid number: {why}");
                ApiError::parameter("group_limit", problem)
            })?,
        };
        match usize::try_from(limit) {
            Ok(limit) if limit > 0 => Ok(Self { limit: Some(limit), token }),
            _ => Err(ApiError::parameter("group_limit", "group_limit needs to be greater than 0")),
        }
    }

    /// Which group is the first of this page.
    fn start(&self, groups: &[GroupView]) -> Result<usize, ApiError> {
        if self.token.is_empty() {
            return Ok(0);
        }
        let before = groups.iter().position(|group| token(&group.file, &group.name) == self.token);
        before.map(|at| at + 1).ok_or_else(|| {
            let token = &self.token;
            let problem = format!("invalid group_next_token '{token}'. were rule groups changed?");
            ApiError::parameter("group_next_token", problem)
        })
    }
}

/// What stands for a group in a request for the groups behind it.
fn token(file: &str, name: &str) -> String {
    let mut token = String::new();
    for byte in format!("{file};{name}").bytes() {
        let _ = write!(token, "{byte:02x}");
    }
    token
}
