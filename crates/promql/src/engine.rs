//! The engine: instant and range queries under limits and a deadline.
//!
//! It plans a tree, opens one consistent view of the store for everything the plan reads, evaluates,
//! and brings the result into the form of an answer. It holds no query state between queries but
//! numbers about them, and may be used from many threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use model::stat::{Counter, Gauge, Summary};
use model::{Clock, Histogram, Labels, Timestamp};
use storage::Queryable;

use crate::active::ActiveQueries;
use crate::annotation::Annotations;
use crate::ast::{Expr, ValueType};
use crate::error::EngineError;
use crate::eval::Evaluator;
use crate::eval::budget::{Budget, CancelToken, Usage};
use crate::eval::held::Held;
use crate::eval::profile::Profile;
use crate::eval::series::{EvalSeries, drop_name, join_equal};
use crate::eval::steps::Steps;
use crate::explain::Explained;
use crate::parse::{ParseError, ParserOptions, parse_with};
use crate::plan::{Op, Plan, PlanContext, plan};
use crate::value::{MatrixSeries, SampleValue, Value, VectorSample};

/// Limits and settings of an engine. `Default` has Prometheus's.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// How far back an instant selector looks, ms. 5 minutes.
    pub lookback_delta_ms: i64,
    /// How many samples a query may hold at once. 50 million.
    pub max_samples: usize,
    /// How long a query may take. 2 minutes.
    pub timeout: Duration,
    /// The step of subqueries that name none, ms: `global.evaluation_interval`. 1 minute.
    pub default_subquery_step_ms: i64,
    /// Whether names are dropped at the end of a query only. Off.
    pub delayed_name_removal: bool,
    /// Whether functions of counters look at start timestamps, of samples that have one. Off.
    pub use_start_timestamps: bool,
    /// Whether queries that ask for it get figures for each step. Off.
    pub per_step_stats: bool,
    /// Whether equal parts of a query are evaluated once. On; off to compare.
    pub share: bool,
    /// What the language includes. Nothing experimental.
    pub parser: ParserOptions,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lookback_delta_ms: 300_000,
            max_samples: 50_000_000,
            timeout: Duration::from_secs(120),
            default_subquery_step_ms: 60_000,
            delayed_name_removal: false,
            use_start_timestamps: false,
            per_step_stats: false,
            share: true,
            parser: ParserOptions::default(),
        }
    }
}

/// What one query may ask for differently.
#[derive(Clone, Debug, Default)]
pub struct QueryOptions {
    /// Another lookback, ms.
    pub lookback_delta_ms: Option<i64>,
    /// A shorter timeout; a longer one than the engine's has no effect.
    pub timeout: Option<Duration>,
    /// By which the query can be ended from outside.
    pub cancel: CancelToken,
    /// Where it notes what it has used so far.
    pub usage: Usage,
    /// Whether the answer is to say what each node of the plan cost.
    pub explain: bool,
    /// Whether the answer is to say how many samples each step looked at, if the engine does that.
    pub per_step_stats: bool,
}

/// An answer and what is to be said about it.
#[derive(Debug)]
pub struct Answer {
    /// The value.
    pub value: Value,
    /// Warnings and infos.
    pub annotations: Annotations,
    /// What it took.
    pub stats: QueryStats,
    /// How many samples each step looked at, if that was asked for.
    pub samples_per_step: Option<Vec<(Timestamp, u64)>>,
    /// The plan and what each node of it cost, if that was asked for.
    pub explained: Option<Explained>,
    /// What it is charged for as long as it is there; whoever writes it out may charge more.
    pub held: Held,
}

/// What a query took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Samples looked at, those of a window again at each step that saw it.
    pub total_queryable_samples: u64,
    /// Samples held at once at most.
    pub peak_samples: usize,
    /// Time spent on the plan and on opening the store's view.
    pub preparation: Duration,
    /// Time spent on evaluation.
    pub evaluation: Duration,
    /// Time spent on bringing the result into order.
    pub sorting: Duration,
}

/// What an engine has done so far.
#[derive(Debug, Default)]
pub struct EngineStats {
    /// Queries begun.
    pub queries: Counter,
    /// Queries under way.
    pub current: Gauge,
    /// Samples looked at by all queries.
    pub samples: Counter,
    /// Time each query spent on preparation.
    pub preparation: Summary,
    /// Time each query spent on evaluation.
    pub evaluation: Summary,
    /// Time each query spent on sorting.
    pub sorting: Summary,
}

/// Answers queries.
pub struct Engine {
    options: EngineOptions,
    subquery_step_ms: AtomicI64,
    clock: Arc<dyn Clock>,
    stats: EngineStats,
    active: Arc<ActiveQueries>,
}

/// When a query is evaluated.
#[derive(Clone, Copy)]
struct When {
    steps: Steps,
    end: Timestamp,
    /// 0 for an instant query.
    step_ms: i64,
}

/// A query and what it is asked of.
#[derive(Clone, Copy)]
struct Question<'q> {
    store: &'q dyn Queryable,
    expr: &'q Expr,
    when: When,
    options: &'q QueryOptions,
    /// When it began, by the engine's clock.
    begun: Duration,
}

impl Engine {
    /// An engine with these options; `clock` measures how long queries take.
    pub fn new(options: EngineOptions, clock: Arc<dyn Clock>) -> Self {
        let subquery_step_ms = AtomicI64::new(options.default_subquery_step_ms);
        let active = Arc::new(ActiveQueries::new(Arc::clone(&clock)));
        Self { options, subquery_step_ms, clock, stats: EngineStats::default(), active }
    }

    /// The options it was made with.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// What it has done so far.
    pub fn stats(&self) -> &EngineStats {
        &self.stats
    }

    /// Where queries are listed by those who begin them.
    pub fn active(&self) -> &Arc<ActiveQueries> {
        &self.active
    }

    /// Sets the step of subqueries that name none, ms; for a new configuration.
    pub fn set_default_subquery_step_ms(&self, ms: i64) {
        self.subquery_step_ms.store(ms.max(1), Ordering::Relaxed);
    }

    /// Parses and checks a query of this engine's language.
    pub fn parse(&self, query: &str) -> Result<Expr, ParseError> {
        parse_with(query, self.options.parser)
    }

    /// The value of `expr` at `t`.
    pub fn instant(
        &self,
        store: &dyn Queryable,
        expr: &Expr,
        t: Timestamp,
        options: &QueryOptions,
    ) -> Result<Answer, EngineError> {
        self.run(store, expr, When { steps: Steps::single(t), end: t, step_ms: 0 }, options)
    }

    /// The values of `expr` every `step_ms` from `start` up to `end`.
    pub fn range(
        &self,
        store: &dyn Queryable,
        expr: &Expr,
        start: Timestamp,
        end: Timestamp,
        step_ms: i64,
        options: &QueryOptions,
    ) -> Result<Answer, EngineError> {
        let found = expr.value_type();
        if !matches!(found, ValueType::Scalar | ValueType::Vector) {
            return Err(EngineError::BadQuery(format!(
                "invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
                found.documented()
            )));
        }
        let steps = Steps::between(start, end, step_ms);
        self.run(store, expr, When { steps, end, step_ms: step_ms.max(1) }, options)
    }

    fn run(
        &self,
        store: &dyn Queryable,
        expr: &Expr,
        when: When,
        options: &QueryOptions,
    ) -> Result<Answer, EngineError> {
        self.stats.queries.inc();
        self.stats.current.add(1.0);
        let result = self.run_counted(store, expr, when, options);
        self.stats.current.add(-1.0);
        if let Ok(answer) = &result {
            self.stats.samples.add(answer.stats.total_queryable_samples);
            self.stats.preparation.observe_duration(answer.stats.preparation);
            self.stats.evaluation.observe_duration(answer.stats.evaluation);
            self.stats.sorting.observe_duration(answer.stats.sorting);
        }
        result
    }

    fn run_counted(
        &self,
        store: &dyn Queryable,
        expr: &Expr,
        when: When,
        options: &QueryOptions,
    ) -> Result<Answer, EngineError> {
        let begun = self.clock.monotonic();
        let timeout = options.timeout.map_or(self.options.timeout, |t| t.min(self.options.timeout));
        let max_samples = self.options.max_samples;
        let (clock, cancel, usage) =
            (Arc::clone(&self.clock), options.cancel.clone(), options.usage.clone());
        let budget = Budget::new(clock, timeout, cancel, max_samples, usage);
        budget.check()?;
        let context = self.context(when, options);
        let shared = plan(expr, &context)?;
        let question = Question { store, expr, when, options, begun };
        match self.attempt(&question, &shared, &budget) {
            // What was kept for other places may have been too much: by themselves they may pass.
            Err(EngineError::TooManySamples) if shared.shares => {
                let alone = plan(expr, &PlanContext { share: false, ..context })?;
                self.attempt(&question, &alone, &budget)
            }
            result => result,
        }
    }

    fn attempt(
        &self,
        question: &Question<'_>,
        plan: &Plan<'_>,
        budget: &Budget,
    ) -> Result<Answer, EngineError> {
        let Question { store, expr, when, options, begun } = *question;
        let querier = match plan.reach {
            Some(range) => Some(store.querier(range)?),
            None => None,
        };
        let per_step = self.options.per_step_stats && options.per_step_stats;
        let profile = options.explain.then(|| Profile::new(self.clock.as_ref(), plan.nodes));
        let evaluator = Evaluator::new(
            querier.as_deref(),
            budget,
            self.options.delayed_name_removal,
            self.options.use_start_timestamps,
        )
        .profiled(profile.as_ref())
        .counting(per_step.then_some(plan.steps.count));
        let prepared = self.clock.monotonic();
        let (raw, held) = evaluate(&evaluator, plan, expr.value_type())?;
        let evaluated = self.clock.monotonic();
        let value = raw.into_value(plan, when.step_ms == 0, budget)?;
        let sorted = self.clock.monotonic();
        let (annotations, looked) = evaluator.finish();
        let samples_per_step = looked.per_step.map(|all| plan.steps.times().zip(all).collect());
        let stats = QueryStats {
            total_queryable_samples: looked.total,
            peak_samples: budget.peak(),
            preparation: prepared.saturating_sub(begun),
            evaluation: evaluated.saturating_sub(prepared),
            sorting: sorted.saturating_sub(evaluated),
        };
        let explained = profile.map(|profile| Explained::of(plan, &profile.into_costs()));
        Ok(Answer { value, annotations, stats, samples_per_step, explained, held })
    }

    fn context(&self, when: When, options: &QueryOptions) -> PlanContext {
        PlanContext {
            steps: when.steps,
            start: when.steps.start,
            end: when.end,
            step_ms: when.step_ms,
            lookback_ms: options.lookback_delta_ms.unwrap_or(self.options.lookback_delta_ms),
            subquery_step_ms: self.subquery_step_ms.load(Ordering::Relaxed),
            share: self.options.share,
        }
    }
}

/// What evaluation gives, before it has the form of an answer.
enum Raw {
    Scalar(Vec<f64>),
    String(String),
    Vector(Vec<EvalSeries>),
    Matrix(Vec<MatrixSeries>),
}

fn evaluate(
    evaluator: &Evaluator<'_>,
    plan: &Plan<'_>,
    value_type: ValueType,
) -> Result<(Raw, Held), EngineError> {
    Ok(match (&plan.root.op, value_type) {
        (Op::String(text), _) => (Raw::String((*text).to_owned()), evaluator.budget.held()),
        (Op::Select(select), ValueType::Matrix) => {
            let samples = || evaluator.samples(select, plan.steps);
            let (matrix, held) = evaluator.timed(&plan.root, samples)?;
            (Raw::Matrix(matrix), held)
        }
        (Op::Subquery(subquery), _) => {
            let (matrix, held) = evaluator.timed(&plan.root, || evaluator.points(subquery))?;
            (Raw::Matrix(matrix), held)
        }
        (_, ValueType::Scalar) => {
            let (values, mut held) = evaluator.scalar(&plan.root, plan.steps)?;
            held.samples(plan.steps.count)?;
            (Raw::Scalar(values), held)
        }
        (_, _) => {
            let (series, held) = evaluator.collect(&plan.root, plan.steps)?;
            (Raw::Vector(series), held)
        }
    })
}

impl Raw {
    fn into_value(
        self,
        plan: &Plan<'_>,
        is_instant: bool,
        budget: &Budget,
    ) -> Result<Value, EngineError> {
        let t = plan.steps.start;
        Ok(match self {
            Self::String(text) => Value::String { t, text },
            Self::Scalar(values) if is_instant => {
                Value::Scalar { t, v: values.first().copied().unwrap_or(f64::NAN) }
            }
            Self::Scalar(values) => {
                let floats = plan.steps.times().zip(values).collect();
                let labels = Labels::empty();
                Value::Matrix(vec![MatrixSeries { labels, floats, histograms: Vec::new() }])
            }
            Self::Vector(series) => {
                let series = finish_names(series, budget)?;
                if is_instant { vector(series, t) } else { matrix(series, plan.steps, budget)? }
            }
            Self::Matrix(mut series) => {
                budget.sort(&mut series, &|a, b| a.labels.cmp(&b.labels))?;
                Value::Matrix(series)
            }
        })
    }
}

/// Drops the names that were to go at the end, and refuses series that are equal then.
fn finish_names(
    mut series: Vec<EvalSeries>,
    budget: &Budget,
) -> Result<Vec<EvalSeries>, EngineError> {
    for one in &mut series {
        if one.drop_name {
            one.labels = drop_name(&one.labels);
            one.drop_name = false;
        }
    }
    join_equal(series, budget)
}

fn vector(series: Vec<EvalSeries>, t: Timestamp) -> Value {
    let sample = |one: EvalSeries| {
        let value = match one.histogram(0) {
            Some(histogram) => SampleValue::Histogram(Box::new(Histogram::clone(histogram))),
            None => SampleValue::Float(one.column.get(0)?),
        };
        Some(VectorSample { labels: one.labels, t, value })
    };
    Value::Vector(series.into_iter().filter_map(sample).collect())
}

fn matrix(
    mut series: Vec<EvalSeries>,
    steps: Steps,
    budget: &Budget,
) -> Result<Value, EngineError> {
    budget.sort(&mut series, &|a, b| a.labels.cmp(&b.labels))?;
    let matrix = series.into_iter().enumerate().map(|(at, one)| {
        budget.check_at(at)?;
        Ok(one.into_matrix(steps))
    });
    Ok(Value::Matrix(matrix.collect::<Result<_, EngineError>>()?))
}
