//! What waits to be published, and what was not.

use std::{
    collections::{HashSet, VecDeque},
    mem,
};

use chat_core::{
    Signal,
    bus::{Payload, Topic},
};
use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Duration, Instant},
};

use crate::metrics;

/// Topics remembered by name as having lost something; above, everyone is told that anything was.
const LOST_MAX: usize = 1_024;

/// After this, who was typing is not any more.
const TYPING_MAX: Duration = Duration::from_secs(5);

/// A bounded queue that never makes anyone wait, and remembers whom it failed.
#[derive(Debug)]
pub(crate) struct Outbox {
    capacity: usize,
    state: Mutex<State>,
    /// Something waits.
    filled: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<(Instant, Topic, Payload)>,
    lost: Losses,
}

/// On which topics something was not published, or perhaps not.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    pub(crate) topics: HashSet<Topic>,
    /// There were too many to name.
    pub(crate) everything: bool,
}

impl Outbox {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default(), filled: Notify::new() }
    }

    /// Takes a message, or drops it and remembers that.
    pub(crate) fn push(&self, topic: Topic, payload: Payload) {
        let mut state = self.state.lock();
        if state.queue.len() < self.capacity {
            state.queue.push_back((Instant::now(), topic, payload));
            drop(state);
            self.filled.notify_one();
        } else if !is_typing(&payload) {
            state.lost.note(topic);
        } else {
            metrics::publish_dropped();
        }
    }

    /// Something was taken and did not arrive for certain.
    pub(crate) fn failed(&self, losses: Losses) {
        let mut state = self.state.lock();
        state.lost.everything |= losses.everything;
        losses.topics.into_iter().for_each(|topic| state.lost.note(topic));
    }

    /// The next messages, in the order they were given.
    pub(crate) fn take(&self, count: usize) -> Vec<(Topic, Payload)> {
        let mut state = self.state.lock();
        let count = count.min(state.queue.len());
        let taken = state.queue.drain(..count);
        let fresh = |at: &Instant, payload: &Payload| !is_typing(payload) || at.elapsed() < TYPING_MAX;
        taken
            .filter(|(at, _, payload)| fresh(at, payload))
            .map(|(_, topic, payload)| (topic, payload))
            .collect()
    }

    pub(crate) fn take_losses(&self) -> Losses {
        mem::take(&mut self.state.lock().lost)
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        *self.state.lock() = State::default();
    }

    /// Whether there is a loss that the others have not been told of.
    pub(crate) fn has_losses(&self) -> bool {
        !self.state.lock().lost.is_empty()
    }

    /// Resolves when messages wait. Losses do not count: where they cannot be told, that must not be tried for ever.
    pub(crate) async fn filled(&self) {
        while self.state.lock().queue.is_empty() {
            self.filled.notified().await;
        }
    }
}

impl Losses {
    fn is_empty(&self) -> bool {
        self.topics.is_empty() && !self.everything
    }

    fn note(&mut self, topic: Topic) {
        metrics::publish_dropped();
        if self.topics.len() < LOST_MAX {
            self.topics.insert(topic);
        } else if !self.topics.contains(&topic) {
            self.everything = true;
        }
    }
}

/// Not true any more by the time that anyone could be told.
const fn is_typing(payload: &Payload) -> bool {
    matches!(payload, Payload::Signal(Signal::Typing { is_typing: true, .. }))
}

#[cfg(test)]
mod tests {
    use chat_core::model::{NodeId, RoomId, Seq, UserId};

    use super::*;

    fn push(outbox: &Outbox, n: u64) {
        let room = RoomId::new(1).unwrap();
        outbox.push(Topic::Node(NodeId(n)), Payload::Head(room, Seq::new(n)));
    }

    #[test]
    fn what_does_not_fit_is_remembered_by_topic() {
        let outbox = Outbox::new(3);
        (0..5).for_each(|n| push(&outbox, n));
        let taken: Vec<_> = outbox.take(10).into_iter().map(|(topic, _)| topic).collect();
        assert_eq!(taken, [0, 1, 2].map(|n| Topic::Node(NodeId(n))));
        assert!(outbox.has_losses());
        let losses = outbox.take_losses();
        assert!(!losses.everything);
        assert_eq!(losses.topics, [3, 4].map(|n| Topic::Node(NodeId(n))).into());
        assert!(!outbox.has_losses());
        outbox.failed(losses);
        assert!(outbox.has_losses());
    }

    #[test]
    fn too_many_losses_are_one() {
        let outbox = Outbox::new(1);
        (0..10_000).for_each(|n| push(&outbox, n));
        let losses = outbox.take_losses();
        assert!(losses.everything && losses.topics.len() == LOST_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn typing_that_waited_long_is_not_told() {
        let outbox = Outbox::new(8);
        let room = RoomId::new(1).unwrap();
        let user = UserId::new("ann").unwrap();
        let typing = |is_typing| Signal::Typing { room_id: room, user: user.clone(), is_typing };
        outbox.push(Topic::Room(room), Payload::Signal(typing(true)));
        outbox.push(Topic::Room(room), Payload::Signal(typing(false)));
        tokio::time::advance(TYPING_MAX).await;
        assert_eq!(outbox.take(8), [(Topic::Room(room), Payload::Signal(typing(false)))]);
        assert!(!outbox.has_losses());
    }
}
