//! One room: who is in it and what this turn has to bring them.

use std::ops::Range;

use clap::ValueEnum;

/// How a room's events are written to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// One write for each delivery: what a server without batching pays.
    PerDelivery,
    /// One write for each socket and turn, from one buffer for the whole room: the limit.
    Shared,
}

#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(crate) head: u64,
    pub(crate) members: Vec<usize>,
    /// The frames of this turn.
    pending: Vec<u8>,
    /// What of it goes into one write.
    runs: Vec<Range<usize>>,
}

impl Room {
    /// Takes the next seq for a frame that `write` appends; says whether it is the first of this turn.
    pub(crate) fn append(&mut self, mode: Mode, write: impl FnOnce(&mut Vec<u8>, u64)) -> bool {
        self.head += 1;
        let start = self.pending.len();
        write(&mut self.pending, self.head);
        let end = self.pending.len();
        match (mode, self.runs.last_mut()) {
            (Mode::Shared, Some(run)) => run.end = end,
            (Mode::PerDelivery, _) | (_, None) => self.runs.push(start..end),
        }
        start == 0
    }

    /// What to write to every member, one write each.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &[u8]> {
        self.runs.iter().map(|run| &self.pending[run.clone()])
    }

    pub(crate) fn turn_over(&mut self) {
        self.pending.clear();
        self.runs.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_one_run_or_one_a_frame() {
        for (mode, runs) in [(Mode::Shared, vec!["<1><2>"]), (Mode::PerDelivery, vec!["<1>", "<2>"])] {
            let mut room = Room::default();
            assert_eq!(room.runs().count(), 0);
            let write = |out: &mut Vec<u8>, seq| out.extend_from_slice(format!("<{seq}>").as_bytes());
            assert!(room.append(mode, write), "the first of its turn");
            assert!(!room.append(mode, write));
            assert!(room.runs().eq(runs.iter().map(|run| run.as_bytes())));
            room.turn_over();
            assert_eq!((room.runs().count(), room.head), (0, 2));
        }
    }
}
