//! Ranges as they are: what an instant query for a range selector or a subquery answers.

use model::sample::is_stale;
use storage::Columns;

use super::Evaluator;
use super::held::{Held, histogram_samples};
use super::looked::Looked;
use super::reader::{read_in_pieces, read_ranges};
use super::steps::Steps;
use crate::error::EngineError;
use crate::plan::{SelectNode, SubqueryNode};
use crate::value::MatrixSeries;

impl Evaluator<'_> {
    /// The samples a range selector sees at the first step, stale markers left out.
    pub(crate) fn samples(
        &self,
        select: &SelectNode<'_>,
        steps: Steps,
    ) -> Result<(Vec<MatrixSeries>, Held), EngineError> {
        let mut held = self.budget.held();
        if let Some(extension) = select.extension {
            let text = "modifier can only be used within a function of ranges";
            return Err(EngineError::Execution(format!("{} {text}", extension.as_str())));
        }
        let Some(querier) = self.querier else { return Ok((Vec::new(), held)) };
        let moment = Steps::single(select.shift.apply(steps.start));
        let hints = storage::SelectHints {
            range_ms: select.back_ms,
            stop: self.budget.stop(),
            ..storage::SelectHints::default()
        };
        let mut all = Vec::new();
        let mut columns = Columns::default();
        let reads = self.reads();
        for series in self.selected(querier.select(select.matchers, &hints))? {
            self.budget.check()?;
            let mut series = series?;
            columns.clear();
            let ranges = read_ranges(series.chunks(), moment, select.back_ms);
            let mut scratch = self.budget.held();
            read_in_pieces(series.as_mut(), &ranges, &mut columns, self.budget, &mut scratch)?;
            if let Some(reads) = &reads {
                reads.count(series.chunks(), &ranges, columns.len());
            }
            held.matrix(&columns, series.labels())?;
            let samples = columns.timestamps.iter().copied().zip(columns.values.iter().copied());
            let mut floats = Vec::with_capacity(columns.timestamps.len());
            floats.extend(samples.filter(|(_, value)| !is_stale(*value)));
            let times = columns.histogram_timestamps.iter().copied();
            let histograms = times.zip(columns.histograms.iter().cloned());
            let histograms: Vec<_> = histograms.filter(|(_, h)| !is_stale(h.sum)).collect();
            let sizes: usize = histograms.iter().map(|(_, h)| histogram_samples(h)).sum();
            let looked_at = (floats.len() + sizes) as u64;
            self.count_everywhere(looked_at, 1);
            self.budget.count_read(looked_at);
            if !floats.is_empty() || !histograms.is_empty() {
                let labels = series.labels().clone();
                all.push(MatrixSeries { labels, floats, histograms });
            }
        }
        self.note_reads(reads.as_ref());
        self.note_handed_on(all.len());
        Ok((all, held))
    }

    /// The points of a subquery that is evaluated at one step.
    pub(crate) fn points(
        &self,
        subquery: &SubqueryNode<'_>,
    ) -> Result<(Vec<MatrixSeries>, Held), EngineError> {
        let (collected, _) = self.apart(|| self.collect(&subquery.operand, subquery.inner));
        let (mut series, held) = collected?;
        if self.delayed_names {
            series.iter_mut().filter(|one| one.drop_name).for_each(|one| {
                one.labels = super::series::drop_name(&one.labels);
            });
            series = super::series::join_equal(series, self.budget)?;
        }
        self.note_handed_on(series.len());
        let mut points = Looked::none(None);
        series.iter().for_each(|one| points.series(one));
        self.count_everywhere(points.total, 1);
        let matrix = series.into_iter().map(|one| one.into_matrix(subquery.inner)).collect();
        Ok((matrix, held))
    }
}
