//! The Prometheus HTTP API, and the pages for people.
//!
//! [`AppState`] names what handlers may touch, [`router`] is the table of routes, [`serve`] accepts
//! connections. A handler turns parameters into a question for a part and its answer into bytes:
//! `params` and `error` know how questions fail, `envelope`, `encode` and `json` how
//! answers look. Bodies, statuses and texts are those of Prometheus 3.5, so that what was written
//! for it works here. JSON is known in this crate only, and so are the names of metrics about us.

mod active_queries;
mod admin;
mod body;
mod client;
mod encode;
mod envelope;
mod error;
mod exemplars;
mod explain;
mod federate;
mod histogram;
mod http_stats;
mod json;
mod layers;
mod lifecycle;
mod line;
mod metrics;
mod params;
mod parse_tree;
mod plain;
mod query;
mod query_pool;
mod ready;
mod rules_view;
mod series;
mod serve;
mod state;
mod status;
mod targets;
mod time_text;
mod ui;
mod write;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter};
use http::StatusCode;
use http::header::ALLOW;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

pub use serve::serve;
pub use state::{AppState, BuildInfo, Command, ConfigView, Options, Parts, ProcessFacts};

/// Answers below this many bytes are not packed: they fit into one packet anyway.
const PACK_FROM_BYTES: u64 = 1024;

const GET: (MethodFilter, &str) = (MethodFilter::GET, "GET, OPTIONS");
const PROBE: (MethodFilter, &str) =
    (MethodFilter::GET.or(MethodFilter::HEAD), "GET, HEAD, OPTIONS");
const ASK: (MethodFilter, &str) = (MethodFilter::GET.or(MethodFilter::POST), "GET, OPTIONS, POST");
const POST: (MethodFilter, &str) = (MethodFilter::POST, "OPTIONS, POST");
const CHANGE: (MethodFilter, &str) =
    (MethodFilter::POST.or(MethodFilter::PUT), "OPTIONS, POST, PUT");
const CANCEL: (MethodFilter, &str) =
    (MethodFilter::POST.or(MethodFilter::DELETE), "DELETE, OPTIONS, POST");
const LIFECYCLE: (MethodFilter, &str) =
    (MethodFilter::GET.or(MethodFilter::POST).or(MethodFilter::PUT), "GET, OPTIONS, POST, PUT");

/// The routes. Fails if the expression for origins is none.
pub fn router(state: AppState) -> Result<Router, String> {
    let prefix = state.options().route_prefix.trim_end_matches('/').to_owned();
    let cors = layers::Cors::new(&state.options().cors_origin, &format!("{prefix}/api/v1/"))?;
    let mut router = Router::new();
    for (path, handlers) in api_routes() {
        router = router.route(&format!("{prefix}/api/v1{path}"), handlers);
    }
    for (path, handlers) in other_routes().into_iter().chain(ui::routes()) {
        router = router.route(&format!("{prefix}{path}"), handlers);
    }
    if !prefix.is_empty() {
        router = router.route("/", on(GET, ui::home)).route(&prefix, on(GET, ui::home));
    }
    let pack = CompressionLayer::new()
        .gzip(true)
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(PACK_FROM_BYTES));
    Ok(router
        .fallback(plain::nothing_here)
        .layer(from_fn_with_state(state.clone(), layers::count))
        .layer(from_fn_with_state(cors, layers::cors))
        .layer(pack)
        .with_state(state))
}

type Routes = Vec<(&'static str, MethodRouter<AppState>)>;

fn api_routes() -> Routes {
    vec![
        ("/query", on(ASK, query::instant)),
        ("/query_range", on(ASK, query::range)),
        ("/query_exemplars", on(ASK, exemplars::query)),
        ("/format_query", on(ASK, query::format)),
        ("/parse_query", on(ASK, query::tree)),
        ("/series", on(ASK, series::series)),
        ("/labels", on(ASK, series::labels)),
        ("/label/{name}/values", on(GET, series::label_values)),
        ("/metadata", on(GET, targets::metadata)),
        ("/targets", on(GET, targets::targets)),
        ("/targets/metadata", on(GET, targets::target_metadata)),
        ("/scrape_pools", on(GET, targets::scrape_pools)),
        ("/rules", on(GET, rules_view::rules)),
        ("/alerts", on(GET, rules_view::alerts)),
        ("/alertmanagers", on(GET, rules_view::alertmanagers)),
        ("/status/active_queries", on(GET, active_queries::list)),
        ("/status/active_queries/{id}", on(CANCEL, active_queries::cancel)),
        ("/status/config", on(GET, status::config)),
        ("/status/flags", on(GET, status::flags)),
        ("/status/buildinfo", on(GET, status::build)),
        ("/status/runtimeinfo", on(GET, status::runtime)),
        ("/status/tsdb", on(GET, status::tsdb)),
        ("/status/walreplay", on(GET, status::wal_replay)),
        ("/notifications", on(GET, status::notifications)),
        ("/write", on(POST, write::write)),
        ("/push", on(POST, write::write)),
        ("/admin/tsdb/delete_series", on(CHANGE, admin::delete_series)),
        ("/admin/tsdb/snapshot", on(CHANGE, admin::snapshot)),
        ("/admin/tsdb/clean_tombstones", on(CHANGE, admin::clean_tombstones)),
    ]
}

fn other_routes() -> Routes {
    vec![
        ("/-/healthy", on(PROBE, lifecycle::healthy)),
        ("/-/ready", on(PROBE, lifecycle::ready)),
        ("/-/reload", on(LIFECYCLE, lifecycle::reload)),
        ("/-/quit", on(LIFECYCLE, lifecycle::quit)),
        ("/version", on(GET, lifecycle::version)),
        ("/metrics", on(GET, metrics::metrics)),
        ("/federate", on(GET, federate::federate)),
    ]
}

/// A handler for some methods; others are refused with what is allowed. `HEAD` is one of the others
/// unless it is named.
fn on<H, T>((methods, allow): (MethodFilter, &'static str), handler: H) -> MethodRouter<AppState>
where
    H: Handler<T, AppState>,
    T: 'static,
{
    let refused = move || async move { plain::method_not_allowed(allow) };
    let options = move || async move { (StatusCode::OK, [(ALLOW, allow)]) };
    let mut routes = MethodRouter::new().on(methods, handler).on(MethodFilter::OPTIONS, options);
    if allow.contains("GET") && !allow.contains("HEAD") {
        routes = routes.on(MethodFilter::HEAD, refused);
    }
    routes.fallback(refused)
}
