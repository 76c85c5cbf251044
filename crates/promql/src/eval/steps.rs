//! Steps: the moments an expression is evaluated at.

use model::Timestamp;

/// `count` moments from `start` on, `step_ms` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The first moment, ms since 1970.
    pub start: Timestamp,
    /// The distance between two; at least 1.
    pub step_ms: i64,
    /// How many there are; may be none.
    pub count: usize,
}

impl Steps {
    /// One moment.
    pub fn single(t: Timestamp) -> Self {
        Self { start: t, step_ms: 1, count: 1 }
    }

    /// Every `step_ms` from `start` up to `end`, both inside. None if `end` comes first.
    pub fn between(start: Timestamp, end: Timestamp, step_ms: i64) -> Self {
        let step_ms = step_ms.max(1);
        let count = match end.checked_sub(start) {
            Some(length) if length >= 0 => usize::try_from(length / step_ms + 1).unwrap_or(0),
            _ => 0,
        };
        Self { start, step_ms, count }
    }

    /// The moment of step `at`.
    #[inline]
    pub fn time(self, at: usize) -> Timestamp {
        let at = i64::try_from(at).expect("steps are counted in an i64 of milliseconds");
        self.start.saturating_add(self.step_ms.saturating_mul(at))
    }

    /// The last moment; the first if there is none.
    pub fn end(self) -> Timestamp {
        self.time(self.count.saturating_sub(1))
    }

    /// The first moment alone.
    #[must_use]
    pub fn first(self) -> Self {
        Self { count: self.count.min(1), ..self }
    }

    /// The same moments, each so much later.
    #[must_use]
    pub fn later(self, ms: i64) -> Self {
        Self { start: self.start.saturating_add(ms), ..self }
    }

    /// All moments in order.
    pub fn times(self) -> impl Iterator<Item = Timestamp> {
        (0..self.count).map(move |at| self.time(at))
    }
}

/// Where a selector looks, seen from a step: `@` fixes the moment, `offset` moves it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    /// The moment `@` names.
    pub at: Option<Timestamp>,
    /// How far back, ms; negative is forward.
    pub offset_ms: i64,
}

impl Shift {
    /// The moment to look at, at step time `t`.
    pub fn apply(self, t: Timestamp) -> Timestamp {
        self.at.unwrap_or(t).saturating_sub(self.offset_ms)
    }

    /// The different moments to look at: one if `@` fixes it, else one for each step.
    pub fn moments(self, steps: Steps) -> Steps {
        match self.at {
            Some(_) => Steps::single(self.apply(steps.start)),
            None => Steps { start: self.apply(steps.start), ..steps },
        }
    }

    /// The moment to look at for each step, in order.
    pub fn times(self, steps: Steps) -> impl Iterator<Item = Timestamp> {
        steps.times().map(move |t| self.apply(t))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_steps_if_the_distance_fits() {
        assert_eq!(Steps::between(0, 10, 5).times().collect::<Vec<_>>(), [0, 5, 10]);
        assert_eq!(Steps::between(0, 14, 5).end(), 10);
        assert_eq!(Steps::between(1, 0, 5).count, 0);
        assert_eq!(Steps::between(i64::MIN, i64::MAX, 1).count, 0);
    }

    #[test]
    fn offset_applies_behind_at() {
        let shift = Shift { at: Some(100), offset_ms: 30 };
        assert_eq!(shift.times(Steps::between(0, 10, 5)).collect::<Vec<_>>(), [70, 70, 70]);
        assert_eq!(Shift { at: None, offset_ms: -5 }.apply(1), 6);
    }
}
