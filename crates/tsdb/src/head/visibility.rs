//! Which commits a view sees.
//!
//! Commits are numbered in the order in which they are applied, one at a time. A view sees all up to
//! the last one that was applied when it was made. While there are views, series remember what they
//! were like before each commit that some view does not see (`series`), and the index which series
//! are new (`labels`).

use std::collections::BTreeMap;

/// The number of a commit, from 1.
pub(super) type CommitNumber = u64;

/// Commits and the views that look at them.
#[derive(Debug, Default)]
pub(super) struct Visibility {
    /// The last commit that was applied, whole.
    applied: CommitNumber,
    /// The last commit that views see, with how many views see just that.
    views: BTreeMap<CommitNumber, usize>,
}

/// What a commit must know of the views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Viewers {
    /// The last commit that the oldest view sees; `None` without views.
    pub(super) oldest: Option<CommitNumber>,
}

impl Visibility {
    /// A view begins: the last commit it sees. To be given back with [`Visibility::end_view`].
    pub(super) fn begin_view(&mut self) -> CommitNumber {
        *self.views.entry(self.applied).or_default() += 1;
        self.applied
    }

    pub(super) fn end_view(&mut self, seen: CommitNumber) {
        if let Some(count) = self.views.get_mut(&seen) {
            *count -= 1;
            if *count == 0 {
                self.views.remove(&seen);
            }
        }
    }

    /// The number of the commit that is applied next, and who must not see it yet. While it is being
    /// applied, no view begins: whoever applies it holds `self`.
    pub(super) fn begin_commit(&self) -> (CommitNumber, Viewers) {
        let oldest = self.views.first_key_value().map(|(seen, _)| *seen);
        (self.applied + 1, Viewers { oldest })
    }

    /// The commit is applied, whole.
    pub(super) fn end_commit(&mut self) {
        self.applied += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_view_is_the_one_that_matters() {
        let mut visibility = Visibility::default();
        assert_eq!(visibility.begin_commit(), (1, Viewers { oldest: None }));
        visibility.end_commit();
        let (a, b) = (visibility.begin_view(), visibility.begin_view());
        visibility.end_commit();
        let c = visibility.begin_view();
        assert_eq!((a, b, c), (1, 1, 2));
        for (ended, oldest) in [(a, Some(1)), (b, Some(2)), (c, None)] {
            visibility.end_view(ended);
            assert_eq!(visibility.begin_commit(), (3, Viewers { oldest }));
        }
    }
}
