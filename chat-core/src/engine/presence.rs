//! Presence: who is there, over all of a user's connections.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Inner, connection::Connection, room::Room, signalling::signal_one};
use crate::{
    bus::{Edge, Lease, Payload, Topic},
    model::{ConnectionId, RoomId, UserId},
    protocol::PresenceEntry,
    signal::{PresenceChoice, PresenceStatus, Signal},
};

/// Between two renewals of the leases of this node's connections.
const RENEW: Duration = Duration::from_secs(20);

/// How long a lease lasts without renewal.
const LEASE: Duration = Duration::from_secs(60);

/// Rooms and connections noted of edges heard, in one generation.
const HEARD_MAX: usize = 16_384;

/// Leases renewed by one call.
const RENEW_CHUNK: usize = 1_000;

/// What this node has told of users.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    /// The last status told of users who are shown to someone here.
    told: Mutex<BTreeMap<UserId, PresenceStatus>>,
    /// Edges heard from other nodes of late.
    heard: Mutex<HeardEdges>,
    /// How many were told to be in big rooms.
    counts: Mutex<BTreeMap<RoomId, u32>>,
}

/// Edges that came by the bus, once for each room, and whom they reached: two generations, the older forgotten once
/// the newer is full.
#[derive(Debug, Default)]
struct HeardEdges {
    newer: HashMap<UserId, HeardEdge>,
    older: HashMap<UserId, HeardEdge>,
    /// How many rooms and connections `newer` names.
    size: usize,
}

#[derive(Debug)]
struct HeardEdge {
    signal: Signal,
    rooms: HashSet<RoomId>,
    reached: HashSet<ConnectionId>,
}

impl HeardEdges {
    /// The edge that came in a room. Once more in the same room it is another one, of which nobody was told.
    fn edge(&mut self, room: RoomId, user: &UserId, signal: &Signal) -> &mut HeardEdge {
        if self.size >= HEARD_MAX {
            self.older = std::mem::take(&mut self.newer);
            self.size = 0;
        }
        let known = self.older.remove(user);
        let new = || HeardEdge { signal: signal.clone(), rooms: HashSet::new(), reached: HashSet::new() };
        let edge = self.newer.entry(user.clone()).or_insert_with(|| known.unwrap_or_else(new));
        if edge.signal != *signal || edge.rooms.contains(&room) {
            *edge = new();
        }
        edge.rooms.insert(room);
        self.size += 1;
        edge
    }
}

/// Who was there when a connection began.
#[derive(Debug)]
pub(crate) struct Snapshot(Vec<(UserId, PresenceStatus)>);

impl Snapshot {
    /// As `welcome` tells it.
    pub(crate) fn told(&self) -> Vec<PresenceEntry> {
        let there = self.0.iter().filter(|(_, status)| *status != PresenceStatus::Offline);
        there
            .map(|(user, status)| PresenceEntry { user: user.clone(), status: *status, last_seen: None })
            .collect()
    }
}

impl Inner {
    /// Who of a user's acquaintances is there.
    pub(crate) async fn presence_snapshot(&self, connection: &Connection) -> Snapshot {
        let user = &connection.user;
        let (size, limit) = (self.limits.signals_room_max, self.limits.presence_snapshot_max);
        let Ok(users) = self.read("acquaintances", self.store.acquaintances(user, &[], size, limit)).await
        else {
            return Snapshot(Vec::new());
        };
        let users: Vec<_> = {
            let blocked = connection.blocked.lock();
            users.into_iter().filter(|user| !blocked.contains(user)).collect()
        };
        let Ok(statuses) = self.link.leases.read(&users).await else { return Snapshot(Vec::new()) };
        Snapshot(users.into_iter().zip(statuses).collect())
    }

    /// A connection has begun, and was told `snapshot`.
    pub(crate) fn presence_begins(self: &Arc<Self>, connection: &Arc<Connection>, snapshot: Snapshot) {
        let (engine, connection) = (Arc::clone(self), Arc::clone(connection));
        self.spawn(async move {
            engine.renew(&[Arc::clone(&connection)]).await;
            // Whoever came or went while this one was neither subscribed nor watching was told to nobody here.
            let (users, told): (Vec<_>, Vec<_>) = snapshot.0.into_iter().unzip();
            let Ok(now) = engine.link.leases.read(&users).await else { return };
            for ((user, told), status) in users.into_iter().zip(told).zip(now) {
                if told != status {
                    engine.learn_strangers(std::iter::once(&user)).await;
                    let last_seen = (status == PresenceStatus::Offline).then(|| engine.clock.now());
                    let signal = Signal::Presence { user, status, last_seen };
                    signal_one(&connection, &signal, &signal.key(), &engine.people, &mut Vec::new());
                }
            }
        });
    }

    /// A connection has ended; `last`: of this user on this node.
    pub(crate) fn presence_ends(self: &Arc<Self>, connection: &Arc<Connection>, last: bool) {
        let (engine, user, id) = (Arc::clone(self), connection.user.clone(), connection.id);
        self.spawn(async move {
            if last {
                // Whoever comes back within the grace was never away.
                tokio::select! {
                    biased;
                    () = engine.cancel.cancelled() => {}
                    () = tokio::time::sleep(engine.limits.offline_grace) => {}
                }
                if !engine.users.is_here(&user) {
                    engine.link.bus.unsubscribe(&[Topic::User(user.clone())]).await;
                    if engine.users.is_here(&user) {
                        engine.follow_user(&user).await;
                    }
                    let now = engine.clock.now();
                    drop(engine.read("touch", engine.store.touch(&[(user.clone(), now)])).await);
                }
            }
            if let Ok(edges) = engine.link.leases.release(&[(user, id)]).await {
                engine.tell_edges(edges).await;
            }
        });
    }

    /// A connection says how it wants to be shown.
    pub(crate) async fn choose_presence(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        choice: PresenceChoice,
    ) {
        connection.presence.store(choice as u8, Ordering::Relaxed);
        if choice == PresenceChoice::Invisible {
            let released = self.link.leases.release(&[(connection.user.clone(), connection.id)]).await;
            if let Ok(edges) = released {
                self.tell_edges(edges).await;
            }
        } else {
            self.renew(&[Arc::clone(connection)]).await;
        }
    }

    async fn renew(self: &Arc<Self>, connections: &[Arc<Connection>]) {
        let leases: Vec<_> = connections
            .iter()
            .filter(|connection| connection.end().is_none())
            .filter_map(|connection| {
                let status = match connection.presence() {
                    PresenceChoice::Online => PresenceStatus::Online,
                    PresenceChoice::Away => PresenceStatus::Away,
                    PresenceChoice::Invisible => return None,
                };
                Some(Lease { user: connection.user.clone(), connection: connection.id, status })
            })
            .collect();
        if leases.is_empty() {
            return;
        }
        match self.link.leases.renew(&leases, LEASE).await {
            Ok(edges) => self.tell_edges(edges).await,
            Err(error) => super::metrics::bus_failed(&error),
        }
    }

    /// Renews leases, and tells of those that ran out elsewhere.
    pub(crate) async fn keep_presence(self: Arc<Self>) {
        const LOOK: Duration = Duration::from_secs(5);
        let (mut renewed, mut repaired) = (Instant::now(), Instant::now());
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if renewed.elapsed() >= RENEW {
                renewed = Instant::now();
                let all: Vec<_> =
                    self.users.all().into_iter().flat_map(|(_, connections)| connections).collect();
                for chunk in all.chunks(RENEW_CHUNK) {
                    self.renew(chunk).await;
                }
            }
            if let Ok(edges) = self.link.leases.expired().await {
                self.tell_edges(edges).await;
            }
            if repaired.elapsed() >= self.limits.signal_repair {
                repaired = Instant::now();
                self.repair_signals().await;
            }
            self.tell_counts();
        }
    }

    /// Tells those who share a room of a change, here and on other nodes.
    async fn tell_edges(self: &Arc<Self>, edges: Vec<Edge>) {
        self.learn_strangers(edges.iter().map(|edge| &edge.user)).await;
        for Edge { user, status } in edges {
            let limit = self.limits.rooms_per_connection_max;
            let Ok(rooms) = self.read("memberships", self.store.memberships(&user, None, limit)).await else {
                continue;
            };
            let last_seen = (status == PresenceStatus::Offline).then(|| self.clock.now());
            let signal = Signal::Presence { user: user.clone(), status, last_seen };
            let mut reached = HashSet::new();
            let mut encoded = Vec::new();
            for membership in rooms.iter().filter(|m| m.member_count <= self.limits.signals_room_max) {
                self.link.bus.publish(Topic::Room(membership.room), Payload::Signal(signal.clone()));
                let Some(room) = self.rooms.get(membership.room) else { continue };
                room.each_onlooker(|connection| {
                    if connection.user != user && reached.insert(connection.id) {
                        signal_one(connection, &signal, &signal.key(), &self.people, &mut encoded);
                    }
                });
            }
            let mut told = self.presence.told.lock();
            if reached.is_empty() {
                told.remove(&user);
            } else {
                told.insert(user, status);
            }
        }
    }

    /// Tells those here who share a room of a change that another node tells: each once, in whichever of the rooms
    /// they share it comes first.
    pub(crate) fn show_edge(&self, room: &Room, user: &UserId, signal: &Signal) {
        let mut onlookers = Vec::new();
        room.each_onlooker(|connection| onlookers.push(Arc::clone(connection)));
        {
            let mut heard = self.presence.heard.lock();
            let edge = heard.edge(room.id, user, signal);
            onlookers.retain(|connection| connection.user != *user && edge.reached.insert(connection.id));
            heard.size += onlookers.len();
        }
        let (key, mut encoded) = (signal.key(), Vec::new());
        for connection in onlookers {
            signal_one(&connection, signal, &key, &self.people, &mut encoded);
        }
    }

    /// Reads the leases of users whose status was told here, and tells the differences.
    pub(crate) async fn repair_presence(self: &Arc<Self>) {
        let told: Vec<_> =
            self.presence.told.lock().iter().map(|(user, status)| (user.clone(), *status)).collect();
        let users: Vec<_> = told.iter().map(|(user, _)| user.clone()).collect();
        let Ok(now) = self.link.leases.read(&users).await else { return };
        let changed = told.into_iter().zip(now).filter(|((_, told), now)| told != now);
        let edges = changed.map(|((user, _), status)| Edge { user, status }).collect();
        self.tell_edges(edges).await;
    }

    /// Tells how many are in rooms too big to name them.
    fn tell_counts(&self) {
        for room in self.rooms.active() {
            if room.member_count() <= self.limits.signals_room_max {
                continue;
            }
            let mut users = HashSet::new();
            room.each_subscription(|sub| {
                users.insert(sub.connection.user.clone());
            });
            let online = u32::try_from(users.len()).unwrap_or(u32::MAX);
            let known = self.presence.counts.lock().insert(room.id, online);
            if known != Some(online) {
                room.signal(&Signal::PresenceCount { room_id: room.id, online }, None);
            }
        }
        self.presence.counts.lock().retain(|room, _| self.rooms.get(*room).is_some());
    }
}
