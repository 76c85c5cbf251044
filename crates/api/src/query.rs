//! `/api/v1/query`, `/api/v1/query_range`, `/api/v1/format_query`, `/api/v1/parse_query`.

use std::cell::RefCell;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use model::Timestamp;
use promql::ast::Expr;
use promql::{Answer, QueryOptions, Value};

use crate::client::Client;
use crate::envelope::{Envelope, cut};
use crate::error::ApiError;
use crate::params::{Params, parse_bool, parse_duration};
use crate::query_pool::{Ask, Turn};
use crate::ready::Ready;
use crate::state::{AppState, Parts};
use crate::{encode, explain, parse_tree};

/// A range query may not have more steps than this, and one.
const MAX_POINTS: i128 = 11_000;

const NS_PER_MS: i64 = 1_000_000;

/// What instant and range queries have in common.
struct Asked {
    text: String,
    expr: Expr,
    limit: usize,
    with_stats: bool,
    per_step_stats: bool,
    explain: bool,
    lookback_delta_ms: Option<i64>,
    timeout: Duration,
}

/// When a query is evaluated.
#[derive(Clone, Copy)]
enum When {
    At(Timestamp),
    Range { start: Timestamp, end: Timestamp, step_ms: i64 },
}

pub(crate) async fn instant(
    State(state): State<AppState>,
    Ready(parts): Ready,
    client: Client,
    params: Params,
) -> Response {
    let asked = || {
        let limit = params.limit()?;
        let t = params.time("time", state.clock().now_ms())?;
        Ok((asked(&state, &parts, &params, limit)?, When::At(t)))
    };
    let asked = asked();
    answer(&state, parts, client, asked).await
}

pub(crate) async fn range(
    State(state): State<AppState>,
    Ready(parts): Ready,
    client: Client,
    params: Params,
) -> Response {
    let asked = || {
        let limit = params.limit()?;
        let when = range_of(&params)?;
        Ok((asked(&state, &parts, &params, limit)?, when))
    };
    let asked = asked();
    answer(&state, parts, client, asked).await
}

pub(crate) async fn format(Ready(parts): Ready, params: Params) -> Result<Envelope, ApiError> {
    let expr = parse(&parts, params.first("query"))?;
    Ok(Envelope::of(&promql::pretty(&expr)))
}

pub(crate) async fn tree(Ready(parts): Ready, params: Params) -> Result<Envelope, ApiError> {
    let expr = parse(&parts, params.first("query"))?;
    Ok(Envelope::of(&parse_tree::value(&expr)))
}

/// A query's tree, or what is wrong with its text.
fn parse(parts: &Parts, query: &str) -> Result<Expr, ApiError> {
    parts.engine.parse(query).map_err(|error| ApiError::parameter("query", error))
}

fn range_of(params: &Params) -> Result<When, ApiError> {
    let start = params.required_time("start")?;
    let end = params.required_time("end")?;
    if end < start {
        let problem = "end timestamp must not be before start time";
        return Err(ApiError::parameter("end", problem));
    }
    let step_ns =
        parse_duration(params.first("step")).map_err(|p| ApiError::parameter("step", p))?;
    let no_step = || {
        let problem = "zero or negative query resolution step widths are not accepted. Try a \
                       positive integer";
        ApiError::parameter("step", problem)
    };
    if step_ns <= 0 {
        return Err(no_step());
    }
    let range_ns = i128::from(end.saturating_sub(start)) * i128::from(NS_PER_MS);
    if range_ns / i128::from(step_ns) > MAX_POINTS {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query \
             resolution (?step=XX)",
        ));
    }
    // Times are in ms: a shorter step would be none.
    match step_ns / NS_PER_MS {
        0 => Err(no_step()),
        step_ms => Ok(When::Range { start, end, step_ms }),
    }
}

fn asked(
    state: &AppState,
    parts: &Parts,
    params: &Params,
    limit: usize,
) -> Result<Asked, ApiError> {
    let mut timeout = state.options().query_timeout;
    if let text @ [_, ..] = params.first("timeout").as_bytes() {
        let text = str::from_utf8(text).expect("it was a text");
        let ns = parse_duration(text).map_err(|p| ApiError::parameter("timeout", p))?;
        timeout = timeout.min(Duration::from_nanos(ns.max(0).unsigned_abs()));
    }
    let lookback_delta_ms = match params.first("lookback_delta") {
        "" => None,
        text => {
            let ns = parse_duration(text).map_err(|problem| {
                ApiError::bad_data(format!("error parsing lookback delta duration: {problem}"))
            })?;
            // None and less than none mean the default, as in Prometheus.
            Some(ns / NS_PER_MS).filter(|ms| *ms > 0)
        }
    };
    let text = params.first("query").to_owned();
    let expr = parse(parts, &text)?;
    let with_stats = !params.first("stats").is_empty();
    let per_step_stats = params.first("stats") == "all";
    let explain = match params.first("explain") {
        "" => false,
        text => parse_bool(text).map_err(|problem| ApiError::parameter("explain", problem))?,
    };
    Ok(Asked { text, expr, limit, with_stats, per_step_stats, explain, lookback_delta_ms, timeout })
}

async fn answer(
    state: &AppState,
    parts: Parts,
    client: Client,
    asked: Result<(Asked, When), ApiError>,
) -> Response {
    let (asked, when) = match asked {
        Ok(asked) => asked,
        Err(error) => return error.into_response(),
    };
    let kind = match when {
        When::At(_) => "instant",
        When::Range { .. } => "range",
    };
    let ask = Ask { timeout: asked.timeout, ..state.ask(&parts, client, kind, &asked.text) };
    let answer = state.pool().run(ask, move |turn| evaluate(&parts, &asked, when, &turn)).await;
    answer.into_response()
}

fn evaluate(parts: &Parts, asked: &Asked, when: When, turn: &Turn) -> Result<Envelope, ApiError> {
    let options = QueryOptions {
        lookback_delta_ms: asked.lookback_delta_ms,
        timeout: Some(asked.timeout.saturating_sub(turn.queued)),
        cancel: turn.tracked.cancel().clone(),
        usage: turn.tracked.usage().clone(),
        explain: asked.explain,
        per_step_stats: asked.per_step_stats,
    };
    let (engine, store) = (&parts.engine, parts.db.as_ref());
    let answer = match when {
        When::At(t) => engine.instant(store, &asked.expr, t, &options),
        When::Range { start, end, step_ms } => {
            engine.range(store, &asked.expr, start, end, step_ms, &options)
        }
    };
    envelope(asked, answer?, turn)
}

fn envelope(asked: &Asked, mut answer: Answer, turn: &Turn) -> Result<Envelope, ApiError> {
    let mut warnings = answer.annotations.warnings(&asked.text);
    warnings.extend(match &mut answer.value {
        Value::Vector(samples) => cut(samples, asked.limit),
        Value::Matrix(series) => cut(series, asked.limit),
        Value::Scalar { .. } | Value::String { .. } => Vec::new(),
    });
    let infos = answer.annotations.infos(&asked.text);
    let held = RefCell::new((&mut answer.held, 0));
    let go_on = |len: usize| {
        turn.still_wanted()?;
        let (held, charged) = &mut *held.borrow_mut();
        held.bytes(len - *charged)?;
        *charged = len;
        Ok(())
    };
    let data = |out: &mut Vec<u8>| {
        out.push(b'{');
        encode::result(out, &answer.value, &go_on)?;
        if asked.with_stats {
            out.extend_from_slice(b",\"stats\":");
            let per_step = answer.samples_per_step.as_deref();
            encode::stats(out, &answer.stats, per_step, turn.queued.as_secs_f64());
        }
        if let Some(explained) = &answer.explained {
            out.extend_from_slice(b",\"explain\":");
            explain::write(out, explained, &asked.text);
        }
        out.push(b'}');
        Ok(())
    };
    Envelope::try_write(data, &warnings, &infos)
}
