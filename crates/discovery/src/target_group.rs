//! Targets that were found together.

use model::Labels;
use model::labels::LabelsBuilder;

/// The label that holds a target's host and port.
pub const ADDRESS: &str = "__address__";

/// Targets that were found together, with the labels they share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetGroup {
    /// Where the group comes from; a newer group of the same source replaces it.
    pub source: String,
    /// The labels of each target; `__address__` among them says where it is.
    pub targets: Vec<Labels>,
    /// Labels of all of them. A target's own label of the same name wins.
    pub labels: Labels,
}

impl TargetGroup {
    /// A group of addresses, as `static_configs` gives it.
    pub fn of_addresses<'a>(
        source: impl Into<String>,
        addresses: impl IntoIterator<Item = &'a str>,
        labels: Labels,
    ) -> Self {
        let targets = addresses.into_iter().map(|a| Labels::from_pairs([(ADDRESS, a)])).collect();
        Self { source: source.into(), targets, labels }
    }

    /// Each target's labels together with those of the group.
    pub fn discovered(&self) -> impl Iterator<Item = LabelsBuilder> + '_ {
        self.targets.iter().map(|target| {
            let mut all = self.labels.to_builder();
            for (name, value) in target {
                all.set(name, value);
            }
            all
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_s_own_label_wins_over_the_group_s() {
        let shared = Labels::from_pairs([("env", "prod"), (ADDRESS, "nobody")]);
        let group = TargetGroup::of_addresses("0", ["a:1", "b:2"], shared);
        let found: Vec<String> = group.discovered().map(|b| b.build().to_string()).collect();
        assert_eq!(
            found,
            [r#"{__address__="a:1", env="prod"}"#, r#"{__address__="b:2", env="prod"}"#]
        );
    }
}
