//! `/federate`: the newest sample of each selected series, as text for another server to scrape.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use exposition::{Encoder, Escaping, MetricType};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use model::labels::INSTANCE;
use model::sample::is_stale;
use model::{Labels, Matcher, TimeRange, Timestamp};
use storage::{Columns, Queryable, SelectHints};

use crate::client::Client;
use crate::error::ApiError;
use crate::params::Params;
use crate::plain;
use crate::query_pool::Turn;
use crate::ready::Ready;
use crate::state::{AppState, Parts};

pub(crate) async fn federate(
    State(state): State<AppState>,
    Ready(parts): Ready,
    client: Client,
    headers: HeaderMap,
    params: Params,
) -> Response {
    let selectors: Result<Vec<_>, _> = params.all("match[]").map(promql::parse_matchers).collect();
    // A selector that asks for nothing in particular gets nothing, as in Prometheus.
    let selectors: Vec<_> = match selectors {
        Ok(selectors) => selectors.into_iter().filter(|matchers| !matchers.is_empty()).collect(),
        Err(error) => return plain::error(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let accept = headers.get(ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let escaping = Escaping::from_accept(accept);
    let external = state.config().external_labels.clone();
    let now = state.clock().now_ms();
    let ask = state.ask(&parts, client, "federate", &params.joined("match[]"));
    let body = state.pool().run(ask, move |turn| {
        Ok(encode(newest(&parts, &selectors, now, &turn)?, &external, escaping))
    });
    match body.await {
        Ok(body) => {
            (StatusCode::OK, [(CONTENT_TYPE, text_content_type(escaping))], body).into_response()
        }
        Err(error) => plain::error(StatusCode::INTERNAL_SERVER_ERROR, &error.message),
    }
}

/// What the text is called.
pub(crate) fn text_content_type(escaping: Escaping) -> String {
    let escaping = match escaping {
        Escaping::Underscores => "underscores",
        Escaping::AllowUtf8 => "allow-utf-8",
    };
    format!("{}; escaping={escaping}", exposition::TEXT_CONTENT_TYPE)
}

/// One series with its newest sample.
struct Newest {
    labels: Labels,
    t: Timestamp,
    v: f64,
}

/// The newest samples of series that have not ended, sorted by labels.
fn newest(
    parts: &Parts,
    selectors: &[Vec<Matcher>],
    now: Timestamp,
    turn: &Turn,
) -> Result<Vec<Newest>, ApiError> {
    let lookback = parts.engine.options().lookback_delta_ms;
    let range =
        TimeRange::new(now.saturating_sub(lookback), now).expect("lookback is not negative");
    let querier = parts.db.querier(range)?;
    let hints = SelectHints { reach: Some(range), ..SelectHints::default() };
    let sets: Result<Vec<_>, _> =
        selectors.iter().map(|matchers| querier.select(matchers, &hints)).collect();
    let mut found = Vec::new();
    let mut columns = Columns::default();
    for series in storage::merge(sets?) {
        turn.still_wanted()?;
        let mut series = series?;
        columns.clear();
        series.read(range, &mut columns)?;
        // Native histograms have no place in the text format.
        if let (Some(&t), Some(&v)) = (columns.timestamps.last(), columns.values.last())
            && !is_stale(v)
        {
            found.push(Newest { labels: series.labels().clone(), t, v });
        }
    }
    // By name first: labels may sort before it.
    found.sort_by(|a, b| {
        (a.labels.metric_name(), &a.labels).cmp(&(b.labels.metric_name(), &b.labels))
    });
    Ok(found)
}

fn encode(series: Vec<Newest>, external: &Labels, escaping: Escaping) -> String {
    let mut encoder = Encoder::new(escaping);
    let mut family = String::new();
    for one in series {
        let name = one.labels.metric_name();
        // A series without a name has no place in the text format either.
        if name.is_empty() {
            continue;
        }
        if family != name {
            name.clone_into(&mut family);
            encoder.kind(name, MetricType::Unknown);
        }
        // Without an instance label the scraping server would put its own there.
        let instance = (INSTANCE, "");
        let own = one.labels.iter();
        let added = external.iter().chain([instance]).filter(|(name, _)| !one.labels.has(name));
        encoder.sample(name, own.chain(added), one.v, Some(one.t));
    }
    encoder.finish()
}
