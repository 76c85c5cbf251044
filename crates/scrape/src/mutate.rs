//! From the labels a target exposes to the labels that are stored.

use exposition::LabelPair;
use model::labels::{LabelsBuilder, METRIC_NAME};
use model::{Labels, relabel};

use crate::{ScrapeConfig, ScrapeError, limits};

/// Joins exposed labels with the target's own, and relabels. `None` if the series is dropped.
pub(crate) fn series_labels(
    exposed: &[LabelPair<'_>],
    target: &Labels,
    config: &ScrapeConfig,
) -> Result<Option<Labels>, ScrapeError> {
    let mut labels = LabelsBuilder::default();
    for (i, (name, value)) in exposed.iter().enumerate() {
        if exposed.iter().take(i).any(|(earlier, _)| earlier == name) {
            return Err(ScrapeError::DuplicateLabel(name.to_string()));
        }
        labels.set(name.as_ref(), value.as_ref());
    }
    if config.honor_labels {
        for (name, value) in target {
            // An exposed label with an empty value counts: the target wants this label gone.
            if !exposed.iter().any(|(exposed, _)| exposed == name) {
                labels.set(name, value);
            }
        }
    } else {
        set_over(&mut labels, target);
    }
    if !relabel::apply_to(&config.metric_relabel_configs, &mut labels) {
        return Ok(None);
    }
    let labels = labels.build();
    // Relabelling that leaves nothing drops the series, too.
    if labels.is_empty() {
        return Ok(None);
    }
    if !labels.has(METRIC_NAME) {
        return Err(ScrapeError::NoName);
    }
    if labels.iter().any(|(name, _)| name.is_empty()) {
        return Err(ScrapeError::InvalidNames(labels.to_string()));
    }
    limits::check(&labels, config)?;
    Ok(Some(labels))
}

/// The labels of a series that reports on a target.
pub(crate) fn report_labels(name: &str, target: &Labels) -> Labels {
    let mut labels = LabelsBuilder::default();
    labels.set(METRIC_NAME, name);
    set_over(&mut labels, target);
    labels.build()
}

/// Sets the target's labels; what stood in their place moves to `exported_` names, the shortest
/// first, with as many prefixes as it takes to find a free one.
fn set_over(labels: &mut LabelsBuilder, target: &Labels) {
    let mut displaced = Vec::new();
    for (name, value) in target {
        let old = labels.get(name);
        if !old.is_empty() {
            displaced.push((name, old.to_owned()));
        }
        labels.set(name, value);
    }
    displaced.sort_by_key(|(name, _)| name.len());
    for (name, value) in displaced {
        let mut free = format!("exported_{name}");
        while !labels.get(&free).is_empty() {
            free.insert_str(0, "exported_");
        }
        labels.set(free, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::relabel::{Action, RelabelConfig, RelabelRule};

    fn check(exposed: &str, target: &str, set: impl FnOnce(&mut ScrapeConfig), stored: &str) {
        let pairs = |text: &str| -> Vec<(String, String)> {
            let split = text.split_whitespace().filter_map(|pair| pair.split_once('='));
            split.map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
        };
        let mut config = ScrapeConfig::default();
        set(&mut config);
        let exposed: Vec<LabelPair<'_>> =
            pairs(exposed).into_iter().map(|(n, v)| (n.into(), v.into())).collect();
        let found = match series_labels(&exposed, &Labels::from_pairs(pairs(target)), &config) {
            Ok(Some(labels)) => labels.to_string(),
            Ok(None) => "dropped".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, stored);
    }

    #[test]
    fn exposed_labels_make_way_unless_they_are_honoured() {
        let exposed = "__name__=a job=x instance= exported_job=y";
        check(
            exposed,
            "job=j instance=i",
            |_| {},
            r#"{__name__="a", exported_exported_job="x", exported_job="y", instance="i", job="j"}"#,
        );
        check(
            exposed,
            "job=j instance=i env=p",
            |c| c.honor_labels = true,
            r#"{__name__="a", env="p", exported_job="y", job="x"}"#,
        );
    }

    #[test]
    fn relabelling_comes_last_and_may_drop() {
        let rule = |set: fn(&mut RelabelConfig)| {
            move |config: &mut ScrapeConfig| {
                let mut rule = RelabelConfig::default();
                set(&mut rule);
                config.metric_relabel_configs = vec![RelabelRule::new(rule).expect("valid")];
            }
        };
        check(
            "__name__=a",
            "job=j",
            rule(|c| {
                c.source_labels = vec!["job".into()];
                c.regex = "j".into();
                c.action = Action::Drop;
            }),
            "dropped",
        );
        let nameless = rule(|c| {
            c.regex = "__name__".into();
            c.action = Action::LabelDrop;
        });
        check("__name__=a", "job=j", nameless, "missing metric name (__name__ label)");
    }

    #[test]
    fn a_label_named_twice_is_no_series() {
        let complaint = r#"label name "b" is not unique: invalid sample"#;
        check("__name__=a b=1 b=1", "", |_| {}, complaint);
        let complaint = r#"invalid metric name or label names: {""="1", __name__="a"}"#;
        check("__name__=a =1", "", |_| {}, complaint);
    }
}
