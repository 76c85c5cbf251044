//! `dump` and `dump-openmetrics`: every sample as a line of text.

use std::io::{self, Write};

use model::Labels;
use model::float::General;
use model::labels::Quoted;
use model::sample::is_stale;
use storage::{Columns, Queryable, SelectHints};

use super::{Bench, ToolError};

/// How a sample is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `{labels} value milliseconds`.
    Samples,
    /// `name{labels} value seconds`.
    OpenMetrics,
}

/// Prints the samples of a database.
pub(super) fn run(bench: &mut Bench<'_>, form: Form) -> Result<(), ToolError> {
    let (range, selectors) = (bench.range()?, bench.selectors()?);
    let sandbox = bench.sandbox()?;
    let querier = sandbox.querier(range)?;
    let hints = SelectHints::default();
    let sets = selectors.iter().map(|matchers| querier.select(matchers, &hints));
    let mut columns = Columns::default();
    for (done, series) in storage::merge(sets.collect::<Result<_, _>>()?).enumerate() {
        let mut series = series?;
        columns.clear();
        series.read(range, &mut columns)?;
        match form {
            Form::Samples => samples(bench.out, series.labels(), &columns)?,
            Form::OpenMetrics => openmetrics(bench.out, series.labels(), &columns)?,
        }
        bench.progress.show(|| format!("{done} series"));
    }
    if form == Form::OpenMetrics {
        writeln!(bench.out, "# EOF")?;
    }
    Ok(())
}

/// The samples of a series in order of time, histograms among them.
fn samples(out: &mut dyn Write, labels: &Labels, columns: &Columns) -> io::Result<()> {
    let labels = labels.to_string();
    let mut histograms = columns.histogram_timestamps.iter().zip(&columns.histograms).peekable();
    for (t, value) in columns.timestamps.iter().zip(&columns.values) {
        while let Some((at, histogram)) = histograms.next_if(|(at, _)| *at < t) {
            writeln!(out, "{labels} {histogram} {at}")?;
        }
        writeln!(out, "{labels} {} {t}", General(*value))?;
    }
    for (at, histogram) in histograms {
        writeln!(out, "{labels} {histogram} {at}")?;
    }
    Ok(())
}

fn openmetrics(out: &mut dyn Write, labels: &Labels, columns: &Columns) -> io::Result<()> {
    let mut series = format!("{}{{", labels.metric_name());
    for (i, (name, value)) in labels.without_name().iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        series.push_str(&format!("{comma}{name}={}", Quoted(value)));
    }
    series.push('}');
    for (t, value) in columns.timestamps.iter().zip(&columns.values) {
        if !is_stale(*value) {
            let (sign, ms) = (if *t < 0 { "-" } else { "" }, t.unsigned_abs());
            let value = General(*value);
            writeln!(out, "{series} {value} {sign}{}.{:03}", ms / 1000, ms % 1000)?;
        }
    }
    Ok(())
}
