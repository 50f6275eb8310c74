//! Which rooms are active on this node, and how one becomes so.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::RwLock;
use tokio::time::Instant;

use super::{Inner, metrics, room::Room};
use crate::{
    bus::Topic,
    error::{Error, ErrorCode},
    model::RoomId,
};

const SHARDS: usize = 16;

/// The active rooms.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: [RwLock<HashMap<RoomId, Arc<Room>>>; SHARDS],
}

impl Default for Registry {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()) }
    }
}

impl Registry {
    fn shard(&self, room: RoomId) -> &RwLock<HashMap<RoomId, Arc<Room>>> {
        &self.shards[usize::try_from(room.get()).unwrap_or(0) % SHARDS]
    }

    /// The room, if it is active here.
    pub(crate) fn get(&self, room: RoomId) -> Option<Arc<Room>> {
        self.shard(room).read().get(&room).cloned()
    }

    /// Every active room, by id.
    pub(crate) fn active(&self) -> Vec<Arc<Room>> {
        let mut rooms: Vec<_> =
            self.shards.iter().flat_map(|s| s.read().values().cloned().collect::<Vec<_>>()).collect();
        rooms.sort_unstable_by_key(|room| room.id);
        rooms
    }

    /// The room, and whether it was made now.
    fn get_or_insert(&self, room: RoomId, engine: &Inner) -> (Arc<Room>, bool) {
        if let Some(room) = self.get(room) {
            return (room, false);
        }
        let mut shard = self.shard(room).write();
        let mut made = false;
        let room = shard.entry(room).or_insert_with(|| {
            made = true;
            Room::new(room, engine)
        });
        (Arc::clone(room), made)
    }

    /// The room is not active any more, whoever is subscribed: their sessions are ending.
    pub(crate) fn forget(&self, room: &Arc<Room>) {
        room.retire_surely();
        self.remove(room);
    }

    fn remove(&self, room: &Arc<Room>) {
        let mut shard = self.shard(room.id).write();
        if shard.get(&room.id).is_some_and(|held| Arc::ptr_eq(held, room)) {
            shard.remove(&room.id);
        }
    }
}

impl Inner {
    /// Makes rooms active: they hear the bus, and their head is known. Rooms that the store does not know are left
    /// out.
    pub(crate) async fn activate(
        self: &Arc<Self>,
        ids: &[RoomId],
    ) -> Result<BTreeMap<RoomId, Arc<Room>>, Error> {
        let mut rooms = BTreeMap::new();
        let mut made = Vec::new();
        for id in ids {
            // Before anything is asked: what is committed from here on is heard.
            let (room, new) = self.rooms.get_or_insert(*id, self);
            if new {
                made.push(Arc::clone(&room));
            }
            rooms.insert(*id, room);
        }
        if !made.is_empty() {
            let engine = Arc::clone(self);
            // In a task of its own: whoever else waits for these rooms must not depend on this caller.
            let opening = self.spawn(async move { engine.open(made).await });
            opening
                .await
                .map_err(|_| Error::new(ErrorCode::Unavailable, "the engine is shutting down"))??;
        }
        let mut open = BTreeMap::new();
        for (id, room) in rooms {
            if room.opened().await? {
                open.insert(id, room);
            }
        }
        Ok(open)
    }

    async fn open(self: &Arc<Self>, rooms: Vec<Arc<Room>>) -> Result<(), Error> {
        let topics: Vec<_> = rooms.iter().map(|room| Topic::Room(room.id)).collect();
        let subscribed =
            tokio::time::timeout(self.limits.activation_wait, self.link.bus.subscribe(&topics)).await;
        if let Ok(Err(error)) = &subscribed {
            metrics::bus_failed(error);
        }
        let ids: Vec<_> = rooms.iter().map(|room| room.id).collect();
        let heads = match self.read("heads", self.store.heads(&ids)).await {
            Ok(heads) => heads,
            Err(error) => {
                for room in &rooms {
                    self.rooms.remove(room);
                    room.fail_opening(false);
                }
                self.leave_behind(topics);
                return Err(error);
            }
        };
        let heads: HashMap<_, _> = heads.into_iter().map(|head| (head.room, head.head)).collect();
        let mut unknown = Vec::new();
        for room in &rooms {
            match heads.get(&room.id) {
                Some(head) => room.open(self, *head),
                None => {
                    self.rooms.remove(room);
                    room.fail_opening(true);
                    unknown.push(Topic::Room(room.id));
                }
            }
        }
        self.leave_behind(unknown);
        Ok(())
    }

    /// Leaves topics of rooms that did not become active: nobody is to wait for that.
    fn leave_behind(self: &Arc<Self>, topics: Vec<Topic>) {
        if !topics.is_empty() {
            let engine = Arc::clone(self);
            self.spawn(async move { engine.leave_topics(topics).await });
        }
    }

    async fn leave_topics(&self, mut topics: Vec<Topic>) {
        self.link.bus.unsubscribe(&topics).await;
        // One that became active again meanwhile needs its topic.
        topics.retain(|topic| matches!(topic, Topic::Room(id) if self.rooms.get(*id).is_some()));
        if !topics.is_empty()
            && let Err(error) = self.link.bus.subscribe(&topics).await
        {
            metrics::bus_failed(&error);
        }
    }

    /// Lets rooms go that nobody has been subscribed to for a while.
    pub(crate) async fn retire_idle_rooms(&self, linger: Duration) {
        let now = Instant::now();
        let mut topics = Vec::new();
        for room in self.rooms.active() {
            if room.is_idle(linger, now) && room.retire() {
                self.rooms.remove(&room);
                topics.push(Topic::Room(room.id));
            }
        }
        if !topics.is_empty() {
            self.leave_topics(topics).await;
        }
    }
}
