//! One room, as the generator sees it.

use std::collections::VecDeque;

#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) id: u64,
    /// The connections that publish here.
    pub(crate) publishers: Vec<usize>,
    /// Connections that are live.
    pub(crate) live: u32,
    /// The highest seq an answer named.
    pub(crate) acked: u64,
    /// Publishes that have not ended, where everyone is waited for.
    pub(crate) open: u32,
    /// Whose turn it is to publish, where everyone is waited for.
    pub(crate) turn: usize,
    pub(crate) spread: Spread,
}

impl Room {
    pub(crate) fn new(id: u64) -> Self {
        Self { id, publishers: Vec::new(), live: 0, acked: 0, open: 0, turn: 0, spread: Spread::default() }
    }
}

/// How many connections have been given each of the newest events.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    /// The oldest event that not everyone has.
    first: u64,
    counts: VecDeque<u32>,
}

/// An event further ahead than this is no event of ours.
const AHEAD_MAX: u64 = 1 << 20;

impl Spread {
    pub(crate) fn from(head: u64) -> Self {
        Self { first: head + 1, counts: VecDeque::new() }
    }

    /// Counts one delivery of `seq`.
    pub(crate) fn note(&mut self, seq: u64) {
        let Some(at) = seq.checked_sub(self.first).filter(|at| *at < AHEAD_MAX) else {
            return;
        };
        let at = at as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += 1;
    }

    /// Drops the oldest events that all `live` connections have; returns how many.
    pub(crate) fn settle(&mut self, live: u32) -> u32 {
        let mut settled = 0;
        while self.counts.front().is_some_and(|count| *count >= live) {
            self.counts.pop_front();
            self.first += 1;
            settled += 1;
        }
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_settles_when_everyone_has_it() {
        let mut spread = Spread::from(10);
        for seq in [11, 11, 12, 12, 12, 9] {
            spread.note(seq);
        }
        assert_eq!(spread.settle(3), 0, "the oldest first");
        spread.note(11);
        assert_eq!(spread.settle(3), 2);
        assert_eq!(spread.settle(3), 0);
        spread.note(13);
        assert_eq!(spread.settle(1), 1, "who has gone is not waited for");
    }
}
