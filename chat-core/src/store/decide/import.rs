//! Rules of what is taken over from another system.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

use super::{AppendedMessage, Effect, Needs, RoomRow, View};
use crate::{
    event::{Event, EventBody},
    model::{Member, MemberRow, Message, MessageId, Room, RoomId, RoomKind, Seq, Timestamp},
    store::{
        IMPORT_ID_MAX, IMPORT_MEMBERS_MAX, IMPORT_MESSAGES_MAX, ImportMessage, ImportPart, ImportRoom,
        Imported, MessageFate, Refusal, RoomFate, RoomKey,
    },
};

/// Members that `room_created` names; the others join after it, so that no event is large.
const MEMBERS_NAMED_MAX: usize = 100;

/// What the rules may ask of a [`View`] for a part.
///
/// # Errors
/// [`Refusal::Invalid`] where a bound is passed.
pub fn import_needs(part: &ImportPart) -> Result<Vec<Needs>, Refusal> {
    check(part)?;
    let room = Needs {
        room: Some(part.room.id),
        keys: keys_of(&part.room),
        users: part.room.members.iter().map(|(user, _)| user.clone()).collect(),
        ..Needs::default()
    };
    let sent = part.messages.iter().map(|message| Needs {
        room: Some(part.room.id),
        sent: Some((message.sender.clone(), message.key())),
        ..Needs::default()
    });
    Ok(std::iter::once(room).chain(sent).collect())
}

/// Judges a part: what becomes of it, and all that is to be written, in order. Ids up to the greatest of the part must
/// have been reserved; `taken` are those of its messages' ids that messages of any room have.
///
/// # Errors
/// The refusals of [`crate::store::ImportStore::import`]; nothing is to be written then.
pub fn decide_import<V: View>(
    view: &mut V,
    part: &ImportPart,
    taken: &HashSet<MessageId>,
) -> Result<(Imported, Vec<Effect>), Refusal> {
    check(part)?;
    let mut run = Run { view, room: part.room.id, effects: Vec::new() };
    let fate = run.room(part)?;
    let before = match fate {
        RoomFate::Made | RoomFate::MadeGroup => Seq::ZERO,
        RoomFate::Stands | RoomFate::Differs => run.row().map_or(Seq::ZERO, |row| row.head),
    };
    let mut taken = taken.clone();
    let messages = part.messages.iter().map(|message| run.message(message, &mut taken)).collect();
    let absent_members = run.members_have_read(&part.room, before);
    Ok((Imported { room: fate, absent_members, messages }, run.effects))
}

fn check(part: &ImportPart) -> Result<(), Refusal> {
    let invalid = |field, reason| Err(Refusal::Invalid { field, reason });
    let room = &part.room;
    if part.messages.len() > IMPORT_MESSAGES_MAX {
        return invalid("messages", "more than a part may have");
    }
    if room.members.len() > IMPORT_MEMBERS_MAX {
        return invalid("members", "more than an imported room may have");
    }
    if room.id.get() > IMPORT_ID_MAX || part.messages.iter().any(|message| message.id.get() > IMPORT_ID_MAX) {
        return invalid("id", "above the greatest that is taken over");
    }
    let mut users = HashSet::new();
    if !room.members.iter().all(|(user, _)| users.insert(user)) {
        return invalid("members", "a member twice");
    }
    if room.kind == RoomKind::Direct && room.members.len() != 2 {
        return invalid("members", "a direct room has two members");
    }
    Ok(())
}

fn keys_of(room: &ImportRoom) -> Vec<RoomKey> {
    let mut keys = vec![RoomKey::imported(room.id, room.created_at)];
    keys.extend(pair_of(room));
    keys
}

fn pair_of(room: &ImportRoom) -> Option<RoomKey> {
    match (room.kind, room.members.as_slice()) {
        (RoomKind::Direct, [(a, _), (b, _)]) => Some(RoomKey::direct(a, b)),
        _ => None,
    }
}

/// What tells one message from another under its id, each part with its length before it.
fn digest(message: &ImportMessage) -> [u8; 16] {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(b"import");
    part(message.kind.as_str().as_bytes());
    part(message.content.as_bytes());
    part(&message.at.as_micros().to_le_bytes());
    if !message.metadata.is_empty() {
        part(&serde_json::to_vec(&message.metadata).unwrap_or_default());
    }
    let mut digest = [0; 16];
    digest.copy_from_slice(&hash.finalize()[..16]);
    digest
}

struct Run<'v, V> {
    view: &'v mut V,
    room: RoomId,
    effects: Vec<Effect>,
}

impl<V: View> Run<'_, V> {
    fn apply(&mut self, effect: Effect) {
        self.view.apply(&effect);
        self.effects.push(effect);
    }

    fn row(&self) -> Option<&RoomRow> {
        self.view.room(self.room)
    }

    /// Whether the pair of a direct room has another one.
    fn has_other_room(&self, room: &ImportRoom) -> bool {
        pair_of(room).and_then(|key| self.view.find(&key)).is_some_and(|found| found != room.id)
    }

    fn room(&mut self, part: &ImportPart) -> Result<RoomFate, Refusal> {
        let room = &part.room;
        let Some(row) = self.row() else { return Ok(self.make(part)) };
        if row.deleted {
            return Err(Refusal::Conflict("the room was deleted here"));
        }
        if self.view.find(&RoomKey::imported(room.id, room.created_at)) != Some(room.id) {
            return Err(Refusal::Conflict(
                "the id is taken by a room that was not imported, or is another one",
            ));
        }
        let kind = if self.has_other_room(room) { RoomKind::Group } else { room.kind };
        let name = if kind == RoomKind::Direct { &None } else { &room.name };
        let stands = &row.room;
        let is_same = (stands.kind, &stands.name, &stands.metadata) == (kind, name, &room.metadata);
        Ok(if is_same { RoomFate::Stands } else { RoomFate::Differs })
    }

    fn make(&mut self, part: &ImportPart) -> RoomFate {
        let new = &part.room;
        let is_second = self.has_other_room(new);
        let kind = if is_second { RoomKind::Group } else { new.kind };
        let mut room = Room::new(new.id, kind, new.created_at);
        room.name = if kind == RoomKind::Direct { None } else { new.name.clone() };
        room.metadata = new.metadata.clone();
        // Not later than the first message: its time is to stay.
        let at = part.messages.iter().map(|message| message.at).fold(new.created_at, Timestamp::min);
        let mut keys = keys_of(new);
        if is_second {
            keys.truncate(1);
        }
        let row =
            RoomRow { room: room.clone(), head: Seq::ZERO, at, messages: 0, members: 0, deleted: false };
        self.apply(Effect::CreateRoom { row, keys });
        let mut members = new.members.iter().map(|(user, role)| Member {
            user: user.clone(),
            role: *role,
            joined_at: at,
            muted_until: None,
        });
        let named: Vec<Member> = members.by_ref().take(MEMBERS_NAMED_MAX).collect();
        self.append(at, EventBody::RoomCreated { room, members: named.clone() });
        for member in named {
            self.put(member);
        }
        for member in members {
            self.append(at, EventBody::MemberJoined { member: member.clone() });
            self.put(member);
        }
        if is_second { RoomFate::MadeGroup } else { RoomFate::Made }
    }

    fn append(&mut self, at: Timestamp, body: EventBody) {
        let seq = self.row().map_or(Seq::ZERO, |row| row.head).next();
        let event = Event { room: self.room, seq, at, actor: None, client_id: None, body };
        self.apply(Effect::Append { event, message: None });
    }

    fn put(&mut self, member: Member) {
        let head = self.row().map_or(Seq::ZERO, |row| row.head);
        let row = MemberRow { member, visible_from: Seq::ZERO, read: head, delivered: head };
        self.apply(Effect::PutMember { room: self.room, row });
    }

    fn message(&mut self, new: &ImportMessage, taken: &mut HashSet<MessageId>) -> MessageFate {
        let (key, digest) = (new.key(), digest(new));
        if let Some(sent) = self.view.sent(self.room, new.sender.as_ref(), &key) {
            return if sent.digest == digest { MessageFate::Stands } else { MessageFate::Differs };
        }
        if !taken.insert(new.id) {
            return MessageFate::IdTaken;
        }
        let (head, at, messages) =
            self.row().map_or((Seq::ZERO, new.at, 0), |row| (row.head, row.at, row.messages));
        let ordinal = (!new.kind.is_system()).then_some(messages + 1);
        let message = Message {
            id: new.id,
            room_id: self.room,
            seq: head.next(),
            sender: new.sender.clone(),
            kind: new.kind.clone(),
            content: new.content.clone(),
            at: new.at.max(at),
            edited_at: None,
            version: 1,
            deleted: false,
            reply_to: None,
            thread: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            metadata: new.metadata.clone(),
        };
        let event = Event {
            room: self.room,
            seq: message.seq,
            at: message.at,
            actor: new.sender.clone(),
            client_id: Some(key),
            body: EventBody::Message { message },
        };
        self.apply(Effect::Append { event, message: Some(AppendedMessage { digest, ordinal }) });
        MessageFate::Stored
    }

    /// Moves the pointers of those who had read all that lay `before`. Gives how many are no members.
    fn members_have_read(&mut self, room: &ImportRoom, before: Seq) -> usize {
        let head = self.row().map_or(before, |row| row.head);
        let mut absent = 0;
        for (user, _) in &room.members {
            match self.view.member(self.room, user) {
                None => absent += 1,
                Some(row) if head > before && row.read >= before => {
                    self.apply(Effect::MovePointers { room: self.room, user: user.clone(), to: head });
                }
                Some(_) => {}
            }
        }
        absent
    }
}
