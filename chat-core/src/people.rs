//! What is known of users, for encoders.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
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
    /// A format in use shows what is known of users.
    wanted: AtomicBool,
}

#[derive(Debug)]
struct Known {
    profile: Arc<Profile>,
    /// It is not asked for again before this.
    until: Instant,
    /// When its claims were last compared with what is stored.
    compared: Option<Instant>,
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
            wanted: AtomicBool::new(false),
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
        let until = Instant::now() + self.fresh;
        for profile in profiles {
            let mut shard = self.shard(&profile.id).write();
            self.insert(&mut shard, profile, until);
        }
    }

    /// Notes what to show of users who could not be looked up, for a short while: of whom something is known, that
    /// stays.
    pub(crate) fn put_guesses(&self, guesses: impl IntoIterator<Item = Profile>, until: Instant) {
        for guess in guesses {
            let mut shard = self.shard(&guess.id).write();
            match shard.get_mut(&guess.id) {
                Some(known) => known.until = known.until.min(until),
                None => self.insert(&mut shard, guess, until),
            }
        }
    }

    /// Shows users by their ids of whom nothing is known, and nobody knows more.
    pub(crate) fn put_unknown(&self, users: impl IntoIterator<Item = UserId>) {
        self.put_guesses(users.into_iter().map(Profile::unknown), Instant::now() + self.fresh);
    }

    /// Notes what a user's own token claims. Whether it is to be compared with what is stored now, which is so at
    /// most once in the time that a profile stays fresh, or `always`. Costs no allocation where nothing is new.
    pub(crate) fn claim(&self, profile: &Profile, always: bool) -> bool {
        let now = Instant::now();
        let is_due = |compared: Option<Instant>| {
            always || compared.is_none_or(|compared| now.duration_since(compared) >= self.fresh)
        };
        let shard = self.shard(&profile.id);
        let is_known =
            |known: &Known| *known.profile == *profile && now < known.until && !is_due(known.compared);
        if shard.read().get(&profile.id).is_some_and(is_known) {
            return false;
        }
        let mut shard = shard.write();
        self.insert(&mut shard, profile.clone(), now + self.fresh);
        let Some(known) = shard.get_mut(&profile.id) else { return false };
        let due = is_due(known.compared);
        if due {
            known.compared = Some(now);
        }
        due
    }

    /// What a user's own token claimed here, while it is remembered.
    pub(crate) fn claimed(&self, user: &UserId) -> Option<Profile> {
        let shard = self.shard(user).read();
        shard.get(user).filter(|known| known.compared.is_some()).map(|known| Profile::clone(&known.profile))
    }

    /// What is known of a user. Of those who ask while it is stale, one alone is told so, and asks anew.
    pub(crate) fn knowledge(&self, user: &UserId) -> Knowledge {
        let (shard, now) = (self.shard(user), Instant::now());
        match shard.read().get(user) {
            None => return Knowledge::Missing,
            Some(known) if now < known.until => return Knowledge::Fresh,
            Some(_) => {}
        }
        match shard.write().get_mut(user) {
            Some(known) if known.until <= now => {
                known.until = now + self.fresh;
                Knowledge::Stale
            }
            Some(_) => Knowledge::Fresh,
            None => Knowledge::Missing,
        }
    }

    /// From now on signals wait for whom they are about to be known too.
    pub(crate) fn want(&self) {
        if !self.is_wanted() {
            self.wanted.store(true, Ordering::Relaxed);
        }
    }

    /// Whether anyone here was ever shown names.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    fn insert(&self, shard: &mut HashMap<UserId, Known>, profile: Profile, until: Instant) {
        if let Some(known) = shard.get_mut(&profile.id) {
            if *known.profile != profile {
                known.profile = Arc::new(profile);
            }
            known.until = until;
            return;
        }
        if shard.len() >= self.shard_max {
            let oldest = shard.iter().min_by_key(|(_, known)| known.until).map(|(user, _)| user.clone());
            oldest.map(|user| shard.remove(&user));
        }
        shard.insert(profile.id.clone(), Known { profile: Arc::new(profile), until, compared: None });
    }

    fn shard(&self, user: &UserId) -> &RwLock<HashMap<UserId, Known>> {
        let hash = self.hasher.hash_one(user);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)]
    }
}
