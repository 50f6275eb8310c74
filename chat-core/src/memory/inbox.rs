//! What comes in for one node: a bounded channel that never loses in silence.

use tokio::sync::mpsc;

use crate::bus::{BusMessage, Incoming, Lost};

/// The sending side of a node's incoming channel.
///
/// One place of the channel is held back for [`Incoming::Lost`]. When the rest is full, `Lost` goes into that place
/// at once, behind everything that was taken, and messages are dropped until half of the channel is free. Until
/// then `Lost` cannot have been read, for it is the last of a full channel: so one `Lost` stands for all that was
/// dropped, and is read after the last of them was.
#[derive(Debug)]
pub(super) struct Inbox {
    sender: mpsc::Sender<Incoming>,
    /// The place held back; none while a `Lost` waits to be read.
    reserve: Option<mpsc::OwnedPermit<Incoming>>,
    /// Free places from which on messages are taken again after a loss.
    resume_at: usize,
}

impl Inbox {
    /// A channel for `capacity` messages and a `Lost`.
    pub(super) fn new(capacity: usize) -> (Self, mpsc::Receiver<Incoming>) {
        let (sender, receiver) = mpsc::channel(capacity + 1);
        let reserve = sender.clone().try_reserve_owned().ok();
        (Self { sender, reserve, resume_at: capacity / 2 + 1 }, receiver)
    }

    /// Takes a message, or drops it and sees to it that this is told. Never waits.
    pub(super) fn offer(&mut self, message: impl FnOnce() -> BusMessage) {
        if self.reserve.is_none() && self.sender.capacity() >= self.resume_at {
            self.reserve = self.sender.clone().try_reserve_owned().ok();
        }
        let Some(reserve) = self.reserve.take() else { return };
        match self.sender.try_reserve() {
            Ok(place) => {
                place.send(Incoming::Message(message()));
                self.reserve = Some(reserve);
            }
            // Full, or nobody listens any more; then this goes nowhere and harms nobody.
            Err(_) => {
                reserve.send(Incoming::Lost(Lost::All));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BusMessage, Inbox, Incoming, Lost};
    use crate::{
        bus::{Payload, Topic},
        model::{NodeId, RoomId, Seq},
    };

    fn head(seq: u64) -> BusMessage {
        let room = RoomId::new(1).unwrap();
        BusMessage { from: NodeId(1), topic: Topic::Room(room), payload: Payload::Head(room, Seq::new(seq)) }
    }

    fn seq(incoming: &Incoming) -> Option<u64> {
        match incoming {
            Incoming::Message(BusMessage { payload: Payload::Head(_, seq), .. }) => Some(seq.get()),
            _ => None,
        }
    }

    #[test]
    fn an_overflow_is_told_once_and_then_messages_flow_again() {
        let (mut inbox, mut incoming) = Inbox::new(8);
        for n in 1..=100 {
            inbox.offer(|| head(n));
        }
        let mut got: Vec<_> = std::iter::from_fn(|| incoming.try_recv().ok()).collect();
        assert_eq!(got.pop(), Some(Incoming::Lost(Lost::All)));
        assert_eq!(got.iter().filter_map(seq).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
        for round in 0..3 {
            for n in 0..8 {
                inbox.offer(|| head(101 + 8 * round + n));
            }
            for n in 0..8 {
                assert_eq!(incoming.try_recv().ok().as_ref().and_then(seq), Some(101 + 8 * round + n));
            }
        }
        assert!(incoming.try_recv().is_err());
    }

    /// Whatever the order of offers and reads: a message that is missing when its successor is read was told as
    /// lost between its neighbours, and the last thing read after a drop is never a message before it.
    #[test]
    fn no_message_is_missing_without_a_lost_in_its_place() {
        for seed in 0..200_u64 {
            let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let mut below = |n: u64| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random % n
            };
            let (mut inbox, mut incoming) = Inbox::new(1 + usize::try_from(below(6)).unwrap());
            let (mut sent, mut known) = (0, 0);
            let mut lost = false;
            let mut read = |incoming: &mut tokio::sync::mpsc::Receiver<Incoming>, sent: u64| {
                match incoming.try_recv() {
                    Ok(Incoming::Lost(_)) => (lost, known) = (true, known.max(sent)),
                    Ok(message) => {
                        let n = seq(&message).unwrap();
                        assert!(n == known + 1 || n <= known || lost, "seed {seed}: {n} after {known}");
                        (lost, known) = (false, known.max(n));
                    }
                    Err(_) => return None,
                }
                Some(known)
            };
            for _ in 0..300 {
                if below(5) < 3 {
                    sent += 1;
                    inbox.offer(|| head(sent));
                } else {
                    read(&mut incoming, sent);
                }
            }
            let mut last = None;
            while let Some(known) = read(&mut incoming, sent) {
                last = Some(known);
            }
            assert!(last.is_none_or(|known| known == sent), "seed {seed}: silence after {last:?} of {sent}");
        }
    }
}
