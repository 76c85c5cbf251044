//! `/metrics`: what the server says about itself, under Prometheus's names.
//!
//! The parts count without knowing names; [`table`] has every name, type and help text in one place,
//! each with a function that reads the numbers. A metric is there only if it is true: what nobody
//! counts is left out, not written as 0.

mod database;
mod process;
mod table;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use exposition::{Encoder, Escaping, MetricType};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use model::stat::{Histogram, Summary};
use rules::{Durations, GroupStats, NotifierStats, RuleStats};

use crate::federate::text_content_type;
use crate::state::{AppState, Parts};
use process::Process;

/// Everything the table reads from.
struct Sources {
    state: AppState,
    process: Process,
}

/// What of that is there only when the server is ready.
struct PartSources {
    parts: Parts,
    db: tsdb::Status,
    rules: RuleStats,
    notifier: NotifierStats,
}

/// One metric: its name, and how its samples are read from `S`.
struct Row<S: 'static> {
    name: &'static str,
    kind: MetricType,
    help: &'static str,
    read: fn(&S, &mut Samples<'_>),
}

pub(crate) async fn metrics(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let escaping = Escaping::from_accept(accept);
    // Looks at files: the sizes of blocks and log.
    let page = tokio::task::spawn_blocking(move || page(&state, escaping)).await;
    match page {
        Ok(page) => {
            (StatusCode::OK, [(CONTENT_TYPE, text_content_type(escaping))], page).into_response()
        }
        Err(broken) => {
            tracing::error!(error = %broken, "the metrics page broke");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn page(state: &AppState, escaping: Escaping) -> String {
    let sources = Sources { state: state.clone(), process: Process::read() };
    let parts = state.parts().ok().map(|parts| PartSources {
        db: parts.db.status(),
        rules: parts.rules.stats(),
        notifier: parts.notifier.stats(),
        parts,
    });
    let mut encoder = Encoder::new(escaping);
    let mut always = table::ALWAYS.iter().peekable();
    let ready = parts.iter().flat_map(|parts| ready_rows().map(move |row| (parts, row)));
    let mut ready = ready.peekable();
    // Both tables are sorted by name, and so is the page.
    loop {
        match (always.peek(), ready.peek()) {
            (Some(row), other) if other.is_none_or(|(_, r)| row.name < r.name) => {
                row.write(&sources, &mut encoder);
                always.next();
            }
            (_, Some((parts, row))) => {
                row.write(parts, &mut encoder);
                ready.next();
            }
            _ => return encoder.finish(),
        }
    }
}

/// The metrics that are there when the server is ready, sorted by name.
fn ready_rows() -> impl Iterator<Item = &'static Row<PartSources>> {
    table::READY.iter().chain(database::DATABASE)
}

const fn row<S>(
    name: &'static str,
    kind: MetricType,
    help: &'static str,
    read: fn(&S, &mut Samples<'_>),
) -> Row<S> {
    Row { name, kind, help, read }
}

impl<S> Row<S> {
    fn write(&self, sources: &S, encoder: &mut Encoder) {
        let mut samples = Samples { row: (self.name, self.kind, self.help), encoder, begun: false };
        (self.read)(sources, &mut samples);
    }
}

/// Takes the samples of one metric.
struct Samples<'e> {
    row: (&'static str, MetricType, &'static str),
    encoder: &'e mut Encoder,
    begun: bool,
}

impl Samples<'_> {
    /// The only sample.
    fn one(&mut self, value: f64) {
        self.labelled(&[], value);
    }

    /// A sample with labels.
    fn labelled(&mut self, labels: &[(&str, &str)], value: f64) {
        self.part("", labels, value);
    }

    /// A count and a sum.
    #[expect(clippy::cast_precision_loss, reason = "counts beyond 2^53 do not occur")]
    fn summary(&mut self, labels: &[(&str, &str)], summary: &Summary) {
        self.part("_sum", labels, summary.sum());
        self.part("_count", labels, summary.count() as f64);
    }

    /// The same, of durations.
    #[expect(clippy::cast_precision_loss, reason = "counts beyond 2^53 do not occur")]
    fn durations(&mut self, labels: &[(&str, &str)], durations: Durations) {
        self.part("_sum", labels, durations.sum_s);
        self.part("_count", labels, durations.count as f64);
    }

    /// A sample for each group of rules.
    fn groups(&mut self, rules: &RuleStats, value: impl Fn(&GroupStats) -> f64) {
        for group in &rules.groups {
            self.labelled(&[("rule_group", &group.key)], value(group));
        }
    }

    /// Cumulative buckets, a sum and a count.
    #[expect(clippy::cast_precision_loss, reason = "counts beyond 2^53 do not occur")]
    fn histogram(&mut self, labels: &[(&str, &str)], histogram: &Histogram) {
        let mut count = 0;
        for (bound, cumulative) in histogram.cumulative() {
            let bound = model::float::General(bound).to_string();
            let with_bound = [labels, &[("le", &bound)]].concat();
            self.part("_bucket", &with_bound, cumulative as f64);
            count = cumulative;
        }
        self.part("_sum", labels, histogram.sum());
        self.part("_count", labels, count as f64);
    }

    fn part(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) {
        let (name, kind, help) = self.row;
        if !self.begun {
            self.begun = true;
            self.encoder.help(name, help).kind(name, kind);
        }
        let name = format!("{name}{suffix}");
        self.encoder.sample(&name, labels.iter().copied(), value, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_written_with_cumulative_buckets() {
        static BOUNDS: [f64; 2] = [0.5, 1e6];
        let histogram = Histogram::new(&BOUNDS);
        histogram.observe(0.25);
        histogram.observe(1.0);
        let mut encoder = Encoder::new(Escaping::Underscores);
        let row = ("h", MetricType::Histogram, "Help.");
        Samples { row, encoder: &mut encoder, begun: false }.histogram(&[("a", "b")], &histogram);
        assert_eq!(
            encoder.finish(),
            "# HELP h Help.\n# TYPE h histogram\n\
             h_bucket{a=\"b\",le=\"0.5\"} 1\nh_bucket{a=\"b\",le=\"1e+06\"} 2\n\
             h_bucket{a=\"b\",le=\"+Inf\"} 2\nh_sum{a=\"b\"} 1.25\nh_count{a=\"b\"} 2\n"
        );
    }

    #[test]
    fn the_tables_are_sorted_and_name_nothing_twice() {
        let always: Vec<&str> = table::ALWAYS.iter().map(|row| row.name).collect();
        let ready: Vec<&str> = ready_rows().map(|row| row.name).collect();
        for names in [&always, &ready] {
            let mut sorted = names.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(*names, sorted);
        }
        assert!(!always.iter().any(|name| ready.contains(name)));
    }
}
