//! Who is online, in memory.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    bus::{BusError, Edge, Lease, Leases},
    model::{ConnectionId, UserId},
    signal::PresenceStatus,
};

/// Leases taken, and leases swept, under one hold of the lock.
const CHUNK: usize = 512;

/// Leases that one call of [`Leases::expired`] sweeps at most; the next goes on.
const SWEPT_MAX: usize = 4_096;

/// The leases of a cluster of one process. Its size is that of the leases that are held or not yet swept.
#[derive(Default)]
pub(super) struct LocalLeases {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    users: HashMap<UserId, User>,
    /// Every lease once, by when it runs out.
    by_expiry: BTreeSet<(Instant, UserId, ConnectionId)>,
}

/// A user with at least one lease, swept or not.
struct User {
    /// The status of the last edge told.
    told: PresenceStatus,
    /// A user's connections are few: a list is the smallest and fastest map.
    leases: Vec<Held>,
}

struct Held {
    connection: ConnectionId,
    status: PresenceStatus,
    until: Instant,
}

impl User {
    const GONE: Self = Self { told: PresenceStatus::Offline, leases: Vec::new() };

    fn status(&self, now: Instant) -> PresenceStatus {
        let live = self.leases.iter().filter(|held| held.until > now);
        live.map(|held| held.status).max().unwrap_or(PresenceStatus::Offline)
    }

    /// The edge of a change, where it was one. A status that ran out unnoticed and stands again now is one too:
    /// somebody may have read what it was in between.
    fn edge(&mut self, user: &UserId, before: PresenceStatus, now: Instant) -> Option<Edge> {
        let status = self.status(now);
        let changed = status != before || before != self.told;
        self.told = status;
        changed.then(|| Edge { user: user.clone(), status })
    }
}

impl Table {
    fn renew(&mut self, lease: &Lease, now: Instant, until: Instant) -> Option<Edge> {
        let user = self.users.entry(lease.user.clone()).or_insert(User::GONE);
        let before = user.status(now);
        let held = Held { connection: lease.connection, status: lease.status, until };
        match user.leases.iter_mut().find(|held| held.connection == lease.connection) {
            Some(old) => {
                self.by_expiry.remove(&(old.until, lease.user.clone(), lease.connection));
                *old = held;
            }
            None => user.leases.push(held),
        }
        self.by_expiry.insert((until, lease.user.clone(), lease.connection));
        user.edge(&lease.user, before, now)
    }

    fn end(&mut self, id: &UserId, connection: ConnectionId, now: Instant) -> Option<Edge> {
        let user = self.users.get_mut(id)?;
        let before = user.status(now);
        let at = user.leases.iter().position(|held| held.connection == connection)?;
        let held = user.leases.swap_remove(at);
        self.by_expiry.remove(&(held.until, id.clone(), connection));
        let edge = user.edge(id, before, now);
        if user.leases.is_empty() {
            self.users.remove(id);
        }
        edge
    }

    /// Ends the lease that ran out first, if one has.
    fn sweep(&mut self, now: Instant) -> Option<Option<Edge>> {
        let (until, user, connection) = self.by_expiry.first()?;
        if *until > now {
            return None;
        }
        let (user, connection) = (user.clone(), *connection);
        Some(self.end(&user, connection, now))
    }
}

#[async_trait]
impl Leases for LocalLeases {
    async fn renew(&self, leases: &[Lease], ttl: Duration) -> Result<Vec<Edge>, BusError> {
        let now = Instant::now();
        let until = now.checked_add(ttl).ok_or(BusError::new("renew: the time to live is out of range"))?;
        let mut edges = Vec::new();
        for chunk in leases.chunks(CHUNK) {
            let mut table = self.table.lock();
            edges.extend(chunk.iter().filter_map(|lease| table.renew(lease, now, until)));
        }
        Ok(edges)
    }

    async fn release(&self, leases: &[(UserId, ConnectionId)]) -> Result<Vec<Edge>, BusError> {
        let now = Instant::now();
        let mut edges = Vec::new();
        for chunk in leases.chunks(CHUNK) {
            let mut table = self.table.lock();
            edges.extend(chunk.iter().filter_map(|(user, connection)| table.end(user, *connection, now)));
        }
        Ok(edges)
    }

    async fn read(&self, users: &[UserId]) -> Result<Vec<PresenceStatus>, BusError> {
        let now = Instant::now();
        let table = self.table.lock();
        Ok(users
            .iter()
            .map(|user| table.users.get(user).map_or(PresenceStatus::Offline, |user| user.status(now)))
            .collect())
    }

    async fn expired(&self) -> Result<Vec<Edge>, BusError> {
        let now = Instant::now();
        let mut edges = Vec::new();
        for _ in 0..SWEPT_MAX / CHUNK {
            let mut table = self.table.lock();
            for _ in 0..CHUNK {
                match table.sweep(now) {
                    Some(edge) => edges.extend(edge),
                    None => return Ok(edges),
                }
            }
        }
        Ok(edges)
    }
}

impl fmt::Debug for LocalLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table.lock();
        f.debug_struct("LocalLeases")
            .field("users", &table.users.len())
            .field("leases", &table.by_expiry.len())
            .finish()
    }
}

#[cfg(test)]
mod tests;
