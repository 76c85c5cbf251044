//! `label_replace` and `label_join`: series with other labels.

use model::Labels;

use super::call::argument;
use super::special::texts;
use super::steps::Steps;
use super::{Evaluator, Sink};
use crate::error::EngineError;
use crate::functions::labels::{LabelJoin, LabelReplace};
use crate::plan::CallNode;

impl Evaluator<'_> {
    pub(super) fn feed_label_replace(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let [target, replacement, source, regex] =
            texts(node).try_into().expect("the checker counts the arguments");
        let replace = LabelReplace::new([target, replacement, source, regex]);
        let replace = replace.map_err(EngineError::Execution)?;
        self.feed_relabelled(node, steps, sink, replace.target(), &|labels| replace.apply(labels))
    }

    pub(super) fn feed_label_join(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), EngineError> {
        let texts = texts(node);
        let join = LabelJoin::new(texts[0], texts[1], &texts[2..]);
        let join = join.map_err(EngineError::Execution)?;
        self.feed_relabelled(node, steps, sink, join.target(), &|labels| Some(join.apply(labels)))
    }

    /// Hands on the series of the first argument with other labels, where `relabel` gives some.
    fn feed_relabelled(
        &self,
        node: &CallNode<'_>,
        steps: Steps,
        sink: Sink<'_>,
        target: &str,
        relabel: &dyn Fn(&Labels) -> Option<Labels>,
    ) -> Result<(), EngineError> {
        let (mut all, mut held) = self.collect(argument(node, 0), steps)?;
        for (at, series) in all.iter_mut().enumerate() {
            self.budget.check_at(at)?;
            if let Some(labels) = relabel(&series.labels) {
                held.entry(&labels)?;
                series.labels = labels;
                // A name that was just given stays.
                series.drop_name &= target != model::labels::METRIC_NAME;
            }
        }
        self.rejoin((all, held), sink)
    }
}
