//! How many samples a query looked at: what `stats` says of it.
//!
//! A sample counts at each step that sees it. As in Prometheus, what is the same at every step counts
//! at every step though it is evaluated once, and of a subquery its points count where a window sees
//! them, not what was read to make them.

use super::Evaluator;
use super::column::Column;
use super::window::Windows;

/// Samples looked at, by step too if that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// All of them.
    pub total: u64,
    /// Those of each step.
    pub per_step: Option<Vec<u64>>,
}

impl Looked {
    /// None yet, counted for each of `steps` if there are any.
    pub(super) fn none(steps: Option<usize>) -> Self {
        Self { total: 0, per_step: steps.map(|steps| vec![0; steps]) }
    }

    /// Counts one sample at each step that has a value.
    pub(super) fn column(&mut self, column: &Column) {
        self.total += column.count() as u64;
        if let Some(per_step) = &mut self.per_step {
            column.iter().for_each(|(step, _)| per_step[step] += 1);
        }
    }

    /// Counts the samples of each window.
    pub(super) fn windows(&mut self, windows: &Windows<'_>) {
        self.total += windows.looked_at();
        if let Some(per_step) = &mut self.per_step {
            windows.iter().for_each(|window| per_step[window.step] += window.count() as u64);
        }
    }

    /// Counts so many samples at one step.
    pub(super) fn at(&mut self, step: usize, samples: u64) {
        self.total += samples;
        if let Some(per_step) = &mut self.per_step {
            per_step[step] += samples;
        }
    }

    /// Counts what something else counted, too.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.total += other.total;
        if let (Some(per_step), Some(others)) = (&mut self.per_step, &other.per_step) {
            per_step.iter_mut().zip(others).for_each(|(all, more)| *all += more);
        }
    }
}

impl Evaluator<'_> {
    /// Counts what was looked at for the node at work.
    pub(super) fn count_looked(&self, looked: &Looked) {
        self.budget.count_read(looked.total);
        self.looked.borrow_mut().absorb(looked);
    }

    /// Nothing looked at yet, counted as the node at work counts, at so many steps.
    pub(super) fn nothing_looked_at(&self, steps: usize) -> Looked {
        Looked::none(self.looked.borrow().per_step.as_ref().map(|_| steps))
    }

    /// Evaluates something whose samples are not those of the node at work; returns how many it
    /// looked at.
    pub(super) fn apart<T>(&self, evaluate: impl FnOnce() -> T) -> (T, u64) {
        let own = self.looked.take();
        let result = evaluate();
        let theirs = self.looked.replace(own);
        (result, theirs.total)
    }

    /// Counts so many samples at each of these steps: what was evaluated once stands for all.
    pub(super) fn count_everywhere(&self, samples: u64, steps: usize) {
        let mut looked = self.looked.borrow_mut();
        looked.total += samples * steps as u64;
        if let Some(per_step) = &mut looked.per_step {
            per_step.iter_mut().for_each(|all| *all += samples);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted_only_if_asked_for() {
        let mut column = Column::absent(3);
        column.set(1, 0.0);
        for (steps, per_step) in [(None, None), (Some(3), Some(vec![2, 1, 0]))] {
            let mut looked = Looked::none(steps);
            looked.column(&column);
            looked.at(0, 2);
            assert_eq!(looked, Looked { total: 3, per_step: per_step.clone() });
            let mut all = Looked::none(steps);
            all.absorb(&looked);
            assert_eq!(all, looked);
        }
    }
}
