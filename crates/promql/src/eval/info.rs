//! `info`: series joined with the labels of info metrics, which say what an instance is.
//!
//! A series and an info series belong together if they have the same `instance` and `job`. Of several
//! info series of one name the one with the newest sample counts, at each step anew: so a series whose
//! info changes becomes another one from there on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::labels::METRIC_NAME;
use model::{Labels, MatchOp, Matcher};
use rustc_hash::FxHashMap;

use super::call::argument;
use super::column::Column;
use super::held::Held;
use super::select::Take;
use super::series::EvalSeries;
use super::steps::Steps;
use super::{Evaluator, Sink};
use crate::error::EngineError;
use crate::plan::{CallNode, Node, Op, SelectNode};

/// The info metric where none is named.
const TARGET_INFO: &str = "target_info";
/// What info metrics are called where it is only said how not.
const ANY_INFO: &str = ".+_info";
/// The labels that say which info series belongs to a series.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// What `info` asks for.
struct Wanted<'m> {
    /// What the name of an info metric must be.
    names: Vec<Matcher>,
    /// What its labels must be; if there are any, only these labels are taken over.
    data: Vec<&'m Matcher>,
}

impl<'m> Wanted<'m> {
    fn of(matchers: &'m [Matcher]) -> Self {
        let is_name = |matcher: &&Matcher| matcher.name == METRIC_NAME;
        let (names, data): (Vec<&Matcher>, Vec<&Matcher>) = matchers.iter().partition(is_name);
        let mut names: Vec<Matcher> = names.into_iter().cloned().collect();
        if names.is_empty() {
            names.push(Matcher::equal(METRIC_NAME, TARGET_INFO));
        } else if names.iter().all(Matcher::is_negative) {
            let any = Matcher::new(MatchOp::Regex, METRIC_NAME, ANY_INFO);
            names.push(any.expect("a valid expression"));
        }
        Self { names, data }
    }

    /// Whether a series is an info series itself, and stays as it is.
    fn is_info(&self, labels: &Labels) -> bool {
        self.names.iter().all(|matcher| matcher.matches(labels.metric_name()))
    }

    fn takes(&self, label: &str) -> bool {
        self.data.is_empty() || self.data.iter().any(|matcher| matcher.name == label)
    }

    /// Whether a series without info series stays.
    fn keeps_unmatched(&self) -> bool {
        self.data.iter().all(|matcher| matcher.matches_empty())
    }
}

/// Info series by what they belong to, then by name.
type InfoSeries = FxHashMap<Labels, BTreeMap<String, Vec<EvalSeries>>>;

impl Evaluator<'_> {
    pub(super) fn feed_info(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let Op::Select(select) = &argument(node, 1).op else {
            unreachable!("the planner makes a selector of it")
        };
        let wanted = Wanted::of(select.matchers);
        let (base, mut held) = self.collect(argument(node, 0), steps)?;
        let select = (argument(node, 1), &**select);
        let (infos, infos_held) = self.info_series(select, &wanted, &base, steps)?;
        held.absorb(infos_held);
        let mut all = Vec::new();
        for series in base {
            self.budget.check()?;
            if wanted.is_info(&series.labels) {
                all.push(series);
            } else {
                let infos = infos.get(&identity(&series.labels));
                let before = all.len();
                enrich(&series, infos, &wanted, steps, &mut all)?;
                all[before..].iter().try_for_each(|made| held.series(made))?;
            }
        }
        self.rejoin((all, held), sink)
    }

    /// The info series that belong to some of the series, each with the times of its samples.
    fn info_series(
        &self,
        (node, select): (&Node<'_>, &SelectNode<'_>),
        wanted: &Wanted<'_>,
        base: &[EvalSeries],
        steps: Steps,
    ) -> Result<(InfoSeries, Held), EngineError> {
        let (mut infos, mut held) = (InfoSeries::default(), self.budget.held());
        let mut matchers: Vec<Matcher> = wanted.data.iter().copied().cloned().collect();
        matchers.extend(wanted.names.iter().cloned());
        let others = base.iter().filter(|series| !wanted.is_info(&series.labels));
        let others: Vec<&Labels> = others.map(|series| &series.labels).collect();
        let count = matchers.len();
        for name in IDENTIFYING {
            let values: BTreeSet<&str> = others.iter().map(|labels| labels.get(name)).collect();
            let values: Vec<String> =
                values.into_iter().filter(|value| !value.is_empty()).map(quoted).collect();
            if !values.is_empty() {
                let any = Matcher::new(MatchOp::Regex, name, values.join("|"));
                matchers.push(any.map_err(|error| EngineError::Execution(error.to_string()))?);
            }
        }
        if matchers.len() == count {
            return Ok((infos, held));
        }
        let select = SelectNode { matchers: &matchers, ..select.clone() };
        let mut take = |series: EvalSeries| {
            held.series(&series)?;
            held.entry(&series.labels)?;
            let name = series.labels.metric_name().to_owned();
            let of_name = infos.entry(identity(&series.labels)).or_default();
            of_name.entry(name).or_default().push(series);
            Ok(())
        };
        self.measured(node, &mut take, |sink| self.feed_instant(&select, steps, Take::Time, sink))?;
        Ok((infos, held))
    }
}

/// Adds `series` with the labels of its info series: one for each set of labels that comes of it.
fn enrich(
    series: &EvalSeries,
    infos: Option<&BTreeMap<String, Vec<EvalSeries>>>,
    wanted: &Wanted<'_>,
    steps: Steps,
    all: &mut Vec<EvalSeries>,
) -> Result<(), EngineError> {
    let mut made: FxHashMap<Vec<usize>, Option<usize>> = FxHashMap::default();
    let mut results: Vec<EvalSeries> = Vec::new();
    let by_name: Vec<&Vec<EvalSeries>> = infos.into_iter().flat_map(BTreeMap::values).collect();
    for (step, value) in series.column.iter() {
        // For each name the place of the series that counts; past the end if there is none.
        let mut chosen = Vec::with_capacity(by_name.len());
        for infos in &by_name {
            chosen.push(newest(infos, step)?.unwrap_or(infos.len()));
        }
        let at = match made.get(&chosen) {
            Some(at) => *at,
            None => {
                let infos = by_name.iter().zip(&chosen).filter_map(|(all, at)| all.get(*at));
                let labels = joined(&series.labels, infos, wanted)?;
                let at = labels.map(|labels| {
                    let column = Column::absent(steps.count);
                    let drop_name = series.drop_name;
                    results.push(EvalSeries { labels, column, drop_name, histograms: None });
                    results.len() - 1
                });
                made.insert(chosen, at);
                at
            }
        };
        let Some(result) = at.and_then(|at| results.get_mut(at)) else { continue };
        result.column.set(step, value);
        if let Some(histogram) = series.histogram(step) {
            result.histograms.get_or_insert_default().push(step, Arc::clone(histogram));
        }
    }
    all.append(&mut results);
    Ok(())
}

/// The series with the newest sample at a step.
fn newest(infos: &[EvalSeries], step: usize) -> Result<Option<usize>, EngineError> {
    let mut newest: Option<(usize, f64)> = None;
    for (at, info) in infos.iter().enumerate() {
        let Some(t) = info.column.get(step) else { continue };
        match newest {
            Some((other, other_t)) if other_t == t => {
                let (other, ms) = (&infos[other].labels, (t * 1000.0).round());
                return Err(EngineError::Execution(format!(
                    "found duplicate series for info metric: existing {other} @ {ms}, new {} @ {ms}",
                    info.labels
                )));
            }
            Some((_, other_t)) if other_t > t => {}
            _ => newest = Some((at, t)),
        }
    }
    Ok(newest.map(|(at, _)| at))
}

/// The labels of a series with those of its info series; `None` if it goes, having none.
fn joined<'s>(
    base: &Labels,
    infos: impl Iterator<Item = &'s EvalSeries>,
    wanted: &Wanted<'_>,
) -> Result<Option<Labels>, EngineError> {
    let mut more: BTreeMap<&str, &str> = BTreeMap::new();
    let mut is_matched = false;
    for info in infos {
        is_matched = true;
        for (name, value) in info.labels.iter() {
            if name == METRIC_NAME || !wanted.takes(name) || !base.get(name).is_empty() {
                continue;
            }
            if more.insert(name, value).is_some_and(|other| other != value) {
                return Err(EngineError::Execution(format!("conflicting label: {name}")));
            }
        }
    }
    if !is_matched && !wanted.keeps_unmatched() {
        return Ok(None);
    }
    let mut builder = base.to_builder();
    for (name, value) in more {
        builder.set(name, value);
    }
    Ok(Some(builder.build()))
}

/// What says which info series belong to a series.
fn identity(labels: &Labels) -> Labels {
    labels.filtered(|name| IDENTIFYING.contains(&name))
}

/// An expression that matches this text alone.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}
