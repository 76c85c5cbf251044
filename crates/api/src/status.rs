//! `/api/v1/status/…`: the configuration, the flags, the build, the process, the head, the replay.

use std::collections::BTreeMap;

use axum::extract::State;
use model::{TimeRange, Timestamp};
use serde::Serialize;
use tsdb::{Ranked, ReplayStatus};

use crate::client::Client;
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::params::{Params, parse_int};
use crate::ready::Ready;
use crate::state::AppState;
use crate::time_text::{Precision, rfc3339};

/// How many entries the lists of `/api/v1/status/tsdb` have unless it is said.
const DEFAULT_LIMIT: usize = 10;

#[derive(Serialize)]
struct Config<'a> {
    yaml: &'a str,
}

pub(crate) async fn config(State(state): State<AppState>, _: Ready) -> Envelope {
    Envelope::of(&Config { yaml: &state.config().yaml })
}

pub(crate) async fn flags(State(state): State<AppState>, _: Ready) -> Envelope {
    Envelope::of::<BTreeMap<_, _>>(&state.facts().flags)
}

/// Six texts and no `features`: with that key, even an empty one, Grafana takes a server for Mimir.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BuildInfoView<'a> {
    version: &'a str,
    revision: &'a str,
    branch: &'a str,
    build_user: &'a str,
    build_date: &'a str,
    go_version: &'a str,
}

pub(crate) fn build_info(state: &AppState) -> BuildInfoView<'_> {
    let build = state.build();
    BuildInfoView {
        version: &build.version,
        revision: &build.revision,
        branch: &build.branch,
        build_user: &build.build_user,
        build_date: &build.build_date,
        go_version: &build.compiler,
    }
}

pub(crate) async fn build(State(state): State<AppState>, _: Ready) -> Envelope {
    Envelope::of(&build_info(&state))
}

/// What Go's runtime would say is there, for clients that want every key, with what is nearest.
#[derive(Serialize)]
struct RuntimeInfo<'a> {
    #[serde(rename = "startTime")]
    start_time: String,
    #[serde(rename = "CWD")]
    working_directory: &'a str,
    hostname: &'a str,
    #[serde(rename = "serverTime")]
    server_time: String,
    #[serde(rename = "reloadConfigSuccess")]
    reload_succeeded: bool,
    #[serde(rename = "lastConfigTime")]
    reload_time: String,
    #[serde(rename = "corruptionCount")]
    corruptions: u64,
    #[serde(rename = "goroutineCount")]
    tasks: usize,
    #[serde(rename = "GOMAXPROCS")]
    threads: usize,
    #[serde(rename = "GOMEMLIMIT")]
    memory_limit: i64,
    #[serde(rename = "GOGC")]
    gogc: &'a str,
    #[serde(rename = "GODEBUG")]
    godebug: &'a str,
    #[serde(rename = "storageRetention")]
    retention: &'a str,
}

pub(crate) async fn runtime(State(state): State<AppState>, Ready(parts): Ready) -> Envelope {
    let facts = state.facts();
    let (reload_succeeded, reload_time) = state.reload_status();
    let runtime = tokio::runtime::Handle::current();
    Envelope::of(&RuntimeInfo {
        start_time: rfc3339(facts.start_time, Precision::Ms),
        working_directory: &facts.working_directory,
        hostname: &facts.hostname,
        server_time: rfc3339(state.clock().now_ms(), Precision::Ms),
        reload_succeeded,
        reload_time: rfc3339(reload_time, Precision::Seconds),
        corruptions: parts.db.counters().wal_corruptions.get(),
        tasks: runtime.metrics().num_alive_tasks(),
        threads: runtime.metrics().num_workers(),
        memory_limit: i64::MAX,
        gogc: "",
        godebug: "",
        retention: &facts.storage_retention,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TsdbStatus {
    head_stats: HeadStats,
    series_count_by_metric_name: Vec<Count>,
    label_value_count_by_label_name: Vec<Count>,
    memory_in_bytes_by_label_name: Vec<Count>,
    series_count_by_label_value_pair: Vec<Count>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadStats {
    num_series: u64,
    num_label_pairs: u64,
    chunk_count: u64,
    min_time: Timestamp,
    max_time: Timestamp,
}

#[derive(Serialize)]
struct Count {
    name: String,
    value: u64,
}

pub(crate) async fn tsdb(
    State(state): State<AppState>,
    Ready(parts): Ready,
    client: Client,
    params: Params,
) -> Result<Envelope, ApiError> {
    let limit = match params.first("limit") {
        "" => DEFAULT_LIMIT,
        text => parse_int(text)
            .ok()
            .and_then(|limit| usize::try_from(limit).ok())
            .filter(|limit| *limit > 0)
            .ok_or_else(|| ApiError::bad_data("limit must be a positive number"))?,
    };
    let ask = state.ask(&parts, client, "tsdb", "");
    let counted = state.pool().run(ask, move |_| {
        let counted = parts.db.cardinality(limit).map_err(|e| ApiError::internal(e.to_string()))?;
        Ok((parts.db.status(), counted))
    });
    let (head, counted) = counted.await?;
    let list = |ranked: Vec<Ranked>| {
        ranked.into_iter().map(|r| Count { name: r.name, value: r.value }).collect()
    };
    Ok(Envelope::of(&TsdbStatus {
        head_stats: HeadStats {
            num_series: counted.num_series,
            num_label_pairs: counted.num_label_pairs,
            chunk_count: head.num_chunks,
            // An empty head begins after it ends, as in Prometheus.
            min_time: head.head_range.map_or(Timestamp::MAX, TimeRange::min),
            max_time: head.head_range.map_or(Timestamp::MIN, TimeRange::max),
        },
        series_count_by_metric_name: list(counted.series_by_metric),
        label_value_count_by_label_name: list(counted.values_by_label),
        memory_in_bytes_by_label_name: list(counted.bytes_by_label),
        series_count_by_label_value_pair: list(counted.series_by_pair),
    }))
}

/// How far the replay of the log is, in numbers of its segments; also while the server is not ready.
#[derive(Serialize)]
struct WalReplay {
    min: u64,
    max: u64,
    current: u64,
}

pub(crate) async fn wal_replay(State(state): State<AppState>) -> Envelope {
    let ReplayStatus { min, max, current } = state.replay().status();
    Envelope::of(&WalReplay { min, max, current })
}

/// What the server has to tell its users: nothing, so far.
pub(crate) async fn notifications() -> Envelope {
    Envelope::of::<[(); 0]>(&[])
}
