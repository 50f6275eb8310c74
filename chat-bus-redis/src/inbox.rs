//! What comes in for the engine: a bounded channel that never loses in silence.

use chat_core::bus::{Incoming, Lost};
use tokio::sync::mpsc;

use crate::metrics;

/// The sending side of a node's incoming channel.
///
/// One place of the channel is held back for [`Lost::All`]. When the rest is full, it goes into that place, behind
/// everything that was taken, and messages are dropped until half of the channel is free. Until then it cannot have
/// been read, for it is the last of a full channel: one stands for all that was dropped.
#[derive(Debug)]
pub(crate) struct Inbox {
    sender: mpsc::Sender<Incoming>,
    /// The place held back; none while an overflow waits to be read.
    reserve: Option<mpsc::OwnedPermit<Incoming>>,
    /// Free places from which on messages are taken again after an overflow.
    resume_at: usize,
}

impl Inbox {
    /// A channel for `capacity` messages and a loss.
    pub(crate) fn new(capacity: usize) -> (Self, mpsc::Receiver<Incoming>) {
        let (sender, receiver) = mpsc::channel(capacity + 1);
        let reserve = sender.clone().try_reserve_owned().ok();
        (Self { sender, reserve, resume_at: capacity / 2 + 1 }, receiver)
    }

    /// Takes something, or drops it and sees to it that this is told. Never waits.
    pub(crate) fn offer(&mut self, incoming: Incoming) {
        if self.reserve.is_none() && self.sender.capacity() >= self.resume_at {
            self.reserve = self.sender.clone().try_reserve_owned().ok();
        }
        let Some(reserve) = self.reserve.take() else {
            metrics::incoming_dropped();
            return;
        };
        match self.sender.try_send(incoming) {
            Ok(()) => self.reserve = Some(reserve),
            // Full, or nobody listens any more; then this goes nowhere and harms nobody.
            Err(_) => {
                metrics::incoming_dropped();
                reserve.send(Incoming::Lost(Lost::All));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chat_core::bus::Topic;
    use chat_core::model::NodeId;

    fn item(n: u64) -> Incoming {
        Incoming::Lost(Lost::Topics(vec![Topic::Node(NodeId(n))]))
    }

    #[test]
    fn an_overflow_is_told_once_behind_what_was_taken() {
        let (mut inbox, mut incoming) = Inbox::new(8);
        for round in 0..3 {
            for n in 0..100 {
                inbox.offer(item(n));
            }
            for n in 0..8 {
                assert_eq!(incoming.try_recv().ok(), Some(item(n)), "round {round}");
            }
            assert_eq!(incoming.try_recv().ok(), Some(Incoming::Lost(Lost::All)), "round {round}");
            assert!(incoming.try_recv().is_err());
        }
    }

    #[test]
    fn messages_are_taken_again_when_half_of_the_channel_is_free() {
        let (mut inbox, mut incoming) = Inbox::new(8);
        (0..9).for_each(|n| inbox.offer(item(n)));
        (0..4).for_each(|_| drop(incoming.try_recv()));
        inbox.offer(item(10));
        drop(incoming.try_recv());
        drop(incoming.try_recv());
        inbox.offer(item(11));
        let rest: Vec<_> = std::iter::from_fn(|| incoming.try_recv().ok()).collect();
        assert_eq!(rest, [item(6), item(7), Incoming::Lost(Lost::All), item(11)]);
    }
}
