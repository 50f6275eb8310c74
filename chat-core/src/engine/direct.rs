//! What formats that show direct rooms alone want to know: the two of each, and receipts one a message.

use std::sync::Arc;

use futures::StreamExt as _;

use super::{
    Inner,
    connection::Connection,
    receipts::{Passage, Told},
    room::Room,
    signalling::signal_one,
};
use crate::{
    error::Error,
    hooks::Principal,
    model::{Membership, MessageId, RoomId, Seq, UserId},
    signal::Signal,
    store::{MessageQuery, Range, RoomKey},
};

/// Rooms asked about at once.
const ROOMS_CHUNK: usize = 200;

/// Rooms of a connection, the latest active first, whose pointers are read as it begins. What was passed over in others
/// before they became active here is not told.
const PRIMED_ROOMS_MAX: usize = 100;

/// Pointers read at once.
const PRIMED_AT_ONCE: usize = 8;

/// Messages told of by one receipt.
pub(crate) const PASSED_MAX: usize = 200;

impl Room {
    /// Whether what pointers pass over is told one a message here.
    pub(crate) fn tells_passages(&self) -> bool {
        matches!(self.pair.get(), Some(Some(_)))
    }
}

impl Inner {
    /// The direct room of two users, where there is one.
    pub(crate) async fn find_direct(
        &self,
        principal: &Principal,
        other: &UserId,
    ) -> Result<Option<RoomId>, Error> {
        let key = RoomKey::direct(&principal.user, other);
        self.read("find_room", self.store.find_room(&key)).await
    }

    /// Before a connection begins: learns of its direct rooms, and how far their members have got.
    pub(crate) async fn learn_direct_rooms(
        self: &Arc<Self>,
        connection: &Connection,
        memberships: &[Membership],
    ) -> Result<(), Error> {
        if !connection.format.shows_direct_rooms() {
            return Ok(());
        }
        let rooms: Vec<_> = memberships.iter().filter_map(|m| self.rooms.get(m.room)).collect();
        self.learn_pairs(&connection.user, &rooms).await?;
        let direct = rooms.iter().filter(|room| room.tells_passages());
        futures::stream::iter(direct.take(PRIMED_ROOMS_MAX))
            .for_each_concurrent(PRIMED_AT_ONCE, |room| async move {
                // Where that fails, a receipt may be told that was told before.
                if let Ok(pointers) = self.read("pointers", self.store.pointers(room.id, 2)).await {
                    self.prime_pointers(room, &pointers);
                }
            })
            .await;
        Ok(())
    }

    /// Learns who the two of direct rooms are, as one of them sees these.
    pub(crate) async fn learn_pairs(&self, user: &UserId, rooms: &[Arc<Room>]) -> Result<(), Error> {
        let unknown: Vec<_> = rooms.iter().filter(|room| room.pair.get().is_none()).collect();
        for chunk in unknown.chunks(ROOMS_CHUNK) {
            let entries = self.entries_of(Some(user), chunk.iter().map(|room| room.id).collect()).await?;
            for room in chunk {
                let peer = entries.iter().find(|entry| entry.room.id == room.id).and_then(|e| e.peer.clone());
                let pair = peer.map(|peer| self.people.put_pair(room.id, (user.clone(), peer)));
                // Whoever else came first said the same.
                drop(room.pair.set(pair));
            }
        }
        Ok(())
    }

    /// Tells one a message what pointers have passed over: one after another, so that receipts come in the order in which
    /// the pointers moved, however long the store takes.
    pub(crate) fn tell_passages(self: &Arc<Self>, room: &Arc<Room>) {
        let (engine, room) = (Arc::clone(self), Arc::clone(room));
        self.spawn(async move {
            loop {
                let Some(passage) = room.passages.lock().next() else { return };
                if let Some(signal) = engine.passed(room.id, &passage).await {
                    room.signal(&signal, Some(&passage.user));
                }
            }
        });
    }

    /// Tells a connection that was just given a whole direct room how far its members had got before: it was told of
    /// none of it, and is shown each message as a new one. What is told meanwhile may come twice.
    pub(crate) async fn tell_passed_before(self: &Arc<Self>, connection: &Arc<Connection>, room: RoomId) {
        let Some(room) = connection.sub(room).map(|sub| Arc::clone(&sub.room)) else { return };
        let told = room.told.lock().clone();
        // The others are told what none was told yet, and so is this connection. A failure leaves that to the repair.
        if let Ok(pointers) = self.read("pointers", self.store.pointers(room.id, 2)).await {
            self.show_pointers(&room, &pointers);
        }
        for (user, Told { here: now, .. }) in told {
            if user == connection.user {
                continue;
            }
            let passage = Passage { user, before: (Seq::ZERO, Seq::ZERO), now };
            if let Some(signal) = self.passed(room.id, &passage).await {
                signal_one(connection, &signal, &signal.key(), &self.people, &mut Vec::new());
            }
        }
    }

    /// Which messages a pointer has passed over, others' than its user's; `None` where there are none.
    async fn passed(&self, room: RoomId, Passage { user, before, now }: &Passage) -> Option<Signal> {
        let query = MessageQuery {
            viewer: None,
            range: Range::Before(now.0.max(now.1).next()),
            thread: None,
            visible_from: before.0.min(before.1),
            limit: PASSED_MAX,
        };
        // A failure leaves what history says.
        let page = self.read("messages", self.store.messages(room, &query)).await.ok()?;
        let others = page.messages.iter().map(|view| &view.message);
        let others = others.filter(|message| message.sender.as_ref().is_some_and(|sender| sender != user));
        let (mut read, mut delivered): (Vec<MessageId>, Vec<MessageId>) = (Vec::new(), Vec::new());
        for message in others {
            if message.seq > before.0 && message.seq <= now.0 {
                read.push(message.id);
            }
            if message.seq > before.1 && message.seq <= now.1 {
                delivered.push(message.id);
            }
        }
        let is_some = !read.is_empty() || !delivered.is_empty();
        is_some.then(|| Signal::Passed { room_id: room, user: user.clone(), read, delivered })
    }
}
