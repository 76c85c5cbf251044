//! How a change between the first and the last sample of a window stands for the whole range.

use model::Timestamp;

/// What is known of the samples of a window, of either kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampled {
    /// The moment from which on the change was seen, ms: the first sample's, or that at which its
    /// counter began at zero.
    pub(crate) from: Timestamp,
    /// Whether nothing of the change can lie before that moment.
    pub(crate) begins_there: bool,
    /// Time of the last sample, ms.
    pub(crate) to: Timestamp,
    /// The mean distance of samples, s.
    pub(crate) spacing: f64,
    /// The moment at which the range ends, ms.
    pub(crate) end: Timestamp,
    /// How far the range reaches back, ms.
    pub(crate) range_ms: i64,
}

impl Sampled {
    /// Of a window of `count` samples, two at least, the first and the last at these times.
    pub(crate) fn between(first: Timestamp, last: Timestamp, count: usize) -> Self {
        let spacing = seconds(last - first) / (count - 1) as f64;
        Self { from: first, begins_there: false, to: last, spacing, end: last, range_ms: 0 }
    }

    /// Within the range that ends at `end` and reaches `range_ms` back.
    pub(crate) fn within(self, end: Timestamp, range_ms: i64) -> Self {
        Self { end, range_ms, ..self }
    }

    /// By what the change is multiplied to stand for the whole range.
    ///
    /// Towards each edge the change goes on for as far as the edge is, but if that is farther than
    /// 1.1 times the mean distance of samples, for half such a distance: the series began or ended
    /// there. A counter, given by its first value and its increase, does not go back beyond the moment
    /// when it would have been zero.
    pub(crate) fn factor(self, counter: Option<(f64, f64)>) -> f64 {
        let sampled = seconds(self.to - self.from);
        let near = self.spacing * 1.1;
        let mut to_start = seconds(self.from - self.end.saturating_sub(self.range_ms));
        let mut to_end = seconds(self.end - self.to);
        if to_start >= near {
            to_start = self.spacing / 2.0;
        }
        if let Some((value, increase)) = counter
            && increase > 0.0
            && value >= 0.0
        {
            let to_zero = sampled * (value / increase);
            if to_zero < to_start {
                to_start = to_zero;
            }
        }
        if self.begins_there {
            to_start = 0.0;
        }
        if to_end >= near {
            to_end = self.spacing / 2.0;
        }
        (sampled + to_start + to_end) / sampled
    }
}

/// A distance in ms as seconds.
pub(crate) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
