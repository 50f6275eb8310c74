//! The check that nothing was lost, repeated or swapped.

use std::ops::Range;

/// Holes remembered at once. A server that makes more has failed the check long before.
const HOLES_KEPT: usize = 1_024;

/// What one event was to a [`Cursor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The one that had to come.
    Next,
    /// Events before it are missing (so far).
    Ahead,
    /// A missing one, after a later one: out of order.
    Late,
    /// One that was given before.
    Repeat,
}

/// Where one connection stands in one room's log, and what it was not given.
///
/// A room's `seq` is dense, so that the number alone tells: the next is the last plus one, and everything else is a fault.
#[derive(Clone, Debug)]
pub struct Cursor {
    last: u64,
    /// Seqs below `last` not given, in ascending order.
    holes: Vec<Range<u64>>,
    /// Missing seqs of holes that were forgotten.
    forgotten: u64,
}

impl Cursor {
    /// A cursor that has been given everything up to `head`.
    #[must_use]
    pub fn at(head: u64) -> Self {
        Self { last: head, holes: Vec::new(), forgotten: 0 }
    }

    /// The highest seq given or skipped.
    #[inline]
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Takes one event.
    #[inline]
    pub fn give(&mut self, seq: u64) -> Verdict {
        if seq == self.last + 1 {
            self.last = seq;
            return Verdict::Next;
        }
        self.fault(seq)
    }

    /// Takes a `gap` that names what is left out; returns how many seqs that is.
    ///
    /// Only what follows on the cursor without a hole is excused; the rest of a wrong `gap` stays missing.
    pub fn skip(&mut self, from: u64, to: u64) -> u64 {
        if from > self.last + 1 {
            self.open_hole(self.last + 1..from);
        }
        let skipped = (to + 1).saturating_sub(from.max(self.last + 1));
        self.last = self.last.max(to);
        skipped
    }

    /// How many seqs up to `head` were never given: in holes, and at the end.
    #[must_use]
    pub fn missing(&self, head: u64) -> u64 {
        let holes: u64 = self.holes.iter().map(|hole| hole.end - hole.start).sum();
        holes + self.forgotten + head.saturating_sub(self.last)
    }

    #[cold]
    fn fault(&mut self, seq: u64) -> Verdict {
        if seq > self.last {
            self.open_hole(self.last + 1..seq);
            self.last = seq;
            return Verdict::Ahead;
        }
        let Some(at) = self.holes.iter().position(|hole| hole.contains(&seq)) else {
            return Verdict::Repeat;
        };
        let hole = self.holes.remove(at);
        for rest in [seq + 1..hole.end, hole.start..seq] {
            if !rest.is_empty() {
                self.holes.insert(at, rest);
            }
        }
        Verdict::Late
    }

    fn open_hole(&mut self, hole: Range<u64>) {
        if self.holes.len() == HOLES_KEPT {
            let oldest = self.holes.remove(0);
            self.forgotten += oldest.end - oldest.start;
        }
        self.holes.push(hole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(cursor: &mut Cursor, seqs: &[u64]) -> Vec<Verdict> {
        seqs.iter().map(|seq| cursor.give(*seq)).collect()
    }

    #[test]
    fn a_dense_log_has_no_fault() {
        let mut cursor = Cursor::at(41);
        assert_eq!(verdicts(&mut cursor, &[42, 43, 44]), [Verdict::Next; 3]);
        assert_eq!((cursor.last(), cursor.missing(44)), (44, 0));
    }

    #[test]
    fn a_lost_one_is_missing_in_the_middle_and_at_the_end() {
        let mut cursor = Cursor::at(0);
        assert_eq!(
            verdicts(&mut cursor, &[1, 2, 4, 5]),
            [Verdict::Next, Verdict::Next, Verdict::Ahead, Verdict::Next]
        );
        assert_eq!(cursor.missing(5), 1);
        assert_eq!(cursor.missing(7), 3, "and the two that never came at the end");
    }

    #[test]
    fn a_repeated_one_is_seen_at_once_and_later() {
        let mut cursor = Cursor::at(0);
        assert_eq!(
            verdicts(&mut cursor, &[1, 1, 2, 3, 1]),
            [Verdict::Next, Verdict::Repeat, Verdict::Next, Verdict::Next, Verdict::Repeat]
        );
        assert_eq!(cursor.missing(3), 0);
    }

    #[test]
    fn swapped_ones_are_out_of_order_and_not_lost() {
        let mut cursor = Cursor::at(0);
        assert_eq!(
            verdicts(&mut cursor, &[1, 3, 2, 4]),
            [Verdict::Next, Verdict::Ahead, Verdict::Late, Verdict::Next]
        );
        assert_eq!(cursor.missing(4), 0);
        assert_eq!(cursor.give(2), Verdict::Repeat, "what came late is repeated after that");
    }

    #[test]
    fn a_hole_may_fill_from_its_middle() {
        let mut cursor = Cursor::at(0);
        cursor.give(6);
        assert_eq!(
            verdicts(&mut cursor, &[3, 3, 1, 5]),
            [Verdict::Late, Verdict::Repeat, Verdict::Late, Verdict::Late]
        );
        assert_eq!(cursor.missing(6), 2, "2 and 4");
    }

    #[test]
    fn a_gap_excuses_what_it_names_and_no_more() {
        let mut cursor = Cursor::at(10);
        assert_eq!(cursor.skip(11, 20), 10);
        assert_eq!((cursor.give(21), cursor.missing(21)), (Verdict::Next, 0));
        assert_eq!(cursor.skip(25, 30), 6, "22 to 24 were not named");
        assert_eq!((cursor.give(31), cursor.missing(31)), (Verdict::Next, 3));
        assert_eq!(cursor.skip(20, 31), 0, "an old gap changes nothing");
        assert_eq!(cursor.last(), 31);
    }

    #[test]
    fn holes_are_bounded_and_still_counted() {
        let mut cursor = Cursor::at(0);
        let last = 2 * (HOLES_KEPT as u64 + 10);
        for seq in (2..=last).step_by(2) {
            assert_eq!(cursor.give(seq), Verdict::Ahead);
        }
        assert_eq!(cursor.missing(last), last / 2);
        assert_eq!(cursor.holes.len(), HOLES_KEPT);
    }
}
