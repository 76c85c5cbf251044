//! `/api/v1/series`, `/api/v1/labels`, `/api/v1/label/NAME/values`.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use model::labels::Quoted;
use model::{Labels, Matcher, TimeRange};
use storage::{Querier, QueryError, Queryable, SelectHints, Stop};

use crate::client::Client;
use crate::encode;
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::json::{self, Escape};
use crate::params::{MAX_TIME, MIN_TIME, Params};
use crate::query_pool::{Ask, Turn};
use crate::ready::Ready;
use crate::state::{AppState, Parts};

/// What a lookup asks for.
struct Lookup {
    selectors: Vec<Vec<Matcher>>,
    /// `None` if it ends before it starts: then there is nothing.
    range: Option<TimeRange>,
    limit: usize,
}

pub(crate) async fn series(
    State(state): State<AppState>,
    Ready(parts): Ready,
    client: Client,
    params: Params,
) -> Result<Envelope, ApiError> {
    params.well_formed()?;
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let lookup = Lookup {
        limit: params.limit()?,
        range: time_range(&params)?,
        selectors: selectors(&params).map_err(|e| ApiError::parameter("match[]", e))?,
    };
    let ask = state.ask(&parts, client, "series", &params.joined("match[]"));
    let (found, limit) = run(&state, parts, ask, lookup, find_series).await?;
    Ok(Envelope::limited(found, limit, encode::labels))
}

pub(crate) async fn labels(
    State(state): State<AppState>,
    Ready(parts): Ready,
    client: Client,
    params: Params,
) -> Result<Envelope, ApiError> {
    let ask = state.ask(&parts, client, "labels", &params.joined("match[]"));
    let list: Box<List> = Box::new(|querier, matchers, stop| querier.label_names(matchers, stop));
    names(&state, parts, ask, &params, list).await
}

pub(crate) async fn label_values(
    State(state): State<AppState>,
    Ready(parts): Ready,
    client: Client,
    name: Result<Path<String>, PathRejection>,
    params: Params,
) -> Result<Envelope, ApiError> {
    let Path(name) = name.map_err(|_| ApiError::bad_data("invalid label name: it is not UTF-8"))?;
    let name = unescape(&name);
    if name.is_empty() {
        return Err(ApiError::bad_data(format!("invalid label name: {}", Quoted(&name))));
    }
    let ask = state.ask(&parts, client, "label values", &params.joined("match[]"));
    let list: Box<List> =
        Box::new(move |querier, matchers, stop| querier.label_values(&name, matchers, stop));
    names(&state, parts, ask, &params, list).await
}

/// The union of what `list` gives for each selector, sorted.
async fn names(
    state: &AppState,
    parts: Parts,
    ask: Ask,
    params: &Params,
    list: Box<List>,
) -> Result<Envelope, ApiError> {
    let limit = params.limit()?;
    params.well_formed()?;
    let range = time_range(params)?;
    let selectors = selectors(params).map_err(ApiError::bad_data)?;
    let lookup = Lookup { limit, range, selectors };
    let found = run(state, parts, ask, lookup, move |querier, lookup, turn| {
        let list = |matchers: &[Matcher]| turn.answered(list(querier, matchers, &turn.stop()));
        if lookup.selectors.is_empty() {
            return list(&[]);
        }
        let mut all = Vec::new();
        for matchers in &lookup.selectors {
            turn.still_wanted()?;
            all.append(&mut list(matchers)?);
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    })
    .await?;
    let (found, limit) = found;
    Ok(Envelope::limited(found, limit, |out, name| json::text(out, name, Escape::Html)))
}

/// Lists names or values of a view, for one selector; ends when it is told to.
type List = dyn Fn(&dyn Querier, &[Matcher], &Stop) -> Result<Vec<String>, QueryError> + Send;

/// Runs a lookup where queries run. Returns what was found, and the limit.
async fn run<T: Default + Send + 'static>(
    state: &AppState,
    parts: Parts,
    ask: Ask,
    lookup: Lookup,
    find: impl FnOnce(&dyn Querier, &Lookup, &Turn) -> Result<T, ApiError> + Send + 'static,
) -> Result<(T, usize), ApiError> {
    let limit = lookup.limit;
    let Some(range) = lookup.range else {
        return Ok((T::default(), limit));
    };
    let found = state.pool().run(ask, move |turn| {
        let querier = parts.db.querier(range)?;
        find(querier.as_ref(), &lookup, &turn)
    });
    Ok((found.await?, limit))
}

/// The series that some selector selects, each once, sorted.
fn find_series(
    querier: &dyn Querier,
    lookup: &Lookup,
    turn: &Turn,
) -> Result<Vec<Labels>, ApiError> {
    // One more than wanted, so that the answer can say that there are more.
    let limit = if lookup.limit == 0 { 0 } else { lookup.limit.saturating_add(1) };
    let func = "series".to_owned();
    let hints = SelectHints { func, limit, stop: turn.stop(), ..SelectHints::default() };
    let select = |matchers: &Vec<Matcher>| turn.answered(querier.select(matchers, &hints));
    let sets: Result<Vec<_>, _> = lookup.selectors.iter().map(select).collect();
    let mut found = Vec::new();
    for series in storage::merge(sets?) {
        turn.still_wanted()?;
        let series = series?;
        let range = querier.range();
        let overlaps =
            |chunk: &storage::ChunkMeta| chunk.min_t <= range.max() && range.min() <= chunk.max_t;
        if series.chunks().iter().any(overlaps) {
            found.push(series.labels().clone());
            if found.len() == limit {
                break;
            }
        }
    }
    Ok(found)
}

fn time_range(params: &Params) -> Result<Option<TimeRange>, ApiError> {
    let start = params.time("start", MIN_TIME)?;
    let end = params.time("end", MAX_TIME)?;
    Ok(TimeRange::new(start, end))
}

/// The selectors of all `match[]`, each with a condition that not every series fulfils.
pub(crate) fn selectors(params: &Params) -> Result<Vec<Vec<Matcher>>, String> {
    let mut all = Vec::new();
    for text in params.all("match[]") {
        let matchers = promql::parse_matchers(text).map_err(|error| error.to_string())?;
        if matchers.iter().all(Matcher::matches_empty) {
            return Err("match[] must contain at least one non-empty matcher".to_owned());
        }
        all.push(matchers);
    }
    Ok(all)
}

/// Undoes the escaping of label names in paths: `U__` and then `_` twice for itself, or a character's
/// number in hex between two of them. A name that is not escaped well is itself.
fn unescape(name: &str) -> String {
    let Some(escaped) = name.strip_prefix("U__") else {
        return name.to_owned();
    };
    let mut out = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((before, after)) = rest.split_once('_') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('_') {
            out.push('_');
            rest = after;
            continue;
        }
        let number = after.split_once('_').filter(|(hex, _)| (1..=6).contains(&hex.len()));
        let Some((c, after)) = number.and_then(|(hex, after)| {
            Some((char::from_u32(u32::from_str_radix(hex, 16).ok()?)?, after))
        }) else {
            return name.to_owned();
        };
        out.push(c);
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_paths_are_unescaped() {
        for (escaped, name) in [
            ("job", "job"),
            ("U__job", "job"),
            ("U__http_2e_route", "http.route"),
            ("U__a__b", "a_b"),
            ("U__a_1F600_", "a\u{1f600}"),
            ("U__a_zz_b", "U__a_zz_b"),
            ("U__a_2e", "U__a_2e"),
            ("U__a_d800_", "U__a_d800_"),
            ("U__", ""),
            ("U___", "U___"),
        ] {
            assert_eq!(unescape(escaped), name, "{escaped}");
        }
    }
}
