//! A store in memory: gone with the process, and otherwise all that a store must be.

use std::hash::{BuildHasher, RandomState};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{room::RoomState, state::State};
use crate::{
    event::Event,
    model::{
        Activity, Attachment, AttachmentId, Ban, ClientId, Member, Membership, MessageId, MessageVersion,
        Pointer, Profile, RoomEntry, RoomId, RoomKind, Seq, StoredAttachment, StoredProfile, Timestamp,
        Unread, Upload, UserId,
    },
    store::{
        AttachmentStore, Change, EventLimit, EventPage, Head, LogStore, MessagePage, MessageQuery,
        MessageStore, Outcome, PREVIEW_CHARS, PointerMove, PointerStore, ProfileStore, Refusal, RoomKey,
        RoomScope, RoomStore, RoomsQuery, SearchPage, SearchQuery, SearchScope, SearchedRoom, StoreError,
        decide,
    },
};

#[cfg(not(test))]
use decide::decide_all;
#[cfg(test)]
use strict::decide_all;

/// A store in memory, for tests, demos and hosts that need nothing to outlive the process.
///
/// It passes the whole contract suite (`testkit::store_suite!`) but for what "durable" means: what it holds is gone
/// with it. Share it between engines by `Arc`.
#[derive(Debug)]
pub struct MemoryStore {
    pub(super) state: Mutex<State>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        // Two hashers of the process are keyed differently, and so are two processes.
        let word = || RandomState::new().hash_one(0_u8);
        let epoch = format!("{:016x}{:016x}", word(), word());
        Self { state: Mutex::new(State::new(epoch)) }
    }
}

impl MemoryStore {
    /// A store whose epoch is given, so that a simulation replays.
    #[must_use]
    pub fn with_epoch(epoch: impl Into<String>) -> Self {
        Self { state: Mutex::new(State::new(epoch.into())) }
    }
}

#[async_trait]
impl LogStore for MemoryStore {
    async fn epoch(&self) -> Result<String, StoreError> {
        Ok(self.state.lock().epoch.clone())
    }

    async fn renew_epoch(&self, old: &str, new: &str) -> Result<String, StoreError> {
        let mut state = self.state.lock();
        if state.epoch == old {
            new.clone_into(&mut state.epoch);
        }
        Ok(state.epoch.clone())
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<Vec<Result<Outcome, Refusal>>, StoreError> {
        let (answers, _) = decide_all(&mut *self.state.lock(), &changes);
        Ok(answers)
    }

    async fn events(&self, room: RoomId, after: Seq, limit: EventLimit) -> Result<EventPage, StoreError> {
        let state = self.state.lock();
        Ok(state.room_state(room).map_or_else(EventPage::default, |room| room.events(after, limit)))
    }

    async fn sent(
        &self,
        room: RoomId,
        sender: &UserId,
        client_id: &ClientId,
    ) -> Result<Option<(Event, [u8; 16])>, StoreError> {
        let state = self.state.lock();
        let Some(room) = state.room_state(room) else { return Ok(None) };
        let sent = room.sent(Some(sender), client_id);
        Ok(sent.and_then(|sent| Some((room.event(sent.seq)?, sent.digest))))
    }

    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<Head>, StoreError> {
        let state = self.state.lock();
        let head =
            |room: &RoomId| state.room_state(*room).map(|state| Head { room: *room, head: state.row.head });
        Ok(rooms.iter().filter_map(head).collect())
    }

    async fn heads_after(&self, after: Option<RoomId>, limit: usize) -> Result<Vec<Head>, StoreError> {
        let state = self.state.lock();
        let above = state.rooms.iter().filter(|(room, _)| after.is_none_or(|after| **room > after));
        let mut heads: Vec<Head> =
            above.map(|(room, state)| Head { room: *room, head: state.row.head }).collect();
        heads.sort_unstable_by_key(|head| head.room);
        heads.truncate(limit);
        Ok(heads)
    }
}

#[async_trait]
impl RoomStore for MemoryStore {
    async fn find_room(&self, key: &RoomKey) -> Result<Option<RoomId>, StoreError> {
        Ok(self.state.lock().keys.get(key).copied())
    }

    async fn memberships(
        &self,
        user: &UserId,
        rooms: Option<&[RoomId]>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        let state = self.state.lock();
        let mut found: Vec<(Activity, Membership)> = match rooms {
            Some(rooms) => rooms.iter().filter_map(|room| state.membership(*room, user)).collect(),
            None => {
                let joined = state.joined.get(user).into_iter().flatten();
                joined.filter_map(|room| state.membership(*room, user)).collect()
            }
        };
        found.sort_unstable_by_key(|(activity, _)| std::cmp::Reverse(*activity));
        found.dedup_by_key(|(activity, _)| *activity);
        found.truncate(limit);
        Ok(found.into_iter().map(|(_, membership)| membership).collect())
    }

    async fn rooms(&self, query: &RoomsQuery) -> Result<Vec<RoomEntry>, StoreError> {
        let state = self.state.lock();
        let below = |room: &RoomState| query.before.is_none_or(|before| room.activity() < before);
        let mut found: Vec<&RoomState> = match &query.scope {
            RoomScope::These(rooms) => rooms.iter().filter_map(|room| state.room_state(*room)).collect(),
            RoomScope::Joined => {
                let joined = query.viewer.as_ref().and_then(|user| state.joined.get(user));
                joined.into_iter().flatten().filter_map(|room| state.room_state(*room)).collect()
            }
            RoomScope::Public(text) => {
                let text = text.to_lowercase();
                let named = |room: &&RoomState| {
                    let name = room.row.room.name.as_deref().unwrap_or_default();
                    name.to_lowercase().contains(&text)
                };
                let newest_first = state.public.iter().rev().filter_map(|place| state.room_state(place.room));
                newest_first.filter(|room| below(room)).filter(named).take(query.limit).collect()
            }
        };
        found.retain(|room| !room.row.deleted && below(room));
        found.sort_unstable_by_key(|room| std::cmp::Reverse(room.activity()));
        found.dedup_by_key(|room| room.row.room.id);
        found.truncate(query.limit);
        Ok(found.into_iter().map(|room| entry(room, query.viewer.as_ref())).collect())
    }

    async fn members(
        &self,
        room: RoomId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let state = self.state.lock();
        let Some(room) = state.room_state(room) else { return Ok(Vec::new()) };
        let from = after.map_or(Unbounded, Excluded);
        Ok(room
            .members
            .range::<UserId, _>((from, Unbounded))
            .take(limit)
            .map(|(_, row)| row.member.clone())
            .collect())
    }

    async fn members_of(
        &self,
        rooms: &[RoomId],
        limit: usize,
    ) -> Result<Vec<(RoomId, Vec<Member>)>, StoreError> {
        let state = self.state.lock();
        let rooms: std::collections::BTreeSet<RoomId> = rooms.iter().copied().collect();
        let found = rooms.into_iter().filter_map(|room| {
            let members = state.room_state(room)?.members.values();
            let mut members: Vec<_> = members.map(|row| row.member.clone()).collect();
            members.sort_by_key(|member| std::cmp::Reverse(member.role));
            members.truncate(limit);
            (!members.is_empty()).then_some((room, members))
        });
        Ok(found.collect())
    }

    async fn acquaintances(
        &self,
        user: &UserId,
        users: &[UserId],
        room_size_max: u32,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let state = self.state.lock();
        let rooms = state.joined.get(user).into_iter().flatten().filter_map(|room| state.room_state(*room));
        let small = rooms.filter(|room| room.row.members <= room_size_max);
        let mut found = std::collections::BTreeSet::new();
        for room in small {
            if users.is_empty() {
                found.extend(room.members.keys().filter(|other| *other != user).cloned());
            } else {
                let shares = |other: &&UserId| *other != user && room.members.contains_key(*other);
                found.extend(users.iter().filter(shares).cloned());
            }
            while found.len() > limit {
                found.pop_last();
            }
        }
        Ok(found.into_iter().collect())
    }

    async fn bans(&self, room: RoomId, limit: usize) -> Result<Vec<Ban>, StoreError> {
        let state = self.state.lock();
        let mut bans: Vec<Ban> =
            state.room_state(room).map(|room| room.bans.values().cloned().collect()).unwrap_or_default();
        bans.sort_by_key(|ban| std::cmp::Reverse(ban.at));
        bans.truncate(limit);
        Ok(bans)
    }
}

#[async_trait]
impl MessageStore for MemoryStore {
    async fn messages(&self, room: RoomId, query: &MessageQuery) -> Result<MessagePage, StoreError> {
        let state = self.state.lock();
        Ok(state.room_state(room).map_or_else(MessagePage::default, |room| room.messages(query)))
    }

    async fn find_messages(&self, messages: &[MessageId]) -> Result<Vec<Option<(RoomId, Seq)>>, StoreError> {
        let state = self.state.lock();
        Ok(messages.iter().map(|id| state.places.get(id).copied()).collect())
    }

    async fn versions(
        &self,
        room: RoomId,
        target: Seq,
        limit: usize,
    ) -> Result<Vec<MessageVersion>, StoreError> {
        let state = self.state.lock();
        Ok(state.room_state(room).map_or_else(Vec::new, |room| room.versions(target, limit)))
    }

    async fn search(&self, query: &SearchQuery) -> Result<SearchPage, StoreError> {
        let state = self.state.lock();
        let mut found = Vec::new();
        match &query.scope {
            SearchScope::Everywhere => {
                state.rooms.values().for_each(|room| room.search(query, Seq::ZERO, &mut found));
            }
            SearchScope::These(rooms) => {
                for SearchedRoom { room, visible_from } in rooms {
                    if let Some(room) = state.room_state(*room) {
                        room.search(query, *visible_from, &mut found);
                    }
                }
            }
        }
        found.sort_unstable_by_key(|message| std::cmp::Reverse(message.id));
        // One more than asked for tells whether there are more.
        found.truncate(query.limit.saturating_add(1));
        Ok(SearchPage::of(found.into_iter().cloned().collect(), query.limit))
    }
}

#[async_trait]
impl PointerStore for MemoryStore {
    async fn advance(&self, moves: &[PointerMove]) -> Result<Vec<Option<Pointer>>, StoreError> {
        let mut state = self.state.lock();
        let moved = moves.iter().map(|moved| {
            let room = state.rooms.get_mut(&moved.room)?;
            let head = room.row.head;
            let row = room.members.get_mut(&moved.user)?;
            row.read = row.read.max(moved.read.min(head));
            row.delivered = row.delivered.max(moved.delivered.min(head)).max(row.read);
            Some(Pointer { user: moved.user.clone(), read: row.read, delivered: row.delivered })
        });
        Ok(moved.collect())
    }

    async fn pointers(&self, room: RoomId, limit: usize) -> Result<Vec<Pointer>, StoreError> {
        let state = self.state.lock();
        let Some(room) = state.room_state(room) else { return Ok(Vec::new()) };
        let pointer = |(user, row): (&UserId, &crate::model::MemberRow)| Pointer {
            user: user.clone(),
            read: row.read,
            delivered: row.delivered,
        };
        Ok(room.members.iter().take(limit).map(pointer).collect())
    }

    async fn unread(&self, user: &UserId, rooms: &[RoomId]) -> Result<Vec<(RoomId, Unread)>, StoreError> {
        let state = self.state.lock();
        let unread = |id: &RoomId| {
            let room = state.room_state(*id)?;
            let row = room.members.get(user)?;
            Some((*id, room.unread(user, row.read)))
        };
        Ok(rooms.iter().filter_map(unread).collect())
    }
}

#[async_trait]
impl ProfileStore for MemoryStore {
    async fn put_profiles(&self, profiles: &[Profile]) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        for profile in profiles {
            state.stored_profile(&profile.id).profile = profile.clone();
        }
        Ok(())
    }

    async fn profiles(&self, users: &[UserId]) -> Result<Vec<StoredProfile>, StoreError> {
        let state = self.state.lock();
        Ok(users.iter().filter_map(|user| state.profiles.get(user).cloned()).collect())
    }

    async fn touch(&self, users: &[(UserId, Timestamp)]) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        for (user, at) in users {
            let stored = state.stored_profile(user);
            stored.last_seen = stored.last_seen.max(Some(*at));
        }
        Ok(())
    }
}

#[async_trait]
impl AttachmentStore for MemoryStore {
    async fn begin_upload(&self, upload: &Upload) -> Result<(), StoreError> {
        self.state.lock().files.begin(upload);
        Ok(())
    }

    async fn finish_upload(&self, file: &Attachment, room: Option<RoomId>) -> Result<bool, StoreError> {
        Ok(self.state.lock().files.finish(file, room))
    }

    async fn attachment(&self, id: &AttachmentId) -> Result<Option<StoredAttachment>, StoreError> {
        Ok(self.state.lock().files.get(id).cloned())
    }

    async fn remove_upload(&self, id: &AttachmentId, uploader: Option<&UserId>) -> Result<bool, StoreError> {
        Ok(self.state.lock().files.remove_own(id, uploader))
    }

    async fn removed_attachments(
        &self,
        before: Timestamp,
        after: Option<&AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentId>, StoreError> {
        Ok(self.state.lock().files.removed(before, after, limit))
    }

    async fn forget_attachments(&self, ids: &[AttachmentId]) -> Result<(), StoreError> {
        self.state.lock().files.forget(ids);
        Ok(())
    }
}

impl State {
    fn membership(&self, room: RoomId, user: &UserId) -> Option<(Activity, Membership)> {
        let state = self.room_state(room)?;
        let row = state.members.get(user)?;
        let membership = Membership {
            room,
            role: row.member.role,
            head: state.row.head,
            visible_from: row.visible_from,
            member_count: state.row.members,
        };
        Some((state.activity(), membership))
    }

    fn stored_profile(&mut self, user: &UserId) -> &mut StoredProfile {
        let made = || StoredProfile { profile: Profile::unknown(user.clone()), last_seen: None };
        self.profiles.entry(user.clone()).or_insert_with(made)
    }
}

fn entry(state: &RoomState, viewer: Option<&UserId>) -> RoomEntry {
    let row = viewer.and_then(|user| state.members.get(user));
    let unread = match (viewer, row) {
        (Some(user), Some(row)) => state.unread(user, row.read),
        _ => Unread::default(),
    };
    let is_direct = state.row.room.kind == RoomKind::Direct;
    // Of a room of many, not one member is looked at.
    let other = |user: &&UserId| row.is_some() && Some(*user) != viewer;
    let peer = if is_direct { state.members.keys().find(other) } else { None };
    let may_read = viewer.is_none() || row.is_some();
    let visible_from = row.map_or(Seq::ZERO, |row| row.visible_from);
    let last = state.newest().filter(|message| may_read && message.seq > visible_from);
    RoomEntry {
        room: state.row.room.clone(),
        role: row.map(|row| row.member.role),
        peer: peer.cloned(),
        head: state.row.head,
        updated_at: state.row.at,
        member_count: state.row.members,
        read: unread.read,
        unread: unread.unread,
        mentions: unread.mentions,
        last_message: last.cloned().map(|mut message| {
            message.shorten(PREVIEW_CHARS);
            message
        }),
        activity: state.activity(),
    }
}

#[cfg(test)]
mod strict;
