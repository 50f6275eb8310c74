//! The whole of a [`super::MemoryStore`], as the rules see it and change it.

use std::collections::{BTreeSet, HashMap};

use super::{files::Files, room::RoomState};
use crate::{
    event::EventBody,
    model::{
        Activity, AttachmentId, AuditEntry, AuditId, AuditRecord, Ban, ClientId, Emoji, Member, MemberRow,
        Message, MessageId, Report, Role, RoomId, RoomKind, Seq, StoredAttachment, StoredProfile, Timestamp,
        UserId,
    },
    store::{
        RoomKey,
        decide::{Effect, RoomRow, Sent, View},
    },
};

/// Every room and every profile.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct State {
    pub(super) epoch: String,
    pub(super) rooms: HashMap<RoomId, RoomState>,
    pub(super) keys: HashMap<RoomKey, RoomId>,
    /// The rooms that each user is a member of.
    pub(super) joined: HashMap<UserId, BTreeSet<RoomId>>,
    /// Public rooms by activity.
    pub(super) public: BTreeSet<Activity>,
    pub(super) profiles: HashMap<UserId, StoredProfile>,
    /// Whom each user has blocked.
    pub(super) blocks: HashMap<UserId, BTreeSet<UserId>>,
    /// The report with id n is at n − 1.
    pub(super) reports: Vec<Report>,
    /// The entry with id n is at n − 1.
    pub(super) audit: Vec<AuditEntry>,
    /// Where each message stands.
    pub(super) places: HashMap<MessageId, (RoomId, Seq)>,
    pub(super) files: Files,
    /// The greatest room id given.
    last_room: i64,
    /// The greatest message id given.
    last_message: i64,
}

impl State {
    pub(super) fn new(epoch: String) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// No id up to these is given any more.
    pub(super) fn reserve_ids(&mut self, room: RoomId, message: Option<MessageId>) {
        self.last_room = self.last_room.max(room.get());
        self.last_message = self.last_message.max(message.map_or(0, MessageId::get));
    }

    pub(super) fn room_state(&self, room: RoomId) -> Option<&RoomState> {
        self.rooms.get(&room)
    }

    pub(super) fn note(&mut self, record: &AuditRecord) {
        let id = i64::try_from(self.audit.len()).ok().and_then(|count| AuditId::new(count + 1));
        let id = id.unwrap_or_else(|| unreachable!("more entries than memory holds"));
        self.audit.push(AuditEntry { id, record: record.clone() });
    }

    fn change(&mut self, room: RoomId, change: impl FnOnce(&mut RoomState)) {
        if let Some(state) = self.rooms.get_mut(&room) {
            change(state);
        }
    }

    fn put_member(&mut self, room: RoomId, row: &MemberRow) {
        let Some(state) = self.rooms.get_mut(&room) else { return };
        let user = &row.member.user;
        if let Some(standing) = state.members.get_mut(user) {
            standing.member = row.member.clone();
            return;
        }
        state.row.members += 1;
        state.members.insert(user.clone(), row.clone());
        self.joined.entry(user.clone()).or_default().insert(room);
    }

    fn drop_member(&mut self, room: RoomId, user: &UserId) {
        let Some(state) = self.rooms.get_mut(&room) else { return };
        if state.members.remove(user).is_some() {
            state.row.members -= 1;
            self.leave(room, user);
        }
    }

    fn leave(&mut self, room: RoomId, user: &UserId) {
        if let Some(rooms) = self.joined.get_mut(user) {
            rooms.remove(&room);
            if rooms.is_empty() {
                self.joined.remove(user);
            }
        }
    }

    fn drop_room(&mut self, room: RoomId, floor: Seq) {
        let Some(state) = self.rooms.get_mut(&room) else { return };
        let keys = std::mem::take(&mut state.keys);
        let members = std::mem::take(&mut state.members);
        self.public.remove(&state.activity());
        for id in state.message_ids() {
            self.places.remove(&id);
        }
        self.files.remove_all(state.carried().map(|file| &file.id));
        state.forget(floor);
        for key in &keys {
            self.keys.remove(key);
        }
        for user in members.keys() {
            self.leave(room, user);
        }
    }
}

impl RoomState {
    /// Its place in the order of rooms.
    pub(super) const fn activity(&self) -> Activity {
        Activity { at: self.row.at, room: self.row.room.id }
    }

    /// The member who stands longest among those that fit; the lesser id where two joined at once.
    fn eldest(&self, fits: impl Fn(&Member) -> bool) -> Option<&Member> {
        self.members.values().map(|row| &row.member).filter(|member| fits(member)).min_by_key(|m| m.joined_at)
    }
}

impl View for State {
    fn room(&self, room: RoomId) -> Option<&RoomRow> {
        self.rooms.get(&room).map(|state| &state.row)
    }

    fn find(&self, key: &RoomKey) -> Option<RoomId> {
        self.keys.get(key).copied()
    }

    fn member(&self, room: RoomId, user: &UserId) -> Option<&MemberRow> {
        self.rooms.get(&room)?.members.get(user)
    }

    fn ban(&self, room: RoomId, user: &UserId) -> Option<&Ban> {
        self.rooms.get(&room)?.bans.get(user)
    }

    fn mute(&self, room: RoomId, user: &UserId) -> Option<Timestamp> {
        self.rooms.get(&room)?.mutes.get(user).copied()
    }

    fn has_blocked(&self, user: &UserId, other: &UserId) -> bool {
        self.blocks.get(user).is_some_and(|blocked| blocked.contains(other))
    }

    fn peer_has_blocked(&self, room: RoomId, user: &UserId) -> bool {
        let direct = self.rooms.get(&room).filter(|state| state.row.room.kind == RoomKind::Direct);
        direct.is_some_and(|state| {
            state.members.keys().any(|other| other != user && self.has_blocked(other, user))
        })
    }

    fn message(&self, room: RoomId, seq: Seq) -> Option<&Message> {
        self.rooms.get(&room)?.message(seq)
    }

    fn sent(&self, room: RoomId, sender: Option<&UserId>, client_id: &ClientId) -> Option<Sent> {
        self.rooms.get(&room)?.sent(sender, client_id)
    }

    fn has_reaction(&self, room: RoomId, target: Seq, user: &UserId, emoji: &Emoji) -> bool {
        self.rooms.get(&room).is_some_and(|state| state.has_reaction(target, user, emoji))
    }

    fn other_reaction_kinds(&self, room: RoomId, target: Seq, emoji: &Emoji) -> usize {
        self.rooms.get(&room).map_or(0, |state| state.other_reaction_kinds(target, emoji))
    }

    fn attachment(&self, id: &AttachmentId) -> Option<&StoredAttachment> {
        self.files.get(id)
    }

    fn owner(&self, room: RoomId, except: Option<&UserId>) -> Option<Member> {
        let fits = |member: &Member| member.role == Role::Owner && Some(&member.user) != except;
        self.rooms.get(&room)?.eldest(fits).cloned()
    }

    fn heir(&self, room: RoomId, except: &UserId) -> Option<Member> {
        let state = self.rooms.get(&room)?;
        let eldest = |role| state.eldest(|member| member.role == role && member.user != *except);
        eldest(Role::Moderator).or_else(|| eldest(Role::Member)).cloned()
    }

    fn next_room_id(&mut self) -> RoomId {
        self.last_room += 1;
        RoomId::new(self.last_room).unwrap_or_else(|| unreachable!("more rooms than memory holds"))
    }

    fn next_message_id(&mut self) -> MessageId {
        self.last_message += 1;
        MessageId::new(self.last_message).unwrap_or_else(|| unreachable!("more messages than memory holds"))
    }

    fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::CreateRoom { row, keys } => {
                let room = row.room.id;
                self.keys.extend(keys.iter().map(|key| (key.clone(), room)));
                let state = RoomState::new(row.clone(), keys.clone());
                if row.room.kind == RoomKind::Public {
                    self.public.insert(state.activity());
                }
                self.rooms.insert(room, state);
            }
            Effect::Append { event, message } => {
                let Some(state) = self.rooms.get_mut(&event.room) else { return };
                let before = state.activity();
                state.append(event, *message);
                if let EventBody::Message { message } = &event.body {
                    self.places.insert(message.id, (event.room, event.seq));
                }
                if state.row.room.kind == RoomKind::Public && self.public.remove(&before) {
                    self.public.insert(state.activity());
                }
            }
            Effect::Edit { message, before, before_at } => {
                self.change(message.room_id, |room| room.edit(message, before, *before_at));
            }
            Effect::Attach { id, room, seq } => self.files.attach(id, *room, *seq),
            Effect::Redact { message } => {
                let Some(state) = self.rooms.get_mut(&message.room_id) else { return };
                let carried = state.message(message.seq).map(|message| message.attachments.as_slice());
                self.files.remove_all(carried.unwrap_or_default().iter().map(|file| &file.id));
                state.redact(message);
            }
            Effect::AddReaction { room, target, user, emoji } => {
                self.change(*room, |room| room.react(*target, user, emoji));
            }
            Effect::DropReaction { room, target, user, emoji } => {
                self.change(*room, |room| room.unreact(*target, user, emoji));
            }
            Effect::PutMember { room, row } => self.put_member(*room, row),
            Effect::MovePointers { room, user, to } => self.change(*room, |room| {
                if let Some(row) = room.members.get_mut(user) {
                    row.read = row.read.max(*to);
                    row.delivered = row.delivered.max(*to);
                }
            }),
            Effect::DropMember { room, user } => self.drop_member(*room, user),
            Effect::PutBan { room, ban } => self.change(*room, |room| {
                room.bans.insert(ban.user.clone(), ban.clone());
            }),
            Effect::DropBan { room, user } => self.change(*room, |room| {
                room.bans.remove(user);
            }),
            Effect::PutMute { room, user, until } => self.change(*room, |room| {
                room.mutes.insert(user.clone(), *until);
            }),
            Effect::DropMute { room, user } => self.change(*room, |room| {
                room.mutes.remove(user);
            }),
            Effect::Audit { record } => self.note(record),
            Effect::PutRoom { room } => self.change(room.id, |state| state.row.room = room.clone()),
            Effect::DropRoom { room, floor } => self.drop_room(*room, *floor),
        }
    }
}
