//! What happened in many rooms at once, for a host that keeps cursors of its own.

use std::collections::BTreeMap;

use crate::{
    engine::{Inner, lookout::HEADS_CHUNK, validate},
    error::Error,
    model::{RoomId, Seq},
    store::EventPage,
};

/// A room whose cursor is not at its head.
#[derive(Clone, Copy, Debug)]
struct Apart {
    room: RoomId,
    after: Seq,
    /// Events above the cursor at most; none where the cursor is above the head.
    behind: u64,
}

impl Inner {
    pub(super) async fn changes(
        &self,
        cursors: &BTreeMap<RoomId, Seq>,
        limit: Option<usize>,
    ) -> Result<Vec<(RoomId, EventPage)>, Error> {
        let limit = validate::page(&self.limits, limit)?;
        let mut apart = self.apart(cursors).await?;
        if apart.len() > limit {
            // One event each and not for all: from a place by chance, so that no room waits for ever for others.
            let from = self.clock.random() % apart.len() as u64;
            apart.rotate_left(usize::try_from(from).unwrap_or_default());
            apart.truncate(limit);
        }
        // Who needs least comes first, and leaves what it does not need to the others.
        apart.sort_unstable_by_key(|room| (room.behind, room.room));
        let (mut left, mut rooms) = (limit, apart.len());
        let mut changed = Vec::with_capacity(rooms);
        for Apart { room, after, .. } in apart {
            let share = (left / rooms).max(1);
            let page = self.events(room, after, Some(share)).await?;
            left = left.saturating_sub(page.events.len().max(1));
            rooms -= 1;
            // The room's own page says whether its head is the cursor by now.
            if page.head != after || !page.events.is_empty() {
                changed.push((room, page));
            }
        }
        changed.sort_unstable_by_key(|(room, _)| *room);
        Ok(changed)
    }

    /// The rooms whose cursors are not at their heads, by id. One that is not there has its head at zero.
    async fn apart(&self, cursors: &BTreeMap<RoomId, Seq>) -> Result<Vec<Apart>, Error> {
        let rooms: Vec<RoomId> = cursors.keys().copied().collect();
        let mut apart = Vec::new();
        for chunk in rooms.chunks(HEADS_CHUNK) {
            let heads = self.read("heads", self.store.heads(chunk)).await?;
            let heads: BTreeMap<RoomId, Seq> = heads.into_iter().map(|head| (head.room, head.head)).collect();
            apart.extend(chunk.iter().filter_map(|room| {
                let after = cursors.get(room).copied().unwrap_or_default();
                let head = heads.get(room).copied().unwrap_or_default();
                let behind = head.get().saturating_sub(after.get());
                (head != after).then_some(Apart { room: *room, after, behind })
            }));
        }
        Ok(apart)
    }
}
