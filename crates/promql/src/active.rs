//! The queries under way, waiting ones included: what they are, what they have used, and how they
//! are ended from outside.
//!
//! Whoever begins a query registers it and keeps the [`Tracked`] for as long as the query waits or
//! runs; dropped, it is gone from the list. The list never holds a query up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use model::{Clock, Timestamp};

use crate::eval::budget::{CancelToken, Usage};

/// All queries under way.
pub struct ActiveQueries {
    clock: Arc<dyn Clock>,
    last: AtomicU64,
    queries: Mutex<BTreeMap<u64, Arc<Active>>>,
}

/// What is known of a query when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What kind of query it is: `instant`, `range`, `rule`, …
    pub kind: &'static str,
    /// Its text.
    pub text: Arc<str>,
    /// Who asks; empty if nobody outside does.
    pub client: String,
}

/// A query as the list knows it.
struct Active {
    id: u64,
    asked: Asked,
    begun_ms: Timestamp,
    begun: Duration,
    running: OnceLock<Duration>,
    cancel: CancelToken,
    usage: Usage,
}

/// A query under way, as it is at the moment of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveQuery {
    /// Its number; never another query's while the process lives.
    pub id: u64,
    /// What was asked, and by whom.
    pub asked: Asked,
    /// When it began, its waiting included, ms.
    pub begun_ms: Timestamp,
    /// How long ago that was.
    pub elapsed: Duration,
    /// How long it waited for its turn, or has been waiting for it.
    pub waited: Duration,
    /// Whether it has had its turn.
    pub is_running: bool,
    /// What it has used.
    pub usage: Usage,
}

impl ActiveQueries {
    /// An empty list; `clock` measures how long queries take.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, last: AtomicU64::new(0), queries: Mutex::default() }
    }

    /// Registers a query, which waits for its turn. It ends when `cancel` says so, or the list.
    pub fn begin(self: &Arc<Self>, asked: Asked, cancel: &CancelToken) -> Tracked {
        let query = Arc::new(Active {
            id: self.last.fetch_add(1, Ordering::Relaxed) + 1,
            asked,
            begun_ms: self.clock.now_ms(),
            begun: self.clock.monotonic(),
            running: OnceLock::new(),
            cancel: cancel.child(),
            usage: Usage::default(),
        });
        self.lock().insert(query.id, Arc::clone(&query));
        Tracked { all: Arc::clone(self), query }
    }

    /// The queries under way, oldest first.
    pub fn list(&self) -> Vec<ActiveQuery> {
        let now = self.clock.monotonic();
        let one = |query: &Arc<Active>| {
            let running = query.running.get().copied();
            ActiveQuery {
                id: query.id,
                asked: query.asked.clone(),
                begun_ms: query.begun_ms,
                elapsed: now.saturating_sub(query.begun),
                waited: running.unwrap_or(now).saturating_sub(query.begun),
                is_running: running.is_some(),
                usage: query.usage.clone(),
            }
        };
        self.lock().values().map(one).collect()
    }

    /// Tells a query to end; returns whether there is one of this number.
    pub fn cancel(&self, id: u64) -> bool {
        let queries = self.lock();
        let query = queries.get(&id);
        query.inspect(|query| query.cancel.cancel()).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Active>>> {
        self.queries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A query's place in the list; gone from it when dropped.
pub struct Tracked {
    all: Arc<ActiveQueries>,
    query: Arc<Active>,
}

impl Tracked {
    /// Notes that its waiting is over; returns how long that took.
    pub fn run(&self) -> Duration {
        let now = *self.query.running.get_or_init(|| self.all.clock.monotonic());
        now.saturating_sub(self.query.begun)
    }

    /// How the query finds out that it is to end.
    pub fn cancel(&self) -> &CancelToken {
        &self.query.cancel
    }

    /// Where the query notes what it uses.
    pub fn usage(&self) -> &Usage {
        &self.query.usage
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.all.lock().remove(&self.query.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::clock::ManualClock;

    fn asked(text: &str) -> Asked {
        Asked { kind: "instant", text: text.into(), client: String::new() }
    }

    #[test]
    fn a_query_is_listed_from_its_begin_to_its_end() {
        let clock = Arc::new(ManualClock::at(5000));
        let all = Arc::new(ActiveQueries::new(Arc::clone(&clock) as _));
        let second = Duration::from_secs(1);
        let one = all.begin(asked("a"), &CancelToken::default());
        clock.advance(second);
        let two = all.begin(asked("b"), &CancelToken::default());
        assert_eq!(one.run(), second);
        clock.advance(second);
        let listed = all.list();
        let told: Vec<_> = listed.iter().map(|q| (&*q.asked.text, q.elapsed, q.waited)).collect();
        assert_eq!(told, [("a", 2 * second, second), ("b", second, second)]);
        assert_eq!(listed.iter().map(|q| q.is_running).collect::<Vec<_>>(), [true, false]);
        assert_eq!((listed[0].begun_ms, listed[1].begun_ms), (5000, 6000));
        drop(one);
        assert_eq!(all.list().iter().map(|q| q.id).collect::<Vec<_>>(), [2]);
        drop(two);
        assert!(all.list().is_empty());
    }

    #[test]
    fn a_query_is_cancelled_by_its_number_or_from_above() {
        let all = Arc::new(ActiveQueries::new(Arc::new(ManualClock::at(0))));
        let above = CancelToken::default();
        let (one, two) = (all.begin(asked("a"), &above), all.begin(asked("b"), &above));
        assert!(all.cancel(1) && !all.cancel(7));
        assert!(one.cancel().is_canceled() && !two.cancel().is_canceled());
        above.cancel();
        assert!(two.cancel().is_canceled());
    }
}
