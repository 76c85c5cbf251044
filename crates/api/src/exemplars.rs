//! `/api/v1/query_exemplars`: checked like any query, and empty: exemplars are not kept.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use promql::ast::Expr;

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::params::{MAX_TIME, MIN_TIME, Params};
use crate::ready::Ready;

pub(crate) async fn query(_: Ready, params: Params) -> Response {
    match checked(&params) {
        Err(error) => error.into_response(),
        // Prometheus has nothing to say about a query that reads no series.
        Ok(false) => StatusCode::NO_CONTENT.into_response(),
        Ok(true) => Envelope::of::<[(); 0]>(&[]).into_response(),
    }
}

/// Whether the query reads series, if it makes sense.
fn checked(params: &Params) -> Result<bool, ApiError> {
    let start = params.time("start", MIN_TIME)?;
    let end = params.time("end", MAX_TIME)?;
    if end < start {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    let expr = promql::parse(params.first("query"));
    let expr = expr.map_err(|error| ApiError::bad_data(error.to_string()))?;
    Ok(reads_series(&expr))
}

fn reads_series(expr: &Expr) -> bool {
    match expr {
        Expr::Number { .. } | Expr::String { .. } => false,
        Expr::Paren { inner, .. } => reads_series(inner),
        Expr::Unary { operand, .. } => reads_series(operand),
        Expr::Binary(binary) => reads_series(&binary.left) || reads_series(&binary.right),
        Expr::Aggregate(aggregate) => {
            reads_series(&aggregate.operand)
                || aggregate.parameter.as_ref().is_some_and(reads_series)
        }
        Expr::Call(call) => call.arguments.iter().any(reads_series),
        Expr::Selector(_) | Expr::Range(_) => true,
        Expr::Subquery(subquery) => reads_series(&subquery.operand),
    }
}
