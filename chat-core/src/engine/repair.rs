//! Signals have no place in a log: what the bus lost of them is found by looking at what they tell of.

use std::{collections::BTreeSet, sync::Arc};

use futures::StreamExt as _;

use super::{Inner, room::Room};
use crate::model::{RoomId, UserId};

/// Rooms whose pointers are read at once.
const READ_AT_ONCE: usize = 8;

impl Inner {
    /// Repairs signals every while.
    pub(crate) async fn keep_signals(self: Arc<Self>) {
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(self.limits.signal_repair) => {}
            }
            self.repair_signals().await;
        }
    }

    /// Reads the pointers and leases of what all connections here are shown, and tells the differences.
    pub(crate) async fn repair_signals(self: &Arc<Self>) {
        let (shown, is_whole) = self.repair_rooms(self.rooms.active()).await;
        if is_whole {
            self.forget_presence(&shown);
        }
        self.repair_presence(&shown).await;
    }

    /// As [`Inner::repair_signals`], in these rooms.
    pub(crate) async fn repair_signals_of(self: &Arc<Self>, rooms: &[RoomId]) {
        let rooms = rooms.iter().filter_map(|room| self.rooms.get(*room)).collect();
        let (shown, _) = self.repair_rooms(rooms).await;
        self.repair_presence(&shown).await;
    }

    /// Tells rooms' pointers. Gives whose they are, and whether these are all.
    async fn repair_rooms(self: &Arc<Self>, rooms: Vec<Arc<Room>>) -> (BTreeSet<UserId>, bool) {
        let mut members = futures::stream::iter(rooms)
            .map(|room| async move { self.repair_pointers(&room).await })
            .buffered(READ_AT_ONCE);
        let (mut shown, mut is_whole) = (BTreeSet::new(), true);
        while let Some(members) = members.next().await {
            is_whole &= members.is_some();
            shown.extend(members.into_iter().flatten());
        }
        (shown, is_whole)
    }

    /// Tells a room's pointers, and whose they are: its members. `None`: nobody knows.
    async fn repair_pointers(self: &Arc<Self>, room: &Arc<Room>) -> Option<Vec<UserId>> {
        if room.member_count() > self.limits.signals_room_max || room.unused_since().is_some() {
            return Some(Vec::new());
        }
        let limit = self.limits.signals_room_max as usize;
        let pointers = self.read("pointers", self.store.pointers(room.id, limit)).await.ok()?;
        if room.subscriptions() > 0 {
            self.show_pointers(room, &pointers);
        }
        Some(pointers.into_iter().map(|pointer| pointer.user).collect())
    }
}
