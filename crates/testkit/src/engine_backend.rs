//! Scripts against the engine over the smallest correct storage.

use std::sync::Arc;
use std::time::Duration;

use model::clock::ManualClock;
use promql::ast::Expr;
use promql::{Answer, Engine, EngineOptions, ParserOptions, QueryOptions, parse_with};
use storage::Appendable;

use crate::MemStorage;
use crate::notation::Point;
use crate::script::{Backend, Load, Outcome};

/// An engine with the settings that scripts are written for, over a [`MemStorage`].
///
/// No time passes while it works, so a query never times out.
pub struct EngineBackend {
    store: MemStorage,
    engine: Engine,
    parser: ParserOptions,
}

impl EngineBackend {
    /// Without experimental functions.
    pub fn new() -> Self {
        Self::with_parser(ParserOptions::default())
    }

    /// With what the parser options let pass.
    pub fn with_parser(parser: ParserOptions) -> Self {
        let options = EngineOptions {
            max_samples: 10_000,
            timeout: Duration::from_secs(100),
            delayed_name_removal: true,
            use_start_timestamps: true,
            ..EngineOptions::default()
        };
        let engine = Engine::new(options, Arc::new(ManualClock::at(0)));
        Self { store: MemStorage::new(), engine, parser }
    }

    fn parse(&self, query: &str) -> Result<Expr, String> {
        parse_with(query, self.parser).map_err(|error| error.to_string())
    }
}

impl Default for EngineBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl Backend for EngineBackend {
    fn clear(&mut self) {
        self.store.clear();
    }

    fn load(&mut self, load: &Load) -> Result<(), String> {
        let mut appender = self.store.appender();
        for (labels, starts) in &load.starts {
            self.store.insert_starts(labels, starts);
        }
        for (labels, samples) in &load.series {
            for (t, point) in samples {
                let appended = match point {
                    Point::Float(v) => appender.append(None, labels, *t, *v),
                    Point::Histogram { histogram, .. } => {
                        appender.append_histogram(None, labels, *t, histogram)
                    }
                };
                appended.map_err(|error| format!("{labels} at {t} ms: {error}"))?;
            }
        }
        appender.commit().map(|_| ()).map_err(|error| error.to_string())
    }

    fn instant(&mut self, query: &str, t_ms: i64) -> Result<Outcome, String> {
        let expr = self.parse(query)?;
        let answer = self.engine.instant(&self.store, &expr, t_ms, &QueryOptions::default());
        outcome(query, answer)
    }

    fn range(
        &mut self,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<Outcome, String> {
        let expr = self.parse(query)?;
        let options = QueryOptions::default();
        outcome(query, self.engine.range(&self.store, &expr, start_ms, end_ms, step_ms, &options))
    }
}

fn outcome(query: &str, answer: Result<Answer, promql::EngineError>) -> Result<Outcome, String> {
    let answer = answer.map_err(|error| error.to_string())?;
    let warnings = answer.annotations.warnings(query);
    let infos = answer.annotations.infos(query);
    Ok(Outcome { value: answer.value, warnings, infos })
}
