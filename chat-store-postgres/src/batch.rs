//! What one commit knows of the rooms it is about: loaded before, changed by the rules, then written.

use std::collections::{HashMap, HashSet};

use chat_core::{
    EventBody,
    model::{
        AttachmentId, Ban, ClientId, Emoji, MAX_SAFE_INTEGER, Member, MemberRow, Message, MessageId, Role,
        RoomId, Seq, StoredAttachment, Timestamp, UserId,
    },
    store::{
        RoomKey,
        decide::{Effect, RoomRow, Sent, View},
    },
};

use crate::pending::{MemberWrite, Pending};

/// The rooms of one commit, as far as its changes need them, and what is to be written of them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) rooms: HashMap<RoomId, LoadedRoom>,
    pub(crate) keys: HashMap<RoomKey, RoomId>,
    /// Those that were asked for, and stand: the first has blocked the second.
    pub(crate) blocks: HashSet<(UserId, UserId)>,
    /// Those that must not stand when it is written.
    pub(crate) unblocked: Vec<(UserId, UserId)>,
    /// Files that messages name.
    pub(crate) files: HashMap<AttachmentId, StoredAttachment>,
    /// How many ids were given. They are this batch's own; the database gives the real ones.
    rooms_made: i64,
    messages_made: i64,
    pub(crate) pending: Pending,
    /// Why nothing of it may be written.
    pub(crate) fault: Option<Fault>,
}

/// What the rules want and this store cannot do.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("an effect that this version does not know")]
    UnknownEffect,
}

/// The parts of a room that were loaded.
#[derive(Debug)]
pub(crate) struct LoadedRoom {
    pub(crate) row: RoomRow,
    pub(crate) base: Base,
    pub(crate) members: HashMap<UserId, MemberRow>,
    pub(crate) bans: HashMap<UserId, Ban>,
    pub(crate) mutes: HashMap<UserId, Timestamp>,
    /// In a direct room, who of its two members is blocked by the other.
    pub(crate) blocked: HashSet<UserId>,
    pub(crate) messages: HashMap<Seq, Message>,
    pub(crate) sent: HashMap<(Option<UserId>, ClientId), Sent>,
    pub(crate) reactions: HashMap<Seq, Reactions>,
}

/// How a room stood before the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) head: Seq,
    pub(crate) messages: u64,
    /// The number under which its members, roles and bans stood so; none for a room that the batch makes.
    pub(crate) rules: Option<i64>,
}

/// The reactions to one message.
#[derive(Debug, Default)]
pub(crate) struct Reactions {
    /// How many users reacted with each.
    pub(crate) counts: HashMap<Emoji, u64>,
    /// Those that were asked for, and stand.
    pub(crate) standing: HashSet<(UserId, Emoji)>,
}

impl LoadedRoom {
    pub(crate) fn new(row: RoomRow, rules: Option<i64>) -> Self {
        Self {
            base: Base { head: row.head, messages: row.messages, rules },
            row,
            members: HashMap::new(),
            bans: HashMap::new(),
            mutes: HashMap::new(),
            blocked: HashSet::new(),
            messages: HashMap::new(),
            sent: HashMap::new(),
            reactions: HashMap::new(),
        }
    }

    /// The member who stands longest among those that fit; the lesser id where two joined at once.
    fn eldest(&self, fits: impl Fn(&Member) -> bool) -> Option<Member> {
        let members = self.members.values().map(|row| &row.member);
        members.filter(|member| fits(member)).min_by_key(|member| (member.joined_at, &member.user)).cloned()
    }
}

impl Batch {
    fn change(&mut self, room: RoomId, change: impl FnOnce(&mut LoadedRoom, &mut Pending)) {
        if let Some(room) = self.rooms.get_mut(&room) {
            change(room, &mut self.pending);
        }
    }

    fn append(&mut self, effect: &Effect) {
        let Effect::Append { event, message } = effect else { return };
        self.change(event.room, |room, pending| {
            // A plain send moves to wherever the head is by then: all that it names lies below.
            let names_new = |seq: Option<Seq>| seq.is_some_and(|seq| seq > room.base.head);
            let is_plain = match &event.body {
                EventBody::Message { message } => !names_new(message.reply_to) && !names_new(message.thread),
                _ => false,
            };
            if !is_plain {
                pending.exact.insert(event.room);
            }
            room.row.head = event.seq;
            room.row.at = event.at;
            if let (EventBody::Message { message: sent }, Some(appended)) = (&event.body, message) {
                room.row.messages = appended.ordinal.unwrap_or(room.row.messages);
                room.messages.insert(event.seq, sent.clone());
                if let Some(client_id) = &event.client_id {
                    let sent = Sent { seq: event.seq, digest: appended.digest };
                    room.sent.insert((event.actor.clone(), client_id.clone()), sent);
                }
            }
            pending.append(event, *message, room.row.messages);
        });
    }

    fn put_member(&mut self, room: RoomId, row: &MemberRow) {
        self.change(room, |state, pending| {
            let user = &row.member.user;
            if let Some(standing) = state.members.get_mut(user) {
                // Never moves what the member has already: pointers, and where the own log begins.
                standing.member = row.member.clone();
                pending.put_member(room, user, MemberWrite::Put);
            } else {
                state.row.members += 1;
                state.members.insert(user.clone(), row.clone());
                pending.put_member(room, user, MemberWrite::Fresh);
            }
        });
    }

    fn drop_room(&mut self, room: RoomId, floor: Seq) {
        self.change(room, |state, pending| {
            let (mut row, base) = (state.row.clone(), state.base);
            row.deleted = true;
            row.members = 0;
            *state = LoadedRoom { base, ..LoadedRoom::new(row, base.rules) };
            pending.drop_room(room, floor);
        });
        self.keys.retain(|_, held| *held != room);
    }

    /// The n-th id from the end of all ids, where no id that the database gave lies.
    fn own_id<T>(n: &mut i64, make: fn(i64) -> Option<T>, last: T) -> T {
        *n += 1;
        make(LAST_ID - *n).unwrap_or(last)
    }
}

const LAST_ID: i64 = MAX_SAFE_INTEGER as i64;
const LAST_ROOM: RoomId = RoomId::new(LAST_ID).expect("the last id is one");
const LAST_MESSAGE: MessageId = MessageId::new(LAST_ID).expect("the last id is one");

impl View for Batch {
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
        self.blocks.contains(&(user.clone(), other.clone()))
    }

    fn peer_has_blocked(&self, room: RoomId, user: &UserId) -> bool {
        self.rooms.get(&room).is_some_and(|state| state.blocked.contains(user))
    }

    fn message(&self, room: RoomId, seq: Seq) -> Option<&Message> {
        self.rooms.get(&room)?.messages.get(&seq)
    }

    fn sent(&self, room: RoomId, sender: Option<&UserId>, client_id: &ClientId) -> Option<Sent> {
        self.rooms.get(&room)?.sent.get(&(sender.cloned(), client_id.clone())).copied()
    }

    fn has_reaction(&self, room: RoomId, target: Seq, user: &UserId, emoji: &Emoji) -> bool {
        let reactions = self.rooms.get(&room).and_then(|state| state.reactions.get(&target));
        reactions.is_some_and(|reactions| reactions.standing.contains(&(user.clone(), emoji.clone())))
    }

    fn other_reaction_kinds(&self, room: RoomId, target: Seq, emoji: &Emoji) -> usize {
        let reactions = self.rooms.get(&room).and_then(|state| state.reactions.get(&target));
        reactions.map_or(0, |reactions| reactions.counts.keys().filter(|kind| *kind != emoji).count())
    }

    fn attachment(&self, id: &AttachmentId) -> Option<&StoredAttachment> {
        self.files.get(id)
    }

    fn owner(&self, room: RoomId, except: Option<&UserId>) -> Option<Member> {
        let fits = |member: &Member| member.role == Role::Owner && Some(&member.user) != except;
        self.rooms.get(&room)?.eldest(fits)
    }

    fn heir(&self, room: RoomId, except: &UserId) -> Option<Member> {
        let state = self.rooms.get(&room)?;
        let eldest = |role| state.eldest(|member| member.role == role && member.user != *except);
        eldest(Role::Moderator).or_else(|| eldest(Role::Member))
    }

    fn next_room_id(&mut self) -> RoomId {
        Self::own_id(&mut self.rooms_made, RoomId::new, LAST_ROOM)
    }

    fn next_message_id(&mut self) -> MessageId {
        Self::own_id(&mut self.messages_made, MessageId::new, LAST_MESSAGE)
    }

    fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::CreateRoom { row, keys } => {
                let room = row.room.id;
                self.keys.extend(keys.iter().map(|key| (key.clone(), room)));
                self.rooms.insert(room, LoadedRoom::new(row.clone(), None));
                self.pending.create_room(room, keys);
            }
            Effect::Append { .. } => self.append(effect),
            Effect::Attach { id, room, seq } => {
                if let Some(stored) = self.files.get_mut(id) {
                    stored.sent = Some((*room, *seq));
                }
                self.pending.attached.insert(id.clone(), (*room, *seq));
            }
            Effect::Edit { message, before, before_at } => self.change(message.room_id, |room, pending| {
                if let Some(standing) = room.messages.insert(message.seq, message.clone()) {
                    pending.edit(&standing, message, before, *before_at);
                }
            }),
            Effect::Redact { message } => self.change(message.room_id, |room, pending| {
                room.reactions.remove(&message.seq);
                if let Some(standing) = room.messages.insert(message.seq, message.clone()) {
                    pending.redact(&standing);
                }
            }),
            Effect::AddReaction { room, target, user, emoji } => self.change(*room, |state, pending| {
                let reactions = state.reactions.entry(*target).or_default();
                if reactions.standing.insert((user.clone(), emoji.clone())) {
                    *reactions.counts.entry(emoji.clone()).or_default() += 1;
                }
                pending.react(*room, *target, user, emoji, Some(state.row.head));
            }),
            Effect::DropReaction { room, target, user, emoji } => self.change(*room, |state, pending| {
                let reactions = state.reactions.entry(*target).or_default();
                if reactions.standing.remove(&(user.clone(), emoji.clone()))
                    && let Some(count) = reactions.counts.get_mut(emoji)
                {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        reactions.counts.remove(emoji);
                    }
                }
                pending.react(*room, *target, user, emoji, None);
            }),
            Effect::PutMember { room, row } => self.put_member(*room, row),
            // Written with the message, whatever the batch knows of the member's row.
            Effect::MovePointers { room, user, to } => self.change(*room, |state, _| {
                if let Some(row) = state.members.get_mut(user) {
                    row.read = row.read.max(*to);
                    row.delivered = row.delivered.max(*to);
                }
            }),
            Effect::DropMember { room, user } => self.change(*room, |state, pending| {
                if state.members.remove(user).is_some() {
                    state.row.members = state.row.members.saturating_sub(1);
                    pending.drop_member(*room, user);
                }
            }),
            Effect::PutBan { room, ban } => self.change(*room, |state, pending| {
                state.bans.insert(ban.user.clone(), ban.clone());
                pending.put_ban(*room, &ban.user);
            }),
            Effect::DropBan { room, user } => self.change(*room, |state, pending| {
                state.bans.remove(user);
                pending.put_ban(*room, user);
            }),
            Effect::PutMute { room, user, until } => self.change(*room, |state, pending| {
                state.mutes.insert(user.clone(), *until);
                pending.mutes.insert((*room, user.clone()));
            }),
            Effect::DropMute { room, user } => self.change(*room, |state, pending| {
                state.mutes.remove(user);
                pending.mutes.insert((*room, user.clone()));
            }),
            Effect::Audit { record } => self.pending.audit.push(record.clone()),
            Effect::PutRoom { room } => self.change(room.id, |state, pending| {
                state.row.room = room.clone();
                pending.put_room(room.id);
            }),
            Effect::DropRoom { room, floor } => self.drop_room(*room, *floor),
            _ => self.fault = Some(Fault::UnknownEffect),
        }
    }
}
