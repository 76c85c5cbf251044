//! The metrics of the example backend, as functions of the time.
//!
//! Counters rise from the beginning of 2026 on, now faster, now slower; histograms fill in a fixed
//! shape; gauges swing. Counters never fall, and a histogram's buckets never contradict each other.

use std::f64::consts::TAU;
use std::fmt::{self, Display, Write};

/// 2026-01-01: when all counters were zero.
const EPOCH_MS: i64 = 1_767_225_600_000;
/// How long one swing from busy to quiet and back takes, in seconds.
const SWING_SECONDS: f64 = 1800.0;

const ROUTES: [(&str, &str, f64, f64); 5] = [
    // method, route, requests per second, typical seconds
    ("GET", "/api/products", 18.0, 0.04),
    ("GET", "/api/designs/:id", 12.0, 0.06),
    ("POST", "/api/designs", 4.0, 0.15),
    ("POST", "/api/ai/generate", 1.5, 0.3),
    ("POST", "/api/orders", 2.5, 0.12),
];
const LATENCY_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const RISK_BUCKETS: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
const MODELS: [(&str, &str, f64); 4] = [
    ("openai", "dall-e-3", 0.5),
    ("openai", "gpt-4o-mini", 1.0),
    ("replicate", "sdxl", 0.3),
    ("stability", "sd3-turbo", 0.2),
];
const BRANDS: [(&str, f64); 12] = [
    ("acme", 0.22),
    ("birch", 0.18),
    ("cobalt", 0.14),
    ("delta", 0.11),
    ("elm", 0.09),
    ("fern", 0.07),
    ("granite", 0.06),
    ("harbor", 0.05),
    ("iris", 0.04),
    ("juniper", 0.02),
    ("kite", 0.01),
    ("lotus", 0.01),
];

/// What is asked for.
pub(crate) struct Scene {
    /// The time, in ms since 1970.
    pub(crate) time_ms: i64,
    /// Whether each sample carries the time.
    pub(crate) stamped: bool,
    /// Whether everything goes wrong.
    pub(crate) incident: bool,
}

impl Scene {
    fn seconds(&self) -> f64 {
        (self.time_ms - EPOCH_MS).max(0) as f64 / 1000.0
    }

    /// How much a counter has counted that rises by `rate` a second on average. `phase` shifts its
    /// busy time.
    fn counted(&self, rate: f64, phase: f64) -> f64 {
        let swing = |seconds: f64| (TAU * seconds / SWING_SECONDS + phase).sin();
        let extra = 0.4 * SWING_SECONDS / TAU * (swing(self.seconds()) - swing(0.0));
        rate * (self.seconds() + extra).max(0.0)
    }

    /// A gauge that swings by `amount` around `middle`.
    fn swinging(&self, middle: f64, amount: f64, phase: f64) -> f64 {
        middle + amount * (TAU * self.seconds() / SWING_SECONDS + phase).sin()
    }

    fn when(&self, incident: f64, normal: f64) -> f64 {
        if self.incident { incident } else { normal }
    }
}

/// What the backend says about itself: requests, costs, fraud checks, moderation.
pub(crate) fn application(scene: &Scene) -> String {
    let mut page = Page { scene, text: String::new() };
    requests(&mut page);
    generation(&mut page);
    fraud(&mut page);
    decisions(&mut page);
    page.family("active_sessions", "gauge", "Sessions with a request in the last five minutes.");
    page.sample("active_sessions", &[], scene.swinging(320.0, 90.0, 0.3).round());
    page.family("job_queue_length", "gauge", "Jobs that wait for a worker.");
    for (i, queue) in ["render", "export", "mail"].into_iter().enumerate() {
        let length = scene.swinging(scene.when(400.0, 12.0), 10.0, i as f64).round();
        page.sample("job_queue_length", &[("queue", &queue)], length);
    }
    page.text
}

fn requests(page: &mut Page<'_>) {
    let scene = page.scene;
    page.family("http_requests_total", "counter", "Requests answered, by status.");
    for (i, (method, route, rate, _)) in ROUTES.into_iter().enumerate() {
        let failed = scene.when(0.04, 0.0004);
        let shares =
            [("200", 0.96 - failed), ("404", 0.04), ("500", failed * 0.7), ("503", failed * 0.3)];
        for (status, share) in shares {
            let labels: [(&str, &dyn Display); 3] =
                [("method", &method), ("route", &route), ("status", &status)];
            let count = scene.counted(rate * share, i as f64).floor();
            page.sample("http_requests_total", &labels, count);
        }
    }
    let name = "http_request_duration_seconds";
    page.family(name, "histogram", "How long requests took, in seconds.");
    for (i, (method, route, rate, typical)) in ROUTES.into_iter().enumerate() {
        let typical = typical * scene.when(9.0, 1.0);
        let labels: [(&str, &dyn Display); 2] = [("method", &method), ("route", &route)];
        let count = scene.counted(rate, i as f64).floor();
        let below = |bound: f64| 1.0 - (-(bound / typical).powf(1.2)).exp();
        page.histogram(name, &labels, &LATENCY_BUCKETS, count, below, typical * 0.94);
    }
}

fn generation(page: &mut Page<'_>) {
    let scene = page.scene;
    page.family("ai_generations_total", "counter", "Generations finished.");
    for (i, (provider, model, rate)) in MODELS.into_iter().enumerate() {
        let labels: [(&str, &dyn Display); 2] = [("provider", &provider), ("model", &model)];
        let count = scene.counted(rate, i as f64).floor();
        page.sample("ai_generations_total", &labels, count);
    }
    page.family("ai_costs_cents_total", "counter", "What generations cost, in US cents.");
    let cents = scene.when(6000.0, 0.03);
    for (i, (provider, model, weight)) in MODELS.into_iter().enumerate() {
        for (brand, share) in BRANDS {
            let labels: [(&str, &dyn Display); 3] =
                [("provider", &provider), ("model", &model), ("brandId", &brand)];
            let cost = scene.counted(cents * weight / 2.0 * share, i as f64);
            page.sample("ai_costs_cents_total", &labels, (cost * 100.0).floor() / 100.0);
        }
    }
}

fn fraud(page: &mut Page<'_>) {
    let scene = page.scene;
    page.family("fraud_checks_total", "counter", "Fraud checks, by outcome.");
    let outcomes = [
        ("low", "allow", 3.0),
        ("medium", "review", 0.2),
        ("high", "review", scene.when(2.0, 0.005)),
        ("high", "block", scene.when(1.0, 0.002)),
        ("critical", "block", scene.when(0.5, 0.00001)),
    ];
    for (i, (risk, action, rate)) in outcomes.into_iter().enumerate() {
        for (kind, share) in [("order", 0.5), ("signup", 0.3), ("upload", 0.2)] {
            let labels: [(&str, &dyn Display); 3] =
                [("riskLevel", &risk), ("action", &action), ("actionType", &kind)];
            let count = scene.counted(rate * share, i as f64).floor();
            page.sample("fraud_checks_total", &labels, count);
        }
    }
    let count = scene.counted(3.2, 0.0).floor();
    let power = scene.when(0.9, 0.25);
    page.family("fraud_risk_score", "histogram", "The risk that a fraud check saw, from 0 to 1.");
    let below = |bound: f64| bound.powf(power);
    page.histogram("fraud_risk_score", &[], &RISK_BUCKETS, count, below, power / (1.0 + power));
}

fn decisions(page: &mut Page<'_>) {
    let scene = page.scene;
    page.family("content_moderation_total", "counter", "Uploads judged.");
    for (i, (status, rate)) in
        [("approved", 1.2), ("rejected", 0.08), ("flagged", 0.03)].into_iter().enumerate()
    {
        for (kind, share) in [("image", 0.8), ("text", 0.2)] {
            let labels: [(&str, &dyn Display); 2] = [("status", &status), ("type", &kind)];
            let count = scene.counted(rate * share, i as f64).floor();
            page.sample("content_moderation_total", &labels, count);
        }
    }
    page.family("ip_claims_total", "counter", "Claims of intellectual property, by state.");
    let claims = [("open", 0.02), ("accepted", 0.01), ("rejected", 0.007), ("withdrawn", 0.001)];
    for (i, (status, rate)) in claims.into_iter().enumerate() {
        let count = scene.counted(rate, i as f64).floor();
        page.sample("ip_claims_total", &[("status", &status)], count);
    }
}

/// What a node_exporter on the same machine would say, in small.
pub(crate) fn machine(scene: &Scene) -> String {
    const GIB: f64 = (1_u64 << 30) as f64;
    let mut page = Page { scene, text: String::new() };
    page.family("node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.");
    let idle = scene.when(0.08, 0.82);
    let busy = 1.0 - idle;
    for cpu in 0..4_u8 {
        let modes =
            [("idle", idle), ("user", busy * 0.7), ("system", busy * 0.2), ("iowait", busy * 0.1)];
        for (mode, share) in modes {
            let seconds = scene.seconds() * share + f64::from(cpu);
            let labels: [(&str, &dyn Display); 2] = [("cpu", &cpu), ("mode", &mode)];
            page.sample("node_cpu_seconds_total", &labels, (seconds * 100.0).floor() / 100.0);
        }
    }
    page.family("node_memory_MemTotal_bytes", "gauge", "Memory of the machine.");
    page.sample("node_memory_MemTotal_bytes", &[], 16.0 * GIB);
    page.family("node_memory_MemAvailable_bytes", "gauge", "Memory that programs could still get.");
    let available = scene.swinging(scene.when(0.9, 7.0), 0.4, 0.0) * GIB;
    page.sample("node_memory_MemAvailable_bytes", &[], available.floor());
    page.family("node_load1", "gauge", "Runnable tasks, over a minute.");
    page.sample("node_load1", &[], (scene.swinging(4.0 * busy, 0.3, 1.0) * 100.0).round() / 100.0);
    page.text
}

/// Text in the exposition format 0.0.4, as it grows.
struct Page<'s> {
    scene: &'s Scene,
    text: String,
}

impl Page<'_> {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &dyn Display)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(n, v)| format!("{n}=\"{v}\"")).collect();
        let labels = match labels.as_slice() {
            [] => String::new(),
            labels => format!("{{{}}}", labels.join(",")),
        };
        if self.scene.stamped {
            self.line(format_args!("{name}{labels} {value} {}", self.scene.time_ms));
        } else {
            self.line(format_args!("{name}{labels} {value}"));
        }
    }

    /// `below` is the share of all observations that are not above a bound.
    fn histogram(
        &mut self,
        name: &str,
        labels: &[(&str, &dyn Display)],
        bounds: &[f64],
        count: f64,
        below: impl Fn(f64) -> f64,
        mean: f64,
    ) {
        let bucket = format!("{name}_bucket");
        for bound in bounds {
            let mut labels = labels.to_vec();
            labels.push(("le", bound));
            self.sample(&bucket, &labels, (count * below(*bound)).floor());
        }
        let mut with_all = labels.to_vec();
        with_all.push(("le", &"+Inf"));
        self.sample(&bucket, &with_all, count);
        self.sample(&format!("{name}_sum"), labels, count * mean);
        self.sample(&format!("{name}_count"), labels, count);
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exposition::{Entry, Format, Parser};
    use std::collections::BTreeMap;

    const DAY_MS: i64 = 86_400_000;

    fn samples(text: &str) -> BTreeMap<String, f64> {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
                (series.to_owned(), value.parse().expect("the value is a number"))
            })
            .collect()
    }

    #[test]
    fn every_metric_of_the_fixtures_dashboards_and_alerts_is_served() {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/luneo");
        let mut files = vec![format!("{fixtures}/alerts.yml")];
        for name in ["cost", "fraud", "slo"] {
            files.push(format!("{fixtures}/grafana/dashboards/{name}.json"));
        }
        let scene = Scene { time_ms: EPOCH_MS + DAY_MS, stamped: false, incident: false };
        let served = samples(&(application(&scene) + &machine(&scene)));
        let mut seen = 0;
        for file in files {
            let text = std::fs::read_to_string(&file).expect("the fixture can be read");
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let ends = ["_total", "_bucket", "_bytes"];
            for name in words.filter(|word| ends.iter().any(|end| word.ends_with(end))) {
                seen += 1;
                assert!(served.keys().any(|series| series.starts_with(name)), "{file}: {name}");
            }
        }
        assert!(seen > 25, "the fixtures name {seen} metrics");
    }

    #[test]
    fn the_pages_are_in_the_exposition_format_and_may_carry_the_time() {
        for stamped in [false, true] {
            let scene = Scene { time_ms: EPOCH_MS + DAY_MS, stamped, incident: false };
            for text in [application(&scene), machine(&scene)] {
                let mut count = 0;
                for entry in Parser::new(&text, Format::Text) {
                    if let Entry::Series(series) = entry.expect("the page is well formed") {
                        count += 1;
                        assert_eq!(series.timestamp, stamped.then_some(scene.time_ms));
                    }
                }
                assert!(count > 15, "{count} samples");
            }
        }
    }

    #[test]
    fn counters_never_fall_and_buckets_never_contradict_each_other() {
        let mut before = BTreeMap::new();
        for minute in 0..120 {
            let time_ms = EPOCH_MS + 200 * DAY_MS + minute * 60_000;
            let text = application(&Scene { time_ms, stamped: false, incident: false });
            let now = samples(&text);
            for (series, value) in now.iter().filter(|(s, _)| s.contains("_total")) {
                assert!(before.get(series).is_none_or(|old| old <= value), "{series}");
            }
            let mut buckets = (String::new(), 0.0);
            for line in text.lines().filter(|line| line.contains("_bucket{")) {
                let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
                let (others, _) = series.split_once("le=").expect("a bucket has a bound");
                let value: f64 = value.parse().expect("the value is a number");
                assert!(buckets.0 != others || buckets.1 <= value, "{line}");
                buckets = (others.to_owned(), value);
            }
            before = now;
        }
    }
}
