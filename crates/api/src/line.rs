//! The line of queries that wait: clients take turns, each with its oldest query.
//!
//! One client that asks for a hundred things at once waits for ninety-nine of its own, and another one's
//! single query for one of them. The line has an end: when it is full, the client with the most in it
//! gives way, so that none can keep the others out.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Those of one client, each with a number.
type Queue<W> = VecDeque<(u64, W)>;

/// Who waits, by client.
pub(crate) struct Line<W> {
    /// The waiting of each client that has some, oldest first.
    waiting: HashMap<IpAddr, Queue<W>>,
    /// The clients that have some, in the order of their turns.
    turns: VecDeque<IpAddr>,
    len: usize,
    limit: usize,
}

impl<W> Line<W> {
    /// An empty line for so many at most.
    pub(crate) fn new(limit: usize) -> Self {
        Self { waiting: HashMap::new(), turns: VecDeque::new(), len: 0, limit }
    }

    /// Puts someone in line. If it is full, returns who has to go: the newest of the client with the
    /// most, which may be the one that came.
    pub(crate) fn push(&mut self, client: IpAddr, ticket: u64, who: W) -> Option<W> {
        let own = self.waiting.get(&client).map_or(0, VecDeque::len);
        let mut gone = None;
        if self.len >= self.limit {
            let longest = self.turns.iter().map(|c| (self.waiting[c].len(), *c)).max();
            match longest.filter(|(most, _)| *most > own + 1) {
                Some((_, other)) => gone = self.take(other, VecDeque::pop_back),
                None => return Some(who),
            }
        }
        if own == 0 {
            self.turns.push_back(client);
        }
        self.waiting.entry(client).or_default().push_back((ticket, who));
        self.len += 1;
        gone
    }

    /// Whose turn it is; its client's next turn is behind all others'.
    pub(crate) fn pop(&mut self) -> Option<W> {
        let client = *self.turns.front()?;
        let who = self.take(client, VecDeque::pop_front);
        if self.turns.front() == Some(&client) {
            self.turns.rotate_left(1);
        }
        who
    }

    /// Takes those out of the line that `goes` names.
    pub(crate) fn take_out(&mut self, mut goes: impl FnMut(u64, &W) -> bool) -> Vec<W> {
        let mut gone = Vec::new();
        for client in &self.turns {
            let queue = self.waiting.get_mut(client).expect("who has a turn waits");
            for (ticket, who) in std::mem::take(queue) {
                if goes(ticket, &who) {
                    gone.push(who);
                } else {
                    queue.push_back((ticket, who));
                }
            }
        }
        self.len -= gone.len();
        self.waiting.retain(|_, queue| !queue.is_empty());
        self.turns.retain(|client| self.waiting.contains_key(client));
        gone
    }

    fn take(&mut self, client: IpAddr, which: fn(&mut Queue<W>) -> Option<(u64, W)>) -> Option<W> {
        let queue = self.waiting.get_mut(&client)?;
        let (_, who) = which(queue)?;
        self.len -= 1;
        if queue.is_empty() {
            self.waiting.remove(&client);
            self.turns.retain(|other| *other != client);
        }
        Some(who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn client(n: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, n))
    }

    /// A line of these, each a client and a name; what did not fit is returned.
    fn line(limit: usize, all: &[(u8, &'static str)]) -> (Line<&'static str>, Vec<&'static str>) {
        let mut line = Line::new(limit);
        let push = |(ticket, (n, who)): (usize, &(u8, &'static str))| {
            line.push(client(*n), ticket as u64, *who)
        };
        let gone = all.iter().enumerate().filter_map(push).collect();
        (line, gone)
    }

    fn order(mut line: Line<&'static str>) -> Vec<&'static str> {
        let all = std::iter::from_fn(|| line.pop()).collect();
        assert!(line.len == 0 && line.turns.is_empty() && line.waiting.is_empty());
        all
    }

    #[test]
    fn clients_take_turns_and_each_keeps_its_order() {
        let (line, gone) = line(9, &[(1, "a"), (1, "b"), (1, "c"), (2, "x"), (3, "p"), (3, "q")]);
        assert!(gone.is_empty());
        assert_eq!(order(line), ["a", "x", "p", "b", "q", "c"]);
    }

    #[test]
    fn a_client_that_has_had_its_turn_is_behind_those_that_came_later() {
        let (mut line, _) = line(9, &[(1, "a"), (1, "b"), (1, "c")]);
        assert_eq!(line.pop(), Some("a"));
        line.push(client(2), 9, "x");
        assert_eq!(order(line), ["b", "x", "c"]);
    }

    #[test]
    fn a_full_line_sends_away_the_newest_of_whoever_has_the_most() {
        let (line, gone) = line(3, &[(1, "a"), (1, "b"), (1, "c"), (1, "d"), (2, "x"), (2, "y")]);
        assert_eq!(gone, ["d", "c", "y"]);
        assert_eq!(order(line), ["a", "x", "b"]);
    }

    #[test]
    fn whoever_leaves_the_line_is_not_missed() {
        let (mut line, _) = line(9, &[(1, "a"), (2, "x"), (1, "b"), (3, "p")]);
        assert_eq!(line.take_out(|ticket, who| ticket == 1 || *who == "a"), ["a", "x"]);
        assert_eq!(order(line), ["b", "p"]);
    }
}
