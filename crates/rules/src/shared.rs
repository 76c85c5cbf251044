//! What all groups share: where they ask, where they append, whom they tell.

use std::sync::{Arc, PoisonError, RwLock};

use model::stat::Summary;
use model::{Clock, Labels, Timestamp};
use promql::ast::Expr;
use promql::{Asked, CancelToken, Engine, QueryOptions, SampleValue, Value, VectorSample};
use storage::{Appendable, Queryable};
use tokio::sync::Semaphore;

use crate::error::EvalError;
use crate::manager::RuleOptions;
use crate::notify::Notifier;

/// What all groups share.
pub(crate) struct Shared {
    pub(crate) appendable: Arc<dyn Appendable>,
    pub(crate) queryable: Arc<dyn Queryable>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) notifier: Arc<Notifier>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: RuleOptions,
    /// Who may evaluate.
    pub(crate) permits: Semaphore,
    /// Ends queries that take too long when the server stops.
    pub(crate) cancel: CancelToken,
    pub(crate) rule_durations: Summary,
    pub(crate) group_durations: Summary,
    external_labels: RwLock<Labels>,
}

impl Shared {
    pub(crate) fn new(
        appendable: Arc<dyn Appendable>,
        queryable: Arc<dyn Queryable>,
        engine: Arc<Engine>,
        notifier: Arc<Notifier>,
        clock: Arc<dyn Clock>,
        options: RuleOptions,
    ) -> Self {
        let permits = Semaphore::new(options.max_concurrent_evals.max(1));
        Self {
            appendable,
            queryable,
            engine,
            notifier,
            clock,
            options,
            permits,
            cancel: CancelToken::default(),
            rule_durations: Summary::default(),
            group_durations: Summary::default(),
            external_labels: RwLock::default(),
        }
    }

    pub(crate) fn external_labels(&self) -> Labels {
        self.external_labels.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_external_labels(&self, labels: Labels) {
        *self.external_labels.write().unwrap_or_else(PoisonError::into_inner) = labels;
    }

    /// The value of `expr` at `t`, as a vector; a scalar is a vector of one without labels.
    /// It is listed among the queries under way as `text`.
    pub(crate) fn query(
        &self,
        expr: &Expr,
        text: Arc<str>,
        t: Timestamp,
    ) -> Result<Vec<VectorSample>, EvalError> {
        let asked = Asked { kind: "rule", text, client: String::new() };
        let tracked = self.engine.active().begin(asked, &self.cancel);
        tracked.run();
        let options = QueryOptions {
            cancel: tracked.cancel().clone(),
            usage: tracked.usage().clone(),
            ..QueryOptions::default()
        };
        let answer = self.engine.instant(self.queryable.as_ref(), expr, t, &options)?;
        match answer.value {
            Value::Vector(samples) => Ok(samples),
            Value::Scalar { t, v } => {
                let (labels, value) = (Labels::empty(), SampleValue::Float(v));
                Ok(vec![VectorSample { labels, t, value }])
            }
            Value::Matrix(_) | Value::String { .. } => Err(EvalError::NotAVector),
        }
    }
}
