//! `/api/v1/query_exemplars`: the exemplars of the series that a query reads.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::{Matcher, TimeRange};
use promql::ast::Expr;
use storage::Exemplar;
use tsdb::SeriesExemplars;

use crate::client::Client;
use crate::encode;
use crate::envelope::{Envelope, list};
use crate::error::ApiError;
use crate::json;
use crate::params::{MAX_TIME, MIN_TIME, Params};
use crate::ready::Ready;
use crate::state::AppState;

pub(crate) async fn query(
    State(state): State<AppState>,
    Ready(parts): Ready,
    client: Client,
    params: Params,
) -> Result<Response, ApiError> {
    let (selectors, range) = asked(&params)?;
    if selectors.is_empty() {
        // Prometheus has nothing to say about a query that reads no series.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let ask = state.ask(&parts, client, "exemplars", params.first("query"));
    let found = state.pool().run(ask, move |_| Ok(parts.db.exemplars(&selectors, range)));
    let found = found.await?;
    Ok(Envelope::write(|out| list(out, &found, series), &[], &[]).into_response())
}

/// The selectors of the query, and when exemplars are wanted.
fn asked(params: &Params) -> Result<(Vec<Vec<Matcher>>, TimeRange), ApiError> {
    let start = params.time("start", MIN_TIME)?;
    let end = params.time("end", MAX_TIME)?;
    let range = TimeRange::new(start, end)
        .ok_or_else(|| ApiError::bad_data("end timestamp must not be before start timestamp"))?;
    let expr = promql::parse(params.first("query"));
    let expr = expr.map_err(|error| ApiError::bad_data(error.to_string()))?;
    let mut selectors = Vec::new();
    collect_selectors(&expr, &mut selectors);
    Ok((selectors, range))
}

/// The matchers of every selector, whatever is made of its series.
fn collect_selectors(expr: &Expr, found: &mut Vec<Vec<Matcher>>) {
    match expr {
        Expr::Number { .. } | Expr::String { .. } => {}
        Expr::Paren { inner, .. } => collect_selectors(inner, found),
        Expr::Unary { operand, .. } => collect_selectors(operand, found),
        Expr::Binary(binary) => {
            collect_selectors(&binary.left, found);
            collect_selectors(&binary.right, found);
        }
        Expr::Aggregate(aggregate) => {
            aggregate.parameter.iter().for_each(|parameter| collect_selectors(parameter, found));
            collect_selectors(&aggregate.operand, found);
        }
        Expr::Call(call) => call.arguments.iter().for_each(|arg| collect_selectors(arg, found)),
        Expr::Selector(selector) => found.push(selector.matchers.clone()),
        Expr::Range(range) => found.push(range.selector.matchers.clone()),
        Expr::Subquery(subquery) => collect_selectors(&subquery.operand, found),
    }
}

fn series(out: &mut Vec<u8>, series: &SeriesExemplars) {
    out.extend_from_slice(b"{\"seriesLabels\":");
    encode::labels(out, &series.labels);
    out.extend_from_slice(b",\"exemplars\":");
    list(out, &series.exemplars, exemplar);
    out.push(b'}');
}

fn exemplar(out: &mut Vec<u8>, exemplar: &Exemplar) {
    out.extend_from_slice(b"{\"labels\":");
    encode::labels(out, &exemplar.labels);
    out.extend_from_slice(b",\"value\":\"");
    json::number(out, exemplar.value);
    out.extend_from_slice(b"\",\"timestamp\":");
    encode::time(out, exemplar.timestamp.unwrap_or(0));
    out.push(b'}');
}
