//! Read and delivered pointers: moved, stored and told, many at a time.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use super::{Inner, connection::Connection, room::Room, subscription::Subscription};
use crate::{
    bus::{Payload, Topic},
    error::Error,
    hooks::{ActionKind, Principal},
    model::{Pointer, RoomId, Seq, Unread, UserId},
    signal::Signal,
    store::PointerMove,
};

/// What a room's subscribers here were told of its members' pointers.
pub(crate) type ToldPointers = BTreeMap<UserId, (Seq, Seq)>;

/// A pointer that moved, as subscribers here are told.
#[derive(Debug)]
pub(crate) struct Passage {
    pub(crate) user: UserId,
    /// Read and delivered, as told before.
    pub(crate) before: (Seq, Seq),
    pub(crate) now: (Seq, Seq),
}

impl Inner {
    /// A user has read up to a position.
    pub(crate) async fn mark_read(
        self: &Arc<Self>,
        principal: &Principal,
        room: RoomId,
        seq: Seq,
        by: Option<&Arc<Connection>>,
    ) -> Result<Unread, Error> {
        self.allow(principal, ActionKind::Read, Some(room), None).await?;
        let user = &principal.user;
        let moves = [PointerMove { room, user: user.clone(), read: seq, delivered: seq }];
        let moved = self.read("advance", self.store.advance(&moves)).await?;
        let Some(pointer) = moved.into_iter().flatten().next() else {
            return Err(self.missing_room(room).await?);
        };
        if let Some(active) = self.rooms.get(room) {
            self.tell_pointers(&active, vec![pointer]);
        }
        let unread = self.read("unread", self.store.unread(user, &[room])).await?;
        let unread =
            unread.into_iter().find(|(id, _)| *id == room).map(|(_, unread)| unread).unwrap_or_default();
        self.show_unread(user, room, unread, by);
        Ok(unread)
    }

    /// Tells a user's connections here what is unread.
    pub(crate) fn tell_unread(self: &Arc<Self>, user: UserId, room: RoomId, except: Option<Arc<Connection>>) {
        let engine = Arc::clone(self);
        self.spawn(async move {
            let unread = engine.read("unread", engine.store.unread(&user, &[room])).await;
            if let Ok(Some((_, unread))) = unread.map(|all| all.into_iter().find(|(id, _)| *id == room)) {
                engine.show_unread(&user, room, unread, except.as_ref());
            }
        });
    }

    fn show_unread(&self, user: &UserId, room: RoomId, unread: Unread, except: Option<&Arc<Connection>>) {
        let signal = Signal::Unread { room_id: room, unread: unread.unread, mentions: unread.mentions };
        let mut encoded = Vec::new();
        for connection in self.users.of(user) {
            if except.is_none_or(|except| !Arc::ptr_eq(except, &connection)) {
                super::signalling::signal_one(
                    &connection,
                    &signal,
                    &signal.key(),
                    &self.people,
                    &mut encoded,
                );
            }
        }
    }

    /// A subscription is about to go: what it delivered is still to be told.
    pub(crate) fn note_delivered(self: &Arc<Self>, sub: &Arc<Subscription>) {
        if sub.room.member_count() > self.limits.signals_room_max {
            return;
        }
        let (engine, room, user, seq) =
            (Arc::clone(self), Arc::clone(&sub.room), sub.connection.user.clone(), sub.written());
        if room.told.lock().get(&user).is_some_and(|(_, delivered)| *delivered >= seq) || seq <= sub.started()
        {
            return;
        }
        self.spawn(async move { engine.move_delivered(&room, vec![(user, seq)]).await });
    }

    /// Every so often, tells what was delivered since.
    pub(crate) async fn tell_receipts(self: Arc<Self>) {
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(self.limits.receipt_delay) => {}
            }
            for room in self.rooms.active() {
                if !room.receipts_due.swap(false, Ordering::Relaxed)
                    || room.member_count() > self.limits.signals_room_max
                {
                    continue;
                }
                let mut delivered: BTreeMap<UserId, Seq> = BTreeMap::new();
                room.each_subscription(|sub| {
                    let best = delivered.entry(sub.connection.user.clone()).or_default();
                    *best = (*best).max(sub.written());
                });
                {
                    let told = room.told.lock();
                    delivered.retain(|user, seq| told.get(user).is_none_or(|(_, told)| told < seq));
                }
                if !delivered.is_empty() {
                    self.move_delivered(&room, delivered.into_iter().collect()).await;
                }
            }
        }
    }

    async fn move_delivered(self: &Arc<Self>, room: &Arc<Room>, delivered: Vec<(UserId, Seq)>) {
        let moves: Vec<_> = delivered
            .into_iter()
            .map(|(user, seq)| PointerMove { room: room.id, user, read: Seq::ZERO, delivered: seq })
            .collect();
        match self.read("advance", self.store.advance(&moves)).await {
            Ok(moved) => self.tell_pointers(room, moved.into_iter().flatten().collect()),
            // Looked at again with the next delivery or by the repair.
            Err(_) => room.receipts_due.store(true, Ordering::Relaxed),
        }
    }

    /// Tells a room's subscribers, here and elsewhere, those pointers that they were not told.
    fn tell_pointers(self: &Arc<Self>, room: &Arc<Room>, pointers: Vec<Pointer>) {
        if room.member_count() > self.limits.signals_room_max {
            return;
        }
        for signal in self.show_pointers(room, pointers) {
            self.link.bus.publish(Topic::Room(room.id), Payload::Signal(signal));
        }
    }

    /// Tells a room's subscribers here those pointers that they were not told, and gives what they were told.
    pub(crate) fn show_pointers(self: &Arc<Self>, room: &Arc<Room>, pointers: Vec<Pointer>) -> Vec<Signal> {
        let (signals, passages) = self.untold(room, pointers);
        room.signals(&signals);
        self.tell_passages(room, passages);
        signals
    }

    fn untold(&self, room: &Room, pointers: Vec<Pointer>) -> (Vec<Signal>, Vec<Passage>) {
        let mut told = room.told.lock();
        let (mut signals, mut passages) = (Vec::new(), Vec::new());
        for Pointer { user, read, delivered } in pointers {
            let known = told.entry(user.clone()).or_default();
            if known.0 < read || known.1 < delivered {
                let before = *known;
                *known = (known.0.max(read), known.1.max(delivered));
                let (read, delivered) = *known;
                passages.push(Passage { user: user.clone(), before, now: *known });
                signals.push(Signal::Receipt { room_id: room.id, user, read, delivered });
            }
        }
        // Only rooms within the bound keep this, and members come and go.
        while told.len() > 2 * self.limits.signals_room_max as usize {
            told.pop_first();
        }
        (signals, passages)
    }

    /// Reads the pointers of what connections here are shown, and tells the differences.
    pub(crate) async fn repair_signals(self: &Arc<Self>) {
        for room in self.rooms.active() {
            if room.member_count() > self.limits.signals_room_max || room.subscriptions() == 0 {
                continue;
            }
            let limit = self.limits.signals_room_max as usize;
            if let Ok(pointers) = self.read("pointers", self.store.pointers(room.id, limit)).await {
                self.show_pointers(&room, pointers);
            }
        }
        self.repair_presence().await;
    }
}
