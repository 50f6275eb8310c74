//! What is known of users, for encoders.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::RwLock;
use tokio::time::Instant;

use crate::model::{Profile, RoomId, UserId};

const SHARDS: usize = 16;

/// The profiles that a node knows: the newest of a bounded number of users.
#[derive(Debug)]
pub struct People {
    shards: [RwLock<HashMap<UserId, Known>>; SHARDS],
    hasher: RandomState,
    shard_max: usize,
    fresh: Duration,
    /// The two of each active direct room, for as long as the room is active.
    pairs: RwLock<HashMap<RoomId, Weak<(UserId, UserId)>>>,
}

#[derive(Debug)]
struct Known {
    profile: Arc<Profile>,
    at: Instant,
}

/// What is known of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knowledge {
    Fresh,
    Stale,
    Missing,
}

impl People {
    /// Nobody is known. At most about `max` users will be; each is asked for again after `fresh`.
    #[must_use]
    pub fn new(max: usize, fresh: Duration) -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
            hasher: RandomState::new(),
            shard_max: max.div_ceil(SHARDS).max(1),
            fresh,
            pairs: RwLock::default(),
        }
    }

    /// The two of a direct room that a connection here is subscribed to whose format
    /// [shows direct rooms](crate::WireFormat::shows_direct_rooms).
    #[must_use]
    pub fn pair(&self, room: RoomId) -> Option<Arc<(UserId, UserId)>> {
        self.pairs.read().get(&room)?.upgrade()
    }

    /// Notes the two of a direct room, for as long as what this gives is held.
    pub(crate) fn put_pair(&self, room: RoomId, pair: (UserId, UserId)) -> Arc<(UserId, UserId)> {
        let mut pairs = self.pairs.write();
        if let Some(known) = pairs.get(&room).and_then(Weak::upgrade) {
            return known;
        }
        let pair = Arc::new(pair);
        pairs.insert(room, Arc::downgrade(&pair));
        pair
    }

    /// The room is not active any more; another that stands for it may be by now.
    pub(crate) fn drop_pair(&self, room: RoomId) {
        let mut pairs = self.pairs.write();
        if pairs.get(&room).is_some_and(|pair| pair.strong_count() == 0) {
            pairs.remove(&room);
        }
    }

    /// What is shown of a user: [`Profile::unknown`] of whom nothing is known.
    #[must_use]
    pub fn profile(&self, user: &UserId) -> Arc<Profile> {
        let known = self.shard(user).read().get(user).map(|known| Arc::clone(&known.profile));
        known.unwrap_or_else(|| Arc::new(Profile::unknown(user.clone())))
    }

    /// Notes what is shown of users from now on.
    pub fn put(&self, profiles: impl IntoIterator<Item = Profile>) {
        let at = Instant::now();
        for profile in profiles {
            let mut shard = self.shard(&profile.id).write();
            if shard.len() >= self.shard_max && !shard.contains_key(&profile.id) {
                let oldest = shard.iter().min_by_key(|(_, known)| known.at).map(|(user, _)| user.clone());
                oldest.map(|user| shard.remove(&user));
            }
            shard.insert(profile.id.clone(), Known { profile: Arc::new(profile), at });
        }
    }

    /// Shows users by their ids of whom nothing is known.
    pub(crate) fn put_unknown(&self, users: &[UserId]) {
        let missing = users.iter().filter(|user| !self.shard(user).read().contains_key(*user));
        self.put(missing.map(|user| Profile::unknown(user.clone())).collect::<Vec<_>>());
    }

    /// What is known of a user. Of those who ask while it is stale, one alone is told so, and asks anew.
    pub(crate) fn knowledge(&self, user: &UserId) -> Knowledge {
        let shard = self.shard(user);
        match shard.read().get(user) {
            None => return Knowledge::Missing,
            Some(known) if known.at.elapsed() < self.fresh => return Knowledge::Fresh,
            Some(_) => {}
        }
        match shard.write().get_mut(user) {
            Some(known) if known.at.elapsed() >= self.fresh => {
                known.at = Instant::now();
                Knowledge::Stale
            }
            Some(_) => Knowledge::Fresh,
            None => Knowledge::Missing,
        }
    }

    fn shard(&self, user: &UserId) -> &RwLock<HashMap<UserId, Known>> {
        let hash = self.hasher.hash_one(user);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)]
    }
}
