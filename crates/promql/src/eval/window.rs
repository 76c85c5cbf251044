//! The sliding window a range function sees: two pointers over the columns of one series.
//!
//! For each step a [`Window`] says which samples it covers; both its ends only ever rise. What is
//! made of a window by taking samples in one after the other slides through a [`Queue`], so that
//! long windows cost no more than short ones. Nothing is ever subtracted from a running sum: that
//! loses digits. Stale markers are gone before a function sees anything.

use std::borrow::Cow;
use std::cmp::Ordering;

use model::Timestamp;
use model::sample::is_stale;
use storage::Columns;

use super::budget::Budget;
use super::steps::{Shift, Steps};

/// A window of so many samples is walked anew at each step, in Prometheus's order of addition and so
/// with its very bits; longer ones slide.
const SHORT: usize = 24;

/// All windows of a series together are walked anew if they have so few samples, however long each is.
const FEW: usize = 1024;

/// So many values are looked at before it is asked what came of it.
const TOGETHER: usize = 32;

/// More values than these that do not rise, besides one in each [`TOGETHER`], are too many to note.
const MOST_BREAKS: usize = 16;

/// How many windows are walked before the clock is looked at; whether anybody still waits is asked at
/// each.
const LOOK_EVERY: usize = 16;

/// The windows of one series, one for each step.
pub struct Windows<'a> {
    times: Cow<'a, [Timestamp]>,
    values: Cow<'a, [f64]>,
    steps: Steps,
    shift: Shift,
    range_ms: i64,
    bounds: Vec<Window>,
    looked_at: u64,
    /// Where values do not rise, if that is known.
    breaks: Option<Vec<usize>>,
    budget: Option<&'a Budget>,
}

/// The samples one step sees, as places in the columns: `from` inside, `to` outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Which step.
    pub step: usize,
    /// The oldest sample.
    pub from: usize,
    /// One behind the newest.
    pub to: usize,
}

impl Window {
    /// How many samples it covers; at least one.
    pub fn count(self) -> usize {
        self.to - self.from
    }
}

impl<'a> Windows<'a> {
    /// The windows that reach `range_ms` back from where `shift` looks at each step. A sample at the
    /// far edge is outside.
    pub fn new(columns: &'a Columns, shift: Shift, steps: Steps, range_ms: i64) -> Self {
        let (times, values, breaks) = without_markers(&columns.timestamps, &columns.values);
        let mut bounds = Vec::with_capacity(steps.count);
        let (mut from, mut to, mut looked_at) = (0, 0, 0);
        // How many samples came and went at the step before; mostly as many do at the next.
        let (mut newer, mut older) = (0, 0);
        for (step, end) in shift.times(steps).enumerate() {
            let edge = end.saturating_sub(range_ms);
            newer = passed_about(&times[to..], end, newer);
            to += newer;
            older = passed_about(&times[from..to], edge, older);
            from += older;
            if from < to {
                bounds.push(Window { step, from, to });
                looked_at += (to - from) as u64;
            }
        }
        Self { times, values, steps, shift, range_ms, bounds, looked_at, breaks, budget: None }
    }

    /// The same, which end early once the budget is over. Whoever walks them has to look at it then.
    #[must_use]
    pub fn under(self, budget: &'a Budget) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// The windows that cover any sample, in the order of their steps.
    pub fn iter(&self) -> impl Iterator<Item = Window> + '_ {
        self.bounds.iter().copied().take_while(move |window| {
            self.budget.is_none_or(|budget| match window.step % LOOK_EVERY {
                0 => !budget.is_over(),
                _ => !budget.is_canceled(),
            })
        })
    }

    /// Sorts; returns whether to go on, which is not so once the budget is over.
    pub fn sort<T>(&self, all: &mut [T], order: &dyn Fn(&T, &T) -> Ordering) -> bool {
        match self.budget {
            Some(budget) => budget.sort(all, order).is_ok(),
            None => {
                all.sort_by(order);
                true
            }
        }
    }

    /// How many samples the windows cover together; one that is in two of them counts twice.
    pub fn looked_at(&self) -> u64 {
        self.looked_at
    }

    /// The times of the samples.
    pub fn times(&self) -> &[Timestamp] {
        &self.times
    }

    /// The values of the samples.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The places of values that are less than the one before, or one of the two is a NaN; `None` if that is
    /// not known, for there are many.
    pub fn breaks(&self) -> Option<&[usize]> {
        self.breaks.as_deref()
    }

    /// The values a window covers.
    pub fn of(&self, window: Window) -> &[f64] {
        &self.values[window.from..window.to]
    }

    /// The moment at which a window ends, ms; it belongs to the window.
    pub fn end_ms(&self, window: Window) -> Timestamp {
        self.shift.apply(self.steps.time(window.step))
    }

    /// The time of evaluation, ms, wherever the window lies.
    pub fn now_ms(&self, window: Window) -> Timestamp {
        self.steps.time(window.step)
    }

    /// How far a window reaches back, ms.
    pub fn range_ms(&self) -> i64 {
        self.range_ms
    }

    /// Whether walking each window costs no more than a few samples per step, a few times the samples
    /// there are, or little in any case.
    pub fn are_short(&self) -> bool {
        self.looked_at <= (FEW + SHORT * self.bounds.len() + 2 * self.values.len()) as u64
    }
}

impl std::fmt::Debug for Windows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let samples = self.times.len();
        write!(f, "Windows({samples} samples, {} windows)", self.bounds.len())
    }
}

/// A series without its stale markers, and its breaks, if they are known.
type Samples<'a> = (Cow<'a, [Timestamp]>, Cow<'a, [f64]>, Option<Vec<usize>>);

fn without_markers<'a>(times: &'a [Timestamp], values: &'a [f64]) -> Samples<'a> {
    let breaks = breaks(values);
    let has_markers = match &breaks {
        // A NaN has a break before it and one behind it.
        Some(breaks) if values.len() > 1 => {
            breaks.iter().any(|at| is_stale(values[at - 1]) || is_stale(values[*at]))
        }
        _ => may_have_nan(values) && values.iter().any(|v| is_stale(*v)),
    };
    if !has_markers {
        return (Cow::Borrowed(times), Cow::Borrowed(values), breaks);
    }
    let kept = times.iter().zip(values).filter(|(_, v)| !is_stale(**v));
    let (times, values): (Vec<_>, Vec<_>) = kept.map(|(t, v)| (*t, *v)).unzip();
    (Cow::Owned(times), Cow::Owned(values), None)
}

/// The places of values that do not rise: less than the one before, or one of the two a NaN. `None` if they
/// are many, or may be.
///
/// Counters have few, and then one look at the values is all it takes to know what has to be left out of
/// them and what made up for. Has no branch for each value.
fn breaks(values: &[f64]) -> Option<Vec<usize>> {
    let most = MOST_BREAKS + values.len() / TOGETHER;
    let does_rise = |at: usize| values[at - 1] <= values[at];
    let mut breaks = Vec::new();
    let mut from = 1;
    let now = values.get(1..).unwrap_or_default().as_chunks::<TOGETHER>().0;
    for (before, now) in values.as_chunks::<TOGETHER>().0.iter().zip(now) {
        let mut all_rise = true;
        for (before, now) in before.iter().zip(now) {
            all_rise &= before <= now;
        }
        if !all_rise {
            breaks.extend((from..from + TOGETHER).filter(|at| !does_rise(*at)));
            if breaks.len() > most {
                return None;
            }
        }
        from += TOGETHER;
    }
    breaks.extend((from..values.len()).filter(|at| !does_rise(*at)));
    Some(breaks)
}

/// False only if there is neither NaN nor infinity. Has no branch for each value, and eight sums that do
/// not wait for one another.
fn may_have_nan(values: &[f64]) -> bool {
    let (eights, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        // Zero times anything else is zero.
        sums.iter_mut().zip(eight).for_each(|(sum, value)| *sum += value * 0.0);
    }
    sums.iter().chain(rest).any(|value| (value * 0.0).is_nan())
}

/// How many of the first `times` lie at or before `moment`.
///
/// Equals `times.partition_point(|t| *t <= moment)`, in steps of doubling length, so that near
/// moments cost little and far ones no scan.
pub(super) fn passed(times: &[Timestamp], moment: Timestamp) -> usize {
    let mut reach = 1;
    while reach <= times.len() && times[reach - 1] <= moment {
        reach *= 2;
    }
    let from = reach / 2;
    let to = (reach - 1).min(times.len());
    from + times[from..to].partition_point(|t| *t <= moment)
}

/// The same, where it may well be about as many as `guess`.
pub(super) fn passed_about(times: &[Timestamp], moment: Timestamp, guess: usize) -> usize {
    let is_right = |count: usize| {
        let last = count.checked_sub(1).map(|at| times.get(at));
        let all_passed = last.is_none_or(|last| last.is_some_and(|t| *t <= moment));
        all_passed && times.get(count).is_none_or(|t| *t > moment)
    };
    let near = [guess, guess + 1, guess.saturating_sub(1)];
    near.into_iter().find(|count| is_right(*count)).unwrap_or_else(|| passed(times, moment))
}

/// What can be put together from neighbouring pieces.
pub trait Monoid: Copy {
    /// What nothing at all comes to.
    const EMPTY: Self;

    /// This and, behind it, `newer`.
    #[must_use]
    fn merge(self, newer: Self) -> Self;
}

/// A queue that knows what all it holds comes to.
///
/// Equals merging all elements of the window anew. It is two stacks: the front one holds for each
/// element what it and all behind it come to, down to `middle`; what came later is merged into
/// `back`. Once the front is used up, the back becomes the front, so each element is merged twice.
pub struct Queue<M> {
    front: Vec<M>,
    front_from: usize,
    middle: usize,
    back: M,
    back_to: usize,
}

impl<M: Monoid> Queue<M> {
    /// An empty queue.
    pub fn new() -> Self {
        Self { front: Vec::new(), front_from: 0, middle: 0, back: M::EMPTY, back_to: 0 }
    }

    /// What the elements from `from` to before `to` come to. Neither end may fall from call to call.
    pub fn slide(&mut self, from: usize, to: usize, element: impl Fn(usize) -> M) -> M {
        if from >= self.middle {
            self.front.clear();
            let mut all = M::EMPTY;
            for at in (from..to).rev() {
                all = element(at).merge(all);
                self.front.push(all);
            }
            self.front.reverse();
            (self.front_from, self.middle, self.back, self.back_to) = (from, to, M::EMPTY, to);
            return all;
        }
        while self.back_to < to {
            self.back = self.back.merge(element(self.back_to));
            self.back_to += 1;
        }
        self.front[from - self.front_from].merge(self.back)
    }
}

impl<M: Monoid> Default for Queue<M> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::sample::STALE_NAN;
    use proptest::prelude::*;

    fn columns(samples: &[(i64, f64)]) -> Columns {
        let (timestamps, values) = samples.iter().copied().unzip();
        Columns { timestamps, values, ..Columns::default() }
    }

    #[test]
    fn a_window_is_open_to_the_left_and_closed_to_the_right() {
        let columns = columns(&[(0, 0.0), (10, 1.0), (20, 2.0), (30, 3.0)]);
        let windows = Windows::new(&columns, Shift::default(), Steps::between(10, 50, 10), 20);
        let found: Vec<_> = windows.iter().map(|w| (w.step, windows.of(w).to_vec())).collect();
        let expected =
            [(0, vec![0.0, 1.0]), (1, vec![1.0, 2.0]), (2, vec![2.0, 3.0]), (3, vec![3.0])];
        assert_eq!(found, expected);
        assert_eq!(windows.looked_at(), 7);
    }

    #[test]
    fn one_that_is_no_number_is_found_wherever_it_stands() {
        for len in [1, 7, 8, 9, 40] {
            let mut values = vec![1e300; len];
            assert!(!may_have_nan(&values));
            for at in 0..len {
                for value in [STALE_NAN, f64::NAN, f64::INFINITY] {
                    let before = std::mem::replace(&mut values[at], value);
                    assert!(may_have_nan(&values), "{value} at {at} of {len}");
                    values[at] = before;
                }
            }
        }
    }

    #[test]
    fn many_breaks_are_not_noted() {
        let gauge: Vec<f64> = (0u32..4000).map(|i| f64::from(i % 2)).collect();
        assert_eq!(breaks(&gauge), None);
    }

    #[test]
    fn stale_markers_are_skipped_and_older_samples_stay() {
        let columns = columns(&[(1, 1.0), (2, STALE_NAN), (3, f64::NAN)]);
        let windows = Windows::new(&columns, Shift::default(), Steps::single(3), 5);
        assert_eq!(windows.times(), [1, 3]);
    }

    #[test]
    fn at_fixes_the_window_for_all_steps() {
        let columns = columns(&[(1, 1.0), (2, 2.0)]);
        let shift = Shift { at: Some(2), offset_ms: 1 };
        let windows = Windows::new(&columns, shift, Steps::between(0, 20, 10), 5);
        assert!(windows.iter().all(|w| windows.of(w) == [1.0] && windows.end_ms(w) == 1));
        assert_eq!(windows.iter().map(|w| windows.now_ms(w)).collect::<Vec<_>>(), [0, 10, 20]);
    }

    /// Which elements were merged, and whether in order.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Run(Option<(usize, usize)>);

    impl Monoid for Run {
        const EMPTY: Self = Self(None);
        fn merge(self, newer: Self) -> Self {
            match (self.0, newer.0) {
                (Some((from, middle)), Some((next, to))) => {
                    assert_eq!(middle, next, "merged out of order");
                    Self(Some((from, to)))
                }
                (one, other) => Self(one.or(other)),
            }
        }
    }

    proptest! {
        #[test]
        fn a_queue_merges_exactly_the_window_in_order(
            moves in prop::collection::vec((0usize..9, 0usize..9), 1..50)
        ) {
            let (mut from, mut to) = (0, 0);
            let mut queue = Queue::new();
            for (by_from, by_to) in moves {
                to = (to + by_to).max(from + by_from);
                from += by_from;
                let all = queue.slide(from, to, |at| Run(Some((at, at + 1))));
                prop_assert_eq!(all, Run((from < to).then_some((from, to))));
            }
        }

        #[test]
        fn breaks_are_where_values_do_not_rise_and_markers_next_to_them(
            steps in prop::collection::vec((0u8..3).prop_map(f64::from), 0..200),
            others in prop::collection::vec((0usize..200, 0usize..3), 0..5),
        ) {
            let mut values: Vec<f64> = Vec::new();
            for step in steps {
                values.push(values.last().copied().unwrap_or_default() + step);
            }
            for (at, kind) in others {
                if let Some(value) = values.get_mut(at) {
                    *value = [STALE_NAN, f64::NAN, -1.0][kind];
                }
            }
            let does_rise = |at: usize| values[at - 1] <= values[at];
            let expected: Vec<usize> = (1..values.len()).filter(|at| !does_rise(*at)).collect();
            prop_assert_eq!(breaks(&values), Some(expected));

            let times: Vec<i64> = (0..).take(values.len()).collect();
            let (kept_times, kept, _) = without_markers(&times, &values);
            let expected = times.iter().zip(&values).filter(|(_, v)| !is_stale(**v));
            let expected: Vec<(i64, u64)> = expected.map(|(t, v)| (*t, v.to_bits())).collect();
            let bits = kept.iter().map(|v| v.to_bits());
            prop_assert_eq!(kept_times.iter().copied().zip(bits).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn doubling_finds_what_bisection_finds(
            mut times in prop::collection::vec(0i64..50, 0..40), moment in -5i64..60,
        ) {
            times.sort_unstable();
            times.dedup();
            let expected = times.partition_point(|t| *t <= moment);
            prop_assert_eq!(passed(&times, moment), expected);
            for guess in 0..45 {
                prop_assert_eq!(passed_about(&times, moment, guess), expected);
            }
        }
    }
}
