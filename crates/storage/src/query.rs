//! Selecting: a consistent view of a time range, and the series in it.

use std::fmt;
use std::sync::Arc;

use model::{Matcher, TimeRange};

use crate::SeriesSet;

/// Why a selection failed.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Stored bytes that are not what was stored.
    #[error("{path}: {what} at byte {offset} is damaged")]
    Damaged {
        /// The file.
        path: std::path::PathBuf,
        /// Which part of it.
        what: &'static str,
        /// Where the part begins.
        offset: u64,
    },
    /// [`SelectHints::stop`] said so.
    #[error("the selection was interrupted")]
    Interrupted,
    /// The source, not one of ours perhaps, could not answer.
    #[error("{0}")]
    Source(String),
}

/// What a caller will do with the series, for stores that can use it. Ignoring all of it is right.
#[derive(Clone, Debug, Default)]
pub struct SelectHints {
    /// Distance of the evaluation steps, ms; 0 for an instant query.
    pub step_ms: i64,
    /// The function or aggregation around the selector; empty if there is none.
    pub func: String,
    /// Length of the range selected at each step, ms; 0 for an instant selector.
    pub range_ms: i64,
    /// At most so many series are wanted; 0 for all.
    pub limit: usize,
    /// Nothing outside will be read, though the view may be wider: a query has one view for all its
    /// selectors. `None` if that is not known.
    pub reach: Option<TimeRange>,
    /// Whether to go on. A store looks at it where a selection may take long, and fails with
    /// [`QueryError::Interrupted`].
    pub stop: Stop,
}

/// How many cheap elements of a loop go by before a [`Stop`] is looked at.
const LOOK_EVERY: usize = 256;

/// Says whether something that takes long is to end. By default it never is.
#[derive(Clone, Default)]
pub struct Stop(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Stop {
    /// Ends what asks once `when` is true; it must stay true then.
    pub fn when(when: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(when)))
    }

    /// Whether to end now.
    pub fn is_set(&self) -> bool {
        self.0.as_ref().is_some_and(|when| when())
    }

    /// Fails with [`QueryError::Interrupted`] if it is time to end.
    pub fn check(&self) -> Result<(), QueryError> {
        if self.is_set() { Err(QueryError::Interrupted) } else { Ok(()) }
    }

    /// The same now and then: for element number `at` of a loop whose elements are cheap.
    pub fn check_at(&self, at: usize) -> Result<(), QueryError> {
        if at.is_multiple_of(LOOK_EVERY) { self.check() } else { Ok(()) }
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { "Stop(set)" } else { "Stop(unset)" })
    }
}

/// Something series can be selected from.
pub trait Queryable: Send + Sync {
    /// A consistent view of everything between the ends of `range`, both inside.
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, QueryError>;
}

/// A consistent view of a time range.
pub trait Querier: Send + Sync {
    /// The series that pass all matchers, sorted by labels. A series may turn out to have no samples
    /// in the range.
    fn select<'a>(
        &'a self,
        matchers: &[Matcher],
        hints: &SelectHints,
    ) -> Result<Box<dyn SeriesSet<'a> + 'a>, QueryError>;

    /// The names of the labels that series passing all matchers have, sorted. Fails once `stop` says
    /// so, where it takes long.
    fn label_names(&self, matchers: &[Matcher], stop: &Stop) -> Result<Vec<String>, QueryError>;

    /// The values that series passing all matchers have for `name`, sorted. Stops as the names do.
    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        stop: &Stop,
    ) -> Result<Vec<String>, QueryError>;

    /// The range of this view.
    fn range(&self) -> TimeRange;
}
