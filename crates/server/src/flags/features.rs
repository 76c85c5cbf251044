//! The names behind `--enable-feature`, and what is to be said of them.

/// Features of Prometheus that are always on, or need no switch here.
const WITHOUT_EFFECT: [&str; 10] = [
    "promql-at-modifier",
    "promql-negative-offset",
    "promql-duration-expr",
    "agent",
    "remote-write-receiver",
    "expand-external-labels",
    "no-default-scrape-port",
    "new-service-discovery-manager",
    "auto-gomemlimit",
    "auto-gomaxprocs",
];

/// Features that are switched on by name.
const THERE: [&str; 7] = [
    "promql-per-step-stats",
    "promql-binop-fill-modifiers",
    "promql-extended-range-selectors",
    "promql-experimental-functions",
    "promql-delayed-name-removal",
    "extra-scrape-metrics",
    "exemplar-storage",
];

/// Features of Prometheus that are not there yet.
const TO_COME: [&str; 12] = [
    "auto-reload-config",
    "concurrent-rule-eval",
    "created-timestamp-zero-ingestion",
    "delayed-compaction",
    "extended-range-selectors",
    "memory-snapshot-on-shutdown",
    "metadata-wal-records",
    "native-histograms",
    "old-ui",
    "otlp-deltatocumulative",
    "type-and-unit-labels",
    "use-uncached-io",
];

/// Is there, but finds nothing to work on.
const START_TIMESTAMPS: &str = "use-start-timestamps";

/// What to warn of if this feature is named; `None` if it does what its name says.
pub(super) fn warning(name: &str) -> Option<String> {
    if THERE.contains(&name) {
        None
    } else if name == START_TIMESTAMPS {
        Some(format!("feature {name} finds nothing yet: the database keeps no start timestamps"))
    } else if WITHOUT_EFFECT.contains(&name) {
        Some(format!("feature {name} has no effect: it is no longer a switch"))
    } else if TO_COME.contains(&name) {
        Some(format!("feature {name} has no effect yet"))
    } else {
        Some(format!("unknown feature {name} in --enable-feature"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_works_goes_without_a_warning() {
        for (name, words) in [
            ("exemplar-storage", None),
            ("use-start-timestamps", Some("keeps no start timestamps")),
            ("promql-at-modifier", Some("no longer a switch")),
            ("old-ui", Some("no effect yet")),
            ("time-travel", Some("unknown feature")),
        ] {
            let warning = warning(name);
            let is_said = |words: &str| warning.as_ref().is_some_and(|text| text.contains(words));
            assert_eq!(warning.is_some(), words.is_some(), "{name}");
            assert!(words.is_none_or(is_said), "{name}: {warning:?}");
        }
    }
}
