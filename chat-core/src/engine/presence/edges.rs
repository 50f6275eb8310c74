//! Changes of users' presence, told to those who share a room with them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use crate::{
    bus::{Edge, Payload, Topic},
    engine::{Inner, room::Room, signalling::signal_one},
    model::{ConnectionId, RoomId, Timestamp, UserId},
    signal::{PresenceStatus, Signal},
};

/// Rooms and connections noted of edges heard, in one generation.
const HEARD_MAX: usize = 16_384;

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    Here,
    Everywhere,
}

/// Edges that came by the bus, once for each room, and whom they reached: two generations, the older forgotten once
/// the newer is full.
#[derive(Debug, Default)]
pub(super) struct HeardEdges {
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

impl Inner {
    /// Tells those who share a room of changes, here and on other nodes, once the store has it who was last seen `at`.
    pub(super) async fn tell_edges(self: &Arc<Self>, edges: Vec<Edge>, at: Timestamp) {
        self.note_gone(&edges, at).await;
        self.learn_strangers(edges.iter().map(|edge| &edge.user)).await;
        for Edge { user, status } in edges {
            let last_seen = (status == PresenceStatus::Offline).then_some(at);
            self.tell_edge(user, status, last_seen, Whom::Everywhere).await;
        }
    }

    /// As [`Inner::tell_edges`], of leases that ran out: their users were there at least until `at`. A node that went down
    /// in order has noted when they left.
    pub(super) async fn tell_expired(self: &Arc<Self>, edges: Vec<Edge>, at: Timestamp) {
        self.note_gone(&edges, at).await;
        let mut seen = self.last_seen(&edges).await;
        self.learn_strangers(edges.iter().map(|edge| &edge.user)).await;
        for Edge { user, status } in edges {
            let last_seen = (status == PresenceStatus::Offline).then(|| seen.remove(&user).unwrap_or(at));
            self.tell_edge(user, status, last_seen, Whom::Everywhere).await;
        }
    }

    async fn note_gone(&self, edges: &[Edge], at: Timestamp) {
        let gone = edges.iter().filter(|edge| edge.status == PresenceStatus::Offline);
        let seen: Vec<_> = gone.map(|edge| (edge.user.clone(), at)).collect();
        if !seen.is_empty() {
            self.note_seen(&seen).await;
        }
    }

    /// Notes in the store when users were there last.
    pub(super) async fn note_seen(&self, seen: &[(UserId, Timestamp)]) {
        // Worth no second try: the next time it is noted anew.
        drop(self.read("touch", self.store.touch(seen)).await);
    }

    /// When those of these users were last seen who are gone; another node has noted it.
    pub(super) async fn last_seen(&self, edges: &[Edge]) -> BTreeMap<UserId, Timestamp> {
        let gone = edges.iter().filter(|edge| edge.status == PresenceStatus::Offline);
        let gone: Vec<_> = gone.map(|edge| edge.user.clone()).collect();
        if gone.is_empty() {
            return BTreeMap::new();
        }
        let stored = self.read("profiles", self.store.profiles(&gone)).await.unwrap_or_default();
        stored.into_iter().filter_map(|stored| Some((stored.profile.id, stored.last_seen?))).collect()
    }

    /// Tells those who share a room of a change.
    pub(super) async fn tell_edge(
        self: &Arc<Self>,
        user: UserId,
        status: PresenceStatus,
        last_seen: Option<Timestamp>,
        whom: Whom,
    ) {
        let limit = self.limits.rooms_per_connection_max;
        let Ok(rooms) = self.read("memberships", self.store.memberships(&user, None, limit)).await else {
            return;
        };
        let signal = Signal::Presence { user: user.clone(), status, last_seen };
        let mut reached = HashSet::new();
        let mut encoded = Vec::new();
        for membership in rooms.iter().filter(|m| m.member_count <= self.limits.signals_room_max) {
            if whom == Whom::Everywhere {
                self.link.bus.publish(Topic::Room(membership.room), Payload::Signal(signal.clone()));
            }
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

    /// Tells those here who share a room of a change that another node tells: each once, in whichever of the rooms
    /// they share it comes first.
    pub(crate) fn show_edge(&self, room: &Room, user: &UserId, status: PresenceStatus, signal: &Signal) {
        let mut onlookers = Vec::new();
        room.each_onlooker(|connection| onlookers.push(Arc::clone(connection)));
        onlookers.retain(|connection| connection.user != *user);
        if !onlookers.is_empty() {
            self.presence.told.lock().insert(user.clone(), status);
        }
        {
            let mut heard = self.presence.heard.lock();
            let edge = heard.edge(room.id, user, signal);
            onlookers.retain(|connection| edge.reached.insert(connection.id));
            heard.size += onlookers.len();
        }
        let (key, mut encoded) = (signal.key(), Vec::new());
        for connection in onlookers {
            signal_one(&connection, signal, &key, &self.people, &mut encoded);
        }
    }
}
