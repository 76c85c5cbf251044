//! `analyze`: which labels a block is made of, and how they churn, as promtool tells it.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use model::TimeRange;
use model::labels::METRIC_NAME;
use storage::{Queryable, SelectHints};
use tsdb::offline::{self, StoredBlock};

use super::list::duration;
use super::{Bench, ToolError};

/// Of a label value: how many series have it, and for how long in all they were not there, ms.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    series: u64,
    absent_ms: u64,
}

/// Label values by name.
type Labels = BTreeMap<String, BTreeMap<String, Share>>;

/// Tells about one block of a directory.
pub(super) fn run(bench: &mut Bench<'_>) -> Result<(), ToolError> {
    let limit = bench.text("limit").parse::<usize>();
    let limit = limit.map_err(|_| ToolError::Usage("--limit takes a number".to_owned()))?;
    let dir = bench.dir()?;
    let io = |source| ToolError::Io { action: "list", path: dir.to_owned(), source };
    let (blocks, _) = offline::stored(dir).map_err(io)?;
    let wanted = bench.text("block id");
    let block = match wanted {
        "" => blocks.iter().max_by_key(|block| block.meta().ulid),
        wanted => blocks.iter().find(|block| block.meta().ulid.to_string() == wanted),
    };
    let missing = || ToolError::Input {
        path: dir.to_owned(),
        message: format!("no block {wanted} that opens").replace("  ", " "),
    };
    let block = block.ok_or_else(missing)?;
    let labels = shares(bench, block)?;
    bench.progress.clear();
    let meta = block.meta();
    let span_ms = meta.max_time.abs_diff(meta.min_time);
    let pairs: usize = labels.values().map(BTreeMap::len).sum();
    let entries: u64 = labels.values().flat_map(BTreeMap::values).map(|share| share.series).sum();
    let out = &mut *bench.out;
    writeln!(out, "Block ID: {}", meta.ulid)?;
    writeln!(out, "Duration: {}", duration(meta.max_time.saturating_sub(meta.min_time)))?;
    writeln!(out, "Total Series: {}", meta.stats.num_series)?;
    writeln!(out, "Label names: {}", labels.len())?;
    writeln!(out, "Postings (unique label pairs): {pairs}")?;
    writeln!(out, "Postings entries (total label pairs): {entries}")?;
    lists(out, &labels, span_ms, limit)?;
    Ok(())
}

fn shares(bench: &mut Bench<'_>, block: &StoredBlock) -> Result<Labels, ToolError> {
    let selectors = bench.selectors()?;
    let matchers = match &selectors[..] {
        [] => &[],
        [matchers] => &matchers[..],
        _ => return Err(ToolError::Usage("--match may be given once".to_owned())),
    };
    let span_ms = block.meta().max_time.abs_diff(block.meta().min_time);
    let querier = block.querier(TimeRange::ALL)?;
    let mut labels = Labels::new();
    for (done, series) in querier.select(matchers, &SelectHints::default())?.enumerate() {
        let series = series?;
        let ends = series.chunks().first().zip(series.chunks().last());
        let there_ms = ends.map_or(0, |(first, last)| last.max_t.abs_diff(first.min_t));
        for (name, value) in series.labels() {
            if !labels.contains_key(name) {
                labels.insert(name.to_owned(), BTreeMap::new());
            }
            let values = labels.get_mut(name).expect("put there if need be");
            if !values.contains_key(value) {
                values.insert(value.to_owned(), Share::default());
            }
            let share = values.get_mut(value).expect("put there if need be");
            share.series += 1;
            share.absent_ms += span_ms.saturating_sub(there_ms);
        }
        bench.progress.show(|| format!("{done} series of {}", block.meta().stats.num_series));
    }
    Ok(labels)
}

fn lists(out: &mut dyn Write, labels: &Labels, span_ms: u64, limit: usize) -> io::Result<()> {
    let spans = |absent_ms: u64| absent_ms.checked_div(span_ms).unwrap_or(0);
    let pairs = || labels.iter().flat_map(|(n, all)| all.iter().map(move |(v, s)| (n, v, s)));
    let pair = |name: &str, value: &str| format!("{name}={value}");
    let churning = pairs().map(|(n, v, share)| (spans(share.absent_ms), pair(n, v)));
    list(out, "Label pairs most involved in churning", churning, limit)?;
    let absent: HashMap<&str, u64> = labels
        .iter()
        .map(|(name, values)| (name.as_str(), values.values().map(|s| s.absent_ms).sum()))
        .collect();
    let churning = labels.keys().map(|name| (spans(absent[name.as_str()]), name.clone()));
    list(out, "Label names most involved in churning", churning, limit)?;
    let common = pairs().map(|(n, v, share)| (share.series, pair(n, v)));
    list(out, "Most common label pairs", common, limit)?;
    let length = |values: &BTreeMap<String, Share>| values.keys().map(|v| v.len() as u64).sum();
    let lengths = labels.iter().map(|(name, values)| (length(values), name.clone()));
    list(out, "Label names with highest cumulative label value length", lengths, limit)?;
    let cardinalities = labels.iter().map(|(name, values)| (values.len() as u64, name.clone()));
    list(out, "Highest cardinality labels", cardinalities, limit)?;
    let names = labels.get(METRIC_NAME).into_iter().flatten();
    let names = names.map(|(name, share)| (share.series, name.clone()));
    list(out, "Highest cardinality metric names", names, limit)
}

/// The first `limit` of a list, largest first; equal ones by name.
fn list(
    out: &mut dyn Write,
    title: &str,
    items: impl Iterator<Item = (u64, String)>,
    limit: usize,
) -> io::Result<()> {
    let mut items: Vec<_> = items.collect();
    items.sort_by(|(a, name_a), (b, name_b)| b.cmp(a).then_with(|| name_a.cmp(name_b)));
    writeln!(out, "\n{title}:")?;
    for (count, name) in items.iter().take(limit) {
        writeln!(out, "{count} {name}")?;
    }
    Ok(())
}
