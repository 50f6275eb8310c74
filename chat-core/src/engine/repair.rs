//! Signals have no place in a log: what the bus lost of them is found by looking at what they tell of.

use std::{collections::BTreeSet, sync::Arc};

use super::{Inner, room::Room};
use crate::model::{RoomId, UserId};

impl Inner {
    /// Reads the pointers and leases of what all connections here are shown, and tells the differences.
    pub(crate) async fn repair_signals(self: &Arc<Self>) {
        let mut shown = BTreeSet::new();
        let mut all = true;
        for room in self.rooms.active() {
            all &= self.repair_pointers(&room, &mut shown).await;
        }
        if all {
            self.forget_presence(&shown);
        }
        self.repair_presence(&shown).await;
    }

    /// As [`Inner::repair_signals`], in these rooms.
    pub(crate) async fn repair_signals_of(self: &Arc<Self>, rooms: &[RoomId]) {
        let mut shown = BTreeSet::new();
        for room in rooms.iter().filter_map(|room| self.rooms.get(*room)) {
            self.repair_pointers(&room, &mut shown).await;
        }
        self.repair_presence(&shown).await;
    }

    /// Tells a room's pointers, and whose they are: its members. `false`: nobody knows.
    async fn repair_pointers(self: &Arc<Self>, room: &Arc<Room>, members: &mut BTreeSet<UserId>) -> bool {
        if room.member_count() > self.limits.signals_room_max || room.unused_since().is_some() {
            return true;
        }
        let limit = self.limits.signals_room_max as usize;
        let Ok(pointers) = self.read("pointers", self.store.pointers(room.id, limit)).await else {
            return false;
        };
        if room.subscriptions() > 0 {
            self.show_pointers(room, &pointers);
        }
        members.extend(pointers.into_iter().map(|pointer| pointer.user));
        true
    }
}
