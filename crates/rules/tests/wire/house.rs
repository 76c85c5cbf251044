//! What a test needs around rules: a store, a clock, an engine, a notifier, and their manager.

use std::path::PathBuf;
use std::sync::Arc;

use discovery::TargetGroup;
use model::clock::ManualClock;
use model::sample::is_stale;
use model::{Clock, Labels, TimeRange};
use promql::{Engine, EngineOptions};
use rules::{
    AlertmanagerConfig, Notifier, NotifierConfig, NotifierOptions, RuleFile, RuleManager,
    RuleOptions,
};
use storage::{Columns, Queryable, SelectHints};
use testkit::MemStorage;

/// A minute, ms.
pub(crate) const MINUTE: i64 = 60_000;

/// Everything around rules.
pub(crate) struct House {
    pub(crate) store: Arc<MemStorage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) notifier: Arc<Notifier>,
    pub(crate) manager: RuleManager,
}

impl House {
    /// A house whose clock stands still at 0.
    pub(crate) fn new() -> Self {
        Self::with(Arc::new(MemStorage::new()), Arc::new(ManualClock::at(0)))
    }

    /// A house around a store that is there already.
    pub(crate) fn with(store: Arc<MemStorage>, clock: Arc<dyn Clock>) -> Self {
        let engine = Arc::new(Engine::new(EngineOptions::default(), Arc::clone(&clock)));
        let notifier = Notifier::new(NotifierOptions::default(), Arc::clone(&clock));
        let options =
            RuleOptions { external_url: "http://me:9090".to_owned(), ..RuleOptions::default() };
        let manager = RuleManager::new(
            Arc::clone(&store) as _,
            Arc::clone(&store) as _,
            engine,
            Arc::clone(&notifier),
            Arc::clone(&clock),
            options,
        );
        Self { store, clock, notifier, manager }
    }

    /// Applies one file.
    pub(crate) fn apply(&self, text: &str) {
        let path = PathBuf::from("r.yml");
        let file =
            RuleFile::parse(&path, text, promql::ParserOptions::default()).expect("a sound file");
        self.manager.apply(vec![file], MINUTE, 0, Labels::empty());
    }

    /// Appends samples of one series, a minute apart, from minute `from` on.
    pub(crate) fn insert(&self, labels: &[(&str, &str)], from: i64, values: &[f64]) {
        let labels = Labels::from_pairs(labels.iter().copied());
        self.store.insert(&labels, (from..).map(|m| m * MINUTE).zip(values.iter().copied()));
    }

    /// Evaluates all groups at these minutes.
    pub(crate) async fn evaluate(&self, minutes: std::ops::RangeInclusive<i64>) {
        for minute in minutes {
            self.manager.evaluate_at(minute * MINUTE).await;
        }
    }

    /// All samples of a metric: labels, then `minute:value`, `x` for a staleness marker.
    pub(crate) fn stored(&self, name: &str) -> Vec<String> {
        let querier = self.store.querier(TimeRange::ALL).expect("memory");
        let mut all = Vec::new();
        for series in querier.select(&[], &SelectHints::default()).expect("memory") {
            let mut series = series.expect("memory");
            if series.labels().metric_name() != name {
                continue;
            }
            let mut columns = Columns::default();
            series.read(TimeRange::ALL, &mut columns).expect("memory");
            let mut text = series.labels().without_name().to_string();
            for (t, v) in columns.timestamps.iter().zip(&columns.values) {
                let value = if is_stale(*v) { "x".to_owned() } else { v.to_string() };
                text += &format!(" {}:{value}", t / MINUTE);
            }
            all.push(text);
        }
        all
    }
}

/// Tells these addresses.
pub(crate) fn telling(addresses: &[&str]) -> NotifierConfig {
    let targets = TargetGroup::of_addresses("0", addresses.iter().copied(), Labels::empty());
    NotifierConfig {
        alertmanagers: vec![AlertmanagerConfig {
            targets: vec![targets],
            ..AlertmanagerConfig::default()
        }],
        ..NotifierConfig::default()
    }
}
