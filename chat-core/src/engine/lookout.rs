//! Looking out for what was missed: the bus, the sweep of heads, a store that went back, tokens that end.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::sync::mpsc;

use super::{Inner, metrics, room::Room, room_log::Heard};
use crate::{
    bus::{BusMessage, Incoming, Lost, Payload, Topic},
    error::Error,
    model::{Pointer, RoomId, Seq},
    protocol::{ByeReason, Close, CloseCode, ServerFrame},
    signal::Signal,
    store::{EventLimit, Head},
};

/// Rooms whose heads are asked for by one read.
pub(crate) const HEADS_CHUNK: usize = 1_000;

/// A room's latest events that are looked at for who came and went, when it is announced.
const ANNOUNCED_EVENTS: u64 = 32;

/// Topics that are recovered one by one; of more, everything is.
const LOST_TOPICS_MAX: usize = 10_000;

/// What was lost since the recovery began that is under way.
#[derive(Debug, Default)]
pub(crate) struct LostParts {
    is_all: bool,
    topics: BTreeSet<Topic>,
}

impl LostParts {
    fn add(&mut self, lost: Lost) {
        match lost {
            Lost::All => self.is_all = true,
            Lost::Topics(topics) if !self.is_all => {
                self.topics.extend(topics);
                self.is_all = self.topics.len() > LOST_TOPICS_MAX;
            }
            Lost::Topics(_) => {}
        }
        if self.is_all {
            self.topics = BTreeSet::new();
        }
    }
}

impl Inner {
    /// Takes what the bus brings until the engine ends.
    pub(crate) async fn listen(self: Arc<Self>, mut incoming: mpsc::Receiver<Incoming>) {
        loop {
            let next = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                next = incoming.recv() => next,
            };
            match next {
                Some(Incoming::Message(message)) => self.hear(message),
                Some(Incoming::Lost(lost)) => {
                    metrics::bus_lost();
                    self.lost(lost);
                }
                None => {
                    tracing::error!("the bus has ended; going on by sweeps alone");
                    return;
                }
            }
        }
    }

    fn hear(self: &Arc<Self>, message: BusMessage) {
        match message.payload {
            Payload::Event(event) => {
                if let Some(room) = self.rooms.get(event.room) {
                    room.hear(self, Heard::Event(event));
                }
            }
            Payload::Head(room, head) => {
                if let Some(room) = self.rooms.get(room) {
                    room.hear(self, Heard::Head(head));
                }
            }
            Payload::Signal(signal) => self.show_named(message.topic, signal),
            Payload::RoomSet(user) => self.user_rooms_changed(&user),
            Payload::Disconnect(user) => self.disconnect_here(&user),
            Payload::Rights(user, room) => self.rights_changed(&user, room),
            Payload::Blocks(user) => self.blocks_changed(&user),
        }
    }

    /// Gives a signal, from here or from the bus, to those connected here.
    pub(crate) fn show_signal(self: &Arc<Self>, topic: &Topic, signal: &Signal) {
        match (signal, topic) {
            (Signal::Typing { room_id, user, is_typing }, _) => {
                if let Some(room) = self.rooms.get(*room_id) {
                    self.show_typing(&room, user, *is_typing);
                }
            }
            (Signal::Receipt { room_id, user, read, delivered }, _) => {
                if let Some(room) = self.rooms.get(*room_id) {
                    let pointer = Pointer { user: user.clone(), read: *read, delivered: *delivered };
                    self.hear_pointer(&room, pointer);
                    if self.users.is_here(user) {
                        self.tell_unread(user.clone(), *room_id, None);
                    }
                }
            }
            (Signal::Presence { user, status, .. }, Topic::Room(room)) => {
                if let Some(room) = self.rooms.get(*room) {
                    self.show_edge(&room, user, *status, signal);
                }
            }
            (Signal::PresenceCount { room_id, .. }, _) => {
                if let Some(room) = self.rooms.get(*room_id) {
                    room.signal(signal, None);
                }
            }
            _ => {}
        }
    }

    /// Something may have been lost: it is recovered in turn. What is lost while that is under way is so after it, all
    /// at once: a bus that comes and goes many times a second must not have the store asked as often.
    fn lost(self: &Arc<Self>, lost: Lost) {
        if lost == Lost::All {
            // At once: whose leases were lost is taken for gone where they are not renewed within the grace.
            self.presence.renew_soon();
        }
        if self.recoveries.add(|parts| parts.add(lost)) {
            let engine = Arc::clone(self);
            self.spawn(async move {
                let (_turn, lost) = engine.recoveries.begin().await;
                if !engine.cancel.is_cancelled() {
                    engine.recover(lost).await;
                }
            });
        }
    }

    /// Asks the store about everything that something lost may have been about.
    async fn recover(self: &Arc<Self>, lost: LostParts) {
        if lost.is_all {
            self.sweep_heads_once().await;
            self.compare_all_room_sets().await;
            self.read_all_blocks().await;
            self.repair_signals().await;
            return;
        }
        let room = |topic: &Topic| if let Topic::Room(room) = topic { Some(*room) } else { None };
        let rooms: Vec<RoomId> = lost.topics.iter().filter_map(room).collect();
        self.ask_heads(&rooms).await;
        for topic in &lost.topics {
            if let Topic::User(user) = topic {
                self.blocks_changed(user);
                self.user_rooms_changed(user);
            }
        }
        self.repair_signals_of(&rooms).await;
    }

    /// Asks for the heads of active rooms every few seconds: what neither an own commit nor the bus told is found.
    pub(crate) async fn sweep_heads(self: Arc<Self>) {
        loop {
            // A quarter more or less, so that nodes do not ask all at once.
            let quarter = self.limits.sweep / 4;
            let jitter = quarter * u32::try_from(self.clock.random() % 201).unwrap_or(0) / 100;
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(self.limits.sweep - quarter + jitter) => {}
            }
            self.retire_idle_rooms(self.limits.room_linger).await;
            self.check_epoch().await;
            self.sweep_heads_once().await;
            self.shrink_hot();
            self.report();
        }
    }

    async fn sweep_heads_once(self: &Arc<Self>) {
        let rooms: Vec<RoomId> = self.rooms.active().iter().map(|room| room.id).collect();
        self.ask_heads(&rooms).await;
    }

    pub(crate) async fn ask_heads(self: &Arc<Self>, rooms: &[RoomId]) {
        for chunk in rooms.chunks(HEADS_CHUNK) {
            let shown: Vec<_> =
                chunk.iter().filter_map(|id| self.rooms.get(*id)).map(|room| (room.head(), room)).collect();
            let Ok(heads) = self.read("heads", self.store.heads(chunk)).await else { continue };
            let heads: HashMap<RoomId, Seq> = heads.into_iter().map(|head| (head.room, head.head)).collect();
            for (shown, room) in shown {
                // A room that the store does not know any more went back to nothing.
                let head = heads.get(&room.id).copied().unwrap_or(Seq::ZERO);
                room.hear(self, Heard::StoreHead { head, shown });
            }
        }
    }

    /// Tells all nodes of rooms that someone else than the engine wrote to: how far they go, and whose set of rooms may
    /// have changed.
    pub(crate) async fn announce(self: &Arc<Self>, rooms: &[RoomId]) -> Result<(), Error> {
        for chunk in rooms.chunks(HEADS_CHUNK) {
            for Head { room: id, head } in self.read("heads", self.store.heads(chunk)).await? {
                if let Some(room) = self.rooms.get(id) {
                    room.hear(self, Heard::Head(head));
                }
                self.link.bus.publish(Topic::Room(id), Payload::Head(id, head));
                let limit = EventLimit { events: ANNOUNCED_EVENTS as usize, bytes: usize::MAX };
                let latest = self.store.events(id, head.back(ANNOUNCED_EVENTS), limit);
                for event in self.read("events", latest).await?.events {
                    self.changed_rooms_of(&event);
                }
            }
        }
        Ok(())
    }

    /// The least recently used rooms keep nothing hot while the node keeps too much.
    fn shrink_hot(&self) {
        let over =
            || self.hot_bytes.load(std::sync::atomic::Ordering::Relaxed) > self.limits.hot_bytes_node_max;
        if !over() {
            return;
        }
        let mut rooms = self.rooms.active();
        rooms.sort_by_key(|room| room.used());
        for room in rooms {
            if !over() {
                return;
            }
            room.shrink();
        }
    }

    fn report(&self) {
        metrics::connections(self.users.count());
        let hot = self.hot_bytes.load(std::sync::atomic::Ordering::Relaxed);
        metrics::rooms(self.rooms.active().len(), hot);
    }

    /// The store holds another log than was shown: its epoch is renewed, and every session ends with `reset`.
    ///
    /// Whoever finds it out again, in another room or later, finds it of the epoch that was: it is renewed once.
    pub(crate) fn store_went_back(self: &Arc<Self>, room: &Room) {
        let (engine, room, old) = (Arc::clone(self), room.id, Arc::clone(&room.epoch));
        if old != self.epoch() {
            return;
        }
        self.spawn(async move {
            let new = format!("{:016x}{:016x}", engine.clock.random(), engine.clock.random());
            tracing::error!(%room, "the store went back behind what was shown; renewing its epoch");
            let Ok(now) = engine.read("renew_epoch", engine.store.renew_epoch(&old, &new)).await else {
                return;
            };
            engine.take_epoch(&old, now).await;
        });
    }

    /// Another node, or the operator after a restore, may have renewed the store's epoch.
    async fn check_epoch(self: &Arc<Self>) {
        let old = self.epoch();
        if let Ok(now) = self.read("epoch", self.store.epoch()).await {
            self.take_epoch(&old, now).await;
        }
    }

    async fn take_epoch(&self, old: &str, now: String) {
        {
            let mut epoch = self.epoch.write();
            if **epoch != *old || **epoch == *now {
                return;
            }
            *epoch = now.clone().into();
        }
        // Before the sessions end: those that come back at once subscribe under the new one.
        let renewed = tokio::time::timeout(self.limits.activation_wait, self.link.bus.renew_epoch(&now));
        if let Ok(Err(error)) = renewed.await {
            metrics::bus_failed(&error);
        }
        metrics::epoch_reset();
        for room in self.rooms.active() {
            self.rooms.forget(&room);
        }
        let close = Close::with_bye(CloseCode::Restart, ByeReason::Reset, Duration::ZERO);
        for (_, connections) in self.users.all() {
            for connection in connections {
                connection.close(close);
            }
        }
    }

    /// Ends a user's connections on this node.
    pub(crate) fn disconnect_here(&self, user: &crate::model::UserId) {
        let close = Close::with_bye(CloseCode::Unauthorized, ByeReason::Disconnected, Duration::ZERO);
        for connection in self.users.of(user) {
            connection.close(close);
        }
    }

    /// Warns of tokens that end soon and ends connections whose token has ended.
    pub(crate) async fn watch_tokens(self: Arc<Self>) {
        const LOOK: Duration = Duration::from_secs(1);
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let now = self.clock.now();
            for (_, connections) in self.users.all() {
                for connection in connections {
                    let Some(expires) = connection.expires_at() else { continue };
                    let warn_at = crate::model::Timestamp::from_micros(expires.as_micros().saturating_sub(
                        i64::try_from(self.limits.token_warning.as_micros()).unwrap_or(i64::MAX),
                    ));
                    if expires <= now {
                        let reason = ByeReason::TokenExpired;
                        connection.close(Close::with_bye(CloseCode::Unauthorized, reason, Duration::ZERO));
                    } else if warn_at <= now && connection.warns_of_its_token() {
                        let in_ms = u64::try_from(expires.since(now).as_millis()).unwrap_or(u64::MAX);
                        connection.reply(&ServerFrame::TokenExpiring { in_ms });
                    }
                }
            }
        }
    }
}
