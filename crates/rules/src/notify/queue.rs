//! Alerts that wait to be sent: a bounded queue that gives up its oldest.

use std::collections::VecDeque;

use super::Alert;

/// Alerts that wait. Never more than its capacity.
#[derive(Debug)]
pub(super) struct Queue {
    alerts: VecDeque<Alert>,
    capacity: usize,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self { alerts: VecDeque::new(), capacity: capacity.max(1) }
    }

    /// Adds alerts; returns how many older ones had to go.
    pub(super) fn push(&mut self, alerts: Vec<Alert>) -> usize {
        self.alerts.extend(alerts);
        let over = self.alerts.len().saturating_sub(self.capacity);
        self.alerts.drain(..over);
        over
    }

    /// Takes the oldest alerts, `most` at most.
    pub(super) fn take(&mut self, most: usize) -> Vec<Alert> {
        let count = most.max(1).min(self.alerts.len());
        self.alerts.drain(..count).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.alerts.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Labels;

    fn alert(name: &str) -> Alert {
        Alert {
            labels: Labels::from_pairs([("alertname", name)]),
            annotations: Labels::empty(),
            starts_at_ms: 0,
            ends_at_ms: 0,
            generator_url: String::new(),
        }
    }

    fn names(alerts: &[Alert]) -> Vec<&str> {
        alerts.iter().map(|alert| alert.labels.get("alertname")).collect()
    }

    #[test]
    fn the_oldest_go_when_it_is_full() {
        let mut queue = Queue::new(3);
        assert_eq!(queue.push(vec![alert("a"), alert("b")]), 0);
        assert_eq!(queue.push(vec![alert("c"), alert("d")]), 1);
        assert_eq!(names(&queue.take(2)), ["b", "c"]);
        assert_eq!(queue.push(vec![alert("e"), alert("f"), alert("g"), alert("h")]), 2);
        assert_eq!(names(&queue.take(9)), ["f", "g", "h"]);
        assert_eq!(queue.len(), 0);
    }
}
