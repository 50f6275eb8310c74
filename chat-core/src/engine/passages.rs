//! Moves of pointers that wait to be told one a message.

use std::collections::VecDeque;

use super::receipts::{Passage, Reach};

/// Those of one room, in the order in which they happened.
#[derive(Debug, Default)]
pub(crate) struct Passages {
    waiting: VecDeque<Passage>,
    /// Somebody is at work on them, one after another.
    at_work: bool,
}

impl Passages {
    /// Queues them. `true`: nobody is at work yet, and the caller has to be.
    pub(crate) fn push(&mut self, passages: impl IntoIterator<Item = Passage>, span_max: usize) -> bool {
        for passage in passages {
            let before = self.waiting.iter_mut().rfind(|before| before.user == passage.user);
            match before {
                // As one, while one receipt can tell of all of it: of a slow store not much piles up.
                Some(before) if spans(before.before, passage.now) <= span_max as u64 => {
                    before.now = passage.now
                }
                _ => self.waiting.push_back(passage),
            }
        }
        !self.waiting.is_empty() && !std::mem::replace(&mut self.at_work, true)
    }

    /// The next one; at the end nobody is at work any more.
    pub(crate) fn next(&mut self) -> Option<Passage> {
        let next = self.waiting.pop_front();
        self.at_work = next.is_some();
        next
    }
}

fn spans(before: Reach, now: Reach) -> u64 {
    now.0.since(before.0).max(now.1.since(before.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Seq, UserId};

    fn passage(user: &str, from: u64, to: u64) -> Passage {
        let at = |seq| (Seq::new(seq), Seq::new(seq));
        Passage { user: UserId::new(user).unwrap(), before: at(from), now: at(to) }
    }

    fn rest(passages: &mut Passages) -> Vec<(String, u64, u64)> {
        let mut rest = Vec::new();
        while let Some(next) = passages.next() {
            rest.push((next.user.as_str().to_owned(), next.before.0.get(), next.now.0.get()));
        }
        rest
    }

    #[test]
    fn one_at_a_time_works_on_them_in_order() {
        let mut passages = Passages::default();
        assert!(passages.push([passage("ann", 0, 1)], 0));
        assert!(!passages.push([passage("ann", 1, 2), passage("bob", 0, 2)], 0), "somebody is at work");
        let all = [("ann".to_owned(), 0, 1), ("ann".to_owned(), 1, 2), ("bob".to_owned(), 0, 2)];
        assert_eq!(rest(&mut passages), all);
        assert!(passages.push([passage("bob", 2, 3)], 0), "nobody is any more");
        assert!(!Passages::default().push([], 0));
    }

    #[test]
    fn what_waits_is_brought_together_as_far_as_one_receipt_goes() {
        let mut passages = Passages::default();
        for n in 0..10 {
            passages.push([passage("ann", 10 * n, 10 * n + 10), passage("bob", n, n + 1)], 50);
        }
        let all = [("ann".to_owned(), 0, 50), ("bob".to_owned(), 0, 10), ("ann".to_owned(), 50, 100)];
        assert_eq!(rest(&mut passages), all);
    }
}
