//! Presence: who is there, over all of a user's connections.

mod edges;
mod repair;

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use self::{edges::HeardEdges, repair::ToldPresence};
use super::{Inner, connection::Connection, in_turn::InTurn, signalling::signal_one};
use crate::{
    bus::{Edge, Lease, Topic},
    model::{ConnectionId, RoomId, Timestamp, UserId},
    protocol::PresenceEntry,
    signal::{PresenceChoice, PresenceStatus, Signal},
};

/// Between two renewals of the leases of this node's connections.
const RENEW: Duration = Duration::from_secs(20);

/// How long a lease lasts without renewal.
const LEASE: Duration = Duration::from_secs(60);

/// Leases renewed by one call.
const RENEW_CHUNK: usize = 1_000;

/// What this node has told of users.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    told: Mutex<ToldPresence>,
    heard: Mutex<HeardEdges>,
    /// How many were told to be in big rooms.
    counts: Mutex<BTreeMap<RoomId, u32>>,
    /// What others see otherwise of users here since their leases were renewed, and is yet to be told.
    renewed: InTurn<BTreeMap<UserId, PresenceStatus>>,
    renew_soon: Notify,
    /// Connections that ended and whose leases stand as long as the grace: whoever comes back was never away.
    graced: Mutex<BTreeMap<UserId, Vec<ConnectionId>>>,
    /// What connections that ended as this node goes down leave to others, and when they ended.
    leaving: InTurn<Vec<(Lease, Timestamp)>>,
}

impl Presence {
    /// Leases may have been lost: they are renewed at once, or once more where that is under way.
    pub(crate) fn renew_soon(&self) {
        self.renew_soon.notify_one();
    }

    fn graced(&self, user: &UserId) -> Vec<ConnectionId> {
        self.graced.lock().get(user).cloned().unwrap_or_default()
    }

    fn end_grace(&self, user: &UserId, connection: ConnectionId) {
        let mut graced = self.graced.lock();
        if let Some(of_user) = graced.get_mut(user) {
            of_user.retain(|id| *id != connection);
            if of_user.is_empty() {
                graced.remove(user);
            }
        }
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
    pub(crate) async fn presence_snapshot(self: &Arc<Self>, connection: &Connection) -> Snapshot {
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
        self.look_again(&users, &statuses);
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
            engine.look_again(&users, &now);
            let changed = users.into_iter().zip(told).zip(now).filter(|((_, told), now)| told != now);
            let edges: Vec<_> = changed.map(|((user, _), status)| Edge { user, status }).collect();
            let mut seen = engine.last_seen(&edges).await;
            engine.learn_strangers(edges.iter().map(|edge| &edge.user)).await;
            for Edge { user, status } in edges {
                let last_seen = seen.remove(&user);
                let signal = Signal::Presence { user, status, last_seen };
                signal_one(&connection, &signal, &signal.key(), &engine.people, &mut Vec::new());
            }
        });
    }

    /// A connection has ended; `last`: of this user on this node.
    pub(crate) fn presence_ends(self: &Arc<Self>, connection: &Arc<Connection>, last: bool) {
        let (engine, user, id) = (Arc::clone(self), connection.user.clone(), connection.id);
        let (left, lease) = (self.clock.now(), lease_of(connection));
        if last {
            self.presence.graced.lock().entry(user.clone()).or_default().push(id);
        }
        self.spawn(async move {
            if last {
                // Whoever comes back within the grace was never away.
                tokio::select! {
                    biased;
                    () = engine.cancel.cancelled() => {}
                    () = tokio::time::sleep(engine.limits.offline_grace) => {}
                }
                engine.presence.end_grace(&user, id);
            }
            if engine.cancel.is_cancelled() {
                if let Some(lease) = lease {
                    engine.hand_over(lease, left).await;
                }
                return;
            }
            if last && !engine.users.is_here(&user) {
                engine.link.bus.unsubscribe(&[Topic::User(user.clone())]).await;
                if engine.users.is_here(&user) {
                    engine.follow_user(&user).await;
                }
            }
            match engine.link.leases.release(&[(user.clone(), id)]).await {
                Ok(edges) => engine.tell_edges(edges, left).await,
                // Nobody tells it now; whoever finds it out reads when it was.
                Err(_) if last && lease.is_some() => engine.note_seen(&[(user, left)]).await,
                Err(_) => {}
            }
        });
    }

    /// Leaves a connection's lease to the other nodes, as this one goes down: most come back elsewhere within the
    /// grace, and were never away. The others find the leases of those run out who do not, and tell it.
    ///
    /// Perhaps there is no other node, so when somebody was here last is noted now.
    async fn hand_over(self: &Arc<Self>, lease: Lease, left: Timestamp) {
        if !self.presence.leaving.add(|leaving| leaving.push((lease, left))) {
            return;
        }
        let (_turn, leaving) = self.presence.leaving.begin().await;
        // No longer than it would have lasted, and never no time at all.
        let grace = self.limits.offline_grace.clamp(Duration::from_millis(1), LEASE);
        for chunk in leaving.chunks(RENEW_CHUNK) {
            let leases: Vec<_> = chunk.iter().map(|(lease, _)| lease.clone()).collect();
            match self.link.leases.renew(&leases, grace).await {
                Ok(edges) => self.tell_edges(edges, self.clock.now()).await,
                Err(error) => super::metrics::bus_failed(&error),
            }
            // Each user once.
            let seen: BTreeMap<_, _> =
                chunk.iter().map(|(lease, left)| (lease.user.clone(), *left)).collect();
            self.note_seen(&seen.into_iter().collect::<Vec<_>>()).await;
        }
    }

    /// A connection says how it wants to be shown.
    pub(crate) async fn choose_presence(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        choice: PresenceChoice,
    ) {
        connection.presence.store(choice as u8, Ordering::Relaxed);
        // After a reload the connection before says something else, and would be believed until its grace is over.
        let mut released = self.presence.graced(&connection.user);
        if choice == PresenceChoice::Invisible {
            released.push(connection.id);
        } else {
            self.renew(&[Arc::clone(connection)]).await;
        }
        let released: Vec<_> = released.into_iter().map(|id| (connection.user.clone(), id)).collect();
        if !released.is_empty()
            && let Ok(edges) = self.link.leases.release(&released).await
        {
            self.tell_edges(edges, self.clock.now()).await;
        }
    }

    async fn renew(self: &Arc<Self>, connections: &[Arc<Connection>]) {
        let edges = self.renew_leases(connections).await;
        self.tell_edges(edges, self.clock.now()).await;
    }

    async fn renew_leases(&self, connections: &[Arc<Connection>]) -> Vec<Edge> {
        let live = connections.iter().filter(|connection| connection.end().is_none());
        let leases: Vec<_> = live.filter_map(|connection| lease_of(connection)).collect();
        if leases.is_empty() {
            return Vec::new();
        }
        self.link.leases.renew(&leases, LEASE).await.unwrap_or_else(|error| {
            super::metrics::bus_failed(&error);
            Vec::new()
        })
    }

    /// Renews the leases of all connections here, again and again. Nothing else is waited for, the store least of all:
    /// who is late here has others tell that all users of this node went offline.
    pub(crate) async fn keep_leases(self: Arc<Self>) {
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                () = self.presence.renew_soon.notified() => {}
                () = tokio::time::sleep(RENEW) => {}
            }
            self.renew_all().await;
        }
    }

    /// Renews the leases of all connections here; what others see otherwise by it is told in passing.
    async fn renew_all(self: &Arc<Self>) {
        let all: Vec<_> = self.users.all().into_iter().flat_map(|(_, connections)| connections).collect();
        for chunk in all.chunks(RENEW_CHUNK) {
            let edges = self.renew_leases(chunk).await;
            let edges = edges.into_iter().map(|Edge { user, status }| (user, status));
            // The last edge of a user stands.
            if edges.len() > 0 && self.presence.renewed.add(|renewed| renewed.extend(edges)) {
                let engine = Arc::clone(self);
                self.spawn(async move {
                    let (_turn, renewed) = engine.presence.renewed.begin().await;
                    let edges = renewed.into_iter().map(|(user, status)| Edge { user, status });
                    engine.tell_edges(edges.collect(), engine.clock.now()).await;
                });
            }
        }
    }

    /// Tells of leases that ran out elsewhere, and of rooms too big to name who is there.
    pub(crate) async fn watch_leases(self: Arc<Self>) {
        const LOOK: Duration = Duration::from_secs(5);
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            self.tell_counts();
            if let Ok(edges) = self.link.leases.expired().await {
                // Nobody has renewed them since.
                self.tell_expired(edges, self.clock.now().minus(LEASE)).await;
            }
        }
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

/// What a connection says of its user; `None`: nothing, it is invisible.
fn lease_of(connection: &Connection) -> Option<Lease> {
    let status = match connection.presence() {
        PresenceChoice::Online => PresenceStatus::Online,
        PresenceChoice::Away => PresenceStatus::Away,
        PresenceChoice::Invisible => return None,
    };
    Some(Lease { user: connection.user.clone(), connection: connection.id, status })
}
