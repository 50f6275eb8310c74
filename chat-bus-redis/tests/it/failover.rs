//! Two nodes that live through the loss of a server.

use std::{collections::HashSet, time::Duration};

use chat_bus_redis::RedisOptions;
use chat_core::{
    PresenceStatus,
    bus::{Incoming, Lease, Payload, QuotaKey, Topic},
    limits::Rate,
    model::{ConnectionId, RoomId, Seq},
};

use crate::peer::{self, Peer, eventually, room, user};

const LONG: Duration = Duration::from_secs(600);

/// Enough that some are of each shard.
const ROOMS: i64 = 64;

/// Earns nothing while a test runs.
const RATE: f64 = 0.001;

/// Budgets are settled as fast as they can be.
pub(crate) fn options() -> RedisOptions {
    peer::options().with_settle_interval(Duration::from_millis(10))
}

/// The first publishes and the second listens.
pub(crate) struct Pair {
    a: Peer,
    b: Peer,
    seq: u64,
}

impl Pair {
    pub(crate) async fn join(url: &str, options: &RedisOptions) -> Self {
        let (a, b) = (Peer::join(url, options, 1).await, Peer::join(url, options, 2).await);
        let topics: Vec<_> = (1..=ROOMS).map(|n| Topic::Room(room(n))).collect();
        b.link.bus.subscribe(&topics).await.unwrap();
        let mut pair = Self { a, b, seq: 0 };
        pair.works().await;
        pair
    }

    /// Both notice.
    pub(crate) async fn falls_silent(&self) {
        self.a.becomes_unhealthy().await;
        self.b.becomes_unhealthy().await;
    }

    /// Both are told that they may have lost something, and are well again by themselves.
    pub(crate) async fn comes_back(&mut self) {
        self.a.lost_all().await;
        self.b.lost_all().await;
        self.a.becomes_healthy().await;
        self.b.becomes_healthy().await;
        self.works().await;
    }

    /// All is well in the end, whether or not anything was cut off.
    pub(crate) async fn settles(&mut self) {
        for peer in [&self.a, &self.b] {
            eventually("a sweep works", async || peer.link.leases.expired().await.ok()).await;
            peer.becomes_healthy().await;
        }
        self.works().await;
    }

    /// Everything that a bus is for works between them.
    pub(crate) async fn works(&mut self) {
        self.seq += 1;
        let heads: HashSet<_> = (1..=ROOMS).map(|n| (room(n), Seq::new(self.seq))).collect();
        let mut unheard = self.publish(&heads);
        while !unheard.is_empty() {
            match self.b.incoming().await {
                Incoming::Message(message) => {
                    if let Payload::Head(room, seq) = message.payload {
                        unheard.remove(&(room, seq));
                    }
                }
                // What it may have missed is said again, as the engine would read it again.
                Incoming::Lost(_) => unheard = self.publish(&heads),
            }
        }
        self.subscribes_anew().await;
        self.leases().await;
        self.budgets().await;
        assert!(self.a.is_healthy() && self.b.is_healthy());
    }

    fn publish(&self, heads: &HashSet<(RoomId, Seq)>) -> HashSet<(RoomId, Seq)> {
        heads.iter().for_each(|(room, seq)| self.a.head(*room, seq.get()));
        heads.clone()
    }

    async fn subscribes_anew(&mut self) {
        let other = room(ROOMS + i64::try_from(self.seq).unwrap());
        self.b.subscribe(other).await;
        self.a.head(other, 1);
        self.b.heard(other, 1).await;
    }

    async fn leases(&self) {
        // What failed is told again, lest its edge was lost.
        eventually("a sweep works", async || self.a.link.leases.expired().await.ok()).await;
        let users: Vec<_> = (0..ROOMS).map(|n| user(&format!("{n} of {}", self.seq))).collect();
        let lease = |user| Lease { user, connection: ConnectionId(self.seq), status: PresenceStatus::Online };
        let leases: Vec<_> = users.iter().cloned().map(lease).collect();
        let edges = self.a.link.leases.renew(&leases, LONG).await.unwrap();
        assert_eq!(edges.len(), users.len());
        let read = self.b.link.leases.read(&users).await.unwrap();
        assert!(read.iter().all(|status| *status == PresenceStatus::Online), "{read:?}");
    }

    async fn budgets(&self) {
        let rate = Rate::new(RATE, 1_000);
        let key = QuotaKey::Sends(user(&format!("sender {}", self.seq)));
        let mut granted = 0;
        self.a.link.quota.take(key.clone(), 999, rate).unwrap();
        eventually("the other node knows what was granted", async || {
            granted += 1;
            self.b.link.quota.take(key.clone(), 1, rate).err()
        })
        .await;
        assert!(granted < 1_000, "granted as by a node that is alone");
    }
}
