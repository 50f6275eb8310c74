//! The store in memory.

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{room::RoomState, state::State};
use crate::{
    event::Event,
    model::{
        Activity, Ban, ClientId, Member, Membership, MessageVersion, Pointer, Profile, RoomEntry, RoomId,
        RoomKind, Seq, StoredProfile, Timestamp, Unread, UserId,
    },
    store::{
        Change, EventLimit, EventPage, Head, LogStore, MessagePage, MessageQuery, MessageStore, Outcome,
        PREVIEW_CHARS_MAX, PointerMove, PointerStore, ProfileStore, Refusal, RoomKey, RoomScope, RoomStore,
        RoomsQuery, StoreError,
        decide::{View, decide_all},
    },
};

/// A store that keeps everything in the memory of this process and forgets it on drop.
///
/// It keeps every promise of the [store traits](crate::store) for as long as it lives; share it by
/// [`Arc`](std::sync::Arc) between engines to have several nodes on one store. All state is behind one lock that is
/// held for the time of one call and never across an `.await`. A send costs the same in a room of two and of a
/// hundred thousand. Nothing is ever evicted: memory grows with what is said, about 500 bytes a message and its
/// text.
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store with an epoch made at random.
    #[must_use]
    pub fn new() -> Self {
        let mut random = [0; 16];
        // Without a source of chance the epoch is the same each time, which only weakens what it can tell apart.
        let _ = getrandom::fill(&mut random);
        Self::with_epoch(format!("{:032x}", u128::from_be_bytes(random)))
    }

    /// An empty store with this epoch, for runs that must be repeatable to the letter.
    #[must_use]
    pub fn with_epoch(epoch: impl Into<String>) -> Self {
        Self { state: Mutex::new(State { epoch: epoch.into(), ..State::default() }) }
    }

    fn room<T: Default>(&self, room: RoomId, read: impl FnOnce(&RoomState) -> T) -> T {
        self.state.lock().rooms.get(&room).map_or_else(T::default, read)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("MemoryStore");
        if let Some(state) = self.state.try_lock() {
            debug.field("epoch", &state.epoch).field("rooms", &state.rooms.len());
        }
        debug.finish_non_exhaustive()
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
        Ok(self.room(room, |state| state.events(after, limit)))
    }

    async fn sent(
        &self,
        room: RoomId,
        sender: &UserId,
        client_id: &ClientId,
    ) -> Result<Option<(Event, [u8; 16])>, StoreError> {
        Ok(self.room(room, |state| {
            let sent = state.sent(Some(sender), client_id)?;
            Some((state.event(sent.seq)?, sent.digest))
        }))
    }

    async fn heads(&self, rooms: &[RoomId]) -> Result<Vec<Head>, StoreError> {
        let state = self.state.lock();
        let head = |room: &RoomId| Some(Head { room: *room, head: state.rooms.get(room)?.row.head });
        Ok(rooms.iter().filter_map(head).collect())
    }
}

#[async_trait]
impl RoomStore for MemoryStore {
    async fn find_room(&self, key: &RoomKey) -> Result<Option<RoomId>, StoreError> {
        Ok(self.state.lock().find(key))
    }

    async fn memberships(
        &self,
        user: &UserId,
        rooms: Option<&[RoomId]>,
        limit: usize,
    ) -> Result<Vec<Membership>, StoreError> {
        let state = self.state.lock();
        let wanted = match rooms {
            Some(rooms) => state.by_activity(rooms, None),
            None => state.by_activity(state.joined.get(user).into_iter().flatten(), None),
        };
        let membership = |room: &RoomState| {
            let row = room.members.get(user)?;
            Some(Membership {
                room: room.row.room.id,
                role: row.member.role,
                head: room.row.head,
                visible_from: row.visible_from,
                member_count: room.row.members,
            })
        };
        Ok(wanted.into_iter().filter_map(membership).take(limit).collect())
    }

    async fn rooms(&self, query: &RoomsQuery) -> Result<Vec<RoomEntry>, StoreError> {
        let state = self.state.lock();
        let viewer = query.viewer.as_ref();
        Ok(match &query.scope {
            RoomScope::Joined => {
                let joined = viewer.and_then(|user| state.joined.get(user)).into_iter().flatten();
                let rooms = state.by_activity(joined, query.before);
                rooms.into_iter().take(query.limit).map(|room| entry(room, viewer)).collect()
            }
            RoomScope::These(rooms) => {
                let rooms = state.by_activity(rooms, query.before);
                rooms.into_iter().take(query.limit).map(|room| entry(room, viewer)).collect()
            }
            RoomScope::Public(text) => {
                let text = text.to_lowercase();
                state
                    .public
                    .iter()
                    .rev()
                    .skip_while(|place| query.before.is_some_and(|before| **place >= before))
                    .filter_map(|place| state.room_state(place.room))
                    .filter(|room| named(room, &text))
                    .take(query.limit)
                    .map(|room| entry(room, viewer))
                    .collect()
            }
        })
    }

    async fn members(
        &self,
        room: RoomId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        Ok(self.room(room, |state| {
            let from = after.map_or(Unbounded, Excluded);
            let members = state.members.range::<UserId, _>((from, Unbounded));
            members.take(limit).map(|(_, row)| row.member.clone()).collect()
        }))
    }

    async fn acquaintances(
        &self,
        user: &UserId,
        users: &[UserId],
        room_size_max: u32,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let state = self.state.lock();
        let joined = state.joined.get(user).into_iter().flatten();
        let rooms: Vec<_> = joined
            .filter_map(|room| state.rooms.get(room))
            .filter(|room| room.row.members <= room_size_max)
            .collect();
        let found: BTreeSet<&UserId> = if users.is_empty() {
            rooms.iter().flat_map(|room| room.members.keys()).collect()
        } else {
            users.iter().filter(|other| rooms.iter().any(|room| room.members.contains_key(*other))).collect()
        };
        Ok(found.into_iter().filter(|other| *other != user).take(limit).cloned().collect())
    }

    async fn bans(&self, room: RoomId, limit: usize) -> Result<Vec<Ban>, StoreError> {
        Ok(self.room(room, |state| {
            let mut bans: Vec<&Ban> = state.bans.values().collect();
            bans.sort_by_key(|ban| std::cmp::Reverse(ban.at));
            bans.into_iter().take(limit).cloned().collect()
        }))
    }

    async fn lift_ban(&self, room: RoomId, user: &UserId) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        Ok(state.rooms.get_mut(&room).is_some_and(|state| state.bans.remove(user).is_some()))
    }
}

#[async_trait]
impl MessageStore for MemoryStore {
    async fn messages(&self, room: RoomId, query: &MessageQuery) -> Result<MessagePage, StoreError> {
        Ok(self.room(room, |state| state.messages(query)))
    }

    async fn versions(
        &self,
        room: RoomId,
        target: Seq,
        limit: usize,
    ) -> Result<Vec<MessageVersion>, StoreError> {
        Ok(self.room(room, |state| state.versions(target, limit)))
    }
}

#[async_trait]
impl PointerStore for MemoryStore {
    async fn advance(&self, moves: &[PointerMove]) -> Result<Vec<Option<Pointer>>, StoreError> {
        let mut state = self.state.lock();
        let mut advance = |wanted: &PointerMove| {
            let room = state.rooms.get_mut(&wanted.room)?;
            let head = room.row.head;
            let row = room.members.get_mut(&wanted.user)?;
            row.read = row.read.max(wanted.read.min(head));
            row.delivered = row.delivered.max(wanted.delivered.min(head)).max(row.read);
            Some(Pointer { user: wanted.user.clone(), read: row.read, delivered: row.delivered })
        };
        Ok(moves.iter().map(&mut advance).collect())
    }

    async fn pointers(&self, room: RoomId, limit: usize) -> Result<Vec<Pointer>, StoreError> {
        Ok(self.room(room, |state| {
            let pointer = |(user, row): (&UserId, &crate::model::MemberRow)| Pointer {
                user: user.clone(),
                read: row.read,
                delivered: row.delivered,
            };
            state.members.iter().take(limit).map(pointer).collect()
        }))
    }

    async fn unread(&self, user: &UserId, rooms: &[RoomId]) -> Result<Vec<(RoomId, Unread)>, StoreError> {
        let state = self.state.lock();
        let unread = |id: &RoomId| {
            let room = state.rooms.get(id)?;
            Some((*id, room.unread(user, room.members.get(user)?.read)))
        };
        Ok(rooms.iter().filter_map(unread).collect())
    }
}

#[async_trait]
impl ProfileStore for MemoryStore {
    async fn put_profiles(&self, profiles: &[Profile]) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        for profile in profiles {
            let stored = || StoredProfile { profile: profile.clone(), last_seen: None };
            state.profiles.entry(profile.id.clone()).or_insert_with(stored).profile.clone_from(profile);
        }
        Ok(())
    }

    async fn profiles(&self, users: &[UserId]) -> Result<Vec<StoredProfile>, StoreError> {
        let state = self.state.lock();
        Ok(users.iter().filter_map(|user| state.profiles.get(user)).cloned().collect())
    }

    async fn touch(&self, users: &[(UserId, Timestamp)]) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        for (user, at) in users {
            let unknown = || StoredProfile { profile: Profile::unknown(user.clone()), last_seen: None };
            let stored = state.profiles.entry(user.clone()).or_insert_with(unknown);
            stored.last_seen = stored.last_seen.max(Some(*at));
        }
        Ok(())
    }
}

impl State {
    /// Those rooms that stand, each once, latest activity first, from below `before` on.
    fn by_activity<'a>(
        &self,
        rooms: impl IntoIterator<Item = &'a RoomId>,
        before: Option<Activity>,
    ) -> Vec<&RoomState> {
        let mut seen = HashSet::new();
        let mut found: Vec<&RoomState> = rooms
            .into_iter()
            .filter(|room| seen.insert(**room))
            .filter_map(|room| self.rooms.get(room))
            .filter(|room| !room.row.deleted && before.is_none_or(|before| room.activity() < before))
            .collect();
        found.sort_unstable_by_key(|room| std::cmp::Reverse(room.activity()));
        found
    }
}

fn named(room: &RoomState, lower_case: &str) -> bool {
    let name = room.row.room.name.as_deref();
    lower_case.is_empty() || name.is_some_and(|name| name.to_lowercase().contains(lower_case))
}

/// A room as the viewer's list shows it.
fn entry(room: &RoomState, viewer: Option<&UserId>) -> RoomEntry {
    let row = viewer.and_then(|user| room.members.get(user));
    let unread = match (viewer, row) {
        (Some(user), Some(row)) => room.unread(user, row.read),
        _ => Unread::default(),
    };
    let hidden_to = match (viewer, row) {
        (Some(_), None) => Seq::MAX,
        (_, row) => row.map_or(Seq::ZERO, |row| row.visible_from),
    };
    let peer = match (room.row.room.kind, row) {
        (RoomKind::Direct, Some(row)) => room.members.keys().find(|user| **user != row.member.user).cloned(),
        _ => None,
    };
    let last_message = room.newest().filter(|message| message.seq > hidden_to).map(|message| {
        let mut message = message.clone();
        message.shorten(PREVIEW_CHARS_MAX);
        message
    });
    RoomEntry {
        room: room.row.room.clone(),
        role: row.map(|row| row.member.role),
        peer,
        head: room.row.head,
        updated_at: room.row.at,
        member_count: room.row.members,
        read: unread.read,
        unread: unread.unread,
        mentions: unread.mentions,
        last_message,
        activity: room.activity(),
    }
}
