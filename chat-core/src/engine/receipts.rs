//! Read and delivered pointers: moved, stored and told, many at a time.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use super::{Inner, connection::Connection, direct::PASSED_MAX, room::Room, subscription::Subscription};
use crate::{
    bus::{Payload, Topic},
    error::Error,
    hooks::{ActionKind, Principal},
    model::{Pointer, RoomId, Seq, Unread, UserId},
    signal::Signal,
    store::PointerMove,
};

/// What was told of a room's members' pointers.
pub(crate) type ToldPointers = BTreeMap<UserId, Told>;

/// Read and delivered.
pub(crate) type Reach = (Seq, Seq);

/// What was told of a member's pointers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    /// To the room's subscribers here.
    pub(crate) here: Reach,
    /// From node to node, by this one or another. What this node only found in the store it tells here alone: that it
    /// did must not keep it from telling the others when it has moved the pointer itself.
    pub(crate) nodes: Reach,
}

/// A pointer that moved, as subscribers here are told.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    pub(crate) user: UserId,
    /// As told before.
    pub(crate) before: Reach,
    pub(crate) now: Reach,
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
        if self.host.policy.concerns(ActionKind::Read) {
            self.readable(principal, room).await?;
        }
        let user = &principal.user;
        let moves = [PointerMove { room, user: user.clone(), read: seq, delivered: seq }];
        let moved = self.put("advance", self.store.advance(&moves)).await?;
        let Some(pointer) = moved.into_iter().flatten().next() else {
            return Err(self.missing_room(room).await?);
        };
        if let Some(active) = self.rooms.get(room) {
            self.tell_pointers(&active, &[pointer]);
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
        if room.told.lock().get(&user).is_some_and(|told| told.nodes.1 >= seq) || seq <= sub.started() {
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
                    delivered.retain(|user, seq| told.get(user).is_none_or(|told| told.nodes.1 < *seq));
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
        match self.put("advance", self.store.advance(&moves)).await {
            Ok(moved) => self.tell_pointers(room, &moved.into_iter().flatten().collect::<Vec<_>>()),
            // Looked at again with the next delivery or by the repair.
            Err(_) => room.receipts_due.store(true, Ordering::Relaxed),
        }
    }

    /// Tells a room's subscribers, here and elsewhere, those pointers that they were not told.
    fn tell_pointers(self: &Arc<Self>, room: &Arc<Room>, pointers: &[Pointer]) {
        if room.member_count() > self.limits.signals_room_max {
            return;
        }
        let news = self.raise(room, pointers, |told| &mut told.nodes);
        self.show_pointers(room, pointers);
        for Passage { user, now: (read, delivered), .. } in news {
            let signal = Signal::Receipt { room_id: room.id, user, read, delivered };
            self.link.bus.publish(Topic::Room(room.id), Payload::Signal(signal));
        }
    }

    /// Tells a room's subscribers here a pointer of which another node tells.
    pub(crate) fn hear_pointer(self: &Arc<Self>, room: &Arc<Room>, pointer: Pointer) {
        let pointers = [pointer];
        self.raise(room, &pointers, |told| &mut told.nodes);
        self.show_pointers(room, &pointers);
    }

    /// Tells a room's subscribers here those pointers that they were not told.
    pub(crate) fn show_pointers(self: &Arc<Self>, room: &Arc<Room>, pointers: &[Pointer]) {
        let (passages, is_to_begin) = {
            // Queued in the order in which they were raised.
            let mut waiting = room.passages.lock();
            let passages = self.raise(room, pointers, |told| &mut told.here);
            let is_to_begin = room.tells_passages() && waiting.push(passages.iter().cloned(), PASSED_MAX);
            (passages, is_to_begin)
        };
        let signal = |Passage { user, now: (read, delivered), .. }: &Passage| Signal::Receipt {
            room_id: room.id,
            user: user.clone(),
            read: *read,
            delivered: *delivered,
        };
        room.signals(&passages.iter().map(signal).collect::<Vec<_>>());
        if is_to_begin {
            self.tell_passages(room);
        }
    }

    /// Takes pointers for told where nobody is subscribed yet who could be; else tells them.
    pub(crate) fn prime_pointers(self: &Arc<Self>, room: &Arc<Room>, pointers: &[Pointer]) {
        if room.subscriptions() > 0 {
            self.show_pointers(room, pointers);
        } else {
            self.raise(room, pointers, |told| &mut told.here);
        }
    }

    /// Notes what is told, and gives what was not told before.
    fn raise(
        &self,
        room: &Room,
        pointers: &[Pointer],
        whom: impl Fn(&mut Told) -> &mut Reach,
    ) -> Vec<Passage> {
        let mut told = room.told.lock();
        let mut passages = Vec::new();
        for Pointer { user, read, delivered } in pointers {
            let known = whom(told.entry(user.clone()).or_default());
            let before = *known;
            let now = (before.0.max(*read), before.1.max(*delivered));
            if now != before {
                *known = now;
                passages.push(Passage { user: user.clone(), before, now });
            }
        }
        // Only rooms within the bound keep this, and members come and go.
        while told.len() > 2 * self.limits.signals_room_max as usize {
            told.pop_first();
        }
        passages
    }
}
