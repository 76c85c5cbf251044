//! Every metric of the database, sorted by name; they come behind those of [`super::table`].
#![expect(clippy::cast_precision_loss, reason = "counts and sizes beyond 2^53 do not occur")]

use exposition::MetricType::{Counter, Gauge};

use model::stat::Counter as Counted;
use tsdb::{ByKind, Kind};

use super::{PartSources, Row, Samples, row};

/// Metrics that are there when the server is ready.
pub(super) const DATABASE: &[Row<PartSources>] = &[
    row("prometheus_tsdb_blocks_loaded", Gauge, "Blocks that are served.", |s, out| {
        out.one(s.db.blocks.len() as f64);
    }),
    row(
        "prometheus_tsdb_compactions_failed_total",
        Counter,
        "Times that making a block failed.",
        |s, out| out.one(s.parts.db.counters().compactions_failed.get() as f64),
    ),
    row("prometheus_tsdb_compactions_total", Counter, "Blocks made.", |s, out| {
        out.one(s.parts.db.counters().compactions.get() as f64);
    }),
    row(
        "prometheus_tsdb_exemplar_exemplars_appended_total",
        Counter,
        "Exemplars taken.",
        |s, out| out.one(s.parts.db.counters().exemplars_appended.get() as f64),
    ),
    row(
        "prometheus_tsdb_exemplar_exemplars_in_storage",
        Gauge,
        "Exemplars there are.",
        |s, out| out.one(s.db.exemplars.num_exemplars as f64),
    ),
    row(
        "prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds",
        Gauge,
        "Time of the exemplar that goes next, Unix time.",
        |s, out| out.one(s.db.exemplars.oldest_t as f64 / 1000.0),
    ),
    row("prometheus_tsdb_exemplar_max_exemplars", Gauge, "Exemplars there may be.", |s, out| {
        out.one(s.db.exemplars.max as f64)
    }),
    row(
        "prometheus_tsdb_exemplar_out_of_order_exemplars_total",
        Counter,
        "Exemplars refused because newer ones are there.",
        |s, out| out.one(s.parts.db.counters().exemplars_out_of_order.get() as f64),
    ),
    row(
        "prometheus_tsdb_exemplar_series_with_exemplars_in_storage",
        Gauge,
        "Series with exemplars.",
        |s, out| out.one(s.db.exemplars.num_series as f64),
    ),
    row("prometheus_tsdb_head_chunks", Gauge, "Chunks in the head.", |s, out| {
        out.one(s.db.num_chunks as f64);
    }),
    row(
        "prometheus_tsdb_head_chunks_created_total",
        Counter,
        "Chunks begun in the head.",
        |s, out| out.one(s.parts.db.counters().chunks_created.get() as f64),
    ),
    row(
        "prometheus_tsdb_head_chunks_removed_total",
        Counter,
        "Chunks dropped from the head.",
        |s, out| out.one(s.parts.db.counters().chunks_removed.get() as f64),
    ),
    row("prometheus_tsdb_head_max_time", Gauge, "Newest time in the head, in ms.", |s, out| {
        s.db.head_range.into_iter().for_each(|range| out.one(range.max() as f64));
    }),
    row(
        "prometheus_tsdb_head_max_time_seconds",
        Gauge,
        "Newest time in the head, Unix time.",
        |s, out| s.db.head_range.into_iter().for_each(|range| out.one(whole_seconds(range.max()))),
    ),
    row("prometheus_tsdb_head_min_time", Gauge, "Oldest time in the head, in ms.", |s, out| {
        s.db.head_range.into_iter().for_each(|range| out.one(range.min() as f64));
    }),
    row(
        "prometheus_tsdb_head_min_time_seconds",
        Gauge,
        "Oldest time in the head, Unix time.",
        |s, out| s.db.head_range.into_iter().for_each(|range| out.one(whole_seconds(range.min()))),
    ),
    row(
        "prometheus_tsdb_head_out_of_order_samples_appended_total",
        Counter,
        "Samples taken out of order.",
        |s, out| by_kind(out, &s.parts.db.counters().samples_late),
    ),
    row("prometheus_tsdb_head_samples_appended_total", Counter, "Samples taken.", |s, out| {
        by_kind(out, &s.parts.db.counters().samples_appended);
    }),
    row("prometheus_tsdb_head_series", Gauge, "Series in the head.", |s, out| {
        out.one(s.db.num_series as f64);
    }),
    row(
        "prometheus_tsdb_head_series_created_total",
        Counter,
        "Series begun in the head.",
        |s, out| out.one(s.parts.db.counters().series_created.get() as f64),
    ),
    row(
        "prometheus_tsdb_head_series_removed_total",
        Counter,
        "Series dropped from the head.",
        |s, out| out.one(s.parts.db.counters().series_removed.get() as f64),
    ),
    row(
        "prometheus_tsdb_head_truncations_total",
        Counter,
        "Times that old samples were dropped from the head.",
        |s, out| out.one(s.parts.db.counters().head_truncations.get() as f64),
    ),
    row("prometheus_tsdb_lowest_timestamp", Gauge, "Oldest time anywhere, in ms.", |s, out| {
        s.db.lowest_time.into_iter().for_each(|t| out.one(t as f64));
    }),
    row(
        "prometheus_tsdb_lowest_timestamp_seconds",
        Gauge,
        "Oldest time anywhere, Unix time.",
        |s, out| s.db.lowest_time.into_iter().for_each(|t| out.one(whole_seconds(t))),
    ),
    row(
        "prometheus_tsdb_out_of_bound_samples_total",
        Counter,
        "Samples refused as too old.",
        |s, out| by_kind(out, &s.parts.db.counters().samples_out_of_bounds),
    ),
    row(
        "prometheus_tsdb_out_of_order_samples_total",
        Counter,
        "Samples refused because newer ones are there.",
        |s, out| by_kind(out, &s.parts.db.counters().samples_out_of_order),
    ),
    row(
        "prometheus_tsdb_reloads_total",
        Counter,
        "Times that the list of blocks changed.",
        |s, out| out.one(s.parts.db.counters().reloads.get() as f64),
    ),
    row(
        "prometheus_tsdb_retention_limit_bytes",
        Gauge,
        "Bytes all may take; 0 if there is no limit.",
        |s, out| out.one(s.parts.db.retention().bytes as f64),
    ),
    row(
        "prometheus_tsdb_retention_limit_percentage",
        Gauge,
        "Hundredths of the disk all may take; 0 if there is no limit.",
        |s, out| out.one(s.parts.db.retention().percentage),
    ),
    row(
        "prometheus_tsdb_retention_limit_seconds",
        Gauge,
        "How long samples are kept; 0 if forever.",
        |s, out| out.one(s.parts.db.retention().ms as f64 / 1000.0),
    ),
    row(
        "prometheus_tsdb_size_retentions_total",
        Counter,
        "Blocks removed because of the limit on bytes.",
        |s, out| out.one(s.parts.db.counters().blocks_gone_by_size.get() as f64),
    ),
    row(
        "prometheus_tsdb_snapshot_replay_error_total",
        Counter,
        "Times that a saved head was damaged, and the log replayed instead.",
        |s, out| out.one(s.parts.db.counters().snapshots_refused.get() as f64),
    ),
    row("prometheus_tsdb_storage_blocks_bytes", Gauge, "Bytes of all blocks.", |s, out| {
        out.one(s.db.blocks_bytes as f64);
    }),
    row(
        "prometheus_tsdb_time_retentions_total",
        Counter,
        "Blocks removed because of their age.",
        |s, out| out.one(s.parts.db.counters().blocks_gone_by_time.get() as f64),
    ),
    row(
        "prometheus_tsdb_too_old_samples_total",
        Counter,
        "Samples refused as older than the window for samples out of order.",
        |s, out| by_kind(out, &s.parts.db.counters().samples_too_old),
    ),
    row(
        "prometheus_tsdb_wal_corruptions_total",
        Counter,
        "Damaged records met in the write-ahead log.",
        |s, out| out.one(s.parts.db.counters().wal_corruptions.get() as f64),
    ),
    row(
        "prometheus_tsdb_wal_storage_size_bytes",
        Gauge,
        "Bytes of the write-ahead log.",
        |s, out| out.one(s.db.wal_bytes as f64),
    ),
    row(
        "prometheus_tsdb_wal_truncations_failed_total",
        Counter,
        "Segments of the write-ahead log that could not be removed.",
        |s, out| out.one(s.parts.db.counters().wal_truncations_failed.get() as f64),
    ),
    row(
        "prometheus_tsdb_wal_truncations_total",
        Counter,
        "Times that segments of the write-ahead log were removed.",
        |s, out| out.one(s.parts.db.counters().wal_truncations.get() as f64),
    ),
    row(
        "prometheus_tsdb_wal_writes_failed_total",
        Counter,
        "Writes to the write-ahead log that failed.",
        |s, out| out.one(s.parts.db.counters().wal_writes_failed.get() as f64),
    ),
];

/// A count for each kind of sample.
fn by_kind(out: &mut Samples<'_>, counts: &ByKind<Counted>) {
    for (name, kind) in [("float", Kind::Float), ("histogram", Kind::Histogram)] {
        out.labelled(&[("type", name)], counts[kind].get() as f64);
    }
}

/// A time in ms as whole seconds, rounded down.
fn whole_seconds(t: i64) -> f64 {
    t.div_euclid(1000) as f64
}
