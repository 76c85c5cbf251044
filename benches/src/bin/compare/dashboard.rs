//! The dashboard of long windows: counters of a month, and at each step of it the month before.

use std::path::Path;

use model::Labels;
use serde_json::Value;
use testkit::http::encoded;

use crate::answers::{self, Answers};
use crate::load::{INTERVAL_MS, Random, Scrape};
use crate::phases::{DAY_MS, Figures, Round};
use crate::server::{Result, Server};
use crate::wire::Encoder;

/// Counters that the dashboard adds up.
const SERIES: usize = 60;
/// They belong to so many providers.
const PROVIDERS: usize = 6;
/// Scrapes that are encoded at a time.
const BATCH: usize = 1000;
/// The step of the range query, s.
const STEP_SECONDS: i64 = 1800;
/// So often each question is asked; the fastest counts.
const REPEATS: usize = 3;

/// Counters that grow by small numbers, and fall to 0 some times a month.
struct Counters {
    values: Vec<f64>,
    random: Random,
}

impl Counters {
    fn new() -> Self {
        Self { values: vec![0.0; SERIES], random: Random::seeded(0x30d) }
    }

    fn labels() -> Vec<Labels> {
        let one = |i: usize| {
            Labels::from_pairs([
                ("__name__", "gateway_requests_total".to_owned()),
                ("instance", format!("gateway-{}:8080", i / PROVIDERS)),
                ("job", "gateway".to_owned()),
                ("provider", format!("provider-{}", i % PROVIDERS)),
            ])
        };
        (0..SERIES).map(one).collect()
    }

    fn scrape(&mut self, t: i64) -> Scrape {
        let Self { values, random } = self;
        for value in values.iter_mut() {
            let is_reset = random.below(40_000) == 0;
            *value = if is_reset { 0.0 } else { *value + random.below(20) as f64 };
        }
        Scrape { t, first: 0, values: values.clone() }
    }
}

impl Round<'_> {
    /// The dashboard's two questions, of a server that has had time to compact.
    pub(crate) fn dashboard(&self, dir: &Path, figures: &mut Figures) -> Result<Answers> {
        let days = self.sizes.window_days + 1;
        let length = days * DAY_MS;
        let start = (self.clock.now_ms() - length) / DAY_MS * DAY_MS;
        let mut server = self.start(dir)?;
        self.fill(&server, start, length / INTERVAL_MS)?;
        self.settled(&mut server)?;
        let (from, to) = ((start + DAY_MS) / 1000, (start + length) / 1000);
        let window = self.sizes.window_days;
        let query = format!("sum by (provider) (increase(gateway_requests_total[{window}d]))");
        let asked = encoded(&query);
        // No server may have the answer from the time before.
        let range = format!(
            "query_range?start={from}&end={to}&step={STEP_SECONDS}&nocache=1&query={asked}"
        );
        let instant = format!("query?time={to}&nocache=1&query={asked}");
        let mut answers = Answers::new();
        figures.dashboard_range_seconds = self.timed(&server, &range, &query, &mut answers)?;
        figures.dashboard_instant_seconds =
            self.timed(&server, &instant, &format!("{query} at once"), &mut answers)?;
        server.stop()?;
        Ok(answers)
    }

    fn fill(&self, server: &Server<'_>, start: i64, scrapes: i64) -> Result<()> {
        let mut counters = Counters::new();
        let mut encoder = Encoder::new(&Counters::labels());
        for from in (0..scrapes).step_by(BATCH) {
            self.say(&format!(
                "{:3} % of {SERIES} series x {scrapes} samples",
                from * 100 / scrapes
            ));
            let batch = from..scrapes.min(from + BATCH as i64);
            let scrapes: Vec<Scrape> =
                batch.map(|i| counters.scrape(start + i * INTERVAL_MS)).collect();
            for body in encoder.bodies(&scrapes) {
                server.write(body)?;
            }
        }
        Ok(())
    }

    /// How long a question takes, and its answer, noted under this name.
    fn timed(
        &self,
        server: &Server<'_>,
        path: &str,
        name: &str,
        answers: &mut Answers,
    ) -> Result<f64> {
        let mut fastest = f64::INFINITY;
        let mut result = Value::Null;
        for repeat in 0..REPEATS {
            self.say(&format!("{name}, {} of {REPEATS}", repeat + 1));
            let begun = self.clock.monotonic();
            result = server.query(path)?;
            fastest = fastest.min((self.clock.monotonic() - begun).as_secs_f64());
        }
        answers::note(name, &result, answers);
        Ok(fastest)
    }
}
