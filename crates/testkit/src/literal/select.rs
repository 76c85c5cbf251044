//! What selectors and subqueries see.

use std::rc::Rc;

use model::sample::is_stale;
use model::{Labels, Matcher, TimeRange, Timestamp};
use promql::SampleValue;
use promql::ast::{At, BinaryOp, DurationExpr, RangeSelector, Selector, Shift, Subquery};
use storage::{Columns, Queryable, SelectHints};

use super::{Literal, LiteralError, Matrix, Moment, Sample, Samples, Times, refused, unknown};

/// Every series of a store with all its samples, floats and histograms in one list.
pub(super) fn everything(store: &dyn Queryable) -> Result<Matrix, LiteralError> {
    let always = TimeRange::new(i64::MIN, i64::MAX).expect("it is the whole range");
    let querier = store.querier(always)?;
    let any = Matcher::equal("a label that no series has", "");
    let mut all = Vec::new();
    for series in querier.select(&[any], &SelectHints::default())? {
        let mut series = series?;
        let mut columns = Columns::default();
        series.read(always, &mut columns)?;
        let floats = columns.values.into_iter().map(SampleValue::Float);
        let histograms = columns.histograms.into_iter().map(Box::new).map(SampleValue::Histogram);
        let mut samples: Samples = columns.timestamps.into_iter().zip(floats).collect();
        samples.extend(columns.histogram_timestamps.into_iter().zip(histograms));
        samples.sort_by_key(|(t, _)| *t);
        all.push((series.labels().clone(), samples));
    }
    Ok(all)
}

/// Whether a sample says that its series has ended.
fn ends_series(value: &SampleValue) -> bool {
    match value {
        SampleValue::Float(v) => is_stale(*v),
        SampleValue::Histogram(h) => is_stale(h.sum),
    }
}

impl Literal {
    fn selected(&self, matchers: &[Matcher]) -> impl Iterator<Item = &(Labels, Samples)> {
        self.series.iter().filter(|(labels, _)| matchers.iter().all(|m| m.matches_labels(labels)))
    }

    /// The newest sample of each series that is not too old and does not end it.
    pub(super) fn instant(
        &self,
        selector: &Selector,
        t: Timestamp,
    ) -> Result<Vec<(Labels, Sample)>, LiteralError> {
        if selector.extension.is_some() {
            return unknown("anchored and smoothed");
        }
        let end = self.looked_at(&selector.shift, t)?;
        self.newest(selector, end, end - self.lookback_ms)
    }

    /// The same as `timestamp` asks for it: where `@` fixes the time, what is read for `offset` is then
    /// looked at from that time.
    pub(super) fn instant_of_timestamp(
        &self,
        selector: &Selector,
        t: Timestamp,
    ) -> Result<Vec<(Labels, Sample)>, LiteralError> {
        if selector.extension.is_some() || selector.shift.at.is_none() {
            return self.instant(selector, t);
        }
        let read = self.looked_at(&selector.shift, t)?;
        let fixed = self.looked_at(&Shift { offset: None, at: selector.shift.at }, t)?;
        self.newest(selector, read.min(fixed), read.max(fixed) - self.lookback_ms)
    }

    /// The newest sample of each series up to `end` that comes behind `after` and does not end it.
    fn newest(
        &self,
        selector: &Selector,
        end: Timestamp,
        after: Timestamp,
    ) -> Result<Vec<(Labels, Sample)>, LiteralError> {
        let mut found = Vec::new();
        for (labels, samples) in self.selected(&selector.matchers) {
            let newest = samples.iter().rfind(|(t, _)| *t <= end);
            if let Some((t, value)) = newest
                && *t > after
                && !ends_series(value)
            {
                found.push((labels.clone(), (*t, value.clone())));
            }
        }
        Ok(found)
    }

    /// The samples of each series in a range, which is open to the left.
    pub(super) fn window_of(
        &self,
        range: &RangeSelector,
        t: Timestamp,
    ) -> Result<Matrix, LiteralError> {
        if range.selector.extension.is_some() {
            return unknown("anchored and smoothed");
        }
        let end = self.looked_at(&range.selector.shift, t)?;
        let start = end - self.range_ms(&range.range)?;
        let mut found = Vec::new();
        for (labels, samples) in self.selected(&range.selector.matchers) {
            let inside = samples.iter().filter(|(t, v)| start < *t && *t <= end && !ends_series(v));
            let inside: Samples = inside.cloned().collect();
            if !inside.is_empty() {
                found.push((labels.clone(), inside));
            }
        }
        Ok(found)
    }

    /// The points of a subquery in its range, which is open to the left.
    pub(super) fn subquery(&self, subquery: &Subquery, at: Moment) -> Result<Matrix, LiteralError> {
        let end = self.looked_at(&subquery.shift, at.t)?;
        let start = end - self.range_ms(&subquery.range)?;
        let mut found = Vec::new();
        for (labels, points) in self.points(subquery, at.times)?.iter() {
            let inside = points.iter().filter(|(t, _)| start < *t && *t <= end);
            let inside: Samples = inside.cloned().collect();
            if !inside.is_empty() {
                found.push((labels.clone(), inside));
            }
        }
        Ok(found)
    }

    /// What a subquery means at each multiple of its step that one of the outer `times` might see.
    fn points(&self, subquery: &Subquery, times: Times) -> Result<Rc<Matrix>, LiteralError> {
        if let Some(points) = self.subqueries.borrow().get(&subquery.span) {
            return Ok(Rc::clone(points));
        }
        let step_ms = match &subquery.step {
            Some(step) => self.range_ms(step)?,
            None => self.subquery_step_ms,
        };
        let edge =
            self.looked_at(&subquery.shift, times.start)? - self.range_ms(&subquery.range)?;
        let inner = Times {
            start: (edge.div_euclid(step_ms) + 1) * step_ms,
            end: self.looked_at(&subquery.shift, times.last())?,
            step_ms,
        };
        let mut all: Matrix = Vec::new();
        for t in inner.all() {
            for (labels, value) in self.vector(&subquery.operand, Moment { t, times: inner })? {
                match all.iter_mut().find(|(known, _)| *known == labels) {
                    Some((_, points)) => points.push((t, value)),
                    None => all.push((labels, vec![(t, value)])),
                }
            }
        }
        let all = Rc::new(all);
        self.subqueries.borrow_mut().insert(subquery.span, Rc::clone(&all));
        Ok(all)
    }

    /// Where a selector at `t` looks: `offset` counts from where `@` points.
    pub(super) fn looked_at(&self, shift: &Shift, t: Timestamp) -> Result<Timestamp, LiteralError> {
        let t = match shift.at {
            None => t,
            Some(At::Time(at)) => at,
            Some(At::Start) => self.times.start,
            Some(At::End) => self.times.end,
        };
        let offset = match &shift.offset {
            Some(offset) => milliseconds(self.seconds(offset)?),
            None => 0,
        };
        Ok(t - offset)
    }

    /// The length of a range or a step.
    pub(super) fn range_ms(&self, duration: &DurationExpr) -> Result<i64, LiteralError> {
        match milliseconds(self.seconds(duration)?) {
            ms if ms > 0 => Ok(ms),
            _ => refused("duration must be greater than 0"),
        }
    }

    fn seconds(&self, duration: &DurationExpr) -> Result<f64, LiteralError> {
        Ok(match duration {
            DurationExpr::Literal { ms, .. } => *ms as f64 / 1000.0,
            DurationExpr::Step(_) => self.times.step_ms as f64 / 1000.0,
            DurationExpr::Range(_) => (self.times.end - self.times.start) as f64 / 1000.0,
            DurationExpr::Paren(inner, _) => self.seconds(inner)?,
            DurationExpr::Unary { negative: true, operand, .. } => -self.seconds(operand)?,
            DurationExpr::Unary { operand, .. } => self.seconds(operand)?,
            DurationExpr::Binary { op, left, right, .. } => {
                let (left, right) = (self.seconds(left)?, self.seconds(right)?);
                match op {
                    BinaryOp::Div | BinaryOp::Mod if right == 0.0 => {
                        return refused("division by zero");
                    }
                    op => super::operator::calculated(*op, left, right)?,
                }
            }
            DurationExpr::Choose { max, left, right, .. } => {
                let (left, right) = (self.seconds(left)?, self.seconds(right)?);
                if *max { left.max(right) } else { left.min(right) }
            }
        })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a duration of a test is short")]
fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}
