//! Who is connected to this node.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use super::connection::Connection;
use crate::model::UserId;

const SHARDS: usize = 16;

/// The connections of this node by user.
#[derive(Debug)]
pub(crate) struct Users {
    shards: [Mutex<HashMap<UserId, User>>; SHARDS],
    hasher: std::hash::RandomState,
}

#[derive(Debug, Default)]
struct User {
    /// The oldest first.
    connections: Vec<Arc<Connection>>,
    /// The set of rooms is being compared, and whether it must be once more.
    comparing: Option<bool>,
}

impl Default for Users {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: std::hash::RandomState::new() }
    }
}

impl Users {
    fn shard(&self, user: &UserId) -> &Mutex<HashMap<UserId, User>> {
        use std::hash::BuildHasher;
        let hash = self.hasher.hash_one(user);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)]
    }

    /// Adds a connection; gives those that are too many now, the oldest first, and whether it is the user's first.
    pub(crate) fn add(&self, connection: &Arc<Connection>, max: usize) -> (Vec<Arc<Connection>>, bool) {
        let mut shard = self.shard(&connection.user).lock();
        let user = shard.entry(connection.user.clone()).or_default();
        user.connections.push(Arc::clone(connection));
        let over = user.connections.len().saturating_sub(max);
        (user.connections[..over].to_vec(), user.connections.len() == 1)
    }

    /// Removes a connection; says whether it was there, and was the user's last.
    pub(crate) fn remove(&self, connection: &Arc<Connection>) -> (bool, bool) {
        let mut shard = self.shard(&connection.user).lock();
        let Some(user) = shard.get_mut(&connection.user) else { return (false, false) };
        let before = user.connections.len();
        user.connections.retain(|held| !Arc::ptr_eq(held, connection));
        let removed = user.connections.len() < before;
        let last = user.connections.is_empty();
        if last {
            shard.remove(&connection.user);
        }
        (removed, last)
    }

    /// A user's connections, the oldest first.
    pub(crate) fn of(&self, user: &UserId) -> Vec<Arc<Connection>> {
        self.shard(user).lock().get(user).map(|user| user.connections.clone()).unwrap_or_default()
    }

    /// Whether the user has a connection here.
    pub(crate) fn is_here(&self, user: &UserId) -> bool {
        self.shard(user).lock().contains_key(user)
    }

    /// Every connection, by user.
    pub(crate) fn all(&self) -> Vec<(UserId, Vec<Arc<Connection>>)> {
        let mut all: Vec<_> = self
            .shards
            .iter()
            .flat_map(|shard| {
                let shard = shard.lock();
                shard.iter().map(|(id, user)| (id.clone(), user.connections.clone())).collect::<Vec<_>>()
            })
            .collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// How many connections there are.
    pub(crate) fn count(&self) -> usize {
        self.shards.iter().map(|s| s.lock().values().map(|user| user.connections.len()).sum::<usize>()).sum()
    }

    /// Begins to compare a user's rooms; `false`: someone is at it and will do it once more.
    pub(crate) fn begin_compare(&self, id: &UserId) -> bool {
        let mut shard = self.shard(id).lock();
        let Some(user) = shard.get_mut(id) else { return false };
        match &mut user.comparing {
            Some(again) => {
                *again = true;
                false
            }
            none => {
                *none = Some(false);
                true
            }
        }
    }

    /// Ends it; `true`: once more.
    pub(crate) fn end_compare(&self, id: &UserId) -> bool {
        let mut shard = self.shard(id).lock();
        let Some(user) = shard.get_mut(id) else { return false };
        match &mut user.comparing {
            Some(again) if *again => {
                *again = false;
                true
            }
            comparing => {
                *comparing = None;
                false
            }
        }
    }

    /// Ends it, whether or not it was to be once more.
    pub(crate) fn give_up_compare(&self, id: &UserId) {
        if let Some(user) = self.shard(id).lock().get_mut(id) {
            user.comparing = None;
        }
    }
}
