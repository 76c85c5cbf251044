//! The limits on a series' labels.

use model::Labels;
use model::labels::Quoted;

use crate::{ScrapeConfig, ScrapeError};

/// Whether labels keep within what the configuration allows.
pub(crate) fn check(labels: &Labels, config: &ScrapeConfig) -> Result<(), ScrapeError> {
    let over = |size: usize, limit: u64| limit > 0 && size as u64 > limit;
    let metric = || start(labels.metric_name());
    let count = labels.len();
    if over(count, config.label_limit) {
        return Err(ScrapeError::LabelLimit(format!(
            "label_limit exceeded (metric: {}, number of labels: {count}, limit: {})",
            metric(),
            config.label_limit
        )));
    }
    for (name, value) in labels {
        if over(name.len(), config.label_name_length_limit) {
            return Err(ScrapeError::LabelLimit(format!(
                "label_name_length_limit exceeded (metric: {}, label name: {}, length: {}, \
                 limit: {})",
                metric(),
                start(name),
                name.len(),
                config.label_name_length_limit
            )));
        }
        if over(value.len(), config.label_value_length_limit) {
            return Err(ScrapeError::LabelLimit(format!(
                "label_value_length_limit exceeded (metric: {}, label name: {}, value: {}, \
                 length: {}, limit: {})",
                metric(),
                start(name),
                Quoted(&start(value)),
                value.len(),
                config.label_value_length_limit
            )));
        }
    }
    Ok(())
}

/// So much of a text as a message repeats.
fn start(text: &str) -> String {
    text.chars().take(50).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_limit_is_told_in_prometheus_s_words() {
        let labels = Labels::from_pairs([("__name__", "m"), ("some_name", "a \"value\"")]);
        let limited = |set: fn(&mut ScrapeConfig, u64), limit| {
            let mut config = ScrapeConfig::default();
            set(&mut config, limit);
            check(&labels, &config).map_err(|e| e.to_string())
        };
        for (set, enough, complaint) in [
            (
                (|c, n| c.label_limit = n) as fn(&mut ScrapeConfig, u64),
                2,
                "label_limit exceeded (metric: m, number of labels: 2, limit: 1)",
            ),
            (
                |c, n| c.label_name_length_limit = n,
                9,
                "label_name_length_limit exceeded (metric: m, label name: some_name, length: 9, \
                 limit: 8)",
            ),
            (
                |c, n| c.label_value_length_limit = n,
                9,
                "label_value_length_limit exceeded (metric: m, label name: some_name, value: \
                 \"a \\\"value\\\"\", length: 9, limit: 8)",
            ),
        ] {
            assert_eq!(limited(set, 0), Ok(()));
            assert_eq!(limited(set, enough), Ok(()));
            assert_eq!(limited(set, enough - 1), Err(complaint.to_owned()));
        }
    }
}
