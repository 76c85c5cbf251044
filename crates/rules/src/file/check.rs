//! From fields to rules: every field is checked, and every fault remembered.

use std::collections::HashSet;
use std::path::Path;

use model::labels::{LabelsBuilder, METRIC_NAME};
use model::time::parse_duration;
use promql::ParserOptions;

use super::error::{RuleFault, RuleFileError, RulePlace};
use super::yaml::{self, Pairs, Text, place};
use crate::definition::{Rule, RuleAction, RuleExpr, RuleGroup};
use crate::expansion;

/// Checks one file and gathers what is wrong with it.
pub(super) struct Checker<'p> {
    path: &'p Path,
    parser: ParserOptions,
    /// Which rule is being checked.
    rule: Option<RulePlace>,
    errors: Vec<RuleFileError>,
}

/// What the pairs of a map are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PairKind {
    Label,
    Annotation,
}

impl PairKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Annotation => "annotation",
        }
    }
}

impl<'p> Checker<'p> {
    pub(super) fn new(path: &'p Path, parser: ParserOptions) -> Self {
        Self { path, parser, rule: None, errors: Vec::new() }
    }

    pub(super) fn into_errors(self) -> Vec<RuleFileError> {
        self.errors
    }

    /// The groups of a file. What is wrong is left out or replaced, and remembered.
    pub(super) fn groups(&mut self, file: yaml::File) -> Vec<RuleGroup> {
        let mut names = HashSet::new();
        let mut groups = Vec::new();
        for group in file.groups.unwrap_or_default().into_iter().flatten() {
            let at = group.value.name.as_ref().map_or(place(&group), place);
            let group = self.group(group.value);
            if group.name.is_empty() {
                self.fault(Some(at), RuleFault::NoGroupName);
            } else if !names.insert(group.name.clone()) {
                self.fault(Some(at), RuleFault::RepeatedGroup(group.name.clone()));
            }
            groups.push(group);
        }
        groups
    }

    fn group(&mut self, group: yaml::Group) -> RuleGroup {
        let name = group.name.map(|name| name.value).unwrap_or_default();
        let interval_ms = self.duration(group.interval.as_ref(), "interval");
        let query_offset_ms = self.duration(group.query_offset.as_ref(), "query_offset");
        let limit = self.limit(group.limit.as_ref());
        let labels = self.pairs(group.labels.as_ref(), PairKind::Label);
        let mut rules = Vec::new();
        for (i, rule) in group.rules.unwrap_or_default().into_iter().enumerate() {
            let Some(rule) = rule else {
                continue;
            };
            let shown = rule.value.record.as_ref().or(rule.value.alert.as_ref());
            let shown = shown.map(|name| name.value.clone()).unwrap_or_default();
            self.rule = Some(RulePlace { group: name.clone(), number: i + 1, name: shown });
            let at = place(&rule);
            rules.extend(self.rule(&rule.value, at, &labels));
            self.rule = None;
        }
        RuleGroup {
            name,
            interval_ms: interval_ms.filter(|ms| *ms > 0),
            query_offset_ms,
            limit,
            rules,
        }
    }

    fn rule(&mut self, rule: &yaml::Rule, at: (u64, u64), shared: &LabelsBuilder) -> Option<Rule> {
        let record = rule.record.as_ref().filter(|name| !name.value.is_empty());
        let alert = rule.alert.as_ref().filter(|name| !name.value.is_empty());
        let expr = self.expr(rule.expr.as_ref(), at);
        let for_ms = self.duration(rule.hold.as_ref(), "for").unwrap_or(0);
        let keep = rule.keep_firing_for.as_ref();
        let keep_firing_for_ms = self.duration(keep, "keep_firing_for").unwrap_or(0);
        let own = self.pairs(rule.labels.as_ref(), PairKind::Label);
        let annotations = self.pairs(rule.annotations.as_ref(), PairKind::Annotation);
        let mut labels = shared.clone();
        for (name, value) in own.iter() {
            labels.set(name, value);
        }
        let (name, action) = match (record, alert) {
            (Some(record), None) => {
                self.recording(record, rule);
                (record, RuleAction::Record)
            }
            (None, Some(alert)) => {
                let (own, notes) = (rule.labels.as_ref(), rule.annotations.as_ref());
                self.templates(&alert.value, own, PairKind::Label);
                self.templates(&alert.value, notes, PairKind::Annotation);
                let annotations = annotations.build();
                (alert, RuleAction::Alert { for_ms, keep_firing_for_ms, annotations })
            }
            (Some(_), Some(alert)) => {
                self.fault(Some(place(alert)), RuleFault::BothKinds);
                return None;
            }
            (None, None) => {
                self.fault(Some(at), RuleFault::NoKind);
                return None;
            }
        };
        Some(Rule { name: name.value.clone(), expr: expr?, labels: labels.build(), action })
    }

    fn expr(&mut self, expr: Option<&Text>, rule_at: (u64, u64)) -> Option<RuleExpr> {
        let Some(text) = expr.filter(|expr| !expr.value.is_empty()) else {
            self.fault(Some(rule_at), RuleFault::NoExpr);
            return None;
        };
        match promql::parse_with(&text.value, self.parser) {
            Ok(expr) => Some(RuleExpr::new(expr)),
            Err(error) => {
                self.fault(Some(place(text)), RuleFault::Expr(error));
                None
            }
        }
    }

    /// What a recording rule must not have.
    fn recording(&mut self, name: &Text, rule: &yaml::Rule) {
        if name.value.contains(['{', '}']) {
            self.fault(Some(place(name)), RuleFault::Braces(name.value.clone()));
        }
        let zero = |text: &&Text| parse_duration(&text.value) != Ok(0);
        let hold = rule.hold.as_ref().filter(zero);
        let keep = rule.keep_firing_for.as_ref().filter(zero);
        let notes = rule.annotations.as_ref().and_then(|pairs| pairs.0.first());
        for (field, found) in
            [("for", hold), ("keep_firing_for", keep), ("annotations", notes.map(|(name, _)| name))]
        {
            if let Some(found) = found {
                self.fault(Some(place(found)), RuleFault::NotInRecording(field));
            }
        }
    }

    /// Names and values; a value left out is empty.
    fn pairs(&mut self, pairs: Option<&Pairs>, kind: PairKind) -> LabelsBuilder {
        let mut all = LabelsBuilder::default();
        for (name, value) in pairs.iter().flat_map(|pairs| &pairs.0) {
            let bad =
                name.value.is_empty() || (kind == PairKind::Label && name.value == METRIC_NAME);
            if bad {
                let text = name.value.clone();
                let fault = match kind {
                    PairKind::Label => RuleFault::LabelName(text),
                    PairKind::Annotation => RuleFault::AnnotationName(text),
                };
                self.fault(Some(place(name)), fault);
            }
            let value = value.as_ref().map_or("", |value| &value.value);
            all.set(name.value.as_str(), value);
        }
        all
    }

    fn templates(&mut self, alert: &str, pairs: Option<&Pairs>, kind: PairKind) {
        for (name, value) in pairs.iter().flat_map(|pairs| &pairs.0) {
            let Some(value) = value else {
                continue;
            };
            if let Err(source) = expansion::check(alert, &value.value) {
                let (kind, name) = (kind.as_str(), name.value.clone());
                self.fault(Some(place(value)), RuleFault::Template { kind, name, source });
            }
        }
    }

    fn duration(&mut self, text: Option<&Text>, field: &'static str) -> Option<i64> {
        let text = text?;
        match parse_duration(&text.value) {
            Ok(ms) => Some(ms),
            Err(source) => {
                self.fault(Some(place(text)), RuleFault::Duration { field, source });
                None
            }
        }
    }

    /// A limit; a negative one is none, as Prometheus takes it.
    fn limit(&mut self, text: Option<&Text>) -> u64 {
        let Some(text) = text else {
            return 0;
        };
        match text.value.parse::<i64>() {
            Ok(limit) => u64::try_from(limit).unwrap_or(0),
            Err(_) => {
                self.fault(Some(place(text)), RuleFault::Limit(text.value.clone()));
                0
            }
        }
    }

    fn fault(&mut self, at: Option<(u64, u64)>, fault: RuleFault) {
        let (path, rule) = (self.path.to_owned(), self.rule.clone());
        self.errors.push(RuleFileError { path, at, rule, fault });
    }
}
