//! A node of a case.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use crate::{
    bus::{BusLink, BusMessage, Cluster, Incoming, Payload, Topic},
    model::{NodeId, RoomId, Seq, UserId},
};

/// A working bus needs a hundredth of it.
const DEADLINE: Duration = Duration::from_secs(20);

/// Between two looks at a condition that nobody tells.
const LOOK: Duration = Duration::from_millis(10);

pub(super) struct Peer {
    pub(super) link: BusLink,
}

impl Peer {
    pub(super) async fn join(cluster: &dyn Cluster, node: u64) -> Self {
        Self::join_epoch(cluster, node, "epoch one").await
    }

    pub(super) async fn join_epoch(cluster: &dyn Cluster, node: u64, epoch: &str) -> Self {
        let link = soon("joining", cluster.join(NodeId(node), epoch)).await.expect("the bus can be joined");
        Self { link }
    }

    /// Two nodes.
    pub(super) async fn two(cluster: &dyn Cluster) -> (Self, Self) {
        (Self::join(cluster, 1).await, Self::join(cluster, 2).await)
    }

    /// Subscribes and has it confirmed.
    pub(super) async fn subscribe(&self, topics: &[Topic]) {
        soon("subscribing", self.link.bus.subscribe(topics)).await.expect("a healthy bus confirms");
    }

    /// Publishes a head on the topic of its room.
    pub(super) fn head(&self, room: RoomId, seq: u64) {
        self.link.bus.publish(Topic::Room(room), Payload::Head(room, Seq::new(seq)));
    }

    pub(super) async fn incoming(&mut self) -> Incoming {
        soon("something coming in", self.link.incoming.recv()).await.expect("the bus goes on")
    }

    /// The next message. A bus may say that something was lost whenever it likes; what was not must come.
    pub(super) async fn message(&mut self) -> BusMessage {
        loop {
            if let Incoming::Message(message) = self.incoming().await {
                return message;
            }
        }
    }

    /// The next message, which must be a head of that room.
    pub(super) async fn seq(&mut self, room: RoomId) -> u64 {
        let message = self.message().await;
        match message.payload {
            Payload::Head(of, seq) if of == room => seq.get(),
            _ => panic!("a head of room {room} was due, not {message:?}"),
        }
    }
}

pub(super) fn room(n: i64) -> RoomId {
    RoomId::new(n).expect("a number above 0")
}

pub(super) fn user(name: &str) -> UserId {
    UserId::new(name).expect("a short name")
}

/// What comes of it, within the deadline.
pub(super) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    match timeout(DEADLINE, work).await {
        Ok(done) => done,
        Err(_) => panic!("waited {DEADLINE:?} for {what}"),
    }
}

/// Tries until there is an answer.
pub(super) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = attempt().await {
            return answer;
        }
        assert!(Instant::now() < end, "waited {DEADLINE:?} until {what}");
        sleep(LOOK).await;
    }
}
